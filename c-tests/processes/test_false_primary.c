/*
 * A process that poses as the primary of a set and says nonsense: joining fails, or the set that was
 * joined is aborted.
 */
#include "engine.h"
#include "hostile/guest.h"

#include <sys/mman.h>
#include <sys/socket.h>

#define AREA_SIZE 65536

static char name[NAME_SIZE];
static int listener = -1;

static void is_refused(struct guest *guest, int connection, vdi_result result)
{
    CHECK_RESULT(caller_join(&guest->caller), result);
    CHECK(guest->set == NULL && guest->server == NULL);
    close(connection);
}

enum { NOT_ALLOCATED = 1 };

/* A copy of a segment with other seals than the library makes it with, or not allocated. */
static int odd_memory(const struct segment *segment, int seals)
{
    int memory = memfd_create("hostile-odd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(memory >= 0 && ftruncate(memory, (off_t)segment->size) == 0);
    if (seals != NOT_ALLOCATED)
        CHECK(posix_fallocate(memory, 0, (off_t)segment->size) == 0);
    /* All that is not zero is in the first page. */
    CHECK(pwrite(memory, segment->base, BLOCK_SIZE, 0) == BLOCK_SIZE);
    CHECK(fcntl(memory, F_ADD_SEALS, seals == NOT_ALLOCATED ? SEALS : seals) == 0);
    return memory;
}

/* Welcomes a guest to a segment, whose size it is told wrongly if `announced` is not 0. */
static void welcome(int connection, struct segment *segment, uint64_t announced)
{
    struct packet packet = wire_welcome(2, announced ? announced : segment->size);
    CHECK(wire_send_one(connection, packet, segment->memory));
    segment_close(segment);
}

/* Answers to a hello that are none. */
static void wrong_answers(enum wire_role role)
{
    static const struct packet zeros = {.size = LONGEST_PACKET + 1};
    const struct packet answers[] = {
        wire_area(0, AREA_SIZE),
        wire_message(1, 77),
        wire_welcome(2, segment_size(1, VDI_QUEUE_CAPACITY)), /* without the segment */
        zeros,
    };
    struct guest guest;
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        int connection = guest_expect(&guest, role, name, listener);
        CHECK(wire_send_one(connection, answers[i], -1));
        is_refused(&guest, connection, VD_E_UNEXPECTED);
    }
    int connection = guest_expect(&guest, role, name, listener);
    CHECK(shutdown(connection, SHUT_RDWR) == 0);
    is_refused(&guest, connection, role == SERVER ? VD_E_INVALID : VD_E_PROTOCOL);
}

/* How a segment differs from a good one. */
struct fault {
    enum word word;
    uint64_t value;
    uint64_t announced;
    int seals;
};

static void is_refused_segment(enum wire_role role, const struct fault *fault)
{
    struct guest guest;
    struct segment segment = guest_segment(role, name);
    header_store(&segment, PHASE, CREATED);
    if (fault->word != MAGIC || fault->value != 0)
        header_store(&segment, fault->word, fault->value);
    if (fault->seals != 0) {
        int memory = odd_memory(&segment, fault->seals);
        close(segment.memory);
        segment.memory = memory;
    }
    int connection = guest_expect(&guest, role, name, listener);
    welcome(connection, &segment, fault->announced);
    is_refused(&guest, connection, VD_E_UNEXPECTED);
}

/* Segments that no primary makes. [SEC-07] */
static void wrong_segments(enum wire_role role)
{
    static const struct fault faults[] = {
        {.word = MAGIC, .value = 0x000000017662696c},
        {.word = VERSION, .value = 0x00030000},
        {.word = DEVICES, .value = 0},
        {.word = DEVICES, .value = 2},
        {.word = CAPACITY, .value = 63},
        {.word = CAPACITY, .value = 8192},
        {.word = NAME_WAIT, .value = 3600001},
        {.word = REQUESTED, .value = 2},
        {.announced = 1279},
        {.announced = 12416 + 128},
        {.seals = NOT_ALLOCATED},
        {.seals = F_SEAL_SHRINK | F_SEAL_SEAL},
        {.seals = SEALS | F_SEAL_FUTURE_WRITE},
    };
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
        is_refused_segment(role, &faults[i]);
}

/* The server checks the configuration as vdi_create does. [SEC-07] */
static void wrong_configurations(void)
{
    static const struct fault faults[] = {
        {.word = REQUESTED_PREFIX, .value = VDI_MAX_PREFIX_ZONE + 1},
        {.word = REQUESTED_ALIGNMENT, .value = 3},
    };
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
        is_refused_segment(SERVER, &faults[i]);
}

/* Says one thing too much, or hangs up, to a guest that has joined. */
enum misbehaviour { WRONG_MESSAGE, LONG_PACKET, HANG_UP, WRONG_AREA };

static void misbehave(int connection, enum misbehaviour misbehaviour)
{
    static const struct packet zeros = {.size = LONGEST_PACKET + 1};
    int memory;
    switch (misbehaviour) {
    case WRONG_MESSAGE:
        CHECK(wire_send_one(connection, wire_welcome(2, AREA_SIZE), -1));
        return;
    case LONG_PACKET:
        CHECK(wire_send_one(connection, zeros, -1));
        return;
    case HANG_UP:
        CHECK(shutdown(connection, SHUT_RDWR) == 0);
        return;
    case WRONG_AREA:
        memory = sealed_memory("hostile-area", AREA_SIZE);
        CHECK(wire_send_one(connection, wire_area(1, AREA_SIZE), memory));
        close(memory);
        return;
    }
}

/* A guest of that role that was welcome; its connection. */
static int joined(struct guest *guest, enum wire_role role)
{
    struct segment segment = guest_segment(role, name);
    int connection = guest_expect(guest, role, name, listener);
    welcome(connection, &segment, 0);
    CHECK_RESULT(caller_join(&guest->caller), NOERROR);
    return connection;
}

static const struct {
    enum misbehaviour misbehaviour;
    uint32_t reason;
} endings[] = {
    {WRONG_MESSAGE, VDI_ABORT_CORRUPTION},
    {LONG_PACKET, VDI_ABORT_RESOURCES},
    {HANG_UP, VDI_ABORT_CLIENT_CLOSED},
    {WRONG_AREA, VDI_ABORT_RESOURCES},
};

/* A server that was welcome: its agent leaves, with the reason. [SEC-07, CRASH-02] */
static void misled_server(unsigned which)
{
    struct guest guest;
    struct caller agent;
    uint32_t reason;
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    int connection = joined(&guest, SERVER);
    CHECK_RESULT(vdi_server_begin_configuration(guest.server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(guest.server), NOERROR);
    caller_start(&agent, completion_agent, guest.server);
    misbehave(connection, endings[which].misbehaviour);
    CHECK_RESULT(caller_join(&agent), VD_E_ABORT);
    CHECK_RESULT(vdi_server_abort_reason(guest.server, &reason, NULL, 0), NOERROR);
    CHECK_EQUAL(reason, endings[which].reason);
    CHECK_RESULT(vdi_server_close(guest.server), NOERROR);
    close(connection);
}

/* A secondary that was welcome: its wait ends, with the reason. [SEC-07, CRASH-02] */
static void misled_secondary(unsigned which)
{
    struct guest guest;
    struct caller waiter;
    uint32_t reason;
    vdi_device *device;
    int connection = joined(&guest, SECONDARY);
    CHECK_RESULT(vdi_open_device(guest.set, name, &device), NOERROR);
    struct getter getter = {.device = device};
    caller_start(&waiter, get_command, &getter);
    misbehave(connection, endings[which].misbehaviour);
    CHECK_RESULT(caller_join(&waiter), VD_E_ABORT);
    CHECK_RESULT(vdi_abort_reason(guest.set, &reason, NULL, 0), NOERROR);
    CHECK_EQUAL(reason, endings[which].reason);
    CHECK_RESULT(vdi_close(guest.set), NOERROR);
    close(connection);
}

/* A primary that takes no more connections: nobody can join, and the name is in use. [NAME-01] */
static void no_time(void)
{
    vdi_set *set;
    vdi_server *server;
    VDConfig config = {.deviceCount = 1};
    CHECK(listen(listener, 0) == 0);
    int visitor = wire_connect(name);
    CHECK(visitor >= 0);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_UNEXPECTED);
    CHECK_CONTAINS(vdi_last_error_message(), "does not answer");
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &set), VD_E_UNEXPECTED);
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), VD_E_PROTOCOL);
    close(visitor);
}

static void run(void)
{
    unique_name(name);
    listener = wire_listen(name);
    for (enum wire_role role = SERVER; role <= SECONDARY; role++) {
        wrong_answers(role);
        wrong_segments(role);
    }
    wrong_configurations();
    for (unsigned which = 0; which < sizeof endings / sizeof *endings; which++) {
        if (endings[which].misbehaviour != WRONG_AREA)
            misled_server(which);
        misled_secondary(which);
    }
    no_time();
    wire_unlisten(name, listener);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
