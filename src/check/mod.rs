//! The conformance check: does a running app keep the rules that the edge relies on?
//!
//! Questions are asked and recorded first (`gather`), then judged (`judge`): the rules are pure.
//! Nothing is changed, unless the person said that mutations may be called.

mod ask;
mod exchange;
mod gate;
mod gather;
mod judge;
mod mask;
mod passage;
mod place;
mod question;
#[cfg(test)]
mod reference;
mod report;
mod rule;
mod sample;
mod who;

use ask::{AT_A_TIME, Asker};
use futures_util::{StreamExt, stream};
pub use gate::Gate;
pub use passage::Passage;
use question::Question;
pub use report::{Evidence, Finding, Report, State, Summary, Through};
pub use rule::{RULES, Rule, RuleId, Severity};
pub use sample::Samples;
pub use who::Credentials;

use crate::{
    error::{Error, ErrorKind, Result},
    schema::{FunctionKind, Schema},
};

/// A schema, and where it came from.
#[derive(Debug, Clone)]
pub struct KnownSchema {
    /// Where it came from, in a few words.
    pub from: String,
    /// Its text.
    pub text: String,
}

/// What is checked, and how.
#[derive(Debug)]
pub struct Request {
    /// Where the app is asked: scheme and host.
    pub address: String,
    /// Where visitors find it, if that is another URL: then it is asked as the edge asks.
    pub public_url: Option<String>,
    /// What is expected there.
    pub through: Through,
    /// The schema that was built; without it, the one that the app serves.
    pub schema: Option<KnownSchema>,
    /// Values to call contexts and functions with.
    pub samples: Samples,
    /// What signs a visitor in.
    pub credentials: Credentials,
    /// How the app is reached, if its address alone does not lead there.
    pub passage: Passage,
    /// Mutations may be called.
    pub mutate: bool,
}

/// Checks an app.
///
/// # Errors
/// It cannot be reached, or nobody knows its schema. A broken rule is no error.
pub async fn check(request: Request) -> Result<Report> {
    let Request { address, public_url, through, schema, samples, credentials, passage, mutate } =
        request;
    let asker = Asker::new(&address, public_url.as_deref(), credentials, passage, through)?;
    let is_built = schema.is_some();
    let known = match schema {
        Some(known) => known,
        None => served(&asker).await?,
    };
    let problems = judge::problems(&known.from, &known.text);
    let mut findings = problems.findings;
    if let Some(schema) = &problems.schema {
        samples.must_fit(schema)?;
        let built = is_built.then_some(known.text.as_str());
        findings.extend(of_app(&asker, schema, built, &samples, mutate).await?);
    }
    Ok(Report::new(asker.url(), through, known.from, findings, &asker.secrets()))
}

/// The schema that the app serves.
async fn served(asker: &Asker) -> Result<KnownSchema> {
    let path = gather::schema_path(&Schema::none());
    let exchange = asker.ask(Question::get(path.clone())).await;
    let unknown = |why: String| {
        let message = format!("the schema of {} is not known", asker.url());
        Error::failed(message).cause(why).hint("name it: --schema FILE")
    };
    match exchange.answer {
        Err(error) => Err(unreachable(asker, error)),
        Ok(answer) if answer.status.is_success() && answer.json().is_some() => Ok(KnownSchema {
            from: format!("GET {path}"),
            text: String::from_utf8_lossy(&answer.body).into_owned(),
        }),
        Ok(answer) => Err(unknown(format!("GET {path}: {}", answer.status))),
    }
}

fn unreachable(asker: &Asker, why: String) -> Error {
    let message = format!("{} cannot be reached", asker.url());
    Error::new(ErrorKind::Unavailable, message).cause(why)
}

/// Asks and judges everything that takes a running app.
async fn of_app(
    asker: &Asker,
    schema: &Schema,
    built: Option<&str>,
    samples: &Samples,
    mutate: bool,
) -> Result<Vec<Finding>> {
    let site = gather::site(asker, schema).await;
    if let (Err(why), Err(_)) = (&site.health.answer, &site.unknown_context.answer) {
        return Err(unreachable(asker, why.clone()));
    }
    let mut findings = judge::site(&site);
    findings.push(judge::live(&site.schema, built));
    findings.extend(of_contexts(asker, schema, samples).await);
    findings.extend(of_mutations(asker, schema, samples, mutate).await);
    Ok(findings)
}

/// Few contexts at a time: of each, all answers are kept until it is judged.
async fn of_contexts(asker: &Asker, schema: &Schema, samples: &Samples) -> Vec<Finding> {
    let through = asker.through();
    let contexts = schema.contexts.iter().map(|context| async move {
        judge::context(&gather::context(asker, context, samples).await, through)
    });
    let contexts: Vec<_> = contexts.collect();
    let judged: Vec<_> = stream::iter(contexts).buffered(AT_A_TIME).collect().await;
    judged.concat()
}

/// Reads are over when calls begin: those change what is read.
async fn of_mutations(
    asker: &Asker,
    schema: &Schema,
    samples: &Samples,
    mutate: bool,
) -> Vec<Finding> {
    let is_mutation = |kind| kind == FunctionKind::Mutation;
    let mut mutations: Vec<_> =
        schema.functions.iter().filter(|function| is_mutation(function.kind)).collect();
    mutations.sort_by(|one, other| one.name.cmp(&other.name));
    let subject = format!("POST {}", gather::call_path(schema));
    if mutations.is_empty() {
        let mut findings = judge::no_call(&subject);
        findings.extend(judge::no_mutation("the app has no mutations"));
        return findings;
    }
    let mut findings = judge::call(&subject, &gather::CallSeen::gather(asker, schema).await);
    if !mutate {
        findings.extend(judge::no_mutation("mutations are called only with --mutate"));
        return findings;
    }
    for function in mutations {
        let seen = gather::mutation(asker, schema, function, samples).await;
        findings.extend(judge::mutation(&seen));
    }
    findings
}
