//! The log of one task in CloudWatch: its end, or all of it as it comes.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::{
    Client, operation::get_log_events::builders::GetLogEventsFluentBuilder, types::OutputLogEvent,
};
use tokio::time::sleep;

use super::failure::{code, failure};
use crate::error::Result;

/// Lines that a failure shows.
const TAIL: u32 = 20;
/// The last lines of a task that has ended may come this much later than its end.
const LATE: Duration = Duration::from_secs(3);
/// Between two looks for them.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written, in milliseconds of the Unix epoch.
    pub at: i64,
    /// The line, without its end.
    pub text: String,
}

/// Where a task's log is, and how far it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLog {
    /// The service whose task it is.
    pub service: String,
    group: String,
    stream: String,
    /// From where the next events are read; the beginning if absent.
    next: Option<String>,
}

impl TaskLog {
    /// The log of a task whose container and stream prefix are called by its service's name.
    pub fn new(group: String, service: &str, task_id: &str) -> Self {
        Self {
            service: service.to_owned(),
            group,
            stream: format!("{service}/{service}/{task_id}"),
            next: None,
        }
    }

    /// The lines that came since the last look. A stream appears with its first line, so one that
    /// is not there has none.
    ///
    /// # Errors
    /// CloudWatch refuses.
    pub async fn next(&mut self, client: &Client) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        loop {
            let read = self.request(client).start_from_head(true);
            let Some(page) = self.page(read.set_next_token(self.next.clone())).await? else {
                return Ok(lines);
            };
            if page.is_empty() {
                return Ok(lines);
            }
            lines.extend(page);
        }
    }

    /// The texts of the lines that came since the last look.
    ///
    /// # Errors
    /// CloudWatch refuses.
    pub async fn next_lines(&mut self, client: &Client) -> Result<Vec<String>> {
        Ok(self.next(client).await?.into_iter().map(|line| line.text).collect())
    }

    /// The last lines; what comes after them is told from then on.
    ///
    /// # Errors
    /// CloudWatch refuses.
    pub async fn open_at_end(&mut self, client: &Client, lines: u32) -> Result<Vec<Line>> {
        // An answer has at most so many, and at least one.
        const MOST: u32 = 10_000;
        let limit = i32::try_from(lines.clamp(1, MOST)).unwrap_or(1);
        let read = self.request(client).start_from_head(false).limit(limit);
        let found = self.page(read).await?.unwrap_or_default();
        let skipped = found.len().saturating_sub(usize::try_from(lines).unwrap_or(usize::MAX));
        Ok(found.into_iter().skip(skipped).collect())
    }

    fn request(&self, client: &Client) -> GetLogEventsFluentBuilder {
        client.get_log_events().log_group_name(&self.group).log_stream_name(&self.stream)
    }

    /// One page; nothing if there is no stream yet.
    async fn page(&mut self, read: GetLogEventsFluentBuilder) -> Result<Option<Vec<Line>>> {
        match read.send().await {
            Ok(page) => {
                self.next = page.next_forward_token.or(self.next.take());
                let events = page.events.unwrap_or_default();
                Ok(Some(events.into_iter().flat_map(lines_of).collect()))
            }
            Err(error) => match code(&error) {
                Some("ResourceNotFoundException") => Ok(None),
                // The next look reads what this one did not.
                Some("ThrottlingException") => Ok(Some(Vec::new())),
                _ => Err(failure(format!("cannot read {}", self.stream), error)),
            },
        }
    }

    /// The lines that are left of a task that has ended. If it has said nothing at all yet, a
    /// patient caller waits a moment for that.
    ///
    /// # Errors
    /// CloudWatch refuses.
    pub async fn last_lines(&mut self, client: &Client, patient: bool) -> Result<Vec<String>> {
        let mut waited = Duration::ZERO;
        loop {
            let lines = self.next_lines(client).await?;
            if !lines.is_empty() || self.next.is_some() || !patient || waited >= LATE {
                return Ok(lines);
            }
            sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
        }
    }

    /// The last lines of a task that has ended; empty if they cannot be read.
    pub async fn tail(&self, client: &Client) -> Vec<String> {
        let mut log = Self { next: None, ..self.clone() };
        let mut waited = Duration::ZERO;
        loop {
            match log.open_at_end(client, TAIL).await {
                Ok(lines) if lines.is_empty() && waited < LATE => {}
                Ok(lines) => return lines.into_iter().map(|line| line.text).collect(),
                Err(error) => {
                    tracing::warn!(stream = log.stream, %error, "cannot read the log");
                    return Vec::new();
                }
            }
            sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
        }
    }
}

/// An event is a line, unless the app's logger put several into one write.
fn lines_of(event: OutputLogEvent) -> Vec<Line> {
    let at = event.timestamp.unwrap_or_default();
    let message = event.message.unwrap_or_default();
    message.lines().map(|line| Line { at, text: line.trim_end().to_owned() }).collect()
}
