/*
 * The server's configuration: every rule of BeginConfiguration at its bounds and beyond, alone and
 * together with the client's inputs, and the order of the calls.
 */
#include "harness.h"

#include <string.h>

static char name[NAME_SIZE];

static vdi_server_parameters usual(void)
{
    return (vdi_server_parameters){.size = sizeof(vdi_server_parameters),
                                   .features = VDF_WriteMedia,
                                   .blockSize = 4096,
                                   .maxTransferSize = VDI_TRANSFER_UNIT};
}

static void refused(vdi_server *server, vdi_server_parameters parameters, vdi_result wanted,
                    const char *word)
{
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), wanted);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_server_begin_configuration");
    CHECK_CONTAINS(vdi_last_error_message(), word);
    VDConfig config;
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR);
    CHECK_EQUAL(config.blockSize, 0); /* nothing changed */
}

/* BeginConfiguration with the client's inputs; what the client reads at the end, if it is legal. */
static VDConfig configured(VDConfig inputs, vdi_server_parameters parameters, vdi_result wanted)
{
    vdi_set *set;
    vdi_server *server;
    VDConfig seen = inputs;
    CHECK_RESULT(vdi_create(NULL, name, &inputs, NULL, &set), NOERROR);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), wanted);
    if (wanted == NOERROR) {
        CHECK_RESULT(vdi_server_end_configuration(server), NOERROR); /* [SSET-END-05] */
        CHECK_RESULT(vdi_get_configuration(set, 0, &seen), NOERROR);
    }
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return seen;
}

/* Each is refused with its name, and the next one is tried on the same set. [AMB-28, AMB-10] */
static void refused_values(vdi_server *server)
{
    vdi_server_parameters bad;
    static const uint32_t blocks[] = {0,     1,      256,      511,       513, 1000,
                                      65535, 131072, 1u << 31, UINT32_MAX};
    for (unsigned i = 0; i < sizeof blocks / sizeof *blocks; i++) { /* [CFG-60, LIM-02] */
        bad = usual();
        bad.blockSize = blocks[i];
        refused(server, bad, VD_E_NOTSUPPORTED, "blockSize");
    }
    static const uint32_t alignments[] = {1, 512, 2048, 4097, 12288, 131072, UINT32_MAX};
    for (unsigned i = 0; i < sizeof alignments / sizeof *alignments; i++) { /* [CFG-61, LIM-03] */
        bad = usual();
        bad.alignment = alignments[i];
        refused(server, bad, VD_E_NOTSUPPORTED, "alignment");
    }
    /* Neither direction: nothing, every other bit alone, and all of them together. [FEAT-31] */
    for (unsigned bit = 0; bit <= 33; bit++) {
        bad = usual();
        bad.features = bit < 32 ? 1u << bit : bit == 32 ? 0 : 0xfffcffffu;
        if (!(bad.features & 0x30000u))
            refused(server, bad, VD_E_NOTSUPPORTED, "features");
    }
}

/* A structure that is not of this version of the library. */
static void refused_structures(vdi_server *server)
{
    vdi_server_parameters bad;
    static const uint32_t sizes[] = {0, 1, sizeof bad - 1, UINT32_MAX};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bad = usual();
        bad.size = sizes[i];
        refused(server, bad, VD_E_INVALID, "size");
    }
    for (unsigned i = 0; i < 2; i++) {
        bad = usual();
        bad.reserved[i] = 1;
        refused(server, bad, VD_E_INVALID, "reserved");
    }
    CHECK_RESULT(vdi_server_begin_configuration(server, NULL), VD_E_INVALID);
    _Alignas(16) char room[64] = {0};
    CHECK_RESULT(vdi_server_begin_configuration(server, (void *)(room + 1)), VD_E_INVALID);
}

/* The published table of block sizes. */
static int is_block_size(uint32_t size)
{
    static const uint32_t sizes[] = {512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] == size)
            return 1;
    return 0;
}

/*
 * Every block size with every alignment of the server and of the client: 0 is the block size, less
 * than the block size is an error, the client's need raises the result and is never lowered.
 * [CFG-42, CFG-43, CFG-60, CFG-61, CFG-65, SSET-BEGIN-01, AMB-18, LIM-02, LIM-03, TSQL-02]
 */
static void blocks_and_alignments(void)
{
    static const uint32_t clients[] = {0, 1, 256, 512, 2048, 16384, 65536};
    for (uint32_t block = 128; block <= 131072; block *= 2)
        for (uint32_t alignment = 64; alignment <= 131072; alignment *= 2)
            for (unsigned i = 0; i < sizeof clients / sizeof *clients; i++) {
                vdi_server_parameters parameters = usual();
                parameters.blockSize = block;
                parameters.alignment = alignment == 64 ? 0 : alignment;
                int legal = is_block_size(block) &&
                            (parameters.alignment == 0 ||
                             (is_block_size(alignment) && alignment >= block));
                const VDConfig inputs = {.deviceCount = 1, .alignment = clients[i]};
                VDConfig seen =
                    configured(inputs, parameters, legal ? NOERROR : VD_E_NOTSUPPORTED);
                if (!legal)
                    continue;
                uint32_t wanted = parameters.alignment ? alignment : block;
                CHECK_EQUAL(seen.blockSize, block);
                CHECK_EQUAL(seen.alignment, wanted < clients[i] ? clients[i] : wanted);
            }
}

/* Each of the 64 multiples, and its neighbours. [CFG-45, CFG-62, LIM-04, TSQL-03] */
static void transfer_sizes(void)
{
    const VDConfig one = {.deviceCount = 1};
    for (uint32_t units = 0; units <= 66; units++)
        for (uint32_t offset = 0; offset <= 65535; offset = offset == 1 ? 32768 : offset * 2 + 1) {
            vdi_server_parameters parameters = usual();
            parameters.maxTransferSize = units * 65536 + offset;
            int legal = offset == 0 && units >= 1 && units <= 64;
            VDConfig seen = configured(one, parameters, legal ? NOERROR : VD_E_NOTSUPPORTED);
            if (legal)
                CHECK_EQUAL(seen.maxTransferSize, units * 65536);
        }
    static const uint32_t huge[] = {1u << 31, UINT32_MAX, 0xffff0000u};
    for (unsigned i = 0; i < sizeof huge / sizeof *huge; i++) {
        vdi_server_parameters parameters = usual();
        parameters.maxTransferSize = huge[i];
        configured(one, parameters, VD_E_NOTSUPPORTED);
    }
}

/* Any time-out is legal, and nothing is different. [AMB-14, CFG-63] */
static void time_outs(void)
{
    const VDConfig one = {.deviceCount = 1};
    static const uint32_t intervals[] = {0, 1, 65536, UINT32_MAX};
    VDConfig first = configured(one, usual(), NOERROR);
    for (unsigned i = 0; i < sizeof intervals / sizeof *intervals; i++) {
        vdi_server_parameters parameters = usual();
        parameters.timeout = intervals[i];
        VDConfig seen = configured(one, parameters, NOERROR);
        CHECK(memcmp(&seen, &first, sizeof seen) == 0);
    }
}

/*
 * What is not allowed before each step, and that each step can be made once.
 * [SSET-BEGIN-02, SSET-BEGIN-03, SSET-END-02, SSET-END-04]
 */
static void order_of_calls(vdi_server *server)
{
    const vdi_server_parameters good = usual();
    vdi_server_device *device = (vdi_server_device *)0x10;
    void *buffer = (void *)0x10;
    uint32_t count = 17;
    for (int begun = 0; begun <= 1; begun++) {
        if (!begun) {
            CHECK_RESULT(vdi_server_request_buffers(server, 65536, 0, 1), VD_E_PROTOCOL);
            CHECK_RESULT(vdi_server_query_available_buffers(server, 65536, 0, &count),
                         VD_E_PROTOCOL);
            CHECK_EQUAL(count, 0);
            CHECK_RESULT(vdi_server_end_configuration(server), VD_E_PROTOCOL);
        }
        CHECK_RESULT(vdi_server_open_device(server, name, &device), VD_E_PROTOCOL);
        CHECK(device == NULL);
        CHECK_RESULT(vdi_server_allocate_buffer(server, 65536, 0, &buffer), VD_E_PROTOCOL);
        CHECK(buffer == NULL);
        CHECK_RESULT(vdi_server_free_buffer(server, &count, 65536), VD_E_PROTOCOL);
        CHECK_EQUAL(vdi_server_is_shared_buffer(server, &count), 0);
        CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_PROTOCOL);
        CHECK_RESULT(vdi_server_begin_configuration(server, &good),
                     begun ? VD_E_PROTOCOL : NOERROR);
    }
    CHECK_RESULT(vdi_server_request_buffers(server, 65536, 0, 2), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_begin_configuration(server, &good), VD_E_PROTOCOL);
}

static void run(void)
{
    unique_name(name);
    blocks_and_alignments();
    transfer_sizes();
    time_outs();

    vdi_set *set = client_create(name, 1);
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    refused_values(server);
    refused_structures(server);
    order_of_calls(server); /* after all this, it can still be begun */
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
