//! How a workflow on GitHub signs in without any key that could leak: an app of Entra trusts the
//! tokens that GitHub gives to its workflows.
//! (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>)

use serde::Serialize;

use super::CustomRole;
use crate::targets::{
    azure::names::Scope,
    github::{ISSUER, Repository, Workflow},
};

/// Whom the tokens are for.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// Whose tokens an app trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FederatedCredential {
    /// Its name in the app.
    pub name: String,
    /// Who issues the tokens.
    pub issuer: String,
    /// What they have to say that they are of.
    pub subject: String,
    /// Whom they have to be for.
    pub audiences: [&'static str; 1],
}

/// The sign-in, with all that it consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GithubLogin {
    /// The name of the app that signs in.
    pub app: String,
    /// Whose tokens it trusts.
    pub credential: FederatedCredential,
    /// The role that it needs.
    pub role: CustomRole,
    /// The commands that make all of it.
    pub commands: Vec<String>,
}

impl GithubLogin {
    /// The sign-in for these workflows of a repository to deploy this environment.
    pub fn new(repository: &Repository, workflow: &Workflow, scope: &Scope) -> Self {
        let role = CustomRole::of(scope);
        let name = match workflow {
            Workflow::Environment(_) => "github-environment",
            Workflow::Branch(_) => "github-branch",
        };
        let credential = FederatedCredential {
            name: name.to_owned(),
            issuer: format!("https://{ISSUER}"),
            subject: workflow.subject(repository),
            audiences: [AUDIENCE],
        };
        let app = role.name.clone();
        let commands = commands(&app, &role, scope);
        Self { app, credential, role, commands }
    }
}

/// For files `credential.json` and `role.json` in the folder at hand.
fn commands(app: &str, role: &CustomRole, scope: &Scope) -> Vec<String> {
    let own = [
        format!(
            "az ad app create --display-name {app} --query appId --output tsv    # the APP_ID below"
        ),
        "az ad sp create --id APP_ID --query id --output tsv    # the OBJECT_ID below".to_owned(),
        "az ad app federated-credential create --id APP_ID --parameters credential.json".to_owned(),
    ];
    own.into_iter().chain(role.commands(scope, None)).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::reference::sample, *};

    #[test]
    fn only_the_named_workflows_are_trusted() {
        let repository = "octo-org/board".parse().expect("a repository");
        let subject = |workflow| GithubLogin::new(&repository, &workflow, &sample()).credential;
        let environment = subject(Workflow::Environment("production".into()));
        assert_eq!(environment.subject, "repo:octo-org/board:environment:production");
        let branch = subject(Workflow::Branch("main".into()));
        assert_eq!(branch.subject, "repo:octo-org/board:ref:refs/heads/main");
        assert_ne!(environment.name, branch.name, "one app may have both");
        assert_eq!(branch.audiences, ["api://AzureADTokenExchange"]);
    }
}
