//! The way in for the JVM.
//!
//! JNA makes an object of Java's for every buffer and every status that crosses the border, and uniffi waits for a future in
//! five crossings: that was most of what a send cost. Here a call goes in as bytes and its answer comes out as bytes, one
//! crossing each. What stands in the bytes is still uniffi's, so that both sides are generated from the same types.
//!
//! Swift calls C without such a cost, and uses none of this.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use tokio::task::AbortHandle;
use uniffi::ffi::Handle;
use uniffi::{Lift, Lower};

use crate::UniFfiTag;
use crate::answer::RawAnswer;
use crate::convert::RawReceipt;
use crate::error::{RawError, RawFailure};
use crate::messenger::{RawMessenger, RawSending};
use crate::niksms::{RawNikSms, RawNikSmsCall};
use crate::payam_resan::{RawPayamResan, RawPayamResanCall};
use crate::runtime::runtime;

/// How a call ended.
#[derive(uniffi::Enum)]
pub enum RawReply {
    /// With an answer.
    Answered {
        /// It.
        answer: RawAnswer,
    },
    /// The library says why.
    Failed {
        /// What is known about it.
        failure: RawFailure,
        /// After a send was stopped: what had become of each message.
        receipts: Vec<RawReceipt>,
    },
    /// The call was stopped.
    Canceled,
    /// A fault of the library's own.
    Panicked {
        /// Its words.
        reason: String,
    },
}

impl From<RawError> for RawReply {
    fn from(error: RawError) -> Self {
        match error {
            RawError::Failed { failure, receipts } => Self::Failed { failure, receipts },
            RawError::Canceled => Self::Canceled,
        }
    }
}

/// Takes the answer to a call, which stays where it is until this returns.
type Listener = extern "C" fn(call: u64, answer: *const u8, length: u64);

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Those under way, by the number that the caller gave them.
fn calls() -> MutexGuard<'static, HashMap<u64, AbortHandle>> {
    static CALLS: LazyLock<Mutex<HashMap<u64, AbortHandle>>> = LazyLock::new(Mutex::default);
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does the work of a call on the library's own thread, and tells the listener what came of it, unless it was stopped.
fn begin(call: u64, work: BoxFuture<'static, Result<RawAnswer, RawError>>) {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return tell(call, error.into()),
    };
    let task = async move {
        let reply = match AssertUnwindSafe(work).catch_unwind().await {
            Ok(Ok(answer)) => RawReply::Answered { answer },
            Ok(Err(error)) => error.into(),
            Err(panic) => RawReply::Panicked { reason: words(&*panic) },
        };
        // Whoever stopped it waits for nothing.
        if calls().remove(&call).is_some() {
            tell(call, reply);
        }
    };
    // Held until it is in the table: the task looks for itself there.
    let mut calls = calls();
    calls.insert(call, runtime.spawn(task).abort_handle());
}

fn tell(call: u64, reply: RawReply) {
    let mut bytes = Vec::new();
    <RawReply as Lower<UniFfiTag>>::write(reply, &mut bytes);
    if let Some(listener) = LISTENER.get() {
        listener(call, bytes.as_ptr(), bytes.len() as u64);
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// # Safety
///
/// There are `length` bytes at `bytes`.
unsafe fn read<T: Lift<UniFfiTag>>(bytes: *const u8, length: u64) -> uniffi::Result<T> {
    let length = usize::try_from(length)?;
    // SAFETY: the caller's word. They are copied before anything else happens.
    T::try_read(&mut unsafe { slice::from_raw_parts(bytes, length) })
}

/// What cannot be read was written by another version of the library.
fn unread(error: impl Display) -> RawReply {
    RawReply::Panicked { reason: error.to_string() }
}

/// Says who is told of answers, once, before any call.
#[unsafe(no_mangle)]
pub extern "C" fn payamak_listen(listener: Listener) {
    let _ = LISTENER.set(listener);
}

/// Stops a call, of which the listener then hears nothing.
#[unsafe(no_mangle)]
pub extern "C" fn payamak_stop(call: u64) {
    if let Some(task) = calls().remove(&call) {
        task.abort();
    }
}

macro_rules! ask {
    ($name:ident, $client:ty, $calls:ty, $what:literal) => {
        #[doc = concat!("Asks ", $what, ".")]
        ///
        /// # Safety
        ///
        /// `client` is a handle of one, made for this call; there are `length` bytes at `bytes`.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(client: Handle, bytes: *const u8, length: u64, call: u64) {
            let client = <Arc<$client> as Lift<UniFfiTag>>::try_lift(client);
            // SAFETY: the caller's word.
            let asked = unsafe { read::<$calls>(bytes, length) };
            match (client, asked) {
                (Ok(client), Ok(asked)) => begin(call, Box::pin(client.work(asked).err_into())),
                (Err(error), _) | (_, Err(error)) => tell(call, unread(error)),
            }
        }
    };
}

ask!(payamak_ask_payam_resan, RawPayamResan, RawPayamResanCall, "Payam Resan");
ask!(payamak_ask_niksms, RawNikSms, RawNikSmsCall, "`NikSMS`");

/// Makes a send, which begins when it is waited for; nothing where it cannot be made.
///
/// # Safety
///
/// `messenger` is a handle of one, made for this call; there are `length` bytes at `bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payamak_send(messenger: Handle, bytes: *const u8, length: u64) -> u64 {
    // A panic must not reach C.
    let made = catch_unwind(|| -> uniffi::Result<u64> {
        let messenger = <Arc<RawMessenger> as Lift<UniFfiTag>>::try_lift(messenger)?;
        // SAFETY: the caller's word.
        let sending = messenger.send(unsafe { read(bytes, length) }?);
        Ok(<Arc<RawSending> as Lower<UniFfiTag>>::lower(Arc::new(sending)).as_raw())
    });
    made.ok().and_then(Result::ok).unwrap_or_default()
}

/// Waits for a send to end.
///
/// # Safety
///
/// `sending` is a handle of one, made for this call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payamak_finish(sending: Handle, call: u64) {
    match <Arc<RawSending> as Lift<UniFfiTag>>::try_lift(sending) {
        Ok(sending) => {
            let work = async move { Ok(RawAnswer::Receipts { rows: sending.finish().await? }) };
            begin(call, Box::pin(work));
        }
        Err(error) => tell(call, unread(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::Condvar;

    use tokio::sync::oneshot;

    use super::*;

    static TOLD: Mutex<Vec<(u64, Vec<u8>)>> = Mutex::new(Vec::new());
    static MORE: Condvar = Condvar::new();

    extern "C" fn listener(call: u64, answer: *const u8, length: u64) {
        // SAFETY: what `tell` promises.
        let bytes = unsafe { slice::from_raw_parts(answer, usize::try_from(length).unwrap()) };
        TOLD.lock().unwrap().push((call, bytes.to_vec()));
        MORE.notify_all();
    }

    /// Waits until a call is told of, and says what was.
    fn told(call: u64) -> RawReply {
        let all = TOLD.lock().unwrap();
        let all = MORE.wait_while(all, |all| all.iter().all(|told| told.0 != call)).unwrap();
        let of_it: Vec<_> = all.iter().filter(|told| told.0 == call).collect();
        assert_eq!(of_it.len(), 1, "told more than once");
        <RawReply as Lift<UniFfiTag>>::try_read(&mut of_it[0].1.as_slice()).unwrap()
    }

    #[test]
    fn an_answer_a_failure_and_a_panic_are_told() {
        payamak_listen(listener);
        begin(1, Box::pin(ready(Ok(RawAnswer::Flag { value: true }))));
        assert!(matches!(told(1), RawReply::Answered { answer: RawAnswer::Flag { value: true } }));
        begin(2, Box::pin(ready(Err(payamak::Error::configuration("sender", "missing").into()))));
        assert!(matches!(told(2), RawReply::Failed { failure, .. } if failure.kind == "ConfigurationError"));
        begin(3, Box::pin(async { panic!("a fault of our own") }));
        assert!(matches!(told(3), RawReply::Panicked { reason } if reason == "a fault of our own"));
        assert!(calls().keys().all(|call| ![1, 2, 3].contains(call)));
    }

    #[test]
    fn a_stopped_call_is_dropped_and_says_nothing() {
        payamak_listen(listener);
        let (held, dropped) = oneshot::channel::<()>();
        let work = async move {
            let _held = held;
            pending().await
        };
        begin(11, Box::pin(work));
        payamak_stop(11);
        assert!(dropped.blocking_recv().is_err());
        // One that has ended already, and one that never was.
        begin(12, Box::pin(ready(Ok(RawAnswer::Flag { value: false }))));
        told(12);
        payamak_stop(12);
        payamak_stop(13);
        assert!(TOLD.lock().unwrap().iter().all(|told| told.0 != 11));
    }

    #[test]
    fn what_cannot_be_read_is_a_failure() {
        let bytes = [0xff_u8; 4];
        // SAFETY: the length of the array.
        assert!(unsafe { read::<RawPayamResanCall>(bytes.as_ptr(), 4) }.is_err());
    }
}
