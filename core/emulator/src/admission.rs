//! Who is answered at all. A browser sends requests here for any page it shows; a program on this machine and a page of
//! the emulator's own are answered, another page is not.

use std::net::{IpAddr, Ipv6Addr};

use hyper::StatusCode;
use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;

use crate::http::Answer;

/// Says where a browser's request comes from. Browsers send it to loopback and over TLS alone.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host that a client believes to talk to, without the port.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    /// In lower case, without the dot that ends a full name.
    Name(String),
}

impl Host {
    /// Reads `localhost`, `localhost:8098`, `127.0.0.1`, `[::1]:8098`.
    fn parse(written: &str) -> Option<Self> {
        // Of user information, which `Authority` knows too, nothing belongs here.
        // A port may be empty.
        let written = written.strip_suffix(':').unwrap_or(written);
        let authority = written.parse::<Authority>().ok().filter(|_| !written.contains('@'))?;
        let host = authority.host();
        if host.len() != written.len() && authority.port_u16().is_none() {
            return None;
        }
        if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: Ipv6Addr = inner.parse().ok()?;
            return Some(Self::Address(address.to_canonical()));
        }
        if let Ok(address) = host.parse() {
            return Some(Self::Address(address));
        }
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        (!name.is_empty() && name.bytes().all(is_usual)).then_some(Self::Name(name))
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// What is answered, fixed at the start.
#[derive(Debug)]
pub(crate) struct Admission {
    any_address: bool,
    names: Vec<Host>,
}

impl Admission {
    /// `any_address` lets a client name the emulator by whatever address it reaches it at: nobody can point somebody
    /// else's page at an address, only at a name.
    pub(crate) fn new(any_address: bool, names: &[String]) -> Result<Self, &'static str> {
        let read = |written: &String| {
            Host::parse(written).ok_or("an allowed host is a name or an address, such as payamak-emulator")
        };
        Ok(Self { any_address, names: names.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Looks at the head of a request. The refusal says nothing of what the request said.
    pub(crate) fn check(&self, head: &Parts) -> Result<(), Answer> {
        let Some(host) = sole(&head.headers, &HOST) else {
            return Err(refusal(StatusCode::BAD_REQUEST, "A request has exactly one Host header.\n"));
        };
        // A target in absolute form says it once more, and counts before the header.
        let named = [Some(host), head.uri.authority().map(Authority::as_str)];
        for named in named.into_iter().flatten() {
            let Some(host) = Host::parse(named) else {
                return Err(refusal(StatusCode::BAD_REQUEST, "The Host header is not a host.\n"));
            };
            if !self.is_ours(&host) {
                let text = "The emulator answers as localhost and as a loopback address. See its README, \"What it \
                            refuses\", for --allow-host.\n";
                return Err(refusal(StatusCode::MISDIRECTED_REQUEST, text));
            }
        }
        if is_foreign(&head.headers, host) {
            let text = "The emulator does not answer to other sites' pages.\n";
            return Err(refusal(StatusCode::FORBIDDEN, text));
        }
        Ok(())
    }

    fn is_ours(&self, host: &Host) -> bool {
        let is_address = matches!(host, Host::Address(_));
        host.is_loopback() || (self.any_address && is_address) || self.names.contains(host)
    }
}

/// Whether a browser says that a page of another origin is behind this request.
fn is_foreign(headers: &HeaderMap, host: &str) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    let mut origins = headers.get_all(ORIGIN).iter();
    let is_own = |origin: &[u8]| {
        let authority = origin.strip_prefix(b"http://");
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_bytes()))
    };
    !sites.all(|site| site == "same-origin" || site == "none")
        || !origins.all(|origin| is_own(origin.as_bytes()))
}

/// The value of a header that is there once.
fn sole<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Ends the connection too: the rest of the request is not read.
fn refusal(status: StatusCode, text: &'static str) -> Answer {
    Answer::plain(status, text).closing()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_in_every_spelling() {
        for written in [
            "localhost",
            "localhost:",
            "LocalHost:8098",
            "localhost.",
            "a.localhost",
            "a.b.LOCALHOST.:80",
            "127.0.0.1",
            "127.255.3.4:8098",
            "[::1]",
            "[::1]:8098",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(Host::parse(written).is_some_and(|host| host.is_loopback()), "{written}");
        }
        for written in [
            "evil.example",
            "localhost.evil.example",
            "notlocalhost",
            ".localhost.example",
            "127.0.0.1.evil.example",
            "128.0.0.1",
            "10.0.0.1:8098",
            "[::2]",
            "0.0.0.0",
            "[::]",
            "127.1",
            "2130706433",
            "localhost..",
        ] {
            assert!(Host::parse(written).is_some_and(|host| !host.is_loopback()), "{written}");
        }
        for written in [
            "",
            ".",
            ":8098",
            "::1",
            "[::1",
            "[::1]x",
            "[localhost]",
            "localhost:x",
            "localhost:99999",
            "local host",
            "user@localhost",
            "localhost@localhost",
            "localhost/",
            "*",
            "*.localhost",
            "localhost, localhost",
            "[fe80::1%25lo]",
        ] {
            assert_eq!(Host::parse(written), None, "{written}");
        }
    }
}
