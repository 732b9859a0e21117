//! The client of the Workers API against a stand-in that checks what it is sent and runs what is
//! uploaded.

mod assets;
mod failures;
mod names;
mod tails;
mod versions;
mod wrangler;

use std::time::Duration;

use mizan::{
    cloudflare::{Binding, Cloudflare, ModuleKind, ModulePart, Retries, Upload},
    http::Http,
    secret::SecretValue,
};

use crate::support::cloudflare_fake::{Fake, TOKEN};

const QUICK: Retries =
    Retries { attempts: 3, pause: Duration::from_millis(5), longest: Duration::from_secs(2) };

fn client(fake: &Fake) -> Cloudflare {
    client_with(fake, TOKEN)
}

fn client_with(fake: &Fake, token: &str) -> Cloudflare {
    Cloudflare::new(Http::new().unwrap(), fake.api(), SecretValue::new(token.to_owned()), QUICK)
}

/// A Worker that answers with a text.
fn worker(text: &str) -> Upload {
    let code = format!(
        "export default {{ async fetch(request, env) {{\n\
         console.log('asked', new URL(request.url).pathname);\n\
         return new Response({text:?} + (env.GREETING ?? ''));\n\
         }} }};\n"
    );
    Upload {
        main_module: "index.js".into(),
        modules: vec![ModulePart {
            name: "index.js".into(),
            content: code.into(),
            kind: ModuleKind::EsModule,
        }],
        compatibility_date: "2026-11-01".into(),
        compatibility_flags: Vec::new(),
        bindings: Vec::new(),
        keep_bindings: vec!["secret_text", "secret_key"],
        migrations: None,
        tags: vec!["mizan:board:production".into()],
        tag: "release-1".into(),
        message: "the first one".into(),
        observability: None,
        assets: None,
        keep_assets: false,
    }
}

fn plain_text(name: &str, text: &str) -> Binding {
    Binding::PlainText { name: name.into(), text: text.into() }
}
