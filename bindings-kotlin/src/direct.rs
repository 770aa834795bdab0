//! The way in for the JVM.
//!
//! JNA makes an object of Java's for every buffer and every status that crosses the border, and uniffi waits for a future in
//! five crossings: that was most of what a send cost. Here a call goes in as bytes and its answer comes out as bytes, one
//! crossing each. What stands in the bytes is still uniffi's, so that both sides are generated from the same types.
//!
//! Swift calls C without such a cost, and uses none of this.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use tokio::task::AbortHandle;
use uniffi::deps::anyhow::ensure;
use uniffi::ffi::Handle;
use uniffi::{Lift, Lower};

use crate::UniFfiTag;
use crate::answer::RawAnswer;
use crate::convert::RawReceipt;
use crate::error::{RawError, RawFailure};
use crate::messenger::{RawMessenger, RawSending};
use crate::niksms::{RawNikSms, RawNikSmsCall};
use crate::payam_resan::{RawPayamResan, RawPayamResanCall};
use crate::runtime::{MESSENGERS, NIKSMS, PAYAM_RESAN, Worker};

// How a call ended.
#[derive(uniffi::Enum)]
pub enum RawReply {
    // With an answer.
    Answered {
        // It.
        answer: RawAnswer,
    },
    // The library says why.
    Failed {
        // What is known about it.
        failure: RawFailure,
        // After a send was stopped: what had become of each message.
        receipts: Vec<RawReceipt>,
    },
    // The call was stopped.
    Canceled,
    // A fault of the library's own.
    Panicked {
        // Its words.
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

/// Takes the answer to a call, which stays where it is until this returns: its address, and how many bytes there are. The
/// address is a number of one size everywhere: JNA would make an object of a pointer before anybody is there who could catch
/// its failure.
type Listener = extern "C" fn(call: u64, answer: u64, length: u64);

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Those under way, by the number that the caller gave them.
fn calls() -> MutexGuard<'static, HashMap<u64, AbortHandle>> {
    static CALLS: LazyLock<Mutex<HashMap<u64, AbortHandle>>> = LazyLock::new(Mutex::default);
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does what may panic, and gives the words of a panic: one that reaches C ends the whole process. Every function of C's
/// goes through here.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| words(&*panic))
}

/// Begins a call, or tells the listener what kept it from beginning.
fn ask(
    call: u64,
    worker: &Worker,
    work: impl FnOnce() -> uniffi::Result<BoxFuture<'static, Result<RawAnswer, RawError>>>,
) {
    let begun = guarded(|| work().map(|work| begin(call, worker, work)));
    // What cannot be read was written by another version of the library.
    if let Err(reason) = begun.and_then(|begun| begun.map_err(|error| error.to_string())) {
        tell(call, RawReply::Panicked { reason });
    }
}

/// Does the work of a call on a thread of the library's, and tells the listener what came of it, unless it was stopped.
fn begin(call: u64, worker: &Worker, work: BoxFuture<'static, Result<RawAnswer, RawError>>) {
    let runtime = match worker.handle() {
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
    let bytes = written(|bytes| <RawReply as Lower<UniFfiTag>>::write(reply, bytes));
    if let Some(listener) = LISTENER.get() {
        listener(call, bytes.as_ptr().expose_provenance() as u64, bytes.len() as u64);
    }
}

/// What is written, or why it cannot be: whoever waits has to hear something.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(reason) = guarded(|| write(&mut bytes)) {
        bytes.clear();
        <RawReply as Lower<UniFfiTag>>::write(RawReply::Panicked { reason }, &mut bytes);
    }
    bytes
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

/// All of the bytes as one value.
///
/// # Safety
///
/// There are `length` bytes at `bytes`, unless it is null.
unsafe fn read<T: Lift<UniFfiTag>>(bytes: *const u8, length: u64) -> uniffi::Result<T> {
    let length = isize::try_from(length)?.unsigned_abs();
    ensure!(length == 0 || !bytes.is_null(), "{length} bytes at no address");
    // Null has no slice, not even an empty one.
    let mut bytes = if length == 0 {
        &[]
    } else {
        // SAFETY: the caller's word; there is an address, and no more bytes than a slice can have. They are copied before
        // anything else happens.
        unsafe { slice::from_raw_parts(bytes, length) }
    };
    let value = T::try_read(&mut bytes)?;
    ensure!(bytes.is_empty(), "{} bytes too many", bytes.len());
    Ok(value)
}

/// What a handle of the library's own stands for. Those are addresses, so they are neither null nor odd.
fn lift<T>(handle: Handle) -> uniffi::Result<Arc<T>>
where
    Arc<T>: Lift<UniFfiTag, FfiType = Handle>,
{
    ensure!(handle.as_raw() != 0 && !handle.is_foreign(), "a handle of nothing");
    <Arc<T> as Lift<UniFfiTag>>::try_lift(handle)
}

/// Says who is told of answers, once, before any call.
#[unsafe(no_mangle)]
pub extern "C" fn payamak_listen(listener: Option<Listener>) {
    guarded(|| {
        if let Some(listener) = listener {
            // The first stays.
            let _ = LISTENER.set(listener);
        }
    })
    .unwrap_or_default();
}

/// Stops a call, of which the listener then hears nothing.
#[unsafe(no_mangle)]
pub extern "C" fn payamak_stop(call: u64) {
    guarded(|| {
        if let Some(task) = calls().remove(&call) {
            task.abort();
        }
    })
    .unwrap_or_default();
}

macro_rules! ask {
    ($name:ident, $worker:expr, $client:ty, $calls:ty, $what:literal) => {
        #[doc = concat!("Asks ", $what, ".")]
        ///
        /// # Safety
        ///
        /// `client` is a handle of one, made for this call, or null; there are `length` bytes at `bytes`, unless it is null.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(client: Handle, bytes: *const u8, length: u64, call: u64) {
            ask(call, $worker, || {
                let client = lift::<$client>(client)?;
                // SAFETY: the caller's word.
                let asked = unsafe { read::<$calls>(bytes, length) }?;
                Ok(Box::pin(client.work(asked).err_into()))
            });
        }
    };
}

ask!(payamak_ask_payam_resan, &PAYAM_RESAN, RawPayamResan, RawPayamResanCall, "Payam Resan");
ask!(payamak_ask_niksms, &NIKSMS, RawNikSms, RawNikSmsCall, "`NikSMS`");

/// Makes a send, which begins when it is waited for; nothing where it cannot be made.
///
/// # Safety
///
/// `messenger` is a handle of one, made for this call, or null; there are `length` bytes at `bytes`, unless it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payamak_send(messenger: Handle, bytes: *const u8, length: u64) -> u64 {
    guarded(|| -> uniffi::Result<u64> {
        let messenger = lift::<RawMessenger>(messenger)?;
        // SAFETY: the caller's word.
        let sending = messenger.send(unsafe { read(bytes, length) }?);
        Ok(<Arc<RawSending> as Lower<UniFfiTag>>::lower(Arc::new(sending)).as_raw())
    })
    .map_or(0, uniffi::Result::unwrap_or_default)
}

/// Waits for a send to end.
///
/// # Safety
///
/// `sending` is a handle of one, made for this call, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payamak_finish(sending: Handle, call: u64) {
    ask(call, &MESSENGERS, || {
        let sending = lift::<RawSending>(sending)?;
        Ok(Box::pin(async move { Ok(RawAnswer::Receipts { rows: sending.finish().await? }) }))
    });
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::panic::resume_unwind;
    use std::sync::Condvar;
    use std::{fs, ptr};

    use tokio::sync::oneshot;

    use super::*;
    use crate::messenger::{RawContent, RawGateway, RawMessengerSettings, RawSend};
    use crate::niksms::{RawNikSmsCredentials, RawNikSmsSettings};
    use crate::settings::RawSettings;

    static TOLD: Mutex<Vec<(u64, Vec<u8>)>> = Mutex::new(Vec::new());
    static MORE: Condvar = Condvar::new();

    extern "C" fn listener(call: u64, answer: u64, length: u64) {
        let answer = ptr::with_exposed_provenance(usize::try_from(answer).unwrap());
        // SAFETY: what `tell` promises.
        let bytes = unsafe { slice::from_raw_parts(answer, usize::try_from(length).unwrap()) };
        TOLD.lock().unwrap().push((call, bytes.to_vec()));
        MORE.notify_all();
    }

    fn reply(mut bytes: &[u8]) -> RawReply {
        <RawReply as Lift<UniFfiTag>>::try_read(&mut bytes).unwrap()
    }

    /// Waits until a call is told of, and says what was.
    fn told(call: u64) -> RawReply {
        let all = TOLD.lock().unwrap();
        let all = MORE.wait_while(all, |all| all.iter().all(|told| told.0 != call)).unwrap();
        let of_it: Vec<_> = all.iter().filter(|told| told.0 == call).collect();
        assert_eq!(of_it.len(), 1, "told more than once");
        reply(&of_it[0].1)
    }

    fn refused(call: u64) -> String {
        match told(call) {
            RawReply::Panicked { reason } => reason,
            _ => panic!("it was not refused"),
        }
    }

    fn client() -> Arc<RawNikSms> {
        let who = RawNikSmsCredentials::new(Some("user".to_owned()), Some("password".to_owned()), None);
        let own = RawNikSmsSettings {
            dialect: None,
            v2_delivery_path: None,
            max_recipients: None,
            poll_interval: None,
        };
        let settings = RawSettings {
            name: None,
            // Nobody is asked.
            base_url: Some("http://127.0.0.1:9/".to_owned()),
            timeout: None,
            connect_timeout: None,
            max_response_bytes: None,
            read_attempts: None,
            proxy: None,
            extra_ca_pem: None,
            ca_file: None,
            bundled_roots: Some(true),
            allow_insecure: false,
            from_env: false,
        };
        Arc::new(RawNikSms::new(Arc::new(who), Some("50001234".to_owned()), own, settings).unwrap())
    }

    fn messenger(client: Arc<RawNikSms>) -> Arc<RawMessenger> {
        let settings = RawMessengerSettings {
            concurrency: None,
            rate: None,
            attempts: None,
            budget: None,
            settle: None,
            resend: None,
            ask: None,
            deadline: None,
        };
        Arc::new(RawMessenger::new(vec![RawGateway::Second { client }], settings, None).unwrap())
    }

    /// A handle for one call.
    fn handle<T>(object: &Arc<T>) -> Handle
    where
        Arc<T>: Lower<UniFfiTag, FfiType = Handle>,
    {
        <Arc<T> as Lower<UniFfiTag>>::lower(object.clone())
    }

    fn bytes<T: Lower<UniFfiTag>>(value: T) -> Vec<u8> {
        let mut bytes = Vec::new();
        T::write(value, &mut bytes);
        bytes
    }

    /// A send that ends by itself: its number is none.
    fn send() -> Vec<u8> {
        bytes(RawSend {
            what: RawContent::ToOne { text: "سلام".to_owned(), to: "0912".to_owned() },
            key: None,
            sender: None,
            once: false,
            deadline: None,
            listener: None,
        })
    }

    #[test]
    fn an_answer_a_failure_and_a_panic_are_told() {
        payamak_listen(Some(listener));
        begin(1, &MESSENGERS, Box::pin(ready(Ok(RawAnswer::Flag { value: true }))));
        assert!(matches!(told(1), RawReply::Answered { answer: RawAnswer::Flag { value: true } }));
        let error = payamak::Error::configuration("sender", "missing");
        begin(2, &MESSENGERS, Box::pin(ready(Err(error.into()))));
        assert!(matches!(told(2), RawReply::Failed { failure, .. } if failure.kind == "ConfigurationError"));
        begin(3, &MESSENGERS, Box::pin(async { panic!("a fault of our own") }));
        assert!(matches!(told(3), RawReply::Panicked { reason } if reason == "a fault of our own"));
        assert!(calls().keys().all(|call| ![1, 2, 3].contains(call)));
    }

    #[test]
    fn a_stopped_call_is_dropped_and_says_nothing() {
        payamak_listen(Some(listener));
        let (held, dropped) = oneshot::channel::<()>();
        let work = async move {
            let _held = held;
            pending().await
        };
        begin(11, &MESSENGERS, Box::pin(work));
        payamak_stop(11);
        assert!(dropped.blocking_recv().is_err());
        // One that has ended already, and one that never was.
        begin(12, &MESSENGERS, Box::pin(ready(Ok(RawAnswer::Flag { value: false }))));
        told(12);
        payamak_stop(12);
        payamak_stop(13);
        assert!(TOLD.lock().unwrap().iter().all(|told| told.0 != 11));
    }

    #[test]
    fn a_panic_becomes_the_answer_wherever_it_happens() {
        payamak_listen(Some(listener));
        assert_eq!(guarded(|| 7), Ok(7));
        assert_eq!(guarded(|| -> u64 { panic!("at {}", 3) }), Err("at 3".to_owned()));
        assert_eq!(
            guarded(|| -> u64 { resume_unwind(Box::new(7)) }),
            Err("a panic without words".to_owned())
        );
        // Before the call has begun.
        ask(21, &MESSENGERS, || panic!("while it is made"));
        assert_eq!(refused(21), "while it is made");
        // While its answer is written, when half of it already is.
        let answer = written(|bytes| {
            bytes.push(1);
            panic!("while it is written");
        });
        assert!(matches!(reply(&answer), RawReply::Panicked { reason } if reason == "while it is written"));
    }

    #[test]
    fn a_call_that_panics_when_it_is_stopped_disturbs_nobody() {
        struct Faulty(#[allow(dead_code, reason = "it is there to be dropped")] oneshot::Sender<()>);
        impl Drop for Faulty {
            fn drop(&mut self) {
                panic!("a fault of our own");
            }
        }
        payamak_listen(Some(listener));
        let (held, dropped) = oneshot::channel();
        let held = Faulty(held);
        let work = async move {
            let _held = held;
            pending().await
        };
        begin(24, &MESSENGERS, Box::pin(work));
        payamak_stop(24);
        assert!(dropped.blocking_recv().is_err());
        begin(25, &MESSENGERS, Box::pin(ready(Ok(RawAnswer::Flag { value: true }))));
        assert!(matches!(told(25), RawReply::Answered { .. }));
    }

    #[test]
    fn every_function_of_c_is_guarded() {
        let mut found = Vec::new();
        for folder in ["src", "emulator/src"] {
            for file in fs::read_dir(format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap() {
                let source = fs::read_to_string(file.unwrap().path()).unwrap();
                for function in source.split("extern \"C\" fn ").skip(1) {
                    let (head, body) = function.split_once('{').unwrap();
                    let name = head.split('(').next().unwrap().to_owned();
                    let body = body.trim_start();
                    let guarded = body.starts_with("guarded(|| ") || body.starts_with("ask(call, ");
                    // The one of these tests is no way in.
                    assert!(guarded || name == "listener", "{name}");
                    found.push(name);
                }
            }
        }
        found.sort();
        let all = ["$name", "listener", "payamak_finish", "payamak_listen", "payamak_send", "payamak_stop"];
        assert_eq!(found, all);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        payamak_listen(Some(listener));
        let client = client();
        let credit = bytes(RawNikSmsCall::GetCredit);
        let longer = [credit.as_slice(), &[0]].concat();
        let number = bytes(RawNikSmsCall::GetSmsDeliveryWithClientId { trace_id: 7 });
        let odd = number.len() as u64 - 3;
        let cases: [(*const u8, u64, &str); 8] = [
            (ptr::null(), 0, "not enough bytes"),
            (credit.as_ptr(), 0, "not enough bytes"),
            (ptr::null(), 4, "4 bytes at no address"),
            (ptr::null(), u64::MAX, "out of range"),
            (credit.as_ptr(), u64::MAX, "out of range"),
            (longer.as_ptr(), longer.len() as u64, "1 bytes too many"),
            (number.as_ptr(), odd, "not enough bytes"),
            ([0xff_u8; 4].as_ptr(), 4, "Invalid"),
        ];
        for (call, (bytes, length, reason)) in (31..).zip(cases) {
            // SAFETY: each is null or has that many bytes, but those that are refused before they are looked at.
            unsafe { payamak_ask_niksms(handle(&client), bytes, length, call) };
            let refused = refused(call);
            assert!(refused.contains(reason), "{refused}");
            // SAFETY: the same.
            assert_eq!(unsafe { payamak_send(handle(&messenger(client.clone())), bytes, length) }, 0);
        }
        assert_eq!(Arc::strong_count(&client), 1, "what is refused is not kept");
    }

    #[test]
    fn bytes_may_begin_anywhere() {
        let mut sent = vec![0];
        sent.extend(send());
        let messenger = messenger(client());
        // SAFETY: the length of the vector, without its first byte.
        let sending =
            unsafe { payamak_send(handle(&messenger), sent.as_ptr().add(1), sent.len() as u64 - 1) };
        assert!(lift::<RawSending>(Handle::from_raw_unchecked(sending)).is_ok());
    }

    #[test]
    fn a_handle_of_nothing_is_refused() {
        payamak_listen(Some(listener));
        // It makes no difference, and must not crash.
        payamak_listen(None);
        let (credit, send) = (bytes(RawNikSmsCall::GetCredit), send());
        for (call, nothing) in [(51, 0), (61, 1)] {
            let nothing = || Handle::from_raw_unchecked(nothing);
            // SAFETY: the lengths of the vectors.
            unsafe {
                payamak_ask_niksms(nothing(), credit.as_ptr(), credit.len() as u64, call);
                payamak_ask_payam_resan(nothing(), credit.as_ptr(), credit.len() as u64, call + 1);
                payamak_finish(nothing(), call + 2);
                assert_eq!(payamak_send(nothing(), send.as_ptr(), send.len() as u64), 0);
            }
            for call in call..call + 3 {
                assert_eq!(refused(call), "a handle of nothing");
            }
        }
    }

    #[test]
    fn a_call_that_has_ended_keeps_neither_client_nor_messenger() {
        payamak_listen(Some(listener));
        let client = client();
        let messenger = messenger(client.clone());
        let send = send();
        // SAFETY: the length of the vector, and the handle that is made of it.
        unsafe {
            let sending = payamak_send(handle(&messenger), send.as_ptr(), send.len() as u64);
            payamak_finish(Handle::from_raw_unchecked(sending), 71);
        }
        assert!(
            matches!(told(71), RawReply::Answered { answer: RawAnswer::Receipts { rows } } if rows.len() == 1)
        );
        assert_eq!((Arc::strong_count(&client), Arc::strong_count(&messenger)), (1, 1));
    }
}
