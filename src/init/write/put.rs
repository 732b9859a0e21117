//! Puts files where there are none. What is there stays as it is, whatever it is.

use std::{
    fs,
    io::{ErrorKind as IoErrorKind, Write},
    path::Path,
};

use serde::Serialize;
use similar::TextDiff;

use super::Draft;
use crate::error::{Error, ErrorKind, Result};

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// Its path, relative to the root.
    pub path: &'static str,
    /// What became of it.
    #[serde(flatten)]
    pub status: Status,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// It was written.
    Created,
    /// It is there, just so.
    Unchanged,
    /// Another one is there, and stays.
    Differs {
        /// From the one that is there to the one that would be.
        diff: String,
    },
}

/// The largest file that is compared.
const MAX_BYTES: u64 = 1 << 20;

/// Writes a file below `root` if nothing is there; nothing that is there is changed, and no link is
/// followed to what is written.
///
/// # Errors
/// What is there is no file, or the file cannot be written or read.
pub fn put(root: &Path, draft: &Draft) -> Result<Placed> {
    let path = root.join(draft.path);
    let failed = |what: &str, error: &std::io::Error| {
        let message = format!("cannot {what} {}", draft.path);
        Error::new(ErrorKind::Failed, message).because(error)
    };
    match fs::symlink_metadata(&path) {
        Ok(there) if there.is_dir() => {
            return Err(Error::failed(format!(
                "{} is a folder, and a file belongs there",
                draft.path
            ))
            .hint("move it away and run again"));
        }
        Ok(_) => return compare(&path, draft),
        Err(error) if error.kind() == IoErrorKind::NotFound => {}
        Err(error) => return Err(failed("look at", &error)),
    }
    let folder = path.parent().unwrap_or(root);
    fs::create_dir_all(folder).map_err(|error| failed("make the folder of", &error))?;
    // Complete or absent, and never over one that somebody has just written.
    let mut file = tempfile::Builder::new()
        .prefix(".mizan-init-")
        .permissions(permissions())
        .tempfile_in(folder)
        .map_err(|error| failed("write", &error))?;
    file.write_all(draft.text.as_bytes()).map_err(|error| failed("write", &error))?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(Placed { path: draft.path, status: Status::Created }),
        Err(error) if error.error.kind() == IoErrorKind::AlreadyExists => compare(&path, draft),
        Err(error) => Err(failed("write", &error.error)),
    }
}

/// As any file that a person makes; the mask of the process applies.
fn permissions() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

/// What a file that is there has in common with the draft.
fn compare(path: &Path, draft: &Draft) -> Result<Placed> {
    let unreadable = |error: &std::io::Error| {
        Error::failed(format!("{} is there and cannot be read", draft.path))
            .because(error)
            .hint("it was not changed")
    };
    let there = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !there.is_file() || there.len() > MAX_BYTES {
        let message = format!("{} is there and is no file of text", draft.path);
        return Err(Error::failed(message).hint("it was not changed; move it away and run again"));
    }
    let bytes = fs::read(path).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8_lossy(&bytes);
    let status = match text == draft.text {
        true => Status::Unchanged,
        false => Status::Differs {
            diff: TextDiff::from_lines(text.as_ref(), draft.text.as_str())
                .unified_diff()
                .header(draft.path, &format!("{} (proposed)", draft.path))
                .to_string(),
        },
    };
    Ok(Placed { path: draft.path, status })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn draft(text: &str) -> Draft {
        Draft { path: ".github/x.yml", text: text.to_owned() }
    }

    #[test]
    fn a_file_is_written_once_and_then_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(".github/x.yml");
        let status = |text: &str| put(root.path(), &draft(text)).unwrap().status;
        assert_eq!(status("a\n"), Status::Created);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\n");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o600, 0o600);
        assert_eq!(mode & 0o111, 0);
        assert_eq!(status("a\n"), Status::Unchanged);
        let Status::Differs { diff } = status("b\n") else { panic!("it differs") };
        assert!(diff.contains("-a\n+b\n"), "{diff}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\n");
        let left: Vec<_> = fs::read_dir(root.path().join(".github")).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing is left over");
    }

    #[test]
    fn whatever_is_in_the_way_stays() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at(".github")).unwrap();
        symlink(at("target"), at(".github/x.yml")).unwrap();
        let error = put(root.path(), &draft("a\n")).unwrap_err();
        assert_eq!(error.message, ".github/x.yml is there and cannot be read");
        assert!(!at("target").exists(), "a dangling link is not written through");
        fs::write(at("target"), "mine\n").unwrap();
        let placed = put(root.path(), &draft("a\n")).unwrap();
        assert!(matches!(placed.status, Status::Differs { .. }));
        assert_eq!(fs::read_to_string(at("target")).unwrap(), "mine\n");
        fs::remove_file(at(".github/x.yml")).unwrap();
        fs::create_dir(at(".github/x.yml")).unwrap();
        let error = put(root.path(), &draft("a\n")).unwrap_err();
        assert!(error.message.contains("is a folder"), "{error}");
        fs::remove_dir_all(at(".github")).unwrap();
        fs::write(at(".github"), "").unwrap();
        let error = put(root.path(), &draft("a\n")).unwrap_err();
        assert!(error.message.contains(".github/x.yml"), "{error}");
    }

    /// Nobody may write there, not even root.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_takes_no_files_is_an_error_with_the_path() {
        let draft = Draft { path: "mizan.yaml", text: String::new() };
        let error = put(Path::new("/proc"), &draft).unwrap_err();
        assert_eq!(error.message, "cannot write mizan.yaml");
    }
}
