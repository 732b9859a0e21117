//! Secrets that somebody else keeps, as `mizan.yaml` refers to them by ARN: they must be there, and
//! their version tells when they change. Values are never asked for.

use aws_config::Region;
use aws_sdk_secretsmanager::{Client, config::Builder};
use serde::Deserialize;
use serde_json::json;

use super::vault::current;
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::Method,
    targets::aws::{
        api::{ApiError, Call},
        clients::Clients,
        failure::{code, failure, is_denied},
    },
};

/// Looks at secrets of others.
#[derive(Debug, Clone)]
pub(super) struct References {
    clients: Clients,
}

/// Where a reference points.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    /// A secret in Secrets Manager, by its own ARN.
    Secret { region: &'a str, arn: String },
    /// A parameter in SSM, by its name.
    Parameter { region: &'a str, name: String },
}

impl References {
    pub(super) fn new(clients: &Clients) -> Self {
        Self { clients: clients.clone() }
    }

    /// The version of what is referred to; none if we may not look, as containers may all the same.
    pub(super) async fn version(&self, reference: &str) -> Result<Option<String>> {
        match place(reference) {
            Some(Place::Secret { region, arn }) => self.secret(reference, region, &arn).await,
            Some(Place::Parameter { region, name }) => {
                self.parameter(reference, region, &name).await
            }
            None => Err(Error::new(
                ErrorKind::Invalid,
                format!("{reference} is the ARN of no secret and no parameter"),
            )
            .hint("it begins with arn:aws:secretsmanager: or arn:aws:ssm:")),
        }
    }

    async fn secret(&self, reference: &str, region: &str, arn: &str) -> Result<Option<String>> {
        let config = Builder::from(&self.clients.config).region(Region::new(region.to_owned()));
        let client = Client::from_conf(config.build());
        match client.describe_secret().secret_id(arn).send().await {
            Ok(found) if found.deleted_date().is_some() => {
                Err(missing(reference).cause("it was removed and is kept for some days only"))
            }
            Ok(found) => Ok(current(found.version_ids_to_stages())),
            Err(error) => match code(&error) {
                Some("ResourceNotFoundException") => Err(missing(reference)),
                Some(code) if is_denied(code) => Ok(None),
                _ => Err(failure(format!("cannot look at {reference}"), error)),
            },
        }
    }

    async fn parameter(&self, reference: &str, region: &str, name: &str) -> Result<Option<String>> {
        let client = self.clients.signed("ssm", region);
        let asked = json!({"ParameterFilters": [
            {"Key": "Name", "Option": "Equals", "Values": [name]}
        ]});
        let mut call = Call::new("DescribeParameters", Method::POST, &client.endpoint().url)
            .body("application/x-amz-json-1.1", asked.to_string());
        call.headers.push(("x-amz-target", "AmazonSSM.DescribeParameters".to_owned()));
        let answer = match client.send(&call).await {
            Ok(answer) => answer,
            Err(error) if may_not(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let found: Described = serde_json::from_slice(answer.body())
            .context(ErrorKind::Failed, || format!("cannot look at {reference}"))?;
        match found.parameters.into_iter().next() {
            Some(parameter) => Ok(Some(parameter.version.to_string())),
            None => Err(missing(reference)),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    version: i64,
}

fn may_not(error: &ApiError) -> bool {
    matches!(error, ApiError::Refused(refusal) if is_denied(&refusal.code))
}

fn missing(reference: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("there is no {reference}"))
        .hint("mizan never makes a secret that mizan.yaml only refers to: whoever keeps it does")
}

/// What a reference points at. Behind the ARN of a secret, ECS takes a JSON key, a stage and a
/// version.
fn place(reference: &str) -> Option<Place<'_>> {
    let parts: Vec<_> = reference.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "secretsmanager", region, _, "secret", _, ..] => {
            Some(Place::Secret { region, arn: parts[..7].join(":") })
        }
        ["arn", _, "ssm", region, _, parameter] => {
            let name = parameter.strip_prefix("parameter/")?;
            // The slash that a path begins with is not repeated in its ARN.
            let slash = if name.contains('/') { "/" } else { "" };
            Some(Place::Parameter { region, name: format!("{slash}{name}") })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_asked_for_without_what_ecs_takes_behind_it() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";
        let with_key = format!("{arn}:password:AWSCURRENT:");
        let expected = Place::Secret { region: "eu-west-1", arn: arn.to_owned() };
        assert_eq!(place(arn).as_ref(), Some(&expected));
        assert_eq!(place(&with_key), Some(expected));
    }

    #[test]
    fn a_parameter_is_asked_for_by_its_name() {
        let name = |arn: &str| match place(arn) {
            Some(Place::Parameter { name, .. }) => Some(name),
            _ => None,
        };
        let of = |rest: &str| format!("arn:aws:ssm:eu-west-1:123456789012:parameter/{rest}");
        let (plain, nested) = (of("key"), of("board/key"));
        assert_eq!(name(&plain).as_deref(), Some("key"));
        assert_eq!(name(&nested).as_deref(), Some("/board/key"));
        assert_eq!(name("arn:aws:s3:::bucket"), None);
    }
}
