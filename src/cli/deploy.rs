//! `mizan deploy`: from source to a live release, or `--plan`: the same road, one step shorter.

use std::{fs, num::NonZeroUsize, path::Path, process::ExitCode, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    Done,
    args::{DeployArgs, GlobalArgs},
    execute::{execute, with_lock},
    failure::Failure,
    git,
    output::Output,
    project::Project,
    site::{Look, MissingSecret, SecretInput, Site, on_target, public_url},
    terminal::Terminal,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    init,
    ledger::Guard,
    model::{App, Dockerfile, Target},
    plan::{Approval, Change, Note, Plan},
    targets::Source,
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
    let project = &project;
    let terminal = Terminal::new(global.yes);
    on_target!(project.app, S => {
        project.file.report(&project.app.env, &S::check(&project.app))?;
        match (args.offline, args.plan) {
            (true, _) => offline::<S>(&project.app, output),
            (false, true) => Box::pin(plan::<S>(args, project, output)).await,
            (false, false) => Box::pin(deploy::<S>(args, project, terminal, output)).await,
        }
    })
}

/// What is probably not what was meant.
fn warn(project: &Project, output: &Output) -> Result<(), Failure> {
    output.warnings(&project.file.warnings(&project.app.env)?);
    Ok(())
}

/// Where the Dockerfile comes from, if it is nobody's file.
fn dockerfile_note(app: &App) -> Result<Option<Note>> {
    let builds = !matches!(app.target, Target::Origin { .. });
    if app.build.dockerfile != Dockerfile::Generated || !builds {
        return Ok(None);
    }
    let facts = init::generate(&app.build.context)?.facts;
    Ok(Some(Note::Info(format!(
        "there is no Dockerfile: one is made from what is here ({facts}); `mizan init` writes it down"
    ))))
}

/// `--plan`: shows, saves, and says by the exit code whether there are changes.
async fn plan<S: Site>(args: &DeployArgs, project: &Project, output: &Output) -> Done {
    let app = &project.app;
    let look = looked(&S::open(app).await?, project).await?;
    output.plan(&look.plan)?;
    if let Some(path) = &args.out {
        save(path, &look)?;
        let path = path.display();
        output.say(&format!(
            "saved; approve it with: mizan deploy -e {} --plan-file {path}",
            app.env
        ));
    }
    match args.detailed_exitcode && !look.plan.is_noop() {
        true => Ok(ExitCode::from(2)),
        false => Ok(ExitCode::SUCCESS),
    }
}

/// `--plan --offline`: what a first deploy would create, without looking at anything but files.
fn offline<S: Site>(app: &App, output: &Output) -> Done {
    let why = "offline: compared with nothing; this is what a first deploy would create";
    output.plan(&unlooked::<S>(app, why.to_owned())?)?;
    Ok(ExitCode::SUCCESS)
}

/// What is there, and the plan with all that is to be known before it is run.
async fn looked<S: Site>(site: &S, project: &Project) -> Result<Look<S>, Failure> {
    let app = &project.app;
    project.file.report(&app.env, &site.findings(app))?;
    let mut look = site.look(app).await?;
    project.file.report(&app.env, &look.findings)?;
    let missing = site.missing_secrets(app);
    look.plan.notes.extend(missing.iter().map(|secret| missing_secret(secret, app)));
    look.plan.notes.extend(dockerfile_note(app)?);
    Ok(look)
}

/// The plan of a first deploy, and why it is not compared with what is there.
fn unlooked<S: Site>(app: &App, why: String) -> Result<Plan<S::Op>> {
    let mut plan = S::offline(app)?;
    plan.notes.extend(dockerfile_note(app)?);
    plan.notes.push(Note::Info(why));
    Ok(plan)
}

/// The plan of an environment for somebody who has not asked for it by itself: compared with what
/// is there if it can be, else what a first deploy would create.
///
/// # Errors
/// There is something wrong with the project, or with what is there.
pub async fn foresee<S: Site>(project: &Project) -> Result<Plan<S::Op>, Failure> {
    let app = &project.app;
    project.file.report(&app.env, &S::check(app))?;
    match S::open(app).await {
        Ok(site) => Ok(looked(&site, project).await?.plan),
        Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Denied) => {
            let why = format!("{}, so this is what a first deploy would create", error.message);
            Ok(unlooked::<S>(app, why)?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn deploy<S: Site>(
    args: &DeployArgs,
    project: &Project,
    terminal: Terminal,
    output: &Output,
) -> Done {
    let app = &project.app;
    let mut site = S::open(app).await?;
    project.file.report(&app.env, &site.findings(app))?;
    let guard = site.lock("mizan deploy", args.wait.map(Duration::from_secs)).await?;
    with_lock(guard, output, async |guard| {
        Box::pin(deploy_locked(site, args, project, terminal, output, guard)).await
    })
    .await
}

async fn deploy_locked<S: Site>(
    mut site: S,
    args: &DeployArgs,
    project: &Project,
    terminal: Terminal,
    output: &Output,
    guard: &Guard,
) -> Done {
    let app = &project.app;
    provide_secrets(&mut site, app, terminal).await?;
    let mut look = site.look(app).await?;
    look.plan.notes.extend(dockerfile_note(app)?);
    project.file.report(&app.env, &look.findings)?;
    if let Some(path) = &args.plan_file {
        require_approval(path, &look)?;
    }
    let url = look.url.clone();
    if look.plan.is_noop() && !args.refresh {
        let release = look.live.map(|id| id.to_string());
        output.say("Nothing to change.");
        let url = public_url(&url, &Default::default());
        let done = Deployed { url, release, changed: false, millis: 0 };
        output.result(&done, |out| writeln!(out, "{}", done.url))?;
        return Ok(ExitCode::SUCCESS);
    }
    output.announce(&look.plan)?;
    if args.plan_file.is_none() {
        confirm_removals(&look.plan, terminal)?;
    }
    let release = look.release.or(look.live);
    let source = Source {
        app: app.clone(),
        lock: look.lock,
        refresh: args.refresh,
        git: git::revision(&app.root),
    };
    let executor = site.into_executor(look.ground, Some(source));
    let parallel =
        args.parallel.and_then(|steps| NonZeroUsize::new(steps.into())).unwrap_or(S::PARALLEL);
    let report = execute(&look.plan, executor, Some(guard), parallel, output).await?;
    let done = Deployed {
        url: public_url(&url, &report.outputs),
        release: release.map(|id| id.to_string()),
        changed: true,
        millis: report.millis,
    };
    output.say(&format!(
        "{} is live in {:.1} s",
        done.release.as_deref().unwrap_or("the release"),
        Duration::from_millis(done.millis).as_secs_f64()
    ));
    output.result(&done, |out| writeln!(out, "{}", done.url))?;
    Ok(ExitCode::SUCCESS)
}

/// Secrets without a value: made up where `generate` says so, else asked for.
async fn provide_secrets<S: Site>(site: &mut S, app: &App, terminal: Terminal) -> Result<()> {
    let missing = site.missing_secrets(app);
    let unknown: Vec<&str> =
        missing.iter().filter(|secret| !secret.generate).map(|secret| secret.name).collect();
    if !unknown.is_empty() && !terminal.can_ask() {
        let error = Error::new(
            ErrorKind::Usage,
            format!("secrets without a value: {}", unknown.join(", ")),
        );
        let hint = |name: &&str| format!("mizan secrets set {name} -e {} < FILE", app.env);
        return Err(unknown.iter().map(hint).fold(error, Error::hint));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let mut values = Vec::with_capacity(missing.len());
    for secret in missing {
        let name = secret.name.to_owned();
        values.push(match secret.generate {
            true => SecretInput::Generate(name),
            false => SecretInput::Value(name, terminal.ask_secret(secret.name)?),
        });
    }
    site.store_secrets(values).await
}

/// What a plan says about a secret that has no value yet.
fn missing_secret(secret: &MissingSecret<'_>, app: &App) -> Note {
    let name = secret.name;
    match secret.generate {
        true => Note::Info(format!("secret {name} will be generated")),
        false => Note::Warning(format!(
            "secret {name} has no value, and no deploy goes without it: mizan secrets set {name} -e {}",
            app.env
        )),
    }
}

/// What was running and would be gone needs consent.
fn confirm_removals<O>(plan: &Plan<O>, terminal: Terminal) -> Result<()> {
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

fn save<S: Site>(path: &Path, look: &Look<S>) -> Result<()> {
    let lifetime = SignedDuration::from_hours(APPROVAL_HOURS);
    let (plan, basis) = (look.plan.clone(), look.basis.clone());
    let approval = Approval::new(plan, basis, VERSION, Timestamp::now(), lifetime);
    fs::write(path, approval.to_json()?)
        .context(ErrorKind::Failed, || format!("cannot write the plan to {}", path.display()))
}

/// Refuses unless the plan made now is the one that was approved.
fn require_approval<S: Site>(path: &Path, look: &Look<S>) -> Result<()> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path)
        .context(ErrorKind::Usage, || format!("cannot read the plan {file}"))?;
    let approval: Approval<S::Op> = Approval::from_json(&file, &text)?;
    approval.check(&look.plan, &look.basis, VERSION, Timestamp::now())
}
