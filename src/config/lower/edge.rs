//! The edge and server rendering of one environment.

use std::collections::BTreeMap;

use super::Scope;
use crate::{
    config::{
        decode::{Entries, Spanned},
        file::{CheckFile, EdgeFile, OnError as OnErrorFile, ParamFile, Plane, RenderFile},
        value::Word,
    },
    model::{Announced, Check, Edge, OnError, PURGE_KEY, Render, SecretSpec, Target},
};

/// The edge, if it is on for the environment's data plane.
pub(super) fn edge(
    file: Option<&Spanned<EdgeFile>>,
    target: &Target,
    secrets: &BTreeMap<String, SecretSpec>,
    scope: &mut Scope<'_>,
) -> Option<Edge> {
    let local = matches!(target, Target::Local { .. });
    let plane = if local { Plane::Local } else { Plane::Cloudflare };
    let section = file.map(|file| &file.value);
    let on = match section.and_then(|edge| edge.on.as_ref()) {
        Some(planes) => planes.value.iter().any(|named| named.value == plane),
        None => local,
    };
    on.then(|| Edge {
        domain: domain(file, target),
        per_user: section
            .and_then(|edge| edge.per_user.as_ref())
            .is_some_and(|per_user| per_user.value),
        announced: section
            .and_then(|edge| edge.announced.as_ref())
            .map(|contexts| announced(contexts, target, secrets, scope))
            .unwrap_or_default(),
        check: section
            .and_then(|edge| edge.check.as_ref())
            .map_or_else(Check::default, |file| check(&file.value, scope)),
    })
}

/// The public host name, which is that of the load balancer where the edge is off. A laptop does
/// not answer for it.
pub(super) fn domain(file: Option<&Spanned<EdgeFile>>, target: &Target) -> Option<String> {
    let domain = file?.value.domain.as_ref()?;
    (!matches!(target, Target::Local { .. })).then(|| domain.value.0.clone())
}

/// Contexts whose changes are announced, where announcements can be made.
fn announced(
    contexts: &Spanned<Vec<Spanned<Word>>>,
    target: &Target,
    secrets: &BTreeMap<String, SecretSpec>,
    scope: &mut Scope<'_>,
) -> Vec<Announced> {
    let mut announced: Vec<Announced> = Vec::with_capacity(contexts.value.len());
    for Spanned { value: Word(context), span } in &contexts.value {
        if announced.iter().any(|known| known.context == *context) {
            let message = format!("the context `{context}` stands here a second time");
            scope.problems.add(*span, message);
        }
        announced.push(Announced { context: context.clone(), place: scope.place(*span) });
    }
    if announced.is_empty() {
        return announced;
    }
    if !secrets.contains_key(PURGE_KEY) {
        let message = format!("nobody can announce a change without the secret `{PURGE_KEY}`");
        let hint = format!("add it: `secrets: [{{name: {PURGE_KEY}, generate: true}}]`");
        scope.problems.hint(contexts.span, message, hint);
    }
    if matches!(target, Target::Local { .. }) {
        let message = "on the target `local` no container reaches the edge to announce a change: \
                       it shows when the entry's time is over";
        let hint = format!(
            "take the list away there: `environments: {{{}: {{edge: {{announced: []}}}}}}`",
            scope.env
        );
        scope.warnings.hint(contexts.span, message, hint);
    }
    announced
}

fn check(file: &CheckFile, scope: &mut Scope<'_>) -> Check {
    if let Some(user) = &file.user {
        let message = format!("nobody signs in as `{}`: the field is kept for later", user.value.0);
        let hint = "`mizan check --cookie VARIABLE` and `--header VARIABLE` sign in";
        scope.warnings.hint(user.span, message, hint);
    }
    Check {
        on_error: match file.on_error.as_ref().map(|on_error| on_error.value) {
            Some(OnErrorFile::Warn) => OnError::Warn,
            Some(OnErrorFile::Off) => OnError::Off,
            Some(OnErrorFile::Block) | None => OnError::Block,
        },
        params: file
            .params
            .iter()
            .flat_map(|contexts| contexts.value.iter())
            .map(|(context, params)| (context.value.0.clone(), values(&params.value)))
            .collect(),
        user: file.user.as_ref().map(|user| user.value.0.clone()),
    }
}

fn values(params: &Entries<Word, ParamFile>) -> BTreeMap<String, serde_json::Value> {
    params.iter().map(|(name, value)| (name.value.0.clone(), value.value.0.clone())).collect()
}

/// Server rendering.
pub(super) fn render(file: Option<&Spanned<RenderFile>>, scope: &mut Scope<'_>) -> Option<Render> {
    let file = file?;
    let Some(bundle) = &file.value.bundle else {
        scope.problems.add(file.span, "the field `bundle` is missing");
        return None;
    };
    let prefix = file.value.assets_prefix.as_ref();
    Some(Render {
        bundle: bundle.value.0.clone(),
        assets: file.value.assets.as_ref().map(|assets| assets.value.0.clone()),
        assets_prefix: prefix
            .map_or_else(|| "/static/".to_owned(), |prefix| prefix.value.0.clone()),
    })
}
