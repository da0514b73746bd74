//! The library's client, and scenes that begin inside it.

#[path = "../../../src/client/areas.rs"]
mod areas;
#[path = "../../../src/client/command.rs"]
mod command;
#[path = "../../../src/client/device.rs"]
mod device;
#[path = "../../../src/client/device_state.rs"]
mod device_state;
#[path = "../../../src/client/guests.rs"]
mod guests;
#[path = "../../../src/client/handles.rs"]
mod handles;
#[path = "../../../src/client/inner.rs"]
mod inner;
#[path = "../../../src/client/primary.rs"]
mod primary;
#[path = "../../../src/client/progress.rs"]
mod progress;
#[path = "../../../src/client/secondary.rs"]
mod secondary;
#[path = "../../../src/client/set.rs"]
mod set;

pub(crate) mod scene;

pub(crate) use device::Device;
#[cfg(feature = "shuttle")]
pub(crate) use set::CreateOptions;
pub(crate) use set::Set;
