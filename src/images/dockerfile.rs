//! What a Dockerfile builds on: the foreign images in `FROM`, `COPY --from=` and
//! `RUN --mount=…,from=`, found without running anything, and replaced by pinned ones for sending.

mod expand;
mod instructions;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
};

use self::{
    expand::expand,
    instructions::{Instruction, Word},
};
use crate::error::{Error, ErrorKind, Result};

/// A parsed Dockerfile.
#[derive(Debug)]
pub(super) struct Dockerfile {
    text: String,
    bases: Vec<BaseUse>,
    steps: Vec<StepLine>,
}

/// One place where the Dockerfile names a foreign image.
#[derive(Debug)]
struct BaseUse {
    /// The image, arguments filled in.
    image: String,
    /// Where its name stands in the text.
    span: Range<usize>,
}

/// An instruction, kept to find the line of a failing build step.
#[derive(Debug)]
struct StepLine {
    stage: usize,
    stage_name: Option<String>,
    line: usize,
    /// The instruction in its comparable form.
    text: String,
}

/// The name of the image without content, which is no image to pin.
const SCRATCH: &str = "scratch";

impl Dockerfile {
    /// Reads and parses a Dockerfile. `args` are the build arguments, `platform` the target's.
    pub fn read(path: &Path, args: &BTreeMap<String, String>, platform: &str) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot read the Dockerfile {}", path.display());
            Error::new(ErrorKind::Invalid, message).because(&error).hint(
                "write one (docs/deploying-django.md), or name yours with `build.dockerfile` in mizan.yaml",
            )
        })?;
        Self::parse(text, &path.display().to_string(), args, platform)
    }

    /// Parses the text of a Dockerfile; `name` is its name in errors.
    pub fn parse(
        text: String,
        name: &str,
        args: &BTreeMap<String, String>,
        platform: &str,
    ) -> Result<Self> {
        let instructions = instructions::split(&text);
        let mut reader = Reader::new(name, args, platform, &instructions);
        for instruction in &instructions {
            reader.take(instruction)?;
        }
        if reader.stages == 0 {
            let message = format!("{name}:1: there is no FROM instruction");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let Reader { bases, steps, .. } = reader;
        Ok(Self { text, bases, steps })
    }

    /// The foreign images, each once. Those named by a digest are pinned already and not listed.
    pub fn bases(&self) -> BTreeSet<&str> {
        self.bases
            .iter()
            .map(|base| base.image.as_str())
            .filter(|image| !is_pinned(image))
            .collect()
    }

    /// All foreign images, pinned or not.
    pub fn images(&self) -> BTreeSet<&str> {
        self.bases.iter().map(|base| base.image.as_str()).collect()
    }

    /// The text as the user wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with each image for which `digest` knows one pinned to that digest.
    pub fn pinned(&self, digest: impl Fn(&str) -> Option<String>) -> String {
        let mut text = self.text.clone();
        for base in self.bases.iter().rev() {
            if let Some(digest) = digest(&base.image) {
                text.replace_range(base.span.clone(), &format!("{}@{digest}", base.image));
            }
        }
        text
    }

    /// The line of the instruction that a build step runs, if exactly one fits: `stage` is what
    /// BuildKit calls the stage (its name or `stage-N`), `text` the instruction as it prints it.
    pub fn line_of(&self, stage: Option<&str>, text: &str) -> Option<usize> {
        let text = comparable(text);
        let mut fitting = self
            .steps
            .iter()
            .filter(|step| step.text == text && stage.is_none_or(|stage| step.is_of_stage(stage)));
        match (fitting.next(), fitting.next()) {
            (Some(step), None) => Some(step.line),
            _ => None,
        }
    }
}

impl StepLine {
    fn is_of_stage(&self, stage: &str) -> bool {
        match &self.stage_name {
            Some(name) => name.eq_ignore_ascii_case(stage),
            None => stage == format!("stage-{}", self.stage),
        }
    }
}

fn is_pinned(image: &str) -> bool {
    image.contains(DIGEST_MARK)
}

/// The mark before a digest in an image's name.
const DIGEST_MARK: &str = "@sha256:";
const DIGEST_DIGITS: usize = 64;

/// An instruction in the form in which two are compared: single spaces, and no digests, which only
/// the pinned Dockerfile has.
fn comparable(text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some(start) = text.find(DIGEST_MARK) {
        let digits = start + DIGEST_MARK.len();
        let is_digit = |c: &char| c.is_ascii_hexdigit();
        let end = digits + text[digits..].chars().take_while(is_digit).take(DIGEST_DIGITS).count();
        text.replace_range(start..end, "");
    }
    text
}

/// Goes through the instructions from the top and keeps what the later ones depend on.
struct Reader<'a> {
    name: &'a str,
    build_args: &'a BTreeMap<String, String>,
    /// The values of `ARG`s before the first `FROM`; `None` for one without a value.
    global_args: BTreeMap<String, Option<String>>,
    /// How many `FROM`s have been read.
    stages: usize,
    earlier_names: BTreeSet<String>,
    /// `COPY --from` may name a stage that comes later.
    all_names: BTreeSet<String>,
    current_name: Option<String>,
    bases: Vec<BaseUse>,
    steps: Vec<StepLine>,
}

impl<'a> Reader<'a> {
    fn new(
        name: &'a str,
        build_args: &'a BTreeMap<String, String>,
        platform: &str,
        instructions: &[Instruction],
    ) -> Self {
        Self {
            name,
            build_args,
            global_args: platform_args(platform),
            stages: 0,
            earlier_names: BTreeSet::new(),
            all_names: instructions.iter().filter_map(stage_name).collect(),
            current_name: None,
            bases: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn take(&mut self, instruction: &Instruction) -> Result<()> {
        match instruction.keyword.as_str() {
            "ARG" if self.stages == 0 => self.declare(instruction)?,
            "FROM" => self.from(instruction)?,
            "COPY" => self.copy(instruction)?,
            "RUN" => self.run(instruction)?,
            _ => {}
        }
        if self.stages > 0 {
            self.steps.push(StepLine {
                stage: self.stages - 1,
                stage_name: self.current_name.clone(),
                line: instruction.line,
                text: comparable(&instruction.text()),
            });
        }
        Ok(())
    }

    fn declare(&mut self, instruction: &Instruction) -> Result<()> {
        for word in &instruction.words {
            let (name, default) = match word.text.split_once('=') {
                Some((name, default)) => (name, Some(self.expand(instruction, default)?)),
                None => (word.text.as_str(), None),
            };
            let value = self.build_args.get(name).cloned().or(default);
            // A platform argument that is only declared keeps its value.
            if value.is_some() || !self.global_args.contains_key(name) {
                self.global_args.insert(name.to_owned(), value);
            }
        }
        Ok(())
    }

    fn from(&mut self, instruction: &Instruction) -> Result<()> {
        let image = instruction
            .words
            .iter()
            .find(|word| !word.text.starts_with("--"))
            .ok_or_else(|| self.error(instruction, "FROM names no image"))?;
        let expanded = self.expand(instruction, &image.text)?;
        if expanded.is_empty() {
            return Err(self.error(instruction, "the image of FROM is empty"));
        }
        if expanded != SCRATCH && !self.earlier_names.contains(&expanded.to_ascii_lowercase()) {
            self.bases.push(BaseUse { image: expanded, span: image.span.clone() });
        }
        self.current_name = stage_name(instruction);
        self.earlier_names.extend(self.current_name.clone());
        self.stages += 1;
        Ok(())
    }

    fn copy(&mut self, instruction: &Instruction) -> Result<()> {
        for word in instruction.flags() {
            if let Some(from) = word.after("--from=") {
                self.foreign(instruction, from)?;
            }
        }
        Ok(())
    }

    fn run(&mut self, instruction: &Instruction) -> Result<()> {
        for word in instruction.flags() {
            let Some(mount) = word.after("--mount=") else { continue };
            for option in mount.split(',') {
                if let Some(from) = option.after("from=") {
                    self.foreign(instruction, from)?;
                }
            }
        }
        Ok(())
    }

    /// Takes the value of a `from=`: a stage's name or number, or else an image.
    fn foreign(&mut self, instruction: &Instruction, from: Word) -> Result<()> {
        if from.text.contains('$') {
            let why = format!("Docker fills in no variables in --from={}", from.text);
            return Err(self.error(instruction, &why).hint(
                "give the image a stage of its own: `FROM image:$TAG AS name`, then `--from=name`",
            ));
        }
        let is_stage = from.text.parse::<usize>().is_ok()
            || self.all_names.contains(&from.text.to_ascii_lowercase());
        if !is_stage && from.text != SCRATCH && !from.text.is_empty() {
            self.bases.push(BaseUse { image: from.text, span: from.span });
        }
        Ok(())
    }

    fn expand(&self, instruction: &Instruction, text: &str) -> Result<String> {
        let lookup = |name: &str| self.global_args.get(name).cloned().flatten();
        expand(text, &lookup).map_err(|missing| {
            let why = format!("no value for {missing} in {text}");
            let advice = if self.global_args.contains_key(&missing) {
                format!("give `ARG {missing}` a default, or set build.args.{missing} in mizan.yaml")
            } else {
                format!("declare `ARG {missing}=…` before the first FROM")
            };
            self.error(instruction, &why).hint(advice)
        })
    }

    fn error(&self, instruction: &Instruction, why: &str) -> Error {
        Error::new(ErrorKind::Invalid, format!("{}:{}: {why}", self.name, instruction.line))
    }
}

/// The name after `AS`, in lower case as Docker compares it.
fn stage_name(instruction: &Instruction) -> Option<String> {
    let words: Vec<_> = instruction.words.iter().map(|word| word.text.as_str()).collect();
    match words.as_slice() {
        [.., as_word, name]
            if instruction.keyword == "FROM" && as_word.eq_ignore_ascii_case("as") =>
        {
            Some(name.to_ascii_lowercase())
        }
        _ => None,
    }
}

/// The arguments that BuildKit gives every `FROM`. The image is built for the machine that builds.
fn platform_args(platform: &str) -> BTreeMap<String, Option<String>> {
    let mut parts = platform.splitn(3, '/');
    let mut args = BTreeMap::new();
    let (os, arch, variant) = (parts.next(), parts.next(), parts.next());
    for prefix in ["TARGET", "BUILD"] {
        let values = [
            ("PLATFORM", platform),
            ("OS", os.unwrap_or_default()),
            ("ARCH", arch.unwrap_or_default()),
            ("VARIANT", variant.unwrap_or_default()),
        ];
        args.extend(
            values.map(|(name, value)| (format!("{prefix}{name}"), Some(value.to_owned()))),
        );
    }
    args
}

#[cfg(test)]
mod tests;
