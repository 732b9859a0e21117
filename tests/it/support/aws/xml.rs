//! XML as AWS answers it, as JSON: the tests look at all services in one way.

use quick_xml::{Reader, events::Event};
use serde_json::{Map, Value};

/// The content of the document's root. Texts are strings, lists (`member`, `item`) are arrays; what
/// comes twice is an array too.
pub fn to_json(text: &str) -> Value {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(_) => return element(&mut reader),
            Event::Empty(_) | Event::Eof => return Value::Null,
            _ => {}
        }
    }
}

/// What is between a start tag that was read and its end.
fn element(reader: &mut Reader<&[u8]>) -> Value {
    let mut content = String::new();
    let mut children: Vec<(String, Value)> = Vec::new();
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(start) => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                children.push((name, element(reader)));
            }
            Event::Empty(start) => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                children.push((name, Value::Null));
            }
            Event::Text(text) => content.push_str(&text.decode().expect("UTF-8")),
            Event::GeneralRef(entity) => {
                content.push_str(&resolve(&entity.decode().expect("a name")))
            }
            Event::End(_) | Event::Eof => break,
            _ => {}
        }
    }
    match children.as_slice() {
        [] => Value::String(content),
        [(name, _), ..] if name == "member" || name == "item" => {
            Value::Array(children.into_iter().map(|(_, value)| value).collect())
        }
        _ => object(children),
    }
}

fn resolve(entity: &str) -> String {
    let character = match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return format!("&{entity};"),
    };
    character.to_string()
}

fn object(children: Vec<(String, Value)>) -> Value {
    let mut map = Map::new();
    for (name, value) in children {
        match map.get_mut(&name) {
            None => drop(map.insert(name, value)),
            Some(Value::Array(several)) => several.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_json;

    #[test]
    fn lists_texts_and_repeated_names() {
        let text = "<?xml version=\"1.0\"?><R xmlns=\"x\">\
                    <Tags><member><Key>a&amp;b</Key><Value/></member></Tags>\
                    <Contents><Key>1</Key></Contents><Contents><Key>2</Key></Contents></R>";
        let expected = json!({
            "Tags": [{"Key": "a&b", "Value": null}],
            "Contents": [{"Key": "1"}, {"Key": "2"}],
        });
        assert_eq!(to_json(text), expected);
    }
}
