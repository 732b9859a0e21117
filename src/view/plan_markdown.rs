//! A plan as a comment on a pull request: the totals, a table, the details folded away. Never
//! log tails. Names come from a file that anybody may have edited in the request, so all foreign
//! text is encoded: it can end no cell, open no tag, mention nobody and link nowhere.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{
    clean::clean,
    plan_text::{difference, fields, reason, totals_line},
    policy::{change_line, changes_title},
    style::look,
};
use crate::{
    plan::{Change, Note, Plan, Undo},
    schema::PolicyReport,
};

/// Writes the plan as GitHub Flavored Markdown.
pub fn write_plan_markdown<O>(plan: &Plan<O>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "**{}**", totals_line(&plan.totals()))?;
    if !plan.steps.is_empty() {
        write_steps(plan, out)?;
    }
    for note in &plan.notes {
        let (label, text) = match note {
            Note::Info(text) => ("Note", text),
            Note::Warning(text) => ("Warning", text),
        };
        writeln!(out, "\n> {label}: {}", foreign(text))?;
    }
    if let Some(policy) = plan.news() {
        write_policy(policy, out)?;
    }
    if plan.steps.iter().any(|step| !fields(&step.change).is_empty()) {
        write_fields(plan, out)?;
    }
    Ok(())
}

fn write_policy(policy: &PolicyReport, out: &mut impl Write) -> io::Result<()> {
    if let Some(title) = changes_title(policy) {
        writeln!(out, "\n**The edge.** {title}\n")?;
        for change in &policy.changes {
            writeln!(out, "- {}", foreign(&change_line(change)))?;
        }
    }
    for finding in &policy.findings {
        writeln!(out, "\n> {}: {}", finding.severity, foreign(&finding.line()))?;
    }
    writeln!(out, "\n<details><summary>What the edge does</summary>\n")?;
    writeln!(out, "| context | |\n|---|---|")?;
    for context in &policy.contexts {
        let (name, words) = (foreign(&context.facts.name), foreign(&context.words));
        writeln!(out, "| {name} | {words} |")?;
    }
    writeln!(out, "\n</details>")
}

fn write_steps<O>(plan: &Plan<O>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n| | change | resource | |\n|---|---|---|---|")?;
    for step in &plan.steps {
        let look = look(&step.change);
        let mut remarks: Vec<_> = reason(&step.change).iter().map(|text| foreign(text)).collect();
        // After the commit point nothing is undone anyway.
        if let Undo::None { why } = &step.undo
            && !step.after_commit
        {
            remarks.push(format!("cannot be undone: {}", foreign(why)));
        }
        let (name, remarks) = (foreign(&step.resource.to_string()), remarks.join("<br>"));
        writeln!(out, "| `{}` | {} | {name} | {remarks} |", look.mark, look.will)?;
    }
    Ok(())
}

fn write_fields<O>(plan: &Plan<O>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n<details><summary>Fields</summary>\n")?;
    writeln!(out, "| resource | field | |\n|---|---|---|")?;
    for step in &plan.steps {
        let creates = matches!(step.change, Change::Create { .. });
        for diff in fields(&step.change) {
            let (name, field) = (foreign(&step.resource.to_string()), foreign(&diff.field));
            let change = foreign(&difference(plan, diff, creates));
            writeln!(out, "| {name} | {field} | {change} |")?;
        }
    }
    writeln!(out, "\n</details>")
}

/// Text of others. Numeric entities are text to a Markdown parser whatever they stand for
/// (CommonMark 6.2), and GitHub looks for mentions and references everywhere but in `<code>`.
pub(super) fn foreign(text: &str) -> String {
    let mut encoded = String::from("<code>");
    for c in clean(text).chars() {
        if c.is_alphanumeric() || " -/,→".contains(c) {
            encoded.push(c);
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "&#{};", u32::from(c));
        }
    }
    encoded + "</code>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    fn markdown(plan: &Plan<()>) -> String {
        let mut out = Vec::new();
        write_plan_markdown(plan, &mut out).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_kind_of_change_is_told() {
        insta::assert_snapshot!(markdown(&sample::plan()), @"
        **Plan: 2 to create, 1 to change, 1 to replace, 1 to delete, 1 to run, 2 unchanged.**

        | | change | resource | |
        |---|---|---|---|
        | `+` | create | <code>image board</code> | cannot be undone: <code>it stays in the engine&#39;s store</code> |
        | `>` | run | <code>release migrate</code> | <code>&#40;python manage&#46;py migrate --noinput&#41;</code><br>cannot be undone: <code>a migration stays</code> |
        | `~` | update | <code>service web</code> |  |
        | `+` | create | <code>service worker</code> |  |
        | `-/+` | replace | <code>container beat</code> | <code>&#40;forces replacement&#58; a container cannot change its volumes&#41;</code> |
        | `-` | delete | <code>service old</code> | <code>&#40;no longer in mizan&#46;yaml&#41;</code> |

        > Note: <code>the base image was resolved 3 days ago</code>

        > Warning: <code>SECRET&#95;KEY will be written, not compared</code>

        <details><summary>Fields</summary>

        | resource | field | |
        |---|---|---|
        | <code>image board</code> | <code>tag</code> | <code>board&#58;3f9a</code> |
        | <code>service web</code> | <code>image</code> | <code>board&#58;77c1 → &#40;known after image board&#41;</code> |
        | <code>service web</code> | <code>cpu</code> | <code>0&#46;5 → 1</code> |
        | <code>service web</code> | <code>env&#46;LOG&#95;LEVEL</code> | <code>&#40;unset&#41; → debug</code> |
        | <code>service web</code> | <code>env&#46;DEBUG</code> | <code>&#34;&#34; → &#40;unset&#41;</code> |
        | <code>service web</code> | <code>env&#46;API&#95;BASE</code> | <code>&#40;changed, not shown&#41;</code> |
        | <code>service worker</code> | <code>image</code> | <code>&#40;known after image board&#41;</code> |
        | <code>service worker</code> | <code>secret&#46;SECRET&#95;KEY</code> | <code>&#40;set, not shown&#41;</code> |
        | <code>container beat</code> | <code>volumes&#46;data</code> | <code>/data → /app/data</code> |

        </details>
        ");
    }

    #[test]
    fn a_policy_that_changed_is_told() {
        let plan = Plan {
            steps: Vec::new(),
            notes: Vec::new(),
            policy: Some(sample::policy()),
            ..sample::plan()
        };
        insta::assert_snapshot!(markdown(&plan), @"
        **No changes. 2 unchanged.**

        **The edge.** Since r3:

        - <code>me&#58; was public, is private</code>

        > warning: <code>&#91;mixed-auth&#93; schema&#46;json&#58;44&#58;13&#58; the context &#96;me&#96; mixes who may call its functions&#59; split it</code>

        <details><summary>What the edge does</summary>

        | context | |
        |---|---|
        | <code>me</code> | <code>private, never stored</code> |
        | <code>post</code> | <code>public, by post&#95;id&#59; purged by add&#95;comment</code> |

        </details>
        ");
    }

    #[test]
    fn a_plan_without_changes_is_its_totals_and_notes() {
        let plan = Plan { steps: Vec::new(), ..sample::plan() };
        insta::assert_snapshot!(markdown(&plan), @"
        **No changes. 2 unchanged.**

        > Note: <code>the base image was resolved 3 days ago</code>

        > Warning: <code>SECRET&#95;KEY will be written, not compared</code>
        ");
    }

    #[test]
    fn names_cannot_break_out() {
        let text = markdown(&sample::hostile_plan());
        insta::assert_snapshot!(text, @"
        **Plan: 0 to create, 1 to change, 0 to replace, 0 to delete, 0 to run, 0 unchanged.**

        | | change | resource | |
        |---|---|---|---|
        | `~` | update | <code>service a&#124;b&#96;c&#96; &#60;script&#62;&#64;team &#35;1 &#42;x&#42; &#91;l&#93;&#40;http&#58;//x&#46;test&#41; &#36;&#123;&#123; secrets&#46;X &#125;&#125; &#60;/code&#62;</code> |  |

        > Warning: <code>a&#124;b&#96;c&#96; &#60;script&#62;&#64;team &#35;1 &#42;x&#42; &#91;l&#93;&#40;http&#58;//x&#46;test&#41; &#36;&#123;&#123; secrets&#46;X &#125;&#125; &#60;/code&#62;</code>

        <details><summary>Fields</summary>

        | resource | field | |
        |---|---|---|
        | <code>service a&#124;b&#96;c&#96; &#60;script&#62;&#64;team &#35;1 &#42;x&#42; &#91;l&#93;&#40;http&#58;//x&#46;test&#41; &#36;&#123;&#123; secrets&#46;X &#125;&#125; &#60;/code&#62;</code> | <code>a&#124;b&#96;c&#96; &#60;script&#62;&#64;team &#35;1 &#42;x&#42; &#91;l&#93;&#40;http&#58;//x&#46;test&#41; &#36;&#123;&#123; secrets&#46;X &#125;&#125; &#60;/code&#62;</code> | <code>a&#124;b&#96;c&#96; &#60;script&#62;&#64;team &#35;1 &#42;x&#42; &#91;l&#93;&#40;http&#58;//x&#46;test&#41; &#36;&#123;&#123; secrets&#46;X &#125;&#125; &#60;/code&#62; → a&#124;b&#96;c&#96; &#60;script&#62;&#64;team &#35;1 &#42;x&#42; &#91;l&#93;&#40;http&#58;//x&#46;test&#41; &#36;&#123;&#123; secrets&#46;X &#125;&#125; &#60;/code&#62;</code> |

        </details>
        ");
        let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains("<code>"));
        assert!(rows.clone().count() == 2 && rows.clone().all(|row| row.ends_with(" |")), "{text}");
        let first = text.lines().find(|line| line.contains("| update |")).expect("a row");
        assert_eq!(first.matches('|').count(), 5, "{first}");
    }
}
