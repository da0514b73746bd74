//! RESTORE DATABASE and RESTORE LOG.

use std::time::Instant;

use vdi::codes::VDF_ReadMedia;

use super::percent::Percent;
use super::place;
use super::set::BackupSet;
use super::trouble::Trouble;
use super::{Engine, end, watch};
use crate::engine::session::Session;
use crate::engine::source::Target;
use crate::engine::unique_tag;
use crate::exit::Failure;
use crate::media::Label;
use crate::sqlcmd::catalogue::{Database, Manners};
use crate::sqlcmd::messages;
use crate::statement::Restore;

impl Engine<'_> {
    pub(super) fn restore(&mut self, restore: &Restore) -> Result<(), Trouble> {
        let known = self.catalogue.find(&restore.database).cloned();
        if known.is_none() && restore.moves.is_empty() {
            return Err(self.unknown(&restore.database));
        }
        let manners = known
            .as_ref()
            .map_or_else(Manners::default, |known| known.manners);
        let devices = &restore.devices;
        let plan = self.plan(devices, &restore.transfer, VDF_ReadMedia, &manners)?;
        let mut session = self.open(&plan, devices)?;
        let begun = Instant::now();
        let fetched = self.fetch(restore, known, &session);
        let (label, database, target) = end(&mut session, fetched, devices)?;
        self.settle(restore, &label, &database, target, &session)?;
        // The database is in place, whatever becomes of the set.
        let _ = session.close();
        let bytes = label.size.unwrap_or(0);
        for file in &label.files {
            let (file, position) = (&file.logical, restore.position);
            self.say(&messages::pages_of(&database.name, file, bytes, position));
        }
        self.say(&messages::processed(self.title, bytes, begun.elapsed()));
        Ok(())
    }

    /// Reads and verifies the whole backup. The label then has its true size.
    fn fetch(
        &mut self,
        restore: &Restore,
        known: Option<Database>,
        session: &Session,
    ) -> Result<(Label, Database, Box<dyn Target>), Trouble> {
        let devices = &restore.devices;
        let mut set = BackupSet::open(session, devices, restore.position)?;
        let mut label = set.label.clone();
        let database = place::find(restore, known, &label)?;
        place::check(restore, &database, &label)?;
        let failed = |failure: Failure| Trouble::transfer(devices, &database.shown(), &failure);
        let replace = restore.replace || database.is_in_restore();
        if label.snapshot {
            let target = self.fetch_snapshot(restore, &mut set, &database, replace)?;
            return Ok((label, database, target));
        }
        let mut target = database.target(replace, &unique_tag()).map_err(failed)?;
        let mut percent = Percent::new(restore.transfer.stats, label.size);
        let interrupt = self.interrupt;
        let watch = || watch(interrupt, session);
        set.read(devices, &mut |bytes| {
            target.write(&watch, bytes).map_err(failed)?;
            if let Some(due) = percent.advance(bytes.len()) {
                self.say(&messages::percent(due));
            }
            Ok(())
        })?;
        if let Some(hundred) = percent.finish() {
            self.say(&messages::percent(hundred));
        }
        label.size = Some(percent.done);
        Ok((label, database, target))
    }

    /// Puts the restored database in its place.
    fn settle(
        &self,
        restore: &Restore,
        label: &Label,
        database: &Database,
        target: Box<dyn Target>,
        session: &Session,
    ) -> Result<(), Trouble> {
        let failed = |failure| Trouble::transfer(&restore.devices, &database.shown(), &failure);
        let unmarked = |error| failed(Failure::output(&database.shown(), &error));
        // The last moment at which the client can change its mind.
        watch(self.interrupt, session).map_err(failed)?;
        target.commit(&|| self.interrupt.check()).map_err(failed)?;
        // Not before: the mark would let the next restore replace a database that is still there.
        let marked = match restore.recovery {
            true => database.end_restore(),
            false => database.begin_restore(&label.database),
        };
        marked.map_err(unmarked)
    }

    /// Ends a restore that was left with NORECOVERY.
    pub(super) fn recover(&mut self, name: &str) -> Result<(), Trouble> {
        let begun = Instant::now();
        let database = self.database(name)?;
        if !database.is_in_restore() {
            return Err(Trouble::new(
                3153,
                "The database is already fully recovered.",
            ));
        }
        let failed = |error| {
            let failure = Failure::output(&database.shown(), &error);
            Trouble::transfer(&[], &database.shown(), &failure)
        };
        database.end_restore().map_err(failed)?;
        self.say(&messages::processed(self.title, 0, begun.elapsed()));
        Ok(())
    }
}
