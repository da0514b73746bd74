//! Writes a stream to a device, and to its next medium where one is full.

use std::collections::VecDeque;
use std::io::{self, Write};

use vdi::Buffer;
use vdi::codes::*;

use super::{Channel, Pending};
use crate::exit::{Exit, Failure};

/// Collects what is written in a shared buffer and sends it as Writes, several at a time.
pub(crate) struct Writer {
    channel: Channel,
    /// The buffer being filled, and how far.
    filling: Option<(Buffer, usize)>,
    /// Writes under way, oldest first.
    writes: VecDeque<Transfer>,
    /// Bytes of the medium before the next Write, and before the first one.
    position: i64,
    start: i64,
    /// The medium takes no more; the next Write needs another one.
    full: bool,
}

/// A Write under way.
struct Transfer {
    pending: Pending,
    buffer: Buffer,
    size: u32,
}

impl Writer {
    /// Begins at the place where the medium is, `position` bytes from its beginning on a disk.
    pub(crate) fn new(channel: Channel, position: i64) -> Self {
        Self {
            channel,
            filling: None,
            writes: VecDeque::new(),
            position,
            start: position,
            full: false,
        }
    }

    /// The device.
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Waits for all Writes.
    pub(crate) fn drain(&mut self) -> Result<(), Failure> {
        while !self.writes.is_empty() {
            self.await_oldest()?;
        }
        Ok(())
    }

    /// Writes a filemark, where the client has them. The warning that the medium is nearly full
    /// may come with it.
    pub(crate) fn mark(&mut self) -> Result<(), Failure> {
        if !self.channel.has(VDF_FileMarks) {
            return Ok(());
        }
        self.drain()?;
        match self.channel.send(VDC_WriteMark).wait().code {
            ERROR_SUCCESS => Ok(()),
            ERROR_END_OF_MEDIA if self.channel.has(VDF_Removable) => {
                self.full = true;
                self.channel.clear_error()
            }
            code => Err(self.channel.failure(VDC_WriteMark, code)),
        }
    }

    /// A buffer that is not in use, and how far it is filled; waits for the oldest Write if needed.
    fn take(&mut self) -> Result<(Buffer, usize), Failure> {
        if let Some(filling) = self.filling.take() {
            return Ok(filling);
        }
        // The end of a medium keeps all buffers busy with what the next one is to take.
        while self.channel.buffers.is_empty() && !self.writes.is_empty() {
            self.await_oldest()?;
        }
        match self.channel.buffers.pop() {
            Some(buffer) => Ok((buffer, 0)),
            None => Err(io::Error::other("a device has no buffers").into()),
        }
    }

    /// Waits for the oldest Write and gets its buffer back.
    fn await_oldest(&mut self) -> Result<(), Failure> {
        let Some(oldest) = self.writes.pop_front() else {
            return Ok(());
        };
        let completion = oldest.pending.wait();
        match completion.code {
            ERROR_SUCCESS if completion.bytes == oldest.size => {}
            ERROR_SUCCESS => {
                let (bytes, size) = (completion.bytes, oldest.size);
                return Err(self.channel.short(VDC_Write, bytes, size));
            }
            ERROR_END_OF_MEDIA if self.channel.has(VDF_Removable) => {
                return self.end_of_medium(oldest.buffer, oldest.size, completion.bytes);
            }
            code => return Err(self.channel.failure(VDC_Write, code)),
        }
        self.channel.buffers.push(oldest.buffer);
        Ok(())
    }

    /// Sends a buffer; first the next medium if this one is full.
    fn send(&mut self, buffer: Buffer, size: usize) -> Result<(), Failure> {
        self.respect_warning_zone(size)?;
        if self.full {
            self.change_medium()?;
        }
        self.send_now(buffer, size as u32);
        Ok(())
    }

    fn send_now(&mut self, buffer: Buffer, size: u32) {
        let pending = self
            .channel
            .transfer(VDC_Write, &buffer, size, self.position);
        self.position += i64::from(size);
        self.writes.push_back(Transfer {
            pending,
            buffer,
            size,
        });
    }

    /// Has no more data under way than fits behind the warning that a medium ends (EOM-06).
    fn respect_warning_zone(&mut self, size: usize) -> Result<(), Failure> {
        let zone = self.channel.configuration.eom_warning_size as usize;
        if zone == 0 || !self.channel.has(VDF_Removable) {
            return Ok(());
        }
        let under_way = |writes: &VecDeque<Transfer>| -> usize {
            writes.iter().map(|write| write.size as usize).sum()
        };
        while !self.writes.is_empty() && under_way(&self.writes) + size > zone {
            self.await_oldest()?;
        }
        Ok(())
    }

    /// The medium ended in a Write of which it stored `stored` bytes: what it did not store goes
    /// to the next one (EOM-04, EOM-05, AMB-34).
    fn end_of_medium(&mut self, buffer: Buffer, size: u32, stored: u32) -> Result<(), Failure> {
        let mut all = vec![(buffer, size, stored)];
        for write in std::mem::take(&mut self.writes) {
            let completion = write.pending.wait();
            let stored = match completion.code {
                ERROR_SUCCESS | ERROR_END_OF_MEDIA => completion.bytes,
                // It was discarded behind the error (ERR-03).
                ERROR_IO_DEVICE => 0,
                code => return Err(self.channel.failure(VDC_Write, code)),
            };
            all.push((write.buffer, write.size, stored));
        }
        self.channel.clear_error()?;
        self.full = true;
        let (whole, rest): (Vec<_>, Vec<_>) = {
            let first = all.iter().position(|(_, size, stored)| stored < size);
            let rest = all.split_off(first.unwrap_or(all.len()));
            (all, rest)
        };
        self.position -= rest
            .iter()
            .map(|(_, size, stored)| i64::from(size - stored))
            .sum::<i64>();
        self.channel
            .buffers
            .extend(whole.into_iter().map(|(buffer, ..)| buffer));
        if rest.is_empty() {
            return Ok(());
        }
        if rest.iter().skip(1).any(|(.., stored)| *stored > 0) {
            let message = "the agent stored data behind a gap";
            return Err(Failure::new(Exit::Engine, message).at_device(self.channel.number));
        }
        // What begins on a medium shows there, so that all media can be found in their order.
        if self.position == self.start {
            return Err(self.channel.failure(VDC_Write, ERROR_END_OF_MEDIA));
        }
        self.change_medium()?;
        for (buffer, size, stored) in rest {
            self.move_rest(&buffer, size, stored)?;
            self.send_now(buffer, size - stored);
        }
        Ok(())
    }

    /// Moves the part of a buffer that was not stored to its beginning.
    fn move_rest(&self, buffer: &Buffer, size: u32, stored: u32) -> Result<(), Failure> {
        if stored == 0 {
            return Ok(());
        }
        // Every transfer is whole blocks (BUF-20).
        if stored % self.channel.configuration.block_size != 0 {
            return Err(self.channel.short(VDC_Write, stored, size));
        }
        let mut rest = vec![0; (size - stored) as usize];
        buffer
            .read(stored as usize, &mut rest)
            .and_then(|()| buffer.write(0, &rest))
            .map_err(|error| Failure::link("cannot move data in a buffer", &error))
    }

    /// Secures the full medium and has the next one put in.
    fn change_medium(&mut self) -> Result<(), Failure> {
        self.drain()?;
        self.channel.order(VDC_Flush)?;
        self.channel.order(VDC_Load)?;
        (self.position, self.start) = (0, 0);
        self.full = false;
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (buffer, filled) = self.take()?;
        let part = bytes.len().min(buffer.len() - filled);
        buffer
            .write(filled, &bytes[..part])
            .map_err(|error| Failure::link("cannot fill a buffer", &error))?;
        if filled + part == buffer.len() {
            self.send(buffer, filled + part)?;
        } else {
            self.filling = Some((buffer, filled + part));
        }
        Ok(part)
    }

    /// Sends what there is. Records are whole blocks, so every Write is one too (BUF-20).
    fn flush(&mut self) -> io::Result<()> {
        if let Some((buffer, filled)) = self.filling.take() {
            self.send(buffer, filled)?;
        }
        Ok(())
    }
}
