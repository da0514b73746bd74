//! BACKUP: the pages of a snapshot go to the devices as stripes.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;
use vdi::codes::{VDC_Complete, VDC_Flush, VDF_CompleteEnabled, VDF_WriteMedia};

use super::Progress;
use super::device::{self, order_all};
use super::pages::Snapshot;
use super::session::{Plan, Session};
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
    let plan = Plan::of(statement, features, block_size)?;
    let mut session = Session::open(&plan, interrupt)?;
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
    let channels = session.channels()?;
    channels.iter().try_for_each(|channel| channel.rewind())?;
    let sink = |channel| device::Writer::new(channel, 0);
    let sinks = channels.into_iter().map(sink).collect();
    let mut writer = Writer::new(header, sinks)?;
    snapshot.each_page(&mut |image| Ok(writer.page(image)?))?;
    let (digest, mut sinks) = writer.finish()?;
    for sink in &mut sinks {
        sink.drain()?;
    }
    order_all(&sinks, VDC_Flush)?;
    if session.complete_enabled() {
        order_all(&sinks, VDC_Complete)?;
    }
    Ok(digest.to_string())
}
