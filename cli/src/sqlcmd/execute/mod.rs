//! Executes statements, as the database engine: opens the device set, moves the data, and says
//! what became of it.

mod backup;
mod begin;
mod databases;
mod inspect;
mod percent;
mod place;
mod restore;
mod set;
mod sets;
mod snapshot;
mod trouble;

use std::time::Duration;

use vdi::Instance;
use vdi::codes::VDI_QUEUE_CAPACITY;

use super::catalogue::{Catalogue, Manners};
use super::console::Console;
use super::messages::{self, Message};
use crate::engine::session::{self, Plan, Session};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::report;
use crate::statement::{Action, Statement, Transfer};

use trouble::Trouble;

/// Block and transfer size of virtual devices, when the statement is silent (TSQL-02, TSQL-03).
const BLOCK_SIZE: u32 = 512;
const TRANSFER_SIZE: u32 = 65536;
/// Most devices of a statement (TSQL-06).
const MAX_DEVICES: usize = vdi::codes::VDI_MAX_DEVICES as usize;

/// What statements are executed with.
pub(super) struct Engine<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) instance: Instance,
    pub(super) login_timeout: Duration,
    pub(super) query_timeout: Option<Duration>,
    pub(super) user: String,
    pub(super) interrupt: &'a Interrupt,
    pub(super) console: &'a mut Console,
    /// Of the statement that is executed.
    pub(super) line: usize,
    /// How the engine calls it.
    pub(super) title: &'static str,
}

/// A statement failed; it has been said why.
#[derive(Debug)]
pub(super) struct Failed;

impl Engine<'_> {
    /// Executes a statement; what there is to say is printed.
    pub(super) fn execute(&mut self, statement: &Statement) -> Result<(), Failed> {
        self.line = statement.line;
        self.title = statement.action.title();
        let _alarm = self.query_timeout.map(|limit| self.interrupt.alarm(limit));
        let done = match &statement.action {
            Action::Backup(backup) => self.backup(backup),
            Action::Restore(restore) => self.restore(restore),
            Action::Recover { database, .. } => self.recover(database),
            Action::Inspect(inspect) => self.inspect(inspect),
            Action::Use(database) => self.use_database(database),
            Action::Set => Ok(()),
        };
        done.map_err(|trouble| {
            self.say(&trouble.message);
            if trouble.terminates {
                self.say(&messages::terminated(self.title));
            }
            if let Some(note) = trouble.note {
                report::note(&note);
            }
            Failed
        })
    }

    fn say(&mut self, message: &Message) {
        self.console.message(message, self.line);
    }

    fn use_database(&mut self, name: &str) -> Result<(), Trouble> {
        match self.select(name) {
            Ok(()) => {
                self.say(&messages::database_changed(name));
                Ok(())
            }
            Err(message) => Err(Trouble {
                terminates: false,
                ..message.into()
            }),
        }
    }

    /// What the statement asks of the device set.
    fn plan(
        &self,
        devices: &[String],
        transfer: &Transfer,
        features: u32,
        manners: &Manners,
    ) -> Result<Plan, Trouble> {
        if devices.len() > MAX_DEVICES {
            let text = format!(
                "Too many backup devices specified for backup or restore; only {MAX_DEVICES} are \
                 allowed."
            );
            return Err(Trouble::new(3205, text));
        }
        let names = devices.iter().map(|name| session::name(name)).collect();
        let count = devices.len() as u32;
        // Each device needs a buffer of its own, and can use no more than its queue holds.
        let buffers = transfer.buffer_count.unwrap_or((2 * count).max(4));
        Ok(Plan {
            instance: self.instance.clone(),
            names: Result::map_err(names, |failure| Trouble::opening(devices, &failure))?,
            wait: self.login_timeout,
            features,
            looks: false,
            block_size: transfer.block_size.unwrap_or(BLOCK_SIZE),
            max_transfer_size: transfer.max_transfer_size.unwrap_or(TRANSFER_SIZE),
            buffers: buffers.clamp(count, count * VDI_QUEUE_CAPACITY),
            pace: manners.delay,
        })
    }

    fn open(&self, plan: &Plan, devices: &[String]) -> Result<Session, Trouble> {
        let session = Session::open(plan, self.interrupt);
        session.map_err(|failure| Trouble::opening(devices, &failure))
    }
}

/// Fails when a signal or the time-out came, or the set was aborted.
fn watch(interrupt: &Interrupt, session: &Session) -> Result<(), Failure> {
    interrupt.check()?;
    session.check()
}

/// Ends the transfer. If it failed of something that is not the client's doing, the set is aborted,
/// and the client learns why.
fn end<T>(
    session: &mut Session,
    outcome: Result<T, Trouble>,
    devices: &[String],
) -> Result<T, Trouble> {
    if let Err(trouble) = &outcome {
        if trouble.aborts {
            session.abort(trouble.note.as_deref().unwrap_or(&trouble.message.text));
        }
    }
    let ended = session.end().and_then(|()| session.check());
    let value = outcome?;
    ended.map_err(|failure| Trouble::transfer(devices, "", &failure))?;
    Ok(value)
}
