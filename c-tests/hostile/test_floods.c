/*
 * Too much of everything: connections, messages, secondaries that never read, areas. What a process
 * spends on a set is bounded, the set and its neighbours go on, and all is given back.
 */
#include "engine.h"
#include "hostile/attack.h"
#include "hostile/guest.h"
#include "resources.h"
#include "roles.h"

#include <sched.h>
#include <sys/socket.h>

enum { FLOOD = 600, MESSAGES = 5000, LATE_AREAS = 40 };

static char name[NAME_SIZE];
static struct peer primary;

static unsigned descriptors_of_primary(void)
{
    return descriptors_of(primary.pid);
}

static void is_well(void)
{
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
}

static void close_all(const int *connections, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(connections[i]);
}

/* Connections that stay, and say nothing: there is an end to them, and the next one is told. */
static void silent_connections(void)
{
    static int silent[2 * MOST_GUESTS];
    vdi_server *server;
    client_named(primary, CREATE, name, NOERROR);
    unsigned before = descriptors_of_primary();
    for (unsigned i = 0; i < 2 * MOST_GUESTS; i++)
        silent[i] = wire_visitor(name, 0);
    /* The last ones have been answered when this one is. */
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_BUSY);
    /* Each costs the socket and the process at its other end; one may just be refused. */
    CHECK(descriptors_of_primary() <= before + 2 * MOST_GUESTS + 2);
    is_well();
    close_all(silent, 2 * MOST_GUESTS);
    settles_at(descriptors_of_primary, before);
    for (unsigned i = 0, count = attack_rounds(FLOOD); i < count; i++)
        close(wire_visitor(name, i % 3));
    settles_at(descriptors_of_primary, before);
    is_well();
    /* One that comes now is welcome. */
    server = server_configure(name, FORGED_BUFFER, 1);
    ASK(primary, NOERROR, SIGNAL_ABORT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(primary, NOERROR, CLOSE);
}

/* Secondaries that take all places, never read, or talk all the time. [SEC-07, CRASH-03] */
static void bad_secondaries(void)
{
    static int guests[MOST_GUESTS];
    static struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command command;
    vdi_set *set;
    uint8_t *buffer = NULL;
    client_named(primary, CREATE, name, NOERROR);
    unsigned before = descriptors_of_primary();
    engine_open(&engine, name, 1, FORGED_BUFFER, 1);
    for (unsigned i = 0; i < MOST_GUESTS - 1; i++)
        guests[i] = wire_visitor(name, SECONDARY);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &set), VD_E_BUSY);
    struct packet more = wire_mapped(UINT32_MAX);
    for (unsigned i = 0; i < MESSAGES; i++)
        CHECK(wire_send_waiting(guests[i % 2], &more, -1));
    for (unsigned i = 0; i < LATE_AREAS; i++) {
        CHECK_RESULT(vdi_server_request_buffers(engine.server, FORGED_BUFFER + 512 * i, 0, 1),
                     NOERROR);
        buffer = engine_buffer(&engine, FORGED_BUFFER + 512 * i);
    }
    /* The set works, with the last area, which all of them were told of. */
    client_open_device(primary, name, 0);
    command_prepare(&command, &journal, VDC_Write, buffer, FORGED_BUFFER);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    struct answer got = client_fetch(primary, 0, VDC_Write);
    ASK(primary, NOERROR, COMPLETE, .slot = got.slot, .bytes = FORGED_BUFFER);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    CHECK(descriptors_of_primary() <= before + 2 * MOST_GUESTS + LATE_AREAS + 1);
    close_all(guests, MOST_GUESTS - 1);
    engine_close(&engine);
    ASK(primary, NOERROR, CLOSE);
}

/* A server that makes areas without end: the set is aborted, and costs no more. [SEC-07] */
static void too_many_areas(void)
{
    client_named(primary, CREATE, name, NOERROR);
    unsigned before = descriptors_of_primary();
    int connection = wire_visitor(name, SERVER), memory = sealed_memory("hostile-area", FORGED_AREA);
    CHECK_EQUAL(wire_receive(connection, NULL, NULL), WELCOME);
    BEGIN(primary, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    for (uint32_t index = 0; index <= MOST_AREAS; index++) {
        struct packet area = wire_area(index, FORGED_AREA);
        CHECK(wire_send_waiting(connection, &area, memory));
    }
    FINISH(primary, VD_E_ABORT);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_RESOURCES);
    /* The memory that was refused is on its way out, by another thread. */
    while (descriptors_of_primary() > before + MOST_AREAS + 2)
        sched_yield();
    ASK(primary, NOERROR, CLOSE);
    close(connection);
    close(memory);
}

/* A server makes no more either. [SSET-REQBUF-04] */
static void as_many_as_there_may_be(void)
{
    client_named(primary, CREATE, name, NOERROR);
    vdi_server *server = server_configure(name, FORGED_BUFFER, 1);
    for (unsigned areas = 1; areas < MOST_AREAS; areas++) {
        vdi_result result = vdi_server_request_buffers(server, 512, 0, 1);
        /* The primary reads what it is sent, but perhaps not at once. */
        while (result == VD_E_UNEXPECTED) {
            sched_yield();
            result = vdi_server_request_buffers(server, 512, 0, 1);
        }
        CHECK_RESULT(result, NOERROR);
    }
    CHECK_RESULT(vdi_server_request_buffers(server, 512, 0, 1), VD_E_MEMORY);
    CHECK_CONTAINS(vdi_last_error_message(), "at most 512 pieces");
    is_well();
    ASK(primary, NOERROR, SIGNAL_ABORT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(primary, NOERROR, CLOSE);
}

/* A primary that never reads: the server is told, and does not wait. */
static void deaf_primary(void)
{
    struct guest guest;
    struct segment segment = guest_segment(SERVER, name);
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    vdi_result result;
    unsigned before = descriptors();
    int listener = wire_listen(name);
    int connection = guest_expect(&guest, SERVER, name, listener);
    wire_unlisten(name, listener);
    CHECK(wire_send_one(connection, wire_welcome(2, segment.size), segment.memory));
    CHECK_RESULT(caller_join(&guest.caller), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(guest.server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(guest.server), NOERROR);
    do
        result = vdi_server_request_buffers(guest.server, 512, 0, 1);
    while (result == NOERROR);
    CHECK_RESULT(result, VD_E_UNEXPECTED);
    CHECK_RESULT(vdi_server_close(guest.server), NOERROR);
    close(connection);
    CHECK_EQUAL(descriptors(), before);
    segment_close(&segment);
}

static void run(void)
{
    unique_name(name);
    primary = spawn_client();
    silent_connections();
    bad_secondaries();
    too_many_areas();
    as_many_as_there_may_be();
    client_leave(primary);
    deaf_primary();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
