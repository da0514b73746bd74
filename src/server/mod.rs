//! The server end: the side that a database engine uses.
//!
//! The engine opens a [`Set`] that a client created, configures it, lends a thread to the
//! completion agent, opens the [`Device`]s and sends them [`Request`]s. The [`Callback`] of a
//! request is called when the client has completed it.

mod agent;
mod device;
mod host;
mod inner;
mod pool;
mod primary;
mod set;

pub use device::{Callback, Device, Request};
pub use primary::{OpenOptions, Primary};
pub use set::Set;
