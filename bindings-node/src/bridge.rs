//! From Rust to JavaScript: results wait in one queue an environment, and one wake-up fetches many of them.
//!
//! A promise of napi's own costs each call a threadsafe function, a cleanup hook and a wake-up of the event loop; here the
//! promises are JavaScript's, known by a number.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{Array, BigInt64ArraySlice, Int32ArraySlice, Null, i64n, spawn};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use tokio::runtime::Handle;

use crate::cancel::{CancelToken, unless_canceled};
use crate::wire;

/// How many results one turn of the event loop takes, so that nobody else waits long for their turn.
const A_TURN: usize = 64;

/// The id of a row that has none. A row whose id is this number by itself travels as JSON.
pub(crate) const NO_ID: i64 = i64::MIN;

/// What a call ends with.
pub(crate) enum Answer {
    /// The canonical JSON, tagged.
    Json(String),
    /// So many ids a row, one after the other.
    Ids(Vec<i64>),
    /// Ids likewise, and the known code of each row's status.
    Statuses { ids: Vec<i64>, codes: Vec<i32> },
    /// A stream is over.
    End,
    /// The work was dropped before it came to an answer: it panicked, or its runtime has ended.
    Lost,
}

/// Wakes the event loop without keeping it alive by itself.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// The way back to one JavaScript environment: the main thread's, or a worker thread's.
#[napi]
pub struct Bridge {
    mailbox: Arc<Mailbox>,
    /// Never contended: it is JavaScript's thread alone that starts calls and collects answers.
    pulse: Mutex<Pulse>,
}

struct Mailbox {
    letters: Mutex<Letters>,
    wake: Wake,
}

#[derive(Default)]
struct Letters {
    waiting: VecDeque<(u32, Answer)>,
    /// A wake-up is under way, so nobody needs to send another one.
    woken: bool,
}

/// Keeps the event loop alive as long as JavaScript has not fetched the answers of all calls.
struct Pulse {
    /// Never called. It is not the one that wakes, because saying whether it counts takes it as one's own.
    alive: Wake,
    pending: usize,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mailbox {
    /// May be called from any thread.
    fn post(&self, call: u32, answer: Answer) {
        let woken = {
            let mut letters = locked(&self.letters);
            letters.waiting.push_back((call, answer));
            std::mem::replace(&mut letters.woken, true)
        };
        if !woken {
            // It fails when the environment is being torn down, and then nobody waits any more.
            self.wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    fn collect(&self) -> (Vec<(u32, Answer)>, bool) {
        let mut letters = locked(&self.letters);
        let count = letters.waiting.len().min(A_TURN);
        let turn = letters.waiting.drain(..count).collect();
        // What is left is fetched in the next turn without a wake-up.
        letters.woken = !letters.waiting.is_empty();
        (turn, letters.woken)
    }
}

#[allow(
    deprecated,
    reason = "napi-rs has no other safe way to say whether a threadsafe function keeps the event loop alive"
)]
impl Pulse {
    fn begin(&mut self, env: Env) -> napi::Result<()> {
        if self.pending == 0 {
            self.alive.refer(&env)?;
        }
        self.pending += 1;
        Ok(())
    }

    fn end(&mut self, env: Env, calls: usize) -> napi::Result<()> {
        self.pending = self.pending.saturating_sub(calls);
        if self.pending == 0 { self.alive.unref(&env) } else { Ok(()) }
    }
}

#[napi]
impl Bridge {
    /// A way back that calls `wake` when there is something to collect. `alive` is never called.
    #[napi(constructor, catch_unwind, ts_args_type = "wake: () => void, alive: () => void")]
    pub fn new(wake: Wake, alive: Wake) -> Self {
        let mailbox = Mailbox { letters: Mutex::default(), wake };
        Self { mailbox: Arc::new(mailbox), pulse: Mutex::new(Pulse { alive, pending: 0 }) }
    }

    /// A turn's worth of what has come: whether there is more, then a call, its answer, the next call, its answer, …
    #[napi(catch_unwind, ts_return_type = "unknown[]")]
    pub fn collect<'env>(&self, env: &'env Env) -> napi::Result<Array<'env>> {
        let (turn, more) = self.mailbox.collect();
        locked(&self.pulse).end(*env, turn.len())?;
        let mut list = env.create_array(0)?;
        list.insert(more)?;
        for (call, answer) in turn {
            list.insert(call)?;
            if answer.insert_into(&mut list, *env).is_err() {
                // The others still get theirs.
                list.insert(())?;
            }
        }
        Ok(list)
    }
}

impl Answer {
    fn insert_into(self, list: &mut Array<'_>, env: Env) -> napi::Result<()> {
        match self {
            Self::Json(text) => list.insert(text),
            Self::Ids(ids) => {
                let mut row = env.create_array(0)?;
                for id in ids {
                    if id == NO_ID { row.insert(Null)? } else { row.insert(i64n(id))? }
                }
                list.insert(row)
            }
            Self::Statuses { ids, codes } => {
                let mut packed = env.create_array(0)?;
                packed.insert(BigInt64ArraySlice::copy_from(&env, ids)?)?;
                packed.insert(Int32ArraySlice::copy_from(&env, codes)?)?;
                list.insert(packed)
            }
            Self::End => list.insert(Null),
            Self::Lost => list.insert(()),
        }
    }
}

impl Bridge {
    /// Does the work elsewhere, unless it is stopped; its answer comes back under the number of the call. `network` is the
    /// runtime to do it in, where the work is one call to one gateway: beside its connection. Unless given, it is the library's own.
    pub(crate) fn answer(
        &self,
        env: Env,
        call: u32,
        network: Option<&Handle>,
        cancel: Option<&CancelToken>,
        work: impl Future<Output = Answer> + Send + 'static,
    ) -> napi::Result<()> {
        locked(&self.pulse).begin(env)?;
        let reply = Reply { mailbox: self.mailbox.clone(), call, answer: Answer::Lost };
        let token = cancel.map(CancelToken::token);
        // It has some kilobytes, and every hand it goes through would copy them.
        let work = Box::pin(work);
        let task = async move {
            let answer = unless_canceled(token, work).await;
            reply.with(answer.unwrap_or_else(|| Answer::Json(wire::canceled())));
        };
        drop(match network {
            Some(network) => network.spawn(task),
            None => spawn(task),
        });
        Ok(())
    }
}

/// Posts the answer however the work ends, so that no call waits for ever.
struct Reply {
    mailbox: Arc<Mailbox>,
    call: u32,
    answer: Answer,
}

impl Reply {
    fn with(mut self, answer: Answer) {
        self.answer = answer;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.mailbox.post(self.call, std::mem::replace(&mut self.answer, Answer::Lost));
    }
}
