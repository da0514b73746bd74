//! The server: it writes streams and reads them back.

use super::OnPanic;
use super::plan::{MOST_BLOCKS, Plan};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use vdi::codes::*;
use vdi::server::{Callback, Device, Request, Set};
use vdi::{Buffer, Completion, Instance, ServerParameters};

/// A backup, then a restore with the same streams.
pub(super) fn run(name: &str, plan: &Plan, created: &UnixStream) {
    statement(&format!("{name}b"), plan, VDC_Write, created);
    statement(&format!("{name}r"), plan, VDC_Read, created);
}

fn statement(name: &str, plan: &Plan, code: i32, mut created: &UnixStream) {
    // Its end instead of the byte: the client has failed.
    created.read_exact(&mut [0]).unwrap();
    let set = Set::open(&Instance::default(), &Plan::device_name(name, 0)).unwrap();
    let size = MOST_BLOCKS * plan.block;
    let parameters = ServerParameters {
        features: if code == VDC_Write {
            VDF_WriteMedia
        } else {
            VDF_ReadMedia
        },
        block_size: plan.block,
        max_transfer_size: size.next_multiple_of(65536),
        ..ServerParameters::default()
    };
    set.begin_configuration(&parameters).unwrap();
    set.request_buffers(size, 0, plan.devices).unwrap();
    set.end_configuration().unwrap();
    if plan.depth > 1 {
        // A second area, which clients get to know on the way. (BUF-09)
        set.request_buffers(size, 0, plan.devices * (plan.depth - 1))
            .unwrap();
    }
    let devices: Vec<_> = (0..plan.devices)
        .map(|device| set.open_device(&Plan::device_name(name, device)).unwrap())
        .collect();
    thread::scope(|scope| {
        let agent = scope.spawn(|| set.execute_completion_agent());
        for (device, number) in devices.iter().zip(0..) {
            let set = &set;
            scope.spawn(move || {
                let _guard = OnPanic(|| set.signal_abort("the server has failed"));
                Stream::new(set, plan, number, code).run(device);
            });
        }
        agent.join().unwrap().unwrap();
    });
    set.close().unwrap();
}

/// A transfer that has ended, or a buffer that was never used.
struct Done {
    buffer: Buffer,
    from: u64,
    size: u32,
    end: Completion,
}

/// The stream of one device.
struct Stream<'a> {
    plan: &'a Plan,
    number: u32,
    code: i32,
    /// Bytes asked for so far.
    at: u64,
    done: Receiver<Done>,
    report: Sender<Done>,
}

impl<'a> Stream<'a> {
    fn new(set: &Set, plan: &'a Plan, number: u32, code: i32) -> Self {
        let (report, done) = mpsc::channel();
        for _ in 0..plan.depth {
            let buffer = set.allocate_buffer(MOST_BLOCKS * plan.block, 0).unwrap();
            let unused = Done {
                buffer,
                from: 0,
                size: 0,
                end: Completion::default(),
            };
            report.send(unused).unwrap();
        }
        Self {
            plan,
            number,
            code,
            at: 0,
            done,
            report,
        }
    }

    fn run(mut self, device: &Device) {
        let total = self.plan.total(self.number);
        let blocks = if self.code == VDC_Write {
            &self.plan.writes
        } else {
            &self.plan.reads
        };
        let mut sizes = self.plan.sizes(blocks, self.number);
        while self.at < total {
            let wish = sizes.next().unwrap();
            let left = u32::try_from(total - self.at).unwrap();
            let may_pass = self.plan.past_end && self.code == VDC_Read;
            self.send(device, if may_pass { wish } else { wish.min(left) });
        }
        for _ in 0..self.plan.depth {
            self.next_buffer();
        }
        if self.code == VDC_Write {
            self.flush(device);
        }
        device.close().unwrap();
    }

    fn send(&mut self, device: &Device, size: u32) {
        let (buffer, from) = (self.next_buffer(), self.at);
        if self.code == VDC_Write {
            let bytes = self.plan.bytes(self.number, from, size);
            buffer.write(0, &bytes).unwrap();
        } else {
            buffer.write(0, &vec![0x11; size as usize]).unwrap();
        }
        let request = Request {
            position: from as i64,
            ..Request::transfer(self.code, &buffer, size)
        };
        let report = self.report.clone();
        let callback = Callback::new(move |end| {
            // Nobody listens if the test has failed.
            let _ = report.send(Done {
                buffer,
                from,
                size,
                end,
            });
        });
        device.send(request, callback).unwrap();
        self.at += u64::from(size);
    }

    /// Takes a buffer that is free; checks what was in it.
    fn next_buffer(&self) -> Buffer {
        let Done {
            buffer,
            from,
            size,
            end,
        } = self.done.recv().unwrap();
        if size == 0 {
            return buffer;
        }
        let left = self.plan.total(self.number) - from;
        let wanted = size.min(u32::try_from(left).unwrap());
        let code = if wanted < size {
            ERROR_HANDLE_EOF
        } else {
            ERROR_SUCCESS
        };
        assert_eq!((end.code, end.bytes), (code, wanted));
        if self.code == VDC_Read {
            let mut bytes = vec![0; wanted as usize];
            buffer.read(0, &mut bytes).unwrap();
            let same = bytes == self.plan.bytes(self.number, from, wanted);
            assert!(same, "device {}, {size} bytes at {from}", self.number);
        }
        buffer
    }

    fn flush(&self, device: &Device) {
        let (report, done) = mpsc::channel();
        let callback = Callback::new(move |end: Completion| report.send(end.code).unwrap());
        device.send(Request::new(VDC_Flush), callback).unwrap();
        assert_eq!(done.recv().unwrap(), ERROR_SUCCESS);
    }
}
