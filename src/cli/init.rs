//! `mizan init`: looks, asks what the files leave open, writes what is not there, shows the plan.

use std::{env, path::Path, process::ExitCode};

use serde::Serialize;

use super::{
    Done,
    args::{GlobalArgs, InitArgs, InitTarget},
    deploy,
    failure::Failure,
    output::Output,
    project::Project,
    site::on_target,
    terminal::Terminal,
};
use crate::{
    config::{self, ConfigFile},
    error::{Context, Error, ErrorKind, Result},
    init::{
        Answers, Cloud, Draft, Findings, Hints, Note, Place, Placed, Setup, Status, Stop, Tree,
        decide, detect, drafts, put,
    },
    model::EnvName,
    view::{self, PlanDocument},
};

/// What `init` answers.
#[derive(Serialize)]
struct Report<'a> {
    findings: &'a Findings,
    notes: &'a [Note],
    files: &'a [Placed],
    /// The plan of the environment `local`, if there is one and it was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a PlanDocument>,
}

/// The plan in both of its shapes.
struct Foreseen {
    document: PlanDocument,
    text: Vec<u8>,
}

/// Runs the command.
pub async fn run(args: &InitArgs, global: &GlobalArgs, output: &Output) -> Done {
    if global.config.is_some() {
        let error =
            Error::new(ErrorKind::Usage, "`init` writes mizan.yaml into the folder it runs in");
        return Err(error.hint("leave out --config; -C names another folder").into());
    }
    let root = env::current_dir()
        .context(ErrorKind::Failed, || "cannot tell the current folder".into())?;
    let terminal = Terminal::new(global.yes);
    let tree = Tree::read(&root)?;
    let findings = look(&tree, args, terminal)?;
    let answers = Answers { app: args.app.clone(), cloud: cloud(args, terminal)? };
    let mut setup = decide(&tree, &findings, &answers)?;
    if args.app.is_none() && terminal.can_ask() {
        let name = terminal.ask("The app's name", Some(setup.app.as_str()), "--app")?;
        setup = decide(&tree, &findings, &Answers { app: Some(name), ..answers })?;
    }
    let (files, notes) = wanted(&tree, &findings, &setup, args)?;
    let placed = files.iter().map(|file| put(&root, file)).collect::<Result<Vec<_>>>()?;
    let notes = [notes, own_dockerfile(&placed)].concat();
    let foreseen = match args.no_plan {
        true => Ok(None),
        false => Box::pin(foresee(&root, global)).await,
    };
    let plan = foreseen.as_ref().ok().and_then(Option::as_ref);
    tell(&findings, &notes, &placed, plan, output)?;
    foreseen?;
    output.say(match setup.cloud {
        Some(_) => "Next: mizan deploy -e local",
        None => "Next: mizan deploy",
    });
    Ok(ExitCode::SUCCESS)
}

/// Looks again and again, each time with one more answer, until nothing is left open.
fn look(tree: &Tree, args: &InitArgs, terminal: Terminal) -> Result<Findings> {
    let mut hints = Hints {
        project: args.project.clone(),
        settings: args.settings.clone(),
        requirements: args.requirements.clone(),
        python: args.python.clone(),
        frontend: args.frontend.clone(),
        frontend_output: args.frontend_output.clone(),
        no_frontend: args.no_frontend,
        health: args.health.clone(),
    };
    loop {
        match detect(tree, &hints) {
            Ok(findings) => return Ok(findings),
            Err(Stop::Ambiguous { question, choices, flag, answer }) => {
                answer(&mut hints, terminal.choose(question, &choices, flag)?);
            }
            Err(Stop::Error(error)) => return Err(*error),
        }
    }
}

/// Where the app runs besides this machine. Where nobody can be asked: nowhere.
fn cloud(args: &InitArgs, terminal: Terminal) -> Result<Option<Cloud>> {
    let target = match args.target {
        Some(target) => target,
        None if terminal.can_ask() => ask_target(terminal)?,
        None => InitTarget::Local,
    };
    let refuse = |given: bool, flag: &str, target: &str| match given {
        true => Err(Error::new(ErrorKind::Usage, format!("{flag} means nothing for {target}"))),
        false => Ok(()),
    };
    let ask = |given: &Option<String>, question: &str, flag: &str| match given {
        Some(given) => Ok(given.clone()),
        None => terminal.ask(question, None, flag),
    };
    let domain = || ask(&args.domain, "The host name, e.g. shop.example.com", "--domain");
    let cloud = match target {
        InitTarget::Local => {
            refuse(args.region.is_some(), "--region", "the target local")?;
            refuse(args.domain.is_some(), "--domain", "the target local")?;
            refuse(args.origin.is_some(), "--origin", "the target local")?;
            return Ok(None);
        }
        InitTarget::Aws => {
            refuse(args.origin.is_some(), "--origin", "the target aws")?;
            let region = ask(&args.region, "The region, e.g. eu-west-1", "--region")?;
            let domain = match (&args.domain, terminal.can_ask()) {
                (Some(domain), _) => Some(domain.clone()),
                (None, true) => {
                    let question = "The host name, with the edge on Cloudflare (empty: none yet)";
                    Some(terminal.ask(question, Some(""), "--domain")?).filter(|d| !d.is_empty())
                }
                (None, false) => None,
            };
            Cloud::Aws { region, domain }
        }
        InitTarget::Azure => {
            refuse(args.origin.is_some(), "--origin", "the target azure")?;
            Cloud::Azure {
                location: ask(&args.region, "The location, e.g. westeurope", "--region")?,
                domain: domain()?,
            }
        }
        InitTarget::Origin => {
            refuse(args.region.is_some(), "--region", "the target origin")?;
            Cloud::Origin {
                url: ask(&args.origin, "Where it runs, e.g. https://app.example.net", "--origin")?,
                domain: domain()?,
            }
        }
    };
    Ok(Some(cloud))
}

fn ask_target(terminal: Terminal) -> Result<InitTarget> {
    let choices = [
        ("only on this machine, for now", InitTarget::Local),
        ("on AWS (ECS on Fargate)", InitTarget::Aws),
        ("on Azure (Container Instances)", InitTarget::Azure),
        ("it runs somewhere already, and gets the edge", InitTarget::Origin),
    ];
    let texts: Vec<String> = choices.iter().map(|(text, _)| (*text).to_owned()).collect();
    let chosen = terminal.choose("Where shall it run", &texts, "--target")?;
    let found = choices.iter().find(|(text, _)| *text == chosen);
    Ok(found.map_or(InitTarget::Local, |(_, target)| *target))
}

/// The files that are wanted, checked before any is written; and all that there is to say.
fn wanted(
    tree: &Tree,
    findings: &Findings,
    setup: &Setup,
    args: &InitArgs,
) -> Result<(Vec<Draft>, Vec<Note>), Failure> {
    let (mut files, more) = drafts(tree, findings, setup, args.action.as_deref())?;
    if args.no_dockerfile {
        files.retain(|file| !matches!(file.path, "Dockerfile" | ".dockerignore"));
    }
    let mut notes = setup.notes.clone();
    if args.no_workflow {
        files.retain(|file| !file.path.starts_with(".github"));
    } else {
        notes.extend(more);
    }
    if let Some(config) = files.iter().find(|file| file.path == config::FILE_NAME) {
        // An answer that does not fit (a region that is none) is told at its place.
        let file = ConfigFile::parse("the new mizan.yaml", &config.text, tree.root())?;
        for env in file.environments() {
            file.resolve(env)?;
        }
    }
    Ok((files, notes))
}

/// What to know where mizan.yaml was made for another Dockerfile than the one that is there.
fn own_dockerfile(placed: &[Placed]) -> Vec<Note> {
    let is_own =
        |file: &&Placed| file.path == "Dockerfile" && matches!(file.status, Status::Differs { .. });
    let text = "this one stays, and mizan.yaml is made for the proposed one: see whether port, \
                folders of volumes and the folder of manage.py are the same";
    let note = |file: &Placed| Note { place: Some(Place::of(file.path)), text: text.into() };
    placed.iter().find(is_own).map(note).into_iter().collect()
}

/// The plan of the environment `local` of the mizan.yaml that is there now.
async fn foresee(root: &Path, global: &GlobalArgs) -> Result<Option<Foreseen>, Failure> {
    let file = config::load(&root.join(config::FILE_NAME))?;
    let local = EnvName::local();
    if !file.environments().any(|env| *env == local) {
        return Ok(None);
    }
    let app = file.resolve(&local)?;
    let project = Project { file, app };
    on_target!(project.app, S => {
        let plan = Box::pin(deploy::foresee::<S>(&project)).await?;
        let mut text = Vec::new();
        view::write_plan_text(&plan, global.verbose > 0, &mut text)
            .context(ErrorKind::Failed, || "cannot render the plan".into())?;
        Ok(Some(Foreseen { document: PlanDocument::from(&plan), text }))
    })
}

fn tell(
    findings: &Findings,
    notes: &[Note],
    files: &[Placed],
    plan: Option<&Foreseen>,
    output: &Output,
) -> Result<()> {
    let report = Report { findings, notes, files, plan: plan.map(|plan| &plan.document) };
    output.result(&report, |out| {
        view::write_findings_text(findings, out)?;
        view::write_placed_text(files, out)?;
        view::write_notes_text(notes, out)?;
        match plan {
            Some(plan) => out.write_all(&plan.text),
            None => Ok(()),
        }
    })
}
