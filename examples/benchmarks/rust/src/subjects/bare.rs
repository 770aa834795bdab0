//! What a careful Rust developer writes by hand: `reqwest`, typed `serde`, an enum of the codes.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{API_KEY, RECIPIENT, SENDER, TEXT, next_trace_id};
use crate::jobs::Dialect;

/// A pooled client.
pub struct Client {
    http: reqwest::Client,
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<T> {
    success: bool,
    result: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    id: i64,
}

/// A status, as the caller has it.
pub struct Status {
    /// The message.
    pub id: i64,
    /// How it stands.
    pub code: Code,
}

/// The codes: the known ones, and any other.
pub enum Code {
    /// By number.
    Number(u8),
    /// By name.
    Name(usize),
    /// None that is known.
    Unknown(String),
}

const NAMES: [&str; 5] = ["NotFound", "DoNotSend", "InQueue", "Sent", "InsufficientCredit"];

impl Code {
    fn of_number(number: i64) -> Self {
        u8::try_from(number).map_or_else(|_| Self::Unknown(number.to_string()), Self::Number)
    }

    fn of_name(name: String) -> Self {
        NAMES.iter().position(|known| *known == name).map_or_else(|| Self::Unknown(name), Self::Name)
    }
}

impl Client {
    pub(super) fn new(url: &str) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        #[allow(
            clippy::disallowed_methods,
            reason = "this is the bare client that payamak is measured beside"
        )]
        let http = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build()?;
        Ok(Self { http, url: url.to_owned() })
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json; charset=utf-8");
        let answer = request.body(serde_json::to_vec(body)?).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }

    async fn form<T: DeserializeOwned>(&self, path: &str, field: &str, ids: &[String]) -> Result<T> {
        let form = {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("username", "user").append_pair("password", "password");
            form.append_pair(field, &ids.join(",")).finish()
        };
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }

    pub(super) async fn send(&self) -> Result<()> {
        let body = serde_json::json!({
            "ApiKey": API_KEY, "Text": TEXT, "Sender": SENDER,
            "Recipients": [{ "Destination": RECIPIENT, "UserTraceId": next_trace_id() }],
        });
        let answer: Envelope<Vec<Sent>> = self.post("/api/V3/SendBulk", &body).await?;
        anyhow::ensure!(answer.success && answer.result.iter().any(|sent| sent.id > 0), "no message id");
        Ok(())
    }

    pub(super) async fn statuses(&self, dialect: Dialect, each: usize) -> Result<usize> {
        let ids: Vec<i64> = (639_000_000_000_000_001..).take(each).collect();
        let statuses = match dialect {
            Dialect::PayamResan => self.payam_resan(&ids).await,
            Dialect::Soap => self.soap(&ids).await,
            Dialect::PublicApi => {
                let codes: Vec<i64> =
                    self.form("/fa/PublicApi/GetSmsDelivery", "nikIds", &texts(&ids)).await?;
                Ok(paired(&ids, codes.into_iter().map(Code::of_number)))
            }
            Dialect::V2 => {
                #[derive(Deserialize)]
                #[serde(rename_all = "PascalCase")]
                struct Reply {
                    data: Vec<i64>,
                }
                let reply: Reply = self.form("/api/v2/delivery", "ids", &texts(&ids)).await?;
                Ok(paired(&ids, reply.data.into_iter().map(Code::of_number)))
            }
            Dialect::WebService => self.web_service(&ids).await,
        };
        // An object a status is what the caller gets, so an object a status is what is made.
        let statuses = std::hint::black_box(statuses?);
        Ok(statuses.len())
    }

    async fn payam_resan(&self, ids: &[i64]) -> Result<Vec<Status>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Row {
            id: i64,
            status_code: i64,
        }
        let body = serde_json::json!({ "ApiKey": API_KEY, "Ids": ids });
        let answer: Envelope<Vec<Row>> = self.post("/api/V3/StatusById", &body).await?;
        let read = |row: Row| Status { id: row.id, code: Code::of_number(row.status_code) };
        Ok(answer.result.into_iter().map(read).collect())
    }

    async fn web_service(&self, ids: &[i64]) -> Result<Vec<Status>> {
        #[derive(Deserialize)]
        struct Reply {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            result: Vec<Row>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Row {
            message_id: String,
            status: i64,
        }
        let body = serde_json::json!({ "ApiKey": API_KEY, "MessageIds": texts(ids) });
        let reply: Reply = self.post("/api/v1/web-service/sms/status/niksms", &body).await?;
        let read = |row: Row| Ok(Status { id: row.message_id.parse()?, code: Code::of_number(row.status) });
        reply.data.result.into_iter().map(read).collect()
    }

    async fn soap(&self, ids: &[i64]) -> Result<Vec<Status>> {
        #[derive(Deserialize)]
        struct Envelope {
            #[serde(rename = "Body")]
            body: Body,
        }
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "GetSmsDeliveryResponse")]
            response: Response,
        }
        #[derive(Deserialize)]
        struct Response {
            #[serde(rename = "GetSmsDeliveryResult")]
            result: Names,
        }
        #[derive(Deserialize)]
        struct Names {
            #[serde(rename = "SmsStatus", default)]
            names: Vec<String>,
        }
        let longs: String = ids.iter().map(|id| format!("<long>{id}</long>")).collect();
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><GetSmsDelivery \
             xmlns=\"http://tempuri.org/\"><security><Username>user</Username><Password>password</Password></security>\
             <nikIds>{longs}</nikIds></GetSmsDelivery></s:Body></s:Envelope>"
        );
        let request = self.http.post(format!("{}/NiksmsWebservice.svc", self.url));
        let request = request.header("content-type", "text/xml; charset=utf-8");
        let request = request.header("soapaction", "\"http://tempuri.org/INiksmsWebservice/GetSmsDelivery\"");
        let answer = request.body(body).send().await?.error_for_status()?.bytes().await?;
        let text = str::from_utf8(&answer).context("not text")?;
        let envelope: Envelope = quick_xml::de::from_str(text)?;
        Ok(paired(ids, envelope.body.response.result.names.into_iter().map(Code::of_name)))
    }
}

fn texts(ids: &[i64]) -> Vec<String> {
    ids.iter().map(i64::to_string).collect()
}

fn paired(ids: &[i64], codes: impl Iterator<Item = Code>) -> Vec<Status> {
    ids.iter().zip(codes).map(|(id, code)| Status { id: *id, code }).collect()
}
