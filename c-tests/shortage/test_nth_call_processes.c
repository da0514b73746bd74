/*
 * The Nth system call fails in one of three processes, the primary, the server or a secondary: once,
 * and from then on. The others get a documented result, none waits for ever, and the next set of
 * that name works.
 *
 * The server is this process. The client under fault is a new process each time. With
 * VDI_TEST_FULL=1 every error of the table is tried; otherwise, for each N, the next one.
 */
#include "faults.h"
#include "resources.h"
#include "roles.h"

enum part { PRIMARY, SECONDARY, SERVER, PARTS };

static const char *const part_names[PARTS] = {"primary", "secondary", "server"};

static char name[NAME_SIZE];
static struct life the_life, *const life = &the_life;
static struct peer healthy[2], clients[2];
static int opened[2];
/* The server has closed the last device. */
static int all_closed;
static unsigned lives, failed_calls, ends;

/* argv: function, error, number, lasting. Obeys as a client, and tells how many calls failed. */
static int faulty_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 5);
    struct fault fault = {argv[1], atoi(argv[2]), (unsigned)atoi(argv[3]), atoi(argv[4])};
    impatience_start();
    fault_begin(&fault);
    int status = client_role(argc, argv);
    tell(parent(), fault_end());
    return status;
}

/* A call of a client; 0 if it fails. */
static int asked(enum part part, struct order order, struct answer *answer)
{
    static const char *const calls[] = {
        [CREATE] = "vdi_create",
        [OPEN_IN_SECONDARY] = "vdi_open_in_secondary",
        [GET_CONFIGURATION] = "vdi_get_configuration",
        [OPEN_DEVICE] = "vdi_open_device",
        [GET_COMMAND] = "vdi_get_command",
        [COMPLETE] = "vdi_complete_command",
        [GET_HANDLE] = "vdi_get_buffer_handle",
        [MAP_HANDLE] = "vdi_map_buffer_handle",
        [CLOSE] = "vdi_close",
    };
    struct peer client = clients[part];
    order_client(client, order);
    if (recv(client.socket, answer, sizeof *answer, 0) != sizeof *answer)
        check_failed(__FILE__, __LINE__, "the %s has ended", part_names[part]);
    if (answer->result >= 0)
        return 1;
    if (life->failed == NULL) {
        life->failed = calls[order.action];
        life->result = answer->result;
        snprintf(life->text, sizeof life->text, "%s", answer->text);
    }
    return 0;
}

#define ASKED(part, ...) asked((part), (struct order){.action = __VA_ARGS__}, &answer)

static int opens(enum part part)
{
    struct answer answer;
    struct order order = {.action = part == PRIMARY ? CREATE : OPEN_IN_SECONDARY,
                          .config = {.deviceCount = 2}};
    snprintf(order.name, sizeof order.name, "%s", name);
    opened[part] = asked(part, order, &answer);
    return opened[part];
}

static int opens_device(enum part part)
{
    struct answer answer;
    struct order order = {.action = OPEN_DEVICE, .device = part};
    device_name(order.name, name, part);
    GO(vdi_server_open_device, life->engine.server, order.name, &life->engine.devices[part]);
    return asked(part, order, &answer);
}

/* A command to the device of a client; the other client looks at the buffer, too. */
static int works(enum part part, uint32_t size)
{
    struct answer answer;
    void *buffer;
    VDS_Command *command = &life->commands[life->sent];
    GO(vdi_server_allocate_buffer, life->engine.server, size, 0, &buffer);
    command_prepare(command, &life->journal, VDC_Write, buffer, (int32_t)size);
    life->sent++;
    vdi_result sent = vdi_server_send_command(life->engine.devices[part], command);
    if (sent != NOERROR) {
        life_fails(life, "vdi_server_send_command", sent);
        return 0;
    }
    if (!ASKED(part, GET_COMMAND, .device = part, .timeout = VDI_INFINITE))
        return 0;
    struct answer got = answer;
    if (!ASKED(part, GET_HANDLE, .address = got.address) ||
        !ASKED(1 - part, MAP_HANDLE, .handle = answer.handle) ||
        !ASKED(1 - part, FILL, .address = answer.address, .bytes = size, .seed = 9) ||
        !ASKED(part, COMPLETE, .device = part, .slot = got.slot, .bytes = size))
        return 0;
    journal_wait(&life->journal, life->sent);
    if (command->completionCode == ERROR_SUCCESS)
        CHECK(pattern_matches(buffer, size, 9));
    return 1;
}

static int lives_on(void)
{
    struct answer answer;
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    if (!opens(PRIMARY))
        return 0;
    GO(vdi_server_open, NULL, name, &life->engine.server);
    GO(vdi_server_begin_configuration, life->engine.server, &parameters);
    GO(vdi_server_request_buffers, life->engine.server, LIFE_BUFFER, 0, 2);
    GO(vdi_server_end_configuration, life->engine.server);
    caller_start(&life->engine.agent, completion_agent, life->engine.server);
    life->agent_runs = 1;
    if (!ASKED(PRIMARY, GET_CONFIGURATION, .timeout = VDI_INFINITE) || !opens(SECONDARY) ||
        !opens_device(PRIMARY) || !opens_device(SECONDARY) || !works(PRIMARY, LIFE_BUFFER) ||
        !works(SECONDARY, LIFE_BUFFER))
        return 0;
    GO(vdi_server_request_buffers, life->engine.server, 2 * LIFE_BUFFER, 0, 2);
    if (!works(PRIMARY, 2 * LIFE_BUFFER) || !works(SECONDARY, 2 * LIFE_BUFFER))
        return 0;
    for (enum part part = PRIMARY; part <= SECONDARY; part++) {
        GO(vdi_server_close_device, life->engine.devices[part]);
        all_closed = part == SECONDARY;
        if (ASKED(part, GET_COMMAND, .device = part, .timeout = VDI_INFINITE) ||
            answer.result != VD_E_CLOSE)
            return 0;
        life->failed = NULL;
    }
    return 1;
}

/* Whether a part of this life has a fault. */
static int suffering;

/* Everybody leaves; after a failure the set is aborted first. */
static void all_leave(void)
{
    struct answer answer;
    if (life->failed != NULL && life->engine.server != NULL) {
        CHECK_RESULT(vdi_server_abort_reason(life->engine.server, &life->reason, life->reason_text,
                                             sizeof life->reason_text),
                     NOERROR);
        CHECK_RESULT(vdi_server_signal_abort(life->engine.server, "a call failed"), NOERROR);
    } else if (life->failed != NULL && opened[PRIMARY]) {
        asked(PRIMARY, (struct order){.action = ABORT_REASON}, &answer);
        life->reason = answer.reason;
        snprintf(life->reason_text, sizeof life->reason_text, "%s", answer.text);
        asked(PRIMARY, (struct order){.action = SIGNAL_ABORT, .name = "a call failed"}, &answer);
    }
    if (life->agent_runs) {
        vdi_result result = caller_join(&life->engine.agent);
        /* What fails at the last close may come before the normal end or after it. [ST-41] */
        if (!all_closed || !suffering || result != VD_E_ABORT)
            CHECK_RESULT(result, life->failed && !all_closed ? VD_E_ABORT : NOERROR);
    }
    CHECK_EQUAL(journal_count(&life->journal), life->sent);
    if (life->engine.server != NULL)
        CHECK_RESULT(vdi_server_close(life->engine.server), NOERROR);
    for (enum part part = PRIMARY; part <= SECONDARY; part++)
        if (opened[part] && !ASKED(part, CLOSE))
            check_failed(__FILE__, __LINE__, "the %s cannot close: %s", part_names[part],
                         answer.text);
}

static void live_together(void)
{
    memset(life, 0, sizeof *life);
    memset(opened, 0, sizeof opened);
    all_closed = 0;
    life->journal = (struct journal)JOURNAL_INITIALIZER;
    lives_on();
    all_leave();
    lives++;
}

/* A life in which one part has a fault; whether there was one. */
static int suffer(enum part part, const struct fault *fault)
{
    char error[16], number[16], lasting[16];
    int64_t made;
    memcpy(clients, healthy, sizeof clients);
    suffering = 1;
    if (part == SERVER) {
        fault_begin(fault);
        live_together();
        made = fault_end();
    } else {
        snprintf(error, sizeof error, "%d", fault->error);
        snprintf(number, sizeof number, "%u", fault->number);
        snprintf(lasting, sizeof lasting, "%d", fault->lasting);
        clients[part] =
            spawn_role("faulty", fault->call, error, number, lasting, (char *)NULL);
        /* Time flies here, too, when the other process cannot answer. */
        fault_now = *fault;
        faults_made = 1;
        times_flown = 0;
        __atomic_add_fetch(&faults_begun, 1, __ATOMIC_SEQ_CST);
        live_together();
        faults_made = 0;
        order_client(clients[part], (struct order){.action = LEAVE});
        struct answer answer;
        CHECK(recv(clients[part].socket, &answer, sizeof answer, 0) == sizeof answer);
        made = hear(clients[part]);
        CHECK_EQUAL(wait_exit(clients[part]), 0);
    }
    suffering = 0;
    if (made == 0) {
        CHECK(life->failed == NULL);
        return 0;
    }
    failed_calls += (unsigned)made;
    ends += life->failed != NULL;
    /* A client waited for itself, and did not tell. */
    times_flown += fault->lasting != 0;
    fault_check(fault, life);
    memcpy(clients, healthy, sizeof clients);
    live_together();
    if (life->failed != NULL)
        check_failed(__FILE__, __LINE__, "afterwards %s is %s; %s", life->failed,
                     vdi_result_name(life->result), life->text);
    return 1;
}

/* Other healthy clients: they remember every command that they ever got. */
static void exchange_clients(void)
{
    for (enum part part = PRIMARY; part <= SECONDARY; part++) {
        client_leave(healthy[part]);
        healthy[part] = spawn_client();
    }
}

static void every_number(enum part part, const struct possible *call, int full)
{
    unsigned suffered = 0;
    exchange_clients();
    for (int lasting = 0; lasting < 2; lasting++) {
        printf("%s, %s, %s:", part_names[part], call->name, lasting ? "lasting" : "once");
        const int *error = call->errors;
        for (unsigned number = 1;;) {
            struct fault fault = {call->name, *error, number, lasting};
            printf(" %u", number);
            fflush(stdout);
            if (!suffer(part, &fault))
                break;
            if (++suffered % 500 == 0)
                exchange_clients();
            if (*++error == 0)
                error = call->errors;
            if (!full || error == call->errors)
                number = next_number(number, 1);
        }
        printf("\n");
    }
}

static void run(void)
{
    int full = test_full();
    /* In the quick run those that the other side notices, and for which it need not wait. */
    static const char *const telling[] = {"epoll_ctl", "fstat",   "getsockopt", "mmap",
                                          "poll",      "sendmsg", NULL};
    unique_name(name);
    healthy[PRIMARY] = spawn_client();
    healthy[SECONDARY] = spawn_client();
    impatience_start();
    for (enum part part = PRIMARY; part < PARTS; part++)
        for (const struct possible *call = possible; call->name != NULL; call++)
            for (const char *const *one = telling; *one != NULL; one++)
                if (full ? one == telling : strcmp(*one, call->name) == 0)
                    every_number(part, call, full);
    client_leave(healthy[PRIMARY]);
    client_leave(healthy[SECONDARY]);
    printf("%u lives, %u calls failed, %u lives ended by it\n", lives, failed_calls, ends);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"faulty", faulty_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
