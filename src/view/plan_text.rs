//! A plan for a person, in the vocabulary terraform made known: `+ ~ -/+ - >` and one totals line.

use std::io::{self, Write};

use owo_colors::OwoColorize;

use super::{
    clean::clean,
    policy::write_policy_text,
    style::{CARE, QUIET, STRONG, look},
};
use crate::plan::{Change, FieldDiff, FieldValue, Note, Plan, Step, StepId, Totals, Undo};

/// Writes the plan; `verbose` also lists what stays as it is, the policy of the Edge among it.
pub fn write_plan_text<O>(plan: &Plan<O>, verbose: bool, out: &mut impl Write) -> io::Result<()> {
    for step in &plan.steps {
        write_step(plan, step, out)?;
    }
    if verbose {
        for resource in &plan.unchanged {
            let line = format!("  = keep {}", clean(&resource.to_string()));
            writeln!(out, "{}", line.style(QUIET))?;
        }
    }
    if !plan.steps.is_empty() || verbose && !plan.unchanged.is_empty() {
        writeln!(out)?;
    }
    if let Some(policy) = if verbose { plan.policy.as_ref() } else { plan.news() } {
        write_policy_text(policy, out)?;
        writeln!(out)?;
    }
    for note in &plan.notes {
        match note {
            Note::Info(text) => writeln!(out, "{} {}", "note:".style(STRONG), clean(text))?,
            Note::Warning(text) => writeln!(out, "{} {}", "warning:".style(CARE), clean(text))?,
        }
    }
    writeln!(out, "{}", totals_line(&plan.totals()).style(STRONG))
}

/// The last line of every plan.
pub(super) fn totals_line(totals: &Totals) -> String {
    let Totals { create, update, replace, delete, run, unchanged } = totals;
    if create + update + replace + delete + run == 0 {
        return format!("No changes. {unchanged} unchanged.");
    }
    format!(
        "Plan: {create} to create, {update} to change, {replace} to replace, {delete} to delete, \
         {run} to run, {unchanged} unchanged."
    )
}

fn write_step<O>(plan: &Plan<O>, step: &Step<O>, out: &mut impl Write) -> io::Result<()> {
    let look = look(&step.change);
    let mark = format!("{:>3}", look.mark);
    let name = clean(&step.resource.to_string());
    write!(out, "{} {} {}", mark.style(look.style), look.will, name.style(STRONG))?;
    match reason(&step.change) {
        Some(reason) => writeln!(out, " {reason}")?,
        None => writeln!(out)?,
    }
    for diff in fields(&step.change) {
        let creates = matches!(step.change, Change::Create { .. });
        writeln!(out, "      {}: {}", clean(&diff.field), difference(plan, diff, creates))?;
    }
    // After the commit point nothing is undone anyway.
    if let Undo::None { why } = &step.undo
        && !step.after_commit
    {
        let line = format!("(cannot be undone: {})", clean(why));
        writeln!(out, "      {}", line.style(QUIET))?;
    }
    Ok(())
}

/// What a change says beside its fields.
pub(super) fn reason(change: &Change) -> Option<String> {
    match change {
        Change::Create { .. } | Change::Update { .. } => None,
        Change::Replace { why, .. } => Some(format!("(forces replacement: {})", clean(why))),
        Change::Delete { why } => Some(format!("({})", clean(why))),
        Change::Run { what } => Some(format!("({})", clean(what))),
    }
}

/// The fields a change tells.
pub(super) fn fields(change: &Change) -> &[FieldDiff] {
    match change {
        Change::Create { fields } | Change::Update { fields } | Change::Replace { fields, .. } => {
            fields
        }
        Change::Delete { .. } | Change::Run { .. } => &[],
    }
}

/// A field's difference in one line; of what is created there is only one side.
pub(super) fn difference<O>(plan: &Plan<O>, diff: &FieldDiff, creates: bool) -> String {
    match (&diff.before, &diff.after) {
        (FieldValue::Unset, FieldValue::Masked) if creates => "(set, not shown)".to_owned(),
        (FieldValue::Unset, after) if creates => side(plan, after),
        (FieldValue::Masked, _) | (_, FieldValue::Masked) => "(changed, not shown)".to_owned(),
        (before, after) => format!("{} → {}", side(plan, before), side(plan, after)),
    }
}

fn side<O>(plan: &Plan<O>, value: &FieldValue) -> String {
    match value {
        FieldValue::Unset => "(unset)".to_owned(),
        FieldValue::Known(value) if value.is_empty() => "\"\"".to_owned(),
        FieldValue::Known(value) => clean(value),
        FieldValue::Masked => "(not shown)".to_owned(),
        FieldValue::After(step) => format!("(known after {})", step_name(plan, step)),
    }
}

/// A step by the name of its resource, as the plan's other lines call it.
fn step_name<O>(plan: &Plan<O>, id: &StepId) -> String {
    let name = plan.step(id).map_or_else(|| id.to_string(), |step| step.resource.to_string());
    clean(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{schema::PolicyReport, view::sample};

    fn text(plan: &Plan<()>, verbose: bool) -> String {
        let mut out = Vec::new();
        write_plan_text(plan, verbose, &mut anstream::StripStream::new(&mut out)).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_kind_of_change_is_told() {
        insta::assert_snapshot!(text(&sample::plan(), false), @r#"
          + create image board
              tag: board:3f9a
              (cannot be undone: it stays in the engine's store)
          > run release migrate (python manage.py migrate --noinput)
              (cannot be undone: a migration stays)
          ~ update service web
              image: board:77c1 → (known after image board)
              cpu: 0.5 → 1
              env.LOG_LEVEL: (unset) → debug
              env.DEBUG: "" → (unset)
              env.API_BASE: (changed, not shown)
          + create service worker
              image: (known after image board)
              secret.SECRET_KEY: (set, not shown)
        -/+ replace container beat (forces replacement: a container cannot change its volumes)
              volumes.data: /data → /app/data
          - delete service old (no longer in mizan.yaml)

        note: the base image was resolved 3 days ago
        warning: SECRET_KEY will be written, not compared
        Plan: 2 to create, 1 to change, 1 to replace, 1 to delete, 1 to run, 2 unchanged.
        "#);
    }

    #[test]
    fn verbose_lists_what_stays() {
        let plan = Plan { steps: Vec::new(), ..sample::plan() };
        insta::assert_snapshot!(text(&plan, true), @"
          = keep network board
          = keep volume data

        note: the base image was resolved 3 days ago
        warning: SECRET_KEY will be written, not compared
        No changes. 2 unchanged.
        ");
    }

    #[test]
    fn the_policy_is_told_when_it_changed_or_was_asked_for() {
        let changed = Plan { policy: Some(sample::policy()), ..sample::plan() };
        insta::assert_snapshot!(text(&changed, false), @r#"
          + create image board
              tag: board:3f9a
              (cannot be undone: it stays in the engine's store)
          > run release migrate (python manage.py migrate --noinput)
              (cannot be undone: a migration stays)
          ~ update service web
              image: board:77c1 → (known after image board)
              cpu: 0.5 → 1
              env.LOG_LEVEL: (unset) → debug
              env.DEBUG: "" → (unset)
              env.API_BASE: (changed, not shown)
          + create service worker
              image: (known after image board)
              secret.SECRET_KEY: (set, not shown)
        -/+ replace container beat (forces replacement: a container cannot change its volumes)
              volumes.data: /data → /app/data
          - delete service old (no longer in mizan.yaml)

        What the edge does:
          me: private, never stored
          post: public, by post_id; purged by add_comment
        Since r3:
          ~ me: was public, is private
        warning: [mixed-auth] schema.json:44:13: the context `me` mixes who may call its functions; split it

        note: the base image was resolved 3 days ago
        warning: SECRET_KEY will be written, not compared
        Plan: 2 to create, 1 to change, 1 to replace, 1 to delete, 1 to run, 2 unchanged.
        "#);
        let mut same = changed.clone();
        if let Some(policy) = &mut same.policy {
            policy.changes.clear();
        }
        assert!(!text(&same, false).contains("What the edge does"));
        assert!(text(&same, true).contains("post: public, by post_id; purged by add_comment"));
    }

    #[test]
    fn the_policy_of_a_first_release_is_told_and_that_of_an_old_record_is_not() {
        let first = PolicyReport { since: None, changes: Vec::new(), ..sample::policy() };
        let release = Plan { policy: Some(first), ..sample::plan() };
        assert!(text(&release, false).contains("What the edge does"));
        let nothing = Plan { steps: Vec::new(), notes: Vec::new(), ..release };
        insta::assert_snapshot!(text(&nothing, false), @"No changes. 2 unchanged.");
    }

    #[test]
    fn a_plan_without_changes_is_one_line() {
        let plan = Plan { steps: Vec::new(), notes: Vec::new(), ..sample::plan() };
        insta::assert_snapshot!(text(&plan, false), @"No changes. 2 unchanged.");
    }

    #[test]
    fn names_cannot_draw_on_the_terminal() {
        let text = text(&sample::hostile_plan(), true);
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert_eq!(text.lines().count(), 5, "{text}");
    }
}
