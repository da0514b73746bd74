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
use crate::engine::device::{Writer, order_all};
use crate::engine::session::Session;
use crate::engine::source::Source;
use crate::exit::Failure;
use crate::media::{self, BackupType, File, Kind, Label};
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
        let sent = self.send(backup, &mut *source, &session, &database);
        let (label, bytes) = end(&mut session, sent, devices)?;
        // The backup is complete, whatever becomes of the set.
        let _ = session.close();
        for file in &label.files {
            let (file, position) = (&file.logical, label.position);
            self.say(&messages::pages_of(&database.name, file, bytes, position));
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
        plan.looks = !backup.format && !backup.init;
        self.open(&plan, &backup.devices)
    }

    /// What the media are to say of the backup, behind the one with the label `last`. The media
    /// set keeps its name and description.
    pub(super) fn label(
        &self,
        backup: &Backup,
        database: &Database,
        (kind, files): (Kind, Vec<File>),
        session: &Session,
        last: Option<&Label>,
    ) -> Label {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let (media_name, media_description) = match last {
            Some(last) => (&last.media_name, &last.media_description),
            None => (&backup.media_name, &backup.media_description),
        };
        let identity = || Uuid::new_v4().to_string();
        Label {
            media_set: last.map_or_else(identity, |last| last.media_set.clone()),
            position: last.map_or(1, |last| last.position.saturating_add(1)),
            backup: identity(),
            family: 1,
            families: session.configuration().device_count,
            block_size: session.configuration().block_size,
            record_size: session.configuration().max_transfer_size,
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
            media_name: media_name.clone(),
            media_description: media_description.clone(),
            files,
        }
    }

    /// Sends everything to the devices; gives the label and the number of bytes of the database.
    fn send(
        &mut self,
        backup: &Backup,
        source: &mut dyn Source,
        session: &Session,
        database: &Database,
    ) -> Result<(Label, u64), Trouble> {
        let failed =
            |failure: Failure| Trouble::transfer(&backup.devices, &database.shown(), &failure);
        let (writers, last) = self.begin(backup, session)?;
        let contents = (source.kind(), source.files());
        let label = self.label(backup, database, contents, session, last.as_ref());
        let writer = media::Writer::new(&label, writers);
        let mut writer = writer.map_err(|error| failed(error.into()))?;
        let mut percent = Percent::new(backup.transfer.stats, label.size);
        let sent = self
            .stream(source, session, &mut writer, &mut percent, database.manners)
            .and_then(|()| Ok(writer.finish()?))
            .and_then(|bytes| complete(writer.sinks(), session).map(|()| bytes));
        let bytes = sent.map_err(|failure| {
            // A client might throw all of a medium away, with the backups before this one.
            if label.position == 1 {
                discard(writer.sinks());
            }
            failed(failure)
        })?;
        if let Some(hundred) = percent.finish() {
            self.say(&messages::percent(hundred));
        }
        Ok((label, bytes))
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
