//! Reads a stream from a device, and from its next medium where one ends.

use std::collections::VecDeque;
use std::io::{self, Read};

use vdi::Buffer;
use vdi::codes::*;

use super::{Channel, Pending};
use crate::exit::Failure;

/// What comes next on a medium.
pub(crate) enum Next {
    Bytes(Vec<u8>),
    /// A filemark.
    Mark,
    /// The end of the data.
    End,
}

impl Next {
    /// The bytes; none before a filemark or the end.
    pub(crate) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Mark | Self::End => Vec::new(),
        }
    }
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
    /// Bytes of the medium before what is read next.
    place: i64,
    /// How the data ended on this medium.
    end: Option<i32>,
    /// Whether anything came since the last end, and since this medium was put in.
    moved: bool,
    used: bool,
    /// Media that were put in.
    loads: u32,
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
            place: 0,
            end: None,
            moved: false,
            used: false,
            loads: 0,
        }
    }

    /// The device.
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Bytes of the medium before what is read next.
    pub(crate) fn place(&self) -> i64 {
        self.place
    }

    /// How many media were put in so far.
    pub(crate) fn loads(&self) -> u32 {
        self.loads
    }

    /// Gives the device back, which takes any command then.
    pub(crate) fn into_channel(mut self) -> Result<Channel, Failure> {
        self.settle()?;
        Ok(self.channel)
    }

    /// What comes next on this medium, `size` bytes at most and by one Read. It is read again
    /// afterwards.
    pub(crate) fn peek(&mut self, size: usize) -> Result<Next, Failure> {
        if self.emptying.as_ref().is_none_or(|(_, at, end)| at == end) {
            self.recycle();
            if self.end.is_none() && self.reads.is_empty() {
                self.send(size);
            }
            if !self.reads.is_empty() {
                self.await_oldest()?;
            }
        }
        let mut bytes = Vec::new();
        if let Some((buffer, at, end)) = &self.emptying {
            bytes.resize((end - at).min(size), 0);
            buffer.read(*at, &mut bytes).map_err(unread)?;
        }
        Ok(match self.end {
            _ if !bytes.is_empty() => Next::Bytes(bytes),
            Some(ERROR_FILEMARK_DETECTED) => Next::Mark,
            _ => Next::End,
        })
    }

    /// Reads as far as the next filemark, on this medium and those behind it.
    pub(crate) fn file(&mut self) -> impl Read {
        File(self)
    }

    /// Goes to a place of a disk.
    pub(crate) fn seek(&mut self, to: i64) -> Result<(), Failure> {
        self.settle()?;
        (self.position, self.place) = (to, to);
        Ok(())
    }

    /// Goes behind the next filemark of this medium. False if the medium ends first.
    pub(crate) fn pass_mark(&mut self) -> Result<bool, Failure> {
        Ok(self.pass_file()? == ERROR_FILEMARK_DETECTED)
    }

    /// Goes to where the data ends next, and says how: with a filemark, behind which the medium then
    /// is, or with the medium. A client that cannot skip is made to read.
    fn pass_file(&mut self) -> Result<i32, Failure> {
        if let Some(end) = self.settle()? {
            return Ok(end);
        }
        match self.channel.skip_mark().wait().code {
            ERROR_SUCCESS => return Ok(ERROR_FILEMARK_DETECTED),
            ERROR_NOT_SUPPORTED => self.channel.clear_error()?,
            // [CMD-SMARK-02]
            end @ (ERROR_NO_DATA_DETECTED | ERROR_HANDLE_EOF | ERROR_END_OF_MEDIA) => {
                return self.channel.clear_error().map(|()| end);
            }
            code => return Err(self.channel.failure(VDC_SkipMarks, code)),
        }
        loop {
            while self.end.is_none() && self.send(usize::MAX) {}
            self.await_oldest()?;
            self.recycle();
            if self.end.is_some() {
                return Ok(self.settle()?.unwrap_or(ERROR_NO_DATA_DETECTED));
            }
        }
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
        self.used |= bytes > 0;
        self.emptying = Some((oldest.buffer, 0, bytes as usize));
        Ok(())
    }

    /// Gives the buffer back that was being emptied.
    fn recycle(&mut self) {
        let emptied = self.emptying.take().map(|(buffer, ..)| buffer);
        self.channel.buffers.extend(emptied);
    }

    /// Waits for what was read ahead and is not wanted any more; the device takes any command then.
    /// Says how the data ended, if it did.
    pub(crate) fn settle(&mut self) -> Result<Option<i32>, Failure> {
        self.recycle();
        while !self.reads.is_empty() {
            self.await_oldest()?;
            self.recycle();
        }
        self.moved = false;
        match self.end.take() {
            Some(end) => self.channel.clear_error().map(|()| Some(end)),
            None => Ok(None),
        }
    }

    /// Goes on behind an end: behind a filemark, or on the next medium. Whether there is more.
    /// Two filemarks with nothing in between, or a medium with nothing on it, are the end of all.
    fn pass_end(&mut self, end: i32) -> Result<bool, Failure> {
        let is_mark = end == ERROR_FILEMARK_DETECTED;
        let moved = std::mem::take(&mut self.moved);
        let passes = match is_mark {
            true => moved,
            false => self.used && self.channel.has(VDF_Removable),
        };
        if !passes {
            return Ok(false);
        }
        self.channel.clear_error()?;
        let more = is_mark || self.load()?;
        if more {
            self.end = None;
        }
        Ok(more)
    }

    /// Has the next medium put in, if there is one.
    pub(crate) fn load(&mut self) -> Result<bool, Failure> {
        if !self.channel.has(VDF_Removable) {
            return Ok(false);
        }
        match self.channel.send(VDC_Load).wait().code {
            ERROR_SUCCESS => {
                (self.position, self.place, self.used) = (0, 0, false);
                self.loads = self.loads.saturating_add(1);
                Ok(true)
            }
            ERROR_NOT_SUPPORTED | ERROR_NO_MEDIA_IN_DRIVE => {
                self.channel.clear_error().map(|()| false)
            }
            code => Err(self.channel.failure(VDC_Load, code)),
        }
    }

    /// Reads some bytes; none at the end, which a filemark is if it is not to be passed.
    fn fill(&mut self, into: &mut [u8], passes_marks: bool) -> io::Result<usize> {
        loop {
            if let Some((buffer, at, end)) = self.emptying.take() {
                if at < end {
                    let part = into.len().min(end - at);
                    buffer.read(at, &mut into[..part]).map_err(unread)?;
                    self.emptying = Some((buffer, at + part, end));
                    self.place += part as i64;
                    return Ok(part);
                }
                self.channel.buffers.push(buffer);
            }
            match self.end {
                None => while self.send(usize::MAX) {},
                Some(end) if self.reads.is_empty() => {
                    let stays = end == ERROR_FILEMARK_DETECTED && !passes_marks;
                    if stays || !self.pass_end(end)? {
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

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill(into, true)
    }
}

/// What lies before the next filemark.
struct File<'a>(&'a mut Reader);

impl Read for File<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.fill(into, false)
    }
}

fn unread(error: vdi::Error) -> Failure {
    Failure::link("cannot read a buffer", &error)
}
