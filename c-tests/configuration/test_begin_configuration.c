/*
 * The server's configuration: every rule of BeginConfiguration at its bounds and beyond, the order
 * of the calls, and what both sides then read. [CFG-40..47, CFG-60..65, AMB-10, AMB-12..14, AMB-28]
 */
#include "roles.h"

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
    CHECK_EQUAL(config.blockSize, 0); /* nothing changed: still Connected */
}

/* A whole configuration with these parameters; returns what the client reads at its end. */
static VDConfig configured(VDConfig inputs, vdi_server_parameters parameters)
{
    vdi_set *set;
    vdi_server *server;
    CHECK_RESULT(vdi_create(NULL, name, &inputs, NULL, &set), NOERROR);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR); /* SSET-END-05 */
    VDConfig seen, served;
    CHECK_RESULT(vdi_get_configuration(set, 0, &seen), NOERROR);
    CHECK_RESULT(vdi_server_get_configuration(server, &served), NOERROR);
    CHECK(memcmp(&seen, &served, sizeof seen) == 0); /* AMB-12 */
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return seen;
}

static void refused_values(vdi_server *server)
{
    vdi_server_parameters bad;
    static const uint32_t blocks[] = {0,     1,      256,      511,       513, 1000,
                                      65535, 131072, 1u << 31, UINT32_MAX};
    for (unsigned i = 0; i < sizeof blocks / sizeof *blocks; i++) { /* CFG-60 */
        bad = usual();
        bad.blockSize = blocks[i];
        refused(server, bad, VD_E_NOTSUPPORTED, "blockSize");
    }
    static const uint32_t alignments[] = {1, 512, 2048, 4097, 12288, 131072, UINT32_MAX};
    for (unsigned i = 0; i < sizeof alignments / sizeof *alignments; i++) { /* CFG-61 */
        bad = usual();
        bad.alignment = alignments[i];
        refused(server, bad, VD_E_NOTSUPPORTED, "alignment");
    }
    static const uint32_t transfers[] = {0,       1,       65535, 65537, 98304,
                                         4194303, 4259840, 1u << 31, UINT32_MAX};
    for (unsigned i = 0; i < sizeof transfers / sizeof *transfers; i++) { /* CFG-62, LIM-04 */
        bad = usual();
        bad.maxTransferSize = transfers[i];
        refused(server, bad, VD_E_NOTSUPPORTED, "maxTransferSize");
    }
    static const uint32_t directions[] = {0, VDF_CompleteEnabled, VDF_LikeTape, 1u << 20};
    for (unsigned i = 0; i < sizeof directions / sizeof *directions; i++) { /* AMB-10 */
        bad = usual();
        bad.features = directions[i];
        refused(server, bad, VD_E_NOTSUPPORTED, "features");
    }
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

static void accepted_values(void)
{
    const VDConfig one = {.deviceCount = 1};
    for (uint32_t block = VDI_MIN_BLOCK_SIZE; block <= VDI_MAX_BLOCK_SIZE; block *= 2) {
        vdi_server_parameters good = usual();
        good.blockSize = block;
        VDConfig seen = configured(one, good);
        CHECK_EQUAL(seen.blockSize, block);
        CHECK_EQUAL(seen.alignment, block); /* 0 is the block size */
        for (uint32_t alignment = block; alignment <= VDI_MAX_ALIGNMENT; alignment *= 4) {
            good.alignment = alignment;
            CHECK_EQUAL(configured(one, good).alignment, alignment);
        }
    }
    for (uint32_t units = 1; units <= 64; units += 21) {
        vdi_server_parameters good = usual();
        good.maxTransferSize = units * VDI_TRANSFER_UNIT;
        CHECK_EQUAL(configured(one, good).maxTransferSize, units * VDI_TRANSFER_UNIT);
    }
    vdi_server_parameters good = usual();
    good.timeout = UINT32_MAX; /* AMB-14 */
    VDConfig seen = configured(one, good);
    CHECK_EQUAL(seen.maxIODepth, VDI_IO_DEPTH); /* CFG-44 */
    CHECK_EQUAL(seen.maxIODepth, 4);
    CHECK_EQUAL(seen.bufferAreaSize, 0);
}

/* The client's need raises the alignment, and never lowers it. [CFG-65] */
static void alignment_of_both(void)
{
    static const uint32_t cases[][3] = {
        /* client, server (0: block size 4096), set */
        {0, 0, 4096},        {512, 0, 4096},     {4096, 0, 4096},       {8192, 0, 8192},
        {65536, 0, 65536},   {1, 16384, 16384},  {8192, 16384, 16384},  {32768, 16384, 32768},
        {65536, 65536, 65536},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        vdi_server_parameters good = usual();
        good.alignment = cases[i][1];
        VDConfig seen = configured((VDConfig){.deviceCount = 1, .alignment = cases[i][0]}, good);
        CHECK_EQUAL(seen.alignment, cases[i][2]);
    }
}

/* returned = (client & ~serverBits) | (server & serverBits). [AMB-10, CMPL-02, CMPL-11] */
static void merged_features(void)
{
    const uint32_t server_bits = VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled;
    static const uint32_t clients[] = {0,
                                       VDF_RequestComplete,
                                       VDF_LikeTape | VDF_Discard | VDF_RequestComplete,
                                       VDF_LikeDisk | VDF_SnapshotPrepare,
                                       VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled,
                                       VDF_LatchStats | 1u << 3 | 1u << 20};
    static const uint32_t servers[] = {VDF_WriteMedia,
                                       VDF_ReadMedia,
                                       VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled,
                                       VDF_WriteMedia | VDF_LikeTape | VDF_Discard | 1u << 21,
                                       VDF_ReadMedia | VDF_RequestComplete | VDF_CompleteEnabled};
    for (unsigned c = 0; c < sizeof clients / sizeof *clients; c++)
        for (unsigned s = 0; s < sizeof servers / sizeof *servers; s++) {
            vdi_server_parameters good = usual();
            good.features = servers[s];
            uint32_t wanted = (clients[c] & ~server_bits) | (servers[s] & server_bits);
            if (!(clients[c] & VDF_RequestComplete))
                wanted &= ~VDF_CompleteEnabled;
            VDConfig seen =
                configured((VDConfig){.deviceCount = 1, .features = clients[c]}, good);
            CHECK_EQUAL(seen.features, wanted);
        }
}

/* What is not allowed before each step, and that each step can be made once. [10.3] */
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
                     begun ? VD_E_PROTOCOL : NOERROR); /* SSET-BEGIN-03 */
    }
    CHECK_RESULT(vdi_server_request_buffers(server, 65536, 0, 2), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_PROTOCOL); /* SSET-END-04 */
    CHECK_RESULT(vdi_server_begin_configuration(server, &good), VD_E_PROTOCOL);
}

/* Another process reads the same at every step. [CFG-06, CFG-47, SSET-GETCFG-01, SSET-BEGIN-06] */
static void seen_by_the_client(void)
{
    const VDConfig inputs = {.deviceCount = 5,
                             .features = VDF_LikeTape | VDF_RequestComplete,
                             .prefixZoneSize = 100,
                             .alignment = 8192,
                             .softFileMarkBlockSize = 1024,
                             .EOMWarningSize = 1u << 20,
                             .serverTimeOut = 3600000,
                             .blockSize = 1,
                             .maxIODepth = 2,
                             .maxTransferSize = 3,
                             .bufferAreaSize = 4};
    struct peer client = spawn_client();
    client_creates(client, name, inputs);
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);

    VDConfig config;
    VDConfig wanted = inputs;
    wanted.blockSize = wanted.maxIODepth = wanted.maxTransferSize = wanted.bufferAreaSize = 0;
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR);
    CHECK(memcmp(&config, &wanted, sizeof config) == 0); /* AMB-12 */
    refused_values(server);
    ASK(client, VD_E_TIMEOUT, GET_CONFIGURATION, .timeout = 0);

    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_ReadMedia | VDF_CompleteEnabled,
                                        .blockSize = 2048,
                                        .maxTransferSize = 4 * VDI_TRANSFER_UNIT,
                                        .timeout = 1};
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    ASK(client, VD_E_TIMEOUT, GET_CONFIGURATION, .timeout = 0); /* SSET-BEGIN-06 */
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR);
    CHECK_EQUAL(config.blockSize, 2048);
    CHECK_EQUAL(config.alignment, 8192);
    CHECK_RESULT(vdi_server_request_buffers(server, 4 * VDI_TRANSFER_UNIT, 0, 3), NOERROR);
    BEGIN(client, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    VDConfig seen = FINISH(client, NOERROR).config;

    wanted.features |= VDF_ReadMedia | VDF_CompleteEnabled;
    wanted.blockSize = 2048;
    wanted.maxIODepth = 4;
    wanted.maxTransferSize = 4 * VDI_TRANSFER_UNIT;
    /* With prefix zones, which keep the data zones apart by their alignment. [CFG-46, AMB-13] */
    CHECK(seen.bufferAreaSize >= 3u * (4 * VDI_TRANSFER_UNIT + 100));
    wanted.bufferAreaSize = seen.bufferAreaSize;
    CHECK(memcmp(&seen, &wanted, sizeof seen) == 0);
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR);
    CHECK(memcmp(&config, &wanted, sizeof config) == 0);

    /* Later memory does not change it. [AMB-13, CFG-08] */
    CHECK_RESULT(vdi_server_request_buffers(server, 4 * VDI_TRANSFER_UNIT, 0, 3), NOERROR);
    seen = ASK(client, NOERROR, GET_CONFIGURATION, .timeout = 0).config;
    CHECK(memcmp(&seen, &wanted, sizeof seen) == 0);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

static void run(void)
{
    unique_name(name);
    accepted_values();
    alignment_of_both();
    merged_features();

    vdi_set *set = client_create(name, 1);
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    order_of_calls(server);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);

    seen_by_the_client();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
