//! Which messages travel together: the fewest requests that the gateway's limits allow. Pure.

use indexmap::IndexMap;

use crate::gateway::{BatchKind, Capabilities};
use crate::message::{Content, Message, SenderLine};

/// One request to be made; its messages by their place in the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) kind: BatchKind,
    pub(super) messages: Vec<u32>,
}

/// What messages of one bulk request have in common.
#[derive(PartialEq, Eq, Hash)]
enum Common<'a> {
    Text(&'a str, Option<&'a SenderLine>),
    /// The gateway chooses the line.
    Template(&'a str),
}

/// Plans the requests for these messages. Every one ends up in exactly one request.
///
/// Messages with one text and line fill bulk requests. What is left of each such group, too little to fill one, shares
/// requests with a text each where the gateway has them. That is the smallest number of requests possible.
pub(super) fn plan(capabilities: &Capabilities, messages: &[Message], which: &[u32]) -> Vec<Planned> {
    let most = capabilities.max_recipients.max(1);
    let mut groups: IndexMap<Common<'_>, Vec<u32>> = IndexMap::new();
    let mut latest = 0;
    for index in which {
        let Some(message) = messages.get(*index as usize) else {
            continue;
        };
        let common = match &message.content {
            Content::Text(text) => Common::Text(text, message.sender.as_ref()),
            Content::Template { key, .. } => Common::Template(key),
        };
        // A campaign says one thing many times over: a look at the group before saves the hash of its text.
        match groups.get_index_mut(latest) {
            Some((of_latest, group)) if *of_latest == common => group.push(*index),
            _ => {
                let entry = groups.entry(common);
                latest = entry.index();
                entry.or_default().push(*index);
            }
        }
    }
    let mut planned = Vec::new();
    let mut remainders: IndexMap<Option<&SenderLine>, Vec<Vec<u32>>> = IndexMap::new();
    for (common, group) in groups {
        let mut chunks: Vec<_> = group.chunks(most).map(<[u32]>::to_vec).collect();
        let kind = match common {
            Common::Template(_) => BatchKind::Template,
            Common::Text(text, sender) => {
                let personal =
                    capabilities.personal.filter(|limits| !(limits.no_commas && text.contains(',')));
                if let Some(limits) = personal
                    && let Some(remainder) = chunks.pop_if(|chunk| chunk.len() < most)
                {
                    remainders.entry(sender.filter(|_| limits.one_sender)).or_default().push(remainder);
                }
                BatchKind::Bulk
            }
        };
        planned.extend(chunks.into_iter().map(|messages| Planned { kind, messages }));
    }
    planned.extend(remainders.into_values().flat_map(|remainders| shared(&remainders, most)));
    planned
}

/// Requests that carry the remainders of several groups; one that happens to hold a single group is a bulk request.
fn shared(remainders: &[Vec<u32>], most: usize) -> Vec<Planned> {
    let of_group: Vec<(usize, u32)> = remainders
        .iter()
        .enumerate()
        .flat_map(|(group, messages)| messages.iter().map(move |index| (group, *index)))
        .collect();
    let request = |chunk: &[(usize, u32)]| {
        let one_group = chunk.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
        let kind = if one_group { BatchKind::Bulk } else { BatchKind::Personal };
        Planned { kind, messages: chunk.iter().map(|(_, index)| *index).collect() }
    };
    of_group.chunks(most).map(request).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gateway::Personal;

    fn capabilities(max_recipients: usize, personal: Option<Personal>) -> Capabilities {
        let capabilities = Capabilities::new(max_recipients).templates();
        match personal {
            Some(limits) => capabilities.personal(limits),
            None => capabilities,
        }
    }

    fn message() -> impl Strategy<Value = Message> {
        let text = (0usize..4).prop_map(|text| ["سلام", "a,b", "hello", "خداحافظ"][text]);
        let sender = prop::option::of(0i64..2);
        prop_oneof![
            4 => (text, sender).prop_map(|(text, sender)| {
                let message = Message::new("09121112222", text);
                if let Some(sender) = sender { message.sender(sender) } else { message }
            }),
            1 => (0usize..2).prop_map(|key| Message::template(["verify", "welcome"][key], "09121112222", ["1"])),
        ]
    }

    fn personal() -> impl Strategy<Value = Option<Personal>> {
        prop::option::of(
            (any::<bool>(), any::<bool>())
                .prop_map(|(one_sender, no_commas)| Personal { one_sender, no_commas }),
        )
    }

    proptest! {
        #[test]
        fn every_message_is_in_exactly_one_request_that_can_carry_it(
            messages in prop::collection::vec(message(), 0..120), most in 1usize..12, personal in personal(),
        ) {
            let all: Vec<u32> = (0u32..).take(messages.len()).collect();
            let planned = plan(&capabilities(most, personal), &messages, &all);
            let mut seen: Vec<u32> = planned.iter().flat_map(|request| request.messages.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, all);
            for request in &planned {
                prop_assert!((1..=most).contains(&request.messages.len()));
                let carried: Vec<&Message> = request.messages.iter().map(|index| &messages[*index as usize]).collect();
                let first = carried[0];
                match request.kind {
                    BatchKind::Bulk => prop_assert!(carried.iter().all(|m| m.content == first.content && m.sender == first.sender)),
                    BatchKind::Template => {
                        let key = |m: &Message| match &m.content { Content::Template { key, .. } => Some(key.clone()), Content::Text(_) => None };
                        prop_assert!(key(first).is_some() && carried.iter().all(|m| key(m) == key(first)));
                    }
                    BatchKind::Personal => {
                        let limits = personal.unwrap();
                        prop_assert!(!limits.one_sender || carried.iter().all(|m| m.sender == first.sender));
                        let may_share = carried.iter().all(|m| match &m.content {
                            Content::Text(text) => !(limits.no_commas && text.contains(',')),
                            Content::Template { .. } => false,
                        });
                        prop_assert!(may_share);
                    }
                }
            }
        }

        #[test]
        fn requests_are_as_few_as_can_be(texts in prop::collection::vec(0u8..20, 0..500), most in 1usize..100) {
            let messages: Vec<_> = texts.iter().map(|text| Message::new("09121112222", text.to_string())).collect();
            let all: Vec<u32> = (0u32..).take(messages.len()).collect();
            let planned = plan(&capabilities(most, Some(Personal { one_sender: false, no_commas: false })), &messages, &all);
            prop_assert_eq!(planned.len(), messages.len().div_ceil(most));
        }
    }

    #[test]
    fn a_campaign_of_100_000_takes_1_011_requests() {
        let messages = vec![Message::new("09121112222", "سلام"); 100_000];
        let all: Vec<u32> = (0..100_000).collect();
        let planned = plan(&capabilities(99, None), &messages, &all);
        assert_eq!(planned.len(), 1_011);
        assert!(planned.iter().all(|request| request.kind == BatchKind::Bulk));
    }
}
