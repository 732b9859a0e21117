//! Where the ledger is, as `ledger:` of mizan.yaml says it.

use std::{path::PathBuf, str::FromStr};

use crate::{
    error::{Error, ErrorKind},
    model::{AppName, EnvName},
};

/// A place that any number of environments may share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `s3://bucket/prefix`.
    Bucket {
        /// The bucket.
        bucket: String,
        /// What the names of the files begin with; empty or without slashes at its ends.
        prefix: String,
    },
    /// `az://account/container/prefix`.
    Container {
        /// The storage account.
        account: String,
        /// The container in it.
        container: String,
        /// What the names of the files begin with; empty or without slashes at its ends.
        prefix: String,
    },
    /// `file:///folder`.
    Folder(PathBuf),
}

impl Place {
    /// The part of the place that belongs to one environment.
    #[must_use]
    pub fn of(self, app: &AppName, env: &EnvName) -> Self {
        let own = |prefix: String| match prefix.as_str() {
            "" => format!("{app}/{env}"),
            prefix => format!("{prefix}/{app}/{env}"),
        };
        match self {
            Self::Bucket { bucket, prefix } => Self::Bucket { bucket, prefix: own(prefix) },
            Self::Container { account, container, prefix } => {
                Self::Container { account, container, prefix: own(prefix) }
            }
            Self::Folder(folder) => Self::Folder(folder.join(app.as_str()).join(env.as_str())),
        }
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        let invalid = |why: &str| {
            Error::new(ErrorKind::Invalid, format!("the ledger cannot be kept in {url}")).cause(why)
        };
        if let Some(rest) = url.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if !is_bucket(bucket) {
                return Err(invalid("a bucket's name has 3 to 63 of a-z, 0-9, - and ."));
            }
            let prefix = prefix_of(prefix).map_err(invalid)?;
            return Ok(Self::Bucket { bucket: bucket.to_owned(), prefix });
        }
        if let Some(rest) = url.strip_prefix("az://") {
            return in_account(rest).map_err(|why| invalid(why).hint(AZ_HINT));
        }
        if let Some(folder) = url.strip_prefix("file://").filter(|path| path.starts_with('/')) {
            return Ok(Self::Folder(folder.into()));
        }
        Err(invalid("it is none of the kinds of place that are known")
            .hint("write s3://bucket, az://account/container or file:///folder"))
    }
}

/// How a place on Azure is written.
const AZ_HINT: &str = "write az://account/container or az://account/container/prefix";

/// What follows `az://`; else what is wrong with it.
fn in_account(rest: &str) -> Result<Place, &'static str> {
    let (account, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let (container, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if !is_account(account) {
        return Err("a storage account's name has 3 to 24 of a-z and 0-9");
    }
    if container.is_empty() {
        return Err("it names no container");
    }
    if !is_container(container) {
        return Err("a container's name has 3 to 63 of a-z, 0-9 and single -");
    }
    let prefix = prefix_of(prefix)?;
    Ok(Place::Container { account: account.to_owned(), container: container.to_owned(), prefix })
}

/// A prefix without slashes at its ends; else what is wrong with it.
fn prefix_of(written: &str) -> Result<String, &'static str> {
    let prefix = written.trim_matches('/');
    if prefix.contains("//") || prefix.split('/').any(|part| matches!(part, "." | "..")) {
        return Err("the prefix has parts that are empty, `.` or `..`");
    }
    Ok(prefix.to_owned())
}

/// True if S3 takes it for a name.
fn is_bucket(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.chars().all(inner)
        && edge(name.chars().next())
        && edge(name.chars().last())
}

/// True if Azure takes it for the name of a storage account.
fn is_account(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// True if Azure takes it for the name of a container.
fn is_container(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    (3..=63).contains(&name.len()) && name.split('-').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(bucket: &str, prefix: &str) -> Place {
        Place::Bucket { bucket: bucket.into(), prefix: prefix.into() }
    }

    fn container(container: &str, prefix: &str) -> Place {
        let (account, container, prefix) = ("ledgers1".into(), container.into(), prefix.into());
        Place::Container { account, container, prefix }
    }

    fn of_board(place: Place) -> Place {
        place.of(
            &AppName::new("board").expect("a name"),
            &EnvName::new("production").expect("a name"),
        )
    }

    #[test]
    fn a_bucket_is_read_with_and_without_a_prefix() {
        assert_eq!("s3://my-bucket".parse(), Ok(bucket("my-bucket", "")));
        assert_eq!("s3://my-bucket/".parse(), Ok(bucket("my-bucket", "")));
        assert_eq!("s3://my-bucket/a/b/".parse(), Ok(bucket("my-bucket", "a/b")));
    }

    #[test]
    fn a_container_is_read_with_and_without_a_prefix() {
        assert_eq!("az://ledgers1/mi-zan".parse(), Ok(container("mi-zan", "")));
        assert_eq!("az://ledgers1/mi-zan/".parse(), Ok(container("mi-zan", "")));
        assert_eq!("az://ledgers1/mi-zan/a/b/".parse(), Ok(container("mi-zan", "a/b")));
    }

    #[test]
    fn environments_that_share_a_place_do_not_meet() {
        assert_eq!(of_board(bucket("my-bucket", "")), bucket("my-bucket", "board/production"));
        assert_eq!(of_board(bucket("my-bucket", "a")), bucket("my-bucket", "a/board/production"));
        assert_eq!(of_board(container("mizan", "")), container("mizan", "board/production"));
        assert_eq!(of_board(container("mizan", "a")), container("mizan", "a/board/production"));
        let folder = of_board("file:///srv/ledger".parse().expect("a place"));
        assert_eq!(folder, Place::Folder("/srv/ledger/board/production".into()));
    }

    #[test]
    fn what_is_no_place_is_refused_with_the_reason() {
        for url in ["s3://My_Bucket", "s3://a", "s3://-ab", "s3://bucket/a//b", "s3://bucket/.."] {
            let error = url.parse::<Place>().expect_err(url);
            assert_eq!(error.kind, ErrorKind::Invalid, "{url}");
        }
        assert!("https://x.net".parse::<Place>().is_err());
    }

    #[test]
    fn what_is_no_container_is_refused_with_the_reason() {
        let why = |url: &str| {
            let error = url.parse::<Place>().expect_err(url);
            assert_eq!(
                (error.kind, error.hints.as_slice()),
                (ErrorKind::Invalid, &[AZ_HINT.into()][..])
            );
            error.causes[0].clone()
        };
        assert_eq!(why("az://ledgers"), "it names no container");
        assert_eq!(why("az://ledgers/"), "it names no container");
        for url in ["az://my-ledgers/x", "az://Ledgers/mizan", "az://le/mizan", "az:///mizan"] {
            assert!(why(url).starts_with("a storage account's name"), "{url}");
        }
        let long = format!("az://ledgers/{}", "x".repeat(64));
        for url in [
            "az://ledgers/ab",
            "az://ledgers/-ab",
            "az://ledgers/a--b",
            "az://ledgers/$root",
            &long,
        ] {
            assert!(why(url).starts_with("a container's name"), "{url}");
        }
        assert!(why("az://ledgers/mizan/a//b").starts_with("the prefix"));
        assert!(why("az://ledgers/mizan/..").starts_with("the prefix"));
    }
}
