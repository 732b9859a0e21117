//! Whether there is a person to ask, and the questions.

use std::{
    env,
    io::{IsTerminal, stderr, stdin},
};

use dialoguer::{Confirm, Input, Password, Select, theme::ColorfulTheme};

use crate::{
    error::{Context, Error, ErrorKind, Result},
    secret::SecretValue,
};

/// Asks questions, or refuses to where nobody can answer.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    person: bool,
    yes: bool,
}

impl Terminal {
    /// There is a person if input and messages are a terminal and this is not CI.
    pub fn new(yes: bool) -> Self {
        let ci = env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        Self { person: !yes && !ci && stdin().is_terminal() && stderr().is_terminal(), yes }
    }

    /// True if a question can be asked.
    pub fn can_ask(self) -> bool {
        self.person
    }

    /// Asks for consent; `--yes` gives it.
    ///
    /// # Errors
    /// Nobody can be asked, or the person declined.
    pub fn confirm(self, question: &str) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !self.person {
            return Err(Error::new(ErrorKind::Usage, format!("nobody can be asked: {question}"))
                .hint("--yes answers yes"));
        }
        let agreed = Confirm::with_theme(&ColorfulTheme::default())
            .with_prompt(question)
            .default(false)
            .interact()
            .context(ErrorKind::Failed, || "cannot ask".into())?;
        match agreed {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Interrupted, "nothing was changed")),
        }
    }

    /// Lets a person choose; `flag` says how to choose without one.
    ///
    /// # Errors
    /// Nobody can be asked.
    pub fn choose(self, question: &str, choices: &[String], flag: &str) -> Result<String> {
        if !self.person {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("{question}: {}", choices.join(", ")),
            )
            .hint(format!("choose with {flag}")));
        }
        let at = Select::with_theme(&ColorfulTheme::default())
            .with_prompt(question)
            .items(choices)
            .default(0)
            .interact()
            .context(ErrorKind::Failed, || "cannot ask".into())?;
        Ok(choices[at].clone())
    }

    /// Asks for a text; `flag` says how to give it without a person.
    ///
    /// # Errors
    /// Nobody can be asked.
    pub fn ask(self, question: &str, default: Option<&str>, flag: &str) -> Result<String> {
        if !self.person {
            return Err(Error::new(ErrorKind::Usage, format!("nobody can be asked: {question}"))
                .hint(format!("answer with {flag}")));
        }
        let theme = ColorfulTheme::default();
        let input = Input::with_theme(&theme).with_prompt(question);
        let input = match default {
            Some("") => input.allow_empty(true),
            Some(default) => input.default(default.to_owned()),
            None => input,
        };
        input.interact_text().context(ErrorKind::Failed, || "cannot ask".into())
    }

    /// Asks for a value without showing it.
    ///
    /// # Errors
    /// Nobody can be asked.
    pub fn ask_secret(self, name: &str) -> Result<SecretValue> {
        if !self.person {
            return Err(Error::new(ErrorKind::Usage, format!("no value for the secret {name}"))
                .hint(format!("mizan secrets set {name} < FILE")));
        }
        let value = Password::with_theme(&ColorfulTheme::default())
            .with_prompt(format!("Value of {name}"))
            .interact()
            .context(ErrorKind::Failed, || "cannot ask".into())?;
        Ok(SecretValue::new(value))
    }
}
