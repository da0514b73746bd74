//! Memory that several processes see.
//!
//! Only offsets and indices are shared, never pointers. Geometry is validated once and kept in
//! private memory. Shared words are reached through atomics, shared bytes through raw pointers: no
//! other Rust reference is formed over memory that a peer can write. [SEC-07]
#![allow(unsafe_code, reason = "access to mapped memory")]

pub(crate) mod area;
pub(crate) mod control;
pub(crate) mod layout;
pub(crate) mod text;
