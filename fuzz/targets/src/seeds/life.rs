//! The steps of which the lives of sets consist.

use crate::program::call;

/// A step, and the bytes that it takes; zeros mean what a careful program does.
pub(super) type Step<'a> = (u8, &'a [u8]);

pub(super) const CREATE: Step<'_> = (call::CREATE, &[0; 11]);
pub(super) const CREATE_TWO: Step<'_> = (call::CREATE, &[0, 0, 3, 3, 1, 1, 0, 0, 0, 0, 0]);
pub(super) const OPEN: Step<'_> = (call::SERVER_OPEN, &[0; 3]);
pub(super) const BEGIN: Step<'_> = (call::BEGIN_CONFIGURATION, &[0; 7]);
pub(super) const REQUEST: Step<'_> = (call::REQUEST_BUFFERS, &[0, 1, 0, 1]);
pub(super) const END: Step<'_> = (call::END_CONFIGURATION, &[0]);
pub(super) const AGENT: Step<'_> = (call::EXECUTE_COMPLETION_AGENT, &[0, 0]);
pub(super) const SERVER_DEVICE: Step<'_> = (call::SERVER_OPEN_DEVICE, &[0, 0, 0]);
pub(super) const ALLOCATE: Step<'_> = (call::ALLOCATE_BUFFER, &[0, 1, 0, 0]);
pub(super) const CONFIGURATION: Step<'_> = (call::GET_CONFIGURATION, &[0, 2, 0]);
pub(super) const DEVICE: Step<'_> = (call::OPEN_DEVICE, &[0, 0, 0]);
pub(super) const WRITE: Step<'_> = (call::SEND_COMMAND, &[0, 0, 0, 2, 0, 0, 0, 0]);
pub(super) const FLUSH: Step<'_> = (call::SEND_COMMAND, &[0, 0, 3, 0, 0xff, 0, 0, 0]);
pub(super) const CLEAR_ERROR: Step<'_> = (call::SEND_COMMAND, &[0, 0, 2, 0, 0xff, 0, 0, 0]);
pub(super) const GET: Step<'_> = (call::GET_COMMAND, &[0, 2, 0]);
pub(super) const COMPLETE: Step<'_> = (call::COMPLETE_COMMAND, &[0, 0, 0, 2, 0]);
pub(super) const FAIL: Step<'_> = (call::COMPLETE_COMMAND, &[0, 0, 2, 0, 0]);
pub(super) const SECONDARY: Step<'_> = (call::OPEN_IN_SECONDARY, &[0, 0, 0]);
pub(super) const HANDLE: Step<'_> = (call::GET_BUFFER_HANDLE, &[0, 0, 0]);
pub(super) const MAP: Step<'_> = (call::MAP_BUFFER_HANDLE, &[1, 0, 0]);
pub(super) const REASON: Step<'_> = (call::ABORT_REASON, &[0, 0, 0, 0]);
pub(super) const SERVER_REASON: Step<'_> = (call::SERVER_ABORT_REASON, &[0, 0, 0, 0]);
pub(super) const CLOSE_DEVICE: Step<'_> = (call::CLOSE_DEVICE, &[0]);
pub(super) const CLOSE: Step<'_> = (call::CLOSE, &[0]);
pub(super) const SERVER_CLOSE: Step<'_> = (call::SERVER_CLOSE, &[0]);

pub(super) const CONFIGURED: [Step<'_>; 6] = [CREATE, OPEN, BEGIN, REQUEST, END, CONFIGURATION];
pub(super) const READY: [Step<'_>; 4] = [SERVER_DEVICE, DEVICE, ALLOCATE, AGENT];

/// The bytes of some steps.
pub(super) fn bytes(parts: &[&[Step<'_>]]) -> Vec<u8> {
    let steps = parts.iter().flat_map(|part| part.iter());
    steps.fold(Vec::new(), |mut bytes, (number, arguments)| {
        bytes.push(*number);
        bytes.extend(*arguments);
        bytes
    })
}

/// As [`Step`] for what a peer does.
pub(super) fn by_peer(number: u8, arguments: &[u8]) -> Step<'_> {
    (call::COUNT + number, arguments)
}
