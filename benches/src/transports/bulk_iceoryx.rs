//! Bulk through iceoryx2: loaned samples one way, numbers back.

use super::Pair;
use super::iceoryx::{Kind, Services, node, persist};
use crate::bulk::Consumer;
use crate::side::{Job, Role, Side};
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;

/// Publish-subscribe with slices, polled or with an event for each message.
pub struct Slices(Services);

impl From<Services> for Slices {
    fn from(services: Services) -> Self {
        Self(services)
    }
}

type Data = iceoryx2::service::port_factory::publish_subscribe::PortFactory<Kind, [u8], ()>;
type Answers = iceoryx2::service::port_factory::publish_subscribe::PortFactory<Kind, u64, ()>;

/// Number of the message that ends the transfer; data is told by a number, too.
const END: u64 = u64::MAX;

impl Slices {
    fn data(&self, node: &Node<Kind>, depth: usize) -> Data {
        persist(|| {
            node.service_builder(&self.0.name("data"))
                .publish_subscribe::<[u8]>()
                .payload_alignment(Alignment::new(4096).expect("a power of two"))
                .subscriber_max_buffer_size(depth + 1)
                .subscriber_max_borrowed_samples(2)
                .enable_safe_overflow(false)
                .open_or_create()
        })
    }

    fn numbers(&self, node: &Node<Kind>, part: &str, depth: usize) -> Answers {
        persist(|| {
            node.service_builder(&self.0.name(part))
                .publish_subscribe::<u64>()
                .subscriber_max_buffer_size(depth + 2)
                .enable_safe_overflow(false)
                .open_or_create()
        })
    }
}

fn send_number(publisher: &Publisher<Kind, u64, ()>, number: u64) {
    publisher
        .loan_uninit()
        .expect("loan")
        .write_payload(number)
        .send()
        .expect("send");
}

impl Pair for Slices {
    fn near(&self, side: &Side) {
        let Job { size, depth, .. } = side.job;
        let node = node();
        let data: Publisher<Kind, [u8], ()> = persist(|| {
            self.data(&node, depth)
                .publisher_builder()
                .initial_max_slice_len(size)
                .max_loaned_samples(1)
                .create()
        });
        let orders = persist(|| {
            self.numbers(&node, "orders", depth)
                .publisher_builder()
                .create()
        });
        let answers: Subscriber<Kind, u64, ()> = persist(|| {
            self.numbers(&node, "answers", depth)
                .subscriber_builder()
                .create()
        });
        let waiting = self.0.waiting(&node, Role::Near);
        side.start();
        let (mut next, mut ended) = (0, 0);
        loop {
            while side.wants(next) && next - ended < depth as u64 {
                let sample = data.loan_slice_uninit(size).expect("loan");
                sample
                    .write_from_slice(side.chunk(next))
                    .send()
                    .expect("send");
                send_number(&orders, next);
                waiting.tell();
                next += 1;
            }
            if ended == next {
                break;
            }
            waiting.wait(|| answers.receive().expect("receive").map(drop));
            ended += 1;
            side.ended(0, ended);
        }
        send_number(&orders, END);
        waiting.tell();
        // What it has published must stay until the other side has got it.
        waiting.wait(|| answers.receive().expect("receive").map(drop));
    }

    fn far(&self, side: &Side) {
        let depth = side.job.depth;
        let node = node();
        let data: Subscriber<Kind, [u8], ()> =
            persist(|| self.data(&node, depth).subscriber_builder().create());
        let orders: Subscriber<Kind, u64, ()> = persist(|| {
            self.numbers(&node, "orders", depth)
                .subscriber_builder()
                .create()
        });
        let answers = persist(|| {
            self.numbers(&node, "answers", depth)
                .publisher_builder()
                .create()
        });
        let waiting = self.0.waiting(&node, Role::Far);
        let mut consumer = Consumer::new(side);
        side.start();
        loop {
            let number = waiting.wait(|| orders.receive().expect("receive").map(|number| *number));
            if number != END {
                let sample = data
                    .receive()
                    .expect("receive")
                    .expect("the data of an order");
                consumer.consume(sample.payload());
                drop(sample);
            }
            send_number(&answers, number);
            waiting.tell();
            if number == END {
                break;
            }
        }
        consumer.finish();
    }
}
