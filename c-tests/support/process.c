/* The processes of a test: the guardian, the test itself, and its roles. See harness.h. */
#include "harness.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_CLO_CHANGE(option)
#define RUNNING_ON_VALGRIND 0
#endif

#define MAX_ARGUMENTS 16
/* Time for killed descendants to disappear once the test itself has ended. */
#define GRACE_SECONDS 10
/* The status of a test that the watchdog ended, as timeout(1) has it. */
#define TIMED_OUT 124

static char directory[64];
static struct peer parent_process = {.pid = -1, .socket = -1};

const char *test_directory(void)
{
    const char *inherited = getenv("VDI_TEST_DIRECTORY");
    CHECK(inherited != NULL);
    return inherited;
}

uint64_t test_number(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    if (text == NULL || *text == '\0')
        return otherwise;
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 0);
    if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0)
        check_failed(__FILE__, __LINE__, "%s is no number: %s", variable, text);
    return number;
}

unsigned test_rounds(unsigned otherwise)
{
    uint64_t rounds = test_number("VDI_TEST_ROUNDS", otherwise);
    CHECK(rounds > 0 && rounds <= UINT_MAX);
    return (unsigned)rounds;
}

int test_full(void)
{
    return test_number("VDI_TEST_FULL", 0) != 0;
}

unsigned test_slowness(void)
{
    uint64_t times = test_number("VDI_TEST_SLOWNESS", 1);
    CHECK(times >= 1 && times <= 1000);
    return (unsigned)times;
}

int test_under_valgrind(void)
{
    return RUNNING_ON_VALGRIND != 0;
}

static void make_directories(void)
{
    char runtime[sizeof directory + 8];
    /* Not $TMPDIR: the path of a socket has to fit 107 bytes. */
    snprintf(directory, sizeof directory, "/tmp/vdi-t%d-XXXXXX", (int)getpid());
    CHECK(mkdtemp(directory) != NULL);
    snprintf(runtime, sizeof runtime, "%s/run", directory);
    CHECK(mkdir(runtime, 0700) == 0);
    CHECK(setenv("VDI_TEST_DIRECTORY", directory, 1) == 0);
    CHECK(setenv("VDI_RUNTIME_DIR", runtime, 1) == 0);
}

/* Names what is left in the runtime directory; returns the number of entries. */
static int runtime_leftovers(void)
{
    DIR *runtime = opendir(getenv("VDI_RUNTIME_DIR"));
    CHECK(runtime != NULL);
    int left = 0;
    for (struct dirent *entry; (entry = readdir(runtime)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        fprintf(stderr, "left in the runtime directory: %s\n", entry->d_name);
        left++;
    }
    closedir(runtime);
    return left;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

static void die_with_parent(pid_t expected)
{
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    /* The parent may have ended before the call. */
    if (getppid() != expected)
        _exit(1);
}

static int exit_status(int status)
{
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int wait_child(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        CHECK(errno == EINTR);
    return exit_status(status);
}

static time_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* What reap() returns instead of a status. */
enum { NO_TIME = -1, INTERRUPTED = -2 };

/*
 * Reaps children, which are the test and orphans of it, until `pid` has ended (with pid -1: until
 * there are none). Returns its status, or why the test has to end.
 */
static int reap(pid_t pid, time_t seconds, const sigset_t *signals)
{
    time_t deadline = seconds_now() + seconds;
    for (;;) {
        int status;
        pid_t ended;
        while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
            if (ended == pid)
                return exit_status(status) < 0 ? 128 - exit_status(status) : exit_status(status);
        if (ended < 0)
            return 0;
        time_t left = deadline - seconds_now();
        struct timespec interval = {.tv_sec = left > 0 ? left : 0};
        int signal = sigtimedwait(signals, NULL, &interval);
        if (signal < 0 && errno == EAGAIN)
            return NO_TIME;
        if (signal > 0 && signal != SIGCHLD)
            return INTERRUPTED;
    }
}

/* The life of the guardian after it has started the test; returns the status of the program. */
static int guard(pid_t test, int seconds, const sigset_t *signals)
{
    int status = reap(test, seconds, signals);
    if (status < 0) {
        if (status == NO_TIME)
            fprintf(stderr, "watchdog: not finished within %d seconds\n", seconds);
        else
            fprintf(stderr, "watchdog: interrupted\n");
        kill(-test, SIGKILL);
        reap(-1, GRACE_SECONDS, signals);
        return status == NO_TIME ? TIMED_OUT : 1;
    }
    if (status > 1 && status != 77)
        fprintf(stderr, "the test ended with status %d\n", status);
    /* A failed test leaves its roles behind; a good one does not. */
    if (status != 0)
        kill(-test, SIGKILL);
    if (reap(-1, GRACE_SECONDS, signals) < 0) {
        fprintf(stderr, "the test left a process\n");
        kill(-test, SIGKILL);
        reap(-1, GRACE_SECONDS, signals);
        return 1;
    }
    if (status == 0 && runtime_leftovers() > 0)
        return 1;
    return status;
}

/*
 * In the child of a fork. What only threads of the parent knew of is lost there, which is no leak.
 */
static void stop_leak_check(void)
{
    VALGRIND_CLO_CHANGE("--leak-check=no");
}

static void note_forks(void)
{
    CHECK(pthread_atfork(NULL, NULL, stop_leak_check) == 0);
}

static _Noreturn void run_test(pid_t guardian, void (*run)(void))
{
    /* A group of its own, so that the guardian can end every process of the test at once. */
    setpgid(0, 0);
    die_with_parent(guardian);
    note_forks();
    run();
    if (waitpid(-1, NULL, WNOHANG) != -1)
        check_failed(__FILE__, __LINE__, "a child was not waited for");
    exit(0);
}

static int run_role(const struct role *roles, int argc, char **argv)
{
    CHECK(argc >= 3);
    for (const struct role *role = roles; role != NULL && role->name != NULL; role++) {
        if (strcmp(role->name, argv[1]) == 0) {
            parent_process.pid = getppid();
            parent_process.socket = atoi(argv[2]);
            argv[2] = argv[1];
            note_forks();
            return role->run(argc - 2, argv + 2);
        }
    }
    check_failed(__FILE__, __LINE__, "no role %s", argv[1]);
}

int test_main(int argc, char **argv, const struct role *roles, void (*run)(void))
{
    if (argc > 1)
        return run_role(roles, argc, argv);
    int seconds = (int)test_number("VDI_TEST_SECONDS", TEST_SECONDS);
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &before);
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    make_directories();
    pid_t guardian = getpid();
    pid_t test = fork();
    CHECK(test >= 0);
    if (test == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        run_test(guardian, run);
    }
    /* Both sides set the group, so that it exists whoever runs first. */
    setpgid(test, test);
    int status = guard(test, seconds, &signals);
    if (nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        perror(directory);
        return status == 0 ? 1 : status;
    }
    return status;
}

const char *this_program(void)
{
    static char path[PATH_MAX];
    /* Under valgrind the link itself would start valgrind, as the program that really runs. */
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    CHECK(length > 0);
    path[length] = '\0';
    return path;
}

struct peer spawn_role(const char *role, ...)
{
    char number[16];
    char *arguments[MAX_ARGUMENTS] = {(char *)this_program(), (char *)role, number};
    int count = 3;
    va_list list;
    va_start(list, role);
    while ((arguments[count] = va_arg(list, char *)) != NULL)
        CHECK(++count < MAX_ARGUMENTS);
    va_end(list);

    int sockets[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
    pid_t self = getpid();
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        die_with_parent(self);
        /* A duplicate is not close-on-exec. */
        snprintf(number, sizeof number, "%d", dup(sockets[1]));
        execv(arguments[0], arguments);
        _exit(127);
    }
    close(sockets[1]);
    return (struct peer){.pid = pid, .socket = sockets[0]};
}

struct peer parent(void)
{
    return parent_process;
}

void tell(struct peer peer, int64_t value)
{
    CHECK(send(peer.socket, &value, sizeof value, MSG_NOSIGNAL) == sizeof value);
}

int64_t hear(struct peer peer)
{
    int64_t value;
    ssize_t length;
    while ((length = recv(peer.socket, &value, sizeof value, 0)) < 0 && errno == EINTR)
        continue;
    if (length != sizeof value)
        check_failed(__FILE__, __LINE__, "process %d ended before it told anything",
                     (int)peer.pid);
    return value;
}

int wait_exit(struct peer peer)
{
    int status = wait_child(peer.pid);
    close(peer.socket);
    return status;
}

void kill_and_wait(struct peer peer)
{
    CHECK(kill(peer.pid, SIGKILL) == 0);
    CHECK(wait_exit(peer) == -SIGKILL);
}
