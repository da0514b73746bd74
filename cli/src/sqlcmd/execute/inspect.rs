//! RESTORE HEADERONLY, FILELISTONLY, LABELONLY and VERIFYONLY.

use vdi::codes::VDF_ReadMedia;

use super::percent::Percent;
use super::set::{BackupSet, begin, find, no_such_set};
use super::sets::Seen;
use super::trouble::Trouble;
use super::{Engine, end};
use crate::engine::session::Session;
use crate::media::{BackupType, Error, Label};
use crate::report;
use crate::sqlcmd::catalogue::Manners;
use crate::sqlcmd::console::Row;
use crate::sqlcmd::messages::{self, Message};
use crate::statement::{Inspect, View};

/// How a virtual device is known in the rows (TSQL-12).
const DEVICE_TYPE: u32 = 7;

impl Engine<'_> {
    pub(super) fn inspect(&mut self, inspect: &Inspect) -> Result<(), Trouble> {
        let devices = &inspect.devices;
        let manners = Manners::default();
        let plan = self.plan(devices, &inspect.transfer, VDF_ReadMedia, &manners)?;
        let mut session = self.open(&plan, devices)?;
        let seen = match inspect.what {
            View::Verify => self
                .verify(inspect, &session)
                .map(|()| Seen::of(Vec::new())),
            _ => look(inspect, &session),
        };
        let Seen {
            labels: seen,
            hidden,
        } = end(&mut session, seen, devices)?;
        // All has been seen, whatever becomes of the set.
        let _ = session.close();
        let labels = || seen.iter().map(|(label, _)| label);
        match inspect.what {
            View::Header => {
                let rows: Vec<_> = seen
                    .iter()
                    .map(|(label, ends)| header(label, *ends))
                    .collect();
                self.console.rows(&rows);
                if let Some(why) = hidden {
                    report::note(&format!("not shown is what follows on the medium: {why}"));
                }
            }
            View::Label => self.console.rows(&labels().map(media).collect::<Vec<_>>()),
            View::FileList => self
                .console
                .rows(&labels().flat_map(files).collect::<Vec<_>>()),
            View::Verify => {
                let position = inspect.position.unwrap_or(1);
                let text = format!("The backup set on file {position} is valid.");
                self.say(&Message::new(3262, 0, text));
            }
        }
        Ok(())
    }

    /// Reads everything and checks it.
    fn verify(&mut self, inspect: &Inspect, session: &Session) -> Result<(), Trouble> {
        let position = inspect.position.unwrap_or(1);
        let mut set = BackupSet::open(session, &inspect.devices, position)?;
        let mut percent = Percent::new(inspect.transfer.stats, set.label.size);
        set.read(&inspect.devices, &mut |bytes| {
            if let Some(due) = percent.advance(bytes.len()) {
                self.say(&messages::percent(due));
            }
            Ok(())
        })?;
        if let Some(hundred) = percent.finish() {
            self.say(&messages::percent(hundred));
        }
        Ok(())
    }
}

/// The labels that are asked for, of the first device, and whether their backup sets have an end,
/// where that was seen. Of the other devices no more is read than the beginning.
fn look(inspect: &Inspect, session: &Session) -> Result<Seen, Trouble> {
    let devices = &inspect.devices;
    let all = begin(session, devices)?;
    let position = inspect.position.unwrap_or(1);
    // Before the set that is asked for, a tape may be damaged.
    if let Some(foreign) = all.iter().find(|sets| position == 1 && sets.head.is_none()) {
        let device = foreign.device();
        return Err(Trouble::media(devices, Error::Foreign { device }));
    }
    let Some(first) = all.into_iter().next() else {
        return Ok(Seen::of(Vec::new()));
    };
    match &first.head {
        Some(head)
            if (position, head.label.position) == (1, 1)
                && (head.pages || inspect.what != View::Header) =>
        {
            Ok(Seen::of(vec![(head.label.clone(), true)]))
        }
        _ if inspect.what == View::Header && inspect.position.is_none() => {
            let device = first.device();
            let seen = first.labels();
            let seen = seen.map_err(|error| Trouble::media(devices, error))?;
            match seen.labels.is_empty() {
                true => Err(no_such_set(&devices[device], position)),
                false => Ok(seen),
            }
        }
        _ => find(first, devices, position).map(|(_, label)| Seen::of(vec![(label, true)])),
    }
}

fn header(label: &Label, ends: bool) -> Row {
    let (number, description) = match label.backup_type {
        BackupType::Database => (1, "Database"),
        BackupType::Log => (2, "Transaction Log"),
        BackupType::Differential => (5, "Database Differential"),
    };
    let name = match ends {
        true => text(&label.name),
        false => "*** INCOMPLETE ***".into(),
    };
    vec![
        ("BackupName", name),
        ("BackupDescription", text(&label.description)),
        ("BackupType", number.to_string()),
        ("Compressed", "0".into()),
        ("Position", label.position.to_string()),
        ("DeviceType", DEVICE_TYPE.to_string()),
        ("UserName", label.user.clone()),
        ("ServerName", label.server.clone()),
        ("DatabaseName", label.database.clone()),
        ("BackupSize", count(label.size)),
        ("BackupStartDate", date(label.started)),
        ("HasBackupChecksums", "1".into()),
        ("IsSnapshot", u8::from(label.snapshot).to_string()),
        ("IsCopyOnly", u8::from(label.copy_only).to_string()),
        ("BackupSetGUID", label.backup.to_uppercase()),
        ("BackupTypeDescription", description.into()),
    ]
}

fn media(label: &Label) -> Row {
    vec![
        ("MediaName", text(&label.media_name)),
        ("MediaSetId", label.media_set.to_uppercase()),
        ("FamilyCount", label.families.to_string()),
        ("FamilySequenceNumber", label.family.to_string()),
        ("MediaSequenceNumber", "1".into()),
        ("MediaLabelPresent", "1".into()),
        ("MediaDescription", text(&label.media_description)),
        ("SoftwareName", "libvdi".into()),
        ("MediaDate", date(label.started)),
        ("MirrorCount", "1".into()),
        ("IsCompressed", "0".into()),
    ]
}

fn files(label: &Label) -> Vec<Row> {
    let row = |(number, file): (u32, &crate::media::File)| {
        vec![
            ("LogicalName", file.logical.clone()),
            ("PhysicalName", file.physical.clone()),
            ("Type", if number == 1 { "D" } else { "L" }.into()),
            (
                "FileGroupName",
                if number == 1 { "PRIMARY" } else { "NULL" }.into(),
            ),
            ("Size", count(file.size)),
            ("FileId", number.to_string()),
        ]
    };
    (1..).zip(&label.files).map(row).collect()
}

fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_else(|| "NULL".into())
}

fn count(value: Option<u64>) -> String {
    value.map_or_else(|| "NULL".into(), |value| value.to_string())
}

/// A moment, in seconds since 1970, as the engine writes it; in UTC.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86400, seconds % 86400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.000")
}

/// The date of a day since 1970, counted in years that begin in March, so that leap days are last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01 00:00:00.000");
        assert_eq!(date(951_782_399), "2000-02-28 23:59:59.000");
        assert_eq!(date(951_782_400), "2000-02-29 00:00:00.000");
        assert_eq!(date(4_107_542_400), "2100-03-01 00:00:00.000");
    }
}
