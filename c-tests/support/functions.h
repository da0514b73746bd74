/*
 * functions.h - every function of vdi.h as a row of a table, for tests that do the same with all
 *
 * mistakes/test_functions.c compares the table with the list of exported functions, so that a new
 * one is not forgotten.
 */
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include "harness.h"

#include <stddef.h>
#include <string.h>

/* What the handle of a function stands for. */
enum kind { NO_HANDLE, SET, DEVICE, SERVER, SERVER_DEVICE, KINDS };

/* What a function is given; those that it does not take are ignored. */
struct arguments {
    void *handle;
    const char *instance, *name;
    const void *input;
    const vdi_create_options *options;
    const void *address;
    void *output;
    uint32_t timeout, size, alignment;
};

struct function {
    const char *name;
    enum kind handle;
    /* Bytes of the structure that it reads and of the output that it writes; 0 for none. */
    unsigned input, output;
    /* A failure leaves the output as it is; otherwise it becomes null or 0. */
    int keeps;
    /* It may wait for other threads or processes. */
    int waits;
    vdi_result (*call)(const struct arguments *a);
};

/* What vdi_server_primary() writes. */
struct owner {
    uint32_t user, group;
    int32_t process;
};

static inline vdi_result primary(vdi_server *server, struct owner *owner)
{
    if (owner == NULL)
        return vdi_server_primary(server, NULL, NULL, NULL);
    /* Not by the names of the members: the place may be misaligned. */
    char *place = (char *)owner;
    return vdi_server_primary(server, (void *)(place + offsetof(struct owner, user)),
                              (void *)(place + offsetof(struct owner, group)),
                              (void *)(place + offsetof(struct owner, process)));
}

/* Answers that are no vdi_result become one: whether there was an answer, or a buffer. */
#define CALLS(X) \
    X(vdi_version, vdi_version() > 0 ? NOERROR : VD_E_UNEXPECTED) \
    X(vdi_result_name, vdi_result_name((vdi_result)a->size) ? NOERROR : VD_E_UNEXPECTED) \
    X(vdi_command_name, vdi_command_name((int32_t)a->size) ? NOERROR : VD_E_UNEXPECTED) \
    X(vdi_last_error_message, vdi_last_error_message() ? NOERROR : VD_E_UNEXPECTED) \
    X(vdi_create, vdi_create(a->instance, a->name, a->input, a->options, a->output)) \
    X(vdi_open_in_secondary, vdi_open_in_secondary(a->instance, a->name, a->output)) \
    X(vdi_get_configuration, vdi_get_configuration(a->handle, a->timeout, a->output)) \
    X(vdi_open_device, vdi_open_device(a->handle, a->name, a->output)) \
    X(vdi_get_buffer_handle, vdi_get_buffer_handle(a->handle, a->address, a->output)) \
    X(vdi_map_buffer_handle, vdi_map_buffer_handle(a->handle, a->size, a->output)) \
    X(vdi_signal_abort, vdi_signal_abort(a->handle, a->name)) \
    X(vdi_abort_reason, vdi_abort_reason(a->handle, a->output, NULL, 0)) \
    X(vdi_lost_secondaries, vdi_lost_secondaries(a->handle, a->output)) \
    X(vdi_close, vdi_close(a->handle)) \
    X(vdi_get_command, vdi_get_command(a->handle, a->timeout, a->output)) \
    X(vdi_complete_command, vdi_complete_command(a->handle, a->address, ERROR_SUCCESS, 0, 0)) \
    X(vdi_server_open, vdi_server_open(a->instance, a->name, a->output)) \
    X(vdi_server_open_from, vdi_server_open_from(a->instance, a->name, NULL, a->output)) \
    X(vdi_server_primary, primary(a->handle, a->output)) \
    X(vdi_server_get_configuration, vdi_server_get_configuration(a->handle, a->output)) \
    X(vdi_server_begin_configuration, vdi_server_begin_configuration(a->handle, a->input)) \
    X(vdi_server_end_configuration, vdi_server_end_configuration(a->handle)) \
    X(vdi_server_execute_completion_agent, vdi_server_execute_completion_agent(a->handle)) \
    X(vdi_server_signal_abort, vdi_server_signal_abort(a->handle, a->name)) \
    X(vdi_server_abort_reason, vdi_server_abort_reason(a->handle, a->output, NULL, 0)) \
    X(vdi_server_close, vdi_server_close(a->handle)) \
    X(vdi_server_request_buffers, \
      vdi_server_request_buffers(a->handle, a->size, a->alignment, 1)) \
    X(vdi_server_query_available_buffers, \
      vdi_server_query_available_buffers(a->handle, a->size, a->alignment, a->output)) \
    X(vdi_server_allocate_buffer, \
      vdi_server_allocate_buffer(a->handle, a->size, a->alignment, a->output)) \
    X(vdi_server_free_buffer, vdi_server_free_buffer(a->handle, (void *)a->address, a->size)) \
    X(vdi_server_is_shared_buffer, \
      vdi_server_is_shared_buffer(a->handle, a->address) ? NOERROR : VD_E_PROTOCOL) \
    X(vdi_server_open_device, vdi_server_open_device(a->handle, a->name, a->output)) \
    X(vdi_server_send_command, vdi_server_send_command(a->handle, (void *)a->input)) \
    X(vdi_server_close_device, vdi_server_close_device(a->handle))

#define DEFINE_CALL(function, expression) \
    static inline vdi_result call_##function(const struct arguments *a) \
    { \
        (void)a; \
        return (expression); \
    }
CALLS(DEFINE_CALL)

/* Stands for what a function does not read or write: nothing else is as small. */
typedef char nothing;
#define BYTES(type) (sizeof(type) > 1 ? sizeof(type) : 0)

enum { CLEARS, KEEPS };
enum { RETURNS, WAITS };

#define ROW(function, kind, reads, writes, failure, time) \
    { \
        .name = #function, .call = call_##function, .handle = kind, .input = BYTES(reads), \
        .output = BYTES(writes), .keeps = failure, .waits = time \
    }

static const struct function functions[] = {
    ROW(vdi_version, NO_HANDLE, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_result_name, NO_HANDLE, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_command_name, NO_HANDLE, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_last_error_message, NO_HANDLE, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_create, NO_HANDLE, VDConfig, void *, CLEARS, WAITS),
    ROW(vdi_open_in_secondary, NO_HANDLE, nothing, void *, CLEARS, WAITS),
    ROW(vdi_server_open, NO_HANDLE, nothing, void *, CLEARS, WAITS),
    ROW(vdi_server_open_from, NO_HANDLE, nothing, void *, CLEARS, WAITS),

    ROW(vdi_get_configuration, SET, nothing, VDConfig, KEEPS, WAITS),
    ROW(vdi_open_device, SET, nothing, void *, CLEARS, WAITS),
    ROW(vdi_get_buffer_handle, SET, nothing, uint32_t, CLEARS, RETURNS),
    ROW(vdi_map_buffer_handle, SET, nothing, void *, CLEARS, WAITS),
    ROW(vdi_signal_abort, SET, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_abort_reason, SET, nothing, uint32_t, CLEARS, RETURNS),
    ROW(vdi_lost_secondaries, SET, nothing, uint32_t, CLEARS, RETURNS),
    ROW(vdi_close, SET, nothing, nothing, CLEARS, WAITS),

    ROW(vdi_get_command, DEVICE, nothing, void *, CLEARS, WAITS),
    ROW(vdi_complete_command, DEVICE, nothing, nothing, CLEARS, RETURNS),

    ROW(vdi_server_primary, SERVER, nothing, struct owner, CLEARS, RETURNS),
    ROW(vdi_server_get_configuration, SERVER, nothing, VDConfig, KEEPS, RETURNS),
    ROW(vdi_server_begin_configuration, SERVER, vdi_server_parameters, nothing, CLEARS, RETURNS),
    ROW(vdi_server_request_buffers, SERVER, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_server_query_available_buffers, SERVER, nothing, uint32_t, CLEARS, RETURNS),
    ROW(vdi_server_end_configuration, SERVER, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_server_execute_completion_agent, SERVER, nothing, nothing, CLEARS, WAITS),
    ROW(vdi_server_open_device, SERVER, nothing, void *, CLEARS, RETURNS),
    ROW(vdi_server_allocate_buffer, SERVER, nothing, void *, CLEARS, RETURNS),
    ROW(vdi_server_free_buffer, SERVER, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_server_is_shared_buffer, SERVER, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_server_signal_abort, SERVER, nothing, nothing, CLEARS, RETURNS),
    ROW(vdi_server_abort_reason, SERVER, nothing, uint32_t, CLEARS, RETURNS),
    ROW(vdi_server_close, SERVER, nothing, nothing, CLEARS, WAITS),

    ROW(vdi_server_send_command, SERVER_DEVICE, VDS_Command, nothing, CLEARS, RETURNS),
    ROW(vdi_server_close_device, SERVER_DEVICE, nothing, nothing, CLEARS, RETURNS),
};

#define FUNCTIONS (sizeof functions / sizeof *functions)

static inline const struct function *function_named(const char *name)
{
    for (const struct function *f = functions; f < functions + FUNCTIONS; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    check_failed(__FILE__, __LINE__, "there is no %s in the table", name);
}

/* What a completion routine was told. */
struct told {
    unsigned calls;
    int32_t code;
};

static inline void note_told(VDS_Command *command)
{
    struct told *told = command->completionContext;
    told->code = command->completionCode;
    __atomic_add_fetch(&told->calls, 1, __ATOMIC_SEQ_CST);
}

/* Arguments that are right, but for the handle, and room for what they point to. */
struct good {
    struct arguments arguments;
    /* Larger than any output, and aligned like all of them. */
    _Alignas(16) uint8_t output[512];
    VDConfig config;
    vdi_server_parameters parameters;
    VDS_Command command;
    struct told told;
};

#define UNWRITTEN 0x5a

static inline void good_arguments(struct good *good, const struct function *function,
                                  const char *name)
{
    memset(good, 0, sizeof *good);
    memset(good->output, UNWRITTEN, sizeof good->output);
    good->config.deviceCount = 1;
    good->parameters = (vdi_server_parameters){.size = sizeof good->parameters,
                                               .features = VDF_WriteMedia,
                                               .blockSize = BLOCK_SIZE,
                                               .maxTransferSize = TRANSFER_SIZE};
    good->command = (VDS_Command){.commandCode = VDC_Flush,
                                  .completionRoutine = note_told,
                                  .completionContext = &good->told};
    good->arguments = (struct arguments){.name = name,
                                         .output = good->output,
                                         .address = good->output,
                                         .size = BLOCK_SIZE,
                                         .input = function->input == sizeof(VDConfig)
                                                      ? (const void *)&good->config
                                                  : function->input == sizeof(VDS_Command)
                                                      ? (const void *)&good->command
                                                      : (const void *)&good->parameters};
}

/* The output of a call that failed is as the function promises, and nothing behind it is written. */
static inline void check_failed_output(const struct function *function, const struct good *good)
{
    uint8_t wanted[sizeof good->output];
    memset(wanted, UNWRITTEN, sizeof wanted);
    if (!function->keeps)
        memset(wanted, 0, function->output);
    if (memcmp(good->output, wanted, sizeof wanted) != 0)
        check_failed(__FILE__, __LINE__, "%s leaves a wrong output", function->name);
}

static inline void check_call(const struct function *function, vdi_result found, vdi_result wanted)
{
    if (found != wanted)
        check_failed(__FILE__, __LINE__, "%s is %s, not %s", function->name,
                     vdi_result_name(found), vdi_result_name(wanted));
}

/*
 * Every function that takes such a handle refuses this one: the result, the output, the message,
 * and no other consequence. [ST-20, SDEV-SEND-04]
 */
static inline void refuse_handle(enum kind kind, void *handle, const char *name)
{
    static const uint32_t timeouts[] = {0, VDI_INFINITE};
    for (const struct function *f = functions; f < functions + FUNCTIONS; f++)
        for (unsigned t = 0; f->handle == kind && t < 2; t++) {
            struct good good;
            good_arguments(&good, f, name);
            good.arguments.handle = handle;
            good.arguments.timeout = timeouts[t];
            check_call(f, f->call(&good.arguments), VD_E_PROTOCOL);
            check_failed_output(f, &good);
            if (f->call != call_vdi_server_is_shared_buffer)
                CHECK_CONTAINS(vdi_last_error_message(), f->name);
            int sends = f->call == call_vdi_server_send_command;
            CHECK_EQUAL(good.told.calls, sends);
            CHECK_EQUAL(good.told.code, sends ? ERROR_INVALID_HANDLE : 0);
        }
}

/* As above, for every kind of handle. */
static inline void refuse_handles(void *const handles[KINDS], const char *name)
{
    for (enum kind kind = SET; kind < KINDS; kind++)
        refuse_handle(kind, handles[kind], name);
}

#endif
