//! A backup set on the devices of a statement, in either format that this tool writes.

use uuid::Uuid;
use vdi::codes::VDC_MountSnapshot;

use super::trouble::Trouble;
use crate::engine::device::Reader;
use crate::engine::session::Session;
use crate::exit::Failure;
use crate::media::{self, BackupType, File, Kind, LABEL_BYTES, Label};
use crate::stream::{self, HEADER_BYTES, Header};

/// A backup being read.
pub(super) struct BackupSet {
    pub(super) label: Label,
    body: Body,
}

enum Body {
    /// Of a BACKUP statement.
    Media(media::Reader<Reader>),
    /// Of `vdi backup`.
    Pages(stream::Reader<Reader>),
}

/// What a medium says of itself.
pub(super) struct Head {
    pub(super) label: Label,
    /// Whether `vdi backup` wrote it.
    pages: bool,
}

/// Readers of all devices, and what their media say of themselves.
pub(super) fn heads(
    session: &Session,
    devices: &[String],
) -> Result<(Vec<Reader>, Vec<Head>), Trouble> {
    let failed = |failure| Trouble::transfer(devices, "", &failure);
    let mut readers = Vec::new();
    let mut heads = Vec::new();
    for channel in session.channels().map_err(failed)? {
        let device = channel.number;
        channel.rewind().map_err(failed)?;
        let mut reader = Reader::new(channel);
        let bytes = reader.peek(LABEL_BYTES).map_err(failed)?;
        let head = head(&bytes).ok_or(media::Error::Foreign { device });
        heads.push(head.map_err(|error| Trouble::media(devices, error))?);
        readers.push(reader);
    }
    Ok((readers, heads))
}

/// The label at the beginning of a medium, in either format.
fn head(bytes: &[u8]) -> Option<Head> {
    if let Some((label, _)) = Label::decode(bytes) {
        return Some(Head {
            label,
            pages: false,
        });
    }
    let first: [u8; HEADER_BYTES] = bytes.get(..HEADER_BYTES)?.try_into().ok()?;
    let header = Header::decode(first).ok()?;
    Some(Head {
        label: label_of(&header),
        pages: true,
    })
}

impl BackupSet {
    /// Begins to read the backup on all devices of a session.
    pub(super) fn open(session: &Session, devices: &[String]) -> Result<Self, Trouble> {
        let (readers, heads) = heads(session, devices)?;
        let given = session.configuration().block_size;
        for (head, device) in heads.iter().zip(devices) {
            if head.label.block_size != given {
                return Err(other_block_size(device, head.label.block_size, given));
            }
        }
        if heads.iter().all(|head| head.pages) {
            let reader = stream::Reader::open(readers);
            let reader = reader.map_err(|error| of_stream(devices, error))?;
            return Ok(Self {
                label: label_of(reader.header()),
                body: Body::Pages(reader),
            });
        }
        let reader = media::Reader::open(readers);
        let reader = reader.map_err(|error| Trouble::media(devices, error))?;
        Ok(Self {
            label: reader.label().clone(),
            body: Body::Media(reader),
        })
    }

    /// Has the client put the files in place that a snapshot consists of (SNAP-22).
    pub(super) fn mount(&mut self) -> Result<(), Failure> {
        let Body::Media(reader) = &mut self.body else {
            return Ok(());
        };
        reader.inputs().try_for_each(|device| {
            device.settle()?;
            device.channel().order(VDC_MountSnapshot)
        })
    }

    /// Gives all bytes in order, and checks them to the end.
    pub(super) fn read(
        &mut self,
        devices: &[String],
        take: &mut dyn FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        match &mut self.body {
            Body::Media(reader) => {
                let failed = |error| Trouble::media(devices, error);
                while let Some(bytes) = reader.part().map_err(failed)? {
                    take(bytes)?;
                }
            }
            Body::Pages(reader) => {
                let failed = |error| of_stream(devices, error);
                while let Some(bytes) = reader.page().map_err(failed)? {
                    take(bytes)?;
                }
                reader.finish().map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// The label that a statement would have given to a backup of `vdi backup`.
fn label_of(header: &Header) -> Label {
    let geometry = header.geometry;
    let size = geometry.page_count * u64::from(geometry.page_size);
    let stem = header
        .name
        .rsplit_once('.')
        .map_or(&*header.name, |(stem, _)| stem);
    Label {
        backup: Uuid::from_bytes(header.backup).to_string(),
        family: header.stripe + 1,
        families: geometry.stripes,
        block_size: geometry.block_size,
        kind: Kind::Sqlite,
        backup_type: BackupType::Database,
        copy_only: false,
        snapshot: false,
        server: String::new(),
        user: String::new(),
        database: stem.to_owned(),
        started: header.created,
        size: Some(size),
        name: None,
        description: None,
        media_name: None,
        media_description: None,
        files: vec![File {
            logical: stem.to_owned(),
            physical: header.name.clone(),
            size: Some(size),
        }],
    }
}

fn of_stream(devices: &[String], error: stream::Error) -> Trouble {
    let error = match error {
        stream::Error::Io { source, error } => media::Error::Io {
            device: source,
            error,
        },
        stream::Error::Refused { source, reason } => media::Error::Damaged {
            device: source.unwrap_or(0),
            reason,
        },
    };
    Trouble::media(devices, error)
}

fn other_block_size(device: &str, written: u32, given: u32) -> Trouble {
    Trouble::new(
        3272,
        format!(
            "The '{device}' device has a hardware sector size of {written}, but the block size \
             parameter specifies an incompatible override value of {given}. Reissue the statement \
             using a compatible block size."
        ),
    )
    .noting(format!(
        "the backup was made WITH BLOCKSIZE = {written}; say so at the RESTORE"
    ))
}
