//! Where a restore goes, and whether it may.

use std::path::PathBuf;

use super::trouble::Trouble;
use crate::media::{BackupType, Kind, Label};
use crate::sqlcmd::catalogue::{Database, Origin};
use crate::statement::{Extent, Restore};

/// Where the database is to be: where the catalogue says, or where MOVE says.
pub(super) fn find(
    restore: &Restore,
    known: Option<Database>,
    label: &Label,
) -> Result<Database, Trouble> {
    for (logical, _) in &restore.moves {
        let is = |name: &str| name.eq_ignore_ascii_case(logical);
        if !label.files.iter().any(|file| is(&file.logical)) {
            let text = format!(
                "Logical file '{logical}' is not part of database '{}'. Use RESTORE FILELISTONLY \
                 to list the logical file names.",
                restore.database
            );
            return Err(Trouble::new(3234, text));
        }
    }
    let path = restore.moves.first().map(|(_, to)| PathBuf::from(to));
    let origin = match (known.as_ref().map(|known| &known.origin), path) {
        (Some(origin), None) => origin.clone(),
        (Some(Origin::File(_)), Some(path)) => Origin::File(path),
        (Some(Origin::Sqlite(_)), Some(path)) => Origin::Sqlite(path),
        (None, Some(path)) if label.kind == Kind::Sqlite => Origin::Sqlite(path),
        (None, Some(path)) => Origin::File(path),
        _ => {
            let text = format!(
                "File '{}' cannot be restored to another place. Use WITH MOVE only for files.",
                restore.database
            );
            return Err(Trouble::new(3156, text));
        }
    };
    Ok(match known {
        Some(known) => Database { origin, ..known },
        None => Database::new(&restore.database, origin),
    })
}

/// Whether this backup may become that database.
pub(super) fn check(restore: &Restore, database: &Database, label: &Label) -> Result<(), Trouble> {
    check_kind(restore, label)?;
    check_order(database, label)?;
    check_existing(restore, database, label)
}

/// The statement asks for what is on the media.
fn check_kind(restore: &Restore, label: &Label) -> Result<(), Trouble> {
    let is_log = label.backup_type == BackupType::Log;
    if is_log != (restore.extent == Extent::Log) || restore.snapshot != label.snapshot {
        let made = match (label.backup_type, label.snapshot) {
            (BackupType::Log, _) => "BACKUP LOG",
            (_, false) => "BACKUP DATABASE",
            (_, true) => "BACKUP DATABASE WITH SNAPSHOT",
        };
        let text = format!(
            "The backup set in file '{}' was created by {made} and cannot be used for this \
             restore operation.",
            restore.devices[0]
        );
        return Err(Trouble::new(3135, text));
    }
    check_media_name(restore.media_name.as_ref(), label, &restore.devices[0])
}

/// The media set has the name that the statement gives, if it gives one.
pub(super) fn check_media_name(
    given: Option<&String>,
    label: &Label,
    device: &str,
) -> Result<(), Trouble> {
    match given.filter(|given| label.media_name.as_ref() != Some(*given)) {
        Some(given) => Err(Trouble::new(
            3258,
            format!("The volume on the device '{device}' is not part of the media set '{given}'."),
        )),
        None => Ok(()),
    }
}

/// What follows another backup comes after it.
fn check_order(database: &Database, label: &Label) -> Result<(), Trouble> {
    let follows = label.backup_type != BackupType::Database;
    if follows && database.path().is_some() && !database.is_in_restore() {
        let text = "The log or differential backup cannot be restored because no files are ready \
                    to rollforward.";
        return Err(Trouble::new(3117, text));
    }
    Ok(())
}

/// Nothing is replaced without being asked for, except by what continues its own restore.
fn check_existing(restore: &Restore, database: &Database, label: &Label) -> Result<(), Trouble> {
    let name = &database.name;
    let path = database.path();
    let exists = path.is_some_and(|path| path.symlink_metadata().is_ok());
    // Whether there is a database behind a program is not known.
    let may_exist = exists || matches!(database.origin, Origin::Command { .. });
    let is_kept = may_exist && !restore.replace;
    let begun = database.restored_from();
    let expected = begun.as_ref().unwrap_or(name);
    let is_other = matches!(database.origin, Origin::Sqlite(_)) && label.kind != Kind::Sqlite;
    if is_other || is_kept && !label.database.eq_ignore_ascii_case(expected) {
        let text = format!(
            "The backup set holds a backup of a database other than the existing '{name}' database."
        );
        return Err(Trouble::new(3154, text));
    }
    if is_kept && exists && begun.is_none() {
        let text = format!(
            "The tail of the log for the database \"{name}\" has not been backed up. Use the WITH \
             REPLACE clause of the RESTORE statement to just overwrite it."
        );
        return Err(Trouble::new(3159, text));
    }
    Ok(())
}
