//! Deploys that work, deploys that fail, and what they leave.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{
    App, Platform,
    platform::Machine,
    world::{World, assert_same},
};
use crate::support::Ended;

/// Deploys this version and sees it answer.
#[track_caller]
pub fn deploy_version<P: Platform>(platform: &P, version: impl ToString) -> World {
    let app = App::version(version);
    platform.write(&app);
    platform.deploy().expect(0);
    assert_eq!(platform.serving(), Ok(app.version));
    platform.world()
}

/// The world is what it was, and who answered still answers.
#[track_caller]
pub fn assert_untouched<P: Platform>(platform: &P, what: &str, before: &World, version: &str) {
    assert_eq!(platform.serving(), Ok(version.to_owned()), "{what}");
    assert_same(what, &before.lasting().identity(), &platform.world().lasting().identity());
}

/// A deploy of this app fails, is rolled back, and says why.
#[track_caller]
fn fails<P: Platform>(platform: &P, app: &App, why: &[&str]) {
    let before = deploy_version(platform, 1);
    platform.write(app);
    platform.deploy().expect(70).says(why);
    assert_untouched(platform, "after a failed deploy", &before, "1");
}

pub fn a_first_deploy_and_nothing_to_change<P: Platform>(platform: &P) {
    let first = deploy_version(platform, 1);
    let again = platform.deploy().expect(0).says(&["Nothing to change."]);
    assert!(again.stdout.starts_with("http"), "no URL: {}", again.stdout);
    let found = platform.world().identity();
    assert_same("after a deploy without a change", &first.identity(), &found);
}

pub fn a_new_version<P: Platform>(platform: &P) {
    let first = deploy_version(platform, 1);
    let second = deploy_version(platform, 2);
    let live = first.live.zip(second.live).expect("a live release");
    assert_eq!(live.0 + 1, live.1);
    platform.deploy().expect(0).says(&["Nothing to change."]);
}

pub fn a_release_that_is_not_healthy<P: Platform>(platform: &P) {
    // Time enough for a busy machine to start it and hear why.
    let app = App::version(2)
        .with_fault("unhealthy")
        .with_edit("health: /healthz", "health: /healthz, health_timeout: 15s");
    let why = ["did not become healthy", "500", "the database is on fire"];
    fails(platform, &app, &why);
}

pub fn a_release_that_crashes<P: Platform>(platform: &P) {
    // The engine may have started it again before anybody could see the exit code.
    let why = [" crashed", "cannot import name 'views'"];
    fails(platform, &App::version(2).with_fault("crash"), &why);
}

/// The cause is told when the first container cannot be started; nobody waits until one that never
/// was there is healthy.
pub fn an_image_that_cannot_start<P: Platform>(platform: &P) {
    const PATIENT: Duration = Duration::from_secs(1200);
    let before = deploy_version(platform, 1);
    for (command, why) in [
        // What is not in the image, and what is there and no program.
        (r#"["no-such-program"]"#, &["no-such-program", "not found"]),
        (r#"["/app/app.json"]"#, &["/app/app.json", "permission denied"]),
    ] {
        let health = "health: /healthz, health_timeout: 20m";
        let app = App::version(2).with_command(command).with_edit("health: /healthz", health);
        platform.write(&app);
        let begun = Instant::now();
        platform.deploy().expect(70).says(why);
        assert!(begun.elapsed() < PATIENT / 4, "told after {:?}", begun.elapsed());
        assert_untouched(platform, command, &before, "1");
    }
    deploy_version(platform, 2);
}

pub fn a_release_step_that_fails<P: Platform>(platform: &P) {
    let why = ["exit code 1", "relation \"app_release\" already exists"];
    fails(platform, &App::version(2).with_fault("migration-fails"), &why);
}

pub fn a_release_step_that_hangs<P: Platform>(platform: &P) {
    let app =
        App::version(2).with_fault("migration-hangs").with_edit("timeout: 60s", "timeout: 15s");
    fails(platform, &app, &["did not end within 15 s", "waiting for a lock"]);
}

pub fn a_rollback<P: Platform>(platform: &P) {
    deploy_version(platform, 1);
    let second = deploy_version(platform, 2);
    platform.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(platform.serving(), Ok("1".to_owned()));
    let third = platform.world();
    assert_eq!(third.live, second.live.map(|live| live + 1));
    // The source is version 2 still: deploying it goes forward again.
    platform.deploy().expect(0);
    assert_eq!(platform.serving(), Ok("2".to_owned()));
}

pub fn services_come_and_go<P: Platform>(platform: &P) {
    const WORKER: &str = "worker: {command: python manage.py worker, stop_timeout: 5s}";
    const BEAT: &str = "beat: {command: python manage.py beat, singleton: true, stop_timeout: 5s}";
    let first = deploy_version(platform, 1);
    assert_eq!(first.services, ["beat", "web", "worker"]);

    let renamed = "ticker: {command: python manage.py beat, singleton: true, stop_timeout: 5s, \
                   renamed_from: beat}\n  second: {command: python manage.py worker}";
    platform.write(&App::version(1).with_edit(WORKER, "").with_edit(BEAT, renamed));
    platform.deploy().expect(0);
    assert_eq!(platform.serving(), Ok("1".to_owned()));
    assert_eq!(platform.world().services, ["second", "ticker", "web"]);
    platform.deploy().expect(0).says(&["Nothing to change."]);
}

pub fn destroy_leaves_nothing<P: Platform>(platform: &P) {
    let nothing = platform.world();
    assert!(nothing.is_empty(), "{nothing:?}");
    deploy_version(platform, 1);
    deploy_version(platform, 2);
    platform.run(&["destroy", "--yes"]).expect(0);
    let kept = platform.world();
    match P::KEPT {
        Some(what) => {
            assert!(kept.shape().iter().any(|fact| fact.starts_with(what)), "it is gone: {kept:?}")
        }
        None => assert!(kept.is_empty(), "it is left: {kept:?}"),
    }
    assert_eq!(kept.services, [""; 0]);
    platform.destroy();
    let left = platform.world().identity();
    assert_same("after destroy --volumes", &[], &left);
    // Nothing is what a second one finds, and it leaves no more than that.
    let again = platform.run(&["destroy", "--yes", "--volumes"]).expect(0);
    assert!(again.stdout.starts_with("nothing of "), "{}", again.stdout);
    assert_same("after a second destroy", &[], &platform.world().identity());
}

pub fn two_at_once<P: Platform>(platform: &P) {
    let before = deploy_version(platform, 1);
    platform.write(&App::version(2));
    let traffic = step_like(platform, P::STAGES.last().expect("a stage"));
    let mut first = platform.begin(&format!("hang:before:{traffic}"));
    first.wait_for_step(&traffic);
    platform.deploy().expect(75).says(&["is locked", "mizan deploy"]);
    first.signal(Signal::INT);
    first.end().expect(130);
    assert_untouched(platform, "after an interrupt", &before, "1");
    platform.deploy().expect(0);
    assert_eq!(platform.serving(), Ok("2".to_owned()));
}

/// Both end well; there is one new release, and whoever came second found nothing more to do.
pub fn two_at_once_who_wait<P: Platform>(platform: &P) {
    let before = deploy_version(platform, 1);
    platform.write(&App::version(2));
    let deploy = || platform.mizan(&["deploy", "--yes", "--wait"]).spawn().expect("mizan starts");
    let both = [deploy(), deploy()];
    let ended = both.map(|run| Ended::from(run.wait_with_output().expect("its end")).expect(0));
    let idle = ended.iter().filter(|end| end.stderr.contains("Nothing to change.")).count();
    assert_eq!(idle, 1, "{ended:?}");
    assert_eq!(ended[0].stdout, ended[1].stdout, "one URL");
    assert_eq!(platform.serving(), Ok("2".to_owned()));
    assert_eq!(platform.world().live, before.live.map(|live| live + 1));
}

pub fn an_interrupt<P: Platform>(platform: &P) {
    // Of a first deploy nothing stays but what is a cache, and the secrets it made up.
    platform.write(&App::version(1));
    for step in P::FIRST {
        let step = step_like(platform, step);
        let mut run = platform.begin(&format!("hang:after:{step}"));
        run.wait_for_step(&step);
        run.signal(Signal::INT);
        run.end().expect(130);
        let left = platform.world();
        assert!(
            !left.lasting().identity().iter().any(|fact| !fact.starts_with("folder ")),
            "{left:?}"
        );
    }
    deploy_version(platform, 1);
}

pub fn an_interrupt_of_the_release_step<P: Platform>(platform: &P) {
    let before = deploy_version(platform, 1);
    platform.write(&App::version(2).with_fault("migration-hangs"));
    let mut run = platform.begin("");
    run.wait_for(|event| event["event"] == "step_log" && event["line"] == "waiting for a lock");
    run.signal(Signal::INT);
    run.end().expect(130);
    assert_untouched(platform, "after an interrupt", &before, "1");
}

pub fn a_front_that_died<P: Machine>(platform: &P) {
    let before = deploy_version(platform, 1);
    platform.kill_front();
    platform.deploy().expect(0);
    assert_eq!(platform.serving(), Ok("1".to_owned()));
    assert_same("after the front came back", &before.shape(), &platform.world().shape());

    // A deploy that fails leaves the front that it started: with it the old release is back.
    platform.kill_front();
    platform.write(&App::version(2).with_fault("migration-fails"));
    platform.deploy().expect(70);
    assert_eq!(platform.serving(), Ok("1".to_owned()));
    let after = deploy_version(platform, 1);
    assert_same("after a failed deploy", &before.lasting().shape(), &after.lasting().shape());
}

pub fn a_web_service_that_nobody_reaches<P: Machine>(platform: &P) {
    deploy_version(platform, 1);
    platform.cut_off();
    platform.deploy().expect(0);
    assert_eq!(platform.serving(), Ok("1".to_owned()));

    platform.freeze();
    platform.deploy().expect(0);
    assert_eq!(platform.serving(), Ok("1".to_owned()));
    platform.deploy().expect(0).says(&["Nothing to change."]);
}

/// Render notes it behind its answer, and `mizan doctor` tells it.
pub fn a_page_that_a_browser_would_render_otherwise<P: Machine>(platform: &P) {
    let doctor = || platform.run(&["doctor"]).expect(0).stdout;
    let says = |told: &str, words: &[&str]| {
        words.iter().for_each(|word| assert!(told.contains(word), "{word:?} is missing:\n{told}"));
    };
    platform.write(&App::version(1));
    says(&doctor(), &["skipped  hydration", "nothing is live"]);
    deploy_version(platform, 1);
    says(&doctor(), &["ok       hydration", "the log of r1 names no page"]);
    platform.write(&App::version(2).with_fault("clock"));
    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
    let told = loop {
        let told = doctor();
        if !told.contains("the log of r2 names no page") {
            break told;
        }
    };
    let page = "in the log of r2: the page Home (/) may not hydrate: what it shows depends on the \
                clock (Date)";
    says(&told, &["warning  hydration", page, "docs/render-bundle.md"]);
}

pub fn something_of_somebody_else<P: Platform>(platform: &P) {
    let theirs = platform.squat();
    platform.write(&App::version(1));
    let (code, words) = P::FOREIGN;
    platform.deploy().expect(code).says(&[&theirs, words]);
    assert!(platform.unsquat(&theirs), "it was left alone");
    deploy_version(platform, 1);
}

pub fn a_change_of_mind_after_a_kill<P: Platform>(platform: &P) {
    let before = deploy_version(platform, 1);
    for step in P::STAGES {
        platform.write(&App::version(2));
        let step = step_like(platform, step);
        assert_eq!(platform.deploy_with(&format!("kill:after:{step}")).code, None);
        let after = deploy_version(platform, 1);
        // Nothing of the version that nobody wants any more runs or is kept, but its image.
        let others = after.lasting().shape().into_iter().filter(|fact| fact.contains("(live+"));
        assert_same(&format!("changed after {step}"), &[], &others.collect::<Vec<_>>());
        let count = |world: &World, what: &str| {
            world.shape().iter().filter(|fact| fact.starts_with(what)).count()
        };
        for what in ["container ", "generation ", "process "] {
            assert_eq!(count(&before, what), count(&after, what), "{what}: {after:?}");
        }
        platform.deploy().expect(0).says(&["Nothing to change."]);
    }
}

/// The release that is live is the one that was recorded last, whatever a killed deploy had rolled out. (On this
/// machine it is the one that the front serves.)
pub fn a_failure_that_goes_on_after_a_kill<P: Platform>(platform: &P) {
    let before = deploy_version(platform, 1);
    platform.write(&App::version(2));
    let record = step_like(platform, "release/");
    assert_eq!(platform.deploy_with(&format!("kill:before:{record}")).code, None);
    let record = step_like(platform, "release/");
    platform.deploy_with(&format!("fail:before:{record}")).expect(70);
    assert_untouched(platform, "after a kill and a failure", &before, "1");
    deploy_version(platform, 2);
}

/// The step of the next deploy whose id begins like this.
#[track_caller]
fn step_like<P: Platform>(platform: &P, begin: &str) -> String {
    let steps = platform.steps(&["deploy"]);
    let found = steps.iter().find(|step| step.id.starts_with(begin));
    found.unwrap_or_else(|| panic!("no step {begin} in {steps:?}")).id.clone()
}
