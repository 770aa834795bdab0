//! What goes out is what arrives, and what is kept is what comes back: over every dialect, for any text and any id.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod common;

use std::time::Duration;

use common::{niksms, payam_resan};
use hmac::{Hmac, KeyInit as _, Mac as _};
use payamak::niksms::{Dialect, SendBatch, SendOptions};
use payamak::payam_resan::TemplateMessage;
use payamak::{
    Destination, Encoding, ErrorKind, KeyKind, Message, MessageId, Messenger, Msisdn, NikSms, PayamResan,
    PersonalMessage, Receipt, Recipient, SendOutcome, TraceId, segments,
};
use payamak_emulator::{Emulator, IncomingMessage};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;

/// The pieces of texts that something on the way might change: joiners, digits of three scripts, emoji, what XML, JSON,
/// forms and addresses escape, commas, ends of lines, and anything else.
fn texts() -> impl Strategy<Value = String> {
    let pieces = [
        "می\u{200c}روم",
        "سلام",
        "۱۲۳",
        "٤٥٦",
        "789",
        "😀",
        "👨‍👩‍👧",
        "\u{202b}",
        "ي",
        "ك",
        "<",
        ">",
        "&",
        "&amp;",
        "]]>",
        "\"",
        "'",
        "\\",
        "\\u0041",
        "%",
        "%41",
        "+",
        "=",
        "?",
        "#",
        ";",
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "{1}",
        "null",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
    ];
    let piece = prop_oneof![
        8 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        1 => Just(",".to_owned()),
        2 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

fn numbers() -> impl Strategy<Value = Msisdn> {
    (0..1_000_000_000u64).prop_map(|rest| Msisdn::parse(&format!("09{rest:09}")).unwrap())
}

fn trace_ids() -> impl Strategy<Value = TraceId> {
    let edges = [1, i64::MAX, i64::MAX - 1, 1 << 53, (1 << 53) + 1, i64::from(u32::MAX)];
    prop_oneof![1..=i64::MAX, prop::sample::select(edges.to_vec())].prop_map(TraceId::new)
}

fn xml_can_carry(text: &str) -> bool {
    let cannot =
        |c| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    !text.contains(cannot)
}

/// The emulator, and a client of each dialect.
struct House {
    runtime: Runtime,
    emulator: Emulator,
    payam_resan: PayamResan,
    niksms: [NikSms; 4],
}

/// A message as it was sent: to whom, its text, and its trace id where the operation has one.
type Sent = (Msisdn, String, Option<TraceId>);

impl House {
    fn open() -> Self {
        let emulator = Emulator::start_blocking().unwrap();
        let patience = Duration::from_secs(30);
        let dialects = [Dialect::Soap, Dialect::PublicApi, Dialect::V2, Dialect::WebService];
        Self {
            runtime: Runtime::new().unwrap(),
            payam_resan: payam_resan(&emulator).with_timeout(patience),
            niksms: dialects.map(|dialect| niksms(&emulator, dialect).with_timeout(patience)),
            emulator,
        }
    }

    /// What the emulator has registered is what was sent, in its order, and the ids that were answered are theirs.
    fn has(&self, what: &str, sent: &[Sent], ids: &[Option<MessageId>]) -> Result<(), TestCaseError> {
        let registered = self.emulator.messages();
        self.emulator.clear();
        prop_assert_eq!(registered.len(), sent.len(), "{}", what);
        prop_assert_eq!(ids.len(), sent.len(), "{}", what);
        for ((message, (to, text, trace_id)), id) in registered.iter().zip(sent).zip(ids) {
            prop_assert_eq!(&message.text, text, "{}", what);
            prop_assert_eq!(&message.to, &to.national(), "{}", what);
            prop_assert_eq!(message.trace_id, trace_id.map(TraceId::get), "{}", what);
            prop_assert_eq!(Some(MessageId::new(message.id)), *id, "{}", what);
        }
        Ok(())
    }

    fn through_payam_resan(&self, sent: &[Sent]) -> Result<(), TestCaseError> {
        let (gateway, wait) = (&self.payam_resan, &self.runtime);
        let (_, text, _) = &sent[0];
        let bulk: Vec<_> = sent.iter().map(|(to, _, id)| (*to, text.clone(), *id)).collect();

        let recipients: Vec<Recipient> = sent.iter().map(|(to, ..)| (*to).into()).collect();
        let untraced: Vec<_> = bulk.iter().map(|(to, text, _)| (*to, text.clone(), None)).collect();
        let answer = wait.block_on(gateway.send(text, &recipients, None)).unwrap();
        self.has("Send", &untraced, &answer.iter().map(|row| row.message_id).collect::<Vec<_>>())?;

        let answer = wait.block_on(gateway.send_bulk(text, &destinations(sent), None)).unwrap();
        self.has("SendBulk", &bulk, &answer.iter().map(|row| row.message_id).collect::<Vec<_>>())?;

        let answer = wait.block_on(gateway.send_multiple(&personal(sent))).unwrap();
        prop_assert!(answer.iter().map(|row| row.trace_id).eq(sent.iter().map(|(.., id)| *id)));
        self.has("SendMultiple", sent, &answer.iter().map(|row| row.message_id).collect::<Vec<_>>())?;

        let filled = |text: &str| format!("کد ورود شما: {text}");
        let templates: Vec<_> = sent
            .iter()
            .map(|(to, text, id)| TemplateMessage::new(*to, [text]).trace_id(id.unwrap()))
            .collect();
        let answer = wait.block_on(gateway.send_token_multi("verify", &templates)).unwrap();
        let expected: Vec<_> = sent.iter().map(|(to, text, id)| (*to, filled(text), *id)).collect();
        prop_assert!(answer.iter().zip(&expected).all(|(row, (_, text, _))| row.text.as_ref() == Some(text)));
        self.has("SendTokenMulti", &expected, &answer.iter().map(|row| row.message_id).collect::<Vec<_>>())?;

        let (to, expected) = (sent[0].0, [(sent[0].0, filled(text), None)]);
        for by_get in [false, true] {
            let parameters = [text.clone()];
            let answer = if by_get {
                wait.block_on(gateway.send_token_single_by_get("verify", to, &parameters))
            } else {
                wait.block_on(gateway.send_token_single("verify", to, &parameters))
            };
            self.has("SendTokenSingle", &expected, &[answer.unwrap()[0].message_id])?;
        }
        Ok(())
    }

    fn through_niksms(&self, sent: &[Sent]) -> Result<(), TestCaseError> {
        let (wait, options) = (&self.runtime, SendOptions::default());
        let (to, text, trace_id) = &sent[0];
        let bulk: Vec<_> = sent.iter().map(|(to, _, id)| (*to, text.clone(), *id)).collect();
        for gateway in &self.niksms {
            let dialect = gateway.dialect();
            if dialect != Dialect::V2 {
                let is_refused = dialect == Dialect::Soap && !xml_can_carry(text);
                let answer = wait.block_on(gateway.group_sms(text, &destinations(sent), &options));
                self.has_or_refuses(&format!("GroupSms, {dialect:?}"), is_refused, &bulk, answer)?;

                let is_refused = sent.iter().any(|(_, text, _)| match dialect {
                    Dialect::Soap => !xml_can_carry(text),
                    Dialect::PublicApi => text.contains(','),
                    _ => false,
                });
                let answer = wait.block_on(gateway.ptp_sms(&personal(sent), &options));
                self.has_or_refuses(&format!("PtpSms, {dialect:?}"), is_refused, sent, answer)?;
            }
            if matches!(dialect, Dialect::V2 | Dialect::WebService) {
                let answer = wait.block_on(gateway.send_one(text, *to, *trace_id, &options));
                self.has_or_refuses(&format!("one, {dialect:?}"), false, &bulk[..1], answer)?;
            }
            if dialect == Dialect::WebService {
                let answer = wait.block_on(gateway.send_otp(text, *to, *trace_id, &options));
                self.has_or_refuses("otp", false, &bulk[..1], answer)?;
            }
        }
        Ok(())
    }

    fn has_or_refuses(
        &self,
        what: &str,
        is_refused: bool,
        sent: &[Sent],
        answer: payamak::Result<SendBatch>,
    ) -> Result<(), TestCaseError> {
        match answer {
            Ok(batch) => {
                prop_assert!(!is_refused, "{}", what);
                self.has(what, sent, &batch.message_ids.into_iter().map(Some).collect::<Vec<_>>())
            }
            Err(error) => {
                prop_assert!(is_refused && error.kind() == ErrorKind::InvalidInput, "{}: {}", what, error);
                self.has(what, &[], &[])
            }
        }
    }

    /// A text that comes in is read as it was sent.
    fn arrives_inside(&self, from: Msisdn, text: &str) -> Result<(), TestCaseError> {
        let wait = &self.runtime;
        let comes_in =
            |line: &str| self.emulator.receive(IncomingMessage::new(from.national(), line, text)).unwrap();
        let id = comes_in("30004040");
        let inbox = wait.block_on(self.payam_resan.get_inbox()).unwrap();
        prop_assert_eq!((inbox[0].text.as_str(), inbox[0].message_id), (text, Some(MessageId::new(id))));
        for gateway in &self.niksms[..2] {
            if gateway.dialect() == Dialect::PublicApi || xml_can_carry(text) {
                let id = comes_in("50001234");
                let inbox = wait.block_on(gateway.get_receive_sms(None, None)).unwrap();
                prop_assert_eq!(
                    (inbox[0].text.as_str(), inbox[0].message_id),
                    (text, Some(MessageId::new(id)))
                );
                prop_assert_eq!(inbox.len(), 1);
            }
        }
        Ok(())
    }
}

fn destinations(sent: &[Sent]) -> Vec<Destination> {
    sent.iter().map(|(to, _, id)| Destination::new(*to, *id)).collect()
}

fn personal(sent: &[Sent]) -> Vec<PersonalMessage> {
    sent.iter().map(|(to, text, id)| PersonalMessage::new(*to, text.as_str()).trace_id(id.unwrap())).collect()
}

#[test]
fn what_is_sent_is_what_arrives() {
    let house = House::open();
    let message = (numbers(), texts(), trace_ids().prop_map(Some));
    let settings = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(settings, |(sent in prop::collection::vec(message, 1..5))| {
        house.through_payam_resan(&sent)?;
        house.through_niksms(&sent)?;
        house.arrives_inside(sent[0].0, &sent[0].1)?;
    });
}

/// A receipt goes into a database as JSON and comes back as the same receipt, by which the message can be asked for.
#[test]
fn a_receipt_that_was_kept_is_the_same_receipt() {
    let house = House::open();
    let messenger = Messenger::builder().gateway(house.payam_resan.clone()).build().unwrap();
    let settings = ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(settings, |(to in numbers(), trace_id in trace_ids(), key in ".{1,20}", has_key: bool)| {
        house.emulator.clear();
        let message = Message::new(to, "سلام");
        let message = if has_key { message.key(key.as_str()) } else { message.trace_id(trace_id) };
        let receipts = house.runtime.block_on(messenger.send_each([message]).into_future()).unwrap().into_receipts();
        let receipt = &receipts[0];
        prop_assert_eq!(receipt.outcome, SendOutcome::Accepted);
        prop_assert_eq!(receipt.trace_id, if has_key { TraceId::from_key(&key, to, KeyKind::Single, None).unwrap() } else { trace_id });
        prop_assert_eq!(house.emulator.registrations(receipt.trace_id.get()), 1);

        let kept = serde_json::to_string(receipt).unwrap();
        let row: serde_json::Value = serde_json::from_str(&kept).unwrap();
        let id = |name: &str| row[name].as_str().unwrap();
        let restored = Receipt::restore(
            id("to"),
            id("gateway"),
            id("trace_id").parse().unwrap(),
            Some(id("message_id").parse().unwrap()),
        );
        prop_assert_eq!(&restored, receipt);
        let reports = house.runtime.block_on(messenger.delivery(&[restored]));
        prop_assert!(reports[0].error.is_none(), "{:?}", reports[0]);
        prop_assert_eq!((reports[0].trace_id, reports[0].message_id), (receipt.trace_id, receipt.message_id));
    });
}

/// The pages of a text, filled one after the other; the alphabet is GSM 03.38's as its table prints it.
fn pages(text: &str) -> (Encoding, usize) {
    const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                            abcdefghijklmnopqrstuvwxyzäöñüà";
    const EXTENSION: &str = "\u{c}^{}\\[~]|€";
    let is_gsm = text.chars().all(|c| ALPHABET.contains(c) || EXTENSION.contains(c));
    let width = |c: char| if is_gsm { 1 + usize::from(EXTENSION.contains(c)) } else { c.len_utf16() };
    let widths: Vec<_> = text.chars().map(width).collect();
    let (encoding, single, each) = if is_gsm { (Encoding::Gsm7, 160, 153) } else { (Encoding::Ucs2, 70, 67) };
    if widths.iter().sum::<usize>() <= single {
        return (encoding, usize::from(!text.is_empty()));
    }
    let mut pages: Vec<usize> = vec![0];
    for width in widths {
        match pages.last_mut() {
            Some(page) if *page + width <= each => *page += width,
            _ => pages.push(width),
        }
    }
    (encoding, pages.len())
}

/// Long runs of few characters, so that the ends of the pages fall everywhere.
fn long_texts() -> impl Strategy<Value = String> {
    let letters = prop_oneof![
        4 => Just("[aZ0@€\\[\\]]{0,480}"),
        1 => Just("[aé`€]{0,330}"),
        4 => Just("[سلام😀\u{200c}a]{0,280}"),
        1 => Just("\\PC{0,90}"),
    ];
    letters.prop_flat_map(|letters| letters)
}

/// Digits as people type them.
fn in_digits(text: &str, zero: char) -> String {
    let digit = |c: char| c.to_digit(10).map_or(Some(c), |value| char::from_u32(u32::from(zero) + value));
    text.chars().filter_map(digit).collect()
}

proptest! {
    #[test]
    fn an_id_is_read_as_it_is_printed(number in prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)], zero in prop::sample::select(vec!['0', '۰', '٠'])) {
        let (trace_id, message_id) = (TraceId::new(number), MessageId::new(number));
        prop_assert_eq!(in_digits(&trace_id.to_string(), zero).parse::<TraceId>().unwrap(), trace_id);
        prop_assert_eq!(in_digits(&message_id.to_string(), zero).parse::<MessageId>().unwrap(), message_id);
        let kept = serde_json::to_string(&(trace_id, message_id)).unwrap();
        prop_assert_eq!(&kept, &format!("[\"{number}\",\"{number}\"]"));
        prop_assert_eq!(serde_json::from_str::<(TraceId, MessageId)>(&kept).unwrap(), (trace_id, message_id));
    }

    /// Written down a second time, from the words of the conformance README.
    #[test]
    fn a_key_always_has_the_same_trace_id(
        key in "\\PC{1,40}", other in "\\PC{1,40}", to in numbers(), in_list: bool, secret in prop::option::of("\\PC{1,80}"),
    ) {
        let (kind, name) = if in_list { (KeyKind::ListMember, "list_member") } else { (KeyKind::Single, "single") };
        let id = TraceId::from_key(&key, to, kind, secret.as_deref()).unwrap();
        let mut bytes = Vec::new();
        for part in ["payamak-key-v2", name, &key, &to.national()] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.bytes());
        }
        let digest: Vec<u8> = match &secret {
            Some(secret) => Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(bytes).finalize().into_bytes().to_vec(),
            None => Sha256::digest(bytes).to_vec(),
        };
        let upper = u64::from_be_bytes(digest[..8].try_into().unwrap()) >> 1;
        prop_assert_eq!(id.get().unsigned_abs(), upper);
        prop_assert!(id.get() > 0);
        prop_assert_eq!(TraceId::from_key(&other, to, kind, secret.as_deref()).unwrap() == id, key == other);
        let other_kind = if in_list { KeyKind::Single } else { KeyKind::ListMember };
        prop_assert_ne!(TraceId::from_key(&key, to, other_kind, secret.as_deref()).unwrap(), id);
    }

    #[test]
    fn a_recipient_that_was_kept_is_the_same_recipient(text in prop_oneof![any::<String>(), numbers().prop_map(Msisdn::international)]) {
        let recipient = Recipient::from(text.as_str());
        let kept = serde_json::to_string(&recipient).unwrap();
        prop_assert_eq!(serde_json::from_str::<Recipient>(&kept).unwrap(), recipient);
    }

    #[test]
    fn pages_are_those_of_a_plain_count(text in long_texts()) {
        let counted = segments(&text);
        prop_assert_eq!((counted.encoding, counted.segments), pages(&text), "{:?}", counted);
    }
}
