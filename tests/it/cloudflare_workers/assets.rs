//! Assets: only what is missing is sent, and the version has all of them.

use std::{collections::BTreeMap, sync::Mutex};

use bytes::Bytes;
use mizan::{
    cloudflare::{
        AssetEntry, AssetManifest, AssetsPart, Binding, HtmlHandling, NotFoundHandling, Upload,
        asset_hash,
    },
    error::{Error, ErrorKind},
};

use super::{client, worker};
use crate::support::cloudflare_fake::{ACCOUNT, Fake};

/// Files by their paths, and their manifest.
struct Files {
    by_hash: BTreeMap<String, Bytes>,
    manifest: AssetManifest,
    sent: Mutex<Vec<String>>,
}

impl Files {
    fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut by_hash = BTreeMap::new();
        let mut manifest = AssetManifest::new();
        for (path, content) in files {
            let hash = asset_hash(content.as_bytes(), &path);
            let size = content.len() as u64;
            manifest.insert(path, AssetEntry { hash: hash.clone(), size });
            by_hash.insert(hash, content.into());
        }
        Self { by_hash, manifest, sent: Mutex::default() }
    }

    fn read(&self, hash: &str) -> mizan::error::Result<(Bytes, String)> {
        self.sent.lock().unwrap().push(hash.to_owned());
        let content = self.by_hash.get(hash).ok_or_else(|| Error::failed("no such asset"))?;
        Ok((content.clone(), "text/javascript; charset=utf-8".to_owned()))
    }
}

fn many(count: usize) -> impl Iterator<Item = (String, String)> {
    (0..count).map(|index| (format!("/static/{index}.js"), format!("console.log({index})\n")))
}

#[tokio::test]
async fn assets_are_uploaded_in_portions_once_and_served() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let files = Files::new(many(170));

    let session = cloudflare.assets_session(ACCOUNT, "board-edge", &files.manifest).await.unwrap();
    assert!(session.buckets.len() > 3, "{} portions", session.buckets.len());
    let jwt = cloudflare.upload_assets(&session, &|hash| files.read(hash)).await.unwrap();
    assert_eq!(files.sent.lock().unwrap().len(), 170);
    let upload = Upload {
        bindings: vec![Binding::Assets { name: "ASSETS".into() }],
        assets: Some(AssetsPart {
            jwt,
            html_handling: HtmlHandling::None,
            not_found_handling: NotFoundHandling::None,
            run_worker_first: false,
        }),
        ..worker("code")
    };
    cloudflare.put_script(ACCOUNT, "board-edge", &upload).await.unwrap();

    let zone = fake.add_zone("example.org").await;
    cloudflare.put_domain(ACCOUNT, &zone, "board.example.org", "board-edge").await.unwrap();
    let asset = fake.visit("board.example.org", "/static/7.js").await;
    assert_eq!(asset, (200, "console.log(7)\n".to_owned()));
    assert_eq!(fake.visit("board.example.org", "/else").await, (200, "code".to_owned()));

    let again = cloudflare.assets_session(ACCOUNT, "board-edge", &files.manifest).await.unwrap();
    assert!(again.buckets.iter().all(Vec::is_empty));
    let jwt = cloudflare.upload_assets(&again, &|_| unreachable!("nothing is missing")).await;
    assert_eq!(jwt.unwrap().expose(), again.jwt.expose());
}

#[tokio::test]
async fn an_upload_survives_passing_troubles_and_tells_lasting_ones() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let files = Files::new(many(3));
    let session = cloudflare.assets_session(ACCOUNT, "board-edge", &files.manifest).await.unwrap();
    let upload = serde_json::json!({"kind": "500", "match": "assets/upload$"});
    fake.fault(&upload).await;
    cloudflare.upload_assets(&session, &|hash| files.read(hash)).await.unwrap();

    let files = Files::new([("/a.js".to_owned(), "a".to_owned())]);
    let session = cloudflare.assets_session(ACCOUNT, "board-edge", &files.manifest).await.unwrap();
    let unreadable = |_: &str| Err(Error::failed("cannot read a.js"));
    let error = cloudflare.upload_assets(&session, &unreadable).await.unwrap_err();
    assert_eq!(error.message, "cannot read a.js");

    let mut expired = session.clone();
    expired.jwt = mizan::secret::SecretValue::new("canary-expired".into());
    let error = cloudflare.upload_assets(&expired, &|hash| files.read(hash)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.hints[0].contains("deploy again"), "{:?}", error.hints);
    assert!(!format!("{error:?} {expired:?}").contains("canary"));
}
