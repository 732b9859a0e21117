//! The local Docker engine. The first container of a group has the network, and the others are in
//! it: so they reach each other at localhost, as on Azure.

use std::{
    collections::BTreeMap,
    process::{self, Command, Output},
};

use super::{Condition, Engine, Program};

/// The containers that were started here; they go when this is dropped.
#[derive(Debug, Default)]
pub struct Docker {
    /// The containers of each group, by id: name in the group and name on the engine.
    groups: BTreeMap<String, Vec<(String, String)>>,
    started: u32,
}

impl Docker {
    fn name_of(&self, group: &str, container: &str) -> Option<&str> {
        let containers = self.groups.get(&group.to_lowercase())?;
        let (_, name) = containers.iter().find(|(inside, _)| inside == container)?;
        Some(name)
    }

    fn new_name(&mut self) -> String {
        self.started += 1;
        format!("mizan-azure-{}-{}", process::id(), self.started)
    }
}

impl Engine for Docker {
    fn start(&mut self, group: &str, programs: &[Program], ports: &[u16]) -> Result<(), String> {
        self.remove(group);
        let mut names = Vec::new();
        for program in programs {
            let name = self.new_name();
            let mut command = Command::new("docker");
            command.args(["run", "--detach", "--pull", "never", "--name", &name]);
            match names.first() {
                None => {
                    command.args(ports.iter().map(|port| format!("--publish=127.0.0.1::{port}")))
                }
                Some((_, first)) => command.arg(format!("--network=container:{first}")),
            };
            // Values stay out of the arguments, which everybody on the machine can read.
            for (key, value) in &program.environment {
                command.args(["--env", key]).env(key, value);
            }
            command.arg(&program.image).args(&program.command);
            names.push((program.name.clone(), name));
            self.groups.insert(group.to_lowercase(), names.clone());
            finished(&command.output().expect("docker runs"))?;
        }
        Ok(())
    }

    fn condition(&self, group: &str, container: &str) -> Option<Condition> {
        let name = self.name_of(group, container)?;
        let told = docker(&["inspect", "--format", "{{.State.Running}} {{.State.ExitCode}}", name]);
        let told = told.ok()?;
        match told.trim().split_once(' ')? {
            ("true", _) => Some(Condition::Running),
            (_, code) => Some(Condition::Ended(code.parse().ok()?)),
        }
    }

    fn logs(&self, group: &str, container: &str, tail: Option<u32>, timestamps: bool) -> String {
        let Some(name) = self.name_of(group, container) else { return String::new() };
        let tail = tail.map_or_else(|| "all".to_owned(), |tail| tail.to_string());
        let mut arguments = vec!["logs", "--tail", &tail];
        arguments.extend(timestamps.then_some("--timestamps"));
        arguments.push(name);
        let output = Command::new("docker").args(arguments).output().expect("docker runs");
        let both = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&both).into_owned()
    }

    fn published(&self, group: &str, port: u16) -> Option<u16> {
        let (_, first) = self.groups.get(&group.to_lowercase())?.first()?;
        let told = docker(&["port", first, &format!("{port}/tcp")]).ok()?;
        told.lines().next()?.rsplit(':').next()?.parse().ok()
    }

    fn remove(&mut self, group: &str) {
        // Those in the network of the first one go before it.
        for (_, name) in self.groups.remove(&group.to_lowercase()).into_iter().flatten().rev() {
            // One that could not be made is not there.
            let _ = docker(&["rm", "--force", "--volumes", &name]);
        }
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        for group in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.remove(&group);
        }
    }
}

fn docker(arguments: &[&str]) -> Result<String, String> {
    finished(&Command::new("docker").args(arguments).output().expect("docker runs"))
}

fn finished(output: &Output) -> Result<String, String> {
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
