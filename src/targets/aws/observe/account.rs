//! Who asks: the account and the partition that the caller's credentials are for.

use aws_sdk_sts::error::SdkError;

use super::super::{
    clients::Clients,
    failure::{chain, code, failure},
    names::Scope,
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{AppName, EnvName},
};

/// The scope of an app's environment in the account of the caller's credentials.
///
/// # Errors
/// There are no credentials, they are not valid (any more), or AWS cannot be reached.
pub async fn identity(
    clients: &Clients,
    app: &AppName,
    env: &EnvName,
    region: &str,
) -> Result<Scope> {
    let caller = clients.sts.get_caller_identity().send().await.map_err(|error| {
        let code = code(&error).map(str::to_owned);
        match error {
            SdkError::ServiceError(_) => refused(code.as_deref(), failure(WHAT, error)),
            error => unreachable(region, &chain(&error)),
        }
    })?;
    let account = caller.account().unwrap_or_default().to_owned();
    Ok(Scope {
        account,
        partition: partition(caller.arn().unwrap_or_default()).to_owned(),
        region: region.to_owned(),
        app: app.clone(),
        env: env.clone(),
    })
}

const WHAT: &str = "AWS does not say whose credentials these are";

/// The second part of an ARN.
fn partition(arn: &str) -> &str {
    arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws")
}

/// AWS does not know, or no longer knows, the credentials.
fn refused(code: Option<&str>, error: Error) -> Error {
    match code {
        Some("InvalidClientTokenId" | "UnrecognizedClientException") => {
            error.hint("the access key does not exist (any more): check AWS_PROFILE")
        }
        Some("SignatureDoesNotMatch") => {
            error.hint("the secret key does not belong to the access key")
        }
        _ => error,
    }
}

/// No request was answered: the chain of causes tells credentials from connections.
fn unreachable(region: &str, cause: &str) -> Error {
    let has = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    if has(&["Token is expired", "token has expired", "ExpiredToken", "InvalidGrantException"]) {
        return Error::new(ErrorKind::Denied, "the AWS sign-in has expired")
            .cause(cause)
            .hint("run `aws sso login`, then the same command again");
    }
    if has(&[
        "no providers in chain",
        "no credentials found",
        "credential provider",
        "loading credentials",
    ]) {
        return Error::new(ErrorKind::Denied, "there are no AWS credentials")
            .cause(
                "tried: AWS_ACCESS_KEY_ID, the profile (AWS_PROFILE), AWS_WEB_IDENTITY_TOKEN_FILE, \
                 the roles of a container and of an instance",
            )
            .cause(cause)
            .hint("run `aws sso login`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID");
    }
    let error = Error::new(ErrorKind::Unavailable, format!("AWS cannot be reached in {region}"));
    let error = error.cause(cause);
    match has(&["dns error", "failed to lookup"]) {
        true => error.hint(format!("is {region} a region? Check `region` in mizan.yaml")),
        false => error.hint("check the network, and AWS_ENDPOINT_URL if it is set"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_is_the_second_part_of_the_arn() {
        assert_eq!(partition("arn:aws-cn:sts::123456789012:assumed-role/x/y"), "aws-cn");
        assert_eq!(partition(""), "aws");
    }

    #[test]
    fn a_missing_credential_is_told_from_a_missing_network() {
        let none = unreachable("eu-west-1", "no providers in chain provided credentials");
        assert_eq!(none.kind, ErrorKind::Denied);
        let expired = unreachable("eu-west-1", "InvalidGrantException: Token is expired");
        assert!(expired.hints[0].contains("aws sso login"), "{:?}", expired.hints);
        let unknown = unreachable("eu-west-9", "dns error: failed to lookup address");
        assert_eq!(unknown.kind, ErrorKind::Unavailable);
        assert!(unknown.hints[0].contains("eu-west-9"), "{:?}", unknown.hints);
    }
}
