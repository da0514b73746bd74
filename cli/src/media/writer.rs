//! Deals the bytes of a backup to media.

use std::io::{self, Write};

use super::Label;
use super::record::{self, HEADER_BYTES, Record};
use crate::stream::Hasher;

/// Writes a backup: takes the bytes in order, then the end.
///
/// Each record ends with a `flush` of its sink, which means "this record is complete", not "make
/// it durable".
pub(crate) struct Writer<W> {
    sinks: Vec<W>,
    backup: String,
    block_size: usize,
    /// What the next record is to carry, and how much a record carries.
    content: Vec<u8>,
    room: usize,
    /// Number of the next record.
    next: u64,
    length: u64,
    digest: Hasher,
}

impl<W: Write> Writer<W> {
    /// Writes a label to each sink. `label` is that of the first; it says how many there are, and
    /// the size of the records.
    pub(crate) fn new(label: &Label, mut sinks: Vec<W>) -> io::Result<Self> {
        let block_size = label.block_size as usize;
        for (family, sink) in (1..).zip(&mut sinks) {
            let label = Label {
                family,
                ..label.clone()
            };
            let bytes = label.encode();
            let bytes = bytes.ok_or_else(|| io::Error::other("the label is too long"))?;
            sink.write_all(&bytes)?;
            end_record(sink, bytes.len(), block_size)?;
        }
        let room = (label.record_size as usize)
            .saturating_sub(HEADER_BYTES)
            .max(1);
        Ok(Self {
            sinks,
            backup: label.backup.clone(),
            block_size,
            content: Vec::with_capacity(room),
            room,
            next: 0,
            length: 0,
            digest: Hasher::new(),
        })
    }

    /// The sinks, between two records.
    pub(crate) fn sinks(&mut self) -> &mut [W] {
        &mut self.sinks
    }

    /// Writes the next bytes.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let part = bytes.len().min(self.room - self.content.len());
            self.content.extend_from_slice(&bytes[..part]);
            bytes = &bytes[part..];
            if self.content.len() == self.room {
                self.data()?;
            }
        }
        Ok(())
    }

    /// Writes a record with what was collected.
    fn data(&mut self) -> io::Result<()> {
        let turn = (self.next % self.sinks.len() as u64) as usize;
        let record = Record::new(&self.backup, false, self.next, &self.content);
        put(
            &mut self.sinks[turn],
            &record,
            &self.content,
            self.block_size,
        )?;
        self.content.clear();
        self.next += 1;
        Ok(())
    }

    /// Writes the end to every sink; gives the number of bytes.
    pub(crate) fn finish(&mut self) -> io::Result<u64> {
        if !self.content.is_empty() {
            self.data()?;
        }
        let content = record::end(self.length, self.digest.finish());
        let record = Record::new(&self.backup, true, self.next, &content);
        for sink in &mut self.sinks {
            put(sink, &record, &content, self.block_size)?;
        }
        Ok(self.length)
    }
}

fn put(sink: &mut impl Write, record: &Record, content: &[u8], block: usize) -> io::Result<()> {
    sink.write_all(&record.encode())?;
    sink.write_all(content)?;
    end_record(sink, HEADER_BYTES + content.len(), block)
}

/// Pads a record of so many bytes to whole blocks.
fn end_record(sink: &mut impl Write, bytes: usize, block_size: usize) -> io::Result<()> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut padding = bytes.next_multiple_of(block_size) - bytes;
    while padding > 0 {
        let part = padding.min(ZEROS.len());
        sink.write_all(&ZEROS[..part])?;
        padding -= part;
    }
    sink.flush()
}
