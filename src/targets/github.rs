//! Workflows on GitHub, as clouds that trust its tokens know them: no key is stored anywhere.
//! (<https://docs.github.com/actions/reference/security/oidc>)

use std::{fmt, str::FromStr};

/// Who issues the tokens.
pub const ISSUER: &str = "token.actions.githubusercontent.com";

/// A repository on GitHub: `OWNER/REPO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

impl FromStr for Repository {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_word = |word: &str, more: &str| {
            !word.is_empty()
                && word.chars().all(|it| it.is_ascii_alphanumeric() || more.contains(it))
        };
        match text.split_once('/') {
            Some((owner, name)) if is_word(owner, "-") && is_word(name, "-_.") => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(format!("{text:?} is no repository: it is written OWNER/REPO")),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which workflows of the repository may deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workflow {
    /// Jobs that run in this environment of GitHub, which can ask a person first.
    Environment(String),
    /// Runs for this branch.
    Branch(String),
}

impl Workflow {
    /// What the tokens of these workflows say that they are of.
    pub fn subject(&self, repository: &Repository) -> String {
        match self {
            Self::Environment(name) => format!("repo:{repository}:environment:{name}"),
            Self::Branch(name) => format!("repo:{repository}:ref:refs/heads/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_widen_the_trust_is_no_repository() {
        for text in ["board", "octo/*", "*/board", "octo/board:ref:x", "octo/", "/board", "o/b/c"] {
            assert!(text.parse::<Repository>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_named_workflows_are_meant() {
        let repository = "octo-org/board".parse().expect("a repository");
        let subject = |workflow: Workflow| workflow.subject(&repository);
        assert_eq!(
            subject(Workflow::Environment("production".into())),
            "repo:octo-org/board:environment:production"
        );
        assert_eq!(
            subject(Workflow::Branch("main".into())),
            "repo:octo-org/board:ref:refs/heads/main"
        );
    }
}
