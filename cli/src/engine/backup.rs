//! BACKUP: the pages of a snapshot go to the devices as stripes.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;
use vdi::Buffer;
use vdi::codes::{
    ERROR_SUCCESS, VDC_Complete, VDC_Flush, VDC_Write, VDF_CompleteEnabled, VDF_WriteMedia,
};

use super::Progress;
use super::pages::Snapshot;
use super::session::{Channel, Pending, Session};
use crate::args::Statement;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::report::{Contents, StatementLine};
use crate::stream::{Geometry, Header, Writer};

/// Executes the statement.
pub(super) fn run(
    database: &Path,
    block_size: u32,
    statement: &Statement,
    interrupt: &Interrupt,
    progress: Progress,
) -> Result<Contents, Failure> {
    let snapshot = Snapshot::open(database)?;
    let features = VDF_WriteMedia | VDF_CompleteEnabled;
    let mut session = Session::open(statement, features, block_size, interrupt)?;
    let header = header(&snapshot, &session, database);
    progress(StatementLine::Started {
        stream_bytes: header.geometry.total_bytes(),
    });
    let outcome = transfer(&snapshot, &session, &header);
    let ended = session.end();
    let digest = outcome?;
    ended?;
    session.close()?;
    Ok(Contents {
        backup: Uuid::from_bytes(header.backup).to_string(),
        digest,
        pages: snapshot.page_count,
        page_size: snapshot.page_size,
    })
}

fn header(snapshot: &Snapshot, session: &Session, database: &Path) -> Header {
    let configuration = session.configuration();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let name = database.file_name().unwrap_or_default();
    Header {
        backup: Uuid::new_v4().into_bytes(),
        stripe: 0,
        geometry: Geometry {
            stripes: configuration.device_count,
            block_size: configuration.block_size,
            page_size: snapshot.page_size,
            page_count: snapshot.page_count,
            extent_pages: Geometry::pages_per_transfer(
                configuration.max_transfer_size,
                snapshot.page_size,
            ),
        },
        created: now.map_or(0, |now| now.as_secs()),
        name: name.to_string_lossy().into_owned(),
    }
}

/// Sends everything: the data, Flush to every device, and after all have succeeded Complete to
/// every device. Gives the digest.
fn transfer(snapshot: &Snapshot, session: &Session, header: &Header) -> Result<String, Failure> {
    let sinks = session.channels()?.into_iter().map(Sink::new).collect();
    let mut writer = Writer::new(header, sinks)?;
    snapshot.each_page(|image| Ok(writer.page(image)?))?;
    let (digest, mut sinks) = writer.finish()?;
    for sink in &mut sinks {
        sink.drain()?;
    }
    command_all(&sinks, VDC_Flush, "Flush")?;
    if session.complete_enabled() {
        command_all(&sinks, VDC_Complete, "Complete")?;
    }
    Ok(digest.to_string())
}

/// Sends a command to every device, then waits for all.
fn command_all(sinks: &[Sink], code: i32, what: &str) -> Result<(), Failure> {
    let pending: Vec<_> = sinks.iter().map(|sink| sink.channel.send(code)).collect();
    sinks
        .iter()
        .zip(pending)
        .try_for_each(|(sink, pending)| pending.expect_success(&sink.channel, what))
}

/// Collects what is written in a shared buffer and sends it as Writes, several at a time.
struct Sink {
    channel: Channel,
    /// The buffer being filled, and how far.
    filling: Option<(Buffer, usize)>,
    /// Writes under way, oldest first.
    writes: VecDeque<(Pending, Buffer, u32)>,
}

impl Sink {
    fn new(channel: Channel) -> Self {
        Self {
            channel,
            filling: None,
            writes: VecDeque::new(),
        }
    }

    /// A buffer that is not in use, and how far it is filled; waits for the oldest Write if needed.
    fn take(&mut self) -> Result<(Buffer, usize), Failure> {
        if let Some(filling) = self.filling.take() {
            return Ok(filling);
        }
        if self.channel.buffers.is_empty() {
            self.await_oldest()?;
        }
        match self.channel.buffers.pop() {
            Some(buffer) => Ok((buffer, 0)),
            None => Err(io::Error::other("a device has no buffers").into()),
        }
    }

    /// Waits for the oldest Write and gets its buffer back.
    fn await_oldest(&mut self) -> Result<(), Failure> {
        let Some((pending, buffer, size)) = self.writes.pop_front() else {
            return Ok(());
        };
        let completion = pending.wait();
        if completion.code != ERROR_SUCCESS {
            return Err(self.channel.failure("Write", completion.code));
        }
        if completion.bytes != size {
            return Err(self.channel.short("Write", completion.bytes, size));
        }
        self.channel.buffers.push(buffer);
        Ok(())
    }

    fn send(&mut self, buffer: Buffer, size: usize) {
        let size = size as u32;
        let pending = self.channel.transfer(VDC_Write, &buffer, size);
        self.writes.push_back((pending, buffer, size));
    }

    /// Waits for all Writes.
    fn drain(&mut self) -> Result<(), Failure> {
        while !self.writes.is_empty() {
            self.await_oldest()?;
        }
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (buffer, filled) = self.take()?;
        let part = bytes.len().min(buffer.len() - filled);
        buffer
            .write(filled, &bytes[..part])
            .map_err(|error| Failure::link("cannot fill a buffer", &error))?;
        if filled + part == buffer.len() {
            self.send(buffer, filled + part);
        } else {
            self.filling = Some((buffer, filled + part));
        }
        Ok(part)
    }

    /// Sends what there is. Records are whole blocks, so every Write is one too (BUF-20).
    fn flush(&mut self) -> io::Result<()> {
        if let Some((buffer, filled)) = self.filling.take() {
            self.send(buffer, filled);
        }
        Ok(())
    }
}
