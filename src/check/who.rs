//! Who asks: a stranger, or somebody whose credentials were given. Their values go into requests
//! and nowhere else.

use crate::{
    error::{Error, ErrorKind, Result},
    http::header::HeaderName,
    secret::SecretValue,
};

/// What signs a visitor in.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The Cookie header.
    pub cookie: Option<SecretValue>,
    /// Other headers.
    pub headers: Vec<(HeaderName, SecretValue)>,
}

impl Credentials {
    /// Adds what a variable holds: `Name: value`.
    ///
    /// # Errors
    /// It is no header; its value is not repeated.
    pub fn add_header(&mut self, variable: &str, text: &str) -> Result<()> {
        let (name, value) = text.split_once(':').ok_or_else(|| no_header(variable))?;
        let name = name.trim().parse::<HeaderName>().map_err(|_| no_header(variable))?;
        let value = value.trim().to_owned();
        if value.is_empty() || value.chars().any(|c| !(' '..='~').contains(&c)) {
            return Err(no_header(variable));
        }
        self.headers.push((name, SecretValue::new(value)));
        Ok(())
    }

    /// Adds what a variable holds: `name=value; name=value`.
    ///
    /// # Errors
    /// It is no Cookie header; its value is not repeated.
    pub fn set_cookie(&mut self, variable: &str, text: &str) -> Result<()> {
        let text = text.trim();
        if !text.contains('=') || text.chars().any(|c| !(' '..='~').contains(&c)) {
            let message = format!("{variable} holds no cookies");
            return Err(Error::new(ErrorKind::Usage, message)
                .hint(format!("export {variable}='sessionid=…'")));
        }
        self.cookie = Some(SecretValue::new(text.to_owned()));
        Ok(())
    }

    /// True if nobody is signed in by them.
    pub fn is_empty(&self) -> bool {
        self.cookie.is_none() && self.headers.is_empty()
    }

    /// Everything that must not be shown: whole headers, and what stands behind the names in them.
    /// The names of cookies may be.
    pub fn secrets(&self) -> Vec<SecretValue> {
        let headers = self.headers.iter().map(|(_, value)| value.expose());
        let cookies = self.cookie.iter().map(SecretValue::expose);
        let whole = headers.clone().map(str::to_owned);
        let tokens = headers.clone().filter_map(|text| text.rsplit(' ').next().map(str::to_owned));
        let parts = headers.chain(cookies).flat_map(parts);
        whole.chain(tokens).chain(parts).map(SecretValue::new).collect()
    }
}

/// What stands behind each name, or all where there is none; what fills up base64 is nothing.
fn parts(pairs: &str) -> impl Iterator<Item = String> {
    let value =
        |pair: &str| pair.split_once('=').map_or(pair, |(_, value)| value).trim().to_owned();
    pairs.split(';').map(value).filter(|value| value.chars().any(|c| c != '='))
}

fn no_header(variable: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("{variable} holds no header"))
        .hint(format!("export {variable}='Authorization: Bearer …'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_named_by_its_variable_alone() {
        let mut credentials = Credentials::default();
        for text in ["hunter2", "no name here: x", "Authorization:", "Authorization: a\nb"] {
            let error = credentials.add_header("TOKEN", text).unwrap_err();
            assert_eq!(error.message, "TOKEN holds no header");
        }
        assert!(credentials.set_cookie("SESSION", "hunter2").is_err());
        assert!(credentials.is_empty());
    }

    #[test]
    fn the_parts_of_a_credential_are_secret_too() {
        let mut credentials = Credentials::default();
        credentials.add_header("TOKEN", "authorization: Bearer abc.def").unwrap();
        credentials.set_cookie("SESSION", "sessionid=xyz; other=uvw").unwrap();
        let secrets = credentials.secrets();
        let texts: Vec<&str> = secrets.iter().map(SecretValue::expose).collect();
        for part in ["Bearer abc.def", "abc.def", "xyz", "uvw"] {
            assert!(texts.contains(&part), "{part}");
        }
    }

    #[test]
    fn neither_the_name_of_a_cookie_nor_the_end_of_base64_is_one() {
        let mut credentials = Credentials::default();
        credentials.add_header("TOKEN", "Authorization: Basic YWRhOg==").unwrap();
        credentials.set_cookie("SESSION", "sessionid=xyz; nameless").unwrap();
        let secrets = credentials.secrets();
        let texts: Vec<&str> = secrets.iter().map(SecretValue::expose).collect();
        assert_eq!(texts, ["Basic YWRhOg==", "YWRhOg==", "xyz", "nameless"]);
    }
}
