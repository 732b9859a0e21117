//! After "101 Switching Protocols" both sides speak WebSocket: bytes are copied, nothing is read.

use std::{pin::pin, time::Duration};

use futures_util::future::try_join;
use hyper::{
    Request, Response,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split},
    time::timeout,
};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long a side may take to answer the other side's end.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// The visitor's end of a tunnel that both sides may yet agree to.
pub(super) fn visitor_end<B>(request: &mut Request<B>) -> OnUpgrade {
    hyper::upgrade::on(request)
}

/// Copies both ways until one side ends. Its end is passed on, so the close frame that the app
/// sends when it stops reaches the browser before the connection ends.
pub(super) fn open<B>(visitor: OnUpgrade, response: &mut Response<B>, token: TaskTrackerToken) {
    let upstream = hyper::upgrade::on(response);
    tokio::spawn(async move {
        let _token = token;
        // It fails if a side goes away before the switch is complete: nothing to tunnel then.
        if let Ok((visitor, upstream)) = try_join(visitor, upstream).await {
            copy_both_ways(visitor, upstream).await;
        }
    });
}

async fn copy_both_ways(visitor: Upgraded, upstream: Upgraded) {
    let (from_visitor, to_visitor) = split(TokioIo::new(visitor));
    let (from_upstream, to_upstream) = split(TokioIo::new(upstream));
    let mut up = pin!(copy_to_end(from_visitor, to_upstream));
    let mut down = pin!(copy_to_end(from_upstream, to_visitor));
    // A WebSocket that one side has ended is over: the other side may only answer the close.
    let _ = tokio::select! {
        () = up.as_mut() => timeout(CLOSE_GRACE, down).await,
        () = down.as_mut() => timeout(CLOSE_GRACE, up).await,
    };
}

/// Copies until there is no more to read or nobody to write to; either is an end.
async fn copy_to_end(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let _ = copy(&mut from, &mut to).await;
    let _ = to.shutdown().await;
}
