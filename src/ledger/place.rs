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
    /// `file:///folder`.
    Folder(PathBuf),
}

impl Place {
    /// The part of the place that belongs to one environment.
    #[must_use]
    pub fn of(self, app: &AppName, env: &EnvName) -> Self {
        match self {
            Self::Bucket { bucket, prefix } => {
                let own = format!("{app}/{env}");
                let prefix = if prefix.is_empty() { own } else { format!("{prefix}/{own}") };
                Self::Bucket { bucket, prefix }
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
            let prefix = prefix.trim_matches('/').to_owned();
            if prefix.contains("//") || prefix.split('/').any(|part| matches!(part, "." | "..")) {
                return Err(invalid("the prefix has parts that are empty, `.` or `..`"));
            }
            return Ok(Self::Bucket { bucket: bucket.to_owned(), prefix });
        }
        if let Some(folder) = url.strip_prefix("file://").filter(|path| path.starts_with('/')) {
            return Ok(Self::Folder(folder.into()));
        }
        if url.starts_with("az://") {
            return Err(invalid("this version of mizan has no Azure target yet")
                .hint("write s3://bucket or file:///folder"));
        }
        Err(invalid("it is none of the kinds of place that are known")
            .hint("write s3://bucket or file:///folder"))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(bucket: &str, prefix: &str) -> Place {
        Place::Bucket { bucket: bucket.into(), prefix: prefix.into() }
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
    fn environments_that_share_a_place_do_not_meet() {
        assert_eq!(of_board(bucket("my-bucket", "")), bucket("my-bucket", "board/production"));
        assert_eq!(of_board(bucket("my-bucket", "a")), bucket("my-bucket", "a/board/production"));
        let folder = of_board("file:///srv/ledger".parse().expect("a place"));
        assert_eq!(folder, Place::Folder("/srv/ledger/board/production".into()));
    }

    #[test]
    fn what_is_no_place_is_refused_with_the_reason() {
        for url in ["s3://My_Bucket", "s3://a", "s3://-ab", "s3://bucket/a//b", "s3://bucket/.."] {
            let error = url.parse::<Place>().expect_err(url);
            assert_eq!(error.kind, ErrorKind::Invalid, "{url}");
        }
        let error = "az://container".parse::<Place>().expect_err("refused");
        assert_eq!(
            error.to_string(),
            "the ledger cannot be kept in az://container: this version of mizan has no Azure \
             target yet"
        );
        assert!("https://x.net".parse::<Place>().is_err());
    }
}
