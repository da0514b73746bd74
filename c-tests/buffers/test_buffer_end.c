/*
 * The end of buffers: after an abort each side keeps the memory until it closes the set, whatever
 * becomes of the others; closing gives everything back, freed or not.
 */
#include "engine.h"
#include "resources.h"
#include "roles.h"

#define SIZE 65536
#define PREFIX 512
#define BUFFERS 3

static char name[NAME_SIZE];

static const VDConfig config = {.deviceCount = 2, .prefixZoneSize = PREFIX};

/*
 * Server process: opens the set, sends one command to each device, and tells so. When it is told to
 * go on, the set is aborted: it writes and reads its buffers, and closes. [BUF-16]
 */
static int server_role(int argc, char **argv)
{
    struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    static VDS_Command commands[2];
    CHECK_EQUAL(argc, 2);
    engine_open(&engine, argv[1], 2, SIZE, BUFFERS);
    for (unsigned i = 0; i < 2; i++) {
        command_prepare(&commands[i], &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i], &commands[i]), NOERROR);
    }
    uint8_t *idle = engine_buffer(&engine, SIZE);
    tell(parent(), 0);
    hear(parent());
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    uint8_t *const buffers[] = {commands[0].buffer, commands[1].buffer, idle};
    for (unsigned i = 0; i < BUFFERS; i++)
        pattern_fill(buffers[i], SIZE, (uint8_t)i);
    for (unsigned i = 0; i < BUFFERS; i++)
        CHECK(pattern_matches(buffers[i], SIZE, (uint8_t)i));
    CHECK(area_bytes(getpid()) > 0);
    /* Freed or not. [BUF-15] */
    CHECK_RESULT(vdi_server_free_buffer(engine.server, idle, SIZE), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_EQUAL(area_bytes(getpid()), 0);
    return 0;
}

/* The primary, a secondary, each with a command in its hands, and the server. */
struct party {
    struct peer primary, secondary, server;
    uint64_t addresses[2];
};

static void party_open(struct party *party)
{
    party->primary = spawn_client(), party->secondary = spawn_client();
    client_creates(party->primary, name, config);
    party->server = spawn_role("server", name, (char *)NULL);
    hear(party->server);
    client_named(party->secondary, OPEN_IN_SECONDARY, name, NOERROR);
    const struct peer clients[] = {party->primary, party->secondary};
    for (unsigned i = 0; i < 2; i++) {
        client_open_device(clients[i], name, i);
        party->addresses[i] = client_fetch(clients[i], i, VDC_Write).address;
    }
}

#define MEMBERS 3

/* A member that is still there can use its buffers, prefix zones included. [BUF-16] */
static void can_use(struct party *party, unsigned member, uint8_t seed)
{
    const struct peer clients[] = {party->primary, party->secondary};
    struct peer client = clients[member];
    uint64_t start = party->addresses[member] - PREFIX;
    ASK(client, VD_E_ABORT, GET_COMMAND, .device = member, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, FILL, .address = start, .bytes = PREFIX + SIZE, .seed = seed);
    ASK(client, 1, LOOK, .address = start, .bytes = PREFIX + SIZE, .seed = seed);
    CHECK(area_bytes(client.pid) > 0);
}

/* The server does so when it is told to, before it closes. */
static void member_closes(struct party *party, unsigned member)
{
    const struct peer clients[] = {party->primary, party->secondary};
    if (member == 2) {
        tell(party->server, 0);
        CHECK_EQUAL(wait_exit(party->server), 0);
        return;
    }
    ASK(clients[member], NOERROR, CLOSE);
    CHECK_EQUAL(area_bytes(clients[member].pid), 0);
    client_leave(clients[member]);
}

/* All members leave in some order; those that remain are not disturbed. `gone` is there no more. */
static void leave_in_order(struct party *party, const unsigned order[MEMBERS], unsigned gone)
{
    for (unsigned next = 0; next < MEMBERS; next++) {
        for (unsigned member = 0; member < 2; member++) {
            int left = member == gone;
            for (unsigned done = 0; done < next; done++)
                left |= order[done] == member;
            if (!left)
                can_use(party, member, (uint8_t)(next * 50 + member));
        }
        if (order[next] != gone)
            member_closes(party, order[next]);
    }
}

static const unsigned orders[][MEMBERS] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                           {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
#define ORDERS (sizeof orders / sizeof *orders)

/* Aborted by one or the other client; then everybody closes, in every order. */
static void after_abort(void)
{
    struct party party;
    for (unsigned i = 0; i < ORDERS; i++) {
        party_open(&party);
        ASK(i % 2 ? party.primary : party.secondary, NOERROR, SIGNAL_ABORT);
        leave_in_order(&party, orders[i], MEMBERS);
    }
}

/* A process is killed; the kernel gives back its own mappings, and nobody else's. */
static void after_death(void)
{
    struct party party;
    for (unsigned i = 0; i < ORDERS; i++) {
        party_open(&party);
        if (i % 2)
            kill_and_wait(party.server);
        else
            kill_and_wait(party.primary);
        leave_in_order(&party, orders[i], i % 2 ? 2 : 0);
    }
}

/* The normal end: the server gives back what it has allocated and not freed. [BUF-15] */
static void after_normal_end(void)
{
    struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command command;
    struct peer client = spawn_client();
    client_creates(client, name, (VDConfig){.deviceCount = 1});
    engine_open(&engine, name, 1, SIZE, BUFFERS);
    client_open_device(client, name, 0);
    command_prepare(&command, &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    struct answer got = client_fetch(client, 0, VDC_Write);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot, .bytes = SIZE);
    journal_wait(&journal, 1);
    CHECK_RESULT(vdi_server_request_buffers(engine.server, SIZE, 0, 1), NOERROR);
    uint8_t *freed = engine_buffer(&engine, SIZE);
    CHECK(area_bytes(getpid()) >= (BUFFERS + 1) * SIZE);
    CHECK_RESULT(vdi_server_free_buffer(engine.server, freed, SIZE), NOERROR);
    engine_close(&engine);
    CHECK_EQUAL(area_bytes(getpid()), 0);
    CHECK(area_bytes(client.pid) > 0);
    ASK(client, NOERROR, CLOSE);
    CHECK_EQUAL(area_bytes(client.pid), 0);
    client_leave(client);
}

static void run(void)
{
    unique_name(name);
    after_abort();
    after_death();
    after_normal_end(); /* also takes the name that a dead primary has left */
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"server", server_role}, CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
