/*
 * Messages that are cut, continued, changed by one bit, in the wrong order, or with descriptors that
 * do not belong to them. To a primary: from a stranger, a secondary and a server. To a server and a
 * secondary: from a primary. The other set of the victim's process goes on.
 */
#include "hostile/foreign.h"
#include "hostile/forged.h"
#include "hostile/guest.h"
#include "hostile/victim_checks.h"
#include "resources.h"

#include <sys/socket.h>

static char name[NAME_SIZE];

/* Each message is sent once for each way to spoil it. */
struct spoiler {
    unsigned next;
};

/* The next spoiled copy of a message; 0 after the last. */
static int spoil(struct spoiler *spoiler, const struct packet *good, struct packet *bad)
{
    unsigned number = spoiler->next++;
    *bad = *good;
    if (number < good->size) {
        bad->size = number; /* cut; of no bytes at all, too */
        return 1;
    }
    number -= (unsigned)good->size;
    if (number < 8 * good->size) {
        bad->bytes[number / 8] ^= (uint8_t)(1u << number % 8);
        return 1;
    }
    number -= 8 * (unsigned)good->size;
    static const size_t longer[] = {1, 4, 300};
    if (number < sizeof longer / sizeof *longer) {
        memset(bad->bytes + bad->size, 0, longer[number]);
        bad->size += longer[number];
        return 1;
    }
    bad->size = sizeof bad->bytes; /* longer than any message */
    return number == sizeof longer / sizeof *longer;
}

/* Says hello for a role; the segment that comes with the welcome. */
static int be_welcome(int connection, enum wire_role role)
{
    int memory;
    CHECK(wire_send_one(connection, wire_hello(role, name), -1));
    CHECK_EQUAL(wire_receive(connection, NULL, &memory), WELCOME);
    return memory;
}

/* A hello of a stranger: any answer or none, and the set lives. [SEC-07] */
static void spoiled_hellos(void)
{
    struct packet good = wire_hello(SECONDARY, name), bad;
    VDConfig config;
    vdi_set *set = client_create(name, 1);
    for (struct spoiler spoiler = {0}; spoil(&spoiler, &good, &bad);) {
        int connection = wire_connect(name);
        CHECK(connection >= 0);
        CHECK(wire_send(connection, &bad, NULL, 0));
        CHECK(shutdown(connection, SHUT_WR) == 0);
        uint32_t kind = wire_receive(connection, NULL, NULL);
        CHECK(kind == 0 || kind == REFUSED || kind == WELCOME);
        close(connection);
        CHECK_RESULT(vdi_get_configuration(set, 0, &config), VD_E_TIMEOUT);
    }
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* Messages of a secondary: it is let go, and the set lives. [SEC-07, PROC-05] */
static void spoiled_answers(void)
{
    struct packet good = wire_mapped(0), bad;
    vdi_set *set = client_create(name, 1);
    struct engine engine;
    VDConfig config;
    engine_open(&engine, name, 1, FORGED_BUFFER, 1);
    for (struct spoiler spoiler = {0}; spoil(&spoiler, &good, &bad);) {
        int connection = wire_connect(name);
        close(be_welcome(connection, SECONDARY));
        CHECK(wire_send(connection, &bad, NULL, 0));
        close(connection);
        CHECK_RESULT(vdi_get_configuration(set, 0, &config), NOERROR);
    }
    CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* Messages of a server: the set is aborted, or the message meant something. [SEC-07] */
static void spoiled_areas(void)
{
    struct packet good = wire_area(0, FORGED_AREA), bad;
    for (struct spoiler spoiler = {0}; spoil(&spoiler, &good, &bad);) {
        VDConfig config;
        uint32_t reason;
        vdi_set *set = client_create(name, 1);
        int connection = wire_connect(name);
        int memory = sealed_memory("hostile-area", FORGED_AREA);
        struct segment segment = segment_open(be_welcome(connection, SERVER));
        header_store(&segment, PHASE, CONNECTED);
        CHECK(wire_send(connection, &bad, &memory, 1));
        shutdown(connection, SHUT_RDWR);
        CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), VD_E_ABORT);
        CHECK_RESULT(vdi_abort_reason(set, &reason, NULL, 0), NOERROR);
        CHECK(reason == VDI_ABORT_CORRUPTION || reason == VDI_ABORT_RESOURCES ||
              reason == VDI_ABORT_SERVER_DIED);
        CHECK_RESULT(vdi_close(set), NOERROR);
        segment_close(&segment);
        close(connection);
        close(memory);
    }
}

/* The call has returned with a code that is documented for it, and what it opened can be closed. */
static void is_answered(struct guest *guest)
{
    vdi_result result = caller_join(&guest->caller);
    if (guest->role == SERVER) {
        CHECK_AMONG(result, NOERROR, VD_E_INVALID, VD_E_BUSY, VD_E_ABORT, VD_E_SECURITY,
                    VD_E_MEMORY, VD_E_UNEXPECTED);
        CHECK((result == NOERROR) == (guest->server != NULL));
    } else {
        CHECK_AMONG(result, NOERROR, VD_E_PROTOCOL, VD_E_ABORT, VD_E_SECURITY, VD_E_BUSY,
                    VD_E_MEMORY, VD_E_UNEXPECTED);
        CHECK((result == NOERROR) == (guest->set != NULL));
    }
    CHECK_RESULT(guest_close(guest), result == NOERROR ? NOERROR : VD_E_PROTOCOL);
}

/* What a guest is answered. [SEC-07, AMB-31] */
static void spoiled_replies(enum wire_role role, struct packet good, int with_segment)
{
    struct packet bad;
    int listener = wire_listen(name);
    for (struct spoiler spoiler = {0}; spoil(&spoiler, &good, &bad);) {
        struct guest guest;
        struct segment segment = guest_segment(role, name);
        int connection = guest_expect(&guest, role, name, listener);
        CHECK(wire_send(connection, &bad, &segment.memory, (unsigned)with_segment));
        shutdown(connection, SHUT_WR);
        is_answered(&guest);
        close(connection);
        segment_close(&segment);
    }
    wire_unlisten(name, listener);
}

/* A number that is nobody's or the primary's is none for a guest. [SEC-07] */
static void wrong_numbers(enum wire_role role)
{
    int listener = wire_listen(name);
    for (uint32_t number = 0; number <= 1; number++) {
        struct guest guest;
        struct segment segment = guest_segment(role, name);
        int connection = guest_expect(&guest, role, name, listener);
        CHECK(wire_send_one(connection, wire_welcome(number, segment.size), segment.memory));
        CHECK_RESULT(caller_join(&guest.caller), VD_E_UNEXPECTED);
        close(connection);
        segment_close(&segment);
    }
    wire_unlisten(name, listener);
}

/* Refusals with every code: the call returns only those that are documented for it. */
static void every_refusal(enum wire_role role)
{
    int listener = wire_listen(name);
    for (int32_t code = VD_E_NOTOPEN - 2; code <= VD_E_IO_ERROR + 2; code++) {
        struct guest guest;
        int connection = guest_expect(&guest, role, name, listener);
        CHECK(wire_send_one(connection, wire_refused(code, "\xff\x1b[2J%s%n"), -1));
        is_answered(&guest);
        close(connection);
    }
    wire_unlisten(name, listener);
}

/* Messages of a primary to a guest that has joined, in whatever order. [SEC-07] */
static void stray_messages(enum wire_role role)
{
    int listener = wire_listen(name);
    const struct packet messages[] = {wire_hello(SERVER, name), wire_welcome(2, 12416),
                                      wire_refused(VD_E_BUSY, ""), wire_area(1, FORGED_AREA),
                                      wire_mapped(UINT32_MAX), wire_message(1, 6)};
    for (unsigned i = 0; i < sizeof messages / sizeof *messages; i++) {
        for (unsigned count = 0; count <= 2 * MOST_DESCRIPTORS; count += MOST_DESCRIPTORS) {
            struct guest guest;
            struct segment segment = guest_segment(role, name);
            int connection = guest_expect(&guest, role, name, listener);
            int descriptors[2 * MOST_DESCRIPTORS];
            for (unsigned n = 0; n < count; n++)
                descriptors[n] = segment.memory;
            CHECK(wire_send_one(connection, wire_welcome(2, segment.size), segment.memory));
            /* A server takes no descriptors any more. */
            (void)wire_send(connection, &messages[i], descriptors, count);
            is_answered(&guest);
            close(connection);
            segment_close(&segment);
        }
    }
    wire_unlisten(name, listener);
}

static void run(void)
{
    static struct foreign foreign;
    unique_name(name);
    foreign_start(&foreign);
    foreign_goes_on(&foreign);
    unsigned open = descriptors(), mapped = shared_mappings();
    spoiled_hellos();
    spoiled_answers();
    spoiled_areas();
    for (enum wire_role role = SERVER; role <= SECONDARY; role++) {
        size_t size = segment_size(1, VDI_QUEUE_CAPACITY);
        spoiled_replies(role, wire_welcome(2, size), 1);
        spoiled_replies(role, wire_refused(VD_E_BUSY, "no"), 0);
        wrong_numbers(role);
        every_refusal(role);
        stray_messages(role);
    }
    settles_at(descriptors, open);
    settles_at(shared_mappings, mapped);
    foreign_goes_on(&foreign);
    foreign_end(&foreign);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
