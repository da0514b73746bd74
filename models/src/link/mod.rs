//! Sockets of a model, under the library's watcher, and its witness.

pub(crate) mod access;
pub(crate) mod address;
#[path = "../../../src/link/background.rs"]
mod background;
pub(crate) mod channel;
#[path = "../../../src/link/received.rs"]
pub(crate) mod received;
pub(crate) mod rendezvous;
#[path = "../../../src/link/watcher.rs"]
pub(crate) mod watcher;
pub(crate) mod wire;
#[path = "../../../src/link/witness.rs"]
pub(crate) mod witness;
