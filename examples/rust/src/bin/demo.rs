//! The main job from end to end: a file of recipients through both gateways, in every way they have, until each message
//! has come to its end; and at last a gateway that swallows an answer.
//!
//!     cargo run -p payamak-examples --bin demo

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Parser;
use comfy_table::{Cell, Table, presets};
use payamak::niksms::Dialect;
use payamak::{
    DeliveryReport, Gateway, Message, Messenger, NikSms, PayamResan, Receipt, TrackOptions, segments,
};
use payamak_emulator::{Emulator, Fault};
use payamak_examples::{Account, Row, read_recipients};

/// Sends a file of recipients and follows every message to its end.
#[derive(Parser)]
struct Arguments {
    /// A CSV with the columns name, number and amount.
    #[arg(long, default_value = "examples/data/recipients.csv")]
    recipients: PathBuf,
    /// Send for real, from the account that the environment names.
    #[arg(long)]
    live: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let rows = read_recipients(&arguments.recipients)?;
    let account =
        ["PAYAM_RESAN_API_KEY", "NIKSMS_USERNAME"].into_iter().find(|name| std::env::var_os(name).is_some());
    match (account, arguments.live) {
        (Some(name), false) => {
            println!(
                "{name} is set: with --live this would send for real from that account. Using the emulator.\n"
            );
        }
        (None, true) => bail!("--live needs PAYAM_RESAN_API_KEY or NIKSMS_USERNAME in the environment"),
        (Some(_), true) => return live(&rows).await,
        (None, false) => {}
    }
    // Four minutes a second.
    let emulator = Emulator::builder().speed(240.0).start().await?;
    let mut book = Book::default();
    let ways = ways(&emulator)?;
    for (number, way) in ways.iter().enumerate() {
        let share: Vec<&Row> = rows.iter().skip(number).step_by(ways.len()).collect();
        let report = way.messenger.send_each(share.iter().map(|row| (way.message)(row))).await?;
        let receipts = report.into_receipts();
        for (row, receipt) in share.into_iter().zip(&receipts) {
            book.enter(way, row, receipt);
        }
        follow(way, receipts, &mut book).await?;
    }
    book.print(&emulator);
    let not_final =
        book.sent.iter().filter(|line| line.report.as_ref().is_none_or(|report| !report.is_final()));
    ensure!(not_final.count() == 0, "a message has not come to its end");
    ensure!(emulator.message_count() == book.sent.len(), "the gateways have another number of messages");
    println!(
        "\n{} rows: {} messages sent, each once and each to its end; {} rows refused before anything was sent.\n",
        rows.len(),
        book.sent.len(),
        book.refused.len()
    );
    swallowed_answer().await
}

/// One way of sending: a gateway, and the message it makes of a row.
struct Way {
    name: &'static str,
    messenger: Messenger,
    message: fn(&Row) -> Message,
}

const NEWS: &str = "سلام! فروشگاه ما جمعه‌ها هم باز است.";

fn news(row: &Row) -> Message {
    Message::new(row.number.as_str(), NEWS)
}

fn personal(row: &Row) -> Message {
    Message::new(row.number.as_str(), format!("{} عزیز، ماندهٔ حساب شما {} ریال است.", row.name, row.amount))
}

fn template(row: &Row) -> Message {
    Message::template("welcome", row.number.as_str(), [row.name.as_str(), "فروشگاه"])
}

fn ways(emulator: &Emulator) -> Result<Vec<Way>> {
    let way = |name, gateway: std::sync::Arc<dyn Gateway>, message| -> Result<Way> {
        Ok(Way { name, messenger: Messenger::builder().shared_gateway(gateway).build()?, message })
    };
    let payam_resan = || -> Result<std::sync::Arc<dyn Gateway>> {
        let builder = PayamResan::builder().api_key(Emulator::PAYAM_RESAN_KEY).sender(30_004_040);
        Ok(std::sync::Arc::new(builder.base_url(emulator.url()).build()?))
    };
    let niksms = |dialect| -> Result<std::sync::Arc<dyn Gateway>> {
        let builder = NikSms::builder()
            .username(Emulator::NIKSMS_USERNAME)
            .password(Emulator::NIKSMS_PASSWORD)
            .api_key(Emulator::NIKSMS_KEY)
            .sender("50001234")
            .dialect(dialect)
            .base_url(emulator.url())
            .v2_delivery_path(emulator.v2_delivery_path());
        Ok(std::sync::Arc::new(builder.build()?))
    };
    Ok(vec![
        way("payam-resan, bulk", payam_resan()?, news)?,
        way("payam-resan, multiple", payam_resan()?, personal)?,
        way("payam-resan, template", payam_resan()?, template)?,
        way("niksms, soap", niksms(Dialect::Soap)?, personal)?,
        way("niksms, public-api", niksms(Dialect::PublicApi)?, news)?,
        way("niksms, v2", niksms(Dialect::V2)?, personal)?,
        way("niksms, web-service", niksms(Dialect::WebService)?, personal)?,
    ])
}

async fn follow(way: &Way, receipts: Vec<Receipt>, book: &mut Book) -> Result<()> {
    let accepted = receipts.into_iter().filter(|receipt| receipt.message_id.is_some()).collect();
    let options = TrackOptions::default()
        .first_look(Duration::from_millis(50))
        .interval(Duration::from_millis(50))
        .deadline(Duration::from_secs(60));
    let mut reports = way.messenger.track(accepted, options)?;
    while let Some(report) = reports.next().await {
        if let Some(line) = book.sent.iter_mut().find(|line| line.receipt.trace_id == report.trace_id) {
            line.report = Some(report);
        }
    }
    Ok(())
}

/// What became of every row.
#[derive(Default)]
struct Book {
    sent: Vec<Line>,
    refused: Vec<(String, String)>,
}

struct Line {
    way: &'static str,
    name: String,
    receipt: Receipt,
    report: Option<DeliveryReport>,
}

impl Book {
    fn enter(&mut self, way: &Way, row: &Row, receipt: &Receipt) {
        match &receipt.error {
            None => {
                let (name, receipt) = (row.name.clone(), receipt.clone());
                self.sent.push(Line { way: way.name, name, receipt, report: None });
            }
            Some(error) => self.refused.push((row.name.clone(), error.to_string())),
        }
    }

    fn print(&self, emulator: &Emulator) {
        // The texts as the gateways have them: a template is filled there.
        let texts: BTreeMap<_, _> =
            emulator.messages().into_iter().map(|message| (message.trace_id, message.text)).collect();
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["recipient", "name", "gateway", "id", "state", "وضعیت", "segments"]);
        for line in &self.sent {
            let text =
                texts.get(&Some(line.receipt.trace_id.get())).map(|text| text.as_ref()).unwrap_or_default();
            let status = line.report.as_ref().and_then(|report| report.status.as_ref());
            let state = status.map_or("?", |status| status.code.name);
            table.add_row([
                Cell::new(&line.receipt.to),
                Cell::new(&line.name),
                Cell::new(line.way),
                Cell::new(line.receipt.message_id.map(|id| id.to_string()).unwrap_or_default()),
                Cell::new(state),
                Cell::new(status.and_then(|status| status.code.text).unwrap_or("–")),
                Cell::new(segments(text).segments),
            ]);
        }
        println!("{table}\n");
        for (name, why) in &self.refused {
            println!("refused  {name}: {why}");
        }
    }
}

/// A gateway that takes the message and swallows the answer: the moment at which others send twice, or give up.
async fn swallowed_answer() -> Result<()> {
    let emulator = Emulator::start().await?;
    emulator.add_fault(Fault::on_send().after().close());
    let gateway =
        PayamResan::builder().api_key(Emulator::PAYAM_RESAN_KEY).sender(30_004_040).base_url(emulator.url());
    let messenger = Messenger::builder().gateway(gateway.build()?).build()?;
    println!(
        "Now the gateway takes a message and closes the connection without an answer. payamak waits 5 s and asks …"
    );
    let report = messenger.send("کد ورود شما: 48213", "09121112222").await?;
    for receipt in report.iter() {
        let id = receipt.message_id.map(|id| id.to_string()).unwrap_or_default();
        println!(
            "receipt: {}, id {id}, asked for by trace id {}",
            receipt.outcome.as_str(),
            receipt.trace_id
        );
        let count = emulator.registrations(receipt.trace_id.get());
        println!("the emulator has this message {count} time(s)");
        ensure!(count == 1 && receipt.error.is_none(), "the promise is broken");
    }
    Ok(())
}

async fn live(rows: &[Row]) -> Result<()> {
    let messenger = Account::from_env()?.messenger()?;
    // With a key each, so that running it twice does not send twice.
    let keyed = rows.iter().map(|row| personal(row).key(format!("demo:{}:{}", row.number, row.amount)));
    let report = messenger.send_each(keyed).await?;
    for (row, receipt) in rows.iter().zip(report.iter()) {
        let why = receipt.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        println!("{}  {}{why}", receipt.outcome.as_str(), row.name);
    }
    Ok(())
}
