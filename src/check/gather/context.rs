//! The questions to one context.

use futures_util::future::join_all;
use serde_json::Value;

use super::NOBODY;
use crate::{
    check::{
        ask::{AT_A_TIME, Asker},
        exchange::{Answer, Asked, Exchange, Pair},
        question::Question,
        sample::{self, Samples, target},
    },
    http::{Method, StatusCode, header},
    schema::{AuthLevel, CacheScope, Context, Param},
};

/// How many rounds follow if the first one does not agree.
const MORE_ROUNDS: usize = 4;
/// What HEAD must tell as GET does.
pub const TOLD_BY_HEAD: [&str; 4] = ["Content-Type", "Cache-Control", "ETag", "Vary"];
/// A token that nobody ever issued.
const BAD_TOKEN: &str = "Bearer mizan-check";

/// A context, and what was asked of it.
#[derive(Debug)]
pub struct ContextSeen<'a> {
    /// The context.
    pub context: &'a Context,
    /// What a stranger gets, if it is guarded.
    pub stranger: Asked<Exchange>,
    /// With a token that nobody issued, beside a plain question.
    pub bad_token: Asked<Pair>,
    /// Without the final slash.
    pub no_slash: Asked<Exchange>,
    /// Everything that needs an answer of 200.
    pub reading: Asked<Reading>,
}

/// What was asked by somebody who may read the context.
#[derive(Debug)]
pub struct Reading {
    /// The same question several times at the same moment; and that several times, one after the
    /// other, if the answers of the first moment do not agree.
    pub rounds: Vec<Vec<Exchange>>,
    /// As another visitor.
    pub visitor: Pair,
    /// As somebody who is signed in.
    pub signed_in: Asked<Pair>,
    /// By the ETag of the plain answer.
    pub conditional: Asked<Pair>,
    /// By HEAD.
    pub head: Pair,
    /// By methods that should be refused.
    pub methods: Vec<Exchange>,
    /// With a parameter that the schema does not know.
    pub unknown: Pair,
    /// In another order, with the defaults spelled out.
    pub reordered: Asked<Pair>,
    /// Without each required parameter.
    pub missing: Asked<Vec<Exchange>>,
    /// With a value of the wrong type for each parameter.
    pub mistyped: Asked<Vec<Exchange>>,
    /// For objects that do not exist.
    pub absent: Asked<Vec<Exchange>>,
    /// With a parameter twice.
    pub repeated: Asked<Exchange>,
}

/// True if everyone may read it.
pub fn is_open(context: &Context) -> bool {
    context.auth.iter().all(|level| *level == AuthLevel::None)
}

/// Asks everything about a context.
pub async fn context<'a>(
    asker: &Asker,
    context: &'a Context,
    samples: &Samples,
) -> ContextSeen<'a> {
    let values = samples.of(&context.name, &context.params);
    let no_slash = without_slash(asker, context, &values).await;
    let values = match values {
        Ok(values) => values,
        Err(reason) => {
            return ContextSeen {
                context,
                stranger: Err(reason.clone()),
                bad_token: Err(reason.clone()),
                no_slash,
                reading: Err(reason),
            };
        }
    };
    let plain = Question::get(target(&context.path, &values));
    let forged = plain.clone().header(header::AUTHORIZATION.as_str(), BAD_TOKEN);
    ContextSeen {
        context,
        stranger: match is_open(context) {
            true => Err("everyone may read it".to_owned()),
            false => Ok(asker.ask(plain.clone()).await),
        },
        bad_token: Ok(asker.compare(&plain, &forged).await),
        no_slash,
        reading: reading(asker, context, &values).await,
    }
}

/// Values are not needed: whether there is a redirect does not depend on them.
async fn without_slash(
    asker: &Asker,
    context: &Context,
    values: &Asked<Vec<(String, Value)>>,
) -> Asked<Exchange> {
    let path = context.path.strip_suffix('/').ok_or("its path has no final slash")?;
    let values = values.as_deref().unwrap_or_default();
    Ok(asker.ask(Question::get(target(path, values))).await)
}

async fn reading(asker: &Asker, context: &Context, values: &[(String, Value)]) -> Asked<Reading> {
    let signed_in = !is_open(context);
    if signed_in && !asker.has_credentials() {
        return Err(NOBODY.to_owned());
    }
    let reader = Reader { asker, context, values, signed_in };
    let rounds = reader.rounds().await;
    if signed_in && let Some(status) = rounds.first().and_then(|reads| refusal(reads)) {
        return Err(turned_away(status));
    }
    let plain = reader.plain();
    // One after the other: together they would be compared with data of different moments.
    Ok(Reading {
        visitor: asker.compare(&plain, &reader.as_another_visitor()).await,
        signed_in: reader.signed_in().await,
        conditional: reader.conditional(&rounds).await,
        head: asker.compare_by(&plain, &reader.by(Method::HEAD), told_by_head).await,
        methods: reader.other_methods().await,
        unknown: asker.compare(&plain, &reader.with_unknown()).await,
        reordered: reader.reordered().await,
        missing: reader.missing().await,
        mistyped: reader.altered(sample::wrong, "it has no parameter of a checked type").await,
        absent: reader.altered(sample::absent, "no parameter names an object").await,
        repeated: reader.repeated().await,
        rounds,
    })
}

/// The status, if the reader was turned away.
fn refusal(reads: &[Exchange]) -> Option<u16> {
    let answer = reads.first()?.answer.as_ref().ok()?;
    matches!(answer.status.as_u16(), 401 | 403).then_some(answer.status.as_u16())
}

/// That is for the credential to answer, not for the context.
fn turned_away(status: u16) -> String {
    format!("who is signed in may not read it ({status})")
}

/// Somebody who may read the context.
struct Reader<'a> {
    asker: &'a Asker,
    context: &'a Context,
    values: &'a [(String, Value)],
    signed_in: bool,
}

impl Reader<'_> {
    fn with(&self, values: &[(String, Value)]) -> Question {
        Question::get(target(&self.context.path, values)).signed_in(self.signed_in)
    }

    fn by(&self, method: Method) -> Question {
        Question::new(method, target(&self.context.path, self.values)).signed_in(self.signed_in)
    }

    fn plain(&self) -> Question {
        self.with(self.values)
    }

    /// One round is enough where its answers agree. Where they do not, visitors may have changed
    /// the data: more rounds show whether it goes on (`judge/steadiness.rs`).
    async fn rounds(&self) -> Vec<Vec<Exchange>> {
        let plain = self.plain();
        let mut rounds = vec![self.asker.ask_at_once(&plain, AT_A_TIME).await];
        if !are_alike(&rounds[0]) {
            for _ in 0..MORE_ROUNDS {
                rounds.push(self.asker.ask_at_once(&plain, AT_A_TIME).await);
            }
        }
        rounds
    }

    fn as_another_visitor(&self) -> Question {
        self.plain()
            .header("Accept-Language", "de,tr;q=0.5")
            .quietly("User-Agent", "Mozilla/5.0 (compatible; mizan-check)")
            .cookie("_ga", "GA1.1.1.1")
            .cookie("django_language", "de")
            .cookie("theme", "dark")
    }

    async fn signed_in(&self) -> Asked<Pair> {
        if self.signed_in || self.context.scope != CacheScope::Public {
            return Err("the context is not public".to_owned());
        }
        if !self.asker.has_credentials() {
            return Err(NOBODY.to_owned());
        }
        let plain = self.plain();
        let pair = self.asker.compare(&plain, &plain.clone().signed_in(true)).await;
        match refusal(std::slice::from_ref(&pair.other)) {
            Some(status) => Err(turned_away(status)),
            None => Ok(pair),
        }
    }

    /// Asked again while the data changes between the two, which gives another ETag.
    async fn conditional(&self, rounds: &[Vec<Exchange>]) -> Asked<Pair> {
        let last = rounds.iter().flatten().last().ok_or("nothing was asked")?;
        let mut pair = self.by_etag_of(last.clone()).await?;
        for _ in 0..MORE_ROUNDS {
            if !pair.is_restless {
                break;
            }
            pair = self.by_etag_of(pair.other).await?;
        }
        Ok(pair)
    }

    async fn by_etag_of(&self, plain: Exchange) -> Asked<Pair> {
        let question = self.plain().header(header::IF_NONE_MATCH.as_str(), &etag(&plain)?);
        let other = self.asker.ask(question).await;
        let is_restless = match (&plain.answer, &other.answer) {
            (Ok(before), Ok(after)) => after.status == StatusCode::OK && before.body != after.body,
            _ => false,
        };
        Ok(Pair { plain, other, is_restless })
    }

    async fn other_methods(&self) -> Vec<Exchange> {
        let methods = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let ask = |method| async { self.asker.ask(self.by(method)).await };
        join_all(methods.map(ask)).await
    }

    fn with_unknown(&self) -> Question {
        let mut values = self.values.to_vec();
        values.push(("mizan_check".to_owned(), "1".into()));
        self.with(&values)
    }

    async fn reordered(&self) -> Asked<Pair> {
        let given = |param: &Param| self.values.iter().any(|(name, _)| *name == param.name);
        let unsaid = self.context.params.iter().filter(|param| !given(param));
        let defaults =
            unsaid.filter_map(|param| Some((param.name.clone(), sample::default_of(param)?)));
        let mut values = self.values.to_vec();
        values.extend(defaults);
        if values.len() < 2 && values.len() == self.values.len() {
            return Err("it has neither two parameters nor a default".to_owned());
        }
        values.reverse();
        Ok(self.asker.compare(&self.plain(), &self.with(&values)).await)
    }

    async fn missing(&self) -> Asked<Vec<Exchange>> {
        let required = self.context.params.iter().filter(|param| param.required);
        let questions: Vec<_> = required
            .map(|param| {
                let rest = self.values.iter().filter(|(name, _)| *name != param.name);
                self.with(&rest.cloned().collect::<Vec<_>>())
            })
            .collect();
        self.all(questions, "it has no required parameter").await
    }

    /// Each parameter in turn has a value that it should not have.
    async fn altered(
        &self,
        alter: fn(&Param) -> Option<Value>,
        otherwise: &str,
    ) -> Asked<Vec<Exchange>> {
        let altered = self.context.params.iter();
        let altered = altered.filter_map(|param| Some((param.name.clone(), alter(param)?)));
        let questions: Vec<_> = altered
            .map(|(name, value)| {
                let rest = self.values.iter().filter(|(other, _)| *other != name);
                let mut values: Vec<_> = rest.cloned().collect();
                values.push((name, value));
                self.with(&values)
            })
            .collect();
        self.all(questions, otherwise).await
    }

    async fn repeated(&self) -> Asked<Exchange> {
        let (name, value) = self.values.first().ok_or("it is asked without parameters")?;
        let mut values = self.values.to_vec();
        values.push((name.clone(), value.clone()));
        Ok(self.asker.ask(self.with(&values)).await)
    }

    async fn all(&self, questions: Vec<Question>, otherwise: &str) -> Asked<Vec<Exchange>> {
        if questions.is_empty() {
            return Err(otherwise.to_owned());
        }
        Ok(join_all(questions.into_iter().map(|question| self.asker.ask(question))).await)
    }
}

fn told_by_head(answer: &Answer) -> (StatusCode, [Option<String>; 4]) {
    (answer.status, TOLD_BY_HEAD.map(|name| answer.header(name)))
}

fn etag(exchange: &Exchange) -> Asked<String> {
    let answer = exchange.answer.as_ref().map_err(|_| "the context does not answer")?;
    Ok(answer.header(header::ETAG.as_str()).ok_or("there is no ETag")?)
}

/// True if all were answered by the same bytes.
fn are_alike(reads: &[Exchange]) -> bool {
    let bodies: Option<Vec<_>> =
        reads.iter().map(|read| read.answer.as_ref().ok().map(|answer| &answer.body)).collect();
    bodies.is_none_or(|bodies| bodies.windows(2).all(|two| two[0] == two[1]))
}
