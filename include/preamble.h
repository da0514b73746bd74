/*
 * vdi.h - the Virtual Device Interface: both ends of it, in one library
 *
 * A backup program (the client) plays the storage device of a BACKUP or RESTORE that a database
 * engine (the server) executes. The client creates a device set and names it; the engine opens
 * the set by that name, configures it, and sends commands to its devices; the data of a command
 * lies in memory that both processes see. The library is one shared object, libvdi.so; link with
 * -lvdi, or load it at run time: every function can be found with dlsym().
 *
 * THE CLIENT, one thread per device
 *
 *     vdi_set *set; vdi_device *device; VDC_Command *command;
 *     VDConfig config = {0};
 *     config.deviceCount = 1;
 *     vdi_create(NULL, "nightly-7f3a", &config, NULL, &set);
 *     ... start the engine's BACKUP or RESTORE with that name ...
 *     vdi_get_configuration(set, 30000, &config);
 *     vdi_open_device(set, "nightly-7f3a", &device);
 *     while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
 *         ... do what command->commandCode says with command->buffer ...
 *         vdi_complete_command(device, command, ERROR_SUCCESS, command->size, 0);
 *     }
 *     ... result == VD_E_CLOSE is the normal end of a device ...
 *     vdi_close(set);
 *
 * THE SERVER, one thread for the completion agent
 *
 *     vdi_server_open(NULL, "nightly-7f3a", &server);
 *     vdi_server_get_configuration(server, &config);
 *     vdi_server_begin_configuration(server, &parameters);
 *     vdi_server_request_buffers(server, 1048576, 0, 4);
 *     vdi_server_end_configuration(server);
 *     ... start a thread that calls vdi_server_execute_completion_agent(server) ...
 *     vdi_server_open_device(server, "nightly-7f3a", &device);
 *     vdi_server_allocate_buffer(server, 1048576, 0, &buffer);
 *     vdi_server_send_command(device, &command);   and wait for command.completionRoutine
 *     vdi_server_close_device(device);
 *     ... join the agent's thread ...
 *     vdi_server_close(server);
 *
 * WHAT HOLDS FOR EVERY FUNCTION
 *
 * Results. A vdi_result is NOERROR (0) or a negative VD_E_ code. vdi_last_error_message() then
 * says in words what was wrong and names the parameter or object; control flow never needs it.
 * Completion codes (ERROR_...) are another space of numbers: they tell the server how a command
 * ended and are never returned by a function.
 *
 * Handles. vdi_set, vdi_device, vdi_server and vdi_server_device are opaque. A handle is looked up
 * and never dereferenced, so a closed, null or invented handle is VD_E_PROTOCOL and harmless, also
 * while another thread is inside a call with it. In the child of a fork() every handle of the
 * parent is VD_E_PROTOCOL; the child may create and open sets of its own.
 *
 * Pointers. Every pointer is checked for null and alignment: VD_E_INVALID. An output parameter is
 * written only with a result, or with its failure value (null, 0) where the function says so.
 *
 * Threads. Any function may be called from any thread at any time unless it says otherwise.
 * Functions that wait say so, for what, and for how long; the others wait for nothing but short
 * locks inside the process. Signals do not end a wait.
 *
 * Names. A name is 1 to VDI_MAX_NAME bytes without backslash, compared byte by byte. An instance
 * is null or "" (the default instance), or follows the same rules; sets of different instances do
 * not see each other.
 *
 * Finding each other. Client and server meet in a directory: $VDI_RUNTIME_DIR if set, else
 * /run/vdi if it exists and can be used, else $XDG_RUNTIME_DIR/vdi, else /tmp/vdi-UID. Processes of
 * different users need one of the first two, and the permission flags of vdi_create_options.
 *
 * Abort. A set that is aborted stays so for every process: blocking calls end with VD_E_ABORT, the
 * server's outstanding commands complete with ERROR_OPERATION_ABORTED, and vdi_abort_reason() tells
 * why. The end of the server process or of the primary client process is an abort, too.
 *
 * The numbers in brackets, such as [CSET-CLOSE-03], are rules of docs/vdi-spec.md.
 *
 * This file is generated from the Rust sources; do not edit it.
 */
