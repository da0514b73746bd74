/*
 * VDC_Complete: who may have it, when it comes, and what the answer does. The server's steps are
 * here; the client, a process, keeps a list of what it was sent.
 */
#include "samples.h"
#include "statement.h"

#define MOST 4
#define SEED(index) ((uint8_t)(1 + (index)))

enum mode {
    FINISHES,    /* completes the backup at VDC_Complete */
    CANNOT,      /* fails VDC_Complete on the last device */
    FLUSH_ENDS,  /* was not given VDC_Complete: Flush is the end of the stream */
};

struct finisher {
    pthread_t thread;
    vdi_set *set;
    char name[NAME_SIZE];
    unsigned index, completes;
    enum mode mode;
    struct sample sample;
    vdi_result ending;
};

/* What this client does with a command; the completion code. */
static int32_t execute(struct finisher *finisher, const VDC_Command *command, uint32_t *bytes)
{
    CHECK_EQUAL(finisher->completes, 0); /* nothing comes after it */
    if (command->commandCode != VDC_Complete)
        return sample_execute(&finisher->sample, command, bytes);
    *bytes = 0;
    finisher->completes++;
    CHECK(command->buffer == NULL);
    /* The backup is finished here, and the server waits for the answer. */
    tell(parent(), finisher->index);
    hear(parent());
    return finisher->mode == CANNOT ? ERROR_DISK_FULL : ERROR_SUCCESS;
}

/* A client that takes Flush for the end, and afterwards only waits for the close. */
static vdi_result wait_for_close(vdi_device *device)
{
    vdi_result result;
    VDC_Command *command;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR)
        CHECK_RESULT(vdi_complete_command(device, command, ERROR_NOT_SUPPORTED, 0, 0), NOERROR);
    return result;
}

static void *work(void *argument)
{
    struct finisher *finisher = argument;
    vdi_device *device = finisher->sample.device;
    VDC_Command *command;
    while ((finisher->ending = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        uint32_t bytes;
        int32_t code = execute(finisher, command, &bytes);
        int32_t kind = command->commandCode;
        CHECK_RESULT(vdi_complete_command(device, command, code, bytes, 0), NOERROR);
        if (kind == VDC_Flush && finisher->mode == FLUSH_ENDS) {
            finisher->ending = wait_for_close(device);
            break;
        }
    }
    return NULL;
}

/* argv: the set's name, number of devices, features, mode, features that it gets */
static int finisher_role(int argc, char **argv)
{
    static struct finisher all[MOST];
    char path[128];
    VDConfig config;
    CHECK_EQUAL(argc, 6);
    unsigned count = (unsigned)atoi(argv[2]);
    vdi_set *set = sample_create(argv[1], count, (uint32_t)strtoul(argv[3], NULL, 0));
    CHECK_RESULT(sample_configuration(set, &config), NOERROR);
    CHECK_EQUAL(config.features, strtoul(argv[5], NULL, 0));
    for (unsigned i = 0; i < count; i++) {
        all[i].mode = (enum mode)atoi(argv[4]);
        if (all[i].mode == CANNOT && i + 1 < count)
            all[i].mode = FINISHES;
        all[i].index = i;
        device_name(all[i].name, argv[1], i);
        CHECK_RESULT(vdi_open_device(set, all[i].name, &all[i].sample.device), NOERROR);
        sample_path(path, argv[1], i);
        sample_open(&all[i].sample, path, &config, ENDLESS);
        CHECK(pthread_create(&all[i].thread, NULL, work, &all[i]) == 0);
    }
    for (unsigned i = 0; i < count; i++) {
        CHECK(pthread_join(all[i].thread, NULL) == 0);
        CHECK_RESULT(all[i].ending, VD_E_CLOSE);
        CHECK_EQUAL(all[i].completes, !!(config.features & VDF_CompleteEnabled));
        CHECK_EQUAL(all[i].sample.flushes, all[i].completes ? 3 : 1);
        CHECK(fclose(all[i].sample.file) == 0);
    }
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static struct statement statement;
static struct peer client;

static void begin(unsigned devices, uint32_t asks, uint32_t decides, uint32_t gets, enum mode mode)
{
    char name[NAME_SIZE], count[16], bits[16], wanted[16], how[16];
    unique_name(name);
    snprintf(count, sizeof count, "%u", devices);
    snprintf(bits, sizeof bits, "%u", asks);
    snprintf(wanted, sizeof wanted, "%u", gets);
    snprintf(how, sizeof how, "%d", mode);
    client = spawn_role("finisher", name, count, bits, how, wanted, (char *)NULL);
    hear(client);
    statement_open(&statement, name, devices, decides);
    CHECK_EQUAL(statement.config.features, gets);
}

/* The data of every device, with this many Flushes, and Writes between them. */
static void all_data(unsigned devices, unsigned flushes)
{
    for (unsigned round = 0; round < flushes; round++)
        for (unsigned i = 0; i < devices; i++) {
            statement_write(&statement, i, SEED(i), TRANSFER - i * BLOCK_SIZE);
            CHECK_EQUAL(statement_step(&statement, i, VDC_Flush), ERROR_SUCCESS);
        }
}

/* Sends Complete to all devices; the server waits for each answer. Returns the last code. */
static int32_t complete_all(unsigned devices)
{
    static struct request requests[MOST];
    int seen[MOST] = {0};
    int32_t code = -1;
    for (unsigned i = 0; i < devices; i++)
        CHECK_RESULT(request_begin(&requests[i], &statement, i, VDC_Complete, 0), NOERROR);
    for (unsigned i = 0; i < devices; i++)
        seen[hear(client)]++;
    for (unsigned i = 0; i < devices; i++) {
        CHECK_EQUAL(seen[i], 1);
        CHECK(request_waits(&requests[i]));
    }
    for (unsigned i = 0; i < devices; i++)
        tell(client, 0);
    for (unsigned i = 0; i < devices; i++) {
        code = request_end(&requests[i]);
        if (i + 1 < devices)
            CHECK_EQUAL(code, ERROR_SUCCESS);
    }
    return code;
}

static void end(void)
{
    engine_finish(&statement.engine);
    CHECK_EQUAL(wait_exit(client), 0);
    CHECK_RESULT(vdi_server_close(statement.engine.server), NOERROR);
}

/*
 * Asked for and supported: several Flushes with Writes after them [CMPL-07], then Complete on every
 * device [CMPL-08, AMB-35], whose answer the server awaits [CMPL-04], then the close [CMPL-06].
 */
static void finished(unsigned devices)
{
    uint32_t gets = VDF_RequestComplete | VDF_WriteMedia | VDF_CompleteEnabled;
    begin(devices, VDF_RequestComplete, VDF_WriteMedia | VDF_CompleteEnabled, gets, FINISHES);
    all_data(devices, 3);
    CHECK_EQUAL(complete_all(devices), ERROR_SUCCESS);
    end();
}

/* The client cannot finish: the code of its error reaches the server, on its device. [CMPL-05] */
static void not_finished(unsigned devices)
{
    uint32_t gets = VDF_RequestComplete | VDF_WriteMedia | VDF_CompleteEnabled;
    begin(devices, VDF_RequestComplete, VDF_WriteMedia | VDF_CompleteEnabled, gets, CANNOT);
    all_data(devices, 3);
    CHECK_EQUAL(complete_all(devices), ERROR_DISK_FULL);
    struct request rejected;
    CHECK_RESULT(request_begin(&rejected, &statement, devices - 1, VDC_Flush, 0), VD_E_IO_ERROR);
    CHECK_EQUAL(request_end(&rejected), ERROR_IO_DEVICE);
    end();
}

/*
 * Every combination of the bits: the client's request [CMPL-01], the answer in what it gets back
 * [CMPL-02], and no answer that was not requested [CMPL-11].
 */
static void bits(void)
{
    static const struct {
        uint32_t asks, decides, gets;
    } table[] = {
        {0, 0, 0},
        {0, VDF_CompleteEnabled, 0},
        {VDF_RequestComplete, 0, VDF_RequestComplete},
        {VDF_RequestComplete, VDF_CompleteEnabled, VDF_RequestComplete | VDF_CompleteEnabled},
        /* The answer is not the client's to give. */
        {VDF_CompleteEnabled, 0, 0},
        {VDF_CompleteEnabled, VDF_CompleteEnabled, 0},
        {VDF_CompleteEnabled | VDF_RequestComplete, 0, VDF_RequestComplete},
        /* The request is not the server's to make. */
        {0, VDF_CompleteEnabled | VDF_RequestComplete, 0},
        {VDF_SnapshotPrepare | VDF_LikeTape, VDF_CompleteEnabled,
         VDF_SnapshotPrepare | VDF_LikeTape},
    };
    CHECK_EQUAL(VDF_RequestComplete, 0x2000);
    CHECK_EQUAL(VDF_CompleteEnabled, 0x40000);
    CHECK_EQUAL(VDC_Complete, 19);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        int enabled = !!(table[i].gets & VDF_CompleteEnabled);
        begin(1, table[i].asks, table[i].decides | VDF_WriteMedia, table[i].gets | VDF_WriteMedia,
              FINISHES);
        all_data(1, enabled ? 3 : 1);
        if (enabled)
            CHECK_EQUAL(complete_all(1), ERROR_SUCCESS);
        end();
    }
}

/* A client without Complete ends its stream with the Flush, and waits for the close. [SMP-21] */
static void flush_is_the_end(void)
{
    begin(2, 0, VDF_WriteMedia | VDF_CompleteEnabled, VDF_WriteMedia, FLUSH_ENDS);
    all_data(2, 1);
    end();
}

static void run(void)
{
    bits();
    finished(1);
    finished(MOST);
    not_finished(1);
    not_finished(3);
    flush_is_the_end();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"finisher", finisher_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
