//! Stopping a call from JavaScript. napi's own `AbortSignal` takes over the user's `signal.onabort` and does not see a
//! signal that is aborted already, so the TypeScript side listens to the signal and tells this token.

use std::future::Future;

use futures_util::future::{Either, select};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

/// What an `AbortSignal` is connected to.
#[napi]
#[derive(Default)]
pub struct CancelToken(CancellationToken);

#[napi]
impl CancelToken {
    /// One that nobody has cancelled.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops whatever it was given to.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

impl CancelToken {
    pub(crate) fn token(&self) -> CancellationToken {
        self.0.clone()
    }
}

/// The work's answer, or `None` where the token came first; the work is dropped then.
pub(crate) async fn unless_canceled<T>(
    token: Option<CancellationToken>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let Some(token) = token else { return Some(work.await) };
    match select(std::pin::pin!(token.cancelled()), std::pin::pin!(work)).await {
        Either::Left(_) => None,
        Either::Right((answer, _)) => Some(answer),
    }
}
