//! A one-time password by template: with a deadline, because a code that comes late is worth nothing.
//!
//!     cargo run -p payamak-examples --bin one_time_password -- 09121112222

use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use payamak::{Message, SendOutcome};
use payamak_examples::Account;

/// Sends a login code.
#[derive(Parser)]
struct Arguments {
    /// Who logs in.
    #[arg(default_value = "09121112222")]
    number: String,
    /// The code.
    #[arg(default_value = "48213")]
    code: String,
    /// The id of this login.
    #[arg(long, default_value = "login-1")]
    login: String,
    /// Which code of this login it is. A new code needs a new number: the key names one message, so under the same number a
    /// second code is not sent. A request that arrives twice keeps its number, and is one message.
    #[arg(long, default_value_t = 1)]
    attempt: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { number, code, login, attempt } = Arguments::parse();
    let account = Account::from_env()?;
    let gateway: std::sync::Arc<dyn payamak::Gateway> = match &account {
        Account::PayamResan(gateway) | Account::Emulated(gateway, _) => {
            std::sync::Arc::new(gateway.with_timeout(Duration::from_secs(5)))
        }
        Account::NikSms(gateway) => std::sync::Arc::new(gateway.with_timeout(Duration::from_secs(5))),
    };
    let has_templates = gateway.capabilities().templates;
    let messenger =
        payamak::Messenger::builder().shared_gateway(gateway).deadline(Duration::from_secs(20)).build()?;
    let message = if has_templates {
        Message::template("verify", number, [code])
    } else {
        Message::new(number, format!("کد ورود شما: {code}"))
    };
    // Never a key that the visitor chooses: both parts are this server's own. Two servers that send with one key at the same
    // moment can both be told that the gateway does not have it.
    let report = messenger.send_each([message.key(format!("login:{login}:{attempt}"))]).await?;
    for receipt in report {
        match (receipt.outcome, receipt.error) {
            (SendOutcome::Accepted, _) => println!("The code is on its way."),
            (SendOutcome::Rejected, Some(error)) => println!("The code was not sent: {error}"),
            (_, error) => {
                println!("Nobody knows yet: {}", error.map(|error| error.to_string()).unwrap_or_default())
            }
        }
    }
    Ok(())
}
