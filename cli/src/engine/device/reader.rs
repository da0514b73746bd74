//! Reads a stream from a device, and from its next medium where one ends.

use std::collections::VecDeque;
use std::io::{self, Read};

use vdi::Buffer;
use vdi::codes::*;

use super::{Channel, Pending};
use crate::exit::Failure;

/// What a medium begins with, `size` bytes at most; then the device is at its beginning again. A
/// client that has nothing to read, or cannot, shows nothing.
pub(crate) fn look(mut channel: Channel, size: usize) -> Result<(Channel, Vec<u8>), Failure> {
    let Some(buffer) = channel.buffers.pop() else {
        return Ok((channel, Vec::new()));
    };
    let size = buffer.len().min(size) as u32;
    let completion = channel.transfer(VDC_Read, &buffer, size, 0).wait();
    let mut bytes = match completion.code {
        ERROR_SUCCESS | ERROR_HANDLE_EOF | ERROR_NO_DATA_DETECTED | ERROR_FILEMARK_DETECTED => {
            vec![0; completion.bytes as usize]
        }
        ERROR_NOT_SUPPORTED => Vec::new(),
        code => return Err(channel.failure(VDC_Read, code)),
    };
    if completion.code != ERROR_SUCCESS {
        channel.clear_error()?;
    }
    buffer.read(0, &mut bytes).map_err(unread)?;
    channel.buffers.push(buffer);
    channel.rewind()?;
    Ok((channel, bytes))
}

/// Sends Reads ahead, as many as there are buffers, and gives their bytes in order. The sizes have
/// nothing to do with those of the Writes at the backup (CMD-READ-07).
pub(crate) struct Reader {
    channel: Channel,
    /// Reads under way, oldest first.
    reads: VecDeque<Transfer>,
    /// The buffer being emptied: how far, and how full it was.
    emptying: Option<(Buffer, usize, usize)>,
    /// Bytes of the medium before the next Read.
    position: i64,
    /// How the data ended on this medium.
    end: Option<i32>,
    /// Whether anything came since the last end.
    moved: bool,
}

/// A Read under way.
struct Transfer {
    pending: Pending,
    buffer: Buffer,
    size: u32,
}

impl Reader {
    /// Begins at the place where the medium is.
    pub(crate) fn new(channel: Channel) -> Self {
        Self {
            channel,
            reads: VecDeque::new(),
            emptying: None,
            position: 0,
            end: None,
            moved: false,
        }
    }

    /// The device.
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The first bytes, `size` at most and in one Read; they are read again afterwards.
    pub(crate) fn peek(&mut self, size: usize) -> Result<Vec<u8>, Failure> {
        if self.emptying.is_none() {
            self.send(size);
            self.await_oldest()?;
        }
        let mut bytes = Vec::new();
        if let Some((buffer, at, end)) = &self.emptying {
            bytes.resize(end - at, 0);
            buffer.read(*at, &mut bytes).map_err(unread)?;
        }
        Ok(bytes)
    }

    /// Sends a Read of `size` bytes, if there is a buffer.
    fn send(&mut self, size: usize) -> bool {
        let Some(buffer) = self.channel.buffers.pop() else {
            return false;
        };
        let size = buffer.len().min(size) as u32;
        let pending = self
            .channel
            .transfer(VDC_Read, &buffer, size, self.position);
        self.position += i64::from(size);
        self.reads.push_back(Transfer {
            pending,
            buffer,
            size,
        });
        true
    }

    /// Waits for the oldest Read. Behind the one that met the end nothing is expected, but what
    /// was under way with it belongs to the stream if it did bring something (EOM-02).
    fn await_oldest(&mut self) -> Result<(), Failure> {
        let Some(oldest) = self.reads.pop_front() else {
            return Err(io::Error::other("a device has no buffers").into());
        };
        let completion = oldest.pending.wait();
        let (bytes, size) = (completion.bytes, oldest.size);
        match completion.code {
            ERROR_SUCCESS if bytes == size => {}
            ERROR_SUCCESS => return Err(self.channel.short(VDC_Read, bytes, size)),
            ERROR_HANDLE_EOF | ERROR_NO_DATA_DETECTED | ERROR_FILEMARK_DETECTED => {
                self.end.get_or_insert(completion.code);
            }
            // It was discarded behind the end (ERR-03).
            ERROR_IO_DEVICE if self.end.is_some() => {}
            code => return Err(self.channel.failure(VDC_Read, code)),
        }
        self.moved |= bytes > 0;
        self.emptying = Some((oldest.buffer, 0, bytes as usize));
        Ok(())
    }

    /// Waits for what was read ahead and is not wanted any more; the device takes any command then.
    pub(crate) fn settle(&mut self) -> Result<(), Failure> {
        while !self.reads.is_empty() {
            self.await_oldest()?;
            let emptied = self.emptying.take();
            self.channel
                .buffers
                .extend(emptied.map(|(buffer, ..)| buffer));
        }
        match self.end.take() {
            Some(_) => self.channel.clear_error(),
            None => Ok(()),
        }
    }

    /// Goes on behind an end: behind a filemark, or on the next medium. Whether there is more.
    /// Two ends with nothing in between are the end of all.
    fn pass_end(&mut self, end: i32) -> Result<bool, Failure> {
        if !std::mem::take(&mut self.moved) {
            return Ok(false);
        }
        if end == ERROR_FILEMARK_DETECTED {
            self.channel.clear_error()?;
        } else {
            if !self.channel.has(VDF_Removable) {
                return Ok(false);
            }
            self.channel.clear_error()?;
            match self.channel.send(VDC_Load).wait().code {
                ERROR_SUCCESS => self.position = 0,
                ERROR_NOT_SUPPORTED | ERROR_NO_MEDIA_IN_DRIVE => {
                    self.channel.clear_error()?;
                    return Ok(false);
                }
                code => return Err(self.channel.failure(VDC_Load, code)),
            }
        }
        self.end = None;
        Ok(true)
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some((buffer, at, end)) = self.emptying.take() {
                if at < end {
                    let part = into.len().min(end - at);
                    buffer.read(at, &mut into[..part]).map_err(unread)?;
                    self.emptying = Some((buffer, at + part, end));
                    return Ok(part);
                }
                self.channel.buffers.push(buffer);
            }
            match self.end {
                None => while self.send(usize::MAX) {},
                Some(end) if self.reads.is_empty() => {
                    if !self.pass_end(end)? {
                        return Ok(0);
                    }
                    continue;
                }
                Some(_) => {}
            }
            self.await_oldest()?;
        }
    }
}

fn unread(error: vdi::Error) -> Failure {
    Failure::link("cannot read a buffer", &error)
}
