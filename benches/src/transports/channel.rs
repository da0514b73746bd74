//! Round trips over anything that sends and receives messages.

use super::Pair;
use crate::digest::{Fold, Message, STOP};
use crate::side::{Role, Side};

/// One end of a connection for messages.
pub trait Channel {
    /// May hold the message back until the next flush.
    fn send(&mut self, message: &Message);

    fn flush(&mut self) {}

    /// Waits for a message.
    fn receive(&mut self) -> Message;

    /// A message that is there already, for those that can tell cheaply.
    fn received(&mut self) -> Option<Message> {
        None
    }
}

/// What can be made before the processes are, and gives each its end.
pub trait Ends {
    type End<'a>: Channel
    where
        Self: 'a;

    fn end(&self, role: Role) -> Self::End<'_>;
}

impl<E: Ends> Pair for E {
    fn near(&self, side: &Side) {
        let mut channel = self.end(Role::Near);
        side.start();
        send_commands(&mut channel, side);
    }

    fn far(&self, side: &Side) {
        let mut channel = self.end(Role::Far);
        side.start();
        answer(&mut channel, side);
    }
}

fn send_commands(channel: &mut impl Channel, side: &Side) {
    let (mut sent, mut answered) = (Fold::default(), Fold::default());
    let mut send = |channel: &mut _, number: u64| {
        let message = Message::new(number);
        sent.add(message.word());
        Channel::send(channel, &message);
    };
    let mut next = 0;
    while next < side.job.depth as u64 {
        send(channel, next);
        next += 1;
    }
    channel.flush();
    let mut ended = 0;
    while ended < next {
        let mut here = Some(channel.receive());
        while let Some(message) = here {
            answered.add(message.word());
            ended += 1;
            if side.ended(0, ended) {
                send(channel, next);
                next += 1;
            }
            here = channel.received();
        }
        channel.flush();
    }
    side.sent(&sent);
    side.answered(&answered);
    channel.send(&Message::new(STOP));
    channel.flush();
}

/// Answers every message with itself. Answers to messages that were there together go together,
/// but none waits for the work of another.
fn answer(channel: &mut impl Channel, side: &Side) {
    let mut arrived = Fold::default();
    loop {
        let mut here = Some(channel.receive());
        while let Some(message) = here {
            if message.is_stop() {
                side.arrived(&arrived);
                return;
            }
            arrived.add(message.word());
            side.work();
            channel.send(&message);
            if !side.job.work.is_zero() {
                channel.flush();
            }
            here = channel.received();
        }
        channel.flush();
    }
}
