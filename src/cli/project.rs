//! The project a command works on: mizan.yaml, and one environment of it.

use std::env;

use super::{args::GlobalArgs, failure::Failure, terminal::Terminal};
use crate::{
    config::{self, ConfigError, ConfigFile},
    error::{Context, Error, ErrorKind},
    model::{App, EnvName},
};

/// mizan.yaml and the app as one environment runs it.
pub struct Project {
    /// The file.
    pub file: ConfigFile,
    /// The app in the chosen environment.
    pub app: App,
}

impl Project {
    /// Reads the configuration and chooses the environment.
    ///
    /// # Errors
    /// There is no file, it is invalid, or the environment is not clear.
    pub fn load(global: &GlobalArgs) -> Result<Self, Failure> {
        let file = load_file(global)?;
        let env = choose(&file, global)?;
        let app = file.resolve(&env)?;
        Ok(Self { file, app })
    }

    /// The same, if there is a file.
    ///
    /// # Errors
    /// The file is invalid, or the environment is not clear.
    pub fn load_if_any(global: &GlobalArgs) -> Result<Option<Self>, Failure> {
        has_file(global)?.then(|| Self::load(global)).transpose()
    }

    /// The same, if there is a file and no need to ask for the environment.
    ///
    /// # Errors
    /// The file is invalid, or the environment that was named is not in it.
    pub fn load_if_clear(global: &GlobalArgs) -> Result<Option<Self>, Failure> {
        if !has_file(global)? {
            return Ok(None);
        }
        let file = load_file(global)?;
        let is_clear = global.env.is_some() || file.environments().count() == 1;
        is_clear.then(|| Self::load(global)).transpose()
    }
}

/// True if `--config` names a configuration, or there is one here or above.
fn has_file(global: &GlobalArgs) -> Result<bool, Failure> {
    if global.config.is_some() {
        return Ok(true);
    }
    let here = env::current_dir()
        .context(ErrorKind::Failed, || "cannot tell the current folder".into())?;
    Ok(!matches!(config::find(&here), Err(ConfigError::NotFound)))
}

/// The configuration that `--config` names, or the nearest one.
pub fn load_file(global: &GlobalArgs) -> Result<ConfigFile, Failure> {
    let path = match &global.config {
        Some(path) => path.clone(),
        None => {
            let here = env::current_dir()
                .context(ErrorKind::Failed, || "cannot tell the current folder".into())?;
            config::find(&here)?
        }
    };
    Ok(config::load(&path)?)
}

/// The environment: `--env`, the only one, or the one a person chooses.
fn choose(file: &ConfigFile, global: &GlobalArgs) -> Result<EnvName, Failure> {
    if let Some(name) = &global.env {
        return EnvName::new(name.clone()).map_err(|error| {
            Error::new(ErrorKind::Usage, format!("`{name}` is no environment")).cause(error).into()
        });
    }
    let names: Vec<&EnvName> = file.environments().collect();
    if let [only] = names.as_slice() {
        return Ok((*only).clone());
    }
    let choices: Vec<String> = names.iter().map(ToString::to_string).collect();
    let chosen = Terminal::new(global.yes).choose("Which environment", &choices, "--env")?;
    names
        .into_iter()
        .find(|name| name.as_str() == chosen)
        .cloned()
        .ok_or_else(|| Error::failed("no environment was chosen").into())
}
