//! Scenes of two to four threads, in every order.

mod ends;
mod queue;
mod support;
mod transfer;
mod waits;

pub use ends::*;
pub use queue::*;
pub use transfer::*;
pub use waits::*;
