//! Where a client's device is in its rings, and which commands are in progress.

use crate::error::{Error, ErrorKind, Result};
use crate::participant::table::by_slot;
use crate::protocol::command::{CommandMessage, Completion, moves_data};
use crate::shm::area::Buffer;

/// Positions in the rings, and the commands in progress.
pub(super) struct Progress {
    /// Commands taken from the ring.
    pub(super) taken: u32,
    /// Commands that are known to be in the ring.
    pub(super) known: u32,
    /// Completions put into the ring.
    pub(super) completed: u32,
    /// By slot: the commands that were delivered and not completed.
    pub(super) active: Vec<Option<Active>>,
    pub(super) active_count: usize,
    /// By slot: how many commands it has held, for the tags of buffer handles.
    pub(super) uses: Vec<u32>,
    /// The IO-ERROR state. [ERR-01]
    pub(super) failed: bool,
    /// A ClearError that waits until all active commands are completed. [ERR-05]
    pub(super) held: Option<CommandMessage>,
    /// VD_E_CLOSE was returned. [AMB-39]
    pub(super) closed: bool,
}

pub(super) struct Active {
    pub(super) code: i32,
    pub(super) size: u32,
    pub(super) buffer: Option<Buffer>,
    pub(super) has_handle: bool,
    /// It was in progress when the device entered the IO-ERROR state.
    pub(super) is_old: bool,
}

impl Progress {
    pub(super) fn new(capacity: u32) -> Result<Self> {
        Ok(Self {
            taken: 0,
            known: 0,
            completed: 0,
            active: by_slot(capacity, |_| None)?,
            active_count: 0,
            uses: by_slot(capacity, |_| 0)?,
            failed: false,
            held: None,
            closed: false,
        })
    }

    /// Whether a command is not completed yet that was in progress when an error came. [ERR-05]
    pub(super) fn has_old(&self) -> bool {
        self.active.iter().flatten().any(|active| active.is_old)
    }

    /// Removes an active command, if the completion is acceptable. [CDEV-COMPLETE-07, AMB-34]
    pub(super) fn finish(&mut self, slot: u32, completion: &Completion) -> Result<Active> {
        let index = slot as usize;
        let unknown = || {
            let text = "command is not an active command of this device";
            Error::new(ErrorKind::Invalid, text)
        };
        let place = self.active.get_mut(index).ok_or_else(unknown)?;
        if let Some(active) = place {
            if moves_data(active.code) && completion.bytes > active.size {
                let text = "bytes_transferred is more than the command asked for";
                return Err(Error::new(ErrorKind::Invalid, text));
            }
        }
        let active = place.take().ok_or_else(unknown)?;
        self.active_count -= 1;
        self.uses[index] = self.uses[index].wrapping_add(1);
        Ok(active)
    }
}
