//! From the creation of the set to the verdict about the whole run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;
use vdi::client::Set;
use vdi::codes::VDF_RequestComplete;
use vdi::{Configuration, CreateOptions, ErrorKind, Instance, Name};

use super::media::{Medium, serve};
use super::statement::{Engine, Statement};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::report::{Contents, StatementLine};
use crate::{durable, engine};

/// How often progress is shown and the engine is looked at while the configuration is awaited.
const TICK: Duration = Duration::from_millis(100);
/// How long the other parts may take to end after one has ended badly.
const GRACE: Duration = Duration::from_secs(10);

/// What is to be done.
pub(crate) struct Job {
    pub(crate) statement: Statement,
    /// One for each device.
    pub(crate) media: Vec<Box<dyn Medium>>,
    /// Ask for `VDC_Complete`.
    pub(crate) request_complete: bool,
    /// The database whose hidden file a killed engine may have left.
    pub(crate) restored: Option<PathBuf>,
}

/// What happens while the supervisor waits.
pub(crate) enum Event {
    /// The engine printed a line.
    Statement(StatementLine),
    /// The engine closed its output: it has ended, or is about to.
    EngineEnded,
    /// A device ended.
    DeviceEnded {
        number: usize,
        medium: Box<dyn Medium>,
        outcome: vdi::Result<()>,
    },
    /// A signal came, and the set was aborted.
    Interrupted,
}

/// Does the job. Gives what was moved.
pub(crate) fn run(
    job: Job,
    interrupt: &Interrupt,
    progress: &mut Progress,
) -> Result<Contents, Failure> {
    let name = Uuid::new_v4().to_string();
    // The further names only have to differ within the set (NAME-07).
    let names: Vec<String> = (0..job.media.len())
        .map(|k| {
            if k == 0 {
                name.clone()
            } else {
                format!("{name}-{k}")
            }
        })
        .collect();
    let (events, inbox) = channel();
    let set = Arc::new(create(&names, job.request_complete)?);
    let signalled = (Arc::downgrade(&set), events.clone());
    interrupt.on_signal(move |signal| {
        let (set, events) = &signalled;
        // The set may be closed or aborted already, the supervisor gone.
        let reason = format!("the agent was interrupted by {signal}");
        let _ = set.upgrade().map(|set| set.signal_abort(&reason));
        let _ = events.send(Event::Interrupted);
    });
    let engine = job.statement.issue(&names, events.clone())?;
    let mut supervisor = Supervisor {
        set,
        engine,
        inbox,
        progress,
        labels: job.media.iter().map(|medium| medium.label()).collect(),
        media: Vec::new(),
        serving: 0,
        result: None,
        engine_ended: false,
        publishing: false,
        trouble: None,
        give_up: None,
    };
    match supervisor.await_configuration() {
        Ok(_) => supervisor.serve(&names, job.media, &events),
        Err(failure) => {
            supervisor.media = job.media;
            supervisor.trouble = Some(failure);
            supervisor.begin_grace();
        }
    }
    while supervisor.is_busy() {
        supervisor.pump(TICK);
    }
    let verdict = supervisor.verdict(interrupt);
    if let (Err(_), Some(database)) = (&verdict, &job.restored) {
        durable::remove_leftover(database, &engine::tag(&name));
    }
    verdict
}

fn create(names: &[String], request_complete: bool) -> Result<Set, Failure> {
    let failed = |error| Failure::link("cannot create the device set", &error);
    let configuration = Configuration {
        device_count: names.len() as u32,
        features: if request_complete {
            VDF_RequestComplete
        } else {
            0
        },
        ..Configuration::default()
    };
    let name = Name::new(&names[0]).map_err(failed)?;
    let options = CreateOptions::default();
    Set::create(&Instance::default(), &name, &configuration, &options).map_err(failed)
}

struct Supervisor<'a> {
    set: Arc<Set>,
    engine: Engine,
    inbox: Receiver<Event>,
    progress: &'a mut Progress,
    /// Names of the media, by device.
    labels: Vec<String>,
    /// The media that no device uses any more.
    media: Vec<Box<dyn Medium>>,
    /// Number of devices still served.
    serving: usize,
    /// What the engine says about the statement.
    result: Option<Result<Contents, Failure>>,
    engine_ended: bool,
    /// The engine is putting the restored database in place, or has done so.
    publishing: bool,
    /// The first thing that went wrong between the two sides, as seen from here.
    trouble: Option<Failure>,
    /// When to stop waiting for the rest.
    give_up: Option<Instant>,
}

impl Supervisor<'_> {
    /// Waits for the server's configuration and watches the engine meanwhile: if the statement
    /// fails before it has opened the set, nobody else tells (CFG-09).
    fn await_configuration(&mut self) -> Result<Configuration, Failure> {
        loop {
            match self.set.configuration(Some(TICK)) {
                Ok(configuration) => return Ok(configuration),
                Err(error) if error.kind() == ErrorKind::Timeout => {}
                Err(error) => return Err(Failure::link("the set was not configured", &error)),
            }
            self.pump(Duration::ZERO);
            if self.engine_ended {
                let message = "the statement ended before the set was configured";
                return Err(Failure::new(Exit::Engine, message));
            }
        }
    }

    /// Serves every device on a thread of its own.
    fn serve(&mut self, names: &[String], media: Vec<Box<dyn Medium>>, events: &Sender<Event>) {
        for (number, (name, mut medium)) in names.iter().zip(media).enumerate() {
            let (set, events, name) = (Arc::clone(&self.set), events.clone(), name.clone());
            let moved: Arc<AtomicU64> = self.progress.counter();
            self.serving += 1;
            thread::spawn(move || {
                let outcome = Name::new(&name)
                    .and_then(|name| set.open_device(&name))
                    .and_then(|device| serve(&device, &mut *medium, &moved));
                // The supervisor may have given up.
                let _ = events.send(Event::DeviceEnded {
                    number,
                    medium,
                    outcome,
                });
            });
        }
    }

    fn is_busy(&self) -> bool {
        let all_ended = self.engine_ended && self.serving == 0;
        let given_up = self.give_up.is_some_and(|at| Instant::now() >= at);
        !all_ended && !given_up
    }

    /// Handles what comes within some time, and shows the progress.
    fn pump(&mut self, wait: Duration) {
        match self.inbox.recv_timeout(wait) {
            Ok(event) => self.handle(event),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        self.progress.show();
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Statement(StatementLine::Started { stream_bytes }) => {
                self.progress.expect(stream_bytes);
            }
            Event::Statement(StatementLine::Publishing) => self.publishing = true,
            Event::Statement(StatementLine::Succeeded(contents)) => {
                self.result = Some(Ok(contents));
            }
            Event::Statement(StatementLine::Failed(failure)) => self.result = Some(Err(failure)),
            Event::EngineEnded => {
                self.engine_ended = true;
                self.begin_grace();
            }
            Event::DeviceEnded {
                number,
                medium,
                outcome,
            } => {
                self.serving -= 1;
                self.media.push(medium);
                if let Err(error) = outcome {
                    self.device_failed(number, &error);
                }
            }
            Event::Interrupted => self.begin_grace(),
        }
    }

    /// A device that cannot be served any more ends the whole transfer.
    fn device_failed(&mut self, number: usize, error: &vdi::Error) {
        let what = format!("cannot serve {}", self.labels[number]);
        self.trouble.get_or_insert(Failure::link(&what, error));
        if error.kind() != ErrorKind::Abort {
            // A second abort changes nothing.
            let _ = self.set.signal_abort(&format!("{what}: {error}"));
        }
        self.begin_grace();
    }

    fn begin_grace(&mut self) {
        self.give_up.get_or_insert(Instant::now() + GRACE);
    }

    /// Closes everything and says how the run ended: well only if the statement and every device
    /// ended well, and what they left is durable.
    fn verdict(mut self, interrupt: &Interrupt) -> Result<Contents, Failure> {
        if !self.engine_ended {
            self.engine.kill();
        }
        let epitaph = self.engine.epitaph();
        // Whatever it says, the verdict stands.
        let _ = self.set.close();
        let whole = self.serving == 0 && self.trouble.is_none();
        let verdict = match self.result.take() {
            Some(Ok(contents)) if whole => {
                let prepare = |medium: &mut Box<dyn Medium>| medium.prepare();
                let prepared = self.media.iter_mut().try_for_each(prepare);
                prepared.map(|()| contents)
            }
            result => Err(self.cause(interrupt, result, &epitaph)),
        };
        for medium in &mut self.media {
            match verdict {
                Ok(_) => medium.keep(),
                Err(_) => medium.discard(),
            }
        }
        verdict
    }

    /// The failure that explains the others.
    fn cause(
        &mut self,
        interrupt: &Interrupt,
        result: Option<Result<Contents, Failure>>,
        epitaph: &str,
    ) -> Failure {
        if result.is_none() && self.publishing {
            let state = "while it put the database in place, which is either as before or restored";
            return Failure::new(Exit::Engine, format!("{epitaph} {state}"));
        }
        if let Err(interrupted) = interrupt.check() {
            return interrupted;
        }
        if let Some(failure) = self.media.iter().find_map(|medium| medium.failure()) {
            return failure;
        }
        let lost = |how| Failure::new(Exit::Engine, format!("{epitaph} {how}; nothing was kept"));
        match (result, self.trouble.take()) {
            (Some(Err(statement)), trouble) => match trouble {
                // The engine only heard of what went wrong here.
                Some(own) if statement.exit == Exit::Aborted && own.exit != Exit::Aborted => own,
                _ => self.labelled(statement),
            },
            (Some(Ok(_)), Some(trouble)) => trouble,
            (Some(Ok(_)), None) => lost("before all devices had ended"),
            (None, _) => lost("before the statement ended"),
        }
    }

    /// Names the file behind the device that a failure speaks of.
    fn labelled(&self, failure: Failure) -> Failure {
        match failure.device.and_then(|device| self.labels.get(device)) {
            Some(label) => Failure {
                message: format!("{label}: {}", failure.message),
                ..failure
            },
            None => failure,
        }
    }
}
