/*
 * Snapshot statements of one database: the sample's snapshot client in a process of its own, an
 * engine's steps here. The client asks the test before it answers one of the three commands.
 */
#include "samples.h"
#include "statement.h"

#define SEED 5

/* What the client does with the command that the test has chosen. */
enum behaviour { ANSWERS, ABORTS, FAILS };

struct snapshot {
    struct sample sample;
    int32_t chosen;
    enum behaviour behaviour;
};

static int is_snapshot_command(int32_t code)
{
    return code == VDC_PrepareToFreeze || code == VDC_Snapshot || code == VDC_MountSnapshot;
}

/* Nothing comes with these commands. */
static void has_no_inputs(const VDC_Command *command)
{
    CHECK(command->buffer == NULL);
    CHECK_EQUAL(command->size, 0);
    CHECK_EQUAL(command->position, 0);
}

/* After a Snapshot: one more command at most, VDC_Complete, and then the close. */
static vdi_result after_snapshot(struct snapshot *client)
{
    VDC_Command *command;
    vdi_result result = vdi_get_command(client->sample.device, VDI_INFINITE, &command);
    if (result != NOERROR)
        return result;
    CHECK_EQUAL(command->commandCode, VDC_Complete);
    tell(parent(), VDC_Complete);
    hear(parent());
    CHECK_RESULT(vdi_complete_command(client->sample.device, command, ERROR_SUCCESS, 0, 0),
                 NOERROR);
    return vdi_get_command(client->sample.device, VDI_INFINITE, &command);
}

/* One of the three commands; the result of the loop, or NOERROR to go on. */
static vdi_result coordinate(struct snapshot *client, vdi_set *set, const VDC_Command *command)
{
    int32_t code = command->commandCode;
    enum behaviour behaviour = code == client->chosen ? client->behaviour : ANSWERS;
    has_no_inputs(command);
    if (code == VDC_Snapshot) /* The metadata is complete. */
        CHECK(fclose(client->sample.file) == 0);
    tell(parent(), code);
    hear(parent());
    if (behaviour == ABORTS) { /* The command is never completed. */
        CHECK_RESULT(vdi_signal_abort(set, "no snapshot today"), NOERROR);
        return VD_E_ABORT;
    }
    int32_t answer = behaviour == FAILS ? ERROR_OPERATION_ABORTED : ERROR_SUCCESS;
    vdi_device *device = client->sample.device;
    CHECK_RESULT(vdi_complete_command(device, command, answer, 0, 0), NOERROR);
    if (code == VDC_Snapshot && behaviour == ANSWERS)
        return after_snapshot(client);
    return NOERROR;
}

static vdi_result snapshot_loop(struct snapshot *client, vdi_set *set)
{
    vdi_result result;
    VDC_Command *command;
    vdi_device *device = client->sample.device;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        if (is_snapshot_command(command->commandCode)) {
            if ((result = coordinate(client, set, command)) != NOERROR)
                break;
            continue;
        }
        uint32_t bytes;
        int32_t code = sample_execute(&client->sample, command, &bytes);
        CHECK_RESULT(vdi_complete_command(device, command, code, bytes, 0), NOERROR);
    }
    return result;
}

/* argv: the set's name, features, the code of the chosen command, what to do with it */
static int snapshot_client(int argc, char **argv)
{
    char path[128];
    VDConfig config;
    CHECK_EQUAL(argc, 5);
    struct snapshot client = {.chosen = atoi(argv[3]), .behaviour = (enum behaviour)atoi(argv[4])};
    vdi_set *set = sample_create(argv[1], 1, (uint32_t)atoi(argv[2]));
    CHECK_RESULT(sample_configuration(set, &config), NOERROR);
    CHECK_RESULT(vdi_open_device(set, argv[1], &client.sample.device), NOERROR);
    sample_path(path, "metadata", 0);
    sample_open(&client.sample, path, &config, ENDLESS);
    return sample_end(set, snapshot_loop(&client, set));
}

static struct statement statement;
static struct peer client;

static void begin(uint32_t features, int32_t chosen, enum behaviour behaviour, uint32_t direction)
{
    char name[NAME_SIZE], bits[16], code[16], how[16];
    unique_name(name);
    snprintf(bits, sizeof bits, "%u", features);
    snprintf(code, sizeof code, "%d", chosen);
    snprintf(how, sizeof how, "%d", behaviour);
    client = spawn_role("snapshot", name, bits, code, how, (char *)NULL);
    hear(client);
    statement_open(&statement, name, 1, direction | VDF_CompleteEnabled);
}

static void write_metadata(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        statement_write(&statement, 0, SEED, (i + 1) * 4 * BLOCK_SIZE);
}

/* Sends a command, lets the client hold it, and then lets it answer; the completion code. */
static int32_t coordinated(int32_t code)
{
    struct request request;
    CHECK_RESULT(request_begin(&request, &statement, 0, code, 0), NOERROR);
    CHECK_EQUAL(hear(client), code);
    CHECK(request_waits(&request));
    tell(client, 0);
    int32_t answer = request_end(&request);
    CHECK_EQUAL(request.command.bytesTransferred, 0);
    return answer;
}

static void ends_well(void)
{
    engine_finish(&statement.engine);
    CHECK_EQUAL(wait_exit(client), SAMPLE_GOOD);
    CHECK_RESULT(vdi_server_close(statement.engine.server), NOERROR);
}

/* What the client has kept is what was written. */
static void metadata_is_stored(void)
{
    char path[128];
    sample_path(path, "metadata", 0);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL);
    for (size_t place = 0; place < statement.moved[0]; place++)
        CHECK_EQUAL(fgetc(file), pattern_byte(place, SEED));
    CHECK_EQUAL(fgetc(file), EOF);
    CHECK(fclose(file) == 0);
}

/*
 * A whole backup. The bit of the client decides about PrepareToFreeze
 * [FEAT-28, SNAP-10, SNAP-12, SNAP-16], Writes come before and after it
 * [CMD-WRITE-06, SNAP-11, SNAP-13], and nothing but Complete and the close after the Snapshot
 * [SNAP-14, SNAP-15]. Each answer may take its time [SNAP-20, SNAP-21], and the commands carry
 * nothing [SNAP-23].
 */
static void backup(uint32_t features)
{
    begin(features, 0, ANSWERS, VDF_WriteMedia);
    CHECK_EQUAL(statement.config.features & VDF_SnapshotPrepare, features & VDF_SnapshotPrepare);
    write_metadata(3);
    if (statement.config.features & VDF_SnapshotPrepare) {
        CHECK_EQUAL(coordinated(VDC_PrepareToFreeze), ERROR_SUCCESS);
        write_metadata(2);
    }
    CHECK_EQUAL(coordinated(VDC_Snapshot), ERROR_SUCCESS);
    if (statement.config.features & VDF_CompleteEnabled)
        CHECK_EQUAL(coordinated(VDC_Complete), ERROR_SUCCESS);
    ends_well();
    metadata_is_stored();
}

/*
 * The stored metadata comes back, past its end if the server asks, then the mount.
 * [SNAP-22, SNAP-30]
 */
static void restore(int to_the_end)
{
    size_t length = statement.moved[0];
    begin(0, 0, ANSWERS, VDF_ReadMedia);
    while (statement.moved[0] < length) {
        size_t left = length - statement.moved[0];
        uint32_t size = left < TRANSFER ? (uint32_t)left : TRANSFER;
        CHECK_EQUAL(statement_read(&statement, 0, SEED, size), ERROR_SUCCESS);
    }
    if (to_the_end) {
        CHECK_EQUAL(statement_read(&statement, 0, SEED, BLOCK_SIZE), ERROR_HANDLE_EOF);
        CHECK_EQUAL(statement.moved[0], length);
        CHECK_EQUAL(statement_step(&statement, 0, VDC_ClearError), ERROR_SUCCESS);
    }
    CHECK_EQUAL(coordinated(VDC_MountSnapshot), ERROR_SUCCESS);
    ends_well();
}

/* Up to the command that is refused. A Write behind it ends with `queued`; 0: there is none. */
static int32_t up_to(int32_t chosen, enum behaviour behaviour, int32_t queued)
{
    struct request refused, next;
    int mount = chosen == VDC_MountSnapshot;
    begin(VDF_SnapshotPrepare, chosen, behaviour, mount ? VDF_ReadMedia : VDF_WriteMedia);
    if (mount)
        CHECK_EQUAL(statement_read(&statement, 0, SEED, BLOCK_SIZE), ERROR_SUCCESS);
    else
        write_metadata(2);
    if (chosen == VDC_Snapshot)
        CHECK_EQUAL(coordinated(VDC_PrepareToFreeze), ERROR_SUCCESS);
    CHECK_RESULT(request_begin(&refused, &statement, 0, chosen, 0), NOERROR);
    CHECK_EQUAL(hear(client), chosen);
    if (queued)
        CHECK_RESULT(request_begin(&next, &statement, 0, VDC_Write, BLOCK_SIZE), NOERROR);
    CHECK(request_waits(&refused));
    tell(client, 0);
    if (queued)
        CHECK_EQUAL(request_end(&next), queued);
    return request_end(&refused);
}

/*
 * The answer is ERROR_OPERATION_ABORTED: an error of this command only, nothing is aborted. The
 * server closes the device. [SNAP-20, SNAP-21, SNAP-22]
 */
static void refused_by_error(int32_t chosen, int32_t queued)
{
    uint32_t reason;
    CHECK_EQUAL(up_to(chosen, FAILS, queued), ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_server_abort_reason(statement.engine.server, &reason, NULL, 0), NOERROR);
    CHECK_EQUAL(reason, VDI_ABORT_NONE);
    struct request rejected;
    CHECK_RESULT(request_begin(&rejected, &statement, 0, VDC_Write, BLOCK_SIZE), VD_E_IO_ERROR);
    CHECK_EQUAL(request_end(&rejected), ERROR_IO_DEVICE);
    ends_well();
}

/* SignalAbort by the client, which returns without completing what it holds. [SMP-16, SNAP-21] */
static void refused_by_abort(int32_t chosen)
{
    char text[256];
    uint32_t reason;
    CHECK_EQUAL(up_to(chosen, ABORTS, ERROR_OPERATION_ABORTED), ERROR_OPERATION_ABORTED);
    CHECK_EQUAL(wait_exit(client), SAMPLE_FAILED);
    CHECK_RESULT(vdi_server_abort_reason(statement.engine.server, &reason, text, sizeof text),
                 NOERROR);
    CHECK_EQUAL(reason, VDI_ABORT_CLIENT);
    CHECK_TEXT(text, "no snapshot today");
    engine_close_aborted(&statement.engine);
}

/* [SMP-17] One GetCommand after the Snapshot; [SMP-18] the file is closed when it arrives. */
static void run(void)
{
    static const int32_t refusable[] = {VDC_PrepareToFreeze, VDC_Snapshot, VDC_MountSnapshot};
    backup(0);
    backup(VDF_SnapshotPrepare);
    backup(VDF_RequestComplete);
    backup(VDF_SnapshotPrepare | VDF_RequestComplete);
    restore(0);
    restore(1);
    for (unsigned i = 0; i < 3; i++) {
        refused_by_error(refusable[i], 0);
        refused_by_error(refusable[i], ERROR_IO_DEVICE);
        refused_by_abort(refusable[i]);
    }
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"snapshot", snapshot_client}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
