//! Bodies of several parts (`multipart/form-data`, RFC 7578), shaped as wrangler's are.

use bytes::Bytes;

/// A part.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Its name.
    pub name: String,
    /// Name of the file and type of the content; wrangler sends the metadata without.
    pub file: Option<(String, String)>,
    /// Its content.
    pub content: Bytes,
}

/// A body and the content type that says where its parts end.
pub(super) struct Multipart {
    pub body: Bytes,
    pub content_type: String,
}

/// Writes the parts in their order. They are the same bytes each time, but for the boundary.
pub(super) fn multipart(parts: &[Part]) -> Multipart {
    let mut boundary = boundary();
    // As good as never; but a module may hold a body that it was told.
    while parts.iter().any(|part| contains(&part.content, boundary.as_bytes())) {
        boundary = self::boundary();
    }
    Multipart {
        body: write(parts, &boundary).into(),
        content_type: format!("multipart/form-data; boundary={boundary}"),
    }
}

/// As long as wrangler's, so that lengths of bodies can be compared.
fn boundary() -> String {
    format!("----formdata-mizan-{:013}", rand::random_range(0..10_u64.pow(13)))
}

fn contains(content: &[u8], what: &[u8]) -> bool {
    content.windows(what.len()).any(|window| window == what)
}

fn write(parts: &[Part], boundary: &str) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.content.len() + 512).sum();
    let mut body = Vec::with_capacity(length);
    for part in parts {
        body.extend_from_slice(head(part, boundary).as_bytes());
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

fn head(part: &Part, boundary: &str) -> String {
    let name = quoted(&part.name);
    match &part.file {
        None => {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n")
        }
        Some((file, kind)) => format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{}\"\r\n\
             Content-Type: {kind}\r\n\r\n",
            quoted(file)
        ),
    }
}

/// A name between quotation marks, as browsers write it:
/// <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>
fn quoted(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}
