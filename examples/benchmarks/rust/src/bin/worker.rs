//! One Rust client under measurement: `payamak-bench-worker <subject> <url>`, then a job a line.

use std::io::{BufRead as _, stdin};
use std::sync::Arc;

use clap::Parser;
use payamak_benchmarks::jobs;
use payamak_benchmarks::subjects::Subject;

/// One client under measurement.
#[derive(Parser)]
struct Arguments {
    /// `payamak`, `payamak-messenger`, `reqwest` or `sockets`
    subject: String,
    /// Where the server listens
    url: String,
}

fn main() -> anyhow::Result<()> {
    let Arguments { subject: name, url } = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let subject = Arc::new(Subject::named(&name, &url)?);
    let versions = serde_json::json!({ "payamak": env!("CARGO_PKG_VERSION") });
    println!("{}", serde_json::json!({ "ready": true, "subject": name, "versions": versions }));
    for line in stdin().lock().lines() {
        let job = jobs::read(&line?)?;
        // On the runtime's own threads, as in a server: the thread that waits here is none of them.
        let answer = runtime.block_on(async { tokio::spawn(job.run(Arc::clone(&subject))).await })??;
        println!("{}", serde_json::to_string(&answer)?);
    }
    Ok(())
}
