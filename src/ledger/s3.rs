//! The ledger's place in S3: an object store that signs with the tool's own AWS credentials and
//! sends over the tool's own HTTP client.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::{
    CredentialProvider, Error as StoreError, ObjectStore,
    aws::{AmazonS3Builder, AwsCredential, S3ConditionalPut},
    prefix::PrefixStore,
};

use super::retry::retry;
use crate::{
    error::{Context, ErrorKind, Result},
    http::Http,
};

/// Part of a bucket.
#[derive(Debug, Clone)]
pub struct S3Place {
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// What the names of all files begin with; without slashes at its ends.
    pub prefix: String,
    /// The address of S3, if it is not Amazon's own: an emulator's, or a compatible service's.
    pub endpoint: Option<String>,
    /// Who we are; asked at each request, so it should keep what it found.
    pub credentials: SharedCredentialsProvider,
}

impl fmt::Display for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, prefix, .. } = self;
        match prefix.as_str() {
            "" => write!(f, "s3://{bucket}"),
            prefix => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl S3Place {
    /// The store, whose files are those below the prefix.
    pub(super) fn open(&self, http: &Http) -> Result<Arc<dyn ObjectStore>> {
        let store = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_endpoint(bucket_url(&self.bucket, &self.region, self.endpoint.as_deref()))
            // The address above has the bucket in it, in the host or in the path.
            .with_virtual_hosted_style_request(true)
            .with_allow_http(self.endpoint.is_some())
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_credentials(Arc::new(Credentials(self.credentials.clone())))
            .with_retry(retry())
            .with_http_connector(http.clone())
            .build()
            .context(ErrorKind::Invalid, || format!("the ledger {self} cannot be opened"))?;
        if self.prefix.is_empty() {
            return Ok(Arc::new(store));
        }
        Ok(Arc::new(PrefixStore::new(store, self.prefix.as_str())))
    }
}

/// The address of a bucket: its own host name, or a path below an endpoint that is not Amazon's.
pub fn bucket_url(bucket: &str, region: &str, endpoint: Option<&str>) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    match endpoint {
        Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
        // Amazon's certificate covers one label below the service's name.
        None if bucket.contains('.') => format!("https://s3.{region}.{domain}/{bucket}"),
        None => format!("https://{bucket}.s3.{region}.{domain}"),
    }
}

/// The tool's credentials, asked for at each request: the provider is one that keeps them.
#[derive(Debug)]
struct Credentials(SharedCredentialsProvider);

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let found = self.0.provide_credentials().await.map_err(|error| {
            // The path says in messages what could not be reached.
            StoreError::Unauthenticated { path: "the ledger".to_owned(), source: error.into() }
        })?;
        Ok(Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(ToOwned::to_owned),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_its_own_host_where_the_certificate_allows_it() {
        let url = |bucket, region| bucket_url(bucket, region, None);
        assert_eq!(url("one", "eu-west-1"), "https://one.s3.eu-west-1.amazonaws.com");
        assert_eq!(url("one", "cn-north-1"), "https://one.s3.cn-north-1.amazonaws.com.cn");
        assert_eq!(url("a.b", "eu-west-1"), "https://s3.eu-west-1.amazonaws.com/a.b");
        let emulated = bucket_url("one", "eu-west-1", Some("http://127.0.0.1:4566/"));
        assert_eq!(emulated, "http://127.0.0.1:4566/one");
    }
}
