//! The handle and its builder.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{Semaphore, oneshot};

use crate::admission::Admission;
use crate::clock::{Clock, milliseconds};
use crate::dialect;
use crate::fault::Fault;
use crate::replay::{Replay, Verdict};
use crate::server;
use crate::state::{Gateway, IncomingMessage, RegisteredMessage, RequestRecord, Settings, World};

/// More of them would only wait for the one lock on the state.
const MAX_WORKERS: usize = 4;
/// So that a moment and a limit can be added.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Chooses what an [`Emulator`] is like. Every setting has a default.
#[derive(Debug)]
#[must_use]
pub struct EmulatorBuilder {
    listen: SocketAddr,
    allow_non_loopback: bool,
    allowed_hosts: Vec<String>,
    speed: f64,
    replay: Option<PathBuf>,
    settings: Settings,
}

impl Default for EmulatorBuilder {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allow_non_loopback: false,
            allowed_hosts: Vec::new(),
            speed: 1.0,
            replay: None,
            settings: Settings {
                payam_resan_key: Emulator::PAYAM_RESAN_KEY.to_owned(),
                niksms_username: Emulator::NIKSMS_USERNAME.to_owned(),
                niksms_password: Emulator::NIKSMS_PASSWORD.to_owned(),
                niksms_key: Emulator::NIKSMS_KEY.to_owned(),
                v2_delivery_path: "sms/delivery".to_owned(),
                polling_rule: None,
                polling_rule_for_unknown_ids: false,
                lookup_lag: 0,
                credit: 10_000_000,
                record_requests: true,
                keep_texts: true,
                max_requests: 10_000,
                message_memory: 512 * 1024 * 1024,
                max_body: 4 * 1024 * 1024,
                max_connections: 1024,
                read_timeout: Duration::from_secs(30),
                idle_timeout: Duration::from_secs(5 * 60),
            },
        }
    }
}

impl EmulatorBuilder {
    /// The address to listen on: a free port of 127.0.0.1 unless given.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Lets [`listen`](Self::listen) name an address that other machines reach, and answers to clients that call it by
    /// any address instead of a name. Off unless turned on: whoever reaches the emulator can read its messages.
    pub fn allow_non_loopback(mut self, allow: bool) -> Self {
        self.allow_non_loopback = allow;
        self
    }

    /// Answers to clients that call it by this host too, a name or an address; a port does not count. Hosts add up. A
    /// request whose `Host` is neither of them nor `localhost`, a name below it or a loopback address is refused with
    /// 421: a page in a browser on this machine may have let its own name point here.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.allowed_hosts.push(host.into());
        self
    }

    /// Emulated seconds in a real second, 1 unless given. At 0 time moves by [`Emulator::advance`] alone.
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// How much emulated time has to pass before Payam Resan answers again about the status of the same message.
    /// Sooner, it answers error 20. Off (`None`) unless given. An id that no message has may be asked for at will,
    /// unless [`polling_rule_for_unknown_ids`](Self::polling_rule_for_unknown_ids) is on.
    pub fn polling_rule(mut self, rule: Option<Duration>) -> Self {
        self.settings.polling_rule = rule.map(milliseconds);
        self
    }

    /// Whether the [`polling_rule`](Self::polling_rule), if there is one, holds for ids that no message has too. Off
    /// unless turned on. It then counts for each id and each trace id that was asked by, found or not, and for the
    /// message found, whichever of its ids found it. A refused question does not count.
    pub fn polling_rule_for_unknown_ids(mut self, holds: bool) -> Self {
        self.settings.polling_rule_for_unknown_ids = holds;
        self
    }

    /// How much emulated time passes before a registered message is found by a lookup, at both gateways: their books
    /// are read from a copy that is behind. None unless given. The methods of [`Emulator`] see it at once.
    pub fn lookup_lag(mut self, lag: Duration) -> Self {
        self.settings.lookup_lag = milliseconds(lag);
        self
    }

    /// The credit both accounts start with. A message costs 1, in whatever unit the gateway counts.
    pub fn credit(mut self, credit: i64) -> Self {
        self.settings.credit = credit;
        self
    }

    /// Where the `v2` dialect answers `GetSmsDelivery`, after `/api/v2/`. The real path is not known: `sms/delivery` is
    /// the emulator's own choice.
    pub fn v2_delivery_path(mut self, path: impl Into<String>) -> Self {
        path.into().trim_start_matches('/').clone_into(&mut self.settings.v2_delivery_path);
        self
    }

    /// Whether [`Emulator::requests`] has something to show. On unless turned off; they are counted in any case.
    pub fn record_requests(mut self, record: bool) -> Self {
        self.settings.record_requests = record;
        self
    }

    /// How many requests [`Emulator::requests`] shows: the latest 10,000 unless given. All of them are counted.
    pub fn max_requests(mut self, count: usize) -> Self {
        self.settings.max_requests = count;
        self
    }

    /// How many bytes of memory each gateway's messages may take, 512 MiB unless given; a message takes its text's bytes
    /// and 448 more, so that is more than a million short ones. Then the oldest are forgotten: a lookup does not find
    /// them, and [`Emulator::messages`] and [`Emulator::registrations`] do not see them.
    /// [`Emulator::message_count`] still counts them. Incoming messages may take as much, and so may what is
    /// still to be carried out, of which the earliest is lost on its way.
    pub fn message_memory(mut self, bytes: usize) -> Self {
        self.settings.message_memory = bytes;
        self
    }

    /// How many bytes the body of a request may have, 4 MiB unless given. A longer one is refused with 413.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.settings.max_body = bytes;
        self
    }

    /// How many connections are served at the same time, 1,024 unless given and at least 1. Others wait; so that they
    /// get their turn, no connection is kept for another request while all are taken.
    pub fn max_connections(mut self, count: usize) -> Self {
        self.settings.max_connections = count.min(Semaphore::MAX_PERMITS);
        self
    }

    /// How long the head of a request may take to arrive after its first byte, and the body after the head, in real
    /// time: 30 seconds unless given. Then the connection is closed.
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.settings.read_timeout = limit.min(LONGEST_TIMEOUT);
        self
    }

    /// How long a connection may stay open without another request, in real time: 5 minutes unless given. A client
    /// that keeps connections for longer may lose a request on one.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.settings.idle_timeout = limit.min(LONGEST_TIMEOUT);
        self
    }

    /// Whether the messages' texts are kept. On unless turned off; without them a million messages need less memory.
    pub fn keep_texts(mut self, keep: bool) -> Self {
        self.settings.keep_texts = keep;
        self
    }

    /// The Payam Resan `ApiKey`, instead of [`Emulator::PAYAM_RESAN_KEY`].
    pub fn payam_resan_key(mut self, key: impl Into<String>) -> Self {
        self.settings.payam_resan_key = key.into();
        self
    }

    /// The `NikSMS` account, instead of [`Emulator::NIKSMS_USERNAME`] and [`Emulator::NIKSMS_PASSWORD`].
    pub fn niksms_account(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.settings.niksms_username = username.into();
        self.settings.niksms_password = password.into();
        self
    }

    /// The `ApiKey` of the `web-service` dialect, instead of [`Emulator::NIKSMS_KEY`].
    pub fn niksms_key(mut self, key: impl Into<String>) -> Self {
        self.settings.niksms_key = key.into();
        self
    }

    /// Serves the conformance cases of a folder too, under `/replay/`.
    pub fn replay(mut self, folder: impl AsRef<Path>) -> Self {
        self.replay = Some(folder.as_ref().to_owned());
        self
    }

    /// Starts it. The emulator has a thread and a runtime of its own: neither a blocked nor a paused runtime of the
    /// caller's stops it.
    #[expect(clippy::unused_async, reason = "so that it can come to wait without a change for its users")]
    pub async fn start(self) -> io::Result<Emulator> {
        self.start_blocking()
    }

    /// [`start`](Self::start) without async.
    pub fn start_blocking(self) -> io::Result<Emulator> {
        let Self { listen, allow_non_loopback, allowed_hosts, speed, replay, settings } = self;
        let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if !listen.ip().is_loopback() && !allow_non_loopback {
            return refused(
                "this address is not a loopback address: allow_non_loopback lets the emulator listen there",
            );
        }
        if !speed.is_finite() || speed < 0.0 {
            return refused("the speed has to be a number from 0 up");
        }
        if settings.max_connections == 0 {
            return refused("at least one connection has to be allowed");
        }
        let admission = match Admission::new(allow_non_loopback, &allowed_hosts) {
            Ok(admission) => admission,
            Err(why) => return refused(why),
        };
        let replay = replay.map(|folder| Replay::load(&folder)).transpose()?.unwrap_or_default();
        let world = Arc::new(World::new(settings, admission, Clock::new(speed), replay));
        let (started, has_started) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let thread = {
            let world = Arc::clone(&world);
            let run = move || match runtime() {
                Ok(runtime) => runtime.block_on(run(listen, world, &started, stopped)),
                Err(error) => drop(started.send(Err(error))),
            };
            thread::Builder::new().name("payamak-emulator".to_owned()).spawn(run)?
        };
        let address = has_started.recv().map_err(io::Error::other)??;
        let running = Some(Running { stop, thread, process: process::id() });
        Ok(Emulator { world, address, running: Mutex::new(running) })
    }
}

fn runtime() -> io::Result<runtime::Runtime> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("payamak-emulator")
        .enable_all()
        .build()
}

async fn run(
    listen: SocketAddr,
    world: Arc<World>,
    started: &mpsc::SyncSender<io::Result<SocketAddr>>,
    stopped: oneshot::Receiver<()>,
) {
    let bound = server::bind(listen).and_then(|listener| Ok((listener.local_addr()?, listener)));
    let listener = match bound {
        Ok((address, listener)) => {
            let _ = started.send(Ok(address));
            listener
        }
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    tokio::select! {
        never = server::accept(listener, world) => match never {},
        _ = stopped => {}
    }
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    process: u32,
}

/// Both gateways, listening. Dropping it stops it.
///
/// All methods return at once and may be called from any thread, inside a runtime or without one.
#[derive(Debug)]
pub struct Emulator {
    world: Arc<World>,
    address: SocketAddr,
    running: Mutex<Option<Running>>,
}

impl Emulator {
    /// The demo account's Payam Resan `ApiKey`.
    pub const PAYAM_RESAN_KEY: &str = "demo-key";
    /// The demo account's `NikSMS` user name.
    pub const NIKSMS_USERNAME: &str = "demo";
    /// The demo account's `NikSMS` password.
    pub const NIKSMS_PASSWORD: &str = "demo-password";
    /// The demo account's `ApiKey` for the `web-service` dialect of `NikSMS`.
    pub const NIKSMS_KEY: &str = "demo-niksms-key";

    /// Chooses what it is like before it starts.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::default()
    }

    /// Starts one on a free port, with the defaults.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// [`start`](Self::start) without async.
    pub fn start_blocking() -> io::Result<Self> {
        Self::builder().start_blocking()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The origin, `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base address of Payam Resan's API V3.
    pub fn payam_resan_url(&self) -> String {
        self.url() + dialect::PAYAM_RESAN
    }

    /// The base address of Payam Resan's own sandbox, which accepts any key and registers nothing.
    pub fn payam_resan_sandbox_url(&self) -> String {
        self.url() + dialect::SANDBOX
    }

    /// The address of the `soap` dialect of `NikSMS`.
    pub fn niksms_soap_url(&self) -> String {
        self.url() + dialect::SOAP
    }

    /// The base address of the `public-api` dialect of `NikSMS`.
    pub fn niksms_public_api_url(&self) -> String {
        self.url() + dialect::PUBLIC_API
    }

    /// The base address of the `v2` dialect of `NikSMS`.
    pub fn niksms_v2_url(&self) -> String {
        self.url() + dialect::V2
    }

    /// The base address of the `web-service` dialect of `NikSMS`.
    pub fn niksms_web_service_url(&self) -> String {
        self.url() + dialect::WEB_SERVICE
    }

    /// The path of the `v2` delivery call, after [`niksms_v2_url`](Self::niksms_v2_url).
    pub fn v2_delivery_path(&self) -> &str {
        &self.world.settings.v2_delivery_path
    }

    /// Every registered message of both gateways, in the order of registering, but for those that had to make room
    /// ([`message_memory`](EmulatorBuilder::message_memory)).
    pub fn messages(&self) -> Vec<RegisteredMessage> {
        self.world.state().messages(self.world.clock.now())
    }

    /// How many messages were registered.
    pub fn message_count(&self) -> usize {
        self.world.state().message_count()
    }

    /// How many messages are registered with this trace id (client id), over both gateways. More than one means that
    /// somebody got the message twice.
    pub fn registrations(&self, trace_id: i64) -> usize {
        self.world.state().registrations(trace_id)
    }

    /// The latest requests that came to the gateways, in order
    /// ([`max_requests`](EmulatorBuilder::max_requests)). Neither [`control`](crate#control-over-http) nor replayed
    /// cases are among them.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.world.state().requests.iter().cloned().collect()
    }

    /// How many requests came to the gateways, recorded or not.
    pub fn request_count(&self) -> u64 {
        self.world.state().request_count
    }

    /// How many TCP connections were accepted.
    pub fn connection_count(&self) -> u64 {
        self.world.connections.load(Ordering::Relaxed)
    }

    /// Forgets messages, incoming messages, requests, those still to be carried out too, counts, faults and what is to
    /// be refused, and gives the credit back. Time goes on, and no id is given out a second time.
    pub fn clear(&self) {
        self.world.clear();
    }

    /// Replaces all faults to come.
    pub fn faults(&self, faults: Vec<Fault>) {
        self.world.state().faults.replace(faults);
    }

    /// Adds a fault behind those to come.
    pub fn add_fault(&self, fault: Fault) {
        self.world.state().faults.add(fault);
    }

    /// The faults that are not used up, with what is left of their `skip` and `times`.
    pub fn pending_faults(&self) -> Vec<Fault> {
        self.world.state().faults.pending().to_vec()
    }

    /// From now on both gateways refuse every request with a message that contains this word: Payam Resan with error
    /// 9, `NikSMS` with 5 `Filtered`. Of a template, the final text counts. Words add up; an empty one is in every text.
    pub fn refuse_text(&self, word: impl Into<String>) {
        self.world.state().refusals.refuse_text(word.into());
    }

    /// From now on both gateways refuse every request with a message to this mobile number, however it is spelled:
    /// Payam Resan with error 13, `NikSMS` with 11. Numbers add up. Fails if it is no mobile number.
    pub fn refuse_number(&self, number: impl AsRef<str>) -> io::Result<()> {
        let refused = self.world.state().refusals.refuse_number(number.as_ref());
        refused.map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))
    }

    /// Emulated time since the start.
    pub fn now(&self) -> Duration {
        Duration::from_millis(self.world.clock.now())
    }

    /// Moves emulated time forward: statuses move, and requests that wait for their moment are carried out, without
    /// anybody waiting.
    pub fn advance(&self, by: Duration) {
        self.world.clock.advance(by);
    }

    /// Fixes the status of a message. False if no message has this id.
    pub fn set_status(&self, id: i64, code: i32) -> bool {
        let mut state = self.world.state();
        state.payam_resan.set_status(id, code) || state.niksms.set_status(id, code)
    }

    /// Puts a message from a phone into the inbox of the gateway whose line it was sent to, and gives its id. Fails if
    /// no demo account has the line, or if the sender's number is not one.
    pub fn receive(&self, message: IncomingMessage) -> io::Result<i64> {
        let received = self.world.state().receive(self.world.clock.now(), message);
        received.map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))
    }

    /// What is left of a gateway's credit.
    pub fn credit(&self, gateway: Gateway) -> i64 {
        self.world.state().ledger(gateway).credit
    }

    /// Sets a gateway's credit.
    pub fn set_credit(&self, gateway: Gateway, credit: i64) {
        self.world.state().ledger_mut(gateway).credit = credit;
    }

    /// The names of the cases it replays, sorted.
    pub fn replay_cases(&self) -> Vec<String> {
        self.world.replay.names()
    }

    /// The base address under which a case is replayed.
    pub fn replay_url(&self, case: &str) -> String {
        format!("{}/replay/{case}/", self.url())
    }

    /// How a case has gone so far. Of a case that is not there, it is incomplete and says so.
    pub fn replay_verdict(&self, case: &str) -> Verdict {
        let missing = || Verdict { complete: false, mismatches: vec![format!("there is no case {case}")] };
        self.world.replay.verdict(case).unwrap_or_else(missing)
    }

    /// Starts a case again. False if it is not there.
    pub fn replay_reset(&self, case: &str) -> bool {
        self.world.replay.reset(case)
    }

    /// Stops it: when this returns, nothing listens any more and all connections are closed.
    pub fn shutdown(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { stop, thread, process }) = running else {
            return;
        };
        if process != process::id() {
            // The child of a fork holds a copy of this handle, but neither the thread nor a runtime to wake.
            mem::forget((stop, thread));
            return;
        }
        let _ = stop.send(());
        let _ = thread.join();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.shutdown();
    }
}
