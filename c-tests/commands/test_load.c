/*
 * A Load takes as long as somebody needs to bring the next medium: for ever if the client has asked
 * for no limit, and no longer than the limit otherwise.
 */
#include "engine.h"
#include "roles.h"

#define INTERVAL 50

/* A set whose client has fetched a Load. */
struct side {
    struct peer client;
    struct engine engine;
    VDS_Command load;
    struct pending ended;
    unsigned slot;
};

static void start(struct side *side, uint32_t server_time_out)
{
    char name[NAME_SIZE];
    unique_name(name);
    side->client = spawn_client();
    client_creates(side->client, name,
                   (VDConfig){.deviceCount = 1,
                              .features = VDF_Removable,
                              .serverTimeOut = server_time_out});
    engine_open(&side->engine, name, 1, BLOCK_SIZE, 1);
    client_open_device(side->client, name, 0);
    side->load.commandCode = VDC_Load;
    pending_prepare(&side->ended, &side->load);
    CHECK_RESULT(vdi_server_send_command(side->engine.devices[0], &side->load), NOERROR);
    side->slot = client_fetch(side->client, 0, VDC_Load).slot;
}

static void finish(struct side *side)
{
    ASK(side->client, NOERROR, CLOSE);
    client_leave(side->client);
}

/* The limit holds for Load, too; without one, nothing ends it. [CMD-LOAD-04, CMD-01] */
static void run(void)
{
    static struct side patient, impatient;
    start(&patient, 0);
    start(&impatient, INTERVAL);
    pending_wait(&impatient.ended);
    CHECK_EQUAL(impatient.load.completionCode, ERROR_OPERATION_ABORTED);
    ASK(impatient.client, VD_E_ABORT, COMPLETE, .slot = impatient.slot);
    engine_close_aborted(&impatient.engine);
    finish(&impatient);

    CHECK_EQUAL(pending_calls(&patient.ended), 0);
    ASK(patient.client, NOERROR, COMPLETE, .slot = patient.slot);
    pending_wait(&patient.ended);
    CHECK_EQUAL(patient.load.completionCode, ERROR_SUCCESS);
    engine_close(&patient.engine);
    finish(&patient);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
