//! A campaign from a file, with a progress bar. Run it twice with the same campaign key: nobody gets the message twice.
//!
//!     cargo run -p payamak-examples --bin quickstart

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use indicatif::ProgressBar;
use payamak::Message;
use payamak_examples::{Account, read_recipients};

/// Tells every customer their balance.
#[derive(Parser)]
struct Arguments {
    /// A CSV with the columns name, number and amount.
    #[arg(default_value = "examples/data/recipients.csv")]
    recipients: PathBuf,
    /// What this campaign is called: part of every message's key.
    #[arg(long, default_value = "balance-2026-11")]
    campaign: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let rows = read_recipients(&arguments.recipients)?;
    let account = Account::from_env()?;
    let messenger = account.messenger()?;

    let messages = rows.iter().map(|row| {
        let text = format!("{} عزیز، ماندهٔ حساب شما {} ریال است.", row.name, row.amount);
        Message::new(row.number.as_str(), text)
    });
    let bar = ProgressBar::new(rows.len() as u64);
    let drawn = bar.clone();
    let report = messenger
        .send_each(messages)
        // Each message is named by the campaign and its recipient. Run it again after it has ended, not beside itself: two
        // processes with one key at the same moment can both be told that the gateway does not have it.
        .key(arguments.campaign)
        .on_progress(move |progress| {
            drawn.set_position((progress.accepted + progress.rejected + progress.unclear) as u64)
        })
        .await?;
    bar.finish();

    let (accepted, unclear) = (report.accepted().count(), report.unclear().count());
    println!("{accepted} accepted, {} rejected, {unclear} unclear", report.rejected().count());
    for (row, receipt) in rows.iter().zip(report.iter()) {
        if let Some(error) = &receipt.error {
            println!("{}: {} ({error})", row.name, receipt.outcome.as_str());
        }
    }
    Ok(())
}
