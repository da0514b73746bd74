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
 *     vdi_set *set; vdi_device *device; VDC_Command *command; vdi_result result;
 *     VDConfig config = {0};
 *     config.deviceCount = 1;
 *     result = vdi_create(NULL, "nightly-7f3a", &config, NULL, &set);
 *     ... start the engine's BACKUP or RESTORE with that name ...
 *     result = vdi_get_configuration(set, 30000, &config);
 *     result = vdi_open_device(set, "nightly-7f3a", &device);
 *     while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
 *         ... do what command->commandCode says with command->buffer ...
 *         vdi_complete_command(device, command, ERROR_SUCCESS, (uint32_t)command->size, 0);
 *     }
 *     ... result == VD_E_CLOSE is the normal end of a device ...
 *     result = vdi_close(set);
 *
 * THE SERVER, one thread for the completion agent
 *
 *     vdi_server_parameters parameters = {0};
 *     parameters.size = sizeof parameters;
 *     parameters.features = VDF_WriteMedia; parameters.blockSize = 4096;
 *     parameters.maxTransferSize = 1048576;
 *     result = vdi_server_open(NULL, "nightly-7f3a", &server);
 *     result = vdi_server_get_configuration(server, &config);
 *     result = vdi_server_begin_configuration(server, &parameters);
 *     result = vdi_server_request_buffers(server, 1048576, 0, 4);
 *     result = vdi_server_end_configuration(server);
 *     ... start a thread that calls vdi_server_execute_completion_agent(server) ...
 *     result = vdi_server_open_device(server, "nightly-7f3a", &device);
 *     result = vdi_server_allocate_buffer(server, 1048576, 0, &buffer);
 *     result = vdi_server_send_command(device, &command);   then command.completionRoutine is called
 *     result = vdi_server_close_device(device);
 *     ... join the agent's thread ...
 *     result = vdi_server_close(server);
 *
 * THE LIFE OF A SET, and of a device in it
 *
 *     set:     created, server attached, being configured, configured, ended; or aborted, for ever
 *     device:  unopened, open, in the IO-ERROR state, closed
 *
 * One process may be client and server, and may open a set several times. A secondary needs no
 * device: it may only map buffer handles.
 *
 * A FAILED COMMAND
 *
 * A completion code other than ERROR_SUCCESS puts its device into the IO-ERROR state, an ordinary end
 * such as ERROR_HANDLE_EOF or ERROR_END_OF_MEDIA included. [ERR-10] The commands of that device that
 * no client has fetched end with ERROR_IO_DEVICE, and new ones are refused. The fetched ones remain the client's and end as it says; they may succeed. [ERR-03, ERR-04]
 * The server sends VDC_ClearError, which the client receives when it has completed all it fetched;
 * success ends the state, and the server sends again what it still wants. Or the server closes the
 * device. VDC_ClearError may fail and be repeated, and may be sent without an error. [ERR-05..14]
 * Other devices are not concerned.
 *
 * WHAT HOLDS FOR EVERY FUNCTION
 *
 * Results. A vdi_result is NOERROR (0) or a negative VD_E_ code. vdi_last_error_message() then
 * says in words what was wrong and names the parameter or object; control flow never needs it.
 * Completion codes (ERROR_...) are another space of numbers: they tell the server how a command
 * ended and are never returned by a function. When several results apply: null and misaligned
 * pointers and handles that are not open come first, then an abort, then the state, then the rest. The
 * address of a command or buffer is looked up, not read, and belongs to the rest. A lack of memory may
 * come before all others.
 *
 * Handles. vdi_set, vdi_device, vdi_server and vdi_server_device are opaque. A handle is looked up
 * and never dereferenced, so a closed, null or invented handle is VD_E_PROTOCOL and harmless, also
 * while another thread is inside a call with it: that call goes on with what it has, and those that
 * wait end with VD_E_PROTOCOL. No handle is used twice.
 *
 * Pointers. Every pointer is checked for null and alignment: VD_E_INVALID. An output parameter is
 * written only with a result, or with its failure value (null, 0) where the function says so.
 *
 * Threads. Any function may be called from any thread at any time unless it says otherwise.
 * Functions that wait say so, for what, and for how long; the others wait for nothing but short
 * locks inside the process. Signals do not end a wait. A signal handler must not call the library:
 * it may have interrupted a call that holds a lock. No function is a cancellation point: a
 * pthread_cancel() takes effect after the call, that of the completion agent after the agent. The
 * thread's cancellation must be deferred, as it is by default.
 * While the process has a set open the library runs two threads of its own, "vdi-link" and
 * "vdi-witness", with all signals blocked; they call nothing of the program.
 *
 * Completion routines may call every function, also for their own set, and may end the process or
 * fork; see vdi_completion_routine for what waits meanwhile.
 *
 * Processes. In the child of a fork() every handle of the parent is VD_E_PROTOCOL; the child may
 * create and open sets of its own. Neither its life nor its end disturbs those of the parent. The child of a vfork() must not call the library. Nothing of a set survives an
 * exec().
 *
 * The end. The library works in atexit handlers, and in destructors of the program and of threads.
 * exit() waits for nobody: a set that is still open ends in an abort. A process whose main thread
 * leaves by pthread_exit() ends with its last thread if all sets are closed. After dlclose() the
 * library stays in memory, sets stay open, and a later dlopen() finds them.
 *
 * Output. The library prints nothing, and keeps none of the descriptors 0 to 2 for itself, even if
 * the program has closed them.
 *
 * Names. A name is 1 to VDI_MAX_NAME bytes without backslash, compared byte by byte. An instance
 * is null or "" (the default instance), or follows the same rules; sets of different instances do
 * not see each other.
 *
 * Finding each other. Client and server meet in a directory: $VDI_RUNTIME_DIR if set, else
 * /run/vdi if it exists and can be used, else $XDG_RUNTIME_DIR/vdi, else /tmp/vdi-UID. The first two
 * must exist, the others are created for the user alone. The path is absolute, at most 70 bytes, and
 * what others may write to needs the sticky bit. Processes of different users need one of the first
 * two, and each side's word: vdi_create_options says who may join a set, vdi_server_open_options whose
 * sets the server opens. The kernel tells each who the other is. A process that is killed leaves at
 * most one empty file there, which the others of the set or the next vdi_create() remove. A program
 * that runs with more rights than its caller (set-user-ID, set-group-ID, file capabilities, another
 * domain of a security module; AT_SECURE of getauxval(3)) reads neither variable.
 *
 * Abort. A set that is aborted stays so for every process: blocking calls end with VD_E_ABORT, the
 * server's outstanding commands complete with ERROR_OPERATION_ABORTED, and vdi_abort_reason() tells
 * why; the first reason stays. The end of the server process or of the primary client process before
 * the operation has ended is an abort, too. So is something impossible in the shared memory; the
 * call that was about to use it returns VD_E_UNEXPECTED. [AMB-31] A process that is stopped or that
 * hangs is alive: a client that must not wait for ever uses time-outs, a server lets its client ask
 * for serverTimeOut.
 *
 * The numbers in brackets, such as [CSET-CLOSE-03], are rules of docs/vdi-spec.md.
 *
 * This file is generated from the Rust sources; do not edit it.
 */
