//! Every interleaving of small sends with a gateway that may do anything: exhaustively, on virtual time, without a runtime.
//!
//! A run makes choices: which of several things that could happen next does happen, what the gateway does with a request or a
//! question, whether a caller is cut off here. After a run the last choice that has another option left takes it, and the run
//! is made again from the start, until there is none. Failures and cut-offs are bounded a run; their places are not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it fails"
)]
#![allow(clippy::print_stdout, reason = "what was counted is shown")]

mod common;

use std::collections::BTreeMap;
use std::future::IntoFuture as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use common::fake::{Does, Fake, Says, Script};
use futures_util::future::BoxFuture;
use payamak::{Clock, ErrorKind, KeyKind, Message, Messenger, Report, Result, SendOutcome, TraceId};

const SECOND: Duration = Duration::from_secs(1);

/// More than a scene of this size has.
const MOST_RUNS: usize = 200_000;

/// More than any run takes.
const MOST_STEPS: usize = 10_000;

/// The choices of one run, and how many options each had.
#[derive(Debug, Default)]
struct Choices {
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    fn choose(&mut self, options: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push((0, options));
        }
        let (choice, known) = self.taken[self.at];
        assert_eq!(known, options, "the same choices led elsewhere");
        self.at += 1;
        choice
    }

    /// The next run's choices; false when all have been made.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, options)) = self.taken.pop() {
            if choice + 1 < options {
                self.taken.push((choice + 1, options));
                return true;
            }
        }
        false
    }
}

#[derive(Clone, Debug, Default)]
struct Oracle(Arc<Mutex<Choices>>);

impl Oracle {
    /// One of so many; no choice where there is only one.
    fn choose(&self, options: usize) -> usize {
        if options < 2 { 0 } else { self.0.lock().unwrap().choose(options) }
    }
}

/// Time that passes when the test lets a timer fire.
#[derive(Debug, Default)]
struct ModelClock(Mutex<Timers>);

#[derive(Debug, Default)]
struct Timers {
    now: Duration,
    made: u64,
    waiting: BTreeMap<(Duration, u64), Option<Waker>>,
}

struct Sleep {
    clock: Arc<ModelClock>,
    key: (Duration, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.clock.0.lock().unwrap().waiting.get_mut(&self.key) {
            Some(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.lock().unwrap().waiting.remove(&self.key);
    }
}

#[derive(Debug)]
struct ClockHandle(Arc<ModelClock>);

impl Clock for ClockHandle {
    fn now(&self) -> Duration {
        self.0.0.lock().unwrap().now
    }

    fn since_epoch(&self) -> Duration {
        self.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut timers = self.0.0.lock().unwrap();
        timers.made += 1;
        let key = (timers.now.saturating_add(duration), timers.made);
        timers.waiting.insert(key, None);
        Box::pin(Sleep { clock: self.0.clone(), key })
    }
}

impl ModelClock {
    /// The timers that come next, all at one moment.
    fn next(&self) -> Vec<(Duration, u64)> {
        let timers = self.0.lock().unwrap();
        let first = timers.waiting.keys().next().map(|(at, _)| *at);
        timers.waiting.keys().copied().take_while(|(at, _)| Some(*at) == first).collect()
    }

    fn fire(&self, key: (Duration, u64)) {
        let waker = {
            let mut timers = self.0.lock().unwrap();
            timers.now = key.0;
            timers.waiting.remove(&key).flatten()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A gateway that does what the oracle says, with so many failures a run.
struct Anything {
    oracle: Oracle,
    failures: Arc<AtomicUsize>,
    sends: Vec<Does>,
    questions: Vec<Says>,
}

impl Anything {
    fn fails<T: Copy>(&self, usual: T, failures: &[T]) -> T {
        if self.failures.load(Ordering::Relaxed) == 0 {
            return usual;
        }
        match self.oracle.choose(failures.len() + 1) {
            0 => usual,
            choice => {
                self.failures.fetch_sub(1, Ordering::Relaxed);
                failures[choice - 1]
            }
        }
    }
}

impl Script for Anything {
    fn submit(&self, _: &str) -> Does {
        self.fails(Does::Take, &self.sends)
    }

    fn look_up(&self, _: &str) -> Says {
        self.fails(Says::Truth, &self.questions)
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// How gateways are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    Freely,
    ByRule,
    Inferred,
}

/// Who sends what, through what.
#[derive(Clone, Copy, Debug)]
struct Scene {
    /// Callers at once, each with a message under the same key.
    callers: usize,
    /// Without a key, each caller has a message of its own.
    keyed: bool,
    /// A messenger each, over the same gateway clients.
    messengers_each: bool,
    gateways: usize,
    asking: Asking,
    failures: usize,
    /// How many callers are cut off, and run again at once.
    cut_offs: usize,
}

const SCENE: Scene = Scene {
    callers: 1,
    keyed: true,
    messengers_each: false,
    gateways: 1,
    asking: Asking::Freely,
    failures: 1,
    cut_offs: 0,
};

type Sent = BoxFuture<'static, Result<Report>>;

struct Caller {
    future: Option<Sent>,
    woken: Arc<Woken>,
    report: Option<Report>,
}

fn start(messenger: &Messenger, scene: Scene, caller: usize) -> Sent {
    let message = Message::new("09121112222", "سلام");
    let message = if scene.keyed {
        message.key("order-981")
    } else {
        message.trace_id(TraceId::new(if caller == 0 { 1 } else { 2 }))
    };
    messenger.send_each([message]).into_future()
}

/// One run; gives back what each caller was told.
fn run(scene: Scene, oracle: &Oracle) {
    let time = Arc::new(ModelClock::default());
    let clock: Arc<dyn Clock> = Arc::new(ClockHandle(time.clone()));
    let failures = Arc::new(AtomicUsize::new(scene.failures));
    let mut sends = vec![
        Does::TakeWithoutRows,
        Does::Break(None),
        Does::Break(Some(Duration::ZERO)),
        Does::Break(Some(SECOND * 4)),
        Does::Hang(None),
        Does::Hang(Some(SECOND)),
        Does::Hang(Some(SECOND * 14)),
        Does::TakeBehindProxy,
        Does::Refuse(ErrorKind::Credit),
        Does::Unreachable(Duration::ZERO),
    ];
    if scene.cut_offs == 0 {
        // As late as a request may land whose time limit was waited for. Cut off before, it may not be as late.
        sends.push(Does::Hang(Some(SECOND * 29)));
    }
    let questions = vec![Says::Break, Says::Contradiction, Says::WrongKey, Says::Hang];
    let gateways: Vec<Arc<Fake>> = ["first", "second"]
        .into_iter()
        .take(scene.gateways)
        .map(|name| {
            let script = Anything {
                oracle: oracle.clone(),
                failures: failures.clone(),
                sends: sends.clone(),
                questions: questions.clone(),
            };
            let gateway = Fake::new(name, &clock, script);
            Arc::new(match scene.asking {
                Asking::Freely => gateway,
                Asking::ByRule => gateway.with_rule(SECOND * 180),
                Asking::Inferred => gateway.inferred(),
            })
        })
        .collect();
    let build = || {
        let builder = Messenger::builder().clock(clock.clone()).jitter_seed(7);
        let builder =
            gateways.iter().fold(builder, |builder, gateway| builder.shared_gateway(gateway.clone()));
        builder.build().unwrap()
    };
    let one = build();
    let messengers: Vec<Messenger> =
        (0..scene.callers).map(|_| if scene.messengers_each { build() } else { one.clone() }).collect();
    let mut callers: Vec<Caller> = (0..scene.callers)
        .map(|caller| Caller {
            future: Some(start(&messengers[caller], scene, caller)),
            woken: Arc::new(Woken(AtomicBool::new(true))),
            report: None,
        })
        .collect();
    let mut cut_offs = scene.cut_offs;
    for step in 0.. {
        assert!(step < MOST_STEPS, "it never ends: {scene:?}, {oracle:?}");
        let ready: Vec<usize> = (0..callers.len())
            .filter(|caller| {
                callers[*caller].future.is_some() && callers[*caller].woken.0.load(Ordering::SeqCst)
            })
            .collect();
        if !ready.is_empty() {
            let caller = &mut callers[ready[oracle.choose(ready.len())]];
            caller.woken.0.store(false, Ordering::SeqCst);
            let waker = Waker::from(caller.woken.clone());
            let future = caller.future.as_mut().unwrap();
            if let Poll::Ready(report) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                caller.report = Some(report.unwrap());
                caller.future = None;
            }
            continue;
        }
        if callers.iter().all(|caller| caller.future.is_none()) {
            break;
        }
        let timers = time.next();
        assert!(!timers.is_empty(), "everybody waits, and for nothing");
        let running: Vec<usize> =
            (0..callers.len()).filter(|caller| cut_offs > 0 && callers[*caller].future.is_some()).collect();
        match oracle.choose(timers.len() + running.len()) {
            choice if choice < timers.len() => time.fire(timers[choice]),
            choice => {
                cut_offs -= 1;
                let caller = running[choice - timers.len()];
                // Dropped first: a caller runs again when it has been stopped, not before.
                callers[caller].future = None;
                callers[caller].future = Some(start(&messengers[caller], scene, caller));
                callers[caller].woken.0.store(true, Ordering::SeqCst);
            }
        }
    }
    judge(scene, &gateways, &callers, oracle);
}

fn judge(scene: Scene, gateways: &[Arc<Fake>], callers: &[Caller], oracle: &Oracle) {
    for (place, caller) in callers.iter().enumerate() {
        let receipt = &caller.report.as_ref().unwrap()[0];
        let sent: usize = gateways.iter().map(|gateway| gateway.sent(receipt.trace_id)).sum();
        let what = || format!("caller {place}, {receipt:?}, {scene:?}, {oracle:?}");
        assert!(sent <= 1, "sent twice: {}", what());
        match receipt.outcome {
            SendOutcome::Accepted => assert_eq!(sent, 1, "lost: {}", what()),
            SendOutcome::Rejected => assert_eq!(sent, 0, "denied: {}", what()),
            SendOutcome::Unclear => assert!(receipt.error.is_some(), "{}", what()),
        }
        if scene.keyed {
            assert_eq!(
                receipt.trace_id,
                TraceId::from_key("order-981", "09121112222", KeyKind::Single, None).unwrap()
            );
        }
        // With nothing in its way, a message arrives.
        if scene.failures == 0 && scene.cut_offs == 0 {
            assert_eq!(receipt.outcome, SendOutcome::Accepted, "{}", what());
        }
    }
}

fn explore(name: &str, scene: Scene) -> usize {
    let oracle = Oracle::default();
    let mut runs = 0;
    loop {
        run(scene, &oracle);
        runs += 1;
        assert!(runs < MOST_RUNS, "{name}: more than anybody waits for");
        if !oracle.0.lock().unwrap().advance() {
            break;
        }
    }
    println!("{runs:>7} interleavings: {name}");
    runs
}

#[test]
fn nothing_is_sent_twice_lost_or_denied_in_any_interleaving() {
    const ASKING: [Asking; 3] = [Asking::Freely, Asking::ByRule, Asking::Inferred];
    let mut runs = 0;
    for asking in ASKING {
        let scene = Scene { asking, ..SCENE };
        let mut explore = |name: &str, scene| runs += explore(&format!("{asking:?}, {name}"), scene);
        explore("two callers, one key", Scene { callers: 2, ..scene });
        explore(
            "two callers, one key, a messenger each",
            Scene { callers: 2, messengers_each: true, ..scene },
        );
        explore("two callers, one key, one cut off", Scene { callers: 2, cut_offs: 1, ..scene });
        explore("one key, cut off twice", Scene { cut_offs: 2, ..scene });
        explore("one key, three failures", Scene { failures: 3, ..scene });
        explore("no key, three failures", Scene { keyed: false, failures: 3, ..scene });
        explore("two callers without keys", Scene { callers: 2, keyed: false, ..scene });
        explore("one key, two gateways", Scene { gateways: 2, failures: 2, ..scene });
        explore(
            "two callers, one key, two gateways",
            Scene { callers: 2, gateways: 2, failures: 0, ..scene },
        );
        explore("no key, two gateways", Scene { keyed: false, gateways: 2, failures: 2, ..scene });
    }
    println!("{runs:>7} interleavings in all: twice 0, lost 0, denied 0");
}
