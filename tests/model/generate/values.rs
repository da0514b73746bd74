//! The values that calls carry: legal ones, and the nearest that are not.

use crate::binding::VdConfig;
use crate::calls::{DEVICES, End, ServerCall, Which};
use proptest::prelude::*;
use proptest::sample::select;
use vdi::codes::*;

pub(super) fn end() -> impl Strategy<Value = End> {
    let codes = vec![
        ERROR_SUCCESS,
        ERROR_SUCCESS,
        ERROR_SUCCESS,
        ERROR_SUCCESS,
        ERROR_HANDLE_EOF,
        ERROR_NOT_SUPPORTED,
        -1,
    ];
    let bytes = vec![512, 512, 0, 1, 4096, 4097, u32::MAX];
    let positions = vec![0, 1, -1, i64::MIN];
    (select(codes), select(bytes), select(positions)).prop_map(|(code, bytes, position)| End {
        code,
        bytes,
        position,
    })
}

pub(super) fn which_active() -> impl Strategy<Value = Which> {
    (0..4_usize).prop_map(Which::Active)
}

pub(super) fn which() -> impl Strategy<Value = Which> {
    prop_oneof![which_active(), Just(Which::Completed), Just(Which::Null)]
}

pub(super) fn sizes() -> impl Strategy<Value = u32> {
    select(vec![512, 512, 4096, 8192, 1, 0, u32::MAX])
}

pub(super) fn alignments() -> impl Strategy<Value = u32> {
    select(vec![0, 0, 0, 512, 8192, 65536, 3, 131072])
}

pub(super) fn good_request() -> BoxedStrategy<ServerCall> {
    let sizes = select(vec![512, 512, 4096, 8192, 1]);
    let alignments = select(vec![0, 0, 0, 512, 8192, 65536]);
    (sizes, alignments, 1..4_u32)
        .prop_map(|(size, alignment, count)| ServerCall::RequestBuffers {
            size,
            alignment,
            count,
        })
        .boxed()
}

pub(super) fn query() -> impl Strategy<Value = ServerCall> {
    (sizes(), alignments())
        .prop_map(|(size, alignment)| ServerCall::QueryAvailableBuffers { size, alignment })
}

pub(super) fn request(count: std::ops::Range<u32>) -> impl Strategy<Value = ServerCall> {
    (sizes(), alignments(), count).prop_map(|(size, alignment, count)| ServerCall::RequestBuffers {
        size,
        alignment,
        count,
    })
}

pub(super) fn good_parameters() -> impl Strategy<Value = ServerCall> {
    let features = VDF_WriteMedia | VDF_CompleteEnabled;
    (
        select(vec![features, VDF_ReadMedia]),
        select(vec![512, 4096]),
        select(vec![0, 4096, 8192]),
    )
        .prop_map(
            |(features, block, alignment)| ServerCall::BeginConfiguration {
                features,
                block,
                alignment,
                transfer: 65536,
            },
        )
}

pub(super) fn any_parameters() -> impl Strategy<Value = ServerCall> {
    (
        select(vec![
            VDF_WriteMedia,
            VDF_ReadMedia | VDF_Removable,
            VDF_CompleteEnabled,
            u32::MAX,
        ]),
        select(vec![512, 65536, 256, 513, 131072]),
        select(vec![0, 512, 65536, 768, 131072]),
        select(vec![65536, 4 << 20, 0, 65537, 5 << 20]),
    )
        .prop_map(
            |(features, block, alignment, transfer)| ServerCall::BeginConfiguration {
                features,
                block,
                alignment,
                transfer,
            },
        )
}

pub(super) fn good_inputs() -> impl Strategy<Value = VdConfig> {
    (
        1..=DEVICES as u32,
        select(vec![0, 512, 4096]),
        select(vec![0, 1024, 65536]),
        select(vec![
            VDF_RequestComplete,
            VDF_Discard | VDF_ReadMedia | VDF_CompleteEnabled,
            VDF_LikeTape,
        ]),
    )
        .prop_map(
            |(device_count, prefix_zone_size, alignment, features)| VdConfig {
                device_count,
                features,
                prefix_zone_size,
                alignment,
                soft_file_mark_block_size: 7,
                eom_warning_size: 8,
                server_timeout: 0,
                block_size: 9,
                max_io_depth: 10,
                max_transfer_size: 11,
                buffer_area_size: 12,
            },
        )
}

pub(super) fn any_inputs() -> impl Strategy<Value = VdConfig> {
    let features = vec![
        VDF_LikePipe,
        VDF_LikeTape,
        VDF_LikeDisk,
        VDF_LikeDisk | VDF_Removable | VDF_Discard,
        VDF_LatchStats | VDF_ReadMedia | VDF_WriteMedia,
        VDF_Rewind,
        VDF_LikeTape | VDF_LikeDisk,
        VDF_LikeTape & !VDF_Removable,
    ];
    (
        select(vec![1, 2, 3, 0, 65]),
        select(features),
        select(vec![0, 1, 1 << 20, (1 << 20) + 1]),
        select(vec![0, 1, 65536, 3, 131072]),
    )
        .prop_map(
            |(device_count, features, prefix_zone_size, alignment)| VdConfig {
                device_count,
                features,
                prefix_zone_size,
                alignment,
                ..VdConfig::default()
            },
        )
}
