//! Models of what threads and processes do to each other in a set.
//!
//! A model is a small scene in which the library's own source files run over the atomics, locks and
//! threads of a model checker. `loom` tries every order of the steps of a few threads, and for each
//! load every value that the memory model allows; `shuttle` tries random orders of whole clients
//! and servers. What is not from `src` of the library stands in `sync`, `shm`, `link` and `sys` here:
//! the kernel's part (futexes, sockets, signs of life), and shared memory, which is on the heap because
//! the atomics of a model checker cannot be mapped.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the library's files have more than the models use"
)]

#[cfg(any(
    all(feature = "loom", feature = "shuttle"),
    not(any(feature = "loom", feature = "shuttle"))
))]
compile_error!("one of the features loom and shuttle");

#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/naps.rs"]
mod naps;
#[path = "../../src/participant/mod.rs"]
mod participant;
#[path = "../../src/protocol/mod.rs"]
mod protocol;

mod client;
mod link;
mod panics;
mod queue;
mod server;
mod shm;
#[cfg(feature = "loom")]
#[path = "../../src/ffi/slots.rs"]
mod slots;
mod sync;
mod sys;

#[cfg(feature = "loom")]
pub mod exhaustive;
#[cfg(feature = "shuttle")]
pub mod random;

pub use error::{Error, ErrorKind, Result};
