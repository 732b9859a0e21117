//! What records and configuration say that Azure does not: which tag an image was built as, and
//! where a variable comes from.

use std::collections::BTreeMap;

use super::super::{desired::Desired, seen::CurrentRelease};
use crate::{ledger::Release, plan::Late, targets::EnvSpec};

/// What is known beforehand.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The tags of images, by digest.
    pub tags: BTreeMap<String, String>,
    /// The caller's variables, by the names that they have in a service.
    pub callers: BTreeMap<String, String>,
}

impl Known {
    /// By what is wanted and by what was released; the newer says it last.
    pub fn of<'a>(
        want: Option<&Desired>,
        releases: impl IntoIterator<Item = &'a CurrentRelease>,
    ) -> Self {
        let mut known = Self::default();
        for release in releases {
            known.take_callers(&release.desired);
            if let Late::Known(tag) = &release.desired.image {
                known.tags.insert(release.digest.clone(), tag.clone());
            }
        }
        if let Some(want) = want {
            known.take_callers(want);
        }
        known
    }

    /// With the images of these records.
    #[must_use]
    pub fn with(mut self, records: &[Release]) -> Self {
        for record in records {
            if let Some((_, tag)) = record.image.reference.rsplit_once(':') {
                self.tags.entry(record.image.id.clone()).or_insert_with(|| tag.to_owned());
            }
        }
        self
    }

    fn take_callers(&mut self, desired: &Desired) {
        let specs = desired.services.values().flat_map(|spec| &spec.container.env);
        for (name, value) in specs {
            if let EnvSpec::Caller { from, .. } = value {
                self.callers.insert(name.clone(), from.clone());
            }
        }
    }
}
