//! WITH SNAPSHOT: only what the engine must remember passes through the device; the client copies
//! the files, while writers are held off.

use std::path::Path;
use std::time::Instant;

use vdi::codes::{VDC_Complete, VDC_PrepareToFreeze, VDC_Snapshot, VDF_SnapshotPrepare};

use super::set::BackupSet;
use super::trouble::Trouble;
use super::{Engine, end};
use crate::engine::device::{Writer, order_all};
use crate::engine::session::Session;
use crate::engine::source::{Mounted, Target, freeze};
use crate::exit::{Exit, Failure};
use crate::media::{self, File, Kind, Label};
use crate::sqlcmd::catalogue::{Database, Origin};
use crate::sqlcmd::messages;
use crate::statement::{Backup, Restore};

/// Most bytes of metadata, which are names and sizes of one file or two.
const MAX_METADATA: usize = 64 << 10;

impl Engine<'_> {
    pub(super) fn back_up_snapshot(
        &mut self,
        backup: &Backup,
        database: &Database,
    ) -> Result<(), Trouble> {
        let devices = &backup.devices;
        let Origin::Sqlite(path) = &database.origin else {
            let text = "This engine makes snapshots of SQLite databases only.";
            return Err(Trouble::new(50000, text));
        };
        // [SNAP-02]
        if devices.len() > 1 {
            let text = "Too many backup devices specified for backup or restore; only 1 are \
                        allowed.";
            return Err(Trouble::new(3205, text));
        }
        let mut session = self.open_backup(backup, &database.manners)?;
        let begun = Instant::now();
        // What the log adds or leaves is known only when the writers are held off.
        let size = std::fs::metadata(path).ok().map(|file| file.len());
        let files = vec![File {
            logical: database.name.clone(),
            physical: path.display().to_string(),
            size,
        }];
        let failed = |failure: Failure| Trouble::transfer(devices, &database.shown(), &failure);
        let sent = self.begin(backup, &session).and_then(|(writers, last)| {
            let contents = (Kind::Sqlite, files);
            let label = self.label(backup, database, contents, &session, last.as_ref());
            let files = hold(&label, writers, &session, path).map_err(failed)?;
            Ok((label.position, files))
        });
        let (position, files) = end(&mut session, sent, devices)?;
        // The snapshot is complete, whatever becomes of the set.
        let _ = session.close();
        for file in &files {
            let bytes = file.size.unwrap_or(0);
            let file = &file.logical;
            self.say(&messages::pages_of(&database.name, file, bytes, position));
        }
        let bytes = files.iter().filter_map(|file| file.size).sum();
        self.say(&messages::processed(self.title, bytes, begun.elapsed()));
        Ok(())
    }

    /// Reads what was remembered and has the client put the files in place.
    pub(super) fn fetch_snapshot(
        &mut self,
        restore: &Restore,
        set: &mut BackupSet,
        database: &Database,
        replace: bool,
    ) -> Result<Box<dyn Target>, Trouble> {
        let failed =
            |failure: Failure| Trouble::transfer(&restore.devices, &database.shown(), &failure);
        let wrong = |why: &dyn std::fmt::Display| {
            let message = format!("the metadata of the snapshot: {why}");
            failed(Failure::new(Exit::Stripes, message))
        };
        let mut remembered = Vec::new();
        set.read(&restore.devices, &mut |bytes| {
            remembered.extend_from_slice(bytes);
            match remembered.len() <= MAX_METADATA {
                true => Ok(()),
                false => Err(wrong(&"it is too long")),
            }
        })?;
        let files: Vec<File> =
            serde_json::from_slice(&remembered).map_err(|error| wrong(&error))?;
        if !(1..=2).contains(&files.len()) {
            return Err(wrong(&"one file or two are expected"));
        }
        let Origin::Sqlite(path) = &database.origin else {
            return Err(Trouble::new(
                50000,
                "This engine has snapshots of SQLite databases only.",
            ));
        };
        let mounted = Mounted::expect(path, files, replace).map_err(failed)?;
        set.mount().map_err(failed)?;
        Ok(Box::new(mounted))
    }
}

/// Freezes the database, has the snapshot taken and lets the writers go on; gives the files that
/// were to be copied (SNAP-11 to SNAP-15).
fn hold(
    label: &Label,
    writers: Vec<Writer>,
    session: &Session,
    path: &Path,
) -> Result<Vec<File>, Failure> {
    let mut writer = media::Writer::new(label, writers)?;
    for device in writer.sinks() {
        device.mark()?;
        device.drain()?;
        if device.channel().has(VDF_SnapshotPrepare) {
            device.channel().ask(VDC_PrepareToFreeze)?;
        }
    }
    let frozen = freeze(&label.database, path)?;
    let metadata = serde_json::to_vec(&frozen.files).map_err(std::io::Error::other)?;
    writer.write(&metadata)?;
    writer.finish()?;
    let writers = writer.sinks();
    writers.iter_mut().try_for_each(Writer::mark)?;
    writers.iter_mut().try_for_each(Writer::drain)?;
    order_all(writers, VDC_Snapshot)?;
    let files = frozen.files.clone();
    drop(frozen);
    if session.complete_enabled() {
        order_all(writers, VDC_Complete)?;
    }
    Ok(files)
}
