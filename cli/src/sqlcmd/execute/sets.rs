//! The backup sets on the medium of a device, one behind the other.

use std::io;

use vdi::codes::{VDF_FileMarks, VDF_RandomAccess};

use super::set::{Head, head};
use crate::engine::device::{Channel, Next, Reader};
use crate::exit::Failure;
use crate::media::{self, Error, LABEL_BYTES, Label, MAX_SETS};

/// A device whose medium is gone through from the beginning.
pub(super) struct Sets {
    reader: Reader,
    /// What is at the beginning, if it is a backup.
    pub(super) head: Option<Head>,
    /// Whether nothing at all is there.
    pub(super) is_empty: bool,
    /// That of the first label that was read; all others are of the same.
    media_set: Option<String>,
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

/// What a device shows.
pub(super) struct Seen {
    /// The labels, and whether their backup sets have an end.
    pub(super) labels: Vec<(Label, bool)>,
    /// Why there may be more.
    pub(super) hidden: Option<&'static str>,
}

impl Seen {
    /// These labels, and nothing else.
    pub(super) fn of(labels: Vec<(Label, bool)>) -> Self {
        Self {
            labels,
            hidden: None,
        }
    }
}

impl Sets {
    /// Goes to the beginning of the medium.
    pub(super) fn open(channel: Channel) -> Result<Self, Failure> {
        channel.rewind()?;
        let mut reader = Reader::new(channel);
        let first = reader.peek(LABEL_BYTES)?;
        let is_empty = matches!(first, Next::End);
        let head = head(&first.bytes());
        Ok(Self {
            reader,
            media_set: head.as_ref().map(|head| head.label.media_set.clone()),
            head,
            is_empty,
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
        while self.position < wanted.min(MAX_SETS) {
            let (position, loads) = (self.position, self.reader.loads());
            let label = match self.label() {
                Ok(Some(label)) => Some(label),
                Ok(None) => return Ok(None),
                // What is between the filemarks of a tape may be damaged, but whose the next
                // medium is, a damaged label does not say.
                Err(Error::Foreign { .. } | Error::Damaged { .. } | Error::Short { .. })
                    if self.has_marks() =>
                {
                    None
                }
                Err(error) => return Err(error),
            };
            let is_lost = label.is_none() && self.reader.loads() != loads;
            if is_lost || !self.pass(label.as_ref())? {
                let reason = format!(
                    "backup {position} has no end, or none that can be found, so that nothing \
                     behind it can be"
                );
                let device = self.device();
                return Err(Error::Damaged { device, reason });
            }
        }
        let label = self.label()?.filter(|label| label.position == wanted);
        Ok(label.map(|label| (self.reader, label)))
    }

    /// The labels of all sets. Of a device that can only be read from one end to the other it is
    /// the first label.
    pub(super) fn labels(mut self) -> Result<Seen, Error> {
        let positioned = self.reader.channel().has(VDF_FileMarks | VDF_RandomAccess);
        let mut labels = Vec::new();
        let hidden = loop {
            let label = match self.label() {
                Ok(Some(label)) if label.position == self.position => label,
                Ok(None) => break None,
                Ok(Some(_)) => break Some("it has another number than it should"),
                Err(error @ Error::Io { .. }) => return Err(error),
                Err(Error::Stranger { .. }) => break Some("it is of another media set"),
                Err(_) => break Some("it is no backup, or its label is damaged"),
            };
            if !positioned {
                labels.push((label, true));
                break None;
            }
            let passed = self.pass(Some(&label));
            labels.push((label, matches!(passed, Ok(true))));
            match passed {
                Ok(true) => {}
                Ok(false) => break None,
                Err(Error::Stranger { .. }) => {
                    break Some("the next medium does not go on with it");
                }
                Err(error) => return Err(error),
            }
        };
        Ok(Seen { labels, hidden })
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
            if label.position != self.position || !self.pass(Some(&label))? {
                return Ok(None);
            }
            last = Some(label);
        }
    }

    /// Reads the label of the set at whose beginning the medium is; none at the end of the data.
    fn label(&mut self) -> Result<Option<Label>, Error> {
        let device = self.device();
        if let Next::End = self.of_reader(|reader| reader.peek(LABEL_BYTES))? {
            return Ok(None);
        }
        // A label that seems to go on behind its filemark is damaged.
        let label = Label::read(device, &mut self.reader.file())?;
        let known = self
            .media_set
            .get_or_insert_with(|| label.media_set.clone());
        match *known == label.media_set {
            true => Ok(Some(label)),
            false => Err(Error::Stranger { device }),
        }
    }

    /// Goes from behind a label to what follows the set. False if the set has no end. Without a
    /// label only a tape can do that.
    fn pass(&mut self, label: Option<&Label>) -> Result<bool, Error> {
        self.position += 1;
        match label {
            Some(label) if !self.has_marks() => self.pass_records(label),
            _ => self.pass_marks(label),
        }
    }

    fn has_marks(&self) -> bool {
        self.reader.channel().has(VDF_FileMarks)
    }

    /// One filemark is behind the label, on the medium on which that ended. One is behind the end,
    /// and the media before it must be of this backup.
    fn pass_marks(&mut self, label: Option<&Label>) -> Result<bool, Error> {
        if !self.of_reader(Reader::pass_mark)? {
            return Ok(false);
        }
        let mut last = None;
        while !self.of_reader(Reader::pass_mark)? {
            if !self.of_reader(Reader::load)? {
                return Ok(false);
            }
            if let Next::End = self.of_reader(|reader| reader.peek(LABEL_BYTES))? {
                return Ok(false);
            }
            let device = self.device();
            let Some(label) = label else {
                let reason = "a backup that goes on on another medium has no sound label".into();
                return Err(Error::Damaged { device, reason });
            };
            let next = media::first_record(device, &mut self.reader.file(), label)?;
            // The numbers grow, so that a medium that comes again is noticed.
            if next.is_none() || next <= last {
                return Err(Error::Stranger { device });
            }
            last = next;
        }
        Ok(true)
    }

    /// Does something with the reader.
    fn of_reader<T>(
        &mut self,
        act: impl FnOnce(&mut Reader) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let device = self.device();
        act(&mut self.reader).map_err(|failure| io_error(failure, device))
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
        // A Read has whole blocks of the medium, and of the device (BUF-20).
        let block = self.reader.channel().block_size().max(label.block_size) as usize;
        let start = self.reader.place();
        let reader = &mut self.reader;
        let mut look = |at: u64| match possible(at) {
            Some(at) => {
                reader.seek(at)?;
                reader.peek(block).map(Next::bytes)
            }
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
