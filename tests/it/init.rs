//! `mizan init`: projects of ten and more layouts in, findings and files out; and what is there
//! already stays as it is.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use insta::assert_snapshot;
use mizan::{
    config::ConfigFile,
    error::Error,
    init::{Answers, Cloud, Findings, Hints, Interface, Stop, Tree, decide, detect, drafts},
    view,
};
use tempfile::TempDir;

use crate::support::{Ended, Sandbox, get};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/init")
}

fn findings(root: &Path) -> Findings {
    match detect(&Tree::read(root).unwrap(), &Hints::default()) {
        Ok(findings) => findings,
        Err(stop) => panic!("{}: {stop:?}", root.display()),
    }
}

/// Everything that `init` makes of a project, as one text.
fn made_of(root: &Path, cloud: Option<Cloud>) -> String {
    let tree = Tree::read(root).unwrap();
    let findings = findings(root);
    let setup = decide(&tree, &findings, &Answers { app: None, cloud }).unwrap();
    let (files, notes) = drafts(&tree, &findings, &setup, Some("acme/mizan@v0")).unwrap();
    let mut text = Vec::new();
    view::write_findings_text(&findings, &mut text).unwrap();
    view::write_notes_text(&[setup.notes.clone(), notes].concat(), &mut text).unwrap();
    for file in &files {
        text.extend(format!("━━ {}\n{}\n", file.path, file.text).bytes());
    }
    anstream::adapter::strip_str(&String::from_utf8(text).unwrap()).to_string()
}

#[test]
fn every_layout_is_recognised() {
    let mut layouts = 0;
    for fixture in fs::read_dir(fixtures()).unwrap() {
        let fixture = fixture.unwrap();
        insta::with_settings!({snapshot_suffix => fixture.file_name().to_str().unwrap()}, {
            assert_snapshot!("layout", made_of(&fixture.path(), None));
        });
        layouts += 1;
    }
    assert!(layouts >= 10, "only {layouts} layouts");
}

#[test]
fn every_target_has_an_environment_and_a_workflow() {
    let domain = || "shop.example.com".to_owned();
    let clouds = [
        ("aws", Cloud::Aws { region: "eu-west-1".into(), domain: None }),
        ("aws-domain", Cloud::Aws { region: "eu-west-1".into(), domain: Some(domain()) }),
        ("azure", Cloud::Azure { location: "westeurope".into(), domain: domain() }),
        ("origin", Cloud::Origin { url: "https://app.example.net".into(), domain: domain() }),
    ];
    for (name, cloud) in clouds {
        let project = Project::of("uv");
        fs::create_dir(project.root.join(".git")).unwrap();
        fs::write(project.root.join(".git/HEAD"), "ref: refs/heads/trunk\n").unwrap();
        let text = made_of(&project.root, Some(cloud));
        let (_, files) = text.split_once("━━ mizan.yaml").unwrap();
        let (config, rest) = files.split_once("━━ Dockerfile").unwrap();
        let (_, workflow) = rest.split_once("━━ .github").unwrap();
        insta::with_settings!({snapshot_suffix => name}, {
            assert_snapshot!("target", format!("mizan.yaml{config}.github{workflow}"));
        });
    }
}

/// All layouts with all targets: what is made is valid, for each environment.
#[test]
fn what_is_written_is_valid_everywhere() {
    let domain = || "shop.example.com".to_owned();
    let clouds = [
        None,
        Some(Cloud::Aws { region: "eu-west-1".into(), domain: None }),
        Some(Cloud::Azure { location: "westeurope".into(), domain: domain() }),
        Some(Cloud::Origin { url: "https://app.example.net".into(), domain: domain() }),
    ];
    for fixture in fs::read_dir(fixtures()).unwrap() {
        let root = fixture.unwrap().path();
        let (tree, findings) = (Tree::read(&root).unwrap(), findings(&root));
        for cloud in &clouds {
            let answers = Answers { app: None, cloud: cloud.clone() };
            let setup = decide(&tree, &findings, &answers).unwrap();
            let (files, _) = drafts(&tree, &findings, &setup, None).unwrap();
            let file = ConfigFile::parse("mizan.yaml", &files[0].text, &root)
                .unwrap_or_else(|error| panic!("{}: {error}", root.display()));
            for env in file.environments() {
                file.resolve(env).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
            }
            let expected = 1 + usize::from(cloud.is_some());
            assert_eq!(file.environments().count(), expected);
        }
    }
}

#[test]
fn the_example_app_is_recognised_with_its_protocol() {
    let findings = findings(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/board"));
    assert!(findings.protocol.is_some());
    assert_eq!(findings.project.value, "backend");
    assert_eq!(findings.interface.value, Interface::Asgi("config.asgi:application".into()));
    // Of two paths in its middleware's module and settings, the plainer one.
    assert_eq!(findings.health.value, "/healthz");
    let database = findings.database.unwrap().value;
    assert_eq!(database.sqlite.as_deref(), Some("backend/data/board.sqlite3"));
    assert_eq!(findings.frontend.unwrap().lock.as_deref(), Some("frontend/package-lock.json"));
}

/// A copy of a fixture, with nothing of this machine around it.
struct Project {
    folder: TempDir,
    root: PathBuf,
}

impl Project {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("shop");
        fs::create_dir(&root).unwrap();
        Self { folder, root }
    }

    fn of(fixture: &str) -> Self {
        let project = Self::empty();
        copy(&fixtures().join(fixture), &project.root);
        project
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn init(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_mizan"))
            .arg("init")
            .args(arguments)
            .current_dir(&self.root)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .output()
            .unwrap()
    }

    /// Exit code, stdout and stderr.
    fn told(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.init(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    /// Every file with its content.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.root, &mut found);
        found
    }

    fn stopped(&self, hints: &Hints) -> Error {
        match detect(&Tree::read(&self.root).unwrap(), hints) {
            Err(Stop::Error(error)) => *error,
            other => panic!("no error: {other:?}"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, found),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
}

#[test]
fn a_whole_run_as_a_person_sees_it() {
    let project = Project::of("django-vite");
    let (code, out, err) = project.told(&["--yes"]);
    assert_snapshot!(format!(
        "exit code: {code}\n----- stdout -----\n{out}----- stderr -----\n{err}"
    ));
}

#[test]
fn the_second_run_writes_nothing_and_says_so() {
    let project = Project::of("celery");
    assert_eq!(project.told(&[]).0, 0);
    let before = project.files();
    let (code, out, _) = project.told(&[]);
    assert_eq!((code, project.files()), (0, before));
    for file in ["mizan.yaml", "Dockerfile", ".dockerignore"] {
        assert!(out.contains(&format!("= {file} is there already, just so")), "{out}");
    }
    assert!(!out.contains(" written\n"), "{out}");
}

#[test]
fn what_is_there_stays_and_the_difference_is_shown() {
    let project = Project::of("startproject");
    project.write("Dockerfile", "FROM scratch\nEXPOSE 9000\n");
    project.write("mizan.yaml", "version: 1\napp: mine\nservices: {web: {port: 9000}}\n");
    let before = project.files();
    let (code, out, _) = project.told(&["--no-plan"]);
    let after = project.files();
    assert_eq!(code, 0);
    assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)));
    for line in ["-app: mine\n", "+app: mysite\n", "-FROM scratch\n"] {
        assert!(out.contains(line), "{out}");
    }
    assert!(out.contains("Dockerfile: this one stays"), "{out}");
    assert!(out.contains("9000") && out.contains("Dockerfile:2 (EXPOSE)"), "{out}");
}

#[test]
fn what_cannot_be_written_is_an_error_with_its_path() {
    let project = Project::of("startproject");
    fs::create_dir(project.root.join("Dockerfile")).unwrap();
    let (code, _, err) = project.told(&[]);
    assert_eq!(code, 1);
    assert!(err.contains("Dockerfile is a folder, and a file belongs there"), "{err}");

    let project = Project::of("startproject");
    symlink("nowhere", project.root.join("mizan.yaml")).unwrap();
    let (code, _, err) = project.told(&[]);
    assert!(code == 1 && err.contains("mizan.yaml is there and cannot be read"), "{err}");
    assert!(!project.root.join("nowhere").exists());
}

#[test]
fn a_program_gets_findings_files_and_plan_as_one_document() {
    let project = Project::of("poetry");
    let output = project.init(&["--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"]["packages"]["manager"]["value"], "poetry");
    assert_eq!(report["findings"]["packages"]["version"], "2.1.3");
    assert_eq!(report["findings"]["server"]["place"], "pyproject.toml:11");
    assert_eq!(report["files"][0]["path"], "mizan.yaml");
    assert_eq!(report["files"][0]["status"], "created");
    assert!(report["plan"]["steps"].as_array().unwrap().len() > 5);
}

#[test]
fn two_projects_are_a_question_and_the_flag_is_its_answer() {
    let project = Project::empty();
    for name in ["one", "two"] {
        copy(&fixtures().join("startproject"), &project.root.join(name));
    }
    let (code, _, err) = project.told(&[]);
    assert_eq!(code, 64, "{err}");
    assert!(err.contains("Which Django project: one, two") && err.contains("--project"), "{err}");
    let (code, out, err) = project.told(&["--project", "two", "--no-plan"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("two/") && out.contains("two/manage.py"), "{out}");
    assert!(project.root.join("mizan.yaml").is_file());
}

#[test]
fn several_settings_for_servers_are_a_question() {
    let project = Project::of("split-settings");
    project.write("blog/settings/production.py", "from .prod import *\n");
    let (code, _, err) = project.told(&[]);
    assert_eq!(code, 64);
    assert!(err.contains("blog.settings.production, blog.settings.prod"), "{err}");
    assert!(err.contains("--settings"), "{err}");
    let said = ["--settings", "blog.settings.prod", "--no-plan"];
    let (code, out, _) = project.told(&said);
    assert!(code == 0 && out.contains("(--settings)"), "{out}");
}

#[test]
fn a_target_without_what_it_needs_names_the_flag() {
    let project = Project::of("startproject");
    for (arguments, flag) in [
        (vec!["--target", "aws"], "--region"),
        (vec!["--target", "azure", "--region", "westeurope"], "--domain"),
        (vec!["--target", "origin", "--domain", "a.example.com"], "--origin"),
        (vec!["--target", "local", "--region", "x"], "--region"),
    ] {
        let (code, _, err) = project.told(&arguments);
        assert_eq!(code, 64, "{arguments:?}: {err}");
        assert!(err.contains(flag), "{arguments:?}: {err}");
    }
    assert!(!project.root.join("mizan.yaml").exists(), "nothing is written by halves");
}

#[test]
fn answers_that_do_not_fit_are_told_before_anything_is_written() {
    let project = Project::of("startproject");
    for arguments in [
        ["--app", "My App"].as_slice(),
        &["--target", "aws", "--region", "eu west"],
        &["--target", "origin", "--origin", "app.example.net", "--domain", "a.example.com"],
        &["--target", "azure", "--region", "westeurope", "--domain", "https://x/: {a"],
        &["--health", "healthz"],
        &["--python", "two"],
        &["--settings", "a; b"],
        &["--project", "../.."],
        &["--requirements", "none.txt"],
        &["--frontend", "none"],
    ] {
        let (code, _, err) = project.told(arguments);
        assert!(matches!(code, 64 | 65), "{arguments:?}: {code} {err}");
        assert!(!project.root.join("mizan.yaml").exists(), "{arguments:?}");
    }
}

#[test]
fn without_a_project_it_says_what_it_looked_for() {
    let project = Project::empty();
    let (code, _, err) = project.told(&[]);
    assert_eq!(code, 65);
    assert!(err.contains("no manage.py that names Django"), "{err}");
    project.write("manage.py", "import fire\n");
    assert_eq!(project.told(&[]).0, 65, "a manage.py of something else");
}

#[test]
fn broken_files_are_told_with_their_place() {
    let broken = |path: &str, text: &[u8]| {
        let project = Project::of("uv");
        project.write(path, text);
        project.stopped(&Hints::default()).message
    };
    assert_eq!(
        broken("pyproject.toml", b"[project]\nname = \"a\ndependencies = []\n").split(": ").next(),
        Some("pyproject.toml:2:10")
    );
    assert_eq!(
        broken("package.json", b"{\n  \"scripts\": {,}\n}\n"),
        "package.json:2:15: no valid JSON"
    );
    assert_eq!(
        broken("pyproject.toml", b"[project]\nname = \"\xE9\"\n"),
        "pyproject.toml:2:9: the file is not UTF-8"
    );
    let project = Project::of("startproject");
    project.write("requirements.txt", "django\n-r missing.txt\n");
    let error = project.stopped(&Hints::default());
    assert_eq!(error.message, "requirements.txt:2:1: there is no file missing.txt");
    project.write("requirements.txt", vec![b'#'; 2 << 20]);
    let error = project.stopped(&Hints::default());
    assert_eq!(error.message, "requirements.txt is larger than 1 MiB");
}

/// Names come from others: none of them may say something in a Dockerfile or a shell.
#[test]
fn names_that_would_need_quotes_are_refused() {
    let project = Project::empty();
    let odd = "x && curl evil";
    copy(&fixtures().join("startproject"), &project.root.join(odd));
    let error = project.stopped(&Hints::default());
    assert!(error.message.contains("cannot stand in a Dockerfile"), "{error}");

    let project = Project::of("uv");
    project.write("sub/manage.py", "import django\n");
    let hints = Hints { project: Some("sub".into()), ..Hints::default() };
    project.write("sub/a/asgi.py", "s('DJANGO_SETTINGS_MODULE', 'a.b; rm -rf')\n");
    let error = project.stopped(&hints);
    assert_eq!(error.message, "nothing names the settings module");

    let project = Project::of("monorepo");
    project.write("libs/common/pyproject.toml", "");
    let member = "[project]\nname = \"a; curl evil\"\ndependencies = [\"django\", \"gunicorn\"]\n";
    project.write("services/api/pyproject.toml", member);
    let error = project.stopped(&Hints::default());
    assert!(error.message.contains("a; curl evil"), "{error}");
}

#[test]
fn links_that_go_in_circles_end() {
    let project = Project::of("startproject");
    symlink(&project.root, project.root.join("mysite/again")).unwrap();
    assert_eq!(findings(&project.root).settings.value, "mysite.settings");
}

#[test]
fn settings_that_take_each_other_in_end() {
    let project = Project::of("startproject");
    project.write("mysite/a.py", "from .settings import *\nBASE_DIR = OTHER\nOTHER = BASE_DIR\n");
    let text = fs::read_to_string(project.root.join("mysite/settings.py")).unwrap();
    project.write("mysite/settings.py", format!("from .a import *\n{text}"));
    let findings = findings(&project.root);
    let database = findings.database.unwrap().value;
    assert_eq!(database.sqlite.as_deref(), Some("db.sqlite3"));
}

/// A plan of an app that has mizan.yaml and nothing else beside its code.
fn plan_without_dockerfile(project: &Project) -> Output {
    project.write(
        "mizan.yaml",
        "version: 1\napp: shop\nschema: none\nservices: {web: {port: 8000}}\n",
    );
    Command::new(env!("CARGO_BIN_EXE_mizan"))
        .args(["deploy", "--plan", "--offline"])
        .current_dir(&project.root)
        .env_clear()
        .env("HOME", project.folder.path())
        .output()
        .unwrap()
}

#[test]
fn a_plan_says_that_the_dockerfile_is_made_and_of_what() {
    let project = Project::of("subfolder");
    let output = plan_without_dockerfile(&project);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(
        out.contains(
            "there is no Dockerfile: one is made from what is here (WSGI core.wsgi:application, \
             backend/requirements.txt by pip, frontend/package.json, Python 3.12); `mizan init` \
             writes it down"
        ),
        "{out}"
    );
    project.write("Dockerfile", "FROM python:3.12-slim\n");
    let out = String::from_utf8(plan_without_dockerfile(&project).stdout).unwrap();
    assert!(!out.contains("no Dockerfile"), "{out}");
}

#[test]
fn a_dockerfile_that_cannot_be_made_names_the_way_out() {
    let project = Project::empty();
    copy(&fixtures().join("uv"), &project.root.join("one"));
    copy(&fixtures().join("poetry"), &project.root.join("two"));
    let output = plan_without_dockerfile(&project);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65));
    assert!(err.contains("there is no Dockerfile, and none can be made"), "{err}");
    assert!(err.contains("Which Django project: one, two"), "{err}");
    assert!(err.contains("`mizan init --project …` writes one"), "{err}");
}

/// With a real engine.
mod engine {
    use super::*;

    fn run(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
        Ended::from(sandbox.mizan(arguments).output().unwrap())
    }

    /// What `django-admin startproject` makes, deployed by two commands; first without a Dockerfile
    /// of its own, and the one that is then written makes no other image.
    #[test]
    fn from_a_checkout_to_a_running_app_in_two_commands() {
        let sandbox = Sandbox::new("init/startproject");
        let name = sandbox.name().to_owned();
        run(&sandbox, &["init", "--yes", "--app", &name, "--no-dockerfile", "--no-plan"]).expect(0);
        let deployed = run(&sandbox, &["deploy"]).expect(0).says(&["there is no Dockerfile"]);
        let url = deployed.stdout.trim();
        let page = get(url, "/admin/login/").unwrap();
        assert!(page.contains("Django administration"), "{page}");
        // The database is in the volume, and the app may write to it.
        let script =
            "import os; print(os.path.realpath('db.sqlite3'), os.path.getsize('db.sqlite3') > 0)";
        let ran = run(&sandbox, &["run", "--", "python", "-c", script]).expect(0);
        assert_eq!(ran.stdout.trim(), "/data/db.sqlite3 True");

        run(&sandbox, &["init", "--yes", "--app", &name, "--no-plan"]).expect(0);
        assert!(sandbox.app().join("Dockerfile").is_file());
        run(&sandbox, &["deploy"]).expect(0).says(&["Nothing to change."]);
    }
}
