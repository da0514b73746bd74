//! The alphabet: every call that a participant can make, legal or not.

use crate::binding::VdConfig;

/// Participants of the client side; 0 is the primary.
pub(crate) const CLIENTS: usize = 3;
/// Most devices that a created set has; the tests of larger sets are elsewhere.
pub(crate) const DEVICES: usize = 3;
/// Device names: 0 is the name of the set, and the last one is malformed.
pub(crate) const NAMES: usize = 6;
pub(crate) const MALFORMED: usize = NAMES - 1;

/// One call. Commands, buffers and handles are named by what they are at that moment, so that a
/// sequence still means something when calls are taken out of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    Create(VdConfig),
    OpenInSecondary {
        client: usize,
    },
    GetConfiguration {
        client: usize,
    },
    OpenDevice {
        client: usize,
        name: usize,
    },
    GetCommand {
        client: usize,
        device: usize,
    },
    CompleteCommand {
        client: usize,
        device: usize,
        which: Which,
        end: End,
    },
    /// A completion and an abort, without waiting for the callback in between. (AMB-50)
    CompleteAndAbort {
        client: usize,
        device: usize,
        end: End,
    },
    GetBufferHandle {
        client: usize,
        device: usize,
        which: Which,
    },
    MapBufferHandle {
        client: usize,
        handle: usize,
    },
    SignalAbort {
        client: usize,
    },
    AbortReason {
        client: usize,
    },
    Close {
        client: usize,
    },
    Server(ServerCall),
}

/// The calls of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ServerCall {
    Open,
    GetConfiguration,
    BeginConfiguration {
        features: u32,
        block: u32,
        alignment: u32,
        transfer: u32,
    },
    RequestBuffers {
        size: u32,
        alignment: u32,
        count: u32,
    },
    QueryAvailableBuffers {
        size: u32,
        alignment: u32,
    },
    EndConfiguration,
    ExecuteCompletionAgent,
    OpenDevice {
        name: usize,
    },
    AllocateBuffer {
        size: u32,
        alignment: u32,
    },
    FreeBuffer {
        nth: usize,
        off: i32,
    },
    IsSharedBuffer {
        nth: usize,
        off: i32,
    },
    SendCommand {
        device: usize,
        what: Sent,
        times: usize,
    },
    CloseDevice {
        device: usize,
    },
    SignalAbort,
    AbortReason,
    Close,
}

/// A command of the client's device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Which {
    /// The n-th of those that were fetched and not completed, counted round.
    Active(usize),
    /// One that was completed.
    Completed,
    /// None at all.
    Null,
}

/// What the client says about a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) code: i32,
    pub(crate) bytes: u32,
    pub(crate) position: i64,
}

/// What the server sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) code: i32,
    pub(crate) size: i32,
    /// The n-th allocated buffer that is not in use, counted round.
    pub(crate) buffer: Option<usize>,
    /// What its routine does when it ends with success.
    pub(crate) then: Then,
}

/// What a completion routine does. (SSET-AGENT-10)
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Then {
    Return,
    SendAgain,
    CloseDevice,
    SignalAbort,
}
