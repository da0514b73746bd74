//! A backup set on the devices of a statement, in either format that this tool writes.

use uuid::Uuid;
use vdi::codes::VDC_MountSnapshot;

use super::sets::Sets;
use super::trouble::Trouble;
use crate::engine::device::Reader;
use crate::engine::session::Session;
use crate::exit::Failure;
use crate::media::{self, BackupType, File, Kind, Label};
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
    pub(super) pages: bool,
}

/// All devices, with their media at the beginning.
pub(super) fn begin(session: &Session, devices: &[String]) -> Result<Vec<Sets>, Trouble> {
    let failed = |failure| Trouble::transfer(devices, "", &failure);
    let channels = session.channels().map_err(failed)?;
    let sets = channels.into_iter().map(Sets::open);
    sets.collect::<Result<_, _>>().map_err(failed)
}

/// Goes behind the label of a set.
pub(super) fn find(
    sets: Sets,
    devices: &[String],
    position: u32,
) -> Result<(Reader, Label), Trouble> {
    let device = sets.device();
    if position == 1 && sets.head.is_none() {
        return Err(Trouble::media(devices, media::Error::Foreign { device }));
    }
    let missing = || no_such_set(&devices[device], position);
    if position > 1 && sets.head.as_ref().is_some_and(|head| head.pages) {
        return Err(missing());
    }
    let found = sets.find(position);
    let found = found.map_err(|error| Trouble::media(devices, error))?;
    found.ok_or_else(missing)
}

/// The label at the beginning of a medium, in either format.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
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
    /// Begins to read a backup on all devices of a session.
    pub(super) fn open(
        session: &Session,
        devices: &[String],
        position: u32,
    ) -> Result<Self, Trouble> {
        let all = begin(session, devices)?;
        let given = session.configuration().block_size;
        let check = |label: &Label, device: &String| match label.block_size == given {
            true => Ok(()),
            false => Err(other_block_size(device, label.block_size, given)),
        };
        for (sets, device) in all.iter().zip(devices) {
            sets.head
                .iter()
                .try_for_each(|head| check(&head.label, device))?;
        }
        let is_pages = |sets: &Sets| sets.head.as_ref().is_some_and(|head| head.pages);
        if position == 1 && all.iter().all(is_pages) {
            let readers = all.into_iter().map(Sets::into_reader).collect();
            let reader = stream::Reader::open(readers);
            let reader = reader.map_err(|error| of_stream(devices, error))?;
            return Ok(Self {
                label: label_of(reader.header()),
                body: Body::Pages(reader),
            });
        }
        let mut inputs = Vec::new();
        for (sets, device) in all.into_iter().zip(devices) {
            let (reader, label) = find(sets, devices, position)?;
            check(&label, device)?;
            inputs.push((reader, label));
        }
        let reader = media::Reader::open(inputs);
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
    let identity = Uuid::from_bytes(header.backup).to_string();
    Label {
        media_set: identity.clone(),
        position: 1,
        backup: identity,
        family: header.stripe + 1,
        families: geometry.stripes,
        block_size: geometry.block_size,
        record_size: geometry.block_size,
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

/// The number is that of messages that are not the engine's own.
pub(super) fn no_such_set(device: &str, position: u32) -> Trouble {
    let text = format!("Cannot find file ID {position} on device '{device}'.");
    Trouble::new(50000, text)
}

pub(super) fn other_block_size(device: &str, written: u32, given: u32) -> Trouble {
    Trouble::new(
        3272,
        format!(
            "The '{device}' device has a hardware sector size of {written}, but the block size \
             parameter specifies an incompatible override value of {given}. Reissue the statement \
             using a compatible block size."
        ),
    )
    .noting(format!(
        "the backups on the medium were made WITH BLOCKSIZE = {written}; say so, too"
    ))
}
