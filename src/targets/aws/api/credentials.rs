//! Credentials that are asked for once and kept until shortly before they expire. The chain of
//! `aws-config` keeps nothing: with a web identity, every question would be a call to STS.

use std::time::{Duration, SystemTime};

use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, future},
};
use tokio::sync::Mutex;

/// How long before they expire they are asked for anew.
const EARLY: Duration = Duration::from_secs(120);

/// A provider that keeps what `inner` finds.
pub fn kept(inner: SharedCredentialsProvider) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Kept { inner, found: Mutex::new(None) })
}

#[derive(Debug)]
struct Kept {
    inner: SharedCredentialsProvider,
    found: Mutex<Option<Credentials>>,
}

impl Kept {
    async fn find(&self) -> provider::Result {
        // Held while asking: who comes meanwhile waits for the same answer.
        let mut found = self.found.lock().await;
        if let Some(known) = found.as_ref().filter(|known| is_fresh(known)) {
            return Ok(known.clone());
        }
        let new = self.inner.provide_credentials().await?;
        *found = Some(new.clone());
        Ok(new)
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.find())
    }
}

fn is_fresh(known: &Credentials) -> bool {
    known.expiry().is_none_or(|expiry| expiry > SystemTime::now() + EARLY)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Counts how often it is asked; what it gives expires after so many seconds.
    #[derive(Debug)]
    struct Counting {
        asked: AtomicU64,
        expires_in: u64,
    }

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let id = self.asked.fetch_add(1, Ordering::Relaxed).to_string();
            let expiry = SystemTime::now() + Duration::from_secs(self.expires_in);
            let found = Credentials::new(id, "secret", None, Some(expiry), "test");
            future::ProvideCredentials::ready(Ok(found))
        }
    }

    async fn second_answer(expires_in: u64) -> String {
        let inner = Counting { asked: AtomicU64::new(1), expires_in };
        let provider = kept(SharedCredentialsProvider::new(inner));
        provider.provide_credentials().await.expect("found");
        let second = provider.provide_credentials().await.expect("found");
        second.access_key_id().to_owned()
    }

    #[tokio::test]
    async fn they_are_asked_for_anew_only_when_they_are_about_to_expire() {
        assert_eq!(second_answer(3600).await, "1");
        assert_eq!(second_answer(60).await, "2");
    }
}
