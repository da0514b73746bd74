//! The backup sets on the medium of a device, one behind the other.

use std::io;

use vdi::codes::{VDF_FileMarks, VDF_RandomAccess};

use super::set::{Head, head};
use crate::engine::device::{Channel, Reader};
use crate::exit::Failure;
use crate::media::{self, Error, LABEL_BYTES, Label};

/// A device whose medium is gone through from the beginning.
pub(super) struct Sets {
    reader: Reader,
    /// What is at the beginning, if it is a backup.
    pub(super) head: Option<Head>,
    /// Number of the set at whose beginning the medium is.
    position: u32,
}

/// Where the last set ends.
pub(super) struct End {
    pub(super) channel: Channel,
    /// Bytes of the medium before it, on a disk.
    pub(super) place: i64,
    /// What that set is; none if the medium is empty.
    pub(super) last: Option<Label>,
}

impl Sets {
    /// Goes to the beginning of the medium.
    pub(super) fn open(channel: Channel) -> Result<Self, Failure> {
        channel.rewind()?;
        let mut reader = Reader::new(channel);
        let head = head(&reader.peek(LABEL_BYTES)?);
        Ok(Self {
            reader,
            head,
            position: 1,
        })
    }

    /// Number of the device.
    pub(super) fn device(&self) -> usize {
        self.reader.channel().number
    }

    /// The reader, at the beginning of the medium.
    pub(super) fn into_reader(self) -> Reader {
        self.reader
    }

    /// Goes behind the label of a set. None if there is no such set.
    pub(super) fn find(mut self, wanted: u32) -> Result<Option<(Reader, Label)>, Error> {
        while self.position < wanted {
            // What is between the filemarks of a tape may be damaged.
            let passed = if self.has_marks() {
                !self.is_at_end()? && self.pass_marks()?
            } else {
                match self.label()? {
                    Some(label) => self.pass_records(&label)?,
                    None => false,
                }
            };
            if !passed {
                return Ok(None);
            }
            self.position += 1;
        }
        let label = self.label()?.filter(|label| label.position == wanted);
        Ok(label.map(|label| (self.reader, label)))
    }

    /// The labels of all sets, and whether each set has an end. Of a device that can only be read
    /// from one end to the other it is the first label.
    pub(super) fn labels(mut self) -> Result<Vec<(Label, bool)>, Error> {
        let mut labels = Vec::new();
        let positioned = self.reader.channel().has(VDF_FileMarks | VDF_RandomAccess);
        loop {
            let label = match self.label() {
                Ok(Some(label)) if label.position == self.position => label,
                Err(error @ Error::Io { .. }) => return Err(error),
                // What is behind a set is no set.
                Ok(_) | Err(_) => return Ok(labels),
            };
            if !positioned {
                return Ok(vec![(label, true)]);
            }
            let passed = self.pass(&label)?;
            labels.push((label, passed));
            if !passed {
                return Ok(labels);
            }
        }
    }

    /// Goes to the end of the last set. None if the data does not end with a set.
    pub(super) fn end(mut self) -> Result<Option<End>, Error> {
        let mut last: Option<Label> = None;
        loop {
            let label = match self.label() {
                Ok(label) => label,
                Err(error @ Error::Io { .. }) => return Err(error),
                Err(_) if last.is_some() => return Ok(None),
                Err(error) => return Err(error),
            };
            let Some(label) = label else {
                let (device, place) = (self.device(), self.reader.place());
                let channel = self.reader.into_channel();
                let channel = channel.map_err(|failure| io_error(failure, device))?;
                return Ok(Some(End {
                    channel,
                    place,
                    last,
                }));
            };
            let same = |last: &Label| last.media_set == label.media_set;
            let follows = label.position == self.position && last.as_ref().is_none_or(same);
            if !follows || !self.pass(&label)? {
                return Ok(None);
            }
            last = Some(label);
        }
    }

    /// Reads the label of the set at whose beginning the medium is; none at the end of the data.
    fn label(&mut self) -> Result<Option<Label>, Error> {
        if self.is_at_end()? {
            return Ok(None);
        }
        Label::read(self.device(), &mut self.reader).map(Some)
    }

    fn is_at_end(&mut self) -> Result<bool, Error> {
        let next = self.reader.peek(LABEL_BYTES);
        next.map(|bytes| bytes.is_empty())
            .map_err(|failure| io_error(failure, self.device()))
    }

    /// Goes from behind a label to what follows the set. False if the set has no end.
    fn pass(&mut self, label: &Label) -> Result<bool, Error> {
        let passed = match self.has_marks() {
            true => self.pass_marks(),
            false => self.pass_records(label),
        };
        self.position += 1;
        passed
    }

    fn has_marks(&self) -> bool {
        self.reader.channel().has(VDF_FileMarks)
    }

    /// One filemark is behind the label, one behind the end.
    fn pass_marks(&mut self) -> Result<bool, Error> {
        let mut pass = || Ok(self.reader.pass_mark()? && self.reader.pass_mark()?);
        pass().map_err(|failure| io_error(failure, self.device()))
    }

    fn pass_records(&mut self, label: &Label) -> Result<bool, Error> {
        let device = self.device();
        if !self.reader.channel().is_random() {
            return match media::pass(device, &mut self.reader, label) {
                Ok(()) => Ok(true),
                Err(error @ Error::Io { .. }) => Err(error),
                Err(_) => Ok(false),
            };
        }
        let block = label.block_size as usize;
        let start = self.reader.place();
        let reader = &mut self.reader;
        let mut look = |at: u64| match possible(at) {
            Some(at) => reader.seek(at).and_then(|()| reader.peek(block)),
            None => Ok(Vec::new()),
        };
        let found = media::end_of(label, start as u64, &mut look);
        let end = found.and_then(|end| match end.and_then(possible) {
            Some(end) => reader.seek(end).map(|()| true),
            None => Ok(false),
        });
        end.map_err(|failure| io_error(failure, device))
    }
}

/// A place that a medium can have.
fn possible(place: u64) -> Option<i64> {
    i64::try_from(place).ok().filter(|place| *place < 1 << 62)
}

fn io_error(failure: Failure, device: usize) -> Error {
    let error = io::Error::from(failure);
    Error::Io { device, error }
}
