//! RESTORE: stripes come from the devices, are verified and become a database.

use std::io::{BufWriter, Write};
use std::path::Path;

use uuid::Uuid;
use vdi::codes::VDF_ReadMedia;

use super::session::{Plan, Session};
use super::{Progress, device, target};
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
    let plan = Plan::of(statement, VDF_ReadMedia, block_size)?;
    let mut session = Session::open(&plan, interrupt)?;
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
    let channels = session.channels()?;
    channels.iter().try_for_each(|channel| channel.rewind())?;
    let sources = channels.into_iter().map(device::Reader::new).collect();
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
