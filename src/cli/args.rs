//! What can be typed: one type per command. What it means is resolved elsewhere.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::styling};

use crate::targets::github::Repository;

/// Terminal colours of the help, as cargo's.
const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default().bold())
    .placeholder(styling::AnsiColor::Cyan.on_default());

/// Deploys Django + React apps that speak the Mizan protocol.
#[derive(Debug, Parser)]
#[command(name = "mizan", version, styles = STYLES, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options everywhere")]
pub struct GlobalArgs {
    /// The environment of mizan.yaml [default: the only one, else asked for].
    #[arg(short, long, global = true, value_name = "NAME", env = "MIZAN_ENV")]
    pub env: Option<String>,
    /// The configuration [default: mizan.yaml here or in a folder above].
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Runs as if started in this folder.
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// Answers yes to every question.
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Shape of the result on stdout.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Events as JSON lines on stdout, the result last.
    #[arg(long, global = true)]
    pub json: bool,
    /// Says nothing but the result and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Says more; twice for the tool's own log.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// No colours; so does the variable NO_COLOR.
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// Shape of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; documented in docs/.
    Json,
    /// For pull requests.
    #[value(alias = "md")]
    Markdown,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Looks at a Django + React repository and writes mizan.yaml and what belongs beside it.
    Init(InitArgs),
    /// Builds, migrates, starts and switches to a new release; does nothing if nothing changed.
    Deploy(DeployArgs),
    /// Shows what runs, where, and whether it is healthy.
    Status(StatusArgs),
    /// Lists the releases that can be rolled back to.
    Releases,
    /// Brings back the image and configuration of an earlier release.
    Rollback(RollbackArgs),
    /// Shows the logs of the services.
    Logs(LogsArgs),
    /// Runs a command in a new container of the live release.
    Run(RunArgs),
    /// Manages the values of secrets.
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Shows what the edge caches, and tells it that something has changed.
    #[command(subcommand)]
    Edge(EdgeCommand),
    /// Opens the site in the browser.
    Open,
    /// Removes everything of an environment; data only with --volumes.
    Destroy(DestroyArgs),
    /// Checks whether a deploy could go well: credentials, permissions, quotas, network.
    Doctor,
    /// Checks whether a running app keeps the rules of the protocol.
    Check(CheckArgs),
    /// Shows who holds the deploy lock; takes it away with --force.
    Unlock(UnlockArgs),
    /// Shows the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prints the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page.
    Man,
    /// Keeps the local front and Workers running. Started by `deploy`.
    #[command(name = "__supervise", hide = true)]
    Supervise(SuperviseArgs),
}

/// `mizan init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The app's name [default: that of the project].
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// The folder of manage.py [default: the only one, else asked for].
    #[arg(long, value_name = "DIR")]
    pub project: Option<String>,
    /// The settings module for servers [default: what asgi.py, wsgi.py or manage.py name].
    #[arg(long, value_name = "MODULE")]
    pub settings: Option<String>,
    /// The requirements file [default: found by its name].
    #[arg(long, value_name = "FILE")]
    pub requirements: Option<String>,
    /// The version of Python [default: what the project allows, best 3.12].
    #[arg(long, value_name = "VERSION")]
    pub python: Option<String>,
    /// The folder of package.json [default: the only one that builds, else asked for].
    #[arg(long, value_name = "DIR", conflicts_with = "no_frontend")]
    pub frontend: Option<String>,
    /// Where its build goes [default: what its configuration says].
    #[arg(long, value_name = "DIR", conflicts_with = "no_frontend")]
    pub frontend_output: Option<String>,
    /// Builds no frontend.
    #[arg(long)]
    pub no_frontend: bool,
    /// The path that answers 2xx when the app is well [default: found by its name].
    #[arg(long, value_name = "PATH")]
    pub health: Option<String>,
    /// Where the app runs besides this machine [default: asked for, else nowhere].
    #[arg(long, value_enum, value_name = "TARGET")]
    pub target: Option<InitTarget>,
    /// The region of AWS or the location of Azure.
    #[arg(long, value_name = "REGION", requires = "target")]
    pub region: Option<String>,
    /// The host name, which the edge on Cloudflare answers to.
    #[arg(long, value_name = "HOST", requires = "target")]
    pub domain: Option<String>,
    /// The URL where the app runs already, for the target `origin`.
    #[arg(long, value_name = "URL", requires = "target")]
    pub origin: Option<String>,
    /// The action that the workflow calls.
    #[arg(long, value_name = "OWNER/REPO@REF")]
    pub action: Option<String>,
    /// Writes no Dockerfile and no .dockerignore.
    #[arg(long)]
    pub no_dockerfile: bool,
    /// Writes no workflow.
    #[arg(long)]
    pub no_workflow: bool,
    /// Does not end with the plan.
    #[arg(long)]
    pub no_plan: bool,
}

/// Where an app runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InitTarget {
    /// The Docker engine of this machine, and nowhere else.
    Local,
    /// ECS on Fargate.
    Aws,
    /// Azure Container Instances, behind the edge.
    Azure,
    /// Somewhere already; it gets the edge.
    Origin,
}

/// `mizan deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Shows what would happen and changes nothing.
    #[arg(long)]
    pub plan: bool,
    /// Saves the plan as an approval.
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub out: Option<PathBuf>,
    /// Deploys only what this approval allows.
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    pub plan_file: Option<PathBuf>,
    /// Plans without Docker and network: what a first deploy would create.
    #[arg(long, requires = "plan", conflicts_with_all = ["out", "detailed_exitcode"])]
    pub offline: bool,
    /// With --plan: exits with 2 if there are changes.
    #[arg(long, requires = "plan")]
    pub detailed_exitcode: bool,
    /// Resolves base images anew and rebuilds without cache.
    #[arg(long)]
    pub refresh: bool,
    /// Waits for another deploy to end instead of giving up.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "600")]
    pub wait: Option<u64>,
    /// How many steps run at the same time; default: 4 on this machine, 16 in a cloud.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub parallel: Option<u8>,
}

/// `mizan status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Looks again every so many seconds and shows what changes, until Ctrl-C; default: 2 on this
    /// machine, 10 elsewhere.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub watch: Option<Option<u16>>,
}

/// `mizan rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The release, e.g. r3 [default: the one before the live one].
    #[arg(value_name = "RELEASE")]
    pub release: Option<String>,
    /// Shows what would happen and changes nothing.
    #[arg(long)]
    pub plan: bool,
    /// Waits for another deploy to end instead of giving up.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "600")]
    pub wait: Option<u64>,
}

/// `mizan logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The services [default: all].
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Goes on as new lines come.
    #[arg(short, long)]
    pub follow: bool,
    /// Lines from the past, per container.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub lines: u32,
    /// With the time of each line.
    #[arg(short, long)]
    pub timestamps: bool,
}

/// `mizan run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The command and its arguments.
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    pub command: Vec<String>,
}

/// `mizan secrets`.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Lists the secrets of mizan.yaml and whether they have a value.
    List,
    /// Sets a value, read from standard input or a file; a terminal asks for it.
    Set {
        /// The secret.
        name: String,
        /// Reads the value from this file.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Removes a value.
    Unset {
        /// The secret.
        name: String,
    },
}

/// `mizan edge`.
#[derive(Debug, Subcommand)]
pub enum EdgeCommand {
    /// Shows what the edge does with each context: as the source has it, else as it is live.
    Policy(PolicyArgs),
    /// Tells the edge that something has changed past the call path.
    Purge(PurgeArgs),
}

/// `mizan edge policy`.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// That of the live release, whatever the source has.
    #[arg(long)]
    pub live: bool,
}

/// `mizan edge purge`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct PurgeArgs {
    /// The context that has changed.
    #[arg(long, value_name = "NAME", group = "what")]
    pub context: Option<String>,
    /// Only its entries with this value; several narrow it down.
    #[arg(long, value_name = "NAME=VALUE", requires = "context", value_parser = name_and_value)]
    pub param: Vec<(String, String)>,
    /// Everything has changed.
    #[arg(long, group = "what")]
    pub all: bool,
}

/// `post_id=5`.
fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has no `=`")?;
    match name.is_empty() {
        true => Err("the name is missing".to_owned()),
        false => Ok((name.to_owned(), value.to_owned())),
    }
}

/// `mizan destroy`.
#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Also removes volumes and secrets: the data is gone.
    #[arg(long)]
    pub volumes: bool,
    /// Also removes what environments share (the bucket of the ledgers), if no other one is left.
    #[arg(long)]
    pub shared: bool,
    /// Shows what would happen and changes nothing.
    #[arg(long)]
    pub plan: bool,
    /// Waits for another deploy to end instead of giving up.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "600")]
    pub wait: Option<u64>,
}

/// `mizan check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The app: scheme and host [default: the live site of the environment].
    #[arg(value_name = "URL")]
    pub url: Option<String>,
    /// Expects the edge's answers instead of the app's own; so does an environment with an edge.
    #[arg(long)]
    pub edge: bool,
    /// Calls mutations as well: data changes.
    #[arg(long)]
    pub mutate: bool,
    /// The exported schema [default: that of the live release, else the one the app serves].
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// A value to call a context or function with, e.g. post.post_id=3.
    #[arg(long = "param", value_name = "NAME.PARAM=VALUE")]
    pub params: Vec<String>,
    /// The URL under which visitors know the app, if it is asked elsewhere.
    #[arg(long, value_name = "URL", requires = "url")]
    pub public_url: Option<String>,
    /// The environment variable with the Cookie header of somebody who is signed in.
    #[arg(long, value_name = "VARIABLE")]
    pub cookie: Option<String>,
    /// An environment variable with a header of somebody who is signed in: Authorization: Bearer …
    #[arg(long = "header", value_name = "VARIABLE")]
    pub headers: Vec<String>,
}

/// `mizan unlock`.
#[derive(Debug, Args)]
pub struct UnlockArgs {
    /// Takes the lock away from its holder, who stops at the next step.
    #[arg(long)]
    pub force: bool,
}

/// `mizan config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// The resolved configuration of an environment, secrets masked.
    Show,
    /// The JSON Schema of mizan.yaml.
    Schema,
    /// What a key of mizan.yaml means, and the value in force with the place it comes from.
    Explain(ExplainArgs),
    /// The smallest IAM policy with which the environment can be deployed to AWS.
    IamPolicy(AccountArgs),
    /// The smallest custom role with which the environment can be deployed to Azure.
    AzureRole(AzureRoleArgs),
    /// The role on AWS, or the sign-in to Azure, with which a workflow on GitHub deploys the
    /// environment.
    GithubRole(GithubRoleArgs),
}

/// `mizan config explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The key, e.g. services.web.health_timeout; NAME stands for any name.
    #[arg(value_name = "PATH")]
    pub path: String,
}

/// The account that a policy is for.
#[derive(Debug, Args)]
pub struct AccountArgs {
    /// The number of the AWS account [default: a placeholder].
    #[arg(long, value_name = "NUMBER")]
    pub account: Option<String>,
}

/// The subscription that a role is for.
#[derive(Debug, Args)]
pub struct SubscriptionArgs {
    /// The id of the Azure subscription [default: AZURE_SUBSCRIPTION_ID, else a placeholder].
    #[arg(long, value_name = "ID")]
    pub subscription: Option<String>,
}

/// `mizan config azure-role`.
#[derive(Debug, Args)]
pub struct AzureRoleArgs {
    /// The object id of who gets the role [default: a placeholder].
    #[arg(long, value_name = "OBJECT_ID")]
    pub principal: Option<String>,
    /// The subscription.
    #[command(flatten)]
    pub subscription: SubscriptionArgs,
}

/// `mizan config github-role`.
#[derive(Debug, Args)]
pub struct GithubRoleArgs {
    /// The repository whose workflows deploy.
    #[arg(value_name = "OWNER/REPO")]
    pub repository: Repository,
    /// Runs of this branch deploy [default: jobs in GitHub's environment of the same name].
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// The account.
    #[command(flatten)]
    pub account: AccountArgs,
    /// The subscription.
    #[command(flatten)]
    pub subscription: SubscriptionArgs,
}

/// `mizan __supervise`.
#[derive(Debug, Args)]
pub struct SuperviseArgs {
    /// The supervisor's folder.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Takes over the listening socket of the supervisor it replaces.
    #[arg(long)]
    pub inherit_socket: bool,
}
