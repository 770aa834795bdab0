//! The emulator as a program.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use payamak_emulator::Emulator;

/// Both SMS gateways on loopback, with state, delivery in time and faults on request.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8098")]
    listen: SocketAddr,
    /// Emulated seconds in a real second.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Seconds (emulated) before Payam Resan answers again about the same message; sooner is error 20.
    #[arg(long, value_name = "SECONDS")]
    polling_rule: Option<u64>,
    /// The polling rule holds for ids that no message has too.
    #[arg(long, requires = "polling_rule")]
    polling_rule_unknown: bool,
    /// Seconds (emulated) before a lookup finds a registered message.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    lookup_lag: u64,
    /// Serve the conformance cases of this folder under /replay/ too.
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
    /// The path of the delivery call in the v2 dialect, after /api/v2/.
    #[arg(long, value_name = "PATH", default_value = "sms/delivery")]
    v2_delivery_path: String,
    /// Let other machines reach the emulator and read its messages.
    #[arg(long)]
    allow_non_loopback: bool,
    /// A name that clients may call the emulator by, beside localhost; may be given several times.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Memory for each gateway's messages, in MiB; then the oldest are forgotten.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    message_memory: usize,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "payamak-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> io::Result<()> {
    let mut builder = Emulator::builder()
        .listen(arguments.listen)
        .allow_non_loopback(arguments.allow_non_loopback)
        .speed(arguments.speed)
        .polling_rule(arguments.polling_rule.map(Duration::from_secs))
        .polling_rule_for_unknown_ids(arguments.polling_rule_unknown)
        .lookup_lag(Duration::from_secs(arguments.lookup_lag))
        .v2_delivery_path(arguments.v2_delivery_path)
        .message_memory(arguments.message_memory.saturating_mul(1024 * 1024));
    for host in arguments.allow_host {
        builder = builder.allow_host(host);
    }
    if let Some(folder) = arguments.replay {
        builder = builder.replay(folder);
    }
    let emulator = builder.start_blocking()?;
    welcome(&emulator)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(interrupted())?;
    emulator.shutdown();
    Ok(())
}

fn welcome(emulator: &Emulator) -> io::Result<()> {
    let url = emulator.url();
    let mut out = io::stdout().lock();
    writeln!(out, "Listening on {url}; stop with Ctrl-C.\n")?;
    writeln!(out, "Payam Resan          {}", emulator.payam_resan_url())?;
    writeln!(out, "  its sandbox        {}", emulator.payam_resan_sandbox_url())?;
    writeln!(out, "  ApiKey {}, lines 30004040 and 50004041\n", Emulator::PAYAM_RESAN_KEY)?;
    writeln!(out, "NikSMS  soap         {}", emulator.niksms_soap_url())?;
    writeln!(out, "        public-api   {}", emulator.niksms_public_api_url())?;
    writeln!(out, "        v2           {}", emulator.niksms_v2_url())?;
    writeln!(out, "          delivery   {}{}", emulator.niksms_v2_url(), emulator.v2_delivery_path())?;
    writeln!(out, "        web-service  {}", emulator.niksms_web_service_url())?;
    let (username, password) = (Emulator::NIKSMS_USERNAME, Emulator::NIKSMS_PASSWORD);
    writeln!(out, "  username {username}, password {password}, ApiKey {}", Emulator::NIKSMS_KEY)?;
    writeln!(out, "  lines 50001234 and blacklist\n")?;
    writeln!(out, "Control              {url}/_emulator/health")?;
    let cases = emulator.replay_cases();
    if !cases.is_empty() {
        writeln!(out, "Replay               {url}/replay/CASE/ ({} cases)", cases.len())?;
    }
    out.flush()
}

/// Ctrl-C, or the signal by which a service manager ends a program.
async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
