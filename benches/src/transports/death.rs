//! How soon a process learns that the other one has been killed.

use super::Pair;
use super::libvdi::Libvdi;
use crate::os;
use crate::side::{Job, Side};
use crate::vdi_c::{INFINITE, NOERROR, interface};
use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::ptr;
use std::time::Duration;

/// Time that both sleep before the end.
const CALM: Duration = Duration::from_millis(20);

/// Ends the calling process as the kernel would, after noting the time.
fn die(side: &Side, memory: usize) -> ! {
    let ballast = vec![1_u8; memory];
    os::sleep(CALM);
    side.begin();
    os::kill(std::process::id() as os::Pid);
    unreachable!("killed with {} bytes", std::hint::black_box(ballast).len());
}

/// Which side of libvdi is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Client,
    Server,
}

/// A set whose other side waits, and is killed with that much memory of its own.
pub struct Libvdis {
    set: Libvdi,
    victim: Victim,
    memory: usize,
}

impl Libvdis {
    pub fn client(memory: usize) -> impl Fn(&Job) -> io::Result<Self> {
        move |job| {
            Ok(Self {
                set: Libvdi::new(job)?,
                victim: Victim::Client,
                memory,
            })
        }
    }

    pub fn server(memory: usize) -> impl Fn(&Job) -> io::Result<Self> {
        move |job| {
            Ok(Self {
                set: Libvdi::new(job)?,
                victim: Victim::Server,
                memory,
            })
        }
    }

    fn serve(&self, side: &Side, victim: bool) {
        let server = self.set.open_server(&side.job);
        let device = Libvdi::open_server_device(server, &self.set.device_name(0));
        side.start();
        if victim {
            die(side, self.memory);
        }
        // SAFETY: plain values.
        let result = unsafe { (interface().vdi_server_execute_completion_agent)(server) };
        side.end();
        assert_ne!(
            (result, device),
            (NOERROR, ptr::null_mut()),
            "the agent did not notice"
        );
    }

    fn obey(&self, side: &Side, victim: bool) {
        let set = self.set.create_set(&side.job);
        let device = self.set.open_device(set, 0);
        side.start();
        if victim {
            die(side, self.memory);
        }
        let mut command = ptr::null_mut();
        // SAFETY: the output is valid for writes.
        let result = unsafe { (interface().vdi_get_command)(device, INFINITE, &raw mut command) };
        side.end();
        assert_ne!(result, NOERROR, "the client did not notice");
    }
}

impl Pair for Libvdis {
    fn near(&self, side: &Side) {
        match self.victim {
            Victim::Client => self.serve(side, false),
            Victim::Server => self.obey(side, false),
        }
    }

    fn far(&self, side: &Side) {
        match self.victim {
            Victim::Client => self.obey(side, true),
            Victim::Server => self.serve(side, true),
        }
    }

    /// Nothing is sent.
    fn check(&self, _: &Side) -> Result<(), String> {
        Ok(())
    }
}

/// The same with a bare socket, whose end is read.
pub struct Hangup {
    ends: [RefCell<Option<OwnedFd>>; 2],
    memory: usize,
}

impl Hangup {
    pub fn new(memory: usize) -> impl Fn(&Job) -> io::Result<Self> {
        move |_| {
            let ends = os::sockets(libc::SOCK_STREAM, None)?.map(|end| RefCell::new(Some(end)));
            Ok(Self { ends, memory })
        }
    }
}

impl Pair for Hangup {
    fn near(&self, side: &Side) {
        drop(self.ends[1].take());
        let end = self.ends[0].take().expect("an end");
        side.start();
        let ended = os::read(&end, &mut [0]);
        side.end();
        assert!(matches!(ended, Ok(0)), "{ended:?}");
    }

    fn far(&self, side: &Side) {
        drop(self.ends[0].take());
        side.start();
        die(side, self.memory);
    }

    fn release(&self) {
        self.ends.iter().for_each(|end| drop(end.take()));
    }

    /// Nothing is sent.
    fn check(&self, _: &Side) -> Result<(), String> {
        Ok(())
    }
}
