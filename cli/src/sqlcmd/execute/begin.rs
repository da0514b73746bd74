//! Where a backup begins: on media that are empty or to be overwritten, or behind the backups that
//! are on them.

use super::Engine;
use super::place::check_media_name;
use super::set::other_block_size;
use super::sets::{End, Sets};
use super::trouble::Trouble;
use crate::engine::device::{Channel, Writer, look};
use crate::engine::session::Session;
use crate::media::{self, LABEL_BYTES, Label};
use crate::statement::Backup;

impl Engine<'_> {
    /// Brings the media to where the backup is to be. Gives the label of the last backup set on
    /// them, if it is to be behind others, and the writers in the order of the families.
    pub(super) fn begin(
        &self,
        backup: &Backup,
        session: &Session,
    ) -> Result<(Vec<Writer>, Option<Label>), Trouble> {
        let failed = |failure| Trouble::transfer(&backup.devices, "", &failure);
        let mut ends = Vec::new();
        for channel in session.channels().map_err(failed)? {
            channel.rewind().map_err(failed)?;
            if backup.format || !channel.looks_back() {
                ends.push(End::of_nothing(channel));
                continue;
            }
            let (channel, found) = look(channel, LABEL_BYTES).map_err(failed)?;
            ends.push(match found.is_empty() || backup.init {
                true => End::of_nothing(channel),
                false => last(&backup.devices, channel)?,
            });
        }
        let last = ends.iter().find_map(|end| end.last.clone());
        if let Some(last) = &last {
            check(backup, session, &ends, last)?;
            ends.sort_by_key(|end| end.last.as_ref().map(|label| label.family));
        }
        let writer = |end: End| Writer::new(end.channel, end.place);
        Ok((ends.into_iter().map(writer).collect(), last))
    }
}

impl End {
    /// The medium counts as empty.
    fn of_nothing(channel: Channel) -> Self {
        Self {
            channel,
            place: 0,
            last: None,
        }
    }
}

/// The end of what is on a medium that is not empty.
fn last(devices: &[String], channel: Channel) -> Result<End, Trouble> {
    let sets = Sets::open(channel);
    let sets = sets.map_err(|failure| Trouble::transfer(devices, "", &failure))?;
    let number = sets.device();
    let device = &devices[number];
    match &sets.head {
        Some(head) if head.pages => return Err(occupied(device)),
        Some(_) => {}
        None => {
            return Err(Trouble::media(
                devices,
                media::Error::Foreign { device: number },
            ));
        }
    }
    let end = sets.end().map_err(|error| Trouble::media(devices, error))?;
    end.ok_or_else(|| torn(device))
}

/// All media are one media set, which this backup can continue.
fn check(backup: &Backup, session: &Session, ends: &[End], first: &Label) -> Result<(), Trouble> {
    let given = session.configuration().block_size;
    let mut families = Vec::new();
    for end in ends {
        let device = &backup.devices[end.channel.number];
        let Some(last) = &end.last else {
            continue;
        };
        if last.families as usize != ends.len() {
            return Err(other_count(device, last.families, ends.len()));
        }
        if last.block_size != given {
            return Err(other_block_size(device, last.block_size, given));
        }
        check_media_name(backup.media_name.as_ref(), last, device)?;
        if last.media_set == first.media_set && last.backup != first.backup {
            return Err(torn(device));
        }
    }
    for end in ends {
        let family = end
            .last
            .as_ref()
            .filter(|last| last.media_set == first.media_set);
        match family.map(|last| last.family) {
            Some(family) if !families.contains(&family) => families.push(family),
            _ => {
                let device = end.channel.number;
                return Err(Trouble::media(
                    &backup.devices,
                    media::Error::Stranger { device },
                ));
            }
        }
    }
    Ok(())
}

/// What stands there is no media set. The number is that of messages that are not the engine's own.
fn occupied(device: &str) -> Trouble {
    Trouble::new(
        50000,
        format!(
            "The medium on device '{device}' holds a backup of the tool 'vdi backup', to which no \
             other can be appended. Use WITH INIT or WITH FORMAT to overwrite it."
        ),
    )
}

fn torn(device: &str) -> Trouble {
    Trouble::new(
        3266,
        format!(
            "The backup data at the end of \"{device}\" is incorrectly formatted. Backup sets on \
             the media might be damaged and unusable. To determine the backup sets on the media, \
             use RESTORE HEADERONLY. To determine the usability of the backup sets, run RESTORE \
             VERIFYONLY. If all of the backup sets are incomplete, reformat the media using BACKUP \
             WITH FORMAT, which destroys all the backup sets."
        ),
    )
}

fn other_count(device: &str, families: u32, given: usize) -> Trouble {
    Trouble::new(
        3231,
        format!(
            "The media loaded on \"{device}\" is formatted to support {families} media families, \
             but {given} media families are expected according to the backup device specification."
        ),
    )
}
