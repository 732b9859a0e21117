//! What Cloudflare takes of a Worker, so that a plan can say it before anything is uploaded.
//! <https://developers.cloudflare.com/workers/platform/limits/>

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};

use super::Upload;

/// Bytes of all modules together, uncompressed, on every plan.
pub const RAW_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of all modules together, compressed with gzip, on the free plan.
pub const GZIP_BYTES_FREE: u64 = 3 * 1024 * 1024;
/// Bytes of all modules together, compressed with gzip, on the paid plan.
pub const GZIP_BYTES_PAID: u64 = 10 * 1024 * 1024;
/// Variables and secrets of a Worker on the free plan.
pub const VARIABLES_FREE: usize = 64;
/// Variables and secrets of a Worker on the paid plan.
pub const VARIABLES_PAID: usize = 128;
/// Bytes of one variable or secret ("5 KB").
pub const VARIABLE_BYTES: usize = 5 * 1024;
/// Characters of a script's name, so that it can be a label in `workers.dev` (RFC 1035).
pub const SCRIPT_NAME: usize = 63;
/// Characters of a version's tag. The API's reference speaks of 100 bytes by now; fewer are taken
/// everywhere.
pub const VERSION_TAG: usize = 25;
/// Characters of a version's message. The API's reference speaks of 1,000 bytes by now, beyond
/// which a message is cut; fewer are kept everywhere.
pub const VERSION_MESSAGE: usize = 100;
/// Assets of a version on the free plan.
pub const ASSETS_FREE: usize = 20_000;
/// Assets of a version on the paid plan.
pub const ASSETS_PAID: usize = 100_000;
/// Bytes of one asset.
pub const ASSET_BYTES: u64 = 25 * 1024 * 1024;
/// Routes of a zone.
pub const ROUTES: usize = 1_000;

/// How large the modules of an upload are together, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// As they are.
    pub raw: u64,
    /// Compressed with gzip, as wrangler measures it: all modules as one.
    pub gzip: u64,
}

/// The sizes of an upload. Compressing a large one takes about a second.
pub fn sizes(upload: &Upload) -> Sizes {
    let raw = upload.modules.iter().map(|module| module.content.len() as u64).sum();
    let mut gzip = GzEncoder::new(Counted(0), Compression::default());
    for module in &upload.modules {
        // Counting does not fail.
        let _ = gzip.write_all(&module.content);
    }
    Sizes { raw, gzip: gzip.finish().map_or(raw, |Counted(bytes)| bytes) }
}

/// Counts what is written to it.
#[derive(Debug)]
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::cloudflare::{ModuleKind, ModulePart};

    #[test]
    fn modules_are_measured_as_one() {
        let module = |name: &str, content: Vec<u8>| ModulePart {
            name: name.to_owned(),
            content: Bytes::from(content),
            kind: ModuleKind::EsModule,
        };
        let upload = Upload {
            main_module: "a.js".into(),
            modules: vec![module("a.js", vec![b'a'; 100_000]), module("b.js", vec![b'b'; 100_000])],
            compatibility_date: String::new(),
            compatibility_flags: Vec::new(),
            bindings: Vec::new(),
            keep_bindings: Vec::new(),
            migrations: None,
            tags: Vec::new(),
            tag: String::new(),
            message: String::new(),
            observability: None,
            assets: None,
            keep_assets: false,
        };
        let sizes = sizes(&upload);
        assert_eq!(sizes.raw, 200_000);
        assert!((50..2_000).contains(&sizes.gzip), "{sizes:?}");
    }
}
