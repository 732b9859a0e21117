//! What a target offers to the suite.

use std::process::Command;

use serde_json::Value;

use super::{World, table::is_every_step};
use crate::support::{Ended, Running, strikes::Striker};

/// The app to deploy: a version of the fixture, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct App {
    /// What it answers with.
    pub version: String,
    /// How it fails; the fixture's `manage.py` knows the words.
    pub fault: &'static str,
    /// Replacements in its `mizan.yaml`.
    pub edits: Vec<(&'static str, &'static str)>,
    /// What its image runs, as a Dockerfile writes it.
    pub command: &'static str,
}

/// What the fixture's image runs.
const COMMAND: &str = r#"["python", "manage.py", "web"]"#;

impl App {
    /// A version that works.
    pub fn version(version: impl ToString) -> Self {
        Self { version: version.to_string(), fault: "", edits: Vec::new(), command: COMMAND }
    }

    /// The same with a fault.
    pub fn with_fault(self, fault: &'static str) -> Self {
        Self { fault, ..self }
    }

    /// The same with an image that runs something else.
    pub fn with_command(self, command: &'static str) -> Self {
        Self { command, ..self }
    }

    /// Its Dockerfile, made of the fixture's.
    pub fn dockerfile(&self, fixture: &str) -> String {
        assert!(fixture.contains(COMMAND), "the fixture runs something else");
        fixture.replace(COMMAND, self.command)
    }

    /// The same with something replaced in `mizan.yaml`.
    pub fn with_edit(mut self, from: &'static str, to: &'static str) -> Self {
        self.edits.push((from, to));
        self
    }
}

/// A step of a plan, as `--plan --format json` tells it.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// It runs after traffic has moved.
    pub after_commit: bool,
    /// It can be taken back.
    pub has_undo: bool,
}

/// A place to deploy to, of its own: what it holds was made by this test.
pub trait Platform {
    /// What the result table calls it.
    const NAME: &'static str;
    /// How the steps of an update begin that change what visitors see, the last of them moves the
    /// traffic.
    const STAGES: &'static [&'static str];
    /// The same of a first deploy.
    const FIRST: &'static [&'static str] = Self::STAGES;
    /// How the facts begin that are data, which only `destroy --volumes` takes; nothing is.
    const KEPT: Option<&'static str>;
    /// What a deploy ends with that finds something of somebody else in its way, and says of it.
    const FOREIGN: (i32, &'static str);
    /// Without a full run, of so many steps one is struck.
    const STRIDE: usize = 1;
    /// What may lie there after a first deploy that failed: it costs nothing and hinders nobody.
    const RESTS: &'static [&'static str] = &["folder "];

    /// The source becomes this app.
    fn write(&self, app: &App);

    /// `mizan`, with these arguments, for this platform; stdout and stderr are captured.
    fn mizan(&self, arguments: &[&str]) -> Command;

    /// Everything that exists there now.
    fn world(&self) -> World;

    /// The version that answers a visitor, or why none does.
    fn serving(&self) -> Result<String, String>;

    /// Something of somebody else takes a name that the first release would need;
    /// answers how it is told from others.
    fn squat(&self) -> String;

    /// What somebody else had put there is taken away; false if it was gone.
    fn unsquat(&self, what: &str) -> bool;

    /// From now on the app has only what every deploy needs.
    fn lighten(&self) {}

    /// The same, unless every step is to be struck: then it has everything.
    fn lighten_a_sample(&self) {
        if !is_every_step() {
            self.lighten();
        }
    }

    /// Runs `mizan` to its end.
    fn run(&self, arguments: &[&str]) -> Ended {
        self.mizan(arguments).output().expect("mizan runs").into()
    }

    /// Deploys what is written.
    fn deploy(&self) -> Ended {
        self.run(&["deploy", "--yes"])
    }

    /// Deploys with a fault, as `MIZAN_FAULT` writes it.
    fn deploy_with(&self, fault: &str) -> Ended {
        let mut command = self.mizan(&["deploy", "--yes"]);
        command.env("MIZAN_FAULT", fault).output().expect("mizan runs").into()
    }

    /// Begins a deploy whose events can be followed.
    fn begin(&self, fault: &str) -> Running {
        Running::start(self.mizan(&["deploy", "--yes", "--json"]).env("MIZAN_FAULT", fault))
    }

    /// The steps that a command would take.
    fn steps(&self, command: &[&str]) -> Vec<Step> {
        let arguments = [command, &["--plan", "--format", "json"]].concat();
        let plan: Value =
            serde_json::from_str(&self.run(&arguments).expect(0).stdout).expect("a plan");
        let steps = plan["steps"].as_array().expect("its steps").iter();
        let step = |step: &Value| Step {
            id: step["id"].as_str().expect("an id").to_owned(),
            after_commit: step["after_commit"].as_bool().expect("a place"),
            has_undo: step["undo"]["undo"] != "none",
        };
        steps.map(step).collect()
    }

    /// Everything goes, the data too.
    fn destroy(&self) {
        self.run(&["destroy", "--yes", "--volumes"]).expect(0);
    }
}

/// A platform whose containers and front can be got at behind our back.
pub trait Machine: Platform {
    /// The front dies without a word, as when the machine restarts.
    fn kill_front(&self);

    /// The container of the live web service loses its network, behind our back.
    fn cut_off(&self);

    /// The container of the live web service stands still, behind our back.
    fn freeze(&self);
}

/// A platform that is reached by calls over the network.
pub trait Cloud: Platform {
    /// Who hears every call; it can strike them.
    type Striker: Striker;

    /// Who hears every call of this environment.
    fn striker(&self) -> &Self::Striker;

    /// The name of the app, which is part of the names of all that is made for it.
    fn app(&self) -> &str;
}
