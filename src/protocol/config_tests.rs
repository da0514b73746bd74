use super::*;

fn client() -> Configuration {
    Configuration {
        device_count: 2,
        ..Configuration::default()
    }
}

fn server() -> ServerParameters {
    ServerParameters {
        features: VDF_WriteMedia,
        block_size: 4096,
        max_transfer_size: 1 << 20,
        ..ServerParameters::default()
    }
}

fn refused(result: Result<Configuration>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::NotSupported)
}

/// [CFG-20, CFG-28, LIM-01]
#[test]
fn the_device_count_is_1_to_64() {
    for (count, good) in [(0, false), (1, true), (64, true), (65, false)] {
        let config = Configuration {
            device_count: count,
            ..client()
        };
        assert_eq!(config.requested(false).is_ok(), good, "{count}");
    }
}

/// [AMB-11]
#[test]
fn positioning_is_that_of_a_pipe_a_tape_or_a_disk() {
    let check = |features, lenient| {
        let config = Configuration {
            features,
            ..client()
        };
        config.requested(lenient).is_ok()
    };
    let extras = VDF_Discard | VDF_SnapshotPrepare | VDF_RequestComplete | 1 << 20;
    for style in [
        0,
        VDF_Removable,
        VDF_LikeTape,
        VDF_LikeDisk,
        VDF_LikeDisk | VDF_Removable,
    ] {
        assert!(check(style, false), "{style:x}");
        assert!(check(style | extras, false), "{style:x}");
    }
    let mixed = [
        VDF_FileMarks,
        VDF_LikeTape & !VDF_Removable,
        VDF_LikeTape | VDF_RandomAccess,
    ];
    for style in mixed {
        assert!(!check(style, false), "{style:x}");
        assert!(check(style, true), "{style:x} in lenient mode");
    }
}

/// [CFG-22, CFG-23, CFG-27, AMB-11]
#[test]
fn other_inputs_are_checked_and_outputs_ignored() {
    let mut config = client();
    for (alignment, good) in [
        (0, true),
        (1, true),
        (65536, true),
        (3, false),
        (131_072, false),
    ] {
        config.alignment = alignment;
        assert_eq!(config.requested(false).is_ok(), good, "{alignment}");
    }
    config.alignment = 0;
    config.prefix_zone_size = VDI_MAX_PREFIX_ZONE;
    assert!(config.requested(false).is_ok());
    config.prefix_zone_size += 1;
    assert!(refused(config.requested(false)));

    let noise = Configuration {
        features: VDF_WriteMedia | VDF_CompleteEnabled,
        block_size: 7,
        max_io_depth: 7,
        max_transfer_size: 7,
        buffer_area_size: 7,
        ..client()
    };
    assert_eq!(noise.requested(false).unwrap(), client());
}

/// Each rule at and beyond its bounds. [CFG-60, CFG-61, CFG-62, LIM-02, LIM-03, LIM-04]
#[test]
fn server_parameters_are_checked() {
    type Change = fn(&mut ServerParameters, u32);
    let with = |change: Change, value| {
        let mut parameters = server();
        change(&mut parameters, value);
        client().merged(&parameters).is_ok()
    };
    let cases: [(Change, &[u32], &[u32]); 4] = [
        (
            |p, v| p.block_size = v,
            &[512, 65536],
            &[0, 256, 513, 131_072],
        ),
        (
            |p, v| p.alignment = v,
            &[0, 4096, 65536],
            &[512, 2048, 12288, 131_072],
        ),
        (
            |p, v| p.max_transfer_size = v,
            &[65536, 4_194_304],
            &[0, 65535, 98304, 4_259_840],
        ),
        (
            |p, v| p.features = v,
            &[VDF_WriteMedia, VDF_ReadMedia],
            &[0, VDF_CompleteEnabled],
        ),
    ];
    for (change, good, bad) in cases {
        for value in good {
            assert!(with(change, *value), "{value}");
        }
        for value in bad {
            assert!(!with(change, *value), "{value}");
        }
    }
}

/// [AMB-10, CMPL-11, CFG-47, CFG-65]
#[test]
fn merging_keeps_the_clients_bits_and_adds_the_servers() {
    let mut config = client();
    config.features = VDF_LikeDisk;
    config.alignment = 8192;
    config.eom_warning_size = 77;
    let everything = ServerParameters {
        features: u32::MAX,
        ..server()
    };
    let merged = config.merged(&everything).unwrap();
    assert_eq!(
        merged.features,
        VDF_LikeDisk | VDF_WriteMedia | VDF_ReadMedia
    );
    assert_eq!(merged.alignment, 8192, "the client's need is higher");
    assert_eq!(merged.eom_warning_size, 77);
    assert_eq!(merged.max_io_depth, 4);

    config.features |= VDF_RequestComplete;
    let merged = config.merged(&everything).unwrap();
    assert_ne!(merged.features & VDF_CompleteEnabled, 0);
    assert_ne!(merged.features & VDF_RequestComplete, 0);
    assert!(merged.plausible_for(&config));
}

/// A client recognises a decision that no server may make. [SEC-07]
#[test]
fn impossible_decisions_are_recognised() {
    let good = client().merged(&server()).unwrap();
    assert!(good.plausible_for(&client()));
    let spoil: [fn(&mut Configuration); 6] = [
        |c| c.device_count = 3,
        |c| c.block_size = 0,
        |c| c.max_transfer_size = 1,
        |c| c.alignment = 3,
        |c| c.prefix_zone_size = 512,
        |c| c.max_io_depth = 5,
    ];
    for spoil in spoil {
        let mut bad = good;
        spoil(&mut bad);
        assert!(!bad.plausible_for(&client()), "{bad:?}");
    }
}

/// [SSET-REQBUF-02, CFG-64]
#[test]
fn buffers_have_at_least_the_alignment_of_the_set() {
    assert_eq!(buffer_alignment(0, 4096).unwrap(), 4096);
    assert_eq!(buffer_alignment(512, 4096).unwrap(), 4096);
    assert_eq!(buffer_alignment(65536, 4096).unwrap(), 65536);
    assert!(buffer_alignment(3, 4096).is_err());
    assert!(buffer_alignment(131_072, 4096).is_err());
}

/// What does not fit into 32 bits is the largest number. [AMB-13]
#[test]
fn the_size_of_the_area_is_saturated() {
    let largest = u64::from(u32::MAX);
    for (bytes, size) in [
        (0, 0),
        (65536, 65536),
        (largest - 1, u32::MAX - 1),
        (largest, u32::MAX),
        (largest + 1, u32::MAX),
        (largest + 65537, u32::MAX),
        (u64::MAX, u32::MAX),
    ] {
        let decided = client().merged(&server()).unwrap().with_area(bytes);
        assert_eq!(decided.buffer_area_size, size);
        assert!(decided.plausible_for(&client()));
    }
}
