//! The library's server, and scenes that begin inside it.

#[path = "../../../src/server/agent.rs"]
mod agent;
#[path = "../../../src/server/device.rs"]
mod device;
#[path = "../../../src/server/host.rs"]
mod host;
#[path = "../../../src/server/inner.rs"]
mod inner;
#[path = "../../../src/server/pool.rs"]
mod pool;
#[path = "../../../src/server/primary.rs"]
mod primary;
#[path = "../../../src/server/set.rs"]
mod set;

pub(crate) mod scene;

pub(crate) use device::{Callback, Device, Request};
pub(crate) use set::Set;
