/*
 * Clients with several devices, as the samples have them: a thread for each device, or a process
 * for each device and a primary without one. A backup, a restore, and their paths of errors.
 */
#include "samples.h"
#include "statement.h"

#define STRIPES 3u
#define ROUNDS 6u
#define SEED(index) ((uint8_t)(7 + (index)))

/* argv: the set's name, name of the stream, trouble, whether the last name is wrong */
static int threads_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 5);
    return sample_threads(argv[1], argv[2], STRIPES, (enum trouble)atoi(argv[3]));
}

static int processes_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 5);
    return sample_processes(argv[1], argv[2], STRIPES, (enum trouble)atoi(argv[3]),
                            atoi(argv[4]));
}

static struct statement statement;

/* The bytes of a stripe, which is not as long as its neighbour. */
static size_t length_of(unsigned index)
{
    return ROUNDS * TRANSFER + index * BLOCK_SIZE;
}

static void *back_up(void *argument)
{
    unsigned index = (unsigned)(uintptr_t)argument;
    for (unsigned round = 0; round < ROUNDS; round++)
        statement_write(&statement, index, SEED(index), TRANSFER);
    if (index > 0)
        statement_write(&statement, index, SEED(index), index * BLOCK_SIZE);
    CHECK_EQUAL(statement_step(&statement, index, VDC_Flush), ERROR_SUCCESS);
    return NULL;
}

/* Other sizes than those of the backup, and a Read across the end. */
static void *restore(void *argument)
{
    unsigned index = (unsigned)(uintptr_t)argument;
    int32_t code;
    while ((code = statement_read(&statement, index, SEED(index), 5 * BLOCK_SIZE)) ==
           ERROR_SUCCESS)
        continue;
    CHECK_EQUAL(code, ERROR_HANDLE_EOF);
    CHECK_EQUAL(statement.moved[index], length_of(index));
    return NULL;
}

/* Flushes until the set is aborted. */
static void *until_the_abort(void *argument)
{
    unsigned index = (unsigned)(uintptr_t)argument;
    int32_t code;
    while ((code = statement_step(&statement, index, VDC_Flush)) == ERROR_SUCCESS)
        continue;
    CHECK_EQUAL(code, ERROR_OPERATION_ABORTED);
    return NULL;
}

/* Runs a stripe's part of the statement for all stripes at once. */
static void all_stripes(void *(*part)(void *))
{
    pthread_t threads[STRIPES];
    for (unsigned i = 0; i < STRIPES; i++)
        CHECK(pthread_create(&threads[i], NULL, part, (void *)(uintptr_t)i) == 0);
    for (unsigned i = 0; i < STRIPES; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

static struct peer begin(const char *role, char name[NAME_SIZE], enum trouble trouble,
                         int wrong_name, uint32_t direction)
{
    char kind[16];
    unique_name(name);
    snprintf(kind, sizeof kind, "%d", trouble);
    struct peer client =
        spawn_role(role, name, role, kind, wrong_name ? "1" : "0", (char *)NULL);
    hear(client);
    statement_open(&statement, name, STRIPES, direction);
    return client;
}

/*
 * What goes out comes back, stripe by stripe [MOD-01]; every worker asks for the configuration
 * again [SMP-13]; the primary of the processes has no device of its own [SMP-15].
 */
static void good_statement(const char *role)
{
    static const uint32_t directions[] = {VDF_WriteMedia, VDF_ReadMedia};
    char name[NAME_SIZE];
    for (unsigned i = 0; i < 2; i++) {
        struct peer client = begin(role, name, NO_TROUBLE, 0, directions[i]);
        all_stripes(i == 0 ? back_up : restore);
        engine_finish(&statement.engine);
        CHECK_EQUAL(wait_exit(client), SAMPLE_GOOD);
        CHECK_RESULT(vdi_server_close(statement.engine.server), NOERROR);
    }
}

static void aborted(const char *role, enum trouble trouble, int wrong_name, uint32_t reason,
                    const char *why)
{
    char name[NAME_SIZE], text[256];
    uint32_t code;
    struct peer client = begin(role, name, trouble, wrong_name, VDF_WriteMedia);
    all_stripes(until_the_abort);
    CHECK_EQUAL(wait_exit(client), SAMPLE_FAILED);
    CHECK_RESULT(vdi_server_abort_reason(statement.engine.server, &code, text, sizeof text),
                 NOERROR);
    CHECK_EQUAL(code, reason);
    CHECK_CONTAINS(text, why);
    engine_close_aborted(&statement.engine);
    /* The name is free, also after a crash. */
    vdi_set *next = client_create(name, 1);
    CHECK_RESULT(vdi_close(next), NOERROR);
}

/* A worker that fails aborts the set, and all others end their loops. [SMP-14] */
static void failing_workers(void)
{
    aborted("threads", ABORTS_SET, 0, VDI_ABORT_CLIENT, "a worker has failed");
    aborted("processes", ABORTS_SET, 0, VDI_ABORT_CLIENT, "a worker has failed");
}

/* A process that ends without Close while its threads use the set has crashed. [SMP-19] */
static void exit_without_close(void)
{
    aborted("threads", EXITS_AT_ONCE, 0, VDI_ABORT_PRIMARY_DIED, "");
}

/*
 * A secondary that ends without Close, killed or because it could not open its device, does
 * nothing to the set: the primary aborts it when it sees that. [SMP-12, SMP-15]
 */
static void lost_secondaries(void)
{
    aborted("processes", DIES, 0, VDI_ABORT_CLIENT, "a secondary has failed");
    aborted("processes", EXITS_AT_ONCE, 0, VDI_ABORT_CLIENT, "a secondary has failed");
    aborted("processes", NO_TROUBLE, 1, VDI_ABORT_CLIENT, "a secondary has failed");
}

static void run(void)
{
    good_statement("threads");
    good_statement("processes");
    failing_workers();
    exit_without_close();
    lost_secondaries();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"threads", threads_role},
                                        {"processes", processes_role},
                                        SAMPLE_SECONDARY,
                                        {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
