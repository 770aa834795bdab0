//! The threads of the library: one for what it does itself, and one for the connections of each kind of gateway. What keeps a
//! gateway's thread busy (a flood of interim answers, say) holds up neither the other gateway nor a messenger that uses both.

use std::io;
use std::sync::OnceLock;

use payamak::Error;
use tokio::runtime::{Builder, Handle, Runtime};

/// How many threads each runtime has. With one of them nobody wakes a thread that has nothing to do, and the connection of a
/// direct call, which is made on the same thread, is back in its pool before the next one can ask for it; a gateway takes far
/// longer to answer than a thread to serve it.
const WORKERS: usize = 1;

/// Made when the first client of its kind is, and never ended, so that no client outlives it: napi keeps the module loaded.
static PAYAM_RESAN: OnceLock<Runtime> = OnceLock::new();
static NIKSMS: OnceLock<Runtime> = OnceLock::new();

/// A runtime whose thread has this name.
pub(crate) fn runtime(name: &str) -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(WORKERS).thread_name(name).enable_all().build()
}

/// Where the connections of Payam Resan are served.
pub(crate) fn of_payam_resan() -> Result<Handle, Error> {
    lazily(&PAYAM_RESAN, "payamak-resan")
}

/// Where the connections of `NikSMS` are served.
pub(crate) fn of_niksms() -> Result<Handle, Error> {
    lazily(&NIKSMS, "payamak-niksms")
}

fn lazily(slot: &'static OnceLock<Runtime>, name: &str) -> Result<Handle, Error> {
    if let Some(made) = slot.get() {
        return Ok(made.handle().clone());
    }
    let made = runtime(name)
        .map_err(|error| Error::configuration("", format!("no thread for the connections ({error})")))?;
    // Where a worker thread of JavaScript was quicker, its runtime is the one, and ours ends here.
    Ok(slot.get_or_init(|| made).handle().clone())
}
