#include "steps.h"

#include "harness.h"
#include "syscalls.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const way_names[WAYS] = {"kill",       "core dump", "exit", "_exit",
                                          "quick_exit", "exec",      "fork", "stop"};

/* In place of the last point: a thread is there. */
#define REACHED UINT_MAX

static unsigned passed, writes, last;
static int armed;
static enum way last_way;
static struct steps_child last_child;

static _Noreturn void wait_for_ever(void)
{
    for (;;)
        pause();
}

/* Not by fork(): that waits for locks which this thread may hold. */
static void fork_child(void)
{
    int child = (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child != 0) {
        *last_child.pid = child;
        return;
    }
    close(last_child.socket);
    wait_for_ever();
}

/* The dump goes into the directory of the test, unless the machine sends it elsewhere. */
static _Noreturn void dump(void)
{
    struct rlimit limit;
    CHECK(chdir(test_directory()) == 0);
    CHECK(getrlimit(RLIMIT_CORE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_CORE, &limit) == 0);
    abort();
}

/* In a thread of its own, because the library's background thread never executes a program. */
static void *execute(void *nothing)
{
    execl("/bin/sleep", "sleep", "1000", (char *)NULL);
    check_failed(__FILE__, __LINE__, "exec");
    return nothing;
}

/* The thread that has come to the last point makes the process end, or stops it. */
static void end_here(void)
{
    pthread_t thread;
    switch (last_way) {
    case DUMP:
        dump();
    case EXIT:
        exit(0);
    case EXIT_NOW:
        _exit(0);
    case QUICK_EXIT:
        quick_exit(0);
    case EXEC:
        CHECK(pthread_create(&thread, NULL, execute, NULL) == 0);
        wait_for_ever();
    case FORK:
        fork_child();
        break;
    case STOP:
        kill(getpid(), SIGSTOP);
        return;
    default:
        break;
    }
    kill(getpid(), SIGKILL);
    wait_for_ever();
}

static void step(void)
{
    unsigned number = __atomic_add_fetch(&passed, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_compare_exchange_n(&last, &number, REACHED, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return;
    end_here();
    /* It was only stopped. */
    __atomic_store_n(&last, 0, __ATOMIC_SEQ_CST);
}

/* Called by the library, which is a build for such tests. */
void vdi_step(void);
void vdi_step(void)
{
    if (!__atomic_load_n(&armed, __ATOMIC_SEQ_CST))
        return;
    __atomic_add_fetch(&writes, 1, __ATOMIC_RELAXED);
    step();
}

static int on_syscall(const char *name)
{
    (void)name;
    step();
    return 0;
}

void steps_arm(unsigned at, enum way way, struct steps_child child)
{
    last = at;
    last_way = way;
    last_child = child;
    hook_syscalls(on_syscall);
    __atomic_store_n(&armed, 1, __ATOMIC_SEQ_CST);
}

void steps_disarm(void)
{
    /* A thread that has reached the last point takes this one with it, unless it only stops. */
    unsigned number = __atomic_load_n(&last, __ATOMIC_SEQ_CST);
    while (number == REACHED || !__atomic_compare_exchange_n(&last, &number, 0, 0, __ATOMIC_SEQ_CST,
                                                             __ATOMIC_SEQ_CST)) {
        usleep(100);
        number = __atomic_load_n(&last, __ATOMIC_SEQ_CST);
    }
}

unsigned steps_passed(void)
{
    return __atomic_load_n(&passed, __ATOMIC_SEQ_CST);
}

unsigned steps_writes(void)
{
    return __atomic_load_n(&writes, __ATOMIC_RELAXED);
}
