//! Private memory that is there before it is needed.
//!
//! A small allocation that fails ends a Rust program, and a database server must not be ended by a
//! library. So there is a look ahead: a call that may fail asks first whether there is room for all
//! that it allocates; for one that must not fail, some room is kept in reserve.

use std::hint::black_box;
use std::sync::Mutex;

/// Many times what any call allocates in small pieces. Not so much that the allocator would take it
/// from the kernel and give it back each time.
const ROOM: usize = 64 << 10;

/// Given up for a call that must not fail, and taken back when there is room again.
static RESERVE: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// Whether a call that allocates may begin. The first that does takes the reserve, too.
pub(crate) fn has_room() -> bool {
    // Held by nobody for long; in a forked child perhaps for ever.
    if let Ok(mut reserve) = RESERVE.try_lock() {
        if reserve.is_none() {
            *reserve = room();
        }
    }
    room().is_some()
}

/// Makes what room there is for a call that must not fail.
pub(crate) fn make_room() {
    if room().is_none() {
        if let Ok(mut reserve) = RESERVE.try_lock() {
            reserve.take();
        }
    }
}

fn room() -> Option<Vec<u8>> {
    let mut room = Vec::new();
    room.try_reserve_exact(ROOM).ok()?;
    // Otherwise the compiler leaves out what nobody uses.
    Some(black_box(room))
}
