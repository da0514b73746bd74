//! The library's queue, without its patience.

#[path = "../../../src/queue/doorbell.rs"]
pub(crate) mod doorbell;
pub(crate) mod patience;
#[path = "../../../src/queue/ring.rs"]
pub(crate) mod ring;
