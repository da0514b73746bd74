//! libvdi through its Rust interface.

use super::Pair;
use crate::bulk::Consumer;
use crate::digest::Fold;
use crate::os;
use crate::side::{Job, Side};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vdi::codes::{VDC_Flush, VDC_Write, VDF_WriteMedia};
use vdi::{
    Buffer, Completion, Configuration, CreateOptions, ErrorKind, Instance, Name, ServerParameters,
};
use vdi::{client, server};

/// A device set with one device; bulk bytes are copied in.
pub struct LibvdiRust(Name);

impl LibvdiRust {
    pub fn new(_: &Job) -> io::Result<Self> {
        Ok(Self(
            Name::new(super::unique("bench")).expect("a valid name"),
        ))
    }

    /// Opens the set when the client has created it, and configures it.
    fn open_server(&self, job: &Job) -> server::Set {
        let set = loop {
            match server::Set::open(&Instance::default(), &self.0) {
                Ok(set) => break set,
                Err(_) => os::sleep(Duration::from_micros(200)),
            }
        };
        let parameters = ServerParameters {
            features: VDF_WriteMedia,
            block_size: 4096,
            max_transfer_size: job.size.max(65536) as u32,
            ..ServerParameters::default()
        };
        set.begin_configuration(&parameters).expect("begin");
        if job.size > 0 {
            set.request_buffers(job.size as u32, 0, job.buffers as u32)
                .expect("buffers");
        }
        set.end_configuration().expect("end");
        set
    }
}

/// The commands of the device. The main thread sends the first, then only the agent is here.
struct Lane {
    side: Side,
    set: Arc<server::Set>,
    device: server::Device,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    ended: u64,
    sent: Fold,
    answered: Fold,
}

impl Lane {
    fn send(self: &Arc<Self>, state: &mut State) {
        let number = state.next;
        state.next += 1;
        state.sent.add(number);
        let mut request = server::Request::new(VDC_Flush);
        let mut buffer = None;
        if self.side.job.size > 0 {
            let chunk = self.side.chunk(number);
            let filled = self
                .set
                .allocate_buffer(chunk.len() as u32, 0)
                .expect("a buffer");
            filled.write(0, chunk).expect("room");
            request = server::Request::transfer(VDC_Write, &filled, chunk.len() as u32);
            buffer = Some(filled);
        }
        request.position = number as i64;
        let lane = Arc::clone(self);
        let callback = server::Callback::new(move |end| lane.completed(end, buffer));
        self.device.send(request, callback).expect("send");
    }

    fn completed(self: &Arc<Self>, end: Completion, buffer: Option<Buffer>) {
        assert_eq!(
            (end.code, end.bytes as usize),
            (0, self.side.job.size),
            "a command has failed"
        );
        let mut state = self.state.lock().expect("not poisoned");
        match buffer {
            Some(buffer) => self
                .set
                .free_buffer(buffer.address(), buffer.len() as u32)
                .expect("free"),
            None => state.answered.add(end.position as u64),
        }
        state.ended += 1;
        let more = self.side.ended(0, state.ended)
            && (self.side.job.size == 0 || self.side.wants(state.next));
        if more {
            self.send(&mut state);
        } else if state.ended == state.next {
            self.device.close().expect("close");
        }
    }
}

impl Pair for LibvdiRust {
    fn near(&self, side: &Side) {
        let set = Arc::new(self.open_server(&side.job));
        let device = set.open_device(&self.0).expect("the device");
        side.start();
        let lane = Arc::new(Lane {
            side: side.clone(),
            set,
            device,
            state: Mutex::default(),
        });
        for _ in 0..side.job.depth {
            lane.send(&mut lane.state.lock().expect("not poisoned"));
        }
        std::thread::scope(|scope| {
            scope.spawn(|| lane.set.execute_completion_agent().expect("the agent"));
        });
        let state = lane.state.lock().expect("not poisoned");
        side.sent(&state.sent);
        side.answered(&state.answered);
    }

    fn far(&self, side: &Side) {
        let inputs = Configuration {
            device_count: 1,
            ..Configuration::default()
        };
        let options = CreateOptions {
            name_wait: Some(Duration::from_secs(10)),
            ..CreateOptions::default()
        };
        let set =
            client::Set::create(&Instance::default(), &self.0, &inputs, &options).expect("create");
        set.configuration(None).expect("configuration");
        let device = set.open_device(&self.0).expect("the device");
        side.start();
        serve(&device, side);
    }
}

/// The life of the device: fetches, obeys and completes until the server closes it.
fn serve(device: &client::Device, side: &Side) {
    let mut arrived = Fold::default();
    let mut consumer = (side.job.size > 0).then(|| Consumer::new(side));
    loop {
        let command = match device.get_command(None) {
            Ok(command) => command,
            Err(end) if end.kind() == ErrorKind::Close => break,
            Err(error) => panic!("{error}"),
        };
        let bytes = command.size() as usize;
        match (&mut consumer, command.buffer()) {
            (Some(consumer), Some(buffer)) => {
                // SAFETY: the server does not touch the buffer before the command is completed.
                let bytes = unsafe { std::slice::from_raw_parts(buffer.as_ptr(), bytes) };
                consumer.consume(bytes);
            }
            _ => arrived.add(command.position() as u64),
        }
        side.work();
        let done = Completion {
            bytes: bytes as u32,
            position: command.position(),
            ..Completion::default()
        };
        device.complete(&command, done).expect("complete");
    }
    match consumer {
        Some(consumer) => consumer.finish(),
        None => side
            .board
            .result
            .0
            .arrived
            .store(arrived.value(), Ordering::Release),
    }
}
