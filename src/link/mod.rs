//! How the processes of a set find each other, and how they notice each other's death.
//!
//! The primary client announces its set as a socket in the runtime directory ([`rendezvous`]).
//! The server and the secondaries connect and receive the descriptors of the shared memory
//! ([`channel`]). The connection then stays open as a lifeline: one background thread of each
//! process sees its peers hang up or end ([`watcher`]). Another one is told by the kernel of a death
//! before the dead process is torn down ([`witness`]).

pub(crate) mod access;
pub(crate) mod address;
mod background;
pub(crate) mod channel;
pub(crate) mod received;
pub(crate) mod rendezvous;
mod runtime_dir;
mod spare;
pub(crate) mod watcher;
pub(crate) mod witness;

#[cfg(test)]
pub(crate) mod support;
