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

/// What the names of the services of a cell begin with, and how many messages are outstanding.
pub struct Names {
    base: String,
    depth: usize,
}

impl Names {
    pub fn new(job: &Job) -> Self {
        set_log_level(LogLevel::Fatal);
        Self {
            base: super::unique("vdi-bench"),
            depth: job.depth,
        }
    }

    pub fn name(&self, part: &str) -> ServiceName {
        let name = format!("{}/{part}", self.base);
        name.as_str().try_into().expect("a valid name")
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
pub struct Requests(Names);

impl Requests {
    pub fn new(job: &Job) -> io::Result<Self> {
        Ok(Self(Names::new(job)))
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
pub struct Publications {
    names: Names,
    events: bool,
}

impl Publications {
    pub fn polled(job: &Job) -> io::Result<Self> {
        Ok(Self {
            names: Names::new(job),
            events: false,
        })
    }

    pub fn with_events(job: &Job) -> io::Result<Self> {
        Ok(Self {
            names: Names::new(job),
            events: true,
        })
    }
}

pub struct PublicationEnd {
    publisher: Publisher<Kind, Words, ()>,
    subscriber: Subscriber<Kind, Words, ()>,
    events: Option<(Notifier<Kind>, Listener<Kind>)>,
}

impl Ends for Publications {
    type End<'a> = PublicationEnd;

    fn end(&self, role: Role) -> PublicationEnd {
        let (there, back) = match role {
            Role::Near => ("there", "back"),
            Role::Far => ("back", "there"),
        };
        let node = node();
        let service = |part| {
            persist(|| {
                node.service_builder(&self.names.name(part))
                    .publish_subscribe::<Words>()
                    .subscriber_max_buffer_size(self.names.depth + 1)
                    .enable_safe_overflow(false)
                    .open_or_create()
            })
        };
        let event = |part| {
            persist(|| {
                node.service_builder(&self.names.name(part))
                    .event()
                    .open_or_create()
            })
        };
        PublicationEnd {
            publisher: persist(|| service(there).publisher_builder().create()),
            subscriber: persist(|| service(back).subscriber_builder().create()),
            events: self.events.then(|| {
                let notifier = persist(|| event(there).notifier_builder().create());
                (
                    notifier,
                    persist(|| event(back).listener_builder().create()),
                )
            }),
        }
    }
}

impl Channel for PublicationEnd {
    fn send(&mut self, message: &Message) {
        let sample = self.publisher.loan_uninit().expect("loan");
        sample.write_payload(message.0).send().expect("send");
        if let Some((notifier, _)) = &self.events {
            notifier.notify().expect("notify");
        }
    }

    fn receive(&mut self) -> Message {
        loop {
            if let Some(sample) = self.subscriber.receive().expect("receive") {
                return Message(*sample);
            }
            match &mut self.events {
                Some((_, listener)) => listener.blocking_wait(|_| {}).map(drop).expect("wait"),
                None => hint::spin_loop(),
            }
        }
    }
}
