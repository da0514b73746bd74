//! What a peer can do, by number.

pub(crate) const STORE: u8 = 0;
pub(crate) const STORE_ANYWHERE: u8 = 1;
pub(crate) const CONFIGURE: u8 = 2;
pub(crate) const NAME_DEVICES: u8 = 3;
pub(crate) const SEND_COMMAND: u8 = 4;
pub(crate) const SEND_COMPLETION: u8 = 5;
pub(crate) const GIVE_HANDLE: u8 = 6;
pub(crate) const MOVE_PHASE: u8 = 7;
pub(crate) const FLIP: u8 = 8;
pub(crate) const SEND_AREA: u8 = 9;
pub(crate) const SEND_PACKET: u8 = 10;
pub(crate) const CONNECT_AGAIN: u8 = 11;
pub(crate) const HANG_UP: u8 = 12;
pub(crate) const SHRINK: u8 = 13;

/// How many there are.
pub(crate) const COUNT: u8 = 14;
