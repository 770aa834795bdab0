//! Requests as the dialects see them, and what they answer.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::Serialize;

pub(crate) const JSON: &str = "application/json; charset=utf-8";
pub(crate) const XML: &str = "text/xml; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// A request that has arrived completely.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn method(&self) -> &Method {
        &self.parts.method
    }

    pub(crate) fn path(&self) -> &str {
        self.parts.uri.path()
    }

    pub(crate) fn query(&self) -> Vec<(String, String)> {
        pairs(self.parts.uri.query().unwrap_or_default().as_bytes())
    }

    /// The fields of a form; none when the body does not claim to be one.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        if self.has_content_type("application/x-www-form-urlencoded") {
            pairs(&self.body)
        } else {
            Vec::new()
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn size(&self) -> usize {
        /// What stands around the texts, and the buffer that they may keep alive.
        const SURROUNDINGS: usize = 16 * 1024;
        let headers = self.parts.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
        let query = self.parts.uri.query().map_or(0, str::len);
        SURROUNDINGS + self.path().len() + query + headers + self.body.len()
    }

    /// Whether the media type is this one, whatever parameters follow it.
    pub(crate) fn has_content_type(&self, media_type: &str) -> bool {
        let given = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        given.split(';').next().is_some_and(|given| given.trim().eq_ignore_ascii_case(media_type))
    }
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

/// A whole HTTP answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: Cow<'static, str>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: Cow::Borrowed(content_type), headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        // Our own types have neither failing serializers nor keys that are no strings: null never goes out.
        let body = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
        Self::new(status, JSON, body)
    }

    pub(crate) fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    pub(crate) fn html(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
        );
        Self::new(status, HTML, page)
    }

    /// What a proxy in front of the gateway says. Every request has its number.
    pub(crate) fn of_a_proxy(status: StatusCode, request: u64) -> Self {
        #[derive(Serialize)]
        struct Body {
            message: &'static str,
            request_id: String,
        }
        let message = status.canonical_reason().unwrap_or("Error");
        Self::json(status, &Body { message, request_id: format!("{request:032x}") })
    }

    pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self::new(status, PLAIN, text)
    }

    /// The same, as the last one on its connection.
    pub(crate) fn closing(mut self) -> Self {
        self.headers.push((CONNECTION, HeaderValue::from_static("close")));
        self
    }
}

/// What becomes of the connection.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer(Answer),
    /// The right answer, after so much real time.
    Later(Duration, Answer),
    /// The head and half of the body, then the end of the connection.
    Half(Answer),
    /// The end of the connection, without a byte.
    Close,
    /// Nothing, on a connection that stays open.
    Never,
}
