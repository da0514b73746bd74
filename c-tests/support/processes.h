/*
 * processes.h - a test, the processes that it starts, and what they tell each other; see harness.h
 *
 * For C and C++, whichever header of the interface they include.
 */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

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

/* Whether the test runs under valgrind, which has its own malloc() and operator new. */
int test_under_valgrind(void);

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

#ifdef __cplusplus
}
#endif

#endif
