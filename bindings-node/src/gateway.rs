//! The two clients, one arm an operation.

use std::sync::Mutex;

use napi::bindgen_prelude::BigInt64ArraySlice;
use napi::{Env, Error as NapiError};
use napi_derive::napi;
use payamak::niksms::{Dialect, SendOptions};
use payamak::payam_resan::Sent;
use payamak::{
    Destination, Error, MessageId, NikSms, PayamResan, PersonalMessage, Recipient, SenderLine, TraceId,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use crate::bridge::{Answer, Bridge, locked};
use crate::cancel::CancelToken;
use crate::network;
use crate::statuses;
use crate::wire::{self, Filled, Personal, To, milliseconds, read};

/// A client of either gateway.
#[napi]
pub struct Gateway {
    name: String,
    /// Nothing once it is closed: the credentials go with it. Never contended: it is JavaScript's thread alone that asks.
    client: Mutex<Option<Client>>,
    /// Where its connections are served.
    network: Handle,
}

#[derive(Clone)]
pub(crate) enum Client {
    PayamResan(PayamResan),
    NikSms(NikSms),
}

impl Client {
    fn name(&self) -> &str {
        use payamak::Gateway as _;
        match self {
            Self::PayamResan(client) => client.name(),
            Self::NikSms(client) => client.name(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    from_env: bool,
    name: Option<String>,
    base_url: Option<String>,
    timeout: Option<f64>,
    connect_timeout: Option<f64>,
    max_response_bytes: Option<usize>,
    read_attempts: Option<usize>,
    proxy: Option<String>,
    extra_ca_pem: Option<String>,
    ca_file: Option<String>,
    bundled_roots: Option<bool>,
    allow_insecure: Option<bool>,
    sender: Option<String>,
    api_key: Option<String>,
    sandbox: Option<bool>,
    username: Option<String>,
    password: Option<String>,
    dialect: Option<String>,
    v2_delivery_path: Option<String>,
    max_recipients: Option<usize>,
    poll_interval: Option<f64>,
}

/// Hands what was given to the builder, and leaves the rest at core's defaults.
macro_rules! apply {
    ($builder:ident, $settings:ident, $($field:ident),+) => {
        $( if let Some(value) = $settings.$field.take() { $builder = $builder.$field(value); } )+
    };
}

macro_rules! apply_shared {
    ($builder:ident, $settings:ident) => {
        apply!(
            $builder,
            $settings,
            name,
            base_url,
            max_response_bytes,
            read_attempts,
            proxy,
            extra_ca_pem,
            ca_file,
            bundled_roots,
            allow_insecure,
            sender,
            api_key
        );
        if let Some(value) = $settings.timeout {
            $builder = $builder.timeout(milliseconds("timeout", value)?);
        }
        if let Some(value) = $settings.connect_timeout {
            $builder = $builder.connect_timeout(milliseconds("connect_timeout", value)?);
        }
        if $settings.from_env {
            $builder = $builder.from_env();
        }
    };
}

fn payam_resan(mut settings: Settings, network: Handle) -> Result<Client, Error> {
    let mut builder = PayamResan::builder().runtime(network);
    apply_shared!(builder, settings);
    apply!(builder, settings, sandbox);
    builder.build().map(Client::PayamResan)
}

fn niksms(mut settings: Settings, network: Handle) -> Result<Client, Error> {
    let mut builder = NikSms::builder().runtime(network);
    apply_shared!(builder, settings);
    apply!(builder, settings, username, password, v2_delivery_path, max_recipients);
    if let Some(dialect) = settings.dialect {
        builder = builder.dialect(dialect.parse::<Dialect>()?);
    }
    if let Some(value) = settings.poll_interval {
        builder = builder.poll_interval(milliseconds("poll_interval", value)?);
    }
    builder.build().map(Client::NikSms)
}

/// A synchronous call can throw; the TypeScript side reads the tagged answer out of the error's text.
pub(crate) fn thrown(error: &Error) -> NapiError {
    NapiError::from_reason(wire::failure(error))
}

fn build(kind: &str, settings: &str) -> Result<Gateway, Error> {
    let settings = serde_json::from_str(settings)
        .map_err(|_| Error::setting("settings", "of a type that this setting does not take"))?;
    let (client, network) = if kind == "niksms" {
        let network = network::of_niksms()?;
        (niksms(settings, network.clone())?, network)
    } else {
        let network = network::of_payam_resan()?;
        (payam_resan(settings, network.clone())?, network)
    };
    Ok(Gateway { name: client.name().to_owned(), client: Mutex::new(Some(client)), network })
}

#[napi]
impl Gateway {
    /// A client of `payam-resan` or `niksms`.
    #[napi(constructor, catch_unwind)]
    pub fn new(kind: String, settings: String) -> napi::Result<Self> {
        build(&kind, &settings).map_err(|error| thrown(&error))
    }

    /// What it is called in receipts and errors.
    #[napi(getter, catch_unwind)]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything but the credentials.
    #[napi(catch_unwind)]
    pub fn describe(&self) -> String {
        match &*locked(&self.client) {
            Some(Client::PayamResan(client)) => format!("{client:?}"),
            Some(Client::NikSms(client)) => format!("{client:?}"),
            None => format!("{} (closed)", self.name),
        }
    }

    /// Lets go of the credentials and the connections. A messenger that was made with it, and a call under way, have their own
    /// hold on them.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        drop(locked(&self.client).take());
    }

    /// One operation of the gateway, its arguments in canonical JSON; `ids` are those that a status is asked for by.
    #[napi(catch_unwind)]
    #[allow(
        clippy::too_many_arguments,
        reason = "each is what JavaScript has at hand; a structure would have to be built"
    )]
    pub fn call(
        &self,
        env: Env,
        bridge: &Bridge,
        number: u32,
        operation: String,
        arguments: String,
        ids: Option<BigInt64ArraySlice<'_>>,
        timeout: Option<f64>,
        cancel: Option<&CancelToken>,
    ) -> napi::Result<()> {
        let client = self.client();
        let ids = ids.map(|ids| ids.to_vec());
        bridge.answer(env, number, Some(&self.network), cancel, async move {
            let client = match client.and_then(|client| limited(client, timeout)) {
                Ok(client) => client,
                Err(error) => return Answer::Json(wire::failure(&error)),
            };
            match (client, ids) {
                (Client::PayamResan(client), Some(ids)) => ask_payam_resan(&client, &operation, &ids).await,
                (Client::NikSms(client), Some(ids)) => ask_niksms(&client, &ids).await,
                (Client::PayamResan(client), None) => send_payam_resan(&client, &operation, &arguments).await,
                (Client::NikSms(client), None) => {
                    Answer::Json(wire::answer(call_niksms(&client, &operation, &arguments).await))
                }
            }
        })
    }
}

fn limited(client: Client, timeout: Option<f64>) -> Result<Client, Error> {
    let Some(value) = timeout else { return Ok(client) };
    let limit = milliseconds("timeout", value)?;
    Ok(match client {
        Client::PayamResan(client) => Client::PayamResan(client.with_timeout(limit)),
        Client::NikSms(client) => Client::NikSms(client.with_timeout(limit)),
    })
}

async fn ask_payam_resan(client: &PayamResan, operation: &str, ids: &[i64]) -> Answer {
    statuses::of_payam_resan(if operation == "status_by_id" {
        client.status_by_id(&ids.iter().copied().map(MessageId::new).collect::<Vec<_>>()).await
    } else {
        client.status_by_trace_id(&ids.iter().copied().map(TraceId::new).collect::<Vec<_>>()).await
    })
}

async fn ask_niksms(client: &NikSms, ids: &[i64]) -> Answer {
    let ids: Vec<_> = ids.iter().copied().map(MessageId::new).collect();
    statuses::of_niksms(client.get_sms_delivery(&ids).await)
}

/// Sends come by the thousand, and what they answer is ids alone.
async fn send_payam_resan(client: &PayamResan, operation: &str, arguments: &str) -> Answer {
    let sent = match operation {
        "send" => send(client, arguments).await,
        "send_bulk" => send_bulk(client, arguments).await,
        "send_multiple" => send_multiple(client, arguments).await,
        _ => return Answer::Json(wire::answer(call_payam_resan(client, operation, arguments).await)),
    };
    statuses::sent(sent)
}

async fn send(client: &PayamResan, arguments: &str) -> Result<Vec<Sent>, Error> {
    let given: Arguments<String> = read("send", arguments)?;
    let sender = given.sender();
    let recipients: Vec<Recipient> = into(given.recipients);
    client.send(&given.text, &recipients, sender.as_ref()).await
}

async fn send_bulk(client: &PayamResan, arguments: &str) -> Result<Vec<Sent>, Error> {
    let given: Arguments = read("send_bulk", arguments)?;
    let sender = given.sender();
    let recipients: Vec<Destination> = into(given.recipients);
    client.send_bulk(&given.text, &recipients, sender.as_ref()).await
}

async fn send_multiple(client: &PayamResan, arguments: &str) -> Result<Vec<Sent>, Error> {
    let given: Arguments = read("send_multiple", arguments)?;
    let messages: Vec<PersonalMessage> = into(given.messages);
    client.send_multiple(&messages).await
}

impl Gateway {
    pub(crate) fn client(&self) -> Result<Client, Error> {
        let closed = || Error::configuration("", format!("{} was closed", self.name));
        locked(&self.client).clone().ok_or_else(closed)
    }
}

/// All arguments of all operations; each takes those it knows.
#[derive(Deserialize)]
struct Arguments<R = To, M = Personal> {
    #[serde(default)]
    text: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    template: String,
    #[serde(default = "Vec::new")]
    recipients: Vec<R>,
    #[serde(default = "Vec::new")]
    messages: Vec<M>,
    #[serde(default)]
    parameters: Vec<String>,
    verb: Option<String>,
    sender: Option<String>,
    trace_id: Option<TraceId>,
    send_at: Option<String>,
    send_type: Option<String>,
    from: Option<String>,
    until: Option<String>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    fields: Map<String, Value>,
}

impl<R, M> Arguments<R, M> {
    fn sender(&self) -> Option<SenderLine> {
        self.sender.as_deref().map(SenderLine::from)
    }

    fn options(&mut self) -> Result<SendOptions, Error> {
        let mut options = SendOptions::default();
        options.sender = self.sender();
        options.send_at = wire::time(self.send_at.take())?;
        options.send_type = self.send_type.take().map(|text| text.parse()).transpose()?;
        Ok(options)
    }
}

fn into<T: Into<U>, U>(list: Vec<T>) -> Vec<U> {
    list.into_iter().map(Into::into).collect()
}

async fn call_payam_resan(client: &PayamResan, operation: &str, arguments: &str) -> Result<String, Error> {
    match operation {
        "send_token_single" => {
            let given: Arguments = read("send_token_single", arguments)?;
            let Arguments { template, to, parameters, .. } = given;
            wire::write(match given.verb.as_deref() {
                Some("GET") => client.send_token_single_by_get(&template, to, &parameters).await?,
                _ => client.send_token_single(&template, to, &parameters).await?,
            })
        }
        "send_token_multi" => {
            let given: Arguments<Filled> = read("send_token_multi", arguments)?;
            wire::write(client.send_token_multi(&given.template, &into(given.recipients)).await?)
        }
        "token_list" => wire::write(client.token_list().await?),
        "account_info" => wire::write(client.account_info().await?),
        "get_inbox" => wire::write(client.get_inbox().await?),
        "raw" => {
            let given: Arguments = read("raw", arguments)?;
            // As text: JavaScript would round the 64-bit integers of an answer that nobody here knows.
            wire::write(client.raw(&given.path, &given.fields).await?.to_string())
        }
        _ => Err(Error::configuration("call", "payam-resan has no such operation")),
    }
}

async fn call_niksms(client: &NikSms, operation: &str, arguments: &str) -> Result<String, Error> {
    match operation {
        "group_sms" => {
            let mut given: Arguments = read("group_sms", arguments)?;
            let options = given.options()?;
            wire::write(client.group_sms(&given.text, &into(given.recipients), &options).await?)
        }
        "ptp_sms" => {
            let mut given: Arguments = read("ptp_sms", arguments)?;
            let options = given.options()?;
            wire::write(client.ptp_sms(&into(given.messages), &options).await?)
        }
        "send_one" => {
            let mut given: Arguments = read("send_one", arguments)?;
            let options = given.options()?;
            wire::write(client.send_one(&given.text, given.to, given.trace_id, &options).await?)
        }
        "send_otp" => {
            let mut given: Arguments = read("send_otp", arguments)?;
            let options = given.options()?;
            wire::write(client.send_otp(&given.text, given.to, given.trace_id, &options).await?)
        }
        "get_sms_delivery_with_client_id" => {
            let given: Arguments = read("get_sms_delivery_with_client_id", arguments)?;
            let trace_id = given.trace_id.unwrap_or(TraceId::new(0));
            wire::write(client.get_sms_delivery_with_client_id(trace_id).await?)
        }
        "get_credit" => wire::write(client.get_credit().await?),
        "get_discount_credit" => wire::write(client.get_discount_credit().await?),
        "get_panel_expire_date" => wire::write(client.get_panel_expire_date().await?),
        "get_receive_sms" => {
            let given: Arguments = read("get_receive_sms", arguments)?;
            let (from, until) = (wire::time(given.from)?, wire::time(given.until)?);
            wire::write(client.get_receive_sms(from, until).await?)
        }
        "reset_receive_sms_visited_status" => {
            let given: Arguments = read("reset_receive_sms_visited_status", arguments)?;
            let (from, until) = (wire::time(given.from)?, wire::time(given.until)?);
            wire::write(client.reset_receive_sms_visited_status(from, until).await?)
        }
        "get_server_time" => wire::write(client.get_server_time().await?),
        "get_sender_numbers" => wire::write(client.get_sender_numbers().await?),
        "raw" => {
            let given: Arguments = read("raw", arguments)?;
            let fields: Vec<(&str, String)> =
                given.fields.iter().map(|(name, value)| (name.as_str(), plain(value))).collect();
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            wire::write(client.raw(&given.path, &fields).await?)
        }
        _ => Err(Error::configuration("call", "niksms has no such operation")),
    }
}

/// A form field: a text as it is, anything else as JSON writes it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| json!(value).to_string(), str::to_owned)
}
