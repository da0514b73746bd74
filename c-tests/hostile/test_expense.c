/*
 * What floods cost the process that they are for, in private memory and in processor time: after as
 * many again it has no more memory than before, while they last no more than the places in a set can
 * take, and its time is bounded by that of its peers.
 */
#include "hostile/attack.h"
#include "hostile/victim.h"
#include "resources.h"
#include "roles.h"

#include <time.h>

enum {
    FLOOD = 5000,
    ROUNDS = 600,
    /*
     * Bytes for each piece of a flood, and for pages that are touched for the first time. The smallest
     * thing that could be left costs 32 in malloc(): of every fourth visit that is more than both.
     */
    LEFT_OF_EACH = 4,
    FIRST_TOUCHES = 16 << 10,
    /* Bytes for a connection that stays: its record and how it is watched. What is said to it, and
     * waits to be read, lies in the kernel; nothing waits in the primary. */
    OF_A_GUEST = 1 << 10,
    /* Bytes for an area: its record. */
    OF_AN_AREA = 512,
    /* Areas that a secondary is told of before it answers. */
    WINDOW = 32,
    /* Times the processor time of the peers: a packet costs about as much to take as to send. */
    MOST_RATIO = 8,
};

static char name[NAME_SIZE];
static struct peer primary;

/* Private memory of a process that it has touched: heap, stacks, data. */
static int64_t private_memory(struct peer process)
{
    char path[64], line[256];
    unsigned long long kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)process.pid);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "Anonymous: %llu", &kilobytes) != 1)
        continue;
    fclose(file);
    CHECK(kilobytes > 0);
    return (int64_t)kilobytes << 10;
}

static int64_t time_of(pid_t process)
{
    clockid_t clock;
    struct timespec used;
    CHECK(clock_getcpuclockid(process, &clock) == 0 && clock_gettime(clock, &used) == 0);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static unsigned descriptors_of_primary(void)
{
    return descriptors_of(primary.pid);
}

/* A connection that says nothing, half of a hello, a hello, or something else, and goes. */
static void visit(unsigned number)
{
    struct packet packet = wire_hello(SECONDARY, name);
    int connection = wire_visitor(name, 0);
    packet.size = number % 4 == 1 ? 1 + attack_choose((uint32_t)packet.size - 1) : packet.size;
    if (number % 4 == 3)
        packet.bytes[attack_choose((uint32_t)packet.size)] ^= 0xff;
    if (number % 4 != 0)
        wire_send_one(connection, packet, -1);
    /* One that does not wait for the answer gets no place. */
    if (number % 4 == 2)
        CHECK_EQUAL(wire_receive(connection, NULL, NULL), WELCOME);
    close(connection);
}

static void visits(void)
{
    for (unsigned number = 0; number < FLOOD; number++)
        visit(number);
}

/* Messages of one that was let in. */
static void talk(void)
{
    struct packet packet = wire_mapped(UINT32_MAX);
    int connection = wire_visitor(name, SECONDARY);
    CHECK_EQUAL(wire_receive(connection, NULL, NULL), WELCOME);
    for (unsigned number = 0; number < FLOOD; number++)
        CHECK(wire_send_waiting(connection, &packet, -1));
    close(connection);
}

static unsigned areas_of_primary(void)
{
    return mappings(primary.pid, AREA_NAME, NULL);
}

/* A server, whose first area the primary has got. */
static vdi_server *configured(void)
{
    vdi_server *server = server_configure(name, FORGED_BUFFER, 1);
    settles_at(areas_of_primary, 1);
    return server;
}

/*
 * The primary has dealt with all that was sent before: it has taken every connection, as they are
 * taken in order, and has dropped those that were closed, or holds what it was sent.
 */
static void settles(enum wire_role role, enum wire_kind answer, unsigned descriptors)
{
    settles_at(descriptors_of_primary, descriptors);
    int connection = wire_visitor(name, role);
    CHECK_EQUAL(wire_receive(connection, NULL, NULL), answer);
    close(connection);
    settles_at(descriptors_of_primary, descriptors);
}

static void check_growth(const char *flood, int64_t growth, int64_t most)
{
    printf("%s: %lld KiB more, at most %lld\n", flood, (long long)growth / 1024,
           (long long)most / 1024);
    if (growth > most)
        check_failed(__FILE__, __LINE__, "%s: %lld bytes more", flood, (long long)growth);
}

/* The second flood leaves nothing, and costs no more time than its ratio. [SEC-07] */
static void flood_with(const char *flood, void (*floods)(void))
{
    unsigned descriptors = descriptors_of_primary();
    floods();
    settles(SECONDARY, WELCOME, descriptors);
    int64_t memory = private_memory(primary);
    int64_t used = time_of(primary.pid), spent = time_of(getpid());
    floods();
    settles(SECONDARY, WELCOME, descriptors);
    used = time_of(primary.pid) - used;
    spent = time_of(getpid()) - spent;
    printf("%s: %.1f times the processor time of the peer\n", flood, (double)used / (double)spent);
    if (used > MOST_RATIO * spent)
        check_failed(__FILE__, __LINE__, "%s costs %lld ns, and the peer %lld", flood,
                     (long long)used, (long long)spent);
    check_growth(flood, private_memory(primary) - memory, FLOOD * LEFT_OF_EACH + FIRST_TOUCHES);
}

/* So many areas more, of which the primary tells as many guests as there can be. */
static void more_areas(vdi_server *server, unsigned count)
{
    unsigned descriptors = descriptors_of_primary();
    for (unsigned i = 0; i < count; i++)
        CHECK_RESULT(vdi_server_request_buffers(server, FORGED_BUFFER, 0, 1), NOERROR);
    settles(0, REFUSED, descriptors + count);
}

/*
 * All places are taken by secondaries that never read, and there is more to tell than they can be told:
 * what they are not told costs nothing for each of them. [SEC-07]
 */
static void deaf_guests(void)
{
    static int guests[MOST_GUESTS];
    vdi_server *server = configured();
    int64_t before = private_memory(primary);
    for (unsigned i = 0; i < MOST_GUESTS - 1; i++) {
        guests[i] = wire_visitor(name, SECONDARY);
        CHECK_EQUAL(wire_receive(guests[i], NULL, NULL), WELCOME);
    }
    more_areas(server, WINDOW);
    int64_t told = private_memory(primary);
    check_growth("deaf guests", told - before,
                 MOST_GUESTS * OF_A_GUEST + WINDOW * OF_AN_AREA + FIRST_TOUCHES);
    more_areas(server, WINDOW);
    check_growth("what they are not told", private_memory(primary) - told,
                 WINDOW * OF_AN_AREA + FIRST_TOUCHES);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
    for (unsigned i = 0; i < MOST_GUESTS - 1; i++)
        close(guests[i]);
    ASK(primary, NOERROR, SIGNAL_ABORT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
}

static void random_word(enum moment moment, struct forged *forged)
{
    if (attack_choose(8) == 0) {
        struct spot spot = attack_spot(&forged->segment);
        attack_write(forged, moment, spot, attack_value(&forged->segment, spot));
    }
}

static void random_rounds(struct peer victim)
{
    static const enum part parts[] = {BE_SERVER, BE_PRIMARY, BE_SECONDARY};
    for (unsigned round = 0; round < ROUNDS; round++) {
        attack_begin(round);
        attack_play(victim, parts[round % 3], name, random_word);
    }
}

/*
 * The same rounds once more leave nothing more. A page of a stack or a heap may be touched for the first time
 * as late as that, but not again and again: what is left behind is, whenever the rounds are played.
 */
static void random_words(void)
{
    struct peer victim = victim_start(name);
    int64_t most = ROUNDS * LEFT_OF_EACH + FIRST_TOUCHES, growth = most + 1;
    random_rounds(victim);
    for (unsigned again = 0; again < 4 && growth > most; again++) {
        int64_t before = private_memory(victim);
        random_rounds(victim);
        growth = private_memory(victim) - before;
    }
    check_growth("random words", growth, most);
    victim_leave(victim);
}

static void run(void)
{
    unique_name(name);
    attack_begin(attack_first_seed());
    primary = spawn_client();
    client_named(primary, CREATE, name, NOERROR);
    /* Only a set that a server has configured admits secondaries. */
    vdi_server *server = configured();
    flood_with("visits", visits);
    flood_with("messages", talk);
    ASK(primary, NOERROR, SIGNAL_ABORT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(primary, NOERROR, CLOSE);
    client_named(primary, CREATE, name, NOERROR);
    deaf_guests();
    ASK(primary, NOERROR, CLOSE);
    client_leave(primary);
    random_words();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, VICTIM_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
