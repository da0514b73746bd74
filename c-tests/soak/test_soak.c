/*
 * Sets that are created, used, aborted, closed and killed at random, for as long as is wished.
 *
 * VDI_SOAK_SECONDS says how long, VDI_TEST_SEED repeats the same plans: which worker then has which
 * part depends on the machine. Half of the workers live as long as the soak; the others may die.
 */
#include "plan.h"
#include "tally.h"
#include "worker.h"

#include <errno.h>
#include <signal.h>

#define WORKERS 8
#define LONG_LIVED 4
#define MOST_SETS (WORKERS / 2)
/* Enough to compare what the workers hold. */
#define LEAST_SETS 100
/* Far more than any set needs on any machine. */
#define SET_SECONDS 40

enum place { WAITING, WORKING, DONE };

struct member {
    struct worker *worker;
    enum part part;
    enum place place;
    int normal;
};

struct set {
    int busy;
    struct plan plan;
    enum fate fate;
    unsigned fate_at, victim;
    int64_t deadline;
    struct member members[MOST_CLIENTS + 1]; /* the primary, the server, the secondaries */
    unsigned count;
    int fate_met, told;
    uint32_t reason;
};

struct worker {
    struct peer peer;
    struct set *set;
    struct member *member;
    /* When the driver stops or kills it, and lets it go on; 0 for never. */
    int64_t strike_at, go_on_at;
    int killed;
    struct history history;
};

static struct worker workers[WORKERS];
static struct set sets[MOST_SETS];
static struct tally tally;
static uint64_t seed;

static int is_mortal(const struct worker *worker)
{
    return worker >= &workers[LONG_LIVED];
}

static void send_order(struct set *set, struct member *member, int kind)
{
    struct order order = {.kind = kind, .part = member->part, .plan = set->plan};
    if (member->part == SECONDARY)
        order.client = (unsigned)(member - set->members) - 1;
    if (member == &set->members[set->victim]) {
        order.fate = set->fate;
        order.fate_at = set->fate_at;
    }
    ssize_t sent = send(member->worker->peer.socket, &order, sizeof order, MSG_NOSIGNAL);
    /* It may have died a moment ago; bury() sees whether it should. */
    CHECK(sent == sizeof order || errno == EPIPE || errno == ECONNRESET);
}

static void let_work(struct set *set, struct member *member, uint64_t *state)
{
    if (member->place != WAITING)
        return;
    member->place = WORKING;
    send_order(set, member, TAKE_PART);
    if (member == &set->members[set->victim] && set->fate >= STOPPED)
        member->worker->strike_at = milliseconds_now() + 1 + below(state, 15);
}

/* Whether a worker has a part in a set, or something is about to happen to it. */
static int is_busy(const struct worker *worker)
{
    return worker->set != NULL || worker->killed || worker->go_on_at != 0;
}

/* Begins a set if there are workers for one. */
static void begin_set(uint64_t *state)
{
    struct worker *idle[WORKERS];
    struct set *set = sets;
    unsigned count = 0;
    for (unsigned i = 0; i < WORKERS; i++)
        if (!is_busy(&workers[i]))
            idle[count++] = &workers[i];
    while (set < sets + MOST_SETS && set->busy)
        set++;
    uint64_t plan = seed + (tally.sets + 1) * 0x100000001b3u;
    unsigned clients = 1 + below(&plan, MOST_CLIENTS);
    if (count < clients + 1 || set == sets + MOST_SETS)
        return;
    memset(set, 0, sizeof *set);
    set->plan = (struct plan){.number = ++tally.sets, .clients = clients};
    snprintf(set->plan.name, sizeof set->plan.name, "soak-%llx-%llu", (unsigned long long)seed,
             (unsigned long long)set->plan.number);
    make_plan(&set->plan, &set->fate, &set->fate_at, &plan);
    set->victim = below(&plan, clients + 1);
    tally.devices += set->plan.devices;
    set->busy = 1;
    set->deadline = milliseconds_now() + SET_SECONDS * 1000;
    set->count = set->plan.clients + 1;
    for (unsigned i = 0; i < set->count; i++) {
        unsigned chosen = below(state, count);
        struct member *member = &set->members[i];
        *member = (struct member){.worker = idle[chosen],
                                  .part = i == 0   ? PRIMARY
                                          : i == 1 ? SERVER
                                                   : SECONDARY};
        member->worker->set = set;
        member->worker->member = member;
        idle[chosen] = idle[--count];
    }
    /* Who lives long is not sent to death. */
    if (!is_mortal(set->members[set->victim].worker) &&
        (set->fate == EXITS || set->fate == CRASHES || set->fate == KILLED))
        set->fate = set->fate == EXITS ? ABORTS : set->fate == CRASHES ? CLOSES : STOPPED;
    set->plan.calm = set->fate == NONE || set->fate == STOPPED;
    let_work(set, &set->members[0], state);
}

/* A set is over when nobody works on it any more. */
static void end_set(struct set *set)
{
    int normal = 1;
    for (unsigned i = 0; i < set->count; i++) {
        normal &= set->members[i].normal;
        if (set->members[i].place != DONE)
            return;
    }
    CHECK(normal || !set->plan.calm);
    if (normal)
        tally.normal++;
    else if (set->reason == VDI_ABORT_NONE)
        tally.unseen++;
    else
        tally.aborted++;
    if (!normal && set->reason != VDI_ABORT_NONE)
        tally.reasons[set->reason < REASONS ? set->reason : VDI_ABORT_UNKNOWN]++;
    enum part part = set->members[set->victim].part;
    if (set->fate_met)
        tally.fates[set->fate][part]++;
    else
        tally.escaped[set->fate][part]++;
    set->busy = 0;
}

/* One participant is done. The primary is told what it has to know, as its own program would. */
static void member_done(struct worker *worker, int normal)
{
    struct set *set = worker->set;
    struct member *member = worker->member, *primary = &set->members[0];
    int secondaries_left = 0;
    member->place = DONE;
    member->normal = normal;
    worker->set = NULL;
    worker->member = NULL;
    worker->strike_at = 0;
    for (unsigned i = 1; i < set->count; i++) {
        struct member *other = &set->members[i];
        if (!normal && other->place == WAITING) {
            other->place = DONE;
            other->worker->set = NULL;
        }
        secondaries_left += other->part == SECONDARY && other->place != DONE;
    }
    if (primary->place == WORKING && !set->told) {
        int failed = !normal;
        if (failed || (secondaries_left == 0 && member->part == SECONDARY)) {
            set->told = failed;
            send_order(set, primary, failed ? ABORT_NOW : CLOSE_NOW);
        }
    }
    end_set(set);
}

static void take_report(struct worker *worker, const struct report *report, uint64_t *state)
{
    struct set *set = worker->set;
    CHECK(set != NULL && report->number == set->plan.number);
    if (report->kind == CREATED) {
        let_work(set, &set->members[1], state);
        return;
    }
    if (report->kind == CONFIGURED) {
        for (unsigned i = 2; i < set->count; i++)
            let_work(set, &set->members[i], state);
        return;
    }
    if (set->reason == VDI_ABORT_NONE)
        set->reason = report->reason;
    tally.commands += report->commands;
    tally.bytes += report->bytes;
    tally.cut_off += report->cut_off;
    if (worker->member == &set->members[set->victim] && !report->normal &&
        (set->fate == ABORTS || set->fate == CLOSES))
        set->fate_met = 1;
    history_add(&worker->history, report);
    member_done(worker, report->normal);
}

/* A worker has ended: as it should, or the soak has failed. */
static void bury(struct worker *worker)
{
    struct set *set = worker->set;
    int status = wait_exit(worker->peer), wanted = -SIGKILL;
    if (!worker->killed) {
        if (set == NULL || worker->member != &set->members[set->victim] ||
            (set->fate != EXITS && set->fate != CRASHES))
            check_failed(__FILE__, __LINE__, "worker %d ended with status %d",
                         (int)worker->peer.pid, status);
        wanted = set->fate == EXITS ? EXIT_STATUS : -SIGABRT;
    }
    CHECK_EQUAL(status, wanted);
    if (set != NULL) {
        set->fate_met = 1;
        member_done(worker, 0);
    }
    *worker = (struct worker){.peer = spawn_role("worker", (char *)NULL),
                              .history = worker->history};
}

/* What the driver itself does to its workers when their time has come. */
static void strike(struct worker *worker, int64_t now, uint64_t *state)
{
    if (worker->go_on_at != 0 && now >= worker->go_on_at) {
        CHECK(kill(worker->peer.pid, SIGCONT) == 0);
        worker->go_on_at = 0;
    }
    if (worker->strike_at == 0 || now < worker->strike_at)
        return;
    worker->strike_at = 0;
    if (worker->set->fate == KILLED) {
        worker->killed = 1;
        CHECK(kill(worker->peer.pid, SIGKILL) == 0);
    } else {
        worker->set->fate_met = 1;
        CHECK(kill(worker->peer.pid, SIGSTOP) == 0);
        worker->go_on_at = now + 1 + below(state, below(state, 50) == 0 ? 2000 : 40);
    }
}

/* A set that does not end: what everybody does, for the one who looks into it. */
static _Noreturn void hangs(const struct set *set)
{
    char command[128];
    for (unsigned i = 0; i < set->count; i++) {
        const struct member *member = &set->members[i];
        fprintf(stderr, "%s: place %d, process %d\n", part_names[member->part], member->place,
                (int)member->worker->peer.pid);
        snprintf(command, sizeof command,
                 "cd /proc/%d/task && grep -s . */comm */wchan */syscall >&2",
                 (int)member->worker->peer.pid);
        if (system(command) != 0)
            fprintf(stderr, "(it has ended)\n");
    }
    check_failed(__FILE__, __LINE__, "set %llu, fate %s of %s, does not end",
                 (unsigned long long)set->plan.number, fate_names[set->fate],
                 part_names[set->members[set->victim].part]);
}

/* Hears the workers for a moment, and does what time has come for. */
static void step(uint64_t *state)
{
    struct pollfd waiting[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++)
        waiting[i] = (struct pollfd){.fd = workers[i].peer.socket, .events = POLLIN};
    CHECK(poll(waiting, WORKERS, 1) >= 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct report report;
        if (waiting[i].revents == 0)
            continue;
        if (recv(workers[i].peer.socket, &report, sizeof report, 0) == sizeof report)
            take_report(&workers[i], &report, state);
        else
            bury(&workers[i]);
    }
    int64_t now = milliseconds_now();
    for (unsigned i = 0; i < WORKERS; i++)
        strike(&workers[i], now, state);
    for (unsigned i = 0; i < MOST_SETS; i++)
        if (sets[i].busy && now > sets[i].deadline)
            hangs(&sets[i]);
}

static void print_progress(int64_t seconds)
{
    printf("%5lld s: %llu sets, %llu commands, %llu MiB, %u files;", (long long)seconds,
           (unsigned long long)tally.sets, (unsigned long long)tally.commands,
           (unsigned long long)(tally.bytes >> 20),
           entries_of(getenv("VDI_RUNTIME_DIR")));
    for (unsigned i = 0; i < LONG_LIVED; i++) {
        const struct history *history = &workers[i].history;
        if (history->count == 0)
            continue;
        const struct sample *last = &history->samples[history->count - 1];
        printf(" [%llu KiB, heap %llu, %u maps, %u fds, %u threads]",
               (unsigned long long)(last->rss >> 10), (unsigned long long)last->heap, last->maps,
               last->files, last->tasks);
    }
    printf("\n");
    fflush(stdout);
}

static int all_are_idle(void)
{
    int idle = 1;
    for (unsigned i = 0; i < WORKERS; i++)
        idle &= !is_busy(&workers[i]);
    return idle;
}

/* Everybody goes home, and nothing is left: no file, no process. */
static void finish(void)
{
    char name[NAME_SIZE];
    for (unsigned i = 0; i < WORKERS; i++) {
        struct order home = {.kind = GO_HOME};
        CHECK(send(workers[i].peer.socket, &home, sizeof home, MSG_NOSIGNAL) == sizeof home);
        CHECK_EQUAL(wait_exit(workers[i].peer), 0);
    }
    unique_name(name);
    /* Removes what those left who died alone. [CRASH-06] */
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);
    CHECK_EQUAL(entries_of(getenv("VDI_RUNTIME_DIR")), 0);
}

static void run(void)
{
    int64_t seconds = (int64_t)test_number("VDI_SOAK_SECONDS", 4), begun = milliseconds_now();
    seed = test_number("VDI_TEST_SEED", (uint64_t)(begun ^ (int64_t)getpid() << 32));
    uint64_t state = seed;
    int64_t interval = seconds < 100 ? 1 : seconds / 30, printed = 0, now = 0;
    /* Otherwise each thread keeps what it has freed, and the heap is as large as that. */
    CHECK(setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1) == 0);
    printf("soak of %lld seconds, VDI_TEST_SEED=%llu\n", (long long)seconds, (unsigned long long)seed);
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i].peer = spawn_role("worker", (char *)NULL);
    for (int goes_on = 1; goes_on || !all_are_idle();) {
        goes_on = now < seconds || tally.sets < LEAST_SETS;
        if (goes_on)
            begin_set(&state);
        step(&state);
        now = (milliseconds_now() - begun) / 1000;
        if (now >= printed + interval) {
            printed = now;
            print_progress(now);
        }
    }
    finish();
    print_tally(&tally);
    for (unsigned i = 0; i < LONG_LIVED; i++)
        check_flat(i, &workers[i].history);
    for (unsigned i = 0; i < WORKERS; i++)
        free(workers[i].history.samples);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {WORKER_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
