//! Images on a real Docker engine: build, find, take apart, clean up.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    path::Path,
    time::Duration,
};

use bollard::{
    models::ContainerCreateBody,
    query_parameters::{
        CreateContainerOptions, ListContainersOptionsBuilder, ListImagesOptionsBuilder,
        RemoveContainerOptions, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
    },
};
use futures_util::{FutureExt as _, future::join_all};
use mizan::{
    config::ConfigFile,
    docker::{self, Docker},
    engine::{Event, EventSink, StepContext},
    error::{ErrorKind, Result},
    images::{
        APP_LABEL, ArtifactRequest, BaseLock, BuiltImage, Identity, LOCK_FILE, build, cached,
        extract, find, identity, prune,
    },
    model::{App, EnvName, SchemaSource},
    plan::StepId,
};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const PLATFORM: &str = if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" };

/// Long after a busy machine has come so far.
const PATIENCE: Duration = Duration::from_secs(120);

/// One app in a folder of its own, and everything a build reports about it.
struct Case {
    docker: Docker,
    root: TempDir,
    app: App,
    events: Events,
    cancel: CancellationToken,
}

#[derive(Default)]
struct Events(RefCell<Vec<Event>>);

impl EventSink for Events {
    fn emit(&self, event: Event) {
        self.0.borrow_mut().push(event);
    }
}

impl Events {
    fn progress(&self) -> Vec<String> {
        let messages = self.0.borrow();
        let messages = messages.iter().filter_map(|event| match event {
            Event::StepProgress { message, .. } => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    }

    fn lines(&self) -> Vec<String> {
        let lines = self.0.borrow();
        let lines = lines.iter().filter_map(|event| match event {
            Event::StepLog { line, .. } => Some(line.clone()),
            _ => None,
        });
        lines.collect()
    }
}

impl Case {
    /// Runs a test with an app of this name and these files, and removes its images afterwards.
    async fn run(name: &str, files: &[(&str, &str)], test: impl AsyncFnOnce(&mut Self)) {
        let docker = docker::connect().await.expect("these tests need a Docker engine");
        let root = tempfile::tempdir().expect("temporary folder");
        let name = format!("{name}-{}", std::process::id());
        for (path, content) in files {
            write(root.path(), path, content);
        }
        let mut case = Self {
            docker,
            app: app(&name, root.path()),
            root,
            events: Events::default(),
            cancel: CancellationToken::new(),
        };
        let outcome = AssertUnwindSafe(Box::pin(test(&mut case))).catch_unwind().await;
        case.clean_up().await;
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }

    fn step(&self) -> StepContext<'_> {
        StepContext {
            id: StepId::new("image", "app"),
            outputs: BTreeMap::new(),
            cancel: self.cancel.clone(),
            events: &self.events,
        }
    }

    fn lock(&self) -> BaseLock {
        BaseLock::read(self.root.path()).expect("readable lock")
    }

    async fn build(&self) -> Result<BuiltImage> {
        build(&self.docker, &self.app, &self.lock(), false, &self.step()).await
    }

    async fn images(&self) -> Vec<String> {
        let label = format!("{APP_LABEL}={}", self.app.name);
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let images = self.docker.list_images(Some(options)).await.expect("list");
        images.into_iter().map(|image| image.id).collect()
    }

    /// The temporary containers of an image that are still there.
    async fn temporary(&self, image: &BuiltImage) -> usize {
        let label = format!("{TEMPORARY}={}", image.id.0);
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        self.docker.list_containers(Some(options)).await.expect("list").len()
    }

    async fn clean_up(&self) {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        for image in self.images().await {
            let removed = self.docker.remove_image(&image, Some(options.clone()), None).await;
            removed.expect("the test's image can be removed");
        }
    }
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
    std::fs::write(path, content).expect("write");
}

fn app(name: &str, root: &Path) -> App {
    let text = format!(
        "version: 1\napp: {name}\nbuild: {{platform: {PLATFORM}}}\nservices: {{web: {{port: 8000}}}}\n\
         environments: {{local: {{target: local}}}}\n"
    );
    let file = ConfigFile::parse("mizan.yaml", &text, root).expect("valid configuration");
    file.resolve(&EnvName::new("local").expect("valid name")).expect("a valid environment")
}

const BASE: &str = "debian:bookworm-slim";

#[tokio::test]
async fn a_build_pins_its_base_and_is_not_repeated() {
    // The build cache outlives a test run: a new step really runs.
    let nonce = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos();
    let dockerfile = format!("FROM {BASE}\nRUN echo {nonce} > /x\nCOPY a /a\n");
    let files = [("Dockerfile", dockerfile.as_str()), ("a", "1")];
    Case::run("it-build", &files, async |case| {
        let later = identity(&case.app, &case.lock()).expect("identity");
        assert_eq!(later, Identity::AfterPinning { unpinned: vec![BASE.into()] });

        let first = case.build().await.expect("built");
        assert!(first.built);
        assert!(case.root.path().join(LOCK_FILE).exists());
        assert!(case.lock().bases.contains_key(BASE));
        let progress = case.events.progress();
        assert!(
            progress.iter().any(|line| line.contains(&format!("RUN echo {nonce}"))),
            "{progress:?}"
        );

        let Identity::Known(known) = identity(&case.app, &case.lock()).expect("identity") else {
            panic!("the base is pinned now");
        };
        assert_eq!(known.reference(), first.reference);
        assert_eq!(find(&case.docker, &known).await.expect("find"), Some(first.id.clone()));

        let again = case.build().await.expect("found");
        assert_eq!((again.built, &again.id), (false, &first.id));

        write(case.root.path(), "a", "2");
        let changed = case.build().await.expect("built");
        assert!(changed.built && changed.reference != first.reference);
        assert_eq!(case.images().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_refresh_builds_anew_under_a_new_name() {
    let files = [("Dockerfile", "FROM scratch\nCOPY a /a\n"), ("a", "1")];
    Case::run("it-refresh", &files, async |case| {
        let first = case.build().await.expect("built");
        let refreshed = build(&case.docker, &case.app, &case.lock(), true, &case.step()).await;
        let refreshed = refreshed.expect("built");
        assert!(refreshed.built && refreshed.reference != first.reference);
        assert!(case.lock().refreshed.is_some());
        let again = case.build().await.expect("found");
        assert_eq!((again.built, again.reference), (false, refreshed.reference));
    })
    .await;
}

#[tokio::test]
async fn a_failing_build_tells_the_step_its_line_and_what_it_printed() {
    // All on one stream: the two travel apart, and would arrive in any order.
    let dockerfile = format!(
        "FROM {BASE} AS web\nRUN for i in $(seq 30); do echo line $i >&2; done; \\\n  echo no such module >&2; exit 3\nFROM scratch\nCOPY --from=web /x /x\n"
    );
    Case::run("it-failing", &[("Dockerfile", &dockerfile)], async |case| {
        let error = case.build().await.expect_err("it fails");
        assert_eq!(error.kind, ErrorKind::Failed);
        assert!(error.message.contains("RUN for i in"), "{error}");
        assert!(error.message.ends_with("(stage web, Dockerfile:2)"), "{error}");
        assert!(error.causes.iter().any(|cause| cause.contains("exit code: 3")), "{error}");
        assert_eq!(error.log.len(), 20, "{:?}", error.log);
        assert_eq!(error.log.last().map(String::as_str), Some("no such module"));
        assert!(case.events.lines().contains(&"line 1".to_owned()));
        assert!(case.images().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_mistake_in_the_dockerfile_is_told_in_the_engines_words() {
    let dockerfile = format!("FROM {BASE}\nFETCH everything\n");
    Case::run("it-mistake", &[("Dockerfile", &dockerfile)], async |case| {
        let error = case.build().await.expect_err("it fails");
        let told = error.to_string();
        assert!(told.contains("line 2") && told.to_lowercase().contains("fetch"), "{told}");
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_build_ends_soon_and_leaves_nothing() {
    let marker = format!("cancel-{}", std::process::id());
    // Far longer than anybody waits here, and like no other process of this machine.
    let step = format!("sleep {}", 1_000_000 + std::process::id());
    let dockerfile = format!("FROM {BASE}\nRUN echo {marker}; {step}\n");
    Case::run("it-cancel", &[("Dockerfile", &dockerfile)], async |case| {
        let cancel = case.cancel.clone();
        let stop = async {
            // The step runs once it has printed its line.
            while !case.events.lines().contains(&marker) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            cancel.cancel();
        };
        let both = async { tokio::join!(case.build(), stop) };
        let (built, ()) = timeout(PATIENCE, both).await.expect("it ends before its step would");
        assert_eq!(built.expect_err("cancelled").kind, ErrorKind::Interrupted);
        assert!(case.images().await.is_empty());
        timeout(PATIENCE, gone(&step)).await.expect("the step ends too");
    })
    .await;
}

/// Until no process with this command line is left.
async fn gone(command: &str) {
    let is_it = |process: std::fs::DirEntry| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").trim() == command
    };
    while std::fs::read_dir("/proc").expect("/proc").flatten().any(is_it) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn the_ignore_file_holds_in_the_build_and_links_stay_links() {
    let files = [
        ("Dockerfile", "FROM scratch\nCOPY . /app/\n"),
        (".dockerignore", "*.log\nsecrets\n!secrets/public.txt\n"),
        ("a.py", "x"),
        ("a.log", "x"),
        ("secrets/key", "x"),
        ("secrets/public.txt", "x"),
    ];
    Case::run("it-ignore", &files, async |case| {
        std::os::unix::fs::symlink("a.py", case.root.path().join("link")).expect("link");
        let image = case.build().await.expect("built");
        let request = ArtifactRequest {
            schema: SchemaSource::None,
            bundle: None,
            assets: Some("/app".into()),
        };
        let cache = tempfile::tempdir().expect("temporary folder");
        let taken = extract(
            &case.docker,
            &image.id,
            temporary(&image),
            &request,
            cache.path(),
            &case.step(),
        )
        .await;
        let taken = taken.expect("extracted");
        assert_eq!(taken.assets, ["Dockerfile", "a.py", "secrets/public.txt"]);
        let lines = case.events.lines();
        assert!(lines.iter().any(|line| line.contains("link (no regular file)")), "{lines:?}");
    })
    .await;
}

const MANAGE_PY: &str = "import sys\nassert sys.argv[1:] == ['mizan_schema']\n\
    print('loading', file=sys.stderr)\nprint('{\"functions\": []}')\n";

#[tokio::test]
async fn bundle_assets_and_schema_are_taken_out_once() {
    let files = [
        (
            "Dockerfile",
            "FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT [\"false\"]\nUSER nobody\n",
        ),
        ("manage.py", MANAGE_PY),
        ("dist/server.js", "export const mizanBundle = 1\n"),
        ("dist/assets/entry-1234abcd.js", "1"),
        ("dist/assets/entry-1234abcd.js.map", "1"),
        ("dist/assets/.hidden", "1"),
        ("dist/assets/deep/a.css", "1"),
    ];
    Case::run("it-artifacts", &files, async |case| {
        let image = case.build().await.expect("built");
        let request = ArtifactRequest {
            schema: SchemaSource::Image,
            bundle: Some("/app/dist/server.js".into()),
            assets: Some("/app/dist/assets".into()),
        };
        let cache = tempfile::tempdir().expect("temporary folder");
        assert_eq!(cached(&image.id, &request, cache.path()), None);
        let taken = extract(
            &case.docker,
            &image.id,
            temporary(&image),
            &request,
            cache.path(),
            &case.step(),
        )
        .await;
        let taken = taken.expect("extracted");
        assert_eq!(taken.assets, ["deep/a.css", "entry-1234abcd.js"]);
        let text = |path: &Option<std::path::PathBuf>| {
            std::fs::read_to_string(path.as_ref().expect("a file")).expect("readable")
        };
        assert_eq!(text(&taken.schema), "{\"functions\": []}\n");
        assert_eq!(text(&taken.bundle), "export const mizanBundle = 1\n");
        assert!(taken.dir.join("assets/deep/a.css").is_file());
        assert_eq!(cached(&image.id, &request, cache.path()), Some(taken));
        assert_eq!(visible(cache.path()), 1);
        assert_eq!(case.temporary(&image).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_missing_bundle_is_told_with_what_is_there_instead() {
    let files = [
        ("Dockerfile", "FROM scratch\nCOPY dist /app/dist\n"),
        ("dist/main.js", "1"),
        ("dist/assets/x.js", "1"),
    ];
    Case::run("it-missing", &files, async |case| {
        let image = case.build().await.expect("built");
        let cache = tempfile::tempdir().expect("temporary folder");
        for (bundle, hint) in [
            ("/app/dist/server.js", "/app/dist in the image has: assets, main.js"),
            ("/app/dist/assets", "/app/dist in the image has: assets, main.js"),
            ("/gone/server.js", "/gone is not in the image either"),
        ] {
            let request = ArtifactRequest {
                schema: SchemaSource::None,
                bundle: Some(bundle.into()),
                assets: None,
            };
            let step = case.step();
            let taken =
                extract(&case.docker, &image.id, temporary(&image), &request, cache.path(), &step)
                    .await;
            let error = taken.expect_err(bundle);
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(error.message.contains("render.bundle"), "{error}");
            assert_eq!(error.hints, [hint]);
        }
        assert_eq!(visible(cache.path()), 0);
        assert_eq!(case.temporary(&image).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_failing_schema_export_shows_its_error_output_and_has_no_network() {
    let manage = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=5)\n";
    let files = [("Dockerfile", "FROM python:3.12-slim\nCOPY . .\n"), ("manage.py", manage)];
    Case::run("it-schema", &files, async |case| {
        let image = case.build().await.expect("built");
        let cache = tempfile::tempdir().expect("temporary folder");
        let request = ArtifactRequest { schema: SchemaSource::Image, bundle: None, assets: None };
        let taken = extract(
            &case.docker,
            &image.id,
            temporary(&image),
            &request,
            cache.path(),
            &case.step(),
        )
        .await;
        let error = taken.expect_err("no network");
        assert!(error.message.contains("mizan_schema"), "{error}");
        let last = error.log.last().expect("a log");
        assert!(last.contains("Network is unreachable"), "{:?}", error.log);
        assert_eq!(case.temporary(&image).await, 0);
    })
    .await;
}

#[tokio::test]
async fn pruning_removes_our_old_images_and_lists_those_in_use() {
    let files = [("Dockerfile", "FROM scratch\nCOPY a /a\n"), ("a", "1")];
    Case::run("it-prune", &files, async |case| {
        let mut images = Vec::new();
        for content in ["1", "2", "3", "4"] {
            write(case.root.path(), "a", content);
            images.push(case.build().await.expect("built"));
        }
        let [old, foreign, used, new] = images.as_slice() else { panic!("four images") };
        let tag = TagImageOptionsBuilder::new().repo("foreign").tag(case.app.name.as_str()).build();
        case.docker.tag_image(&foreign.reference, Some(tag)).await.expect("tagged");
        let body = ContainerCreateBody {
            image: Some(used.id.0.clone()),
            cmd: Some(vec!["-".into()]),
            ..Default::default()
        };
        let options = None::<CreateContainerOptions>;
        let container = case.docker.create_container(options, body).await.expect("created").id;

        let pruned = prune(&case.docker, &case.app.name, std::slice::from_ref(&new.id)).await;

        let options = None::<RemoveContainerOptions>;
        case.docker.remove_container(&container, options).await.expect("removed");
        let mut pruned = pruned.expect("pruned");
        pruned.removed.sort_unstable();
        let mut expected = [old.reference.clone(), foreign.reference.clone()];
        expected.sort_unstable();
        assert_eq!(pruned.removed, expected);
        assert_eq!(pruned.in_use, std::slice::from_ref(&used.reference));
        let mut left = case.images().await;
        left.sort_unstable();
        let mut expected = [foreign.id.0.clone(), used.id.0.clone(), new.id.0.clone()];
        expected.sort_unstable();
        assert_eq!(left, expected, "the foreign tag keeps its image");
    })
    .await;
}

/// As the releases that a deploy forgets are: each is a step of its own.
#[tokio::test]
async fn prunings_at_once_do_not_trip_over_each_other() {
    let files = [("Dockerfile", "FROM scratch\nCOPY a /a\n"), ("a", "")];
    Case::run("it-prune-race", &files, async |case| {
        for content in 0..8 {
            write(case.root.path(), "a", &content.to_string());
            case.build().await.expect("built");
        }
        // Some list the images while others are taking one away.
        let prunings = (0..16).map(async |turn| {
            tokio::time::sleep(Duration::from_millis(3 * turn)).await;
            prune(&case.docker, &case.app.name, &[]).await
        });
        for pruned in join_all(prunings).await {
            assert_eq!(pruned.expect("pruned").in_use, Vec::<String>::new());
        }
        assert_eq!(case.images().await, Vec::<String>::new());
    })
    .await;
}

/// The label of the containers that a test has made for it.
const TEMPORARY: &str = "mizan.test.temporary";

fn temporary(image: &BuiltImage) -> HashMap<String, String> {
    HashMap::from([(TEMPORARY.to_owned(), image.id.0.clone())])
}

/// At some 5,600 files the engine's requests fill the connection's window: whoever does not read
/// them while it sends stands still.
#[tokio::test]
async fn a_context_of_many_files_is_built() {
    const FILES: usize = 9_000;
    let dockerfile = [("Dockerfile", "FROM scratch\nCOPY many /many\n")];
    Box::pin(Case::run("it-many", &dockerfile, async |case| {
        for number in 0..FILES {
            write(case.root.path(), &format!("many/{}/{number}", number % 50), "x");
        }
        let built = case.build().await.expect("built");
        assert!(built.built);
    }))
    .await;
}

/// How many entries a folder has that are no housekeeping of ours.
fn visible(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("list").flatten();
    entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with(".lock")).count()
}
