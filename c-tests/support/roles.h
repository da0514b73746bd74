/*
 * roles.h - a client process that does what the test tells it
 *
 * The test starts it with spawn_client() and then reads like a script: ASK() makes the client
 * process call one function of the library and checks the result; BEGIN() lets it enter a call that
 * waits, and FINISH() collects the result. A test that uses it lists CLIENT_ROLE in its roles.
 */
#ifndef ROLES_H
#define ROLES_H

#include "pattern.h"
#include "waiting.h"

#include <sys/socket.h>
#include <sys/wait.h>

enum action {
    CREATE,            /* name, config, options if options.size is set */
    OPEN_IN_SECONDARY, /* name */
    GET_CONFIGURATION, /* timeout; answer: config */
    OPEN_DEVICE,       /* device (an index of the caller's choice), name */
    GET_COMMAND,       /* device, timeout; answer: command, slot */
    COMPLETE,          /* device, slot, code, bytes, position */
    GET_HANDLE,        /* address; answer: handle */
    MAP_HANDLE,        /* handle; answer: address */
    FILL,              /* address, bytes, seed: writes a pattern */
    LOOK,              /* address, bytes, seed; result: 1 if the pattern is there */
    SIGNAL_ABORT,      /* name, used as the reason */
    ABORT_REASON,      /* answer: reason, text */
    CLOSE,             /* the set */
    LEAVE,             /* ends the role; the process exits with status 0 */
};

struct order {
    enum action action;
    unsigned device, slot;
    uint32_t timeout, bytes, handle;
    int32_t code;
    int64_t position;
    uint64_t address;
    uint8_t seed;
    VDConfig config;
    vdi_create_options options;
    char name[VDI_MAX_NAME + 1];
    /* The client says that it is about to enter the call. */
    int announce;
};

struct answer {
    int32_t result;
    unsigned slot;
    uint32_t handle, reason;
    uint64_t address;
    VDConfig config;
    VDC_Command command;
    char text[256];
};

#define CLIENT_SLOTS 4096

/* Every byte of the configuration in the answer of a GET_CONFIGURATION that failed. */
#define UNTOUCHED 0xa5

struct client {
    vdi_set *set;
    vdi_device *devices[VDI_MAX_DEVICES];
    VDC_Command *commands[CLIENT_SLOTS];
    unsigned used;
};

static inline void client_get_command(struct client *client, const struct order *order,
                                      struct answer *answer)
{
    VDC_Command *command = (VDC_Command *)client;
    answer->result = vdi_get_command(client->devices[order->device], order->timeout, &command);
    if (answer->result != NOERROR) {
        CHECK(command == NULL);
        return;
    }
    CHECK(client->used < CLIENT_SLOTS);
    answer->command = *command;
    answer->address = (uint64_t)(uintptr_t)command->buffer;
    answer->slot = client->used++;
    client->commands[answer->slot] = command;
}

static inline struct answer client_obey(struct client *client, const struct order *order)
{
    struct answer answer = {.result = NOERROR};
    void *address = (void *)(uintptr_t)order->address;
    switch (order->action) {
    case CREATE:
        answer.result = vdi_create(NULL, order->name, &order->config,
                                   order->options.size ? &order->options : NULL, &client->set);
        break;
    case OPEN_IN_SECONDARY:
        answer.result = vdi_open_in_secondary(NULL, order->name, &client->set);
        break;
    case GET_CONFIGURATION:
        /* A failing call leaves it so; see UNTOUCHED. */
        memset(&answer.config, UNTOUCHED, sizeof answer.config);
        answer.result = vdi_get_configuration(client->set, order->timeout, &answer.config);
        break;
    case OPEN_DEVICE:
        client->devices[order->device] = (vdi_device *)client;
        answer.result = vdi_open_device(client->set, order->name, &client->devices[order->device]);
        CHECK((client->devices[order->device] == NULL) == (answer.result != NOERROR));
        break;
    case GET_COMMAND:
        client_get_command(client, order, &answer);
        break;
    case COMPLETE:
        answer.result =
            vdi_complete_command(client->devices[order->device], client->commands[order->slot],
                                 order->code, order->bytes, order->position);
        break;
    case GET_HANDLE:
        answer.result = vdi_get_buffer_handle(client->set, address, &answer.handle);
        break;
    case MAP_HANDLE:
        answer.result = vdi_map_buffer_handle(client->set, order->handle, &address);
        answer.address = (uint64_t)(uintptr_t)address;
        break;
    case FILL:
        pattern_fill(address, order->bytes, order->seed);
        break;
    case LOOK:
        answer.result = pattern_matches(address, order->bytes, order->seed);
        break;
    case SIGNAL_ABORT:
        answer.result = vdi_signal_abort(client->set, order->name);
        break;
    case ABORT_REASON:
        answer.result =
            vdi_abort_reason(client->set, &answer.reason, answer.text, sizeof answer.text);
        break;
    case CLOSE:
        answer.result = vdi_close(client->set);
        break;
    case LEAVE:
        break;
    }
    if (answer.result < 0)
        snprintf(answer.text, sizeof answer.text, "%s", vdi_last_error_message());
    return answer;
}

static inline int client_role(int argc, char **argv)
{
    (void)argc, (void)argv;
    static struct client client;
    int socket = parent().socket;
    for (;;) {
        struct order order;
        if (recv(socket, &order, sizeof order, 0) != sizeof order)
            return 1;
        if (order.announce)
            tell(parent(), 0);
        struct answer answer = client_obey(&client, &order);
        if (send(socket, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer)
            return 1;
        if (order.action == LEAVE)
            return 0;
    }
}

#define CLIENT_ROLE {"client", client_role}

static inline struct peer spawn_client(void)
{
    return spawn_role("client", (char *)NULL);
}

static inline void order_client(struct peer client, struct order order)
{
    CHECK(send(client.socket, &order, sizeof order, MSG_NOSIGNAL) == sizeof order);
}

static inline struct answer client_answer(const char *file, int line, const char *what,
                                          struct peer client, int32_t wanted)
{
    struct answer answer;
    ssize_t length = recv(client.socket, &answer, sizeof answer, 0);
    if (length != sizeof answer)
        check_failed(file, line, "%s: client %d has ended", what, (int)client.pid);
    if (answer.result != wanted && (answer.result < 0 || wanted < 0))
        check_failed(file, line, "%s is %s, not %s; %s", what, vdi_result_name(answer.result),
                     vdi_result_name(wanted), answer.text);
    check_equal(file, line, what, answer.result, wanted);
    return answer;
}

static inline struct answer client_ask(const char *file, int line, const char *what,
                                       struct peer client, int32_t wanted, struct order order)
{
    order_client(client, order);
    return client_answer(file, line, what, client, wanted);
}

static inline void client_begin(struct peer client, struct order order)
{
    order.announce = 1;
    order_client(client, order);
    hear(client);
    wait_asleep(client.pid, client.pid);
}

/* The client makes a call; its result is `wanted`. */
#define ASK(client, wanted, ...) \
    client_ask(__FILE__, __LINE__, #__VA_ARGS__, (client), (wanted), \
               (struct order){.action = __VA_ARGS__})

/* The client makes a call and waits in it. */
#define BEGIN(client, ...) client_begin((client), (struct order){.action = __VA_ARGS__})

/* The call of BEGIN() returns `wanted`. */
#define FINISH(client, wanted) client_answer(__FILE__, __LINE__, "begun", (client), (wanted))

/* Ends a client process that has closed its set. */
static inline void client_leave(struct peer client)
{
    ASK(client, NOERROR, LEAVE);
    CHECK_EQUAL(wait_exit(client), 0);
}

/* ASK(OPEN_DEVICE) with a name made of the set's name and the index. */
static inline void client_open_device(struct peer client, const char *set, unsigned index)
{
    struct order order = {.action = OPEN_DEVICE, .device = index};
    device_name(order.name, set, index);
    client_ask(__FILE__, __LINE__, "OPEN_DEVICE", client, NOERROR, order);
}

/* ASK() for an action whose only parameter is a name; a device goes where no test keeps one. */
static inline void client_named(struct peer client, enum action action, const char *name,
                                vdi_result wanted)
{
    struct order order = {.action = action, .device = VDI_MAX_DEVICES - 1};
    snprintf(order.name, sizeof order.name, "%s", name);
    if (action == CREATE)
        order.config.deviceCount = 1;
    client_ask(__FILE__, __LINE__, "call with a name", client, wanted, order);
}

/* Creates a set with a configuration in a client process. */
static inline void client_creates(struct peer client, const char *name, VDConfig config)
{
    struct order order = {.action = CREATE, .config = config};
    snprintf(order.name, sizeof order.name, "%s", name);
    client_ask(__FILE__, __LINE__, "CREATE", client, NOERROR, order);
}

/* Fetches the next command of a device, which has this code. */
static inline struct answer client_fetch(struct peer client, unsigned device, int32_t code)
{
    struct answer answer =
        ASK(client, NOERROR, GET_COMMAND, .device = device, .timeout = VDI_INFINITE);
    CHECK_EQUAL(answer.command.commandCode, code);
    return answer;
}

#endif
