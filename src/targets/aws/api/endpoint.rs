//! Where a service of AWS is.

use std::env;

/// A service in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The name requests are signed for, e.g. `ec2`.
    pub service: &'static str,
    /// The region they are signed for.
    pub region: String,
    /// The address, without a slash at its end.
    pub url: String,
}

impl Endpoint {
    /// Amazon's own address, or the one that the variables of the environment give.
    pub fn new(service: &'static str, region: &str) -> Self {
        Self::at(service, region, override_of(service))
    }

    fn at(service: &'static str, region: &str, url: Option<String>) -> Self {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let own = || format!("https://{service}.{region}.amazonaws.com{suffix}");
        let url = url.unwrap_or_else(own);
        Self { service, region: region.to_owned(), url: url.trim_end_matches('/').to_owned() }
    }
}

/// The address of a service that is not Amazon's own, as all tools for AWS take it:
/// `AWS_ENDPOINT_URL_<SERVICE>`, else `AWS_ENDPOINT_URL`.
pub fn override_of(service: &str) -> Option<String> {
    find_override(service, |name| env::var(name).ok())
}

fn find_override(service: &str, get: impl Fn(&str) -> Option<String>) -> Option<String> {
    let own = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
    [own.as_str(), "AWS_ENDPOINT_URL"]
        .into_iter()
        .find_map(|name| get(name).filter(|url| !url.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn china_has_a_domain_of_its_own() {
        let url = |region| Endpoint::at("ec2", region, None).url;
        assert_eq!(url("eu-west-1"), "https://ec2.eu-west-1.amazonaws.com");
        assert_eq!(url("cn-north-1"), "https://ec2.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn the_variable_of_the_service_wins_over_the_general_one() {
        let both = |name: &str| match name {
            "AWS_ENDPOINT_URL_EC2" => Some("http://127.0.0.1:5000/".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:4566".to_owned()),
            _ => None,
        };
        let url = |service| Endpoint::at(service, "eu-west-1", find_override(service, both)).url;
        assert_eq!(url("ec2"), "http://127.0.0.1:5000");
        assert_eq!(url("s3"), "http://127.0.0.1:4566");
        assert_eq!(find_override("ec2", |_| Some(String::new())), None);
    }
}
