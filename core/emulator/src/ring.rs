//! A list that cannot grow without end: its oldest entries go.

use std::collections::VecDeque;
use std::mem;

/// Entries in the order they came, each with what it costs. What they cost together has a limit.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    entries: VecDeque<(usize, T)>,
    cost: usize,
    limit: usize,
}

impl<T> Ring<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), cost: 0, limit }
    }

    /// Adds an entry, and forgets the oldest ones that no longer fit: of one that alone is too dear, itself.
    pub(crate) fn push(&mut self, cost: usize, entry: T) {
        self.add(cost, entry);
        while self.pop_surplus().is_some() {}
    }

    /// Adds an entry and forgets none: for those who have to know which ones go, by [`pop_surplus`](Self::pop_surplus).
    pub(crate) fn add(&mut self, cost: usize, entry: T) {
        self.cost = self.cost.saturating_add(cost);
        self.entries.push_back((cost, entry));
    }

    /// Takes out the oldest entry if the whole costs too much.
    pub(crate) fn pop_surplus(&mut self) -> Option<T> {
        if self.cost <= self.limit {
            return None;
        }
        let (cost, entry) = self.entries.pop_front()?;
        self.cost -= cost;
        Some(entry)
    }

    /// Takes out all entries that are meant.
    pub(crate) fn extract(&mut self, is_meant: impl Fn(&T) -> bool) -> Vec<T> {
        let mut extracted = Vec::new();
        for (cost, entry) in mem::take(&mut self.entries) {
            if is_meant(&entry) {
                self.cost -= cost;
                extracted.push(entry);
            } else {
                self.entries.push_back((cost, entry));
            }
        }
        extracted
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry in this place, counted from the oldest that is left.
    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.entries.get(place).map(|(_, entry)| entry)
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.entries.get_mut(place).map(|(_, entry)| entry)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(ring: &Ring<char>) -> String {
        ring.iter().collect()
    }

    #[test]
    fn the_oldest_go_first() {
        let mut ring = Ring::new(3);
        for entry in ['a', 'b', 'c', 'd'] {
            ring.push(1, entry);
        }
        assert_eq!(left(&ring), "bcd");
        ring.push(2, 'e');
        assert_eq!(left(&ring), "de");
        ring.push(4, 'f');
        assert_eq!(left(&ring), "", "one that is too dear goes too");
        ring.push(3, 'g');
        assert_eq!(left(&ring), "g");
    }

    #[test]
    fn what_is_taken_out_makes_room() {
        let mut ring = Ring::new(3);
        for entry in ['a', 'b', 'c'] {
            ring.push(1, entry);
        }
        assert_eq!(ring.extract(|entry| *entry == 'b'), ['b']);
        ring.push(1, 'd');
        assert_eq!(left(&ring), "acd");
    }
}
