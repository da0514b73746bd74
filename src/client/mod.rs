//! The client end: the side that plays the storage device.
//!
//! A backup program creates a [`Set`], starts the server's statement, waits for the configuration,
//! opens the [`Device`]s and works on their [`Command`]s until each device is closed.

mod areas;
mod command;
mod device;
mod device_state;
mod guests;
mod handles;
mod inner;
mod primary;
mod progress;
mod secondary;
mod set;

#[cfg(test)]
mod support;

pub use command::Command;
pub use device::Device;
pub use set::{CreateOptions, Set};
