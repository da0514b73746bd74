//! The calls of the C interface, by number.

pub(crate) const CREATE: u8 = 0;
pub(crate) const OPEN_IN_SECONDARY: u8 = 1;
pub(crate) const GET_CONFIGURATION: u8 = 2;
pub(crate) const OPEN_DEVICE: u8 = 3;
pub(crate) const GET_COMMAND: u8 = 4;
pub(crate) const COMPLETE_COMMAND: u8 = 5;
pub(crate) const GET_BUFFER_HANDLE: u8 = 6;
pub(crate) const MAP_BUFFER_HANDLE: u8 = 7;
pub(crate) const SIGNAL_ABORT: u8 = 8;
pub(crate) const ABORT_REASON: u8 = 9;
pub(crate) const LOST_SECONDARIES: u8 = 10;
pub(crate) const CLOSE: u8 = 11;
pub(crate) const SERVER_OPEN: u8 = 12;
pub(crate) const SERVER_GET_CONFIGURATION: u8 = 13;
pub(crate) const BEGIN_CONFIGURATION: u8 = 14;
pub(crate) const REQUEST_BUFFERS: u8 = 15;
pub(crate) const QUERY_AVAILABLE_BUFFERS: u8 = 16;
pub(crate) const END_CONFIGURATION: u8 = 17;
pub(crate) const EXECUTE_COMPLETION_AGENT: u8 = 18;
pub(crate) const SERVER_OPEN_DEVICE: u8 = 19;
pub(crate) const ALLOCATE_BUFFER: u8 = 20;
pub(crate) const FREE_BUFFER: u8 = 21;
pub(crate) const IS_SHARED_BUFFER: u8 = 22;
pub(crate) const SEND_COMMAND: u8 = 23;
pub(crate) const CLOSE_DEVICE: u8 = 24;
pub(crate) const SERVER_SIGNAL_ABORT: u8 = 25;
pub(crate) const SERVER_ABORT_REASON: u8 = 26;
pub(crate) const SERVER_CLOSE: u8 = 27;
pub(crate) const NAMES: u8 = 28;

/// How many there are.
pub(crate) const COUNT: u8 = 29;
