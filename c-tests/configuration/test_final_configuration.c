/*
 * What both sides read when the configuration has ended: field by field, in the primary, in a
 * secondary and in the server, from the first step to the end of the set.
 */
#include "engine.h"
#include "resources.h"
#include "roles.h"

#define TRANSFER (4 * VDI_TRANSFER_UNIT)

static char name[NAME_SIZE];

static const VDConfig inputs = {.deviceCount = 2,
                                .features = VDF_LikeTape | VDF_RequestComplete | VDF_LatchStats,
                                .prefixZoneSize = 100,
                                .alignment = 8192,
                                .softFileMarkBlockSize = 1024,
                                .EOMWarningSize = 1u << 20,
                                .serverTimeOut = 3600000,
                                .blockSize = 1,
                                .maxIODepth = 2,
                                .maxTransferSize = 3,
                                .bufferAreaSize = 5};

static void server_reads(vdi_server *server, const VDConfig *wanted)
{
    VDConfig seen;
    CHECK_RESULT(vdi_server_get_configuration(server, &seen), NOERROR);
    CHECK(memcmp(&seen, wanted, sizeof seen) == 0);
}

static void client_reads(struct peer client, const VDConfig *wanted)
{
    VDConfig seen = ASK(client, NOERROR, GET_CONFIGURATION, .timeout = 0).config;
    CHECK(memcmp(&seen, wanted, sizeof seen) == 0);
}

/*
 * The server reads the client's inputs, and in its own four fields 0, whatever the client left
 * there; then its own decisions, of which the client sees nothing yet.
 * [AMB-12, CFG-27, SSET-GETCFG-01, SSET-GETCFG-03, SSET-BEGIN-06]
 */
static void before_the_end(struct peer primary, vdi_server *server, VDConfig *wanted)
{
    *wanted = inputs;
    wanted->blockSize = wanted->maxIODepth = wanted->maxTransferSize = wanted->bufferAreaSize = 0;
    server_reads(server, wanted);
    ASK(primary, VD_E_TIMEOUT, GET_CONFIGURATION, .timeout = 0);

    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia | VDF_CompleteEnabled,
                                        .blockSize = 2048,
                                        .maxTransferSize = TRANSFER,
                                        .timeout = 1};
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    wanted->features |= VDF_WriteMedia | VDF_CompleteEnabled;
    wanted->blockSize = 2048;
    wanted->maxIODepth = 4;
    wanted->maxTransferSize = TRANSFER;
    server_reads(server, wanted);
    CHECK_RESULT(vdi_server_request_buffers(server, TRANSFER, 0, 3), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, 10, 65536, 7), NOERROR);
    server_reads(server, wanted);
    ASK(primary, VD_E_TIMEOUT, GET_CONFIGURATION, .timeout = 0);
}

/*
 * The client's bits and the server's [CFG-40], the direction of the operation [CFG-41], what stays
 * as it was [CFG-24, CFG-25, CFG-26, CFG-47], the server's decisions [CFG-42, CFG-43, CFG-45], the
 * 4 of old [CFG-44], and the size of the area as it is in memory [CFG-46, AMB-13].
 */
static void at_the_end(const VDConfig *seen, VDConfig *wanted)
{
    CHECK_EQUAL(seen->deviceCount, 2);
    CHECK_EQUAL(seen->features, VDF_LikeTape | VDF_RequestComplete | VDF_LatchStats |
                                    VDF_WriteMedia | VDF_CompleteEnabled);
    CHECK_EQUAL(seen->prefixZoneSize, 100);
    CHECK_EQUAL(seen->alignment, 8192);
    CHECK_EQUAL(seen->softFileMarkBlockSize, 1024);
    CHECK_EQUAL(seen->EOMWarningSize, 1u << 20);
    CHECK_EQUAL(seen->serverTimeOut, 3600000);
    CHECK_EQUAL(seen->blockSize, 2048);
    CHECK_EQUAL(seen->maxIODepth, 4);
    CHECK_EQUAL(seen->maxTransferSize, TRANSFER);
    /* With prefix zones, and the padding that keeps the data zones aligned. */
    CHECK(seen->bufferAreaSize >= 3 * (TRANSFER + 100) + 7 * (10 + 100));
    CHECK_EQUAL(seen->bufferAreaSize, area_bytes(getpid()));
    wanted->bufferAreaSize = seen->bufferAreaSize;
}

/* Nothing changes it any more: memory, devices, the normal end. [CFG-08, AMB-13] */
static void for_the_life_of_the_set(struct peer primary, struct peer secondary, vdi_server *server,
                                    const VDConfig *wanted)
{
    struct engine engine;
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_reads(secondary, wanted); /* [CFG-41] */
    CHECK_RESULT(vdi_server_request_buffers(server, TRANSFER, 0, 3), NOERROR);
    CHECK(area_bytes(getpid()) > wanted->bufferAreaSize);
    engine_run(&engine, server, name, 2);
    client_open_device(primary, name, 0);
    client_open_device(secondary, name, 1);
    for (unsigned end = 0; end <= 1; end++) {
        server_reads(server, wanted);
        client_reads(primary, wanted);
        client_reads(secondary, wanted);
        if (end == 0)
            engine_finish(&engine);
    }
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(secondary, NOERROR, CLOSE);
    ASK(primary, NOERROR, CLOSE);
}

/* [CFG-06] */
static void every_field(void)
{
    struct peer primary = spawn_client(), secondary = spawn_client();
    vdi_server *server;
    VDConfig wanted;
    client_creates(primary, name, inputs);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    before_the_end(primary, server, &wanted);
    BEGIN(primary, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    VDConfig seen = FINISH(primary, NOERROR).config;
    at_the_end(&seen, &wanted);
    for_the_life_of_the_set(primary, secondary, server, &wanted);
    client_leave(primary);
    client_leave(secondary);
}

/* The mask that both sides read, of a set without buffers, hence without an area. */
static uint32_t features_of(uint32_t client, uint32_t server_bits)
{
    static const vdi_create_options lenient = {.size = sizeof lenient,
                                               .flags = VDI_CREATE_LENIENT};
    const VDConfig config = {.deviceCount = 1, .features = client};
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = server_bits,
                                        .blockSize = 512,
                                        .maxTransferSize = VDI_TRANSFER_UNIT};
    vdi_set *set;
    vdi_server *server;
    VDConfig seen;
    CHECK_RESULT(vdi_create(NULL, name, &config, &lenient, &set), NOERROR);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_get_configuration(set, 0, &seen), NOERROR);
    CHECK_EQUAL(seen.bufferAreaSize, 0);
    server_reads(server, &seen);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return seen.features;
}

/* One of the 32 bits, no bit, or all. */
static uint32_t bit_or_all(unsigned number)
{
    return number < 32 ? 1u << number : number == 32 ? 0 : UINT32_MAX;
}

/*
 * Every bit of the client with every bit of the server, with either direction and with and without
 * the request for VDC_Complete: each side has its own bits, whatever it sends of the other's, and
 * VDC_Complete takes both; bits that nobody knows travel, too.
 * [AMB-10, AMB-29, CFG-40, FEAT-09, FEAT-30, FEAT-31]
 */
static void every_bit(void)
{
    static const uint32_t directions[] = {0x10000, 0x20000, 0x30000};
    for (unsigned c = 0; c < 2 * 34; c++)
        for (unsigned s = 0; s < 34; s++) {
            uint32_t client = bit_or_all(c / 2) | (c % 2 ? 0x2000 : 0);
            uint32_t server = bit_or_all(s) | directions[(c + s) % 3];
            uint32_t wanted = (client & ~0x70000u) | (server & 0x70000u);
            if (!(client & 0x2000))
                wanted &= ~0x40000u;
            CHECK_EQUAL(features_of(client, server), wanted);
        }
}

static void run(void)
{
    unique_name(name);
    every_field();
    every_bit();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
