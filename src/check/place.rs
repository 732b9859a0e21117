//! Where a site is: scheme and host, as a URL names them.

use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::Uri,
};

/// A site.
#[derive(Debug, Clone)]
pub struct Place {
    /// `http` or `https`.
    pub scheme: String,
    /// The host, with its port if the URL has one.
    pub host: String,
}

impl Place {
    /// Reads a URL.
    ///
    /// # Errors
    /// It is none, or it names more than a site.
    pub fn of(url: &str) -> Result<Self> {
        let refused =
            |message: String, hint: &str| Err(Error::new(ErrorKind::Usage, message).hint(hint));
        if url.contains('@') {
            // What stands before it may be a password, so it is not repeated.
            return refused("the URL has a user name".to_owned(), "--cookie and --header sign in");
        }
        let uri: Uri = url.parse().context(ErrorKind::Usage, || format!("{url:?} is no URL"))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            let message = format!("{url:?} is no URL of a site");
            return refused(message, "it begins with http:// or https://");
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            let hint = "the paths come from the schema: name scheme and host alone";
            return refused(format!("{url:?} has a path"), hint);
        }
        Ok(Self { scheme: scheme.to_owned(), host: authority.to_string() })
    }

    /// What browsers name as the Origin of its pages.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// Where to connect: names below `localhost` are this machine (RFC 6761), whether its resolver
    /// knows or not.
    pub fn reachable(&self) -> String {
        let name = self.host.split(':').next().unwrap_or_default();
        match name.ends_with(".localhost") {
            true => self.origin().replacen(name, "127.0.0.1", 1),
            false => self.origin(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_scheme_and_host_alone() {
        for wrong in ["example.com", "ftp://a", "http://a/b", "http://a/?b", "", "http://"] {
            assert_eq!(Place::of(wrong).unwrap_err().kind, ErrorKind::Usage, "{wrong}");
        }
        assert_eq!(Place::of("http://a:80/").unwrap().origin(), "http://a:80");
    }

    #[test]
    fn a_password_is_not_repeated() {
        for wrong in ["http://ada:hunter2@a", "http://ada:hunter2@a/b", "ada:hunter2@"] {
            assert!(!Place::of(wrong).unwrap_err().to_string().contains("hunter2"));
        }
    }

    #[test]
    fn names_below_localhost_are_this_machine() {
        let place = Place::of("http://board.localhost:8178").unwrap();
        assert_eq!(place.reachable(), "http://127.0.0.1:8178");
        assert_eq!(place.origin(), "http://board.localhost:8178");
        assert_eq!(Place::of("https://a.example").unwrap().reachable(), "https://a.example");
    }
}
