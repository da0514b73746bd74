//! The client's device: fetching commands and completing them.

use super::command::Command;
use super::device_state::DeviceState;
use crate::error::Result;
use crate::participant::{self, AbortReason};
use crate::protocol::command::Completion;
use crate::protocol::name::Name;
use crate::sync::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// A device that this process opened. Belongs to its set and ends with it.
pub struct Device {
    state: Arc<DeviceState>,
    name: Name,
}

impl Device {
    pub(super) fn new(state: Arc<DeviceState>, name: Name) -> Self {
        Self { state, name }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The name of its set.
    #[must_use]
    pub fn set_name(&self) -> &Name {
        &self.state.set.name
    }

    /// Why its set is aborted; `None` if it is not.
    ///
    /// # Errors
    ///
    /// `Protocol` if the set is not open.
    pub fn abort_reason(&self) -> Result<Option<AbortReason>> {
        self.state.set.abort_reason()
    }

    /// Fetches the next command; `None` waits for ever. [CDEV-GETCMD-01]
    ///
    /// # Errors
    ///
    /// `Timeout`; `Close` at the normal end; `Abort`; `Busy` if another thread waits here;
    /// `Protocol` if the device is not open any more.
    pub fn get_command(&self, timeout: Option<Duration>) -> Result<Command> {
        let device = &*self.state;
        let participant = &device.set.participant;
        let _turn = match Turn::take(&device.receiving) {
            Some(turn) => turn,
            None => return Err(device.occupied()),
        };
        let deadline = participant::deadline(timeout);
        let bell = participant.device_bell(device.index);
        participant.wait(bell, &device.patience, deadline, || device.next())
    }

    /// Tells the server how a command ended. [CDEV-COMPLETE-01]
    ///
    /// # Errors
    ///
    /// `Invalid` if the command is not active or more bytes are reported than were asked for;
    /// `Abort`; `Protocol` if the device is not open.
    pub fn complete(&self, command: &Command, completion: Completion) -> Result<()> {
        self.complete_slot(command.slot, completion)
    }

    /// As [`Device::complete`], for the command in a slot.
    pub(crate) fn complete_slot(&self, slot: u32, completion: Completion) -> Result<()> {
        self.state.complete(slot, completion)
    }

    /// Aborts the set after a panic inside one of its calls.
    pub(crate) fn poison(&self) {
        self.state.set.participant.poison();
    }
}

/// The right of one thread to be in GetCommand. [AMB-31]
struct Turn<'a>(&'a AtomicBool);

impl<'a> Turn<'a> {
    fn take(receiving: &'a AtomicBool) -> Option<Self> {
        (!receiving.swap(true, Ordering::AcqRel)).then(|| Self(receiving))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::super::support::{configured, name};
    use super::*;
    use crate::error::ErrorKind;
    use crate::protocol::codes::{ERROR_DISK_FULL, VDC_Flush};
    use crate::protocol::command::{CommandMessage, CompletionMessage};

    /// [CDEV-COMPLETE-01]
    #[test]
    fn a_completion_goes_to_the_server() {
        let set = configured();
        let device = Device::new(set.take_device(0, &name()).unwrap(), name());
        let message = CommandMessage {
            ticket: 5,
            code: VDC_Flush,
            size: 0,
            position: 0,
            place: None,
        };
        let commands = set.participant.command_ring(0);
        commands.write(0, message.encode());
        commands.publish(1);
        let command = device.get_command(None).unwrap();
        let completion = Completion::automatic(ERROR_DISK_FULL);
        device.complete(&command, completion).unwrap();
        let completions = set.participant.completion_ring(0);
        assert_eq!(completions.ready(0), Ok(1));
        let sent = CompletionMessage::decode(completions.read(0));
        assert_eq!(
            sent,
            CompletionMessage {
                ticket: 5,
                completion
            }
        );
        let again = device.complete(&command, completion).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Invalid);
    }

    /// What the server has told of is taken before its word is looked at again, and found impossible.
    /// [SEC-07]
    #[test]
    fn commands_that_are_known_come_whatever_the_server_says_later() {
        let set = configured();
        let device = Device::new(set.take_device(0, &name()).unwrap(), name());
        let commands = set.participant.command_ring(0);
        for ticket in 0..2 {
            let message = CommandMessage {
                ticket,
                code: VDC_Flush,
                size: 0,
                position: 0,
                place: None,
            };
            commands.write(ticket, message.encode());
        }
        commands.publish(2);
        assert_eq!(device.get_command(None).unwrap().slot(), 0);
        commands.publish(u32::MAX);
        assert_eq!(device.get_command(None).unwrap().slot(), 1);
        let error = device.get_command(None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert!(set.participant.is_aborted());
    }
}
