/*
 * Waiting for the configuration: polls, time-outs, several threads, signals, abort and close during
 * the wait, and the answer at once afterwards.
 */
#include "roles.h"

#include <signal.h>
#include <string.h>

static char name[NAME_SIZE];

/* A thread that waits in GetConfiguration. */
struct waiting {
    struct caller caller;
    struct waiter waiter;
};

static void waiter_start(struct waiting *waiting, vdi_set *set)
{
    memset(&waiting->waiter.config, 0xa5, sizeof waiting->waiter.config);
    waiting->waiter.set = set;
    caller_start(&waiting->caller, get_configuration, &waiting->waiter);
}

static int is_unchanged(const VDConfig *config)
{
    VDConfig before;
    memset(&before, 0xa5, sizeof before);
    return memcmp(config, &before, sizeof before) == 0;
}

static void waiter_ends(struct waiting *waiting, vdi_result wanted)
{
    CHECK_RESULT(caller_join(&waiting->caller), wanted);
    CHECK_EQUAL(is_unchanged(&waiting->waiter.config), wanted != NOERROR); /* [CSET-GETCFG-08] */
}

/*
 * Before the server is there: polls and time-outs leave everything as it was.
 * [CSET-GETCFG-03, CSET-GETCFG-06, CSET-GETCFG-07, CSET-GETCFG-08]
 */
static void time_outs(vdi_set *set)
{
    VDConfig config;
    memset(&config, 0xa5, sizeof config);
    static const uint32_t intervals[] = {0, 1, 120};
    for (unsigned i = 0; i < sizeof intervals / sizeof *intervals; i++) {
        int64_t before = milliseconds_now();
        CHECK_RESULT(vdi_get_configuration(set, intervals[i], &config), VD_E_TIMEOUT);
        CHECK(milliseconds_now() - before + 1 >= intervals[i]);
        CHECK(is_unchanged(&config));
    }
    CHECK_RESULT(vdi_get_configuration(set, 0, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_get_configuration(set, 0, (VDConfig *)(void *)((char *)&config + 1)),
                 VD_E_INVALID);
    CHECK(is_unchanged(&config));
    CHECK_RESULT(vdi_get_configuration(NULL, 0, &config), VD_E_PROTOCOL);
}

static volatile sig_atomic_t signals_taken;

static void take_signal(int number)
{
    (void)number;
    signals_taken++;
}

/* Server process: configures the set when it is told to, then serves until it is told to end. */
static int server_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    hear(parent());
    vdi_server *server = server_configure(argv[1], 65536, 2);
    tell(parent(), 0);
    hear(parent());
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    return 0;
}

/*
 * Several threads wait, signals arrive, then all get the same answer, and can use it.
 * [CSET-GETCFG-01, CSET-GETCFG-02, CSET-GETCFG-05, LNX-10]
 */
static void several_threads(void)
{
    enum { WAITERS = 4 };
    static struct waiting waiters[WAITERS];
    struct peer server = spawn_role("server", name, (char *)NULL);
    vdi_set *set = client_create(name, 3);
    time_outs(set);
    for (int i = 0; i < WAITERS; i++)
        waiter_start(&waiters[i], set);
    /* Without SA_RESTART, so that a system call in the wait is interrupted. */
    struct sigaction action = {.sa_handler = take_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (int round = 1; round <= 3; round++) {
        CHECK(pthread_kill(waiters[0].caller.thread, SIGUSR1) == 0);
        while (signals_taken < round)
            sched_yield();
        wait_asleep(getpid(), waiters[0].caller.id);
        CHECK(caller_waits(&waiters[0].caller));
    }
    tell(server, 0);
    hear(server);
    for (int i = 0; i < WAITERS; i++) {
        waiter_ends(&waiters[i], NOERROR);
        CHECK(memcmp(&waiters[i].waiter.config, &waiters[0].waiter.config, sizeof(VDConfig)) == 0);
    }
    CHECK_EQUAL(waiters[0].waiter.config.deviceCount, 3);
    CHECK_EQUAL(waiters[0].waiter.config.blockSize, BLOCK_SIZE);
    vdi_device *device;
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);

    /* From now on the answer comes at once, in every client process. */
    static const uint32_t intervals[] = {0, 1000, VDI_INFINITE};
    struct peer secondary = spawn_client();
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    for (int i = 0; i < 3; i++) {
        VDConfig config;
        CHECK_RESULT(vdi_get_configuration(set, intervals[i], &config), NOERROR);
        CHECK(memcmp(&config, &waiters[0].waiter.config, sizeof config) == 0);
        config = ASK(secondary, NOERROR, GET_CONFIGURATION, .timeout = intervals[i]).config;
        CHECK(memcmp(&config, &waiters[0].waiter.config, sizeof config) == 0);
    }
    ASK(secondary, NOERROR, CLOSE);
    client_leave(secondary);
    CHECK_RESULT(vdi_close(set), VD_E_OPEN);
    tell(server, 0);
    CHECK_EQUAL(wait_exit(server), 0);
}

/* Abort and close end the wait, and later calls say the same. [CSET-GETCFG-04, CSET-GETCFG-06] */
static void ends_of_the_wait(void)
{
    static struct waiting waiters[2];
    vdi_set *set = client_create(name, 1);
    waiter_start(&waiters[0], set);
    waiter_start(&waiters[1], set);
    CHECK_RESULT(vdi_signal_abort(set, "enough"), NOERROR);
    waiter_ends(&waiters[0], VD_E_ABORT);
    waiter_ends(&waiters[1], VD_E_ABORT);
    VDConfig config;
    memset(&config, 0xa5, sizeof config);
    CHECK_RESULT(vdi_get_configuration(set, 0, &config), VD_E_ABORT);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), VD_E_ABORT);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), VD_E_PROTOCOL);
    CHECK(is_unchanged(&config));

    set = client_create(name, 1);
    waiter_start(&waiters[0], set);
    waiter_start(&waiters[1], set);
    CHECK_RESULT(vdi_close(set), NOERROR);
    waiter_ends(&waiters[0], VD_E_PROTOCOL);
    waiter_ends(&waiters[1], VD_E_PROTOCOL);
}

static void run(void)
{
    unique_name(name);
    several_threads();
    ends_of_the_wait();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"server", server_role}, CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
