//! Follows a build of the classic builder, which engines without BuildKit have.

use std::collections::VecDeque;

use bollard::models::BuildInfo;

use crate::{
    engine::{LogStream, StepContext},
    error::Error,
};

/// How many of a step's last lines an error shows.
const KEPT_LINES: usize = 20;

/// What is known of a running build.
pub(super) struct ClassicProgress<'a> {
    context: &'a StepContext<'a>,
    step: Option<String>,
    last: VecDeque<String>,
}

impl<'a> ClassicProgress<'a> {
    /// Follows a build that reports to `context`.
    pub fn new(context: &'a StepContext<'a>) -> Self {
        Self { context, step: None, last: VecDeque::new() }
    }

    /// Takes one message of the engine.
    pub fn take(&mut self, message: &BuildInfo) {
        let text = message.stream.as_deref().unwrap_or_default();
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            match line.strip_prefix("Step ") {
                Some(step) => {
                    self.context.progress(line);
                    let instruction = step.split_once(" : ").map_or(step, |(_, rest)| rest);
                    self.step = Some(instruction.to_owned());
                    self.last.clear();
                }
                None => {
                    self.context.log(LogStream::Output, line);
                    if self.last.len() == KEPT_LINES {
                        self.last.pop_front();
                    }
                    self.last.push_back(line.to_owned());
                }
            }
        }
    }

    /// The error of a failed build; `reason` is the engine's own last word.
    pub fn failure(self, reason: &str) -> Error {
        match self.step {
            Some(step) => Error::failed(format!("the build fails at `{step}`")),
            None => Error::failed("the image cannot be built"),
        }
        .cause(reason)
        .log(self.last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{engine::Event, plan::StepId};

    #[test]
    fn the_last_step_and_its_lines_are_told() {
        let ignore = |_: Event| {};
        let context = StepContext {
            id: StepId::new("image", "board"),
            outputs: BTreeMap::new(),
            cancel: Default::default(),
            events: &ignore,
        };
        let mut progress = ClassicProgress::new(&context);
        for text in ["Step 1/2 : FROM a\n", " ---> 12\n", "Step 2/2 : RUN make\n", "no rule\n"] {
            progress.take(&BuildInfo { stream: Some(text.into()), ..Default::default() });
        }
        let error = progress.failure("code: 2");
        assert_eq!(error.message, "the build fails at `RUN make`");
        assert_eq!((error.causes, error.log), (vec!["code: 2".into()], vec!["no rule".into()]));
    }
}
