//! The ledger's place in Azure Blob Storage: an object store that signs with the account's shared
//! key and sends over the tool's own HTTP client.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::{
    CredentialProvider, Error as StoreError, ObjectStore,
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential, MicrosoftAzureBuilder},
    client::{HttpRequest, HttpRequestBody},
    path::Path,
    prefix::PrefixStore,
};

use super::{failure, retry::retry};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::{Http, HttpError, Method, Request, Response, StatusCode, Uri, header},
    secret::SecretValue,
};

/// How often the making of a container is tried. The host name of an account that was made just now
/// is not known everywhere yet.
const ATTEMPTS: u32 = 6;
/// The pause after the first attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// Part of a container of a storage account.
#[derive(Debug, Clone)]
pub struct BlobPlace {
    /// The storage account.
    pub account: String,
    /// The container in it.
    pub container: String,
    /// What the names of all files begin with; empty or without slashes at its ends.
    pub prefix: String,
    /// The address of the account's blobs as Azure tells it, if it is not the one of the public
    /// cloud: that of another cloud, or an emulator's.
    pub endpoint: Option<String>,
    /// One of the account's two keys, in base64.
    pub key: SecretValue,
}

impl fmt::Display for BlobPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, container, prefix, .. } = self;
        match prefix.as_str() {
            "" => write!(f, "az://{account}/{container}"),
            prefix => write!(f, "az://{account}/{container}/{prefix}"),
        }
    }
}

impl BlobPlace {
    /// Makes the container if it is not there; without the account's key nobody can read it.
    ///
    /// # Errors
    /// The account cannot be reached or does not know the key, or the container is being deleted.
    pub async fn ensure_container(&self, http: &Http) -> Result<()> {
        let failed =
            || format!("the container {} of {} cannot be made", self.container, self.account);
        let mut attempt = 1;
        loop {
            // A signature holds for some minutes only, so each attempt has its own.
            let tried = http.fetch(self.making()?).await;
            if attempt < ATTEMPTS && may_pass(&tried) {
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
                attempt += 1;
                continue;
            }
            return made(&tried.context(ErrorKind::Unavailable, failed)?, failed);
        }
    }

    /// The names of the folders in a folder; none if the container is not there.
    ///
    /// # Errors
    /// The account cannot be reached or does not know the key.
    pub async fn folders(&self, http: &Http, within: &str) -> Result<Vec<String>> {
        let store = self.open(http)?;
        let within = (!within.is_empty()).then(|| Path::from(within));
        let listed = match store.list_with_delimiter(within.as_ref()).await {
            Ok(listed) => listed,
            Err(StoreError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => {
                return Err(failure::failure(
                    &within.map(|it| it.to_string()).unwrap_or_default(),
                    &error,
                ));
            }
        };
        let names = listed.common_prefixes.iter().filter_map(|path| path.filename());
        Ok(names.map(str::to_owned).collect())
    }

    /// The store, whose files are those below the prefix.
    pub(super) fn open(&self, http: &Http) -> Result<Arc<dyn ObjectStore>> {
        let store = MicrosoftAzureBuilder::new()
            .with_account(&self.account)
            .with_container_name(&self.container)
            .with_endpoint(self.url()?)
            .with_credentials(Arc::new(SharedKey(Arc::new(self.credential()?))))
            .with_retry(retry())
            .with_http_connector(http.clone())
            .build()
            .context(ErrorKind::Invalid, || format!("the ledger {self} cannot be opened"))?;
        if self.prefix.is_empty() {
            return Ok(Arc::new(store));
        }
        Ok(Arc::new(PrefixStore::new(store, self.prefix.as_str())))
    }

    /// The signed request that makes the container.
    fn making(&self) -> Result<Request<Bytes>> {
        let failed = || format!("the ledger {self} cannot be opened");
        let url = format!("{}/{}?restype=container", self.url()?, self.container);
        let mut request: HttpRequest = Request::builder()
            .method(Method::PUT)
            .uri(url)
            .header(header::CONTENT_LENGTH, "0")
            .body(HttpRequestBody::empty())
            .context(ErrorKind::Invalid, failed)?;
        AzureAuthorizer::new(&self.credential()?, &self.account)
            .try_authorize(&mut request)
            .context(ErrorKind::Failed, failed)?;
        Ok(request.map(|_| Bytes::new()))
    }

    fn url(&self) -> Result<String> {
        blob_url(&self.account, self.endpoint.as_deref())
    }

    fn credential(&self) -> Result<AzureCredential> {
        // What is wrong with it is not said: the decoder would quote the key.
        let key = AzureAccessKey::try_new(self.key.expose().trim()).map_err(|_| {
            Error::new(
                ErrorKind::Invalid,
                format!("the key of the storage account {} is no key", self.account),
            )
            .cause("it is not base64")
            .hint(format!(
                "`az storage account keys list --account-name {}` shows it",
                self.account
            ))
        })?;
        Ok(AzureCredential::AccessKey(key))
    }
}

/// The address of an account's blobs, without a slash at its end.
///
/// # Errors
/// The endpoint is no address, or one to which the ledger would travel in plain text.
pub fn blob_url(account: &str, endpoint: Option<&str>) -> Result<String> {
    let Some(endpoint) = endpoint else {
        return Ok(format!("https://{account}.blob.core.windows.net"));
    };
    let refused = |why: &str| {
        let what = format!("{endpoint} cannot be the address of the storage account {account}");
        Error::new(ErrorKind::Invalid, what).cause(why)
    };
    let url: Uri = endpoint.parse().map_err(|_| refused("it is no URL"))?;
    let host = url.host().ok_or_else(|| refused("it has no host"))?;
    match url.scheme_str() {
        Some("https") => {}
        Some("http") if is_this_machine(host) => {}
        Some("http") => return Err(refused("plain http leaves this machine")),
        _ => return Err(refused("it is no URL of https")),
    }
    if url.query().is_some() {
        return Err(refused("it has a query").hint("give the key of the account, not a SAS"));
    }
    Ok(endpoint.trim_end_matches('/').to_owned())
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// True if the same request may be answered otherwise later. To make a container twice does no harm.
fn may_pass(tried: &Result<Response<Bytes>, HttpError>) -> bool {
    match tried {
        Ok(answer) => answer.status().is_server_error(),
        Err(HttpError::TooLarge { .. }) => false,
        Err(_) => true,
    }
}

/// What the answer to the making of a container says.
fn made(answer: &Response<Bytes>, failed: impl Fn() -> String) -> Result<()> {
    let said = String::from_utf8_lossy(answer.body());
    let code = failure::part(&said, "Code");
    match (answer.status(), code) {
        (status, _) if status.is_success() => Ok(()),
        (StatusCode::CONFLICT, Some("ContainerAlreadyExists")) => Ok(()),
        (status, _) => Err(failure::refusal(failed(), status, &said)),
    }
}

/// The account's key as the store asks for it. The store can be printed for debugging, and would
/// print the key itself.
struct SharedKey(Arc<AzureCredential>);

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(***)")
    }
}

#[async_trait]
impl CredentialProvider for SharedKey {
    type Credential = AzureCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AzureCredential>> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;

    fn place(endpoint: Option<&str>, key: &str) -> BlobPlace {
        BlobPlace {
            account: "ledgers".into(),
            container: "mizan".into(),
            prefix: "board/production".into(),
            endpoint: endpoint.map(ToOwned::to_owned),
            key: SecretValue::new(key.into()),
        }
    }

    #[test]
    fn an_account_has_its_own_host_or_the_address_that_azure_tells() {
        let url = |endpoint| blob_url("one", endpoint).expect("an address");
        assert_eq!(url(None), "https://one.blob.core.windows.net");
        let china = "https://one.blob.core.chinacloudapi.cn/";
        assert_eq!(url(Some(china)), "https://one.blob.core.chinacloudapi.cn");
        assert_eq!(url(Some("http://127.0.0.1:10000/one/")), "http://127.0.0.1:10000/one");
        assert_eq!(url(Some("http://localhost:10000/one")), "http://localhost:10000/one");
        assert_eq!(url(Some("http://[::1]:10000/one")), "http://[::1]:10000/one");
    }

    #[test]
    fn a_ledger_does_not_travel_in_plain_text() {
        for wrong in [
            "http://one.blob.core.windows.net",
            "http://127.0.0.1.example.com/one",
            "ftp://one.blob.core.windows.net",
            "one.blob.core.windows.net",
            "https://one.blob.core.windows.net/?sv=2024&sig=abc",
            "",
        ] {
            let error = blob_url("one", Some(wrong)).expect_err(wrong);
            assert_eq!(error.kind, ErrorKind::Invalid, "{wrong}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_not_told() {
        let http = Http::new().expect("certificates");
        let error = Ledger::blob(&place(None, "hunter2!"), &http).expect_err("no key");
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn an_open_ledger_shows_nothing_of_its_key() {
        let http = Http::new().expect("certificates");
        // Bytes of a key are shown as numbers: 83, 69, 67 …
        let place = place(None, "U0VDUkVU");
        let shown = format!("{:?} {place:?}", Ledger::blob(&place, &http).expect("a ledger"));
        assert!(shown.contains("az://ledgers/mizan/board/production"), "{shown}");
        for secret in ["U0VDUkVU", "83, 69", "SECRET"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
