//! Real calls of mutations: only where the person said that data may change.

use serde_json::{Map, Value};

use super::{NOBODY, call::Token, context::is_open};
use crate::{
    check::{
        ask::Asker,
        exchange::{Asked, Exchange},
        question::Question,
        sample::{Samples, target},
    },
    schema::{Affects, AuthLevel, Function, Schema},
};

/// The edge's cookie, with TLS and without (`templates/edge/token.js`).
const SEQUENCE: [&str; 2] = ["__Host-mizan-sequence", "mizan-sequence"];

/// A mutation, and what came of calling it.
#[derive(Debug)]
pub struct MutationSeen<'a> {
    /// The function.
    pub function: &'a Function,
    /// What a stranger gets, if it is guarded.
    pub stranger: Asked<Exchange>,
    /// What somebody gets who may call it.
    pub called: Asked<Called>,
}

/// A call.
#[derive(Debug)]
pub struct Called {
    /// The call.
    pub exchange: Exchange,
    /// The contexts that it says it changes.
    pub affected: Vec<Asked<Affected>>,
}

/// A context before and after a call.
#[derive(Debug)]
pub struct Affected {
    /// Before.
    pub before: Exchange,
    /// After.
    pub after: Exchange,
}

/// Calls one mutation: first as a stranger, who should be refused.
pub async fn mutation<'a>(
    asker: &Asker,
    schema: &'a Schema,
    function: &'a Function,
    samples: &Samples,
) -> MutationSeen<'a> {
    let values = match samples.of(&function.name, &function.params) {
        Ok(values) => values,
        Err(reason) => {
            return MutationSeen { function, stranger: Err(reason.clone()), called: Err(reason) };
        }
    };
    let caller = Caller { asker, schema, function, samples, args: values.into_iter().collect() };
    MutationSeen { function, stranger: caller.stranger().await, called: caller.called().await }
}

struct Caller<'a> {
    asker: &'a Asker,
    schema: &'a Schema,
    function: &'a Function,
    samples: &'a Samples,
    args: Map<String, Value>,
}

impl Caller<'_> {
    fn is_guarded(&self) -> bool {
        self.function.auth != AuthLevel::None
    }

    async fn call(&self, signed_in: bool) -> Asked<Exchange> {
        let token = Token::get(self.asker, self.schema, signed_in).await?;
        let args = Value::Object(self.args.clone());
        let question = super::call(self.schema, &self.function.name, &args)
            .quietly("Origin", &self.asker.public_origin())
            .signed_in(signed_in);
        Ok(self.asker.ask(token.on(question)).await)
    }

    async fn stranger(&self) -> Asked<Exchange> {
        match self.is_guarded() {
            true => self.call(false).await,
            false => Err("everyone may call it".to_owned()),
        }
    }

    async fn called(&self) -> Asked<Called> {
        let signed_in = self.is_guarded();
        if signed_in && !self.asker.has_credentials() {
            return Err(NOBODY.to_owned());
        }
        let mut before = Vec::with_capacity(self.function.affects.len());
        for affects in &self.function.affects {
            before.push(match self.question(affects) {
                Ok(question) => Ok((question.clone(), self.asker.ask(question).await)),
                Err(reason) => Err(reason),
            });
        }
        let exchange = self.call(signed_in).await?;
        if let Ok(answer) = &exchange.answer
            && signed_in
            && matches!(answer.status.as_u16(), 401 | 403)
        {
            let status = answer.status.as_u16();
            return Err(format!("who is signed in may not call it ({status})"));
        }
        let mut affected = Vec::with_capacity(before.len());
        for seen in before {
            affected.push(match seen {
                Ok((question, before)) => {
                    let after = self.asker.ask(as_the_caller(question, &exchange)).await;
                    Ok(Affected { before, after })
                }
                Err(reason) => Err(reason),
            });
        }
        Ok(Called { exchange, affected })
    }

    /// How the entry of a context that a call changes is read.
    fn question(&self, affects: &Affects) -> Asked<Question> {
        let context = self.schema.contexts.iter().find(|context| context.name == affects.context);
        let context = context.ok_or("there is no such context")?;
        let guarded = !is_open(context);
        if guarded && !self.asker.has_credentials() {
            return Err(NOBODY.to_owned());
        }
        let mut samples = self.samples.clone();
        for (param, source) in &affects.params {
            let arg = source.strip_prefix("args.").and_then(|name| self.args.get(name));
            let arg = arg.ok_or_else(|| format!("{source} is known after the call alone"))?;
            samples.set(&context.name, param, arg.clone());
        }
        let values = samples.of(&context.name, &context.params)?;
        Ok(Question::get(target(&context.path, &values)).signed_in(guarded))
    }
}

/// The edge tells the caller by a cookie how new the answers must be that they get from then on.
fn as_the_caller(question: Question, call: &Exchange) -> Question {
    let Ok(answer) = &call.answer else { return question };
    let cookies = answer.set_cookies().filter(|(name, _)| SEQUENCE.contains(&name.as_str()));
    cookies.fold(question, |question, (name, value)| question.cookie(&name, &value))
}
