//! Task queues: the commands of their workers and schedulers.

use super::settings::Settings;
use crate::init::{
    findings::{Packages, Place, Seen},
    python::statements,
    tree::{Tree, split},
};

type Command = Option<Seen<Vec<String>>>;

/// Queues whose worker is a command of manage.py: the package, its app, the command.
const MANAGED: [(&str, &str, &[&str]); 4] = [
    ("huey", "huey", &["run_huey"]),
    ("django-q2", "django_q", &["qcluster"]),
    ("django-rq", "django_rq", &["rqworker", "default"]),
    ("django-tasks", "django_tasks", &["db_worker"]),
];

/// The commands of the worker and of the scheduler.
pub(super) fn find(
    tree: &Tree,
    project: &str,
    settings: &Settings,
    packages: &Packages,
) -> (Command, Command) {
    if let Some(app) = celery(tree, project, packages) {
        return celery_commands(&app, tree, settings);
    }
    for (package, app, command) in MANAGED {
        let installed = settings.app(&[app]).filter(|_| packages.has(package));
        if let Some(Seen { place: Some(place), .. }) = installed {
            let words = ["python", "manage.py"].iter().chain(command).map(ToString::to_string);
            return (
                Some(Seen::at(words.collect(), place, format!("the worker of {package}"))),
                None,
            );
        }
    }
    (None, None)
}

/// The module of the Celery app: the package, if it is called as Celery looks for it.
fn celery(tree: &Tree, project: &str, packages: &Packages) -> Option<Seen<String>> {
    if !packages.has("celery") {
        return None;
    }
    let names = ["celery.py", "celery_app.py", "celeryapp.py"];
    let candidates = tree.below(project).filter(|path| names.contains(&split(path).1));
    for path in candidates {
        let Ok(text) = tree.text(path) else { continue };
        let made = statements(&text).into_iter().find(|statement| {
            let calls = |pair: &[_]| {
                let [name, open]: &[crate::init::python::Token] = pair else { return false };
                name.is_name("Celery") && open.is('(')
            };
            statement.assigned().is_some() && statement.tokens.windows(2).any(calls)
        });
        let Some(made) = made else { continue };
        let below = path.strip_prefix(project).unwrap_or(path).trim_start_matches('/');
        let module = below.trim_end_matches(".py").replace('/', ".");
        let module = module.strip_suffix(".celery").map_or(module.clone(), str::to_owned);
        return Some(Seen::at(module, Place::at(path, made.line), "the Celery app"));
    }
    None
}

fn celery_commands(app: &Seen<String>, tree: &Tree, settings: &Settings) -> (Command, Command) {
    let words = |rest: &[&str]| -> Vec<String> {
        let head = ["celery", "-A", app.value.as_str()];
        head.iter().chain(rest).map(ToString::to_string).collect()
    };
    let worker = app.clone().map(|_| words(&["worker", "--loglevel", "info"]));
    let scheduled = |name: &str| settings.place(name).map(|place| Seen::at(true, place, name));
    let in_database = settings.app(&["django_celery_beat"]);
    let in_code = app.place.as_ref().and_then(|place| {
        let line = super::project::line_in(tree, &place.file, "beat_schedule")?;
        Some(Seen::at(true, Place::at(&place.file, line), "beat_schedule"))
    });
    let code = scheduled("CELERY_BEAT_SCHEDULE").or(scheduled("CELERYBEAT_SCHEDULE")).or(in_code);
    let beat = match (in_database, code) {
        (Some(seen), _) => {
            let scheduler = "django_celery_beat.schedulers:DatabaseScheduler";
            let rest = ["beat", "--loglevel", "info", "--scheduler", scheduler];
            Some(seen.map(|_| words(&rest)))
        }
        // Its own file is lost with the container, which costs at most one run more.
        (None, Some(seen)) => {
            let rest = ["beat", "--loglevel", "info", "--schedule", "/tmp/celerybeat-schedule"];
            Some(seen.map(|_| words(&rest)))
        }
        (None, None) => None,
    };
    (Some(worker), beat)
}
