//! RESTORE: stripes come from the devices, are verified and become a database.

use std::collections::VecDeque;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use uuid::Uuid;
use vdi::Buffer;
use vdi::codes::{
    ERROR_HANDLE_EOF, ERROR_NO_DATA_DETECTED, ERROR_SUCCESS, VDC_Read, VDF_ReadMedia,
};

use super::session::{Channel, Pending, Session};
use super::{Progress, target};
use crate::args::Statement;
use crate::durable::NewFile;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::report::{Contents, StatementLine};
use crate::stream::{Error, Reader};

/// How much is collected before it is written to the database.
const WRITE_SIZE: usize = 1 << 20;

/// Executes the statement.
pub(super) fn run(
    database: &Path,
    replace: bool,
    block_size: u32,
    statement: &Statement,
    interrupt: &Interrupt,
    progress: Progress,
) -> Result<Contents, Failure> {
    target::check(database, replace)?;
    let mut session = Session::open(statement, VDF_ReadMedia, block_size, interrupt)?;
    let outcome = target::create(database, &statement.set)
        .and_then(|file| Ok((transfer(&session, &file, database, progress)?, file)));
    let ended = session.end();
    let (contents, file) = outcome?;
    ended?;
    target::sync(&file, database)?;
    // The last moment at which the agent can change its mind.
    interrupt.check()?;
    session.check()?;
    progress(StatementLine::Publishing);
    target::publish(file, database, replace)?;
    // The database is in place, whatever becomes of the set.
    let _ = session.close();
    Ok(contents)
}

/// Reads all stripes into the file and verifies them to the end.
fn transfer(
    session: &Session,
    file: &NewFile,
    database: &Path,
    progress: Progress,
) -> Result<Contents, Failure> {
    let sources = session.channels()?.into_iter().map(Source::new).collect();
    let mut reader = Reader::open(sources).map_err(refusal)?;
    let header = reader.header().clone();
    let geometry = header.geometry;
    if geometry.block_size != session.configuration().block_size {
        return Err(Failure::new(
            Exit::Stripes,
            format!(
                "the backup was made with --block-size {0}; give {0}",
                geometry.block_size
            ),
        ));
    }
    progress(StatementLine::Started {
        stream_bytes: geometry.total_bytes(),
    });
    let unwritten = |error| Failure::output(&database.display().to_string(), &error);
    let mut output = BufWriter::with_capacity(WRITE_SIZE, file.file());
    while let Some(image) = reader.page().map_err(refusal)? {
        output.write_all(image).map_err(unwritten)?;
    }
    output.flush().map_err(unwritten)?;
    let digest = reader.finish().map_err(refusal)?;
    Ok(Contents {
        backup: Uuid::from_bytes(header.backup).to_string(),
        digest: digest.to_string(),
        pages: geometry.page_count,
        page_size: geometry.page_size,
    })
}

fn refusal(error: Error) -> Failure {
    match error {
        Error::Refused {
            source: None,
            reason,
        } => Failure::new(Exit::Stripes, reason),
        Error::Refused {
            source: Some(source),
            reason,
        } => Failure::new(Exit::Stripes, format!("it {reason}")).at_device(source),
        Error::Io { source, error } => Failure::from(error).at_device(source),
    }
}

/// Sends Reads ahead, as many as there are buffers, and gives their bytes in order. The sizes have
/// nothing to do with those of the Writes at the backup (CMD-READ-07).
struct Source {
    channel: Channel,
    /// Reads under way, oldest first.
    reads: VecDeque<(Pending, Buffer, u32)>,
    /// The buffer being emptied: how far, and how full it was.
    emptying: Option<(Buffer, usize, usize)>,
    /// The device has no more data.
    ended: bool,
}

impl Source {
    fn new(channel: Channel) -> Self {
        Self {
            channel,
            reads: VecDeque::new(),
            emptying: None,
            ended: false,
        }
    }

    fn send_ahead(&mut self) {
        while let Some(buffer) = self.channel.buffers.pop() {
            let size = buffer.len() as u32;
            let pending = self.channel.transfer(VDC_Read, &buffer, size);
            self.reads.push_back((pending, buffer, size));
        }
    }

    /// Waits for the oldest Read. After the end of the data the device takes nothing more
    /// (ERR-02), so the Reads behind it are left to fail.
    fn await_oldest(&mut self) -> Result<(), Failure> {
        let Some((pending, buffer, size)) = self.reads.pop_front() else {
            return Err(io::Error::other("a device has no buffers").into());
        };
        let completion = pending.wait();
        let bytes = completion.bytes;
        match completion.code {
            ERROR_SUCCESS if bytes == size => {}
            ERROR_SUCCESS => return Err(self.channel.short("Read", bytes, size)),
            ERROR_HANDLE_EOF | ERROR_NO_DATA_DETECTED => self.ended = true,
            code => return Err(self.channel.failure("Read", code)),
        }
        self.emptying = Some((buffer, 0, bytes as usize));
        Ok(())
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some((buffer, at, end)) = self.emptying.take() {
                if at < end {
                    let part = into.len().min(end - at);
                    buffer
                        .read(at, &mut into[..part])
                        .map_err(|error| Failure::link("cannot read a buffer", &error))?;
                    self.emptying = Some((buffer, at + part, end));
                    return Ok(part);
                }
                self.channel.buffers.push(buffer);
            }
            if self.ended {
                return Ok(0);
            }
            self.send_ahead();
            self.await_oldest()?;
        }
    }
}
