//! Handing messages from one process to another, and sleeping until there are some.
//!
//! Pure over borrowed atomics; depends on `sync` only, so that the same source can be model-checked.

pub(crate) mod doorbell;
pub(crate) mod patience;
pub(crate) mod ring;
