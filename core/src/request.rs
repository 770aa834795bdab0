//! A request as a wire module builds it. Bodies hold credentials: they are built in one piece, and wiped when they are dropped.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::redact::Carried;

/// A request as a wire module builds it.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn post(url: Url, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { method: Method::POST, url, headers, body: Bytes::from_owner(Zeroizing::new(body.into())) }
    }

    /// JSON: the fields of `body`, which is an object, and the key beside them.
    pub(crate) fn post_json(url: Url, key: &SecretString, body: &impl Serialize) -> Result<Self> {
        let unwritable = |_| Error::configuration("", "the request could not be written as JSON");
        let mut json = serde_json::to_vec(body).map_err(unwritable)?;
        let key = Zeroizing::new(serde_json::to_vec(key.expose_secret()).map_err(unwritable)?);
        let begin: &[u8] = if json.len() > 2 { b",\"ApiKey\":" } else { b"\"ApiKey\":" };
        json.pop();
        // Once for all: growing would leave copies of the key behind.
        json.reserve_exact(begin.len() + key.len() + 1);
        json.extend_from_slice(begin);
        json.extend_from_slice(&key);
        json.push(b'}');
        Ok(Self::post(url, "application/json; charset=utf-8", json))
    }

    /// A form.
    pub(crate) fn post_form(url: Url, fields: &[(&str, &str)]) -> Self {
        // A byte takes three at most. Growing would leave copies of the password behind.
        let most = fields.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(most));
        form.extend_pairs(fields);
        Self::post(url, "application/x-www-form-urlencoded; charset=utf-8", form.finish())
    }

    /// What is in it, for who has to keep it out of an error.
    pub(crate) fn carried(&self) -> Carried<'_> {
        let content_type = self.headers.iter().find(|(name, _)| name == CONTENT_TYPE);
        let content_type = content_type.and_then(|(_, value)| value.to_str().ok()).unwrap_or_default();
        Carried { url: &self.url, content_type, body: &self.body }
    }
}

/// `path` below a base address, whether that ends in a slash or not.
pub(crate) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// The path of an operation that the library has no method for: names and slashes, so that it stays below the base address.
pub(crate) fn require_path(operation: &'static str, path: &str) -> Result<()> {
    let is_name = |segment: &str| {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        !matches!(segment, "" | "." | "..") && segment.bytes().all(is_sign)
    };
    if path.split('/').all(is_name) {
        return Ok(());
    }
    let detail = "not the name of an operation: letters, digits, - _ . ~ and single slashes between them";
    Err(Error::invalid_input(operation, "path", detail))
}

/// Refuses a field that the client sets itself, in any case: two of them would leave it to the gateway which one counts.
pub(crate) fn require_unset<'a>(
    operation: &'static str,
    names: impl IntoIterator<Item = &'a str>,
    own: &[&str],
) -> Result<()> {
    let is_own = |name: &&str| own.iter().any(|own| own.eq_ignore_ascii_case(name));
    match names.into_iter().find(is_own) {
        None => Ok(()),
        Some(name) => {
            Err(Error::invalid_input(operation, format!("fields.{name}"), "set by the client itself"))
        }
    }
}
