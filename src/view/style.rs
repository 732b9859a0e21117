//! The few colours, and figures as people read them.

use owo_colors::Style;

use crate::plan::Change;

pub(super) const GOOD: Style = Style::new().green();
pub(super) const BAD: Style = Style::new().red().bold();
pub(super) const CARE: Style = Style::new().yellow();
pub(super) const QUIET: Style = Style::new().dimmed();
pub(super) const STRONG: Style = Style::new().bold();
pub(super) const NAME: Style = Style::new().cyan();

/// How a change is drawn and told.
pub(super) struct Look {
    /// Terraform's mark.
    pub(super) mark: &'static str,
    /// What the plan says: "create".
    pub(super) will: &'static str,
    /// What is said meanwhile: "creating".
    pub(super) does: &'static str,
    /// What is said afterwards: "created".
    pub(super) did: &'static str,
    pub(super) style: Style,
}

pub(super) fn look(change: &Change) -> Look {
    let (mark, will, does, did, style) = match change {
        Change::Create { .. } => ("+", "create", "creating", "created", GOOD),
        Change::Update { .. } => ("~", "update", "updating", "updated", CARE),
        Change::Replace { .. } => ("-/+", "replace", "replacing", "replaced", CARE),
        Change::Delete { .. } => ("-", "delete", "deleting", "deleted", BAD),
        Change::Run { .. } => (">", "run", "running", "done", NAME),
    };
    Look { mark, will, does, did, style }
}

/// Milliseconds as `80 ms`, `3.2 s` or `2 min 05 s`.
pub(super) fn duration(millis: u64) -> String {
    if millis < 1_000 {
        return format!("{millis} ms");
    }
    if millis < 60_000 {
        return format!("{}.{} s", millis / 1000, millis % 1000 / 100);
    }
    let seconds = millis / 1000;
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(80), "80 ms");
        assert_eq!(duration(3_249), "3.2 s");
        assert_eq!(duration(59_999), "59.9 s");
        assert_eq!(duration(125_000), "2 min 05 s");
    }
}
