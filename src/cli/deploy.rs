//! `mizan deploy`: from source to a live release, or `--plan`: the same road, one step shorter.

use std::{
    collections::BTreeMap,
    fs,
    num::{NonZeroU8, NonZeroUsize},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    Done,
    args::{DeployArgs, GlobalArgs},
    execute::execute,
    failure::Failure,
    git,
    output::Output,
    project::Project,
    site::{Site, Sources, local_scope, plane},
    terminal::Terminal,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    images::{self, BaseLock, Identity},
    model::App,
    plan::{Approval, Basis, Change, Late, Note, Plan, StepId, hash},
    targets::{
        EnvSpec, Source,
        local::{Desired, Inputs, Observed, Op, diff},
    },
};

/// The tool's version: another one may plan or execute differently.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How long a saved plan is an approval.
const APPROVAL_HOURS: i64 = 24;

/// What `deploy` answers.
#[derive(Debug, Serialize)]
struct Deployed {
    url: String,
    release: Option<String>,
    changed: bool,
    millis: u64,
}

/// Runs the command.
pub async fn run(args: &DeployArgs, global: &GlobalArgs, output: &Output) -> Done {
    let project = Project::load(global)?;
    warn(&project, output)?;
    if args.offline {
        return offline(&project.app, output);
    }
    if args.plan {
        return plan(args, &project.app, output).await;
    }
    Box::pin(deploy(args, &project.app, global, output)).await
}

/// What is probably not what was meant.
fn warn(project: &Project, output: &Output) -> Result<(), Failure> {
    let warnings = project.file.warnings(&project.app.env)?;
    if !warnings.list().is_empty() {
        output.say(warnings.render("warning", true).trim_end());
    }
    Ok(())
}

/// A look at everything a deploy stands on.
struct Look {
    sources: Sources,
    observed: Observed,
    desired: Desired,
    plan: Plan<Op>,
}

async fn look(site: &Site, app: &App) -> Result<Look> {
    let sources = site.sources(app).await?;
    let (observed, desired) =
        tokio::try_join!(site.observe(Some(&sources)), site.desired(app, &sources))?;
    let mut plan = diff::plan(&desired, &observed, diff::Purpose::Deploy)
        .context(ErrorKind::Failed, || "cannot plan".into())?;
    if let Identity::AfterPinning { unpinned } = &sources.identity {
        plan.notes.push(Note::Info(format!(
            "base images will be pinned in mizan.lock: {}",
            unpinned.join(", ")
        )));
    }
    Ok(Look { sources, observed, desired, plan })
}

/// `--plan`: shows, saves, and says by the exit code whether there are changes.
async fn plan(args: &DeployArgs, app: &App, output: &Output) -> Done {
    let site = Site::open(app).await?;
    let mut look = look(&site, app).await?;
    look.plan.notes.extend(missing_secrets(&site, app));
    output.plan(&look.plan)?;
    if let Some(path) = &args.out {
        save(path, app, &look)?;
        output.say(&format!("saved; approve it with: mizan deploy --plan-file {}", path.display()));
    }
    match args.detailed_exitcode && !look.plan.is_noop() {
        true => Ok(ExitCode::from(2)),
        false => Ok(ExitCode::SUCCESS),
    }
}

/// `--plan --offline`: what a first deploy would create, without looking at anything but files.
fn offline(app: &App, output: &Output) -> Done {
    let scope = local_scope(app)?;
    let lock = BaseLock::read(&app.root)?;
    let identity = images::identity(app, &lock)?;
    let image = match &identity {
        Identity::Known(image) => Late::Known(image.reference()),
        Identity::AfterPinning { .. } => Late::After(StepId::new("image", app.name.as_str())),
    };
    let desired = Desired::new(
        app,
        &Inputs {
            image,
            port: offline_port(app, scope.preferred_port()),
            plane: plane(app, None)?,
            secret: &|_| None,
            // Whether the variable is set is for the deploy to find out.
            caller: &|_| Some(String::new()),
        },
    )?;
    let mut plan = diff::plan(&desired, &Observed::default(), diff::Purpose::Deploy)
        .context(ErrorKind::Failed, || "cannot plan".into())?;
    plan.notes.push(Note::Info(
        "offline: compared with nothing; this is what a first deploy would create".into(),
    ));
    output.plan(&plan)?;
    Ok(ExitCode::SUCCESS)
}

fn offline_port(app: &App, preferred: u16) -> u16 {
    match app.target {
        crate::model::Target::Local { port: Some(port) } => port,
        _ => preferred,
    }
}

async fn deploy(args: &DeployArgs, app: &App, global: &GlobalArgs, output: &Output) -> Done {
    let terminal = Terminal::new(global.yes);
    let mut site = Site::open(app).await?;
    let guard = site.lock("mizan deploy", args.wait.map(Duration::from_secs)).await?;
    provide_secrets(&mut site, app, terminal)?;
    let look = look(&site, app).await?;
    if let Some(path) = &args.plan_file {
        require_approval(path, app, &look)?;
    }
    let url = look.desired.url();
    if look.plan.is_noop() && !args.refresh {
        let release = look.observed.live().map(|id| id.to_string());
        output.say("Nothing to change.");
        let done = Deployed { url, release, changed: false, millis: 0 };
        output.result(&done, |out| writeln!(out, "{}", done.url))?;
        return Ok(ExitCode::SUCCESS);
    }
    output.announce(&look.plan)?;
    if args.plan_file.is_none() {
        confirm_removals(&look.plan, terminal)?;
    }
    let release = diff::next_release(&look.desired, &look.observed).or(look.observed.live());
    let source = Source {
        app: app.clone(),
        lock: look.sources.lock,
        refresh: args.refresh,
        git: git::revision(&app.root),
    };
    let executor = site.into_executor(Some(look.desired), Some(source));
    let parallel = NonZeroUsize::from(NonZeroU8::new(args.parallel).unwrap_or(NonZeroU8::MIN));
    let report = execute(&look.plan, executor, Some(&guard), parallel, output).await?;
    guard.release().await?;
    let release = release.map(|id| id.to_string());
    let done = Deployed { url, release, changed: true, millis: report.millis };
    output.say(&format!(
        "{} is live in {:.1} s",
        done.release.as_deref().unwrap_or("the release"),
        Duration::from_millis(done.millis).as_secs_f64()
    ));
    output.result(&done, |out| writeln!(out, "{}", done.url))?;
    Ok(ExitCode::SUCCESS)
}

/// Secrets without a value: made up where `generate` says so, else asked for.
fn provide_secrets(site: &mut Site, app: &App, terminal: Terminal) -> Result<()> {
    let missing: Vec<_> =
        app.secrets.iter().filter(|(name, _)| site.secrets.get(name).is_none()).collect();
    let unknown: Vec<&str> =
        missing.iter().filter(|(_, spec)| !spec.generate).map(|(name, _)| name.as_str()).collect();
    if !unknown.is_empty() && !terminal.can_ask() {
        let error = Error::new(
            ErrorKind::Usage,
            format!("secrets without a value: {}", unknown.join(", ")),
        );
        let hint = |name: &&str| format!("mizan secrets set {name} -e {} < FILE", app.env);
        return Err(unknown.iter().map(hint).fold(error, Error::hint));
    }
    let changed = !missing.is_empty();
    for (name, spec) in missing {
        match spec.generate {
            true => site.secrets.generate(name),
            false => {
                let value = terminal.ask_secret(name)?;
                site.secrets.set(name, value);
            }
        }
    }
    if changed { site.secrets.save() } else { Ok(()) }
}

/// What a plan says about secrets that have no value yet.
fn missing_secrets(site: &Site, app: &App) -> Vec<Note> {
    let missing = app.secrets.iter().filter(|(name, _)| site.secrets.get(name).is_none());
    let note = |(name, spec): (&String, &crate::model::SecretSpec)| match spec.generate {
        true => Note::Info(format!("secret {name} will be generated")),
        false => Note::Warning(format!("secret {name} has no value: mizan secrets set {name}")),
    };
    missing.map(note).collect()
}

/// What was running and would be gone needs consent.
fn confirm_removals(plan: &Plan<Op>, terminal: Terminal) -> Result<()> {
    let removed: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.change, Change::Delete { .. }))
        .filter(|step| matches!(step.resource.kind.as_ref(), "service" | "accessory"))
        .map(|step| step.resource.to_string())
        .collect();
    match removed.is_empty() {
        true => Ok(()),
        false => terminal.confirm(&format!("Remove {}?", removed.join(", "))),
    }
}

/// Everything a plan stands on, by name.
fn basis(app: &App, look: &Look) -> Result<Basis> {
    let parts = [
        ("the configuration", hash(app)),
        ("the source", hash(&look.desired.image)),
        ("a secret or a variable", hash(&environment(&look.desired))),
        ("the observed state", hash(&look.observed.without_source())),
    ];
    let mut basis = Basis::new();
    for (name, hash) in parts {
        let hash = hash.context(ErrorKind::Failed, || format!("cannot hash {name}"))?;
        basis.insert(name.to_owned(), hash);
    }
    Ok(basis)
}

/// The variables of every service, with the fingerprints of their values.
fn environment(desired: &Desired) -> BTreeMap<&String, &BTreeMap<String, EnvSpec>> {
    desired.services.iter().map(|(name, spec)| (name, &spec.env)).collect()
}

fn save(path: &Path, app: &App, look: &Look) -> Result<()> {
    let lifetime = SignedDuration::from_hours(APPROVAL_HOURS);
    let basis = basis(app, look)?;
    let approval = Approval::new(look.plan.clone(), basis, VERSION, Timestamp::now(), lifetime);
    fs::write(path, approval.to_json()?)
        .context(ErrorKind::Failed, || format!("cannot write the plan to {}", path.display()))
}

/// Refuses unless the plan made now is the one that was approved.
fn require_approval(path: &Path, app: &App, look: &Look) -> Result<()> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path)
        .context(ErrorKind::Usage, || format!("cannot read the plan {file}"))?;
    let approval: Approval<Op> = Approval::from_json(&file, &text)?;
    approval.check(&look.plan, &basis(app, look)?, VERSION, Timestamp::now())
}
