//! The end of what Azure has begun: long-running operations are looked at until they ended, failed,
//! or nobody has patience any more.
//! (<https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>)

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    ApiError, Arm, Call, Refusal,
    arm::{is_operation, read},
    attempts::retry_after,
};
use crate::{
    error::{Error, ErrorKind},
    http::{Method, Response, StatusCode},
};

/// The pause before the second look; it grows by half from there.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause between two looks.
const LONGEST: Duration = Duration::from_secs(5);
/// Where the status of an operation is told.
const STATUS: &str = "azure-asyncoperation";

/// How long the end of an operation is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub Duration);

impl Patience {
    /// Enough for everything but container groups, by far.
    pub const USUAL: Self = Self(Duration::from_secs(10 * 60));
}

/// The looks at one thing that goes on.
#[derive(Debug)]
pub struct Looks {
    begin: Instant,
    patience: Patience,
    pause: Duration,
}

impl Looks {
    /// Begins now.
    pub fn new(patience: Patience) -> Self {
        Self { begin: Instant::now(), patience, pause: PAUSE }
    }

    /// Waits until the next look; false if there should be none. `asked` is what Azure asks for.
    pub async fn next(&mut self, asked: Option<Duration>) -> bool {
        let spent = self.begin.elapsed();
        if spent >= self.patience.0 {
            return false;
        }
        let pause = asked.unwrap_or(self.pause).min(self.patience.0 - spent);
        sleep(pause).await;
        self.pause = self.pause.mul_f64(1.5).min(LONGEST);
        true
    }
}

impl Arm {
    /// The resource that a PUT made, once it is ready.
    pub(super) async fn settled(
        &self,
        what: &str,
        path: &str,
        version: &str,
        answer: Response<Bytes>,
        patience: Patience,
    ) -> Result<Value, ApiError> {
        if is_operation(&answer) {
            self.ended(what, &answer, patience).await?;
            return self.present(what, path, version).await;
        }
        let mut found = read(&answer)?;
        let mut looks = Looks::new(patience);
        // Without an operation to look at, the resource itself says how far it is.
        loop {
            match found["properties"]["provisioningState"].as_str() {
                None | Some("Succeeded") => return Ok(found),
                Some("Failed" | "Canceled") => {
                    return Err(ApiError::Refused(Refusal::of_operation(what, &found)));
                }
                Some(state) if !looks.next(None).await => {
                    return Err(too_long(what, state, patience).into());
                }
                Some(_) => found = self.present(what, path, version).await?,
            }
        }
    }

    async fn present(&self, what: &str, path: &str, version: &str) -> Result<Value, ApiError> {
        let found = self.get(path, version).await?;
        let gone = || Error::failed(format!("what {what} had made was gone a moment later"));
        Ok(found.ok_or_else(gone)?)
    }

    /// What an operation tells when it ended; null if the answer began none.
    pub(super) async fn ended(
        &self,
        what: &str,
        answer: &Response<Bytes>,
        patience: Patience,
    ) -> Result<Value, ApiError> {
        let mut asked = retry_after(answer);
        let mut looks = Looks::new(patience);
        let Some((url, has_status)) = followed(answer) else { return Ok(Value::Null) };
        let mut last = "not begun".to_owned();
        while looks.next(asked).await {
            let look = self.send(&Call::new(what, Method::GET, &url)).await?;
            asked = retry_after(&look);
            let told = read(&look)?;
            let state = match (has_status, look.status()) {
                (true, _) => told["status"].as_str().unwrap_or("Succeeded").to_owned(),
                (false, StatusCode::ACCEPTED) => "InProgress".to_owned(),
                (false, _) => "Succeeded".to_owned(),
            };
            match state.as_str() {
                "Succeeded" => return Ok(told),
                "Failed" | "Canceled" => {
                    return Err(ApiError::Refused(Refusal::of_operation(what, &told)));
                }
                _ => last = state,
            }
        }
        Err(too_long(what, &last, patience).into())
    }
}

/// Where to look, and whether a status is told there, or an answer that is not ready until it is.
fn followed(answer: &Response<Bytes>) -> Option<(String, bool)> {
    let header = |name: &str| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
    header(STATUS).map(|url| (url, true)).or_else(|| {
        let is_begun = answer.status() == StatusCode::ACCEPTED;
        header("location").filter(|_| is_begun).map(|url| (url, false))
    })
}

fn too_long(what: &str, state: &str, patience: Patience) -> Error {
    let message = format!("{what} did not end within {} s", patience.0.as_secs_f64());
    Error::new(ErrorKind::Unavailable, message)
        .cause(format!("Azure says {state}"))
        .hint("run the command again: it goes on from what is there then")
}
