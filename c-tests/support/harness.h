/*
 * harness.h - processes, sets and commands for the C tests
 *
 * A test is a program with one line in main():
 *
 *     int main(int argc, char **argv) { return test_main(argc, argv, roles, run); }
 *
 * `run` is the test; `roles` names the functions that it starts as processes of their own with
 * spawn_role(), and may be NULL. The test runs in a child of a guardian process. The guardian gives
 * it a runtime directory of its own, ends it after TEST_SECONDS, and fails it if it leaves a
 * process, or a file in the runtime directory. A test that kills a primary therefore creates and
 * closes a set of the same name at the end, which also shows that the name is free [CRASH-06].
 *
 * Processes wait for each other with hear(), threads with send_and_wait() or pending_wait(); the
 * result of no test depends on a time that it guesses. Where the kernel can only be asked, as in wait_asleep()
 * and settles_at(), it is asked again after a moment, and the watchdog is the only limit.
 *
 * The other headers:
 *
 *     check.h       assertions                  waiting.h     threads in calls that wait
 *     engine.h      the server's half of a set, and a journal of completions
 *     statement.h   one BACKUP or RESTORE, request by request
 *     script.h      an engine on devices with media; its client is in media/
 *     samples.h     clients as the samples have them
 *     roles.h       a client process that obeys one order after another: ASK(client, ..., CREATE)
 *     streaming.h   a device that is kept busy meanwhile
 *     scene.h       both sides of a set as actors, in one process or in many, and steps that they
 *                   make (DO_CREATE); walk.h and ways.h lead them through tables of states
 *     pattern.h     bytes that tell where they belong
 *     resources.h   what a process holds        clock.h       a clock that the test moves
 *     holding.h     a completion routine that keeps the agent
 *     hostile/      peers written against docs/shared-memory-format.md, that attack: forged.h is
 *                   what they do when they behave, attack.h what they do instead, and victim.h the
 *                   process that they do it to
 *
 * A test takes roles.h if one side is another process, and scene.h if it asks what every state does
 * with every call.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "check.h"

#include <pthread.h>
#include <sys/types.h>

/* The guardian ends a test that runs longer; the variable VDI_TEST_SECONDS overrides it. */
#define TEST_SECONDS 60

/*
 * What the environment asks for. Counted loops take VDI_TEST_ROUNDS, random choices VDI_TEST_SEED;
 * VDI_TEST_FULL=1 is every point and every error where otherwise a part of them is tried.
 * VDI_TEST_SLOWNESS says how many times slower than usual the programs run, as under valgrind.
 */
uint64_t test_number(const char *variable, uint64_t otherwise);
unsigned test_rounds(unsigned otherwise);
int test_full(void);
unsigned test_slowness(void);

/* Configuration that server_configure() chooses. */
#define BLOCK_SIZE 4096u
#define TRANSFER_SIZE 1048576u

#define NAME_SIZE 64

struct role {
    const char *name;
    /* argv[0] is the role's name, the strings of spawn_role() follow; returns the exit status. */
    int (*run)(int argc, char **argv);
};

/* A process of the test, as the process that started it sees it; or the other way around. */
struct peer {
    pid_t pid;
    int socket;
};

int test_main(int argc, char **argv, const struct role *roles, void (*run)(void));

/* A directory for files of the test, removed at the end; the runtime directory lies within. */
const char *test_directory(void);

/* The path of this program. */
const char *this_program(void);

/*
 * Starts this program again in a role; string arguments follow, the last one is NULL. The process
 * is killed when the calling *thread* ends, so start roles from threads that stay.
 */
struct peer spawn_role(const char *role, ...) __attribute__((sentinel));

/* In a role: the process that started it. */
struct peer parent(void);

/* A step between two processes that carries a number; hearing fails the test if the other ended. */
void tell(struct peer peer, int64_t value);
int64_t hear(struct peer peer);

/* Waits for the end of a process of spawn_role(): its exit status, or minus its signal. */
int wait_exit(struct peer peer);

/* SIGKILL, then wait_exit(). */
void kill_and_wait(struct peer peer);

/* Waits for the end of a child of a plain fork(), as wait_exit() does. */
int wait_child(pid_t pid);

/* A name that no other test uses. */
void unique_name(char name[NAME_SIZE]);

/* The name of device `index` of a set: the set's name, then with 1, 2, ... behind it. [NAME-09] */
void device_name(char name[NAME_SIZE], const char *set, unsigned index);

/* Creates a set of the default instance with `devices` devices and nothing else asked for. */
vdi_set *client_create(const char *name, uint32_t devices);

/*
 * Opens a set and configures it for both directions (BLOCK_SIZE, TRANSFER_SIZE, the client's
 * alignment) with `count` buffers of `size` bytes; no buffers if `count` is 0.
 */
vdi_server *server_configure(const char *name, uint32_t size, uint32_t count);

/* Counts calls of a completion routine; set up a command with pending_prepare(). */
struct pending {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned calls;
    pthread_t caller;
};
void pending_prepare(struct pending *pending, VDS_Command *command);
/* Returns after the first call. */
void pending_wait(struct pending *pending);
/* Calls so far. */
unsigned pending_calls(struct pending *pending);

/*
 * Sends a command and, if it was queued, waits for its completion. Sets completionRoutine and
 * completionContext. Returns the result of vdi_server_send_command().
 */
vdi_result send_and_wait(vdi_server_device *device, VDS_Command *command);

#endif
