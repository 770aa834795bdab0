//! Requests that have arrived and are carried out later.

use std::collections::BTreeMap;

use crate::clock::Moment;
use crate::dialect::Dialect;
use crate::http::Request;

/// A request that waits for its moment.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) dialect: Dialect,
    pub(crate) operation: &'static str,
    pub(crate) request: Request,
}

/// What is still to be carried out: the earliest first, and of one moment in the order of arrival.
#[derive(Debug)]
pub(crate) struct Waiting {
    requests: BTreeMap<(Moment, u64), Deferred>,
    arrived: u64,
    memory: usize,
    memory_limit: usize,
}

impl Waiting {
    pub(crate) fn new(memory_limit: usize) -> Self {
        Self { requests: BTreeMap::new(), arrived: 0, memory: 0, memory_limit }
    }

    /// Keeps a request. When all together take too much memory, the earliest are lost on their way.
    pub(crate) fn push(&mut self, due: Moment, deferred: Deferred) {
        self.memory += deferred.request.size();
        self.requests.insert((due, self.arrived), deferred);
        self.arrived += 1;
        while self.memory > self.memory_limit && self.pop(Moment::MAX).is_some() {}
    }

    /// The next one that is due, and when it was.
    pub(crate) fn pop(&mut self, now: Moment) -> Option<(Moment, Deferred)> {
        let first = self.requests.first_entry()?;
        let (due, _) = *first.key();
        if due > now {
            return None;
        }
        let deferred = first.remove();
        self.memory -= deferred.request.size();
        Some((due, deferred))
    }
}
