//! Both SMS gateways on loopback: Payam Resan's API V3 with its sandbox, and `NikSMS` in its four dialects, on their real
//! paths, with state, delivery in time, and faults on request.
//!
//! ```
//! use payamak_emulator::{Emulator, Fault};
//!
//! # fn main() -> std::io::Result<()> {
//! let emulator = Emulator::start_blocking()?;
//! // The next send is registered, but its answer never comes.
//! emulator.add_fault(Fault::on_send().after().never());
//! println!("point your client at {} with the key {}", emulator.payam_resan_url(), Emulator::PAYAM_RESAN_KEY);
//! assert_eq!(emulator.message_count(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! It is written from the gateways' protocols alone, so that it does not share a client's misreading of them. Where a
//! protocol is silent, what the emulator does is its own choice; the README says where.
//!
//! # Control over HTTP
//!
//! The program serves what the library's methods do under `/_emulator/`: `health`, `messages`, `requests`, `faults`,
//! `advance`, `receive`, `refuse`, `clear`. See the README.

mod admission;
mod clock;
mod control;
mod dialect;
mod emulator;
mod fault;
mod http;
mod ledger;
mod niksms;
mod patience;
mod payam_resan;
mod refusals;
mod replay;
mod ring;
mod rows;
mod server;
mod state;
mod waiting;
mod xml;

pub use emulator::{Emulator, EmulatorBuilder};
pub use fault::{Fault, Operations, Then, When};
pub use replay::Verdict;
pub use state::{Gateway, IncomingMessage, RegisteredMessage, RequestRecord};
