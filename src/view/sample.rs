//! A plan and the events of its run with one of everything, for the tests of the views.

use crate::{
    engine::{Event, LogStream, Outcome},
    error::{Error, ErrorKind},
    plan::{Change, FieldDiff, FieldValue, Note, Plan, ResourceId, Step, StepId, Undo},
    schema::{
        ContextFacts, ParamFacts, ParamType, PolicyFacts, PolicyReport, Purge, SchemaFinding,
        Severity, Storage,
    },
};

fn field(field: &str, before: FieldValue, after: FieldValue) -> FieldDiff {
    FieldDiff { field: field.to_owned(), before, after }
}

fn step(kind: &'static str, name: &str, change: Change, undo: Undo<()>) -> Step<()> {
    let resource = ResourceId::new(kind, name);
    Step {
        id: resource.step_id(),
        resource,
        change,
        needs: vec![],
        op: (),
        undo,
        after_commit: false,
    }
}

fn restore() -> Undo<()> {
    Undo::Restore { op: Box::new(()) }
}

fn stays(why: &'static str) -> Undo<()> {
    Undo::None { why: why.into() }
}

fn image() -> Step<()> {
    let fields = vec![field("tag", FieldValue::Unset, "board:3f9a".into())];
    step("image", "board", Change::Create { fields }, stays("it stays in the engine's store"))
}

fn web() -> Step<()> {
    let image = FieldValue::After(StepId::new("image", "board"));
    let fields = vec![
        field("image", "board:77c1".into(), image),
        field("cpu", "0.5".into(), "1".into()),
        field("env.LOG_LEVEL", FieldValue::Unset, "debug".into()),
        field("env.DEBUG", "".into(), FieldValue::Unset),
        field("env.API_BASE", FieldValue::Masked, FieldValue::Masked),
    ];
    let needs = vec![StepId::new("image", "board")];
    Step { needs, ..step("service", "web", Change::Update { fields }, restore()) }
}

fn worker() -> Step<()> {
    let fields = vec![
        field("image", FieldValue::Unset, FieldValue::After(StepId::new("image", "board"))),
        field("secret.SECRET_KEY", FieldValue::Unset, FieldValue::Masked),
    ];
    step("service", "worker", Change::Create { fields }, Undo::Delete)
}

fn beat() -> Step<()> {
    let fields = vec![field("volumes.data", "/data".into(), "/app/data".into())];
    let why = "a container cannot change its volumes".to_owned();
    step("container", "beat", Change::Replace { why, fields }, restore())
}

/// One of everything.
pub(super) fn plan() -> Plan<()> {
    let what = "python manage.py migrate --noinput".to_owned();
    let migrate = step("release", "migrate", Change::Run { what }, stays("a migration stays"));
    let why = "no longer in mizan.yaml".to_owned();
    let old = step("service", "old", Change::Delete { why }, stays("its release is gone"));
    Plan {
        steps: vec![image(), migrate, web(), worker(), beat(), Step { after_commit: true, ..old }],
        unchanged: vec![ResourceId::new("network", "board"), ResourceId::new("volume", "data")],
        notes: vec![
            Note::Info("the base image was resolved 3 days ago".to_owned()),
            Note::Warning("SECRET_KEY will be written, not compared".to_owned()),
        ],
        policy: None,
    }
}

/// Two contexts, one of which was the other's kind before.
pub(super) fn policy() -> PolicyReport {
    let facts = |me| PolicyFacts {
        contexts: vec![context("me", me, &[]), context("post", Storage::Public, &["post_id"])],
        window: 300,
    };
    let before = facts(Storage::Public);
    let mut report = PolicyReport::new(&facts(Storage::Private), Some(("r3".to_owned(), &before)));
    report.findings = vec![SchemaFinding {
        severity: Severity::Warning,
        code: "mixed-auth".to_owned(),
        place: "schema.json:44:13".to_owned(),
        message: "the context `me` mixes who may call its functions".to_owned(),
        hint: "split it".to_owned(),
    }];
    report
}

fn context(name: &str, storage: Storage, params: &[&str]) -> ContextFacts {
    let param = |name: &&str| ParamFacts {
        name: (*name).to_owned(),
        required: true,
        kind: ParamType::Integer,
    };
    ContextFacts {
        name: name.to_owned(),
        storage,
        params: params.iter().map(param).collect(),
        max_age: 0,
        stale_while_revalidate: 300,
        purged_by: vec![Purge { mutation: "add_comment".to_owned(), params: Vec::new() }],
        announced: false,
    }
}

/// Names that try to break out of where they are put.
pub(super) fn hostile_plan() -> Plan<()> {
    let evil = "\u{1b}[2Ja|b`c`\n<script>@team #1 *x* [l](http://x.test) ${{ secrets.X }} </code>";
    let fields = vec![field(evil, evil.into(), evil.into())];
    let mut plan = plan();
    plan.steps = vec![step("service", evil, Change::Update { fields }, Undo::Delete)];
    plan.unchanged.clear();
    plan.notes = vec![Note::Warning(evil.to_owned())];
    plan
}

fn started(step: &Step<()>) -> Event {
    Event::StepStarted {
        step: step.id.clone(),
        resource: step.resource.clone(),
        change: step.change.clone(),
    }
}

fn log(step: &Step<()>, line: &str) -> Event {
    Event::StepLog { step: step.id.clone(), stream: LogStream::Output, line: line.to_owned() }
}

fn progress(step: &Step<()>, message: &str) -> Event {
    Event::StepProgress { step: step.id.clone(), message: message.to_owned() }
}

/// A failure with everything an error can tell.
pub(super) fn error() -> Error {
    Error::failed("service web did not become healthy")
        .cause("waited 60 s for /healthz")
        .cause("/healthz answers 502\nand nothing else")
        .hint("look at the log: mizan logs web")
}

/// The image is built, the worker fails, the image stays, the web cannot be taken back.
pub(super) fn failing_run() -> Vec<Event> {
    let (image, web, worker, beat) = (image(), web(), worker(), beat());
    let mut events = vec![Event::Started { steps: 4 }, started(&image)];
    events.push(progress(&image, "[3/7] RUN npm ci"));
    events.extend((1..=30).map(|n| log(&image, &format!("build line {n}"))));
    events.push(Event::StepFinished { step: image.id.clone(), millis: 4_210 });
    events.extend([started(&web), started(&worker), started(&beat)]);
    events.push(progress(&web, "waiting for /healthz: 502"));
    events.extend((1..=25).map(|n| log(&web, &format!("\u{1b}[31mweb line {n}"))));
    events.push(Event::StepFinished { step: beat.id.clone(), millis: 80 });
    let web_failed = error();
    events.push(Event::StepFailed { step: web.id.clone(), millis: 60_012, error: web_failed });
    let stopped = Error::new(ErrorKind::Interrupted, "interrupted");
    events.push(Event::StepFailed { step: worker.id.clone(), millis: 60_020, error: stopped });
    events.push(Event::Warning { message: "the engine answers slowly".into() });
    events.push(Event::UndoStarted { step: worker.id.clone() });
    events.push(Event::UndoFinished { step: worker.id });
    events.push(Event::UndoStarted { step: web.id.clone() });
    let undo_failed = Error::failed("container board-web-2 could not be removed").cause("in use");
    events.push(Event::UndoFailed { step: web.id.clone(), error: undo_failed });
    let why = "it stays in the engine's store".to_owned();
    events.push(Event::UndoSkipped { step: image.id, why });
    let outcome = Outcome::Stuck {
        failed: Some(web.id),
        error: error(),
        residue: vec![web.resource],
        committed: false,
    };
    events.push(Event::Finished(outcome));
    events
}

/// The user interrupts while the image is built.
pub(super) fn interrupted_run() -> Vec<Event> {
    let image = image();
    let error = Error::new(ErrorKind::Interrupted, "interrupted");
    vec![
        Event::Started { steps: 1 },
        started(&image),
        Event::Interrupted,
        Event::StepFailed { step: image.id.clone(), millis: 900, error: error.clone() },
        Event::UndoSkipped { step: image.id, why: "it stays in the engine's store".into() },
        Event::Finished(Outcome::RolledBack { failed: None, error }),
    ]
}

/// Everything goes well.
pub(super) fn clean_run() -> Vec<Event> {
    let plan = plan();
    let mut events = vec![Event::Started { steps: plan.steps.len() }];
    for step in &plan.steps {
        events.push(started(step));
        events.push(Event::StepFinished { step: step.id.clone(), millis: 1_500 });
    }
    events.push(Event::Finished(Outcome::Clean));
    events
}
