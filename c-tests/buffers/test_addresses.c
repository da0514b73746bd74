/*
 * One buffer at three addresses: the server, the primary and a secondary in one process have each a
 * mapping of their own, with the same alignment and the same bytes.
 */
#include "engine.h"
#include "roles.h"

static char name[NAME_SIZE];
static struct journal journal = JOURNAL_INITIALIZER;

/* The members of a set, and one device of each client. */
struct party {
    struct engine engine;
    vdi_set *primary, *secondary;
    vdi_device *devices[2];
    uint32_t prefix;
};

static void party_open(struct party *party, uint32_t prefix)
{
    const VDConfig config = {.deviceCount = 2, .alignment = 1, .prefixZoneSize = prefix};
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = 512,
                                        .maxTransferSize = VDI_MAX_TRANSFER_SIZE};
    char second[NAME_SIZE];
    vdi_server *server;
    party->prefix = prefix;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &party->primary), NOERROR);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    engine_run(&party->engine, server, name, 2);
    device_name(second, name, 1);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &party->secondary), NOERROR);
    CHECK_RESULT(vdi_open_device(party->primary, name, &party->devices[0]), NOERROR);
    CHECK_RESULT(vdi_open_device(party->secondary, second, &party->devices[1]), NOERROR);
}

static void party_close(struct party *party)
{
    engine_close(&party->engine);
    CHECK_RESULT(vdi_close(party->secondary), NOERROR);
    CHECK_RESULT(vdi_close(party->primary), NOERROR);
}

/* The buffer of a command: what its owner got, and what the other client maps by its handle. */
static void three_addresses(struct party *party, unsigned owner, uint8_t *buffer, uint32_t size,
                            uint32_t alignment)
{
    VDS_Command command;
    VDC_Command *got;
    uint32_t handle;
    void *mapped;
    vdi_set *const sets[] = {party->primary, party->secondary};
    journal.count = 0;
    command_prepare(&command, &journal, VDC_Read, buffer, (int32_t)size);
    CHECK_RESULT(vdi_server_send_command(party->engine.devices[owner], &command), NOERROR);
    CHECK_RESULT(vdi_get_command(party->devices[owner], VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_get_buffer_handle(sets[owner], got->buffer, &handle), NOERROR);
    CHECK_RESULT(vdi_map_buffer_handle(sets[1 - owner], handle, &mapped), NOERROR);

    CHECK(got->buffer != buffer && mapped != buffer && mapped != got->buffer);
    CHECK_EQUAL((uintptr_t)buffer % alignment, 0);
    CHECK_EQUAL((uintptr_t)got->buffer % alignment, 0);
    CHECK_EQUAL((uintptr_t)mapped % alignment, 0);
    pattern_fill((uint8_t *)mapped - party->prefix, party->prefix + size, 5);
    CHECK(pattern_matches(got->buffer - party->prefix, party->prefix + size, 5));
    pattern_fill(mapped, size, (uint8_t)alignment);
    CHECK_RESULT(vdi_complete_command(party->devices[owner], got, ERROR_SUCCESS, size, 0),
                 NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    CHECK(pattern_matches(buffer, size, (uint8_t)alignment));
}

/*
 * Every alignment up to the largest, with prefix zones that do not fit it, in areas that were added
 * after all had opened the set.
 * [BUF-03, BUF-04, CFG-22, BUF-10, BUF-11, AMB-23, CFG-64, SSET-ALLOC-02, SSET-REQBUF-02]
 */
static void run(void)
{
    static const uint32_t prefixes[] = {0, 1, 511, 4097, 65536, VDI_MAX_PREFIX_ZONE};
    static const uint32_t sizes[] = {512, 700, 65536 + 512, VDI_MAX_TRANSFER_SIZE};
    struct party party;
    unique_name(name);
    for (unsigned p = 0; p < sizeof prefixes / sizeof *prefixes; p++) {
        party_open(&party, prefixes[p]);
        for (uint32_t alignment = 512; alignment <= VDI_MAX_ALIGNMENT; alignment *= 2)
            for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                if (sizes[s] == VDI_MAX_TRANSFER_SIZE && alignment < VDI_MAX_ALIGNMENT)
                    continue; /* once is enough: it takes its time */
                /* The second one does not lie at the start of the area. */
                void *buffers[2];
                CHECK_RESULT(vdi_server_request_buffers(party.engine.server, sizes[s], alignment,
                                                        2), NOERROR);
                for (unsigned i = 0; i < 2; i++) {
                    CHECK_RESULT(vdi_server_allocate_buffer(party.engine.server, sizes[s],
                                                            alignment, &buffers[i]), NOERROR);
                    three_addresses(&party, i, buffers[i], sizes[s], alignment);
                }
            }
        party_close(&party);
    }
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
