//! Buckets: made, marked as ours, emptied and removed. What is in them is the ledger's business.

use std::collections::{BTreeMap, BTreeSet};

use aws_credential_types::provider::SharedCredentialsProvider;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{ApiError, Call, Endpoint, SignedClient};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::{Http, Method, StatusCode},
    ledger::bucket_url,
};

/// What a tag of ours begins with.
const OURS: &str = "mizan:";

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// A bucket of our account. Every call says whose it must be, so nobody else's is ever touched.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: SignedClient,
    name: String,
    owner: String,
    url: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
struct TagSet {
    #[serde(rename = "Tag", default)]
    tags: Vec<Tag>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    tag_set: TagSet,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreateBucketConfiguration<'a> {
    location_constraint: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PublicAccessBlockConfiguration {
    block_public_acls: bool,
    ignore_public_acls: bool,
    block_public_policy: bool,
    restrict_public_buckets: bool,
}

#[derive(Deserialize)]
struct Listing {
    #[serde(rename = "Contents", default)]
    files: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    key: String,
}

/// The folders among what is in a bucket.
#[derive(Deserialize)]
struct Folders {
    #[serde(rename = "CommonPrefixes", default)]
    folders: Vec<Folder>,
}

#[derive(Deserialize)]
struct Folder {
    #[serde(rename = "Prefix")]
    prefix: String,
}

impl Bucket {
    /// The bucket `name` of the account `owner`; `endpoint` is the address of S3, if it is not
    /// Amazon's own ([`super::override_of`]).
    pub fn new(
        http: Http,
        credentials: SharedCredentialsProvider,
        name: &str,
        owner: &str,
        region: &str,
        endpoint: Option<&str>,
    ) -> Self {
        let url = bucket_url(name, region, endpoint);
        let at = Endpoint { service: "s3", region: region.to_owned(), url: url.clone() };
        let client = SignedClient::new(http, credentials, at);
        Self { client, name: name.to_owned(), owner: owner.to_owned(), url }
    }

    /// The bucket is there, marked with `tags`, of which one must begin with `mizan:`, and closed
    /// to the public.
    ///
    /// # Errors
    /// A bucket of that name is another account's, or has no mark of ours and is not empty.
    pub async fn ensure(&self, tags: &Tags) -> Result<()> {
        if !self.exists().await? {
            self.create().await?;
        } else if self.is_ours().await? {
            return Ok(());
        } else if !self.list("").await?.is_empty() {
            return Err(Error::failed(format!("the bucket {} exists and is not ours", self.name))
                .cause("it has no tag that begins with mizan:, and it is not empty")
                .hint("if it may be used, tag it; else set `ledger:` to another bucket"));
        }
        // One that is empty and has no mark was left by a run that was cut off right here.
        self.block_public().await?;
        self.tag(tags).await
    }

    /// True if it is there.
    ///
    /// # Errors
    /// It is another account's, or we may not look.
    pub async fn exists(&self) -> Result<bool> {
        match self.send("HeadBucket", Method::HEAD, "", None).await {
            Ok(_) => Ok(true),
            Err(error) if error.has_status(StatusCode::NOT_FOUND) => Ok(false),
            Err(error) if error.has_status(StatusCode::FORBIDDEN) => {
                Err(Error::from(error).hint(format!(
                    "the bucket {} is not of account {}, or s3:ListBucket is not allowed",
                    self.name, self.owner
                )))
            }
            Err(error) if error.has_status(StatusCode::MOVED_PERMANENTLY) => {
                Err(Error::failed(format!("the bucket {} is in another region", self.name)))
            }
            // The answer to such a question has no words; the same question in other ones has.
            Err(error) if error.has_status(StatusCode::BAD_REQUEST) => {
                let path = "?list-type=2&max-keys=1";
                self.send("ListObjectsV2", Method::GET, path, None).await?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// True if there is a file whose name begins with `prefix`.
    ///
    /// # Errors
    /// AWS refuses, or cannot be reached.
    pub async fn has(&self, prefix: &str) -> Result<bool> {
        Ok(!self.list(prefix).await?.is_empty())
    }

    /// Removes every file whose name begins with `prefix`, but this one; returns how many there were.
    ///
    /// # Errors
    /// AWS refuses, or cannot be reached.
    pub async fn delete_prefix(&self, prefix: &str, but: Option<&str>) -> Result<usize> {
        let mut deleted = 0;
        loop {
            // Not paged: what was deleted is not listed again.
            let mut names = self.list(prefix).await?;
            names.retain(|name| but != Some(name.as_str()));
            if names.is_empty() {
                return Ok(deleted);
            }
            for name in &names {
                let path = format!("/{}", encoded(name, "/"));
                self.send("DeleteObject", Method::DELETE, &path, None).await?;
            }
            deleted += names.len();
        }
    }

    /// Removes the bucket if it is empty; false if it is not. One that is gone is removed already.
    ///
    /// # Errors
    /// AWS refuses, or cannot be reached.
    pub async fn delete_if_empty(&self) -> Result<bool> {
        match self.send("DeleteBucket", Method::DELETE, "", None).await {
            Ok(_) => Ok(true),
            Err(error) if error.is("NoSuchBucket") => Ok(true),
            Err(error) if error.is("BucketNotEmpty") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Its tags.
    ///
    /// # Errors
    /// AWS refuses, or cannot be reached.
    pub async fn tags(&self) -> Result<Tags> {
        let answer = match self.send("GetBucketTagging", Method::GET, "?tagging", None).await {
            Ok(answer) => answer,
            Err(error) if error.is("NoSuchTagSet") => return Ok(Tags::new()),
            Err(error) => return Err(error.into()),
        };
        let tagging: Tagging = self.read(&answer)?;
        Ok(tagging.tag_set.tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    /// True if a tag marks it as ours.
    ///
    /// # Errors
    /// AWS refuses, or cannot be reached.
    pub async fn is_ours(&self) -> Result<bool> {
        Ok(self.tags().await?.keys().any(|key| key.starts_with(OURS)))
    }

    async fn create(&self) -> Result<()> {
        let region = self.client.endpoint().region.as_str();
        // The first region of all has no name here.
        let body = match region {
            "us-east-1" => None,
            region => Some(xml(&CreateBucketConfiguration { location_constraint: region })?),
        };
        match self.send("CreateBucket", Method::PUT, "", body).await {
            Ok(_) => Ok(()),
            Err(error) if error.is("BucketAlreadyOwnedByYou") => Ok(()),
            Err(error) if error.is("BucketAlreadyExists") => Err(Error::from(error)
                .hint(format!("another account has a bucket called {}", self.name))
                .hint("set `ledger:` to a bucket of yours")),
            Err(error) => Err(error.into()),
        }
    }

    async fn block_public(&self) -> Result<()> {
        let all = PublicAccessBlockConfiguration {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        };
        let body = xml(&all)?;
        self.send("PutPublicAccessBlock", Method::PUT, "?publicAccessBlock", Some(body)).await?;
        Ok(())
    }

    async fn tag(&self, tags: &Tags) -> Result<()> {
        let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
        let tagging = Tagging { tag_set: TagSet { tags: tags.iter().map(tag).collect() } };
        let body = xml(&tagging)?;
        self.send("PutBucketTagging", Method::PUT, "?tagging", Some(body)).await?;
        Ok(())
    }

    /// Up to a thousand names that begin with `prefix`.
    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let path = format!("?list-type=2&prefix={}", encoded(prefix, ""));
        let answer = self.send("ListObjectsV2", Method::GET, &path, None).await?;
        let listing: Listing = self.read(&answer)?;
        Ok(listing.files.into_iter().map(|file| file.key).collect())
    }

    /// The names of the folders directly below `prefix`, which is empty or ends with a slash.
    ///
    /// # Errors
    /// AWS refuses, or cannot be reached.
    pub async fn folders(&self, prefix: &str) -> Result<BTreeSet<String>> {
        let path = format!("?delimiter=%2F&list-type=2&prefix={}", encoded(prefix, ""));
        let answer = self.send("ListObjectsV2", Method::GET, &path, None).await?;
        let listing: Folders = self.read(&answer)?;
        let folders = listing.folders.into_iter();
        let name = |folder: Folder| folder.prefix.trim_end_matches('/').to_owned();
        Ok(folders.map(name).map(|name| name[prefix.len().min(name.len())..].to_owned()).collect())
    }

    /// Sends one request; `path` is what follows the bucket's address.
    async fn send(
        &self,
        name: &'static str,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Bytes, ApiError> {
        // Without a path, a host name wants at least the root.
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mut call = Call::new(name, method, format!("{}{slash}{path}", self.url));
        // What does not exist yet has no owner.
        if name != "CreateBucket" {
            call.headers.push(("x-amz-expected-bucket-owner", self.owner.clone()));
        }
        if let Some(body) = body {
            let hash = BASE64_STANDARD.encode(Sha256::digest(&body));
            call.headers.push(("x-amz-checksum-sha256", hash));
            call = call.body("application/xml", body);
        }
        Ok(self.client.send(&call).await?.into_body())
    }

    fn read<T: DeserializeOwned>(&self, answer: &Bytes) -> Result<T> {
        let text = String::from_utf8_lossy(answer);
        quick_xml::de::from_str(&text).context(ErrorKind::Failed, || {
            format!("S3 gave an answer about {} that makes no sense", self.name)
        })
    }
}

fn xml<T: Serialize>(body: &T) -> Result<String> {
    quick_xml::se::to_string(body)
        .context(ErrorKind::Failed, || "a request to S3 could not be written".to_owned())
}

/// Percent-encoded as RFC 3986 has it, which S3 signs; characters of `also` stay too.
fn encoded(text: &str, also: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let stays = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if stays || also.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_they_are_signed() {
        assert_eq!(encoded("board/a b+ü.json", "/"), "board/a%20b%2B%C3%BC.json");
        assert_eq!(encoded("board/a", ""), "board%2Fa");
    }

    #[test]
    fn requests_are_written_as_s3_reads_them() {
        let tag = Tag { key: "mizan:app".into(), value: "a&b".into() };
        let tagging = Tagging { tag_set: TagSet { tags: vec![tag] } };
        assert_eq!(
            xml(&tagging).unwrap(),
            "<Tagging><TagSet><Tag><Key>mizan:app</Key><Value>a&amp;b</Value></Tag></TagSet>\
             </Tagging>"
        );
        let region = CreateBucketConfiguration { location_constraint: "eu-west-1" };
        assert_eq!(
            xml(&region).unwrap(),
            "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>\
             </CreateBucketConfiguration>"
        );
    }

    #[test]
    fn an_empty_listing_is_a_listing() {
        let listing: Listing =
            quick_xml::de::from_str("<ListBucketResult><Name>b</Name></ListBucketResult>").unwrap();
        assert!(listing.files.is_empty());
    }
}
