//! The edge and server rendering of one environment.

use std::collections::BTreeMap;

use super::Scope;
use crate::{
    config::{
        decode::{Entries, Spanned},
        file::{CheckFile, EdgeFile, OnError as OnErrorFile, ParamFile, Plane, RenderFile},
        value::Word,
    },
    model::{Check, Edge, OnError, Render, Target},
};

/// The edge, if it is on for the environment's data plane.
pub(super) fn edge(file: Option<&Spanned<EdgeFile>>, target: &Target) -> Option<Edge> {
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
        check: section
            .and_then(|edge| edge.check.as_ref())
            .map_or_else(Check::default, |file| check(&file.value)),
    })
}

/// The public host name, which is that of the load balancer where the edge is off. A laptop does
/// not answer for it.
pub(super) fn domain(file: Option<&Spanned<EdgeFile>>, target: &Target) -> Option<String> {
    let domain = file?.value.domain.as_ref()?;
    (!matches!(target, Target::Local { .. })).then(|| domain.value.0.clone())
}

fn check(file: &CheckFile) -> Check {
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
