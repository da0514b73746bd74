/*
 * vdi.hpp - the Virtual Device Interface for C++11 and later, over vdi.h
 *
 * The functions of vdi.h as classes that release what they hold, exceptions that say what was
 * wrong, and spans of bytes. Header only: link with -lvdi as a C program does. What a function
 * does, when it waits and how it can fail is said in vdi.h, at the function that is named here;
 * this manual says what is different in C++.
 *
 * THE CLIENT, one thread per device
 *
 *     vdi::primary set("nightly-7f3a", vdi::config(1));
 *     ... start the engine's BACKUP or RESTORE with that name ...
 *     set.get_configuration(std::chrono::seconds(30));
 *     vdi::device device = set.open_device("nightly-7f3a");
 *     while (vdi::command command = device.get_command()) {
 *         if (command.code() == VDC_Write) {
 *             ... store command.data() ...
 *             command.complete();
 *         } else {
 *             command.refuse();
 *         }
 *     }
 *     set.close();
 *
 * THE SERVER, one thread for the completion agent
 *
 *     vdi::server_set server("nightly-7f3a");
 *     vdi::server_parameters parameters;
 *     parameters.features = VDF_WriteMedia; parameters.blockSize = 4096;
 *     parameters.maxTransferSize = 1048576;
 *     server.begin_configuration(parameters);
 *     server.request_buffers(1048576, 4);
 *     server.end_configuration();
 *     ... start a thread that calls server.execute_completion_agent() ...
 *     vdi::server_device device = server.open_device("nightly-7f3a");
 *     vdi::buffer buffer = server.allocate_buffer(1048576);
 *     vdi::completion done = device.perform(VDC_Write, buffer.data());
 *     device.close();
 *     ... join the agent's thread ...
 *     server.close();
 *
 * WHAT HOLDS FOR EVERY CLASS
 *
 * Errors. A result that is no normal answer is thrown as vdi::error, with the code and the text of
 * vdi_last_error_message(). Normal answers are values: that a wait timed out, that a device has
 * come to its end, that a command was not queued, and how a command ended. Functions that are
 * noexcept do not throw, destructors neither.
 *
 * Ends. A destructor is never a normal end. That of a set closes it, and a set with devices that
 * the server has not closed is then aborted for everybody: a set that an exception leaves behind is
 * a failure on the other side, too. The destructor of a server's device closes nothing; the normal
 * end is server_device::close(). The destructor of a command that was not completed ends it with
 * ERROR_OPERATION_ABORTED.
 *
 * Objects. All are moved and not copied. An object that was moved from, and a set after close(),
 * answer with VD_E_PROTOCOL; so does, in the child of a fork(), every object of the parent, and its
 * destructor does nothing there.
 *
 * Threads. Member functions of sets and devices may be called from any thread at any time, also while
 * another thread closes the set. A command or a buffer is one thread's at a time, and so is every
 * object that is moved, assigned to or destroyed.
 *
 * Memory. get_command(), complete(), send(), perform() and completions allocate nothing, unless
 * they throw.
 */
#ifndef VDI_HPP
#define VDI_HPP

#include <vdi/client.hpp>
#include <vdi/server.hpp>

#endif
