//! What the unit tests of this module share: sets without a place in the runtime directory.

use super::inner::Inner;
use crate::participant::join::PRIMARY;
use crate::protocol::codes::VDF_WriteMedia;
use crate::protocol::config::{Configuration, ServerParameters};
use crate::protocol::name::Name;
use crate::protocol::state::{Phase, ServerDevice};
use crate::shm::control::{self, Control};
use crate::sync::Ordering;
use std::sync::Arc;

/// What the client of [`created`] asks for.
pub(super) const REQUESTED: Configuration = Configuration {
    device_count: 2,
    features: 0,
    prefix_zone_size: 1000,
    alignment: 0,
    soft_file_mark_block_size: 0,
    eom_warning_size: 0,
    server_timeout_ms: 0,
    block_size: 0,
    max_io_depth: 0,
    max_transfer_size: 0,
    buffer_area_size: 0,
};

pub(super) fn name() -> Name {
    Name::new("set").unwrap()
}

/// A control segment as the primary makes it.
pub(super) fn control() -> Control {
    let control = Control::create(REQUESTED.device_count, 64, 0).unwrap();
    control::write_config(&control.header().requested, REQUESTED.to_words());
    control::write_text(&control.device(0).header().name, name().as_bytes());
    control
}

/// A set of the primary, before a server has come.
pub(super) fn created() -> Arc<Inner> {
    let set = Inner::new(control(), name(), REQUESTED, PRIMARY);
    set.participant.begin();
    Arc::new(set)
}

/// Does the server's part of the configuration.
pub(super) fn configure(set: &Inner) {
    let server = ServerParameters {
        features: VDF_WriteMedia,
        block_size: 512,
        max_transfer_size: 65536,
        ..ServerParameters::default()
    };
    let decided = REQUESTED.merged(&server).unwrap();
    let control = set.participant.control();
    control::write_config(&control.header().decided, decided.to_words());
    for (from, to) in [
        (Phase::Created, Phase::Connected),
        (Phase::Connected, Phase::Configurable),
        (Phase::Configurable, Phase::Configured),
    ] {
        assert!(set.participant.advance(from, to));
    }
}

/// A set that the server has configured.
pub(super) fn configured() -> Arc<Inner> {
    let set = created();
    configure(&set);
    set
}

/// Does what the server does last: it closes every device.
pub(super) fn close_devices(set: &Inner) {
    for index in 0..set.participant.device_count() {
        let header = set.participant.control().device(index).header();
        let closed = ServerDevice::Closed as u32;
        header.server.store(closed, Ordering::Release);
    }
}
