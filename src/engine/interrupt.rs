//! Who wants us to end: the user, or whoever started us.

use tokio::signal::unix::{SignalKind, signal};

/// Ends when the user presses Ctrl-C, or whoever started us (CI, a service manager) ends us.
pub async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
