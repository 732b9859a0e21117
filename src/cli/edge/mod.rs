//! `mizan edge`: what the edge caches, and the word from outside that something has changed.

mod policy;
mod purge;

use super::{
    Done,
    args::{EdgeCommand, GlobalArgs},
    output::Output,
    project::Project,
    site::on_target,
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{App, SchemaSource},
};

/// Runs the command.
pub async fn run(command: &EdgeCommand, global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    require_edge(&app)?;
    on_target!(app, S => match command {
        EdgeCommand::Policy(args) => Box::pin(policy::run::<S>(args, &app, output)).await,
        EdgeCommand::Purge(args) => Box::pin(purge::run::<S>(args, &app, global, output)).await,
    })
}

/// Without an edge nothing is cached.
fn require_edge(app: &App) -> Result<()> {
    let error = |message: String| Error::new(ErrorKind::Usage, message);
    if app.edge.is_none() {
        return Err(error(format!("the edge of environment {} is off", app.env))
            .hint("`edge: {on: [cloudflare]}` puts it before a cloud"));
    }
    if app.schema == SchemaSource::None {
        return Err(error(format!("{} exports no schema, so its edge caches nothing", app.name))
            .hint("`schema: auto` takes it out of the image"));
    }
    Ok(())
}
