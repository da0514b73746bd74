//! iceoryx2: request-response and publish-subscribe, polled; publish-subscribe with events.

use super::channel::{Channel, Ends};
use crate::digest::Message;
use crate::side::{Job, Role};
use iceoryx2::active_request::ActiveRequest;
use iceoryx2::pending_response::PendingResponse;
use iceoryx2::port::client::Client;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::server::Server;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use std::collections::VecDeque;
use std::hint;
use std::io;

pub type Kind = ipc::Service;
type Words = [u64; 8];

/// The services of a cell.
pub struct Services {
    /// What their names begin with.
    base: String,
    /// How many messages are outstanding.
    depth: usize,
    /// There is an event for each message; otherwise receivers look all the time.
    events: bool,
}

/// A transport that looks all the time.
pub fn polled<T: From<Services>>(job: &Job) -> io::Result<T> {
    Ok(Services::new(job, false).into())
}

/// A transport with an event for each message.
pub fn with_events<T: From<Services>>(job: &Job) -> io::Result<T> {
    Ok(Services::new(job, true).into())
}

impl Services {
    fn new(job: &Job, events: bool) -> Self {
        set_log_level(LogLevel::Fatal);
        Self {
            base: super::unique("vdi-bench"),
            depth: job.depth,
            events,
        }
    }

    /// How a side waits for messages, and tells of its own.
    pub fn waiting(&self, node: &Node<Kind>, role: Role) -> Waiting {
        let (there, back) = there_and_back(role);
        let event = |part| {
            persist(|| {
                node.service_builder(&self.name(part))
                    .event()
                    .open_or_create()
            })
        };
        Waiting(self.events.then(|| {
            let notifier = persist(|| event(there).notifier_builder().create());
            let listener = persist(|| event(back).listener_builder().create());
            (notifier, listener)
        }))
    }

    pub fn name(&self, part: &str) -> ServiceName {
        let name = format!("{}/{part}", self.base);
        name.as_str().try_into().expect("a valid name")
    }
}

/// What a side sends to, and where it receives.
fn there_and_back(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Near => ("there", "back"),
        Role::Far => ("back", "there"),
    }
}

/// How a process waits for messages, and tells of its own.
pub struct Waiting(Option<(Notifier<Kind>, Listener<Kind>)>);

impl Waiting {
    pub fn wait<T>(&self, mut receive: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(message) = receive() {
                return message;
            }
            match &self.0 {
                Some((_, listener)) => listener.blocking_wait(|_| {}).map(drop).expect("wait"),
                None => hint::spin_loop(),
            }
        }
    }

    pub fn tell(&self) {
        if let Some((notifier, _)) = &self.0 {
            notifier.notify().expect("notify");
        }
    }
}

/// Tries again while the other process is busy making the same service.
pub fn persist<T, E: std::fmt::Debug>(mut attempt: impl FnMut() -> Result<T, E>) -> T {
    for _ in 0..2000 {
        if let Ok(value) = attempt() {
            return value;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    attempt().expect("iceoryx2")
}

/// A node whose files lie in the directory of this run.
pub fn node() -> Node<Kind> {
    let mut config = Config::default();
    let root = std::env::var("VDI_RUNTIME_DIR").expect("the directory of this run");
    config
        .global
        .set_root_path(&Path::new(root.as_bytes()).expect("a valid path"));
    config.global.prefix = FileName::new(PREFIX.as_bytes()).expect("a valid name");
    persist(|| NodeBuilder::new().config(&config).create::<Kind>())
}

/// How the names of its shared memory begin.
const PREFIX: &str = "vdi_bench_iox2_";

/// Removes what stays in shared memory after the last node has gone.
pub fn sweep() {
    for file in std::fs::read_dir("/dev/shm")
        .into_iter()
        .flatten()
        .flatten()
    {
        if file.file_name().to_string_lossy().starts_with(PREFIX) {
            // Best effort: another run may have it, or may have removed it.
            let _ = std::fs::remove_file(file.path());
        }
    }
}

/// Request-response, polled.
pub struct Requests(Services);

impl From<Services> for Requests {
    fn from(services: Services) -> Self {
        Self(services)
    }
}

pub enum RequestEnd {
    Near {
        client: Client<Kind, Words, (), Words, ()>,
        pending: VecDeque<PendingResponse<Kind, Words, (), Words, ()>>,
    },
    Far {
        server: Server<Kind, Words, (), Words, ()>,
        active: VecDeque<ActiveRequest<Kind, Words, (), Words, ()>>,
    },
}

impl Ends for Requests {
    type End<'a> = RequestEnd;

    fn end(&self, role: Role) -> RequestEnd {
        let node = node();
        let service = persist(|| {
            node.service_builder(&self.0.name("requests"))
                .request_response::<Words, Words>()
                .max_active_requests_per_client(self.0.depth + 1)
                .max_loaned_requests(2)
                .open_or_create()
        });
        match role {
            Role::Near => RequestEnd::Near {
                client: persist(|| service.client_builder().create()),
                pending: VecDeque::new(),
            },
            Role::Far => RequestEnd::Far {
                server: persist(|| service.server_builder().create()),
                active: VecDeque::new(),
            },
        }
    }
}

impl Channel for RequestEnd {
    fn send(&mut self, message: &Message) {
        match self {
            Self::Near { client, pending } => {
                let request = client.loan_uninit().expect("loan");
                pending.push_back(request.write_payload(message.0).send().expect("send"));
            }
            Self::Far { active, .. } => {
                let request = active.pop_front().expect("a request to answer");
                let response = request.loan_uninit().expect("loan");
                response.write_payload(message.0).send().expect("send");
            }
        }
    }

    fn receive(&mut self) -> Message {
        loop {
            match self {
                Self::Near { pending, .. } => {
                    let first = pending.front().expect("a request");
                    if let Some(response) = first.receive().expect("receive") {
                        let message = Message(*response);
                        drop(response);
                        pending.pop_front();
                        return message;
                    }
                }
                Self::Far { server, active } => {
                    if let Some(request) = server.receive().expect("receive") {
                        let message = Message(*request);
                        active.push_back(request);
                        return message;
                    }
                }
            }
            hint::spin_loop();
        }
    }
}

/// Publish-subscribe in both directions, polled or with an event for each message.
pub struct Publications(Services);

impl From<Services> for Publications {
    fn from(services: Services) -> Self {
        Self(services)
    }
}

pub struct PublicationEnd {
    publisher: Publisher<Kind, Words, ()>,
    subscriber: Subscriber<Kind, Words, ()>,
    waiting: Waiting,
}

impl Ends for Publications {
    type End<'a> = PublicationEnd;

    fn end(&self, role: Role) -> PublicationEnd {
        let (there, back) = there_and_back(role);
        let node = node();
        let service = |part| {
            persist(|| {
                node.service_builder(&self.0.name(part))
                    .publish_subscribe::<Words>()
                    .subscriber_max_buffer_size(self.0.depth + 1)
                    .enable_safe_overflow(false)
                    .open_or_create()
            })
        };
        PublicationEnd {
            publisher: persist(|| service(there).publisher_builder().create()),
            subscriber: persist(|| service(back).subscriber_builder().create()),
            waiting: self.0.waiting(&node, role),
        }
    }
}

impl Channel for PublicationEnd {
    fn send(&mut self, message: &Message) {
        let sample = self.publisher.loan_uninit().expect("loan");
        sample.write_payload(message.0).send().expect("send");
        self.waiting.tell();
    }

    fn receive(&mut self) -> Message {
        let receive = || self.subscriber.receive().expect("receive");
        self.waiting
            .wait(|| receive().map(|sample| Message(*sample)))
    }
}
