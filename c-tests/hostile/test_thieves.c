/*
 * A peer that takes wake-ups away, as everybody can who has the memory: it moves those who sleep at a
 * bell to a word of its own, holds a lock there so that no wake works, or wipes out the sign that
 * somebody sleeps. An abort, a close, the death of a peer and a command end the waits all the same.
 */
#include "engine.h"
#include "hostile/segment.h"
#include "hostile/wire.h"
#include "roles.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>

enum theft { MOVE, LOCK, WIPE };

/* What a thief is told to do, besides a theft at a bell. */
enum { LEAVE_SEGMENT = -1, HANG_UP = -2 };

enum end { ABORT, CLOSE_CLIENT, CLOSE_SERVER, DEATH };

static char name[NAME_SIZE];

/* Where the thief keeps sleepers. */
static uint32_t den;

static long futex(uint32_t *word, int operation, uint32_t value, long count, uint32_t *other,
                  uint32_t expected)
{
    return syscall(SYS_futex, word, operation, value, count, other, expected);
}

/* Moves all who sleep at the bell, and somebody does. */
static void move_sleepers(uint32_t *bell)
{
    while (futex(bell, FUTEX_CMP_REQUEUE, 0, INT_MAX, &den,
                 __atomic_load_n(bell, __ATOMIC_SEQ_CST)) < 1)
        usleep(100);
}

static vdi_result wait_for_lock(void *bell)
{
    /* Returns never: the thief's first thread has the lock, by the number in the word. */
    futex(bell, FUTEX_LOCK_PI, 0, 0, NULL, 0);
    check_failed(__FILE__, __LINE__, "the lock at the bell: %s", strerror(errno));
}

/* Makes every wake fail: the kernel meets somebody who waits for a lock first. */
static void hold_lock(uint32_t *bell)
{
    /* For each bell; the threads end with the process. */
    struct caller *waiter = malloc(sizeof *waiter);
    CHECK(waiter != NULL);
    move_sleepers(bell);
    __atomic_store_n(bell, (uint32_t)gettid(), __ATOMIC_SEQ_CST);
    caller_start(waiter, wait_for_lock, bell);
    futex(&den, FUTEX_WAKE, INT_MAX, 0, NULL, 0);
    CHECK(futex(bell, FUTEX_WAKE, INT_MAX, 0, NULL, 0) == -1 && errno == EINVAL);
}

static void steal(enum theft theft, uint32_t *bell)
{
    switch (theft) {
    case MOVE:
        move_sleepers(bell);
        break;
    case LOCK:
        hold_lock(bell);
        break;
    case WIPE:
        __atomic_fetch_and(bell, ~1u, __ATOMIC_SEQ_CST);
        break;
    }
}

/* argv: what it joins as, the set, whether it configures it. */
static int thief_role(int argc, char **argv)
{
    int64_t order;
    int memory;
    CHECK_EQUAL(argc, 4);
    int connection = wire_visitor(argv[2], (enum wire_role)strtol(argv[1], NULL, 10));
    CHECK_EQUAL(wire_receive(connection, NULL, &memory), WELCOME);
    struct segment segment = segment_open(memory);
    if (strtol(argv[1], NULL, 10) == SERVER) {
        header_store(&segment, SERVER_PID, (uint32_t)getpid());
        header_store(&segment, PHASE, CONNECTED);
    }
    if (strcmp(argv[3], "configures") == 0)
        segment_configure(&segment);
    tell(parent(), 0);
    while ((order = hear(parent())) != LEAVE_SEGMENT) {
        struct spot bell = {.word = (enum word)(order % WORD_COUNT)};
        if (order == HANG_UP)
            close(connection);
        else
            steal((enum theft)(order / WORD_COUNT),
                  (uint32_t *)(segment.base + segment_offset(&segment, bell)));
        tell(parent(), 0);
    }
    return 0;
}

static struct peer thief_joins(enum wire_role role, const char *what)
{
    struct peer thief = spawn_role("thief", role == SERVER ? "1" : "2", name, what, (char *)NULL);
    hear(thief);
    return thief;
}

static void thief_does(struct peer thief, int64_t order)
{
    tell(thief, order);
    hear(thief);
}

/* The victim sleeps at the bell, and then where the thief wants it. */
static void thief_steals(struct peer thief, enum theft theft, enum word bell,
                         struct caller *victim)
{
    wait_asleep(getpid(), victim->id);
    thief_does(thief, (int64_t)theft * WORD_COUNT + bell);
    wait_asleep(getpid(), victim->id);
}

static void thief_leaves(struct peer thief)
{
    tell(thief, LEAVE_SEGMENT);
    CHECK_EQUAL(wait_exit(thief), 0);
}

/* A set with both sides in this process, which wait for each other, and a thief. */
struct victims {
    vdi_set *set;
    struct engine engine;
    struct getter getter;
    struct caller client;
    struct peer thief;
};

static void victims_wait(struct victims *victims)
{
    victims->set = client_create(name, 1);
    engine_open(&victims->engine, name, 1, 4096, 1);
    CHECK_RESULT(vdi_open_device(victims->set, name, &victims->getter.device), NOERROR);
    victims->thief = thief_joins(SECONDARY, "");
    caller_start(&victims->client, get_command, &victims->getter);
}

/* GetCommand and the agent. [CDEV-GETCMD-05, SSET-AGENT-05, SSET-CLOSE-03] */
static void end_of_both(enum theft theft, enum end end)
{
    static struct victims victims;
    struct caller *client = &victims.client;
    struct engine *engine = &victims.engine;
    victims_wait(&victims);
    thief_steals(victims.thief, theft, BELL, client);
    thief_steals(victims.thief, theft, AGENT_BELL, &engine->agent);
    if (end == ABORT)
        CHECK_RESULT(vdi_signal_abort(victims.set, NULL), NOERROR);
    if (end == CLOSE_CLIENT)
        CHECK_RESULT(vdi_close(victims.set), VD_E_OPEN);
    if (end == CLOSE_SERVER) {
        CHECK_RESULT(vdi_server_close(engine->server), VD_E_PROTOCOL);
        agent_left(&engine->agent);
    } else {
        engine_close_aborted(engine);
    }
    CHECK_RESULT(caller_join(client), end == CLOSE_CLIENT ? VD_E_PROTOCOL : VD_E_ABORT);
    if (end != CLOSE_CLIENT)
        CHECK_RESULT(vdi_close(victims.set), NOERROR);
    thief_leaves(victims.thief);
}

/* The agent, and the primary dies. [CRASH-02] */
static void death_of_primary(enum theft theft)
{
    static struct engine engine;
    struct peer primary = spawn_client();
    client_named(primary, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, 4096, 1);
    struct peer thief = thief_joins(SECONDARY, "");
    thief_steals(thief, theft, AGENT_BELL, &engine.agent);
    kill_and_wait(primary);
    engine_close_aborted(&engine);
    thief_leaves(thief);
}

/* GetCommand, and the server dies. [CRASH-01] */
static void death_of_server(enum theft theft)
{
    struct getter getter;
    struct caller client;
    vdi_set *set = client_create(name, 1);
    struct peer server = thief_joins(SERVER, "configures");
    struct peer thief = thief_joins(SECONDARY, "");
    CHECK_RESULT(vdi_open_device(set, name, &getter.device), NOERROR);
    caller_start(&client, get_command, &getter);
    thief_steals(thief, theft, BELL, &client);
    kill_and_wait(server);
    CHECK_RESULT(caller_join(&client), VD_E_ABORT);
    CHECK_RESULT(vdi_close(set), NOERROR);
    thief_leaves(thief);
}

/* GetConfiguration, of a server that is the thief. [CSET-GETCFG-04, CRASH-01] */
static void end_of_configuration(enum theft theft, enum end end)
{
    struct waiter waiter;
    struct caller client;
    waiter.set = client_create(name, 1);
    struct peer thief = thief_joins(SERVER, "");
    caller_start(&client, get_configuration, &waiter);
    thief_steals(thief, theft, SET_BELL, &client);
    if (end == ABORT)
        CHECK_RESULT(vdi_signal_abort(waiter.set, NULL), NOERROR);
    if (end == CLOSE_CLIENT)
        CHECK_RESULT(vdi_close(waiter.set), NOERROR);
    if (end == DEATH)
        kill_and_wait(thief);
    CHECK_RESULT(caller_join(&client), end == CLOSE_CLIENT ? VD_E_PROTOCOL : VD_E_ABORT);
    /* Not before: what it holds at the bell ends with it. */
    if (end != DEATH)
        thief_leaves(thief);
    if (end != CLOSE_CLIENT)
        CHECK_RESULT(vdi_close(waiter.set), NOERROR);
}

/* A secondary that has left keeps the memory: commands and completions come all the same. */
static void sign_is_wiped_out(void)
{
    static struct victims victims;
    static struct journal journal = JOURNAL_INITIALIZER;
    struct getter *getter = &victims.getter;
    VDS_Command command;
    victims_wait(&victims);
    thief_does(victims.thief, HANG_UP);
    thief_steals(victims.thief, WIPE, BELL, &victims.client);
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(victims.engine.devices[0], &command), NOERROR);
    CHECK_RESULT(caller_join(&victims.client), NOERROR);
    thief_steals(victims.thief, WIPE, AGENT_BELL, &victims.engine.agent);
    CHECK_RESULT(vdi_complete_command(getter->device, getter->command, ERROR_SUCCESS, 0, 0),
                 NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    engine_close(&victims.engine);
    CHECK_RESULT(vdi_close(victims.set), NOERROR);
    thief_leaves(victims.thief);
}

static void run(void)
{
    unique_name(name);
    for (enum theft theft = MOVE; theft <= LOCK; theft++) {
        end_of_both(theft, ABORT);
        death_of_primary(theft);
        death_of_server(theft);
        end_of_configuration(theft, ABORT);
    }
    /* A close wakes as an abort does. */
    end_of_both(MOVE, CLOSE_CLIENT);
    end_of_both(MOVE, CLOSE_SERVER);
    end_of_configuration(MOVE, CLOSE_CLIENT);
    end_of_configuration(MOVE, DEATH);
    sign_is_wiped_out();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"thief", thief_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
