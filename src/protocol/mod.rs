//! The rules of the interface: pure, without input or output, without a clock.

pub mod codes;
pub(crate) mod command;
pub(crate) mod config;
pub(crate) mod message;
pub(crate) mod name;
pub(crate) mod names;
mod result;
pub(crate) mod state;
