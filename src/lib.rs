//! The Virtual Device Interface: both ends of it.
//!
//! A backup program ([`client`]) plays the storage device of a backup or restore that a database
//! engine ([`server`]) executes. Both run on one machine; commands travel through rings in shared
//! memory, data through shared buffers.
//!
//! C programs use `include/vdi.h` and `libvdi.so`; the functions there are thin over this crate.
//! What the interface does is written in `docs/vdi-spec.md`; rule ids such as `[CSET-CLOSE-03]`
//! refer to it.
//!
//! ```
//! use std::{thread, time::Duration};
//! use vdi::{Completion, Configuration, CreateOptions, Instance, Name, ServerParameters};
//! use vdi::{client, codes::*, server};
//!
//! # let dir = std::env::temp_dir().join(format!("vdi-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! # // Safe: nothing else runs yet.
//! # unsafe { std::env::set_var("VDI_RUNTIME_DIR", &dir) };
//! let name = Name::new("nightly-7f3a")?;
//! let inputs = Configuration { device_count: 1, ..Configuration::default() };
//! let set = client::Set::create(&Instance::default(), &name, &inputs, &CreateOptions::default())?;
//!
//! // The engine, usually in another process.
//! let engine_name = name.clone();
//! let engine = thread::spawn(move || -> vdi::Result<()> {
//!     let set = server::Set::open(&Instance::default(), &engine_name)?;
//!     set.begin_configuration(&ServerParameters {
//!         features: VDF_WriteMedia,
//!         block_size: 4096,
//!         max_transfer_size: 65536,
//!         ..ServerParameters::default()
//!     })?;
//!     set.request_buffers(65536, 0, 1)?;
//!     set.end_configuration()?;
//!     let device = set.open_device(&engine_name)?;
//!     let buffer = set.allocate_buffer(65536, 0)?;
//!     buffer.write(0, b"all the data")?;
//!     thread::scope(|scope| {
//!         let agent = scope.spawn(|| set.execute_completion_agent());
//!         let (done, wait) = std::sync::mpsc::channel();
//!         let callback = server::Callback::new(move |end| drop(done.send(end)));
//!         device.send(server::Request::transfer(VDC_Write, &buffer, 4096), callback)?;
//!         assert_eq!(wait.recv().unwrap().code, ERROR_SUCCESS);
//!         device.close()?;
//!         agent.join().unwrap()
//!     })?;
//!     set.close()
//! });
//!
//! set.configuration(Some(Duration::from_secs(30)))?;
//! let device = set.open_device(&name)?;
//! let end = loop {
//!     match device.get_command(None) {
//!         Ok(command) => {
//!             let done = Completion { bytes: command.size(), ..Completion::default() };
//!             device.complete(&command, done)?;
//!         }
//!         Err(end) => break end,
//!     }
//! };
//! assert_eq!(end.kind(), vdi::ErrorKind::Close);
//! set.close()?;
//! engine.join().unwrap()?;
//! # std::fs::remove_dir(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(unsafe_code)]

pub mod client;
mod error;
#[doc(hidden)]
pub mod ffi;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod link;
mod naps;
mod panics;
mod participant;
mod protocol;
mod queue;
pub mod server;
mod shm;
mod sync;
mod sys;

pub use client::CreateOptions;
pub use error::{Error, ErrorKind, Result};
pub use participant::AbortReason;
pub use protocol::codes;
pub use protocol::command::Completion;
pub use protocol::config::{Configuration, ServerParameters};
pub use protocol::name::{Instance, Name};
pub use shm::area::Buffer;

#[cfg(not(panic = "unwind"))]
compile_error!("the C interface catches panics: build with panic = \"unwind\"");
