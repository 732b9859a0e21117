//! The clients of every AWS API that is used: one configuration, one HTTP client, one retry policy.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use super::{
    api::{self, Endpoint, SignedClient, ec2::Ec2, s3::Bucket},
    names::Scope,
};
use crate::{
    error::{Error, ErrorKind, Result},
    http::Http,
};

/// Attempts for one call. The SDK repeats what is safe to repeat: throttling, 5xx, a cut
/// connection; each waits longer than the one before.
const ATTEMPTS: u32 = 6;
/// How long one attempt may take to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one attempt may take in all.
const ATTEMPT: Duration = Duration::from_secs(30);

/// The clients of one account and region.
#[derive(Debug, Clone)]
pub struct Clients {
    /// What they share: credentials, region, endpoints.
    pub config: SdkConfig,
    /// Certificate Manager.
    pub acm: aws_sdk_acm::Client,
    /// The network: security groups, subnets.
    pub ec2: Ec2,
    /// Elastic Container Registry.
    pub ecr: aws_sdk_ecr::Client,
    /// Elastic Container Service.
    pub ecs: aws_sdk_ecs::Client,
    /// Application load balancers.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// Identity and Access Management.
    pub iam: aws_sdk_iam::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Application Auto Scaling.
    pub scaling: aws_sdk_applicationautoscaling::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Security Token Service.
    pub sts: aws_sdk_sts::Client,
    /// For what is asked without the SDK.
    pub http: Http,
    /// Whom requests are signed by, without the SDK.
    pub credentials: SharedCredentialsProvider,
}

impl Clients {
    /// The clients for a region, with the caller's credentials: environment, profile, SSO, web
    /// identity, container or instance role. `AWS_ENDPOINT_URL` and its variants for one service
    /// are honoured. Nothing is asked yet.
    ///
    /// # Errors
    /// There is no TLS.
    pub async fn new(region: &str) -> Result<Self> {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts.build())
            .load()
            .await;
        let credentials = api::kept(config.credentials_provider().ok_or_else(no_credentials)?);
        let plain = Http::new()?;
        Ok(Self {
            acm: aws_sdk_acm::Client::new(&config),
            ecr: aws_sdk_ecr::Client::new(&config),
            ec2: Ec2::new(plain.clone(), credentials.clone(), region),
            ecs: aws_sdk_ecs::Client::new(&config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            scaling: aws_sdk_applicationautoscaling::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            config,
            credentials,
            http: plain,
        })
    }

    /// A client for a service whose SDK is not worth its weight.
    pub fn signed(&self, service: &'static str, region: &str) -> SignedClient {
        let endpoint = Endpoint::new(service, region);
        SignedClient::new(self.http.clone(), self.credentials.clone(), endpoint)
    }

    /// The bucket of the ledgers.
    pub fn bucket(&self, scope: &Scope) -> Bucket {
        let (name, region) = (scope.bucket(), &scope.region);
        let endpoint = api::override_of("s3");
        let credentials = self.credentials.clone();
        Bucket::new(
            self.http.clone(),
            credentials,
            &name,
            &scope.account,
            region,
            endpoint.as_deref(),
        )
    }
}

fn no_credentials() -> Error {
    Error::new(ErrorKind::Denied, "there are no AWS credentials")
        .hint("run `aws sso login`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID")
}
