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
 *     processes.h   the test, its roles, and what they tell each other; as check.h, also for C++
 *     engine.h      the server's half of a set, and a journal of completions
 *     statement.h   one BACKUP or RESTORE, request by request
 *     script.h      an engine on devices with media; its client is in media/
 *     samples.h     clients as the samples have them
 *     roles.h       a client process that obeys one order after another: ASK(client, ..., CREATE)
 *     streaming.h   a device that is kept busy meanwhile
 *     scene.h       both sides of a set as actors, in one process or in many, and steps that they
 *                   make (DO_CREATE); walk.h and ways.h lead them through tables of states
 *     people.h      processes of several users
 *     more_rights.h a program that runs with more rights than its caller
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
#include "processes.h"

#include <pthread.h>
#include <vdi.h>

/* Configuration that server_configure() chooses. */
#define BLOCK_SIZE 4096u
#define TRANSFER_SIZE 1048576u

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
