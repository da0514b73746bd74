/*
 * Prefix zones and data zones of many buffers, filled by different processes: every zone is where
 * it belongs, as large as it should be, and nobody else's. A third client comes late and reaches
 * all of them by handles.
 */
#include "engine.h"
#include "roles.h"

#define PREFIX 1001u
#define BUFFERS 48
#define ROUNDS 2

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static struct peer clients[2], late;

static const struct {
    uint32_t size, alignment;
} kinds[] = {{512, 0},      {4096, 4096}, {65536, 65536}, {700, 0},
             {512, 65536},  {5000, 1024}, {1 << 18, 0},   {65537, 8192}};
#define KINDS (sizeof kinds / sizeof *kinds)

static struct zone {
    uint32_t size, alignment;
    uint8_t *server;
    VDS_Command command;
    struct answer got;
    uint32_t handle;
} zones[BUFFERS];

/* Device 0 is the primary's, device 1 the secondary's. */
static unsigned owner_of(unsigned index)
{
    return index / 3 % 2;
}

/* A pattern of its own for every zone, writer and round. */
static uint8_t seed_of(unsigned index, unsigned writer)
{
    return (uint8_t)(index * 5 + writer * 77 + 1);
}

enum writer { SERVER, DATA_OWNER, PREFIX_OTHER };

/* Buffers from the configuration and, in the same number, from areas added afterwards. */
static void allocate(unsigned from, unsigned to, int request)
{
    for (unsigned i = from; i < to; i++) {
        void *buffer;
        struct zone *zone = &zones[i];
        zone->size = kinds[i % KINDS].size;
        zone->alignment = kinds[i % KINDS].alignment;
        if (request)
            CHECK_RESULT(vdi_server_request_buffers(engine.server, zone->size, zone->alignment, 1),
                         NOERROR);
        CHECK_RESULT(vdi_server_allocate_buffer(engine.server, zone->size, zone->alignment,
                                                &buffer), NOERROR);
        zone->server = buffer;
    }
}

static void send_all(void)
{
    for (unsigned i = 0; i < BUFFERS; i++)
        pattern_fill(zones[i].server, zones[i].size, seed_of(i, SERVER));
    for (unsigned i = 0; i < BUFFERS; i++) {
        struct zone *zone = &zones[i];
        command_prepare(&zone->command, &journal, VDC_Read, zone->server, (int32_t)zone->size);
        CHECK_RESULT(vdi_server_send_command(engine.devices[owner_of(i)], &zone->command),
                     NOERROR);
    }
    for (unsigned i = 0; i < BUFFERS; i++) {
        struct peer owner = clients[owner_of(i)];
        zones[i].got = client_fetch(owner, owner_of(i), VDC_Read);
        zones[i].handle =
            ASK(owner, NOERROR, GET_HANDLE, .address = zones[i].got.address).handle;
    }
}

/* Where a process sees a buffer. */
static uint64_t mapped(struct peer process, unsigned index)
{
    uint64_t address =
        ASK(process, NOERROR, MAP_HANDLE, .handle = zones[index].handle).address;
    uint32_t alignment = zones[index].alignment;
    CHECK_EQUAL(address % (alignment ? alignment : 512), 0); /* [AMB-23] */
    return address;
}

/* The owner writes the data zone, the other process the prefix zone. [BUF-03, BUF-04] */
static void fill_all(void)
{
    for (unsigned i = 0; i < BUFFERS; i++) {
        uint64_t other = mapped(clients[1 - owner_of(i)], i);
        ASK(clients[owner_of(i)], 1, LOOK, .address = zones[i].got.address,
            .bytes = zones[i].size, .seed = seed_of(i, SERVER));
        ASK(clients[owner_of(i)], NOERROR, FILL, .address = zones[i].got.address,
            .bytes = zones[i].size, .seed = seed_of(i, DATA_OWNER));
        ASK(clients[1 - owner_of(i)], NOERROR, FILL, .address = other - PREFIX, .bytes = PREFIX,
            .seed = seed_of(i, PREFIX_OTHER));
    }
}

static void look(struct peer process, unsigned index)
{
    uint64_t address = mapped(process, index);
    ASK(process, 1, LOOK, .address = address, .bytes = zones[index].size,
        .seed = seed_of(index, DATA_OWNER));
    ASK(process, 1, LOOK, .address = address - PREFIX, .bytes = PREFIX,
        .seed = seed_of(index, PREFIX_OTHER));
}

static int is_odd(unsigned index)
{
    return index % 2;
}

/*
 * The odd buffers go back, and the server writes all of their data zones; the zones of the even
 * ones, which the clients still have, stay as they are in every process, and so do the prefix zones
 * of the odd ones, which are hidden from the server. [BUF-02, BUF-05, BUF-07, BUF-13]
 */
static void look_everywhere(void)
{
    const struct peer all[] = {clients[0], clients[1], late};
    for (unsigned p = 0; p < 3; p++)
        for (unsigned i = 0; i < BUFFERS; i++)
            look(all[p], i);
    uint64_t prefixes[BUFFERS];
    for (unsigned i = 0; i < BUFFERS; i++)
        prefixes[i] = mapped(late, i) - PREFIX;
    for (unsigned i = 0; i < BUFFERS; i++)
        if (is_odd(i))
            ASK(clients[owner_of(i)], NOERROR, COMPLETE, .device = owner_of(i),
                .slot = zones[i].got.slot, .bytes = zones[i].size);
    journal_wait(&journal, BUFFERS / 2);
    for (unsigned i = 0; i < BUFFERS; i++) {
        CHECK(pattern_matches(zones[i].server, zones[i].size, seed_of(i, DATA_OWNER)));
        if (is_odd(i))
            memset(zones[i].server, 0xee, zones[i].size);
    }
    for (unsigned i = 0; i < BUFFERS; i++) {
        if (!is_odd(i))
            look(late, i);
        ASK(late, 1, LOOK, .address = prefixes[i], .bytes = PREFIX,
            .seed = seed_of(i, PREFIX_OTHER));
    }
    for (unsigned i = 0; i < BUFFERS; i++)
        if (!is_odd(i))
            ASK(clients[owner_of(i)], NOERROR, COMPLETE, .device = owner_of(i),
                .slot = zones[i].got.slot, .bytes = zones[i].size);
    journal_wait(&journal, BUFFERS);
}

/* The primary, a secondary that is there before the areas are added, and one that comes after. */
static void run(void)
{
    const VDConfig config = {.deviceCount = 2, .prefixZoneSize = PREFIX};
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_ReadMedia,
                                        .blockSize = 512,
                                        .maxTransferSize = VDI_MAX_TRANSFER_SIZE};
    vdi_server *server;
    unique_name(name);
    clients[0] = spawn_client(), clients[1] = spawn_client(), late = spawn_client();
    client_creates(clients[0], name, config);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    for (unsigned k = 0; k < KINDS; k++)
        CHECK_RESULT(vdi_server_request_buffers(server, kinds[k].size, kinds[k].alignment,
                                                BUFFERS / 2 / KINDS), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    engine_run(&engine, server, name, 2);
    client_named(clients[1], OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(clients[0], name, 0);
    client_open_device(clients[1], name, 1);
    allocate(0, BUFFERS / 2, 0);
    allocate(BUFFERS / 2, BUFFERS, 1);

    for (unsigned round = 0; round < ROUNDS; round++) {
        journal.count = 0;
        send_all();
        if (round == 0)
            client_named(late, OPEN_IN_SECONDARY, name, NOERROR); /* [BUF-10] */
        fill_all();
        look_everywhere();
    }
    engine_close(&engine);
    const struct peer all[] = {late, clients[1], clients[0]};
    for (unsigned p = 0; p < 3; p++) {
        ASK(all[p], NOERROR, CLOSE);
        client_leave(all[p]);
    }
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
