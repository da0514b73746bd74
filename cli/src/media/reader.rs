//! Brings the media of a backup together and gives its bytes back in order.
//!
//! A reader believes nothing: it checks every record before it gives its content away, and the
//! whole at the end.

use std::io::{self, Read};

use super::record::{self, END_BYTES, HEADER_BYTES, Record};
use super::{Error, Label};
use crate::stream::Hasher;

/// One medium being read.
struct Family<R> {
    /// Its place among the devices, for messages.
    device: usize,
    input: R,
    label: Label,
}

impl<R: Read> Family<R> {
    /// Reads a record; its content goes into `content`.
    fn record(&mut self, content: &mut Vec<u8>) -> Result<Record, Error> {
        let mut header = [0; HEADER_BYTES];
        exact(self.device, &mut self.input, &mut header)?;
        let Some(record) = Record::decode(header) else {
            return Err(self.damaged("something that is no record"));
        };
        content.resize(record.bytes as usize, 0);
        exact(self.device, &mut self.input, content)?;
        if !record.is_of(&self.label.backup, content) {
            return Err(self.damaged(&format!("record {} is altered", record.number)));
        }
        let bytes = HEADER_BYTES + content.len();
        padding(self.device, &mut self.input, bytes, self.label.block_size)?;
        Ok(record)
    }

    fn damaged(&self, reason: &str) -> Error {
        damaged(self.device, reason)
    }
}

impl Label {
    /// Reads the label at which a medium is, and its padding.
    pub(crate) fn read(device: usize, input: &mut impl Read) -> Result<Self, Error> {
        let foreign = || Error::Foreign { device };
        let mut bytes = vec![0; 512];
        exact(device, input, &mut bytes)?;
        let length = Self::length(&bytes).ok_or_else(foreign)?;
        let first = bytes.len();
        bytes.resize(length.max(first), 0);
        exact(device, input, &mut bytes[first..])?;
        let (label, _) = Self::decode(&bytes).ok_or_else(foreign)?;
        // A short label has padding in the part that was read first.
        if bytes[length..].iter().any(|byte| *byte != 0) {
            return Err(damaged(device, "padding is altered"));
        }
        padding(device, input, bytes.len(), label.block_size)?;
        Ok(label)
    }
}

/// Reads the padding behind a record of so many bytes; it is zero.
fn padding(device: usize, input: &mut impl Read, bytes: usize, block: u32) -> Result<(), Error> {
    let mut padding = vec![0; bytes.next_multiple_of(block as usize) - bytes];
    exact(device, input, &mut padding)?;
    match padding.iter().all(|byte| *byte == 0) {
        true => Ok(()),
        false => Err(damaged(device, "padding is altered")),
    }
}

fn damaged(device: usize, reason: &str) -> Error {
    Error::Damaged {
        device,
        reason: reason.into(),
    }
}

/// Fills `into`.
pub(super) fn exact(device: usize, input: &mut impl Read, into: &mut [u8]) -> Result<(), Error> {
    input.read_exact(into).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::Short { device },
        _ => Error::Io { device, error },
    })
}

/// Reads a medium from behind a label to behind the end of the backup set.
pub(crate) fn pass(device: usize, input: &mut impl Read, label: &Label) -> Result<(), Error> {
    let label = label.clone();
    let mut family = Family {
        device,
        input,
        label,
    };
    let mut content = Vec::new();
    for count in 0.. {
        let record = family.record(&mut content)?;
        let next = family.label.number(count);
        if record.ends_before(next, family.label.families) {
            break;
        }
        // Otherwise a medium that comes again and again would be read without end.
        if record.number != next {
            return Err(family.damaged("a record is in the place of another"));
        }
    }
    Ok(())
}

/// Reads a backup: gives the content of its records in order, then checks the end.
pub(crate) struct Reader<R> {
    /// In the order of their numbers.
    families: Vec<Family<R>>,
    /// Number of the next record.
    next: u64,
    content: Vec<u8>,
    length: u64,
    digest: Hasher,
}

impl<R: Read> Reader<R> {
    /// Takes media that stand behind these labels, in any order, and checks that together they are
    /// one whole backup.
    pub(crate) fn open(inputs: Vec<(R, Label)>) -> Result<Self, Error> {
        let given = inputs.len();
        let begin = |(device, (input, label))| Family {
            device,
            input,
            label,
        };
        let mut families: Vec<_> = inputs.into_iter().enumerate().map(begin).collect();
        families.sort_by_key(|family| family.label.family);
        let Some(first) = families.first() else {
            return Err(Error::Missing { families: 1, given });
        };
        let count = first.label.families;
        let backup = first.label.backup.clone();
        for (k, family) in families.iter().enumerate() {
            let repeated = k > 0 && families[k - 1].label.family == family.label.family;
            if family.label.backup != backup || family.label.families != count || repeated {
                let device = family.device;
                return Err(Error::Stranger { device });
            }
        }
        if given != count as usize {
            return Err(Error::Missing {
                families: count,
                given,
            });
        }
        Ok(Self {
            families,
            next: 0,
            content: Vec::new(),
            length: 0,
            digest: Hasher::new(),
        })
    }

    /// The label of the first family.
    pub(crate) fn label(&self) -> &Label {
        &self.families[0].label
    }

    /// The inputs, in the order of the families.
    pub(crate) fn inputs(&mut self) -> impl Iterator<Item = &mut R> {
        self.families.iter_mut().map(|family| &mut family.input)
    }

    /// Reads the next bytes; none after the last.
    pub(crate) fn part(&mut self) -> Result<Option<&[u8]>, Error> {
        let turn = (self.next % self.families.len() as u64) as usize;
        let family = &mut self.families[turn];
        let record = family.record(&mut self.content)?;
        if record.number != self.next {
            return Err(family.damaged(&format!(
                "record {} stands where {} should",
                record.number, self.next
            )));
        }
        if record.end {
            self.end(turn)?;
            return Ok(None);
        }
        self.next += 1;
        self.length += self.content.len() as u64;
        self.digest.update(&self.content);
        Ok(Some(&self.content))
    }

    /// Checks the end, which one family has shown and the others must show, too.
    fn end(&mut self, seen: usize) -> Result<(), Error> {
        let expected: [u8; END_BYTES] = record::end(self.length, self.digest.finish());
        for turn in 0..self.families.len() {
            let family = &mut self.families[turn];
            if turn != seen {
                let record = family.record(&mut self.content)?;
                if !record.end || record.number != self.next {
                    return Err(family.damaged("data follows where the end should be"));
                }
            }
            if self.content != expected {
                return Err(family.damaged("the digest of the whole does not match"));
            }
        }
        Ok(())
    }
}
