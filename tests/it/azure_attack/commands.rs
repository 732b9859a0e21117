//! `mizan run` and `mizan logs`: commands that end in every way, are interrupted, or run while
//! somebody deploys.

use std::{
    process::{Child, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::*;

/// A command that ends only when it is ended.
const FOR_EVER: [&str; 4] = ["run", "--", "sleep", "600"];

/// The groups of commands.
fn running(platform: &Instances) -> Vec<String> {
    let mut ids = ids(platform, "containerGroups");
    ids.retain(|id| id.contains("-run-"));
    ids
}

/// Starts a command, and waits until its container runs.
fn begin(platform: &Instances) -> Child {
    let child = platform.mizan(&FOR_EVER).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    let runs = || {
        let world = platform.azure().seen();
        world.iter().any(|it| {
            it.name.contains("-run-")
                && it.state["properties"]["instanceView"]["state"] == "Running"
        })
    };
    while !runs() {
        assert!(Instant::now() < deadline, "the command does not run");
        thread::sleep(Duration::from_millis(100));
    }
    child
}

fn end(mut child: Child, signal: Signal) -> ExitStatus {
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait().unwrap()
}

#[test]
fn a_command_gets_its_words_and_hands_back_what_it_says_and_its_exit_code() {
    let platform = light();
    deploy(&platform, &App::version(1));
    let say = |command: &[&str], code: i32| {
        platform.run(&[&["run", "--"], command].concat()).expect(code).stdout
    };
    let words = ["it's", "\"x\"", "$HOME", "", "a b", "*", "new\nline", "-c", "é"];
    let print = ["python", "-c", "import sys, json; print(json.dumps(sys.argv[1:]))"];
    let heard: Vec<String> = serde_json::from_str(&say(&[&print[..], &words].concat(), 0)).unwrap();
    assert_eq!(heard, words);

    assert_eq!(say(&["sh", "-c", "echo out; echo err >&2; exit 3"], 3).lines().count(), 2);
    assert_eq!(say(&["printf", "abc"], 0), "abc\n");
    assert_eq!(say(&["printf", "\\nabc\\n\\n"], 0), "\nabc\n\n");
    assert_eq!(say(&["true"], 0), "");
    assert_eq!(say(&["python", "-c", "import os; os.kill(os.getpid(), 9)"], 137), "Killed\n");
    assert!(say(&["no-such-program"], 127).contains("no-such-program"));
    assert_eq!(running(&platform), Vec::<String>::new());
}

/// Longer ones come in parts of 16 KiB from the engine that stands in, with a time before each.
#[test]
fn long_lines_come_whole() {
    let platform = light();
    deploy(&platform, &App::version(1));
    let print = "print('x' * 16_000); print('end')";
    let said = platform.run(&["run", "--", "python", "-c", print]).expect(0).stdout;
    assert_eq!(said, format!("{}\nend\n", "x".repeat(16_000)));
}

#[test]
fn a_command_that_is_interrupted_leaves_nothing_and_one_that_runs_is_left_alone_by_a_deploy() {
    let platform = light();
    deploy(&platform, &App::version(1));
    for signal in [Signal::INT, Signal::TERM] {
        let child = begin(&platform);
        assert_eq!(end(child, signal).code(), Some(130), "{signal:?}");
        assert_eq!(running(&platform), Vec::<String>::new(), "{signal:?}");
    }

    let child = begin(&platform);
    let of_somebody = running(&platform);
    deploy(&platform, &App::version(2)).says(&["runs a command"]);
    assert_eq!(running(&platform), of_somebody);
    let status = platform.run(&["status"]).expect(0);
    assert!(!status.stdout.contains("-run-"), "{}", status.stdout);
    assert_eq!(end(child, Signal::INT).code(), Some(130));

    // What a killed one leaves, somebody may still read.
    assert_eq!(end(begin(&platform), Signal::KILL).code(), None);
    platform.deploy().expect(0);
    assert_eq!(running(&platform).len(), 1);
    platform.destroy();
    assert_eq!(running(&platform), Vec::<String>::new());
}

#[test]
fn an_image_without_a_shell_runs_and_its_commands_are_refused_with_the_engines_words() {
    let platform = light();
    let no_shell = "[\"python\", \"manage.py\", \"web\"]\nRUN rm /bin/sh";
    deploy(&platform, &App::version(1).with_command(no_shell).with_edit(RELEASE, ""));
    let run = platform.run(&["run", "--", "python", "-c", "1"]).expect(1);
    run.says(&["could not be started", "the image needs /bin/sh"]);
    assert_eq!(running(&platform), Vec::<String>::new());

    // Nor is there a release step, and the next deploy does not wait for it.
    platform.write(&App::version(2).with_command(no_shell));
    platform.deploy().expect(70).says(&["could not be started", "the image needs /bin/sh"]);
    assert_eq!(platform.serving(), Ok("1".to_owned()));
    deploy(&platform, &App::version(2));
}
