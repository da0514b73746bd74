//! BACKUP DATABASE and BACKUP LOG.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;
use vdi::codes::{
    VDC_ClearError, VDC_Complete, VDC_Discard, VDC_Flush, VDF_CompleteEnabled, VDF_Discard,
    VDF_WriteMedia,
};

use super::percent::Percent;
use super::trouble::Trouble;
use super::{Engine, end, watch};
use crate::engine::device::{Channel, Writer, look, order_all};
use crate::engine::session::Session;
use crate::engine::source::Source;
use crate::exit::Failure;
use crate::media::{self, BackupType, File, Kind, LABEL_BYTES, Label};
use crate::sqlcmd::catalogue::{Database, Manners};
use crate::sqlcmd::messages;
use crate::statement::{Backup, Extent};

/// How long a client that failed a backup may take to discard it.
const COURTESY: Duration = Duration::from_secs(5);

impl Engine<'_> {
    pub(super) fn backup(&mut self, backup: &Backup) -> Result<(), Trouble> {
        let database = self.database(&backup.database)?;
        if database.is_in_restore() {
            return Err(messages::in_restore(&database.name).into());
        }
        if backup.snapshot {
            return self.back_up_snapshot(backup, &database);
        }
        let devices = &backup.devices;
        let failed = |failure| Trouble::transfer(devices, &database.shown(), &failure);
        let mut source = database.source().map_err(failed)?;
        let mut session = self.open_backup(backup, &database.manners)?;
        let begun = Instant::now();
        let (kind, files) = (source.kind(), source.files());
        let label = self.label(backup, &database, kind, files, &session);
        let sent = self.send(backup, &label, &mut *source, &session, &database);
        let bytes = end(&mut session, sent, devices)?;
        // The backup is complete, whatever becomes of the set.
        let _ = session.close();
        for file in &label.files {
            self.say(&messages::pages_of(&database.name, &file.logical, bytes));
        }
        self.say(&messages::processed(self.title, bytes, begun.elapsed()));
        Ok(())
    }

    /// Opens and configures the set for a backup.
    pub(super) fn open_backup(
        &self,
        backup: &Backup,
        manners: &Manners,
    ) -> Result<Session, Trouble> {
        let mut features = VDF_WriteMedia;
        if manners.complete {
            features |= VDF_CompleteEnabled;
        }
        let mut plan = self.plan(&backup.devices, &backup.transfer, features, manners)?;
        plan.looks = !backup.format;
        self.open(&plan, &backup.devices)
    }

    /// What the media are to say of the backup.
    pub(super) fn label(
        &self,
        backup: &Backup,
        database: &Database,
        kind: Kind,
        files: Vec<File>,
        session: &Session,
    ) -> Label {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Label {
            backup: Uuid::new_v4().to_string(),
            family: 1,
            families: session.configuration().device_count,
            block_size: session.configuration().block_size,
            kind,
            backup_type: match (backup.extent, backup.differential) {
                (Extent::Log, _) => BackupType::Log,
                (Extent::Database, true) => BackupType::Differential,
                (Extent::Database, false) => BackupType::Database,
            },
            copy_only: backup.copy_only,
            snapshot: backup.snapshot,
            server: self.console.server().to_owned(),
            user: self.user.clone(),
            database: database.name.clone(),
            started: now.map_or(0, |now| now.as_secs()),
            size: files.iter().map(|file| file.size).sum(),
            name: backup.name.clone(),
            description: backup.description.clone(),
            media_name: backup.media_name.clone(),
            media_description: backup.media_description.clone(),
            files,
        }
    }

    /// Sends everything to the devices; gives the number of bytes of the database.
    fn send(
        &mut self,
        backup: &Backup,
        label: &Label,
        source: &mut dyn Source,
        session: &Session,
        database: &Database,
    ) -> Result<u64, Trouble> {
        let failed =
            |failure: Failure| Trouble::transfer(&backup.devices, &database.shown(), &failure);
        let writers = self.begin(backup, session)?;
        let transfer = session.configuration().max_transfer_size as usize;
        let writer = media::Writer::new(label, transfer, writers);
        let mut writer = writer.map_err(|error| failed(error.into()))?;
        let mut percent = Percent::new(backup.transfer.stats, label.size);
        let sent = self
            .stream(source, session, &mut writer, &mut percent, database.manners)
            .and_then(|()| Ok(writer.finish()?))
            .and_then(|bytes| complete(writer.sinks(), session).map(|()| bytes));
        let bytes = sent.map_err(|failure| {
            discard(writer.sinks());
            failed(failure)
        })?;
        if let Some(hundred) = percent.finish() {
            self.say(&messages::percent(hundred));
        }
        Ok(bytes)
    }

    /// Brings the media to their beginning, if nothing on them is in the way.
    pub(super) fn begin(&self, backup: &Backup, session: &Session) -> Result<Vec<Writer>, Trouble> {
        let failed = |failure| Trouble::transfer(&backup.devices, "", &failure);
        let channels = session.channels().map_err(failed)?;
        let begin = |channel: Channel| {
            channel.rewind().map_err(failed)?;
            if backup.format || !channel.looks_back() {
                return Ok(Writer::new(channel));
            }
            let (channel, found) = look(channel, LABEL_BYTES).map_err(failed)?;
            if !found.is_empty() && !backup.init {
                return Err(occupied(&backup.devices[channel.number]));
            }
            Ok(Writer::new(channel))
        };
        channels.into_iter().map(begin).collect()
    }

    /// Sends the bytes of the database, with the Flushes in between that the catalogue asks for.
    fn stream(
        &mut self,
        source: &mut dyn Source,
        session: &Session,
        writer: &mut media::Writer<Writer>,
        percent: &mut Percent,
        manners: Manners,
    ) -> Result<(), Failure> {
        // Behind the label a tape has a filemark, as behind the data.
        writer.sinks().iter_mut().try_for_each(Writer::mark)?;
        let mut unflushed = 0;
        let interrupt = self.interrupt;
        let watch = || watch(interrupt, session);
        source.read(&watch, &mut |bytes| {
            writer.write(bytes)?;
            if let Some(due) = percent.advance(bytes.len()) {
                self.say(&messages::percent(due));
            }
            unflushed += bytes.len() as u64;
            if manners.flush_every.is_some_and(|every| unflushed >= every) {
                unflushed = 0;
                flush(writer.sinks())?;
            }
            Ok(())
        })
    }
}

/// Ends the backup on every device: filemark, Flush, and after all have succeeded Complete.
fn complete(writers: &mut [Writer], session: &Session) -> Result<(), Failure> {
    writers.iter_mut().try_for_each(Writer::mark)?;
    flush(writers)?;
    if session.complete_enabled() {
        order_all(writers, VDC_Complete)?;
    }
    Ok(())
}

/// Sends Flush to every device, behind all Writes.
pub(super) fn flush(writers: &mut [Writer]) -> Result<(), Failure> {
    writers.iter_mut().try_for_each(Writer::drain)?;
    order_all(writers, VDC_Flush)
}

/// Tells devices that want to know that what was written is not wanted. The one that failed takes
/// no command before ClearError (ERR-02); the statement has failed already, whatever they answer.
/// A client may have left a device that failed, so the answers are not waited for without end:
/// closing the devices settles the rest.
fn discard(writers: &[Writer]) {
    let end = Instant::now() + COURTESY;
    let wanting = writers.iter().map(Writer::channel);
    let mut wanting: Vec<_> = wanting.filter(|channel| channel.has(VDF_Discard)).collect();
    for command in [VDC_ClearError, VDC_Discard] {
        let pending: Vec<_> = wanting
            .into_iter()
            .map(|channel| (channel, channel.send(command)))
            .collect();
        let answered = pending
            .into_iter()
            .filter(|(_, pending)| pending.ends_before(end));
        wanting = answered.map(|(channel, _)| channel).collect();
    }
}

/// This engine appends to no medium. The number is that of messages that are not the engine's own.
fn occupied(device: &str) -> Trouble {
    Trouble::new(
        50000,
        format!(
            "The medium on device '{device}' holds data already, and this engine does not append. \
             Use WITH INIT or WITH FORMAT to overwrite it."
        ),
    )
}
