//! What the server of the benchmarks answers, how it serves it, and the Rust clients that are measured against it.

pub mod answers;
pub mod jobs;
pub mod serving;
pub mod subjects;
