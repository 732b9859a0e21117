//! The envelope of everything the ledger stores: JSON that says what it is and which version of
//! the format it has, so that a future or damaged file is refused instead of misread.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::{Context, Error, ErrorKind, Result};

/// The version written by this tool. It changes when older tools would misread the files.
const VERSION: u32 = 1;

/// A body that knows the name of its format.
pub(super) trait Format: Serialize + DeserializeOwned {
    /// The name, e.g. `mizan-release`.
    const NAME: &'static str;
}

#[derive(Serialize)]
struct Document<'a, T> {
    format: &'static str,
    version: u32,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
}

/// The text to store, ending in a line feed, fit for a person's eyes.
pub(super) fn write<T: Format>(body: &T) -> Result<String> {
    let document = Document { format: T::NAME, version: VERSION, body };
    let text = serde_json::to_string_pretty(&document)
        .context(ErrorKind::Failed, || format!("could not write a {}", T::NAME))?;
    Ok(text + "\n")
}

/// The body of a stored text; `file` names it in errors.
pub(super) fn read<T: Format>(file: &str, text: &[u8]) -> Result<T> {
    let header: Header = serde_json::from_slice(text).map_err(|error| damaged(file, &error))?;
    if header.format != T::NAME {
        let found = format!("it says it is a {:?}, not a {:?}", header.format, T::NAME);
        return Err(refused(file).cause(found));
    }
    if header.version != VERSION {
        let versions = format!("it has version {}, this mizan reads {VERSION}", header.version);
        return Err(refused(file)
            .cause(versions)
            .hint("another version of mizan wrote it: use that version, or a newer one"));
    }
    serde_json::from_slice(text).map_err(|error| damaged(file, &error))
}

fn refused(file: &str) -> Error {
    Error::failed(format!("the ledger's file {file} cannot be used"))
}

fn damaged(file: &str, error: &serde_json::Error) -> Error {
    let hint = "restore it from a backup, or move it out of the ledger's folder: what is running \
                is not affected, only the history of releases is shorter then";
    refused(file).because(error).hint(hint)
}
