//! The states of a set and of a device, and which call is allowed in which state.
//!
//! Sections 10.2 and 10.3 of the specification as two tables; section 24 settles the cells in
//! which the sources disagree. The code asks these tables for every call on an open set.
//!
//! Some cells cannot occur, because a device handle exists only after the configuration: GetCommand,
//! CompleteCommand, SendCommand and CloseDevice before Active. They say what the published tables
//! say. What a first call of the agent after the end gets is decided by the agent. [AMB-08] A handle
//! of no set never comes here: the lookup of handles answers for "does not exist".
//!
//! Four calls have no row. Create asks whether the name is free. Close and IsSharedBuffer are
//! allowed in every state; their results depend on devices and buffers. A call that opens makes a
//! new handle, so there is no Open or OpenInSecondary on something that is open already.

use crate::error::{Error, ErrorKind, Result};

/// The phase of a set, shared by all participants. [ST-40]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Phase {
    /// The client has created it.
    Created = 1,
    /// A server has opened it.
    Connected = 2,
    /// The server has begun the configuration.
    Configurable = 3,
    /// The server has ended the configuration.
    Configured = 4,
    /// The server has closed all devices.
    Terminated = 5,
    /// Aborted; never left. [ST-41]
    Aborted = 6,
}

impl Phase {
    /// The phase behind a shared word; `None` for a value that is none.
    pub(crate) fn from_word(word: u32) -> Option<Self> {
        Some(match word {
            1 => Self::Created,
            2 => Self::Connected,
            3 => Self::Configurable,
            4 => Self::Configured,
            5 => Self::Terminated,
            6 => Self::Aborted,
            _ => return None,
        })
    }

    /// Whether a server has opened the set, and is not done with it.
    pub(crate) fn is_served(self) -> bool {
        matches!(
            self,
            Self::Connected | Self::Configurable | Self::Configured
        )
    }
}

/// What the server has done with a device, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum ServerDevice {
    /// Not opened yet.
    Unopened = 0,
    /// Opened; commands may come.
    Open = 1,
    /// Closed; what is queued is still to be done. [AMB-17]
    Closed = 2,
}

impl ServerDevice {
    /// The state behind a shared word; `None` for a value that is none.
    pub(crate) fn from_word(word: u32) -> Option<Self> {
        Some(match word {
            0 => Self::Unopened,
            1 => Self::Open,
            2 => Self::Closed,
            _ => return None,
        })
    }
}

/// The state of a set as a client sees it: the columns of 10.2 without "does not exist", which the
/// lookup of the handle answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientState {
    /// Created, Connected or Configurable. [ST-01]
    Configurable,
    /// Configured; this process has opened no device.
    Initializing,
    /// Configured; this process has opened a device.
    Active,
    /// All devices are closed.
    Terminated,
    /// Aborted.
    Abort,
}

/// The rows of 10.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientCall {
    OpenInSecondary,
    GetConfiguration,
    OpenDevice,
    GetCommand,
    CompleteCommand,
    BufferHandle,
    SignalAbort,
}

/// The columns of 10.3 without "does not exist".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerState {
    Connected,
    Configurable,
    Initializing,
    Active,
    Terminated,
    Abort,
}

impl ServerState {
    /// Whether nothing more is expected of the clients.
    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Terminated | Self::Abort)
    }
}

/// The rows of 10.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerCall {
    GetConfiguration,
    BeginConfiguration,
    RequestBuffers,
    QueryAvailableBuffers,
    EndConfiguration,
    OpenDevice,
    ExecuteCompletionAgent,
    AllocateBuffer,
    FreeBuffer,
    SendCommand,
    CloseDevice,
    SignalAbort,
}

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// The call is allowed; its own rules decide.
    Go,
    /// The call waits for another state.
    Wait,
    /// The call is refused.
    No(ErrorKind),
}

const GO: Cell = Cell::Go;
const WAIT: Cell = Cell::Wait;
const PROTOCOL: Cell = Cell::No(ErrorKind::Protocol);
const INVALID: Cell = Cell::No(ErrorKind::Invalid);
const ABORT: Cell = Cell::No(ErrorKind::Abort);
const CLOSE: Cell = Cell::No(ErrorKind::Close);
const BUSY: Cell = Cell::No(ErrorKind::Busy);

/// Section 10.2. Columns: Configurable, Initializing, Active, Terminated, Abort.
#[rustfmt::skip]
const CLIENT: [(ClientCall, [Cell; 5]); 7] = [
    (ClientCall::OpenInSecondary,  [PROTOCOL, GO,       GO, PROTOCOL, ABORT]),
    (ClientCall::GetConfiguration, [WAIT,     GO,       GO, GO,       ABORT]),
    (ClientCall::OpenDevice,       [PROTOCOL, GO,       GO, PROTOCOL, ABORT]), // AMB-03, AMB-48
    (ClientCall::GetCommand,       [PROTOCOL, PROTOCOL, GO, PROTOCOL, ABORT]),
    (ClientCall::CompleteCommand,  [PROTOCOL, PROTOCOL, GO, PROTOCOL, ABORT]),
    (ClientCall::BufferHandle,     [INVALID,  GO,       GO, GO,       GO]),    // AMB-06
    (ClientCall::SignalAbort,      [GO,       GO,       GO, GO,       GO]),
];

/// Section 10.3. Columns: Connected, Configurable, Initializing, Active, Terminated, Abort.
#[rustfmt::skip]
const SERVER: [(ServerCall, [Cell; 6]); 12] = [
    (ServerCall::GetConfiguration,       [GO,       GO,       GO,       GO,       GO,       ABORT]),
    (ServerCall::BeginConfiguration,     [GO,       PROTOCOL, PROTOCOL, PROTOCOL, PROTOCOL, ABORT]), // AMB-07
    (ServerCall::RequestBuffers,         [PROTOCOL, GO,       GO,       GO,       PROTOCOL, ABORT]),
    (ServerCall::QueryAvailableBuffers,  [PROTOCOL, GO,       GO,       GO,       PROTOCOL, ABORT]),
    (ServerCall::EndConfiguration,       [PROTOCOL, GO,       PROTOCOL, PROTOCOL, PROTOCOL, ABORT]),
    (ServerCall::OpenDevice,             [PROTOCOL, PROTOCOL, GO,       GO,       PROTOCOL, ABORT]),
    (ServerCall::ExecuteCompletionAgent, [PROTOCOL, PROTOCOL, GO,       GO,       PROTOCOL, ABORT]), // AMB-08
    (ServerCall::AllocateBuffer,         [PROTOCOL, PROTOCOL, GO,       GO,       PROTOCOL, ABORT]),
    (ServerCall::FreeBuffer,             [PROTOCOL, PROTOCOL, GO,       GO,       GO,       GO]),
    (ServerCall::SendCommand,            [PROTOCOL, PROTOCOL, PROTOCOL, GO,       PROTOCOL, ABORT]),
    (ServerCall::CloseDevice,            [PROTOCOL, PROTOCOL, PROTOCOL, GO,       CLOSE,    ABORT]),
    (ServerCall::SignalAbort,            [GO,       GO,       GO,       GO,       GO,       GO]),
];

/// A server that wants to open a set that has none. Columns: the phases, from Created to Aborted.
const SERVER_OPEN: [Cell; 6] = [GO, BUSY, BUSY, BUSY, INVALID, ABORT];

/// What the client table says.
pub(crate) fn client_cell(call: ClientCall, state: ClientState) -> Cell {
    CLIENT[call as usize].1[state as usize]
}

/// What the server table says.
pub(crate) fn server_cell(call: ServerCall, state: ServerState) -> Cell {
    SERVER[call as usize].1[state as usize]
}

/// Lets a client call pass or refuses it; a cell that waits passes.
pub(crate) fn client(call: ClientCall, state: ClientState) -> Result<()> {
    judge(client_cell(call, state), state.refusal())
}

/// Lets a server call pass or refuses it.
pub(crate) fn server(call: ServerCall, state: ServerState) -> Result<()> {
    judge(server_cell(call, state), state.refusal())
}

/// Lets a server in or refuses it. [AMB-27]
pub(crate) fn server_open(phase: Phase, has_server: bool) -> Result<()> {
    let cell = match SERVER_OPEN[phase as usize - 1] {
        ABORT => ABORT,
        _ if has_server => BUSY,
        cell => cell,
    };
    match cell {
        BUSY => {
            let text = "another server has opened the set";
            Err(Error::new(ErrorKind::Busy, text))
        }
        INVALID => Err(Error::new(ErrorKind::Invalid, "the set has ended")),
        cell => judge(
            cell,
            "not allowed while another server wants to open the set",
        ),
    }
}

fn judge(cell: Cell, refusal: &'static str) -> Result<()> {
    match cell {
        Cell::Go | Cell::Wait => Ok(()),
        Cell::No(ErrorKind::Abort) => Err(aborted()),
        Cell::No(kind @ ErrorKind::Close) => Err(Error::new(kind, "the device is closed")),
        Cell::No(kind) => Err(Error::new(kind, refusal)),
    }
}

/// The error of every call that an abort ends.
pub(crate) fn aborted() -> Error {
    Error::new(ErrorKind::Abort, "the set is aborted")
}

/// The error of every call on something that is not open in this process.
pub(crate) fn not_open() -> Error {
    Error::new(
        ErrorKind::Protocol,
        "the handle is not open in this process",
    )
}

impl ClientState {
    /// Why a call is refused. All texts are there already: there may be no memory for another one.
    fn refusal(self) -> &'static str {
        match self {
            Self::Configurable => "not allowed while the server has not configured the set",
            Self::Initializing => "not allowed while no device is open",
            Self::Active => "not allowed while devices are open",
            Self::Terminated => "not allowed while all devices are closed",
            Self::Abort => "not allowed while the set is aborted",
        }
    }
}

impl ServerState {
    /// As for clients.
    fn refusal(self) -> &'static str {
        match self {
            Self::Connected => "not allowed while the configuration has not begun",
            Self::Configurable => "not allowed while the configuration has not ended",
            Self::Initializing => "not allowed while no device is open",
            Self::Active => "not allowed while devices are open or the configuration has ended",
            Self::Terminated => "not allowed while all devices are closed",
            Self::Abort => "not allowed while the set is aborted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_own_index() {
        for (index, (call, _)) in CLIENT.iter().enumerate() {
            assert_eq!(*call as usize, index);
        }
        for (index, (call, _)) in SERVER.iter().enumerate() {
            assert_eq!(*call as usize, index);
        }
    }

    #[test]
    fn words_and_phases_correspond() {
        use {Phase::*, ServerDevice::*};
        let phases = [
            Created,
            Connected,
            Configurable,
            Configured,
            Terminated,
            Aborted,
        ];
        for (phase, word) in phases.into_iter().zip(1..) {
            assert_eq!(Phase::from_word(word), Some(phase));
            assert_eq!(phase as u32, word);
        }
        for (state, word) in [Unopened, Open, Closed].into_iter().zip(0..) {
            assert_eq!(ServerDevice::from_word(word), Some(state));
            assert_eq!(state as u32, word);
        }
        assert_eq!(ServerDevice::from_word(3), None);
        assert_eq!(Phase::from_word(0), None);
        assert_eq!(Phase::from_word(7), None);
    }
}
