#include "cast.h"

#include "play.h"
#include "resources.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Longest time for anything to happen. */
#define LIMIT_US 30000000

/* What a survivor is told. */
enum { PLAY, LEAVE, ALONE, STOP_WORK };

struct board *board;
int is_victim;
struct totals totals;

static struct peer workers[PARTS];
static unsigned last_points, last_writes, last_microseconds;

void play(enum part part)
{
    struct report *report = &board->reports[part];
    part == SERVER ? server_plays(report) : client_plays(part, report);
}

void play_leaves(enum part part)
{
    part == SERVER ? server_leaves() : client_leaves();
}

void play_alone(const char *name)
{
    vdi_server *server;
    vdi_set *set = client_create(name, 1);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* What a process has when it has no set open. */
struct held {
    unsigned descriptors, threads, maps;
};

static struct held held(void)
{
    return (struct held){descriptors(), threads(), mappings(getpid(), "", NULL)};
}

/* Nothing of the set is left in this process. */
static void check_nothing_left(struct held before)
{
    settles_at(shared_mappings, 0);
    settles_at(descriptors, before.descriptors);
    settles_at(threads, before.threads);
    /* The allocator takes a few more for itself in the course of time; a sanitizer's takes more. */
#ifdef __SANITIZE_ADDRESS__
    const unsigned few = 256;
#else
    const unsigned few = 16;
#endif
    CHECK(mappings(getpid(), "", NULL) < before.maps + few);
}

/* The life of a survivor. */
static void work(enum part part, struct peer director)
{
    char own[NAME_SIZE];
    unique_name(own);
    play_alone(own);
    /* The library's thread ends with its last set, a moment later. */
    settles_at(threads, 1);
    struct held before = held();
    tell(director, 0);
    for (;;) {
        switch (hear(director)) {
        case PLAY:
            play(part);
            break;
        case LEAVE:
            play_leaves(part);
            check_nothing_left(before);
            break;
        case ALONE:
            play_alone(board->name);
            break;
        default:
            exit(0);
        }
        tell(director, 0);
    }
}

static void be_victim(const struct run *run, struct peer director)
{
    is_victim = 1;
    steps_arm(run->at, run->way, (struct steps_child){director.socket, &board->forked});
    play(run->victim);
    play_leaves(run->victim);
    /* Its background thread lives on for a moment. */
    steps_disarm();
    board->passed = steps_passed();
    board->writes = steps_writes();
    tell(director, 0);
    _exit(0);
}

/* A process that is a survivor, or with a run its victim. */
static struct peer start(enum part part, const struct run *run)
{
    int sockets[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
    pid_t director = getpid(), pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == director);
        close(sockets[0]);
        struct peer peer = {director, sockets[1]};
        run ? be_victim(run, peer) : work(part, peer);
    }
    close(sockets[1]);
    return (struct peer){pid, sockets[0]};
}

void cast_begin(void)
{
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(board != MAP_FAILED);
    unique_name(board->name);
    for (enum part part = 0; part < PARTS; part++)
        workers[part] = start(part, NULL);
    /* Nothing of their beginnings may be left when the first run counts. */
    for (enum part part = 0; part < PARTS; part++)
        hear(workers[part]);
}

void cast_end(void)
{
    for (enum part part = 0; part < PARTS; part++) {
        tell(workers[part], STOP_WORK);
        CHECK_EQUAL(wait_exit(workers[part]), 0);
    }
}

const char *run_text(const struct run *run)
{
    static const char *const parts[] = {"server", "primary", "secondary"};
    static const char *const endings[] = {"", " that aborts", " that leaves early"};
    static char text[256];
    int length = snprintf(text, sizeof text, "%s%s, %u devices, %s", parts[run->victim],
                          endings[run->ending], run->devices, way_names[run->way]);
    if (run->at != 0)
        snprintf(text + length, sizeof text - (size_t)length, " at point %u in stage %d", run->at,
                 board->reached);
    else if (run->microseconds != 0)
        snprintf(text + length, sizeof text - (size_t)length, " after %u us in stage %d",
                 run->microseconds, board->reached);
    return text;
}

static int64_t microseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The processes of a run, and which of them have still to be heard. */
struct scene {
    const struct run *run;
    struct peer victim;
    int waits[PARTS], plays[PARTS];
    int victim_lives, stopped, kill_is_due;
    int64_t waited_us, begun_us, ended_us;
};

static void tells_to_play(struct scene *scene, enum part part)
{
    tell(workers[part], PLAY);
    scene->waits[part] = scene->plays[part] = 1;
}

/* The victim has ended, or is another program now. */
static void victim_gone(struct scene *scene)
{
    const struct run *run = scene->run;
    scene->victim_lives = 0;
    if (run->way != EXEC || run->at == 0) {
        int status = wait_exit(scene->victim);
        int signal = run->way == DUMP                          ? SIGABRT
                     : run->way == KILL || run->way == FORK ? SIGKILL
                                                               : 0;
        if (status != -signal)
            check_failed(__FILE__, __LINE__, "%s: status %d", run_text(run), status);
    }
    scene->ended_us = microseconds_now();
    board->reached = board->stage[run->victim];
    NOTE(gone[run->victim], 1);
    totals.ends[run->victim]++;
    /* Whoever waits for a server gets another one. [CRASH-01] */
    if (run->victim == SERVER && board->reached <= V_OPEN)
        tells_to_play(scene, SERVER);
}

static void hear_victim(struct scene *scene)
{
    int64_t value;
    ssize_t length = recv(scene->victim.socket, &value, sizeof value, 0);
    if (length <= 0) {
        victim_gone(scene);
        return;
    }
    scene->victim_lives = 0;
    last_microseconds = (unsigned)(microseconds_now() - scene->begun_us);
    int status = wait_exit(scene->victim);
    /* The kill may come when it has said so, and has nothing left to do. */
    if (status != 0)
        CHECK(status == -SIGKILL && scene->run->microseconds != 0 && !scene->kill_is_due);
    board->reached = board->stage[scene->run->victim];
    last_points = board->passed;
    last_writes = board->writes;
    totals.untouched++;
}

/* A victim that has stopped is let go after a while: nothing may come of that. [CRASH-05] */
static void let_go_on(struct scene *scene)
{
    siginfo_t info = {.si_pid = 0};
    /* An error means that it has ended meanwhile, of which its socket tells. */
    if (waitid(P_PID, (id_t)scene->victim.pid, &info, WSTOPPED | WNOHANG) != 0 || info.si_pid == 0)
        return;
    scene->stopped = 1;
    totals.stops++;
    usleep(2000);
    CHECK(kill(scene->victim.pid, SIGCONT) == 0);
}

/* What there is to be heard; the last may be the victim, which is no part. */
static nfds_t expected(const struct scene *scene, struct pollfd *events, enum part *who)
{
    nfds_t count = 0;
    for (enum part part = 0; part < PARTS; part++)
        if (scene->waits[part]) {
            who[count] = part;
            events[count++] = (struct pollfd){workers[part].socket, POLLIN, 0};
        }
    if (scene->victim_lives) {
        who[count] = PARTS;
        events[count++] = (struct pollfd){scene->victim.socket, POLLIN, 0};
    }
    return count;
}

/* How long nothing may happen before the director does something. */
static int64_t patience_us(const struct scene *scene)
{
    const struct run *run = scene->run;
    if (!scene->victim_lives)
        return LIMIT_US;
    if (run->way == STOP)
        return 1000;
    if (!scene->kill_is_due)
        return LIMIT_US;
    int64_t left = scene->begun_us + run->microseconds - microseconds_now();
    return left > 0 ? left : 0;
}

/* Nothing has happened for that time. */
static void intervene(struct scene *scene)
{
    if (scene->victim_lives && scene->run->way == STOP && scene->waited_us < LIMIT_US) {
        let_go_on(scene);
    } else if (scene->victim_lives && scene->kill_is_due) {
        CHECK(kill(scene->victim.pid, SIGKILL) == 0);
        scene->kill_is_due = 0;
    } else {
        check_failed(__FILE__, __LINE__, "%s: stages %d %d %d, and nothing happens any more",
                     run_text(scene->run), board->stage[SERVER], board->stage[PRIMARY],
                     board->stage[SECONDARY]);
    }
}

/* Until every process of the run has come to its end. */
static void follow(struct scene *scene)
{
    struct pollfd events[PARTS + 1];
    enum part who[PARTS + 1];
    nfds_t count;
    while ((count = expected(scene, events, who)) > 0) {
        int64_t time = patience_us(scene);
        struct timespec limit = {time / 1000000, time % 1000000 * 1000};
        if (ppoll(events, count, &limit, NULL) == 0) {
            scene->waited_us += time;
            intervene(scene);
            continue;
        }
        scene->waited_us = 0;
        for (nfds_t i = 0; i < count; i++)
            if (events[i].revents != 0 && who[i] == PARTS) {
                hear_victim(scene);
            } else if (events[i].revents != 0) {
                hear(workers[who[i]]);
                scene->waits[who[i]] = 0;
            }
    }
    int64_t time = scene->ended_us == 0 ? 0 : microseconds_now() - scene->ended_us;
    if (time > totals.longest_us)
        totals.longest_us = time;
}

static void tell_and_hear(enum part part, int64_t what)
{
    tell(workers[part], what);
    hear(workers[part]);
}

/* Nothing is left of the set, and its name is free for another one. [CRASH-06, AMB-44] */
static void clean_up(struct scene *scene)
{
    const char *runtime = getenv("VDI_RUNTIME_DIR");
    int joined = 0;
    if (scene->run->way == EXEC && scene->run->at != 0 && board->gone[scene->run->victim]) {
        CHECK(kill(scene->victim.pid, SIGKILL) == 0);
        CHECK_EQUAL(wait_exit(scene->victim), -SIGKILL);
    }
    if (board->forked != 0)
        CHECK(kill(board->forked, SIGKILL) == 0); /* the guardian of the test reaps it */
    for (enum part part = 0; part < PARTS; part++)
        if (scene->plays[part]) {
            joined |= board->reports[part].outcome != ABSENT;
            tell_and_hear(part, LEAVE);
        }
    /* Whoever had joined the set of a dead primary has taken its socket away. */
    if (joined && entries_of(runtime) != 0)
        check_failed(__FILE__, __LINE__, "%s: its socket is left", run_text(scene->run));
    tell_and_hear(PRIMARY, ALONE);
    CHECK_EQUAL(entries_of(runtime), 0);
}

int cast_run(const struct run *run)
{
    char name[NAME_SIZE];
    struct scene scene = {.run = run, .victim_lives = 1, .kill_is_due = run->microseconds != 0};
    memcpy(name, board->name, sizeof name);
    memset(board, 0, sizeof *board);
    memcpy(board->name, name, sizeof name);
    board->devices = run->devices;
    board->victim = run->victim;
    board->ending = run->ending;
    totals.runs++;
    for (enum part part = 0; part < PARTS; part++)
        if (part != run->victim && (part != SECONDARY || run->devices > 1))
            tells_to_play(&scene, part);
    scene.begun_us = microseconds_now();
    scene.victim = start(run->victim, run);
    board->pid = scene.victim.pid;
    follow(&scene);
    for (enum part part = 0; part < PARTS; part++)
        if (scene.plays[part])
            judge(run, part);
    clean_up(&scene);
    return !board->gone[run->victim] && !scene.stopped;
}

unsigned cast_points(void)
{
    return last_points;
}

unsigned cast_writes(void)
{
    return last_writes;
}

unsigned cast_microseconds(void)
{
    return last_microseconds;
}

void totals_print(void)
{
    printf("%u runs: ended were %u servers, %u primaries, %u secondaries; stopped %u\n",
           totals.runs, totals.ends[SERVER], totals.ends[PRIMARY], totals.ends[SECONDARY],
           totals.stops);
    printf("survivors saw: normal ends %u, no set %u, aborts by reason:", totals.normal,
           totals.absent);
    for (unsigned reason = 1; reason <= VDI_ABORT_INTERNAL; reason++)
        printf(" %u:%u", reason, totals.reasons[reason]);
    printf("\nthe last result came at most %lld us after an end\n", (long long)totals.longest_us);
}
