//! What faults do to the rows of a right answer.

/// What becomes of the rows of a right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    AsTheyAre,
    FirstHalf,
    Reversed,
    Gone,
    Rounded,
    OneMore,
    /// Of a lookup: "not found" beside an id that says the opposite. Only those who make the rows can do that.
    Contradicted,
}

/// A row, as far as faults are concerned. One without ids has nothing to round and cannot be made for nobody.
pub(crate) trait Row: Sized {
    fn round(&mut self) {}

    /// A row for an id that belongs to nobody.
    fn of_nobody(_phantom: i64) -> Option<Self> {
        None
    }
}

impl Rows {
    /// `phantom` gives an id that belongs to nobody.
    pub(crate) fn arrange<T: Row>(self, mut rows: Vec<T>, phantom: impl FnOnce() -> i64) -> Vec<T> {
        match self {
            Self::AsTheyAre | Self::Contradicted => {}
            Self::FirstHalf => rows.truncate(rows.len() / 2),
            Self::Reversed => rows.reverse(),
            Self::Gone => rows.clear(),
            Self::Rounded => rows.iter_mut().for_each(Row::round),
            // In front: whoever pairs by position then pairs them all wrong.
            Self::OneMore => rows.splice(0..0, T::of_nobody(phantom())).for_each(drop),
        }
        rows
    }

    /// An id that stands in an answer beside the rows, or instead of them.
    pub(crate) fn id(self, id: i64) -> i64 {
        if self == Self::Rounded { as_a_double(id) } else { id }
    }
}

/// The id that is left when a program keeps it in a double: beyond 2^53 the last digits go.
pub(crate) fn as_a_double(id: i64) -> i64 {
    /// Of the doubles that are an `i64` the greatest.
    const GREATEST: f64 = 9_223_372_036_854_774_784.0;

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "that is what it is for"
    )]
    let rounded = (id as f64).min(GREATEST) as i64;
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_has_53_bits() {
        for (id, rounded) in [
            (9_007_199_254_740_991, 9_007_199_254_740_991),
            (9_007_199_254_740_993, 9_007_199_254_740_992),
            (639_100_000_000_000_001, 639_100_000_000_000_000),
            (i64::MAX, 9_223_372_036_854_774_784),
            (i64::MIN, i64::MIN),
            (-9_007_199_254_740_993, -9_007_199_254_740_992),
        ] {
            assert_eq!(as_a_double(id), rounded, "{id}");
        }
    }
}
