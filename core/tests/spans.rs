//! What the client tells `tracing`. Alone in its process, because who listens is a matter of the whole process.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support {
    #[allow(dead_code, reason = "other tests need more of it")]
    pub(crate) mod server;
}

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use payamak::{Clock, Destination, Error, PayamResan, TraceId};
use tracing::Event;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use self::support::server::{Reply, Server, ok};

const KEY: &str = "spans-test-key";
const NUMBER: &str = "09121112222";
const TEXT: &str = "کد ورود شما 481516 است";

const ACCEPTED: &str =
    r#"{"Success":true,"ErrorCode":null,"Error":null,"Result":[{"Id":639000000000000123,"UserTraceId":7}]}"#;

/// Sends one message.
async fn send(client: &PayamResan) -> Result<(), Error> {
    client.send_bulk(TEXT, &[Destination::new(NUMBER, Some(TraceId::new(7)))], None).await.map(drop)
}

/// Waits for nothing.
#[derive(Debug)]
struct NoWaiting;

impl Clock for NoWaiting {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn since_epoch(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What a span or an event said: its target, its name, its fields.
#[derive(Clone, Debug, Default)]
struct Said {
    /// Of a span alone. An id is used again when its span is over.
    id: Option<u64>,
    target: String,
    name: String,
    fields: BTreeMap<String, String>,
}

impl Said {
    fn new(metadata: &tracing::Metadata<'_>) -> Self {
        Self { target: metadata.target().to_owned(), name: metadata.name().to_owned(), ..Self::default() }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned(), value.to_owned());
    }
}

/// Keeps everything that anything says, this crate's dependencies included.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<Said>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Listener {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut said = Said { id: Some(id.into_u64()), ..Said::new(span.metadata()) };
        span.record(&mut said);
        self.0.lock().unwrap().push(said);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut all = self.0.lock().unwrap();
        values.record(all.iter_mut().rev().find(|said| said.id == Some(id.into_u64())).unwrap());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::new(event.metadata());
        event.record(&mut said);
        self.0.lock().unwrap().push(said);
    }
}

#[tokio::test]
async fn spans_say_what_was_called_and_how_it_ended_and_nothing_else() {
    let server = Server::start(|number, _| match number {
        1 => ok(ACCEPTED),
        2 => ok(&format!(r#"{{"Success":false,"ErrorCode":13,"Error":"{KEY} {NUMBER}"}}"#)),
        3 => Reply::Close,
        _ => ok(&format!("<html>{KEY} {NUMBER} {TEXT}")),
    })
    .await;
    let gateway = PayamResan::builder().api_key(KEY).sender("30004040").base_url(server.url());
    let gateway = gateway.clock(Arc::new(NoWaiting)).build().unwrap();
    let listener = Listener::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(listener.clone())).unwrap();
    send(&gateway).await.unwrap();
    send(&gateway).await.unwrap_err();
    gateway.account_info().await.unwrap_err();
    gateway.send(TEXT, &[NUMBER.into()], None).await.unwrap_err();
    gateway.send_token_single_by_get("template", NUMBER, &["481516".to_owned()]).await.unwrap_err();
    let said = listener.0.lock().unwrap().clone();
    let ours: Vec<_> = said.iter().filter(|said| said.target.starts_with("payamak")).collect();
    let mut ended: Vec<_> = ours
        .iter()
        .filter(|said| said.id.is_some() && said.name == "request")
        .map(|said| {
            assert_eq!(said.fields["gateway"], "payam-resan");
            (
                said.fields["operation"].as_str(),
                said.fields["attempt"].as_str(),
                said.fields["outcome"].as_str(),
            )
        })
        .collect();
    ended.sort_unstable();
    assert_eq!(
        ended,
        [
            ("account_info", "1", "ConnectError"),
            ("account_info", "2", "DecodeError"),
            ("send", "1", "DecodeError"),
            ("send_bulk", "1", "RequestError"),
            ("send_bulk", "1", "ok"),
            ("send_token_single", "1", "DecodeError"),
        ]
    );
    for said in &ours {
        let names: Vec<_> = said.fields.keys().map(String::as_str).collect();
        let allowed = ["attempt", "duration_ms", "gateway", "message", "operation", "outcome"];
        assert!(names.iter().all(|name| allowed.contains(name)), "{said:?}");
    }
    // Not even what the HTTP stack says of itself.
    let everything = format!("{said:?}");
    for private in [KEY, &NUMBER[1..], TEXT, "481516"] {
        assert!(!everything.contains(private), "{private} was said");
    }
}
