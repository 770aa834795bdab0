//! Sends a few messages and follows them until each has come to its end.
//!
//!     cargo run -p payamak-examples --bin track

use std::time::Duration;

use anyhow::Result;
use payamak::TrackOptions;
use payamak_examples::Account;

#[tokio::main]
async fn main() -> Result<()> {
    let account = Account::from_env()?;
    let messenger = account.messenger()?;
    let report =
        messenger.send("سلام! سفارش شما رسید.", ["09121110001", "09121110002", "09121110097"]).await?;

    let mut options = TrackOptions::default();
    if let Account::Emulated(..) = account {
        // The emulator's minutes are seconds; a real gateway's rule (once in three minutes) is the default.
        options = options.first_look(Duration::from_millis(100)).interval(Duration::from_millis(200));
    }
    let mut reports = messenger.track(report.into_receipts(), options)?;
    while let Some(report) = reports.next().await {
        match &report.status {
            Some(status) => {
                println!("{}: {} {}", report.to, status.code.name, status.code.text.unwrap_or_default())
            }
            None => println!("{}: nothing is known", report.to),
        }
    }
    Ok(())
}
