//! Whose a thing is: what has our name but not our tags is foreign. It is never changed and never
//! deleted; where we would need the name, it is an error that says so.

use std::collections::BTreeMap;

use super::AwsExecutor;
use crate::{
    engine::StepContext,
    error::{Error, Result},
    plan::ResourceId,
    targets::aws::failure::foreign,
};

/// Tags by key.
pub(super) type TagMap = BTreeMap<String, String>;

impl AwsExecutor {
    /// Refuses a thing that has our name but not our tags.
    pub(super) fn must_own(&self, id: &ResourceId, tags: &TagMap) -> Result<()> {
        if self.scope.owns(tags) { Ok(()) } else { Err(foreign(id)) }
    }

    /// True if a thing may be deleted. A foreign one is left alone: ours is gone.
    pub(super) fn may_delete(
        &self,
        id: &ResourceId,
        tags: &TagMap,
        context: &StepContext<'_>,
    ) -> bool {
        let ours = self.scope.owns(tags);
        if !ours {
            context.progress(left_alone(id));
        }
        ours
    }

    /// Creates what was not there when the plan was made, and finds what was; whichever turns out
    /// to be wrong by now is followed by the other. `create` tells nothing if the name is taken,
    /// `find` refuses what is foreign.
    pub(super) async fn obtain<T>(
        &self,
        id: &ResourceId,
        find: impl AsyncFn() -> Result<Option<T>>,
        create: impl AsyncFn() -> Result<Option<T>>,
    ) -> Result<Obtained<T>> {
        let seen = self.observed.things.get(id).is_some_and(|seen| seen.present().is_some());
        if seen && let Some(found) = find().await? {
            return Ok(Obtained::Found(found));
        }
        if let Some(made) = create().await? {
            return Ok(Obtained::Made(made));
        }
        let found = find().await?.map(Obtained::Found);
        found.ok_or_else(|| {
            Error::failed(format!("the {id} cannot be created, as it exists, and is not found"))
                .hint("it may be going away just now: run the same command again")
        })
    }
}

/// A thing that is there and ours.
pub(super) enum Obtained<T> {
    /// Made just now, with everything that the call of its creation can set.
    Made(T),
    /// There before, in whatever state.
    Found(T),
}

/// What is said about a foreign thing that has the name of one that is to go.
pub(super) fn left_alone(id: &ResourceId) -> String {
    format!("the {id} is not ours and is left alone")
}

/// Tags from an answer's pairs.
pub(super) fn tag_map<'a>(
    pairs: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
) -> TagMap {
    let pairs = pairs.into_iter();
    pairs
        .filter_map(|(key, value)| Some((key?.to_owned(), value.unwrap_or_default().to_owned())))
        .collect()
}
