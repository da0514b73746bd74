/*
 * Several databases are frozen together: one statement and one set for each, in one client process
 * or in several. All are held at PrepareToFreeze, all are answered, all Snapshots are collected
 * before one is answered.
 */
#include "samples.h"
#include "statement.h"

#include <stdatomic.h>

#define MOST 8
#define SEED(index) ((uint8_t)(3 + (index)))

enum { SYNCHRONISED = 1 };

/* The client's end of one database. */
struct database {
    char name[NAME_SIZE];
    vdi_set *set;
    struct sample sample;
    VDC_Command *held;
};

/* Executes what comes until it is this command, which is kept. */
static void collect(struct database *database, int32_t code)
{
    vdi_device *device = database->sample.device;
    for (;;) {
        VDC_Command *command;
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), NOERROR);
        if (command->commandCode == code) {
            database->held = command;
            return;
        }
        uint32_t bytes;
        int32_t answer = sample_execute(&database->sample, command, &bytes);
        CHECK_EQUAL(answer, ERROR_SUCCESS);
        CHECK_RESULT(vdi_complete_command(device, command, answer, bytes, 0), NOERROR);
    }
}

static void answer(struct database *database)
{
    CHECK_RESULT(vdi_complete_command(database->sample.device, database->held, ERROR_SUCCESS, 0, 0),
                 NOERROR);
}

/* All statements wait for their answers: no device has anything more. */
static void nothing_more(struct database *databases, unsigned count)
{
    VDC_Command *command;
    for (unsigned i = 0; i < count; i++)
        CHECK_RESULT(vdi_get_command(databases[i].sample.device, 0, &command), VD_E_TIMEOUT);
}

static void synchronise(void)
{
    tell(parent(), SYNCHRONISED);
    hear(parent());
}

static void open_database(struct database *database, const char *prefix, unsigned index)
{
    VDConfig config;
    char path[128];
    CHECK_RESULT(sample_configuration(database->set, &config), NOERROR);
    CHECK_RESULT(vdi_open_device(database->set, database->name, &database->sample.device),
                 NOERROR);
    sample_path(path, prefix, index);
    sample_open(&database->sample, path, &config, ENDLESS);
}

/* argv: prefix of the names, number of the first database, how many */
static int coordinator(int argc, char **argv)
{
    static struct database databases[MOST];
    VDC_Command *command;
    CHECK_EQUAL(argc, 4);
    unsigned first = (unsigned)atoi(argv[2]), count = (unsigned)atoi(argv[3]);
    for (unsigned i = 0; i < count; i++) {
        device_name(databases[i].name, argv[1], first + i);
        databases[i].set = sample_create(databases[i].name, 1, VDF_SnapshotPrepare);
    }
    for (unsigned i = 0; i < count; i++)
        open_database(&databases[i], argv[1], first + i);
    static const int32_t stages[] = {VDC_PrepareToFreeze, VDC_Snapshot};
    for (unsigned stage = 0; stage < 2; stage++) {
        for (unsigned i = 0; i < count; i++)
            collect(&databases[i], stages[stage]);
        synchronise();
        nothing_more(databases, count);
        if (stage == 0)
            for (unsigned i = 0; i < count; i++)
                answer(&databases[i]);
    }
    /* Each statement ends when its own Snapshot is answered, whatever the others wait for. */
    for (unsigned i = 0; i < count; i++) {
        answer(&databases[i]);
        CHECK_RESULT(vdi_get_command(databases[i].sample.device, VDI_INFINITE, &command),
                     VD_E_CLOSE);
        CHECK_RESULT(vdi_close(databases[i].set), NOERROR);
        CHECK(fclose(databases[i].sample.file) == 0);
    }
    return 0;
}

static char prefix[NAME_SIZE];
static atomic_uint prepared, captured;

struct backup {
    pthread_t thread;
    unsigned index;
    struct statement statement;
};
static struct backup backups[MOST];

/* One statement of the engine. */
static void *back_up(void *argument)
{
    struct backup *backup = argument;
    struct statement *statement = &backup->statement;
    char name[NAME_SIZE];
    device_name(name, prefix, backup->index);
    statement_open(statement, name, 1, VDF_WriteMedia);
    statement_write(statement, 0, SEED(backup->index), 4 * BLOCK_SIZE);
    CHECK_EQUAL(statement_step(statement, 0, VDC_PrepareToFreeze), ERROR_SUCCESS);
    prepared++;
    statement_write(statement, 0, SEED(backup->index), 8 * BLOCK_SIZE);
    CHECK_EQUAL(statement_step(statement, 0, VDC_Snapshot), ERROR_SUCCESS);
    captured++;
    engine_close(&statement->engine);
    return NULL;
}

static void metadata_is_stored(unsigned index)
{
    char path[128];
    static uint8_t found[13 * BLOCK_SIZE];
    sample_path(path, prefix, index);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL);
    CHECK_EQUAL(fread(found, 1, sizeof found, file), 12 * BLOCK_SIZE);
    CHECK(pattern_matches(found, 12 * BLOCK_SIZE, SEED(index)));
    CHECK(fclose(file) == 0);
}

static void all_hold(struct peer *clients, unsigned processes)
{
    for (unsigned i = 0; i < processes; i++)
        CHECK_EQUAL(hear(clients[i]), SYNCHRONISED);
}

static void all_go_on(struct peer *clients, unsigned processes)
{
    for (unsigned i = 0; i < processes; i++)
        tell(clients[i], 0);
}

/*
 * So many databases, spread over so many client processes. [SNAP-40, SNAP-42] The sets do not
 * wait for each other. [SNAP-41]
 */
static void together(unsigned count, unsigned processes)
{
    struct peer clients[MOST];
    unsigned each = count / processes;
    unique_name(prefix);
    prepared = captured = 0;
    for (unsigned i = 0; i < processes; i++) {
        char first[16], databases[16];
        snprintf(first, sizeof first, "%u", i * each);
        snprintf(databases, sizeof databases, "%u", each);
        clients[i] = spawn_role("coordinator", prefix, first, databases, (char *)NULL);
        for (unsigned k = 0; k < each; k++)
            hear(clients[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        backups[i].index = i;
        CHECK(pthread_create(&backups[i].thread, NULL, back_up, &backups[i]) == 0);
    }
    all_hold(clients, processes);
    CHECK_EQUAL(prepared, 0);
    all_go_on(clients, processes);
    all_hold(clients, processes);
    CHECK_EQUAL(prepared, count);
    CHECK_EQUAL(captured, 0);
    all_go_on(clients, processes);
    for (unsigned i = 0; i < count; i++)
        CHECK(pthread_join(backups[i].thread, NULL) == 0);
    CHECK_EQUAL(captured, count);
    for (unsigned i = 0; i < processes; i++)
        CHECK_EQUAL(wait_exit(clients[i]), 0);
    for (unsigned i = 0; i < count; i++)
        metadata_is_stored(i);
}

static void run(void)
{
    together(2, 1);
    together(3, 1);
    together(8, 1);
    together(2, 2);
    together(3, 3);
    together(8, 8);
    together(8, 2);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"coordinator", coordinator}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
