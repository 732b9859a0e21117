//! An upload as the body of a request: the metadata, then the modules.

use super::{
    Upload,
    metadata::metadata,
    multipart::{Multipart, Part, multipart},
};

/// What an upload is for: not every field of the metadata goes with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The script as a whole: it is deployed at once.
    Script,
    /// One more version, which is deployed later.
    Version,
}

/// The body.
pub(super) fn form(upload: &Upload, purpose: Purpose) -> Multipart {
    let metadata =
        Part { name: "metadata".to_owned(), file: None, content: metadata(upload, purpose).into() };
    let modules = upload.modules.iter().map(|module| Part {
        name: module.name.clone(),
        file: Some((module.name.clone(), module.kind.content_type().to_owned())),
        content: module.content.clone(),
    });
    let parts: Vec<_> = std::iter::once(metadata).chain(modules).collect();
    multipart(&parts)
}
