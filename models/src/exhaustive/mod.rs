//! Scenes of two to four threads, in every order.

mod deaths;
mod ends;
mod places;
mod queue;
mod support;
mod transfer;
mod waits;

pub use deaths::*;
pub use ends::*;
pub use places::*;
pub use queue::*;
pub use transfer::*;
pub use waits::*;
