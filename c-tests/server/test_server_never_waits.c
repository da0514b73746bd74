/*
 * A server that is alone in its thread: no client calls anything and no agent runs, and every call
 * returns, because none but the agent's waits for somebody.
 */
#include "engine.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct journal journal = JOURNAL_INITIALIZER;

/* [SSET-GETCFG-02, SSET-ALLOC-04, SSET-REQBUF-03] */
static vdi_server *configure(void)
{
    VDConfig config;
    void *buffer;
    vdi_server *server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), NOERROR);
    for (int i = 0; i < 2; i++)
        CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &buffer), NOERROR);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &buffer), VD_E_MEMORY);
    return server;
}

/* A full queue is an error, not a reason to wait. [SDEV-SEND-01, SDEV-SEND-03, SDEV-SEND-04] */
static void fill(vdi_server_device *device, VDS_Command *commands)
{
    VDS_Command late;
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(device, &commands[i]), NOERROR);
    }
    CHECK_EQUAL(journal_count(&journal), 0);
    command_prepare(&late, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(device, &late), VD_E_QUEUE_FULL);
    CHECK_JOURNAL(&journal, 0, &late, ERROR_NO_SYSTEM_RESOURCES);
    journal.count = 0;
}

/* [SDEV-CLOSE-02, SSET-ABORT-04, SSET-CLOSE-03] */
static void end(int abort)
{
    static VDS_Command commands[VDI_QUEUE_CAPACITY];
    vdi_server_device *device;
    journal.count = 0;
    vdi_set *set = client_create(name, 1);
    vdi_server *server = configure();
    CHECK_RESULT(vdi_server_open_device(server, name, &device), NOERROR);
    fill(device, commands);
    if (abort)
        CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
    else
        CHECK_RESULT(vdi_server_close_device(device), NOERROR);
    CHECK_EQUAL(journal_count(&journal), 0);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    journal_check_all(&journal, commands, VDI_QUEUE_CAPACITY, ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* A set that nobody has created is not waited for. [SSET-OPEN-04, SSET-OPEN-08] */
static void open_too_early(void)
{
    vdi_server *server = (vdi_server *)&server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_INVALID);
    CHECK(server == NULL);
}

static void run(void)
{
    unique_name(name);
    open_too_early();
    end(0);
    end(1);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
