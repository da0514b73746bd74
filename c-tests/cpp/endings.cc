/* What the ends of objects mean to the other side: a normal end is said, never a side effect. */
#include "harness.hpp"

#include <memory>
#include <stdexcept>
#include <sys/wait.h>
#include <utility>

namespace {

/* An exception that leaves a client is a failure for the server. [CSET-CLOSE-03] */
void client_leaves()
{
    std::string name = fresh_name();
    std::unique_ptr<Engine> server;
    std::unique_ptr<Agent> agent;
    try {
        vdi::primary set(name);
        server.reset(new Engine(name));
        agent.reset(new Agent(*server));
        server->open_device(name);
        set.open_device(name);
        throw std::runtime_error("something else");
    } catch (const std::runtime_error &) {
    }
    CHECK(!agent->join());
    CHECK_EQUAL(server->aborted().code, VDI_ABORT_CLIENT_CLOSED);
}

/* And one that leaves a server is a failure for the client. [SSET-CLOSE-02] */
void server_leaves()
{
    std::string name = fresh_name();
    vdi::primary set(name);
    try {
        Engine server(name);
        server.open_device(name);
        throw std::runtime_error("something else");
    } catch (const std::runtime_error &) {
    }
    CHECK_EQUAL(set.aborted().code, VDI_ABORT_SERVER_CLOSED);
    CHECK_THROWS(set.open_device(name), VD_E_ABORT, "vdi_open_device");
    /* [CSET-CLOSE-05] */
    set.close();
}

/* The object of a server's device is not the device. */
void device_leaves()
{
    Sides sides;
    {
        vdi::server_device gone = std::move(sides.sender);
        CHECK(gone.handle() != nullptr);
        CHECK_THROWS(sides.sender.close(), VD_E_PROTOCOL, "vdi_server_close_device");
    }
    CHECK(sides.device.get_command(std::chrono::milliseconds(0)).timed_out());
    CHECK_THROWS(sides.server.close(), VD_E_PROTOCOL, "vdi_server_close");
    CHECK_THROWS(sides.device.get_command(), VD_E_ABORT, "vdi_get_command");
}

void command_leaves()
{
    Sides sides;
    Agent agent(sides.server);
    vdi::awaited_command sent;
    sent.prepare(VDC_Flush);
    CHECK(sides.sender.send(sent));
    sides.device.get_command();
    CHECK_EQUAL(sent.wait().code, ERROR_OPERATION_ABORTED);
    sent.prepare(VDC_ClearError);
    CHECK(sides.sender.send(sent));
    {
        /* Assigned to, it lets go of what it had; moved from, of nothing. */
        vdi::command clear = sides.device.get_command();
        clear = sides.device.get_command(std::chrono::milliseconds(0));
        CHECK(!clear && clear.timed_out());
        CHECK_EQUAL(sent.wait().code, ERROR_OPERATION_ABORTED);
        CHECK(sides.sender.send(sent));
        clear = sides.device.get_command();
        vdi::command moved = std::move(clear);
        CHECK(moved && !clear);
        moved.complete();
    }
    CHECK(sent.wait());
    /* Released, it is the program's to complete. */
    sent.prepare(VDC_Flush);
    CHECK(sides.sender.send(sent));
    const VDC_Command *released = sides.device.get_command().release();
    CHECK_RESULT(vdi_complete_command(sides.device.handle(), released, ERROR_SUCCESS, 0, 0),
                 NOERROR);
    CHECK(sent.wait());
    sides.sender.close();
    CHECK(agent.join());
}

/* A set is closed once; what it was is known afterwards. [CSET-CLOSE-02, CSET-CLOSE-03] */
void closes()
{
    Sides sides;
    CHECK_THROWS(sides.set.close(), VD_E_OPEN, "vdi_close");
    CHECK_THROWS(sides.set.close(), VD_E_PROTOCOL, "vdi_close");
    CHECK_THROWS(sides.set.get_configuration(vdi::infinite), VD_E_PROTOCOL,
                 "vdi_get_configuration");
    CHECK_EQUAL(sides.server.aborted().code, VDI_ABORT_CLIENT_CLOSED);
    /* The name is free at once. */
    vdi::primary again(sides.name);
    vdi::primary moved = std::move(again);
    CHECK_THROWS(again.aborted(), VD_E_PROTOCOL, "vdi_abort_reason");
    CHECK(!moved.aborted());
    /* Assigned to, the old set is closed. */
    std::string other = fresh_name();
    moved = vdi::primary(other);
    vdi::primary free(sides.name);
    CHECK_THROWS(vdi::primary(other), VD_E_PROTOCOL, "vdi_create");
}

/*
 * Another thread may close a set while this one enters a wait in it; what it then sees is the
 * close, not the abort that this is for the server. [CSET-CLOSE-04]
 */
void close_wakes()
{
    Sides sides;
    std::thread closer([&] {
        try {
            sides.set.close();
        } catch (const vdi::error &error) {
            CHECK_RESULT(error.code(), VD_E_OPEN);
        }
    });
    CHECK_THROWS(sides.device.get_command(), VD_E_PROTOCOL, "vdi_get_command");
    closer.join();
}

/* The child of a fork ends its copies of the objects; the parent's go on. */
void forks()
{
    Sides sides;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(TEST_SECONDS);
        CHECK_THROWS(sides.device.get_command(), VD_E_PROTOCOL, "vdi_get_command");
        {
            vdi::primary mine(std::move(sides.set));
            vdi::server_set served(std::move(sides.server));
        }
        _exit(0);
    }
    CHECK_EQUAL(wait_child(child), 0);
    sides.sender.close();
    CHECK(sides.device.get_command().ended());
    sides.set.close();
    sides.server.close();
}

} // namespace

void endings()
{
    client_leaves();
    server_leaves();
    device_leaves();
    command_leaves();
    closes();
    for (unsigned round = 0; round < test_rounds(200); round++)
        close_wakes();
    forks();
}
