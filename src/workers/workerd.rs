//! Finds the pinned `workerd`: from `MIZAN_WORKERD`, from the cache folder, or by the person's npm.
//!
//! npm is asked rather than a download address, so that a company's registry, proxy and
//! certificates hold for this package as for any other. What npm delivers is not trusted: the
//! program's SHA-256 is compiled in.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::files;
use crate::error::{Context, Error, ErrorKind, Result};

/// The environment variable that names another `workerd`; it is run without a check.
pub const OVERRIDE: &str = "MIZAN_WORKERD";

/// The program inside the npm package.
const MEMBER: &str = "package/bin/workerd";

/// The one build of `workerd` that this version of the tool runs on a platform.
#[derive(Debug, Clone, Copy)]
struct Pin {
    os: &'static str,
    arch: &'static str,
    package: &'static str,
    version: &'static str,
    sha256: &'static str,
}

/// macOS packages are published later than those for Linux, so versions may differ.
const PINS: [Pin; 4] = [
    Pin {
        os: "linux",
        arch: "x86_64",
        package: "@cloudflare/workerd-linux-64",
        version: "1.20261117.1",
        sha256: "2c950df972c039779162ed3803db9fe3f407b70709db2c9ef5a523b36cac4583",
    },
    Pin {
        os: "linux",
        arch: "aarch64",
        package: "@cloudflare/workerd-linux-arm64",
        version: "1.20261117.1",
        sha256: "37007f28648931403563dbb75c6c784c3be0755d3a8793877c0d7ef33d116b7c",
    },
    Pin {
        os: "macos",
        arch: "x86_64",
        package: "@cloudflare/workerd-darwin-64",
        version: "1.20261023.1",
        sha256: "d936376b45419e0320ae7eb2c0f63b9c2beb8cf331291af56713ce44bb397dd8",
    },
    Pin {
        os: "macos",
        arch: "aarch64",
        package: "@cloudflare/workerd-darwin-arm64",
        version: "1.20261023.1",
        sha256: "3781783b12b70661ba23f26c80272ea62fe47de63df4296a013493e394ea86c3",
    },
];

/// The path of a `workerd` that may be run. It reads files, hashes and may wait for npm: call it
/// where blocking is allowed.
pub fn ensure() -> Result<PathBuf> {
    if let Some(path) = env::var_os(OVERRIDE) {
        return overridden(PathBuf::from(path));
    }
    let pin = pin_for(env::consts::OS, env::consts::ARCH)?;
    Cache { folder: cache_folder()?.join("workerd").join(pin.version), npm: "npm".into() }
        .ensure(pin)
}

fn overridden(path: PathBuf) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::new(ErrorKind::Usage, format!("{OVERRIDE} names no file: {}", path.display())))
}

fn pin_for(os: &str, arch: &str) -> Result<&'static Pin> {
    PINS.iter().find(|pin| pin.os == os && pin.arch == arch).ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, format!("workerd is not packaged for {os} on {arch}"))
            .hint(format!("set {OVERRIDE} to a workerd that you built"))
            .hint("or deploy without the edge: leave the environment out of edge.on")
    })
}

fn cache_folder() -> Result<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
        .map(|folder| folder.join("mizan"))
        .ok_or_else(|| Error::failed("neither XDG_CACHE_HOME nor HOME names a folder"))
}

/// The folder of one version, and the npm client that fills it.
struct Cache {
    folder: PathBuf,
    npm: OsString,
}

impl Cache {
    fn ensure(&self, pin: &Pin) -> Result<PathBuf> {
        let program = self.folder.join("workerd");
        if self.is_verified(&program, pin) {
            return Ok(program);
        }
        fs::create_dir_all(&self.folder)
            .context(ErrorKind::Failed, || format!("cannot create {}", self.folder.display()))?;
        // Two runs that find nothing must not both fetch; the second waits and finds it.
        let _lock = files::lock(&self.folder.join("lock"))?;
        if !self.is_verified(&program, pin) {
            self.fetch(&program, pin)?;
        }
        Ok(program)
    }

    /// Hashing 150 MB takes a second without optimisation: it is done again only when size or
    /// modification time have changed.
    fn is_verified(&self, program: &Path, pin: &Pin) -> bool {
        let Ok(found) = Fingerprint::of(program) else { return false };
        let record = self.folder.join("verified.json");
        let verified = Verified { file: found, sha256: pin.sha256.to_owned() };
        if files::read_json::<Verified>(&record).is_ok_and(|known| known == Some(verified.clone()))
        {
            return true;
        }
        let matches = File::open(program).and_then(hash).is_ok_and(|hash| hash == pin.sha256);
        // Without the record the next start hashes again: slower, not wrong.
        matches && files::write_json(&record, &verified).is_ok()
    }

    fn fetch(&self, program: &Path, pin: &Pin) -> Result<()> {
        let scratch = tempfile::tempdir_in(&self.folder)
            .context(ErrorKind::Failed, || format!("cannot write to {}", self.folder.display()))?;
        let spec = format!("{}@{}", pin.package, pin.version);
        let archive = self.npm_pack(&spec, scratch.path())?;
        let unpacked = scratch.path().join("workerd");
        let hash = unpack(&archive, &unpacked)
            .context(ErrorKind::Failed, || format!("cannot unpack the npm package {spec}"))?;
        if hash != pin.sha256 {
            return Err(Error::failed(format!("the workerd in {spec} is not the one expected"))
                .cause(format!("its SHA-256 is {hash}, not {}", pin.sha256))
                .hint("ask who runs your npm registry whether it changes packages"));
        }
        fs::rename(&unpacked, program)
            .context(ErrorKind::Failed, || format!("cannot write {}", program.display()))?;
        let verified = Fingerprint::of(program)
            .map(|file| Verified { file, sha256: hash })
            .context(ErrorKind::Failed, || format!("cannot read {}", program.display()))?;
        files::write_json(&self.folder.join("verified.json"), &verified)
    }

    /// Runs in the person's folder, so that a project's `.npmrc` holds.
    fn npm_pack(&self, spec: &str, into: &Path) -> Result<PathBuf> {
        let output = Command::new(&self.npm)
            .args(["pack", "--silent", "--ignore-scripts", spec, "--pack-destination"])
            .arg(into)
            .output()
            .map_err(|error| npm_missing(&self.npm, &error))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(Error::new(ErrorKind::Unavailable, format!("npm cannot fetch {spec}"))
                .cause(output.status)
                .log(stderr.lines().map(str::to_owned))
                .hint(format!("try `npm pack {spec}`; your npm settings decide where it looks"))
                .hint(format!("or set {OVERRIDE} to a workerd you have")));
        }
        archive_in(into).ok_or_else(|| Error::failed(format!("npm packed nothing for {spec}")))
    }
}

fn npm_missing(npm: &OsStr, error: &io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot run {}", npm.display()))
        .because(error)
        .hint("install Node.js with npm: it fetches workerd, the program that runs the edge here")
        .hint(format!("or set {OVERRIDE} to a workerd you have"))
        .hint("or deploy without the edge: leave the environment out of edge.on")
}

fn archive_in(folder: &Path) -> Option<PathBuf> {
    let paths = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    paths.into_iter().find(|path| path.extension().is_some_and(|ext| ext == "tgz"))
}

/// Takes the one program out of the package; its SHA-256.
fn unpack(archive: &Path, target: &Path) -> io::Result<String> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive)?));
    for entry in tar.entries()? {
        let entry = entry?;
        if entry.path()?.as_ref() == Path::new(MEMBER) {
            let mut file = File::create(target)?;
            let hash = copy_hashed(entry, &mut file)?;
            file.set_permissions(fs::Permissions::from_mode(0o755))?;
            file.sync_all()?;
            return Ok(hash);
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, format!("it has no {MEMBER}")))
}

fn hash(source: impl Read) -> io::Result<String> {
    copy_hashed(source, &mut io::sink())
}

fn copy_hashed(mut source: impl Read, target: &mut impl Write) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            return Ok(files::hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
        target.write_all(&buffer[..read])?;
    }
}

/// What tells a changed file from an unchanged one without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fingerprint {
    size: u64,
    modified: i64,
    modified_nanos: i64,
}

impl Fingerprint {
    fn of(path: &Path) -> io::Result<Self> {
        let meta = fs::metadata(path)?;
        Ok(Self { size: meta.len(), modified: meta.mtime(), modified_nanos: meta.mtime_nsec() })
    }
}

/// A file whose hash was found to be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Verified {
    file: Fingerprint,
    sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An `npm` that hands out one prepared archive and counts its calls.
    fn fake_npm(folder: &Path, program: &[u8]) -> OsString {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(program.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, MEMBER, program).unwrap();
        let file = File::create(folder.join("packed")).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        gzip.write_all(&tar.into_inner().unwrap()).unwrap();
        gzip.finish().unwrap();
        let npm = folder.join("npm");
        let script = "#!/bin/sh\nhere=$(dirname \"$0\")\necho call >>\"$here/calls\"\n\
                      cp \"$here/packed\" \"$6/workerd.tgz\"\n";
        fs::write(&npm, script).unwrap();
        fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).unwrap();
        npm.into()
    }

    fn pin(sha256: &'static str) -> Pin {
        Pin { os: "", arch: "", package: "@cloudflare/workerd-x", version: "1.0.0", sha256 }
    }

    /// The SHA-256 of `hello`.
    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn it_is_fetched_once_and_again_after_it_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let npm = fake_npm(folder.path(), b"hello");
        let cache = Cache { folder: folder.path().join("cache"), npm };
        let calls = || fs::read_to_string(folder.path().join("calls")).unwrap().lines().count();

        let program = cache.ensure(&pin(HELLO)).unwrap();
        assert_eq!(fs::read(&program).unwrap(), b"hello");
        assert_eq!(cache.ensure(&pin(HELLO)).unwrap(), program);
        assert_eq!(calls(), 1);

        fs::write(&program, b"evil").unwrap();
        assert_eq!(fs::read(cache.ensure(&pin(HELLO)).unwrap()).unwrap(), b"hello");
        assert_eq!(calls(), 2);
    }

    #[test]
    fn a_package_with_another_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache =
            Cache { folder: folder.path().join("cache"), npm: fake_npm(folder.path(), b"evil") };
        let error = cache.ensure(&pin(HELLO)).unwrap_err();
        assert!(error.message.contains("not the one expected"), "{error}");
        assert!(!folder.path().join("cache/workerd").exists());
    }

    #[test]
    fn a_missing_npm_is_told_with_ways_out() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { folder: folder.path().into(), npm: "no-such-npm".into() };
        let error = cache.ensure(&pin(HELLO)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.hints.iter().any(|hint| hint.contains(OVERRIDE)), "{error:?}");
    }

    #[test]
    fn the_version_is_the_one_the_templates_are_tested_with() {
        let package = include_str!("../../templates/package.json");
        let package: serde_json::Value = serde_json::from_str(package).unwrap();
        let linux = PINS.iter().filter(|pin| pin.os == "linux");
        for pin in linux {
            assert_eq!(package["devDependencies"]["workerd"], pin.version);
        }
    }
}
