//! The log of one task in CloudWatch: its end, or all of it as it comes.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::{
    Client, operation::get_log_events::GetLogEventsError, types::OutputLogEvent,
};
use tokio::time::sleep;

use super::failure::failure;
use crate::error::Result;

/// Lines that a failure shows.
const TAIL: i32 = 20;
/// The last lines of a task that has ended may come this much later than its end.
const LATE: Duration = Duration::from_secs(3);
/// Between two looks for them.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Where a task's log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLog {
    /// The log group.
    pub group: String,
    /// The stream.
    pub stream: String,
    /// From where the next events are read; the beginning if absent.
    next: Option<String>,
}

impl TaskLog {
    /// The log of a task whose container and stream prefix are called by its service's name.
    pub fn new(group: String, service: &str, task_id: &str) -> Self {
        Self { group, stream: format!("{service}/{service}/{task_id}"), next: None }
    }

    /// The lines that came since this was called last. A stream appears with its first line, so
    /// one that is not there has none.
    ///
    /// # Errors
    /// CloudWatch refuses.
    pub async fn next_lines(&mut self, client: &Client) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let answer = client
                .get_log_events()
                .log_group_name(&self.group)
                .log_stream_name(&self.stream)
                .start_from_head(true)
                .set_next_token(self.next.clone())
                .send()
                .await;
            let page = match answer {
                Ok(page) => page,
                Err(error) if is_missing(error.as_service_error()) => return Ok(lines),
                Err(error) => return Err(failure(format!("cannot read {}", self.stream), error)),
            };
            let events = page.events.unwrap_or_default();
            self.next = page.next_forward_token.or(self.next.take());
            if events.is_empty() {
                return Ok(lines);
            }
            lines.extend(events.into_iter().flat_map(lines_of));
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
        let mut waited = Duration::ZERO;
        loop {
            let answer = client
                .get_log_events()
                .log_group_name(&self.group)
                .log_stream_name(&self.stream)
                .start_from_head(false)
                .limit(TAIL)
                .send()
                .await;
            let events = match answer {
                Ok(page) => page.events.unwrap_or_default(),
                Err(error) if is_missing(error.as_service_error()) => Vec::new(),
                Err(error) => {
                    tracing::warn!(stream = self.stream, ?error, "cannot read the log");
                    return Vec::new();
                }
            };
            if !events.is_empty() || waited >= LATE {
                return events.into_iter().flat_map(lines_of).collect();
            }
            sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
        }
    }
}

fn is_missing(error: Option<&GetLogEventsError>) -> bool {
    matches!(error, Some(GetLogEventsError::ResourceNotFoundException(_)))
}

/// An event is a line, unless the app's logger put several into one write.
fn lines_of(event: OutputLogEvent) -> Vec<String> {
    let message = event.message.unwrap_or_default();
    message.lines().map(|line| line.trim_end().to_owned()).collect()
}
