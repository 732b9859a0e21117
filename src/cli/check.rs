//! `mizan check`: whether a running app keeps the rules of the protocol.

use std::{env, fs, path::Path, process::ExitCode};

use super::{
    Done,
    args::{CheckArgs, GlobalArgs},
    output::Output,
    project::Project,
    site::{Site, on_target},
};
use crate::{
    check::{self, Credentials, KnownSchema, Passage, Request, Samples, Through},
    error::{Context, Error, ErrorKind, Result},
    model::{App, SchemaSource},
};

/// Runs the command. Broken rules are its result, and decide its exit code.
pub async fn run(args: &CheckArgs, global: &GlobalArgs, output: &Output) -> Done {
    let place = match &args.url {
        Some(url) => given(url, args, global)?,
        None => {
            let app = Project::load(global)?.app;
            on_target!(app, S => Box::pin(live::<S>(&app)).await)?
        }
    };
    let schema = match &args.schema {
        Some(path) => Some(read_schema(path)?),
        None => place.schema,
    };
    let mut samples = place.samples;
    for param in &args.params {
        samples.add(param)?;
    }
    let request = Request {
        address: place.url,
        public_url: args.public_url.clone(),
        through: if args.edge { Through::Edge } else { place.through },
        schema,
        samples,
        credentials: credentials(args)?,
        passage: Passage::default(),
        mutate: args.mutate,
    };
    let report = Box::pin(check::check(request)).await?;
    output.check(&report)?;
    Ok(match report.is_fit() {
        true => ExitCode::SUCCESS,
        false => ErrorKind::Failed.exit_code().into(),
    })
}

/// What is checked, as far as the arguments leave it open.
struct Place {
    url: String,
    through: Through,
    schema: Option<KnownSchema>,
    samples: Samples,
}

/// Somewhere; mizan.yaml is of use if there is one.
fn given(
    url: &str,
    args: &CheckArgs,
    global: &GlobalArgs,
) -> Result<Place, super::failure::Failure> {
    let app = Project::load_if_clear(global)?.map(|project| project.app);
    let schema = match app.as_ref().map(|app| &app.schema) {
        Some(SchemaSource::File(path)) if args.schema.is_none() => Some(read_schema(path)?),
        _ => None,
    };
    let samples = app.as_ref().map(samples).unwrap_or_default();
    Ok(Place { url: url.to_owned(), through: Through::Origin, schema, samples })
}

/// The live site of an environment.
async fn live<S: Site>(app: &App) -> Result<Place, super::failure::Failure> {
    let site = S::open(app).await?;
    let release = site.live(app).await?;
    let path = match &app.schema {
        SchemaSource::None => {
            let message = format!("{} exports no schema: there is nothing to check", app.name);
            return Err(Error::new(ErrorKind::Usage, message)
                .hint("remove `schema: none` from mizan.yaml")
                .into());
        }
        SchemaSource::File(path) => Some(path.clone()),
        SchemaSource::Image => site.built_schema(app, &release).await,
    };
    Ok(Place {
        url: site.url(&release).await?,
        through: if app.edge.is_some() { Through::Edge } else { Through::Origin },
        schema: match path {
            Some(path) => {
                let from = format!("release {}", release.id);
                Some(KnownSchema { from, ..read_schema(&path)? })
            }
            None => None,
        },
        samples: samples(app),
    })
}

fn samples(app: &App) -> Samples {
    let params = app.edge.as_ref().map(|edge| edge.check.params.clone());
    Samples::new(params.unwrap_or_default())
}

fn read_schema(path: &Path) -> Result<KnownSchema> {
    let from = path.display().to_string();
    let text = fs::read_to_string(path)
        .context(ErrorKind::Usage, || format!("cannot read the schema {from}"))?;
    Ok(KnownSchema { from, text })
}

/// Credentials come from variables: every process of the machine sees the command line.
fn credentials(args: &CheckArgs) -> Result<Credentials> {
    let mut credentials = Credentials::default();
    if let Some(variable) = &args.cookie {
        credentials.set_cookie(variable, &variable_value("--cookie", variable)?)?;
    }
    for variable in &args.headers {
        credentials.add_header(variable, &variable_value("--header", variable)?)?;
    }
    Ok(credentials)
}

fn variable_value(flag: &str, variable: &str) -> Result<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if variable.is_empty() || !variable.chars().all(is_name) {
        // What was typed may be the credential itself, so it is not repeated.
        let message = format!("{flag} takes the name of an environment variable");
        return Err(Error::new(ErrorKind::Usage, message)
            .hint("a value on the command line would be seen by every process"));
    }
    env::var(variable).map_err(|_| {
        Error::new(ErrorKind::Usage, format!("{flag}: {variable} is not set"))
            .hint(format!("export {variable}=…"))
    })
}
