//! Where a backup begins: on media that are empty or to be overwritten, or behind the backups that
//! are on them.

use super::Engine;
use super::place::check_media_name;
use super::set::other_block_size;
use super::sets::{End, Sets};
use super::trouble::Trouble;
use crate::engine::device::{Channel, Writer};
use crate::engine::session::Session;
use crate::media::{self, Label, MAX_SETS};
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
        let looks = !backup.format && !backup.init;
        let mut ends = Vec::new();
        for channel in session.channels().map_err(failed)? {
            channel.rewind().map_err(failed)?;
            ends.push(match looks && channel.looks_back() {
                true => last(&backup.devices, channel)?,
                false => End::of_nothing(channel),
            });
        }
        let last = ends.iter().find_map(|end| end.last.clone());
        if let Some(last) = &last {
            check(backup, &ends, last)?;
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

/// The end of what is on a medium.
fn last(devices: &[String], channel: Channel) -> Result<End, Trouble> {
    let given = channel.block_size();
    let sets = Sets::open(channel).map_err(|failure| {
        Trouble::transfer(devices, "", &failure).noting(format!(
            "the medium cannot be looked at: {failure}; WITH INIT and WITH FORMAT overwrite it \
             without a look"
        ))
    })?;
    let number = sets.device();
    let device = &devices[number];
    match &sets.head {
        Some(head) if head.pages => return Err(occupied(device)),
        Some(head) if head.label.block_size != given => {
            return Err(other_block_size(device, head.label.block_size, given));
        }
        None if !sets.is_empty => {
            let foreign = media::Error::Foreign { device: number };
            return Err(Trouble::media(devices, foreign));
        }
        _ => {}
    }
    let end = sets.end().map_err(|error| Trouble::media(devices, error))?;
    let end = end.ok_or_else(|| torn(device))?;
    match &end.last {
        Some(last) if last.position >= MAX_SETS => Err(full(device)),
        _ => Ok(end),
    }
}

/// All media are one media set, which this backup can continue.
fn check(backup: &Backup, ends: &[End], first: &Label) -> Result<(), Trouble> {
    let mut families = Vec::new();
    for end in ends {
        let device = &backup.devices[end.channel.number];
        let Some(last) = &end.last else {
            continue;
        };
        if last.families as usize != ends.len() {
            return Err(other_count(device, last.families, ends.len()));
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

fn full(device: &str) -> Trouble {
    let text = format!("The medium on device '{device}' holds {MAX_SETS} backups, and no more.");
    Trouble::new(50000, text)
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
