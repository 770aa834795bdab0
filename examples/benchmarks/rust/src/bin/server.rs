//! The other end of the benchmarks: prints where it listens, and serves until its standard input ends.

use payamak_benchmarks::serving::{Manner, serve};
use tokio::io::{AsyncReadExt as _, stdin};

// One thread, so that the other processor is the client's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let url = |manner| serve(manner).map(|address| format!("http://{address}"));
    let listening = serde_json::json!({
        "answers": url(Manner::Answers)?,
        "unhurried": url(Manner::Unhurried)?,
        "drops": url(Manner::Drops)?,
        "silent": url(Manner::Silent)?,
    });
    println!("{listening}");
    stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}
