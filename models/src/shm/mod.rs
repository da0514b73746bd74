//! Shared memory on the heap: the words of the library's layout, with as few bytes as will do.

pub(crate) mod area;
pub(crate) mod control;
pub(crate) mod layout;
mod registry;
#[path = "../../../src/shm/text.rs"]
mod text;
