//! Dockerfiles as people write them.

use super::*;

fn parse(text: &str) -> Result<Dockerfile> {
    parse_with(text, &[])
}

fn parse_with(text: &str, args: &[(&str, &str)]) -> Result<Dockerfile> {
    let args = args.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Dockerfile::parse(text.to_owned(), "Dockerfile", &args, "linux/amd64")
}

fn bases(text: &str) -> Vec<String> {
    let dockerfile = parse(text).expect("valid Dockerfile");
    dockerfile.bases().into_iter().map(str::to_owned).collect()
}

#[test]
fn stages_and_scratch_are_no_bases_but_foreign_copies_and_mounts_are() {
    let text = "\
# a comment
FROM node:22-slim AS Web
RUN npm ci
FROM scratch AS static
COPY --from=web /dist /
from --platform=linux/amd64 python:3.12-slim as deps
COPY --chown=1:1 --from=ghcr.io/astral-sh/uv:latest /uv /bin/uv
RUN --mount=type=cache,target=/c --mount=from=later,target=/l --mount=type=bind,from=busybox:1,target=/b true
FROM deps
COPY --from=0 /x /x
FROM deps AS later
";
    assert_eq!(
        bases(text),
        ["busybox:1", "ghcr.io/astral-sh/uv:latest", "node:22-slim", "python:3.12-slim"]
    );
}

#[test]
fn arguments_come_from_defaults_and_the_build() {
    let text = "ARG V=3.12 SUFFIX\nARG BASE=python:$V\nFROM ${BASE}-${SUFFIX:-slim}\n";
    assert_eq!(bases(text), ["python:3.12-slim"]);
    let given = parse_with(text, &[("V", "3.13"), ("SUFFIX", "alpine")]).expect("valid");
    assert_eq!(given.bases().into_iter().collect::<Vec<_>>(), ["python:3.13-alpine"]);
    assert_eq!(bases("ARG TARGETARCH\nFROM x:$TARGETARCH"), ["x:amd64"]);
}

#[test]
fn an_argument_without_a_value_is_an_error_at_its_line() {
    let undeclared = parse("\n\nFROM python:$V\n").expect_err("undeclared");
    assert_eq!(undeclared.message, "Dockerfile:3: no value for V in python:$V");
    assert!(undeclared.hints[0].contains("declare"), "{:?}", undeclared.hints);
    let empty = parse("ARG V\nFROM python:$V\n").expect_err("no value");
    assert!(empty.hints[0].contains("build.args.V"), "{:?}", empty.hints);
    // An ARG inside a stage does not count for FROM.
    assert!(parse("FROM a\nARG V=1\nFROM b:$V\n").is_err());
}

#[test]
fn no_from_and_variables_in_copy_are_errors() {
    assert_eq!(
        parse("RUN true\n").expect_err("no FROM").message,
        "Dockerfile:1: there is no FROM instruction"
    );
    let copy = parse("FROM a\nCOPY --from=x:$V /a /a\n").expect_err("variable");
    assert!(copy.message.starts_with("Dockerfile:2: "), "{copy}");
}

#[test]
fn continued_lines_comments_within_and_the_escape_directive() {
    let text = "FROM \\\n  # which one\n\n  python:3.12 \\\n  AS x\r\nRUN a \\\n  FROM b\n";
    assert_eq!(bases(text), ["python:3.12"]);
    let windows = "# escape=`\nFROM a\nRUN dir c:\\\nFROM `\n b\n";
    assert_eq!(bases(windows), ["a", "b"]);
}

#[test]
fn heredocs_are_skipped() {
    let text = r#"FROM a
RUN <<EOF
FROM not-a-base
EOF
COPY <<-"ONE" <<TWO /x/
FROM neither
	ONE
FROM nor-this
TWO
RUN echo $((1<<2))
FROM b
"#;
    assert_eq!(bases(text), ["a", "b"]);
}

#[test]
fn only_images_with_a_digest_are_rewritten_and_nothing_else_changes() {
    let text = "ARG V=3\nFROM  python:$V  AS x # no comment\nFROM local\nCOPY --from=uv:1 /a /b\n";
    let dockerfile = parse(text).expect("valid");
    let pinned = dockerfile.pinned(|image| match image {
        "python:3" => Some("sha256:aa".into()),
        "uv:1" => Some("sha256:bb".into()),
        _ => None,
    });
    assert_eq!(
        pinned,
        "ARG V=3\nFROM  python:3@sha256:aa  AS x # no comment\nFROM local\nCOPY --from=uv:1@sha256:bb /a /b\n"
    );
    assert_eq!(dockerfile.text(), text);
}

#[test]
fn an_image_with_a_digest_is_pinned_already() {
    let dockerfile = parse("FROM python:3@sha256:aa\nFROM b").expect("valid");
    assert_eq!(dockerfile.bases().into_iter().collect::<Vec<_>>(), ["b"]);
    assert_eq!(dockerfile.images().len(), 2);
}

#[test]
fn a_build_step_is_found_by_its_stage_and_text() {
    let text = "FROM a AS web\nRUN npm  ci \\\n  --no-audit\nFROM b\nRUN make\nFROM c\nRUN make\n";
    let dockerfile = parse(text).expect("valid");
    assert_eq!(dockerfile.line_of(Some("web"), "RUN npm ci   --no-audit"), Some(2));
    assert_eq!(dockerfile.line_of(Some("stage-1"), "RUN make"), Some(5));
    assert_eq!(dockerfile.line_of(Some("stage-2"), "RUN make"), Some(7));
    assert_eq!(dockerfile.line_of(None, "RUN make"), None);
    let copy = parse("FROM a\nCOPY --from=uv:1 /uv /bin/\n").expect("valid");
    let pinned = format!("COPY --from=uv:1@sha256:{} /uv /bin/", "0".repeat(64));
    assert_eq!(copy.line_of(None, &pinned), Some(2));
    assert_eq!(dockerfile.line_of(Some("web"), "RUN other"), None);
}
