//! Values of variables and secrets reach containers as they are, and compare equal afterwards.

use serde_json::{Value, json};

use super::*;

const VARIABLES: &str = r#"env:
  DOLLARS: "$HOME $PATH $(id) $$ %s"
  QUOTES: "it's \"so\" \\ `id` {$X} {{x}}"
  LINES: "one\ntwo\r\n\n three "
  LETTERS: "naïve ☃ 日本 🦀"
  BLANK: " "
  "_x": "{\"a\": [1]}"
release: {command: python manage.py release, timeout: 60s}"#;
const SECRETS: (&str, &str) = (
    "secrets: [{name: SECRET_KEY, generate: true}]",
    "secrets: [{name: SECRET_KEY, generate: true}, ODD__1, _big]",
);
const NAMES: [&str; 8] = ["DOLLARS", "QUOTES", "LINES", "LETTERS", "BLANK", "_x", "ODD__1", "_big"];

#[test]
fn odd_values_arrive_as_they_are_and_nothing_is_changed_after_them() {
    let platform = light();
    platform.write(&App::version(1).with_edit(RELEASE, VARIABLES).with_edit(SECRETS.0, SECRETS.1));
    let odd = "first $HOME 'q' \"dq\" \\ {$X}\nsecond é☃\t\u{7f}";
    let big = "x".repeat(25_600);
    for (value, why) in [
        (&b""[..], "is empty"),
        (b"a\0b", "zero byte"),
        (b"\xff\xfe", "UTF-8"),
        ("x".repeat(25_601).as_bytes(), "25601 bytes"),
    ] {
        let refused = fed(&platform, &["secrets", "set", "ODD__1"], value);
        assert_ne!(refused.code, Some(0), "{}", refused.stderr);
        refused.says(&[why]);
    }
    fed(&platform, &["secrets", "set", "ODD__1"], odd.as_bytes()).expect(0);
    fed(&platform, &["secrets", "set", "_big"], big.as_bytes()).expect(0);
    platform.deploy().expect(0);
    assert_eq!(platform.serving(), Ok("1".to_owned()));

    // A long line would come in parts.
    let print = "import json, os, sys; values = {n: os.environ[n] for n in sys.argv[1:]}; \
                 print(json.dumps({n: v if len(v) < 9999 else len(v) for n, v in values.items()}))";
    let command = [&["run", "--", "python", "-c", print], &NAMES[..]].concat();
    let seen: Value = serde_json::from_str(&platform.run(&command).expect(0).stdout).unwrap();
    let wanted = json!({
        "DOLLARS": "$HOME $PATH $(id) $$ %s",
        "QUOTES": "it's \"so\" \\ `id` {$X} {{x}}",
        "LINES": "one\ntwo\r\n\n three ",
        "LETTERS": "naïve ☃ 日本 🦀",
        "BLANK": " ",
        "_x": "{\"a\": [1]}",
        "ODD__1": odd,
        "_big": big.len(),
    });
    assert_eq!(seen, wanted);
    platform.deploy().expect(0).says(&["Nothing to change."]);
}
