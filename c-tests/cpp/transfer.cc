/* Commands and their data, from both ends. */
#include "harness.hpp"

#include "pattern.h"

#include <cstring>
#include <new>
#include <unistd.h>

#ifdef __has_include
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

namespace {

constexpr unsigned ROUNDS = 50;

/* Stores what is written, and gives back what is read, until the device ends. */
void store(vdi::device device)
{
    static uint8_t stored[TRANSFER_SIZE];
    while (vdi::command command = device.get_command()) {
        if (command.code() == VDC_Write)
            std::memcpy(stored, command.data().data(), command.data().size());
        else if (command.code() == VDC_Read)
            std::memcpy(command.data().data(), stored, command.data().size());
        command.complete();
    }
}

/* A command that sends itself again from its completion, until it has been sent so often. */
class Chain : public vdi::server_command {
public:
    Chain(vdi::server_device &device, vdi::bytes data) : device_(device)
    {
        prepare(VDC_Write, data);
    }
    void start() { device_.send(*this); }
    void wait()
    {
        std::unique_lock<std::mutex> lock(mutex_);
        while (rounds_ < ROUNDS)
            changed_.wait(lock);
    }

private:
    void completed() noexcept override
    {
        std::lock_guard<std::mutex> lock(mutex_);
        CHECK(result() && result().moved == TRANSFER_SIZE);
        if (++rounds_ < ROUNDS)
            CHECK(device_.send(*this));
        changed_.notify_all();
    }

    vdi::server_device &device_;
    unsigned rounds_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
};

/* Every byte arrives, in both directions, and nothing is allocated meanwhile. */
void round_trips()
{
    Sides sides;
    Agent agent(sides.server);
    std::thread client(store, std::move(sides.device));
    vdi::buffer buffer = sides.server.allocate_buffer(TRANSFER_SIZE);
    Chain chain(sides.sender, buffer.data());
    CHECK(sides.sender.perform(VDC_Flush));
    unsigned before = allocations;
    for (unsigned round = 0; round < ROUNDS; round++) {
        std::size_t size = (round + 1) * BLOCK_SIZE;
        pattern_fill(buffer.data().data(), size, static_cast<uint8_t>(round));
        vdi::completion wrote = sides.sender.perform(VDC_Write, buffer.data().first(size));
        CHECK(wrote && wrote.moved == size);
        std::memset(buffer.data().data(), 0, size);
        vdi::completion read = sides.sender.perform(VDC_Read, buffer.data().first(size));
        CHECK(read && read.moved == size);
        CHECK(pattern_matches(buffer.data().data(), size, static_cast<uint8_t>(round)));
    }
    chain.start();
    chain.wait();
    CHECK_EQUAL(allocations - before, 0);
    /* The counter counts; valgrind has its own operator new. */
    ::operator delete(::operator new(1));
    CHECK_EQUAL(allocations - before, RUNNING_ON_VALGRIND ? 0 : 1);
    sides.sender.close();
    CHECK(agent.join());
    client.join();
    sides.set.close();
    sides.server.close();
}

/* What get_command() answers. */
void answers()
{
    vdi::config config;
    config.prefixZoneSize = 512;
    Sides sides(config);
    Agent agent(sides.server);
    /* [CDEV-GETCMD-03] */
    vdi::command none = sides.device.get_command(std::chrono::milliseconds(1));
    CHECK(!none && none.timed_out() && !none.ended());
    CHECK(none.code() == 0 && none.data().empty() && none.prefix_zone(512).empty());

    vdi::buffer buffer = sides.server.allocate_buffer(TRANSFER_SIZE);
    vdi::awaited_command sent;
    sent.prepare(VDC_Write, buffer.data().first(BLOCK_SIZE), 4711);
    CHECK(sides.sender.send(sent));
    vdi::command write = sides.device.get_command();
    CHECK(write && !write.timed_out() && !write.ended());
    CHECK_EQUAL(write.code(), VDC_Write);
    CHECK_EQUAL(write.size(), BLOCK_SIZE);
    CHECK_EQUAL(write.position(), 4711);
    CHECK_EQUAL(write.data().size(), BLOCK_SIZE);
    /* [BUF-04] */
    CHECK(write.prefix_zone(512).end() == write.data().begin());
    std::memset(write.prefix_zone(512).data(), 0x55, 512);

    /* More than was asked for: it can be completed again. [AMB-34] */
    CHECK_THROWS(write.complete(ERROR_SUCCESS, BLOCK_SIZE + 1), VD_E_INVALID,
                 "vdi_complete_command");
    CHECK(write);
    write.complete(ERROR_SUCCESS, 100, 4712);
    CHECK(!write);
    CHECK_THROWS(write.complete(), VD_E_INVALID, "vdi_complete_command");
    vdi::completion end = sent.wait();
    CHECK(end && !end.refused());
    CHECK_EQUAL(end.moved, 100);
    CHECK_EQUAL(end.position, 4712);

    /* The same command once more, refused; its size is a count. */
    sent.prepare(VDC_SkipBlocks, -3);
    CHECK(sides.sender.send(sent));
    vdi::command skip = sides.device.get_command(std::chrono::hours(1));
    CHECK(skip.size() == -3 && skip.data().empty() && skip.buffer() == nullptr);
    skip.refuse();
    CHECK(sent.wait().refused());
    CHECK(!sent.result());

    sides.sender.close();
    CHECK(agent.join());
    /* [CDEV-GETCMD-04, CDEV-GETCMD-06] */
    vdi::command last = sides.device.get_command();
    CHECK(!last && last.ended() && !last.timed_out());
    CHECK_THROWS(sides.device.get_command(), VD_E_PROTOCOL, "vdi_get_command");
    sides.set.close();
}

/* A command that cannot be sent is completed at once, on the same thread. [SDEV-SEND-04] */
void refused_sends()
{
    Sides sides;
    vdi::awaited_command sent;
    sent.prepare(VDC_Write, vdi::bytes());
    CHECK(!sides.sender.send(sent));
    CHECK_EQUAL(sent.wait().code, ERROR_INVALID_PARAMETER);
    CHECK_EQUAL(sides.sender.perform(VDC_Read, vdi::bytes()).code, ERROR_INVALID_PARAMETER);
    sides.sender.close();
    CHECK_EQUAL(sides.sender.perform(VDC_Flush).code, ERROR_INVALID_HANDLE);
    CHECK_THROWS(sides.sender.close(), VD_E_CLOSE, "vdi_server_close_device");
}

void configurations()
{
    std::string name = fresh_name();
    vdi::create_options options;
    options.nameWait = 1;
    vdi::primary set(name, vdi::config(2), options);
    VDConfig config = VDConfig();
    /* [CSET-GETCFG-03, CSET-GETCFG-08] */
    CHECK(!set.try_get_configuration(std::chrono::milliseconds(0), config));
    CHECK_EQUAL(config.deviceCount, 0);
    CHECK_THROWS(set.get_configuration(std::chrono::milliseconds(1)), VD_E_TIMEOUT,
                 "vdi_get_configuration");
    Engine server(name);
    CHECK(set.try_get_configuration(vdi::infinite, config));
    CHECK_EQUAL(config.blockSize, BLOCK_SIZE);
    CHECK_EQUAL(set.get_configuration(vdi::infinite).deviceCount, 2);
    CHECK_EQUAL(server.get_configuration().deviceCount, 2);
    CHECK_EQUAL(server.created_by().pid, getpid());
    CHECK_EQUAL(server.created_by().uid, geteuid());
    CHECK_EQUAL(set.lost_secondaries(), 0);
    CHECK_THROWS(server.begin_configuration(vdi::server_parameters()), VD_E_PROTOCOL,
                 "vdi_server_begin_configuration");
    CHECK_THROWS(set.open_device("other"), VD_E_INVALID, "vdi_open_device");
    CHECK(!set.aborted());
    set.signal_abort("enough");
    CHECK_THROWS(set.try_get_configuration(vdi::infinite, config), VD_E_ABORT,
                 "vdi_get_configuration");
    /* [CSET-ABORT-03] */
    CHECK(set.aborted() && server.aborted());
    CHECK_EQUAL(server.aborted().code, VDI_ABORT_CLIENT);
    CHECK_TEXT(server.aborted().text.c_str(), "enough");
}

/* A buffer is the set's again when its object ends, unless a command still has it. */
void buffers()
{
    /* Closing the server ends what is outstanding. */
    vdi::awaited_command sent;
    Sides sides;
    CHECK_EQUAL(sides.server.available_buffers(TRANSFER_SIZE), 2);
    {
        vdi::buffer buffer = sides.server.allocate_buffer(TRANSFER_SIZE);
        CHECK(sides.server.is_shared_buffer(buffer.data().data()));
        CHECK(!sides.server.is_shared_buffer(&buffer));
        CHECK_EQUAL(buffer.size(), TRANSFER_SIZE);
        vdi::buffer moved = std::move(buffer);
        CHECK_EQUAL(sides.server.available_buffers(TRANSFER_SIZE), 1);
        vdi::buffer second = sides.server.allocate_buffer(BLOCK_SIZE);
        CHECK_THROWS(sides.server.allocate_buffer(BLOCK_SIZE), VD_E_MEMORY,
                     "vdi_server_allocate_buffer");
        second = std::move(moved);
        CHECK_EQUAL(sides.server.available_buffers(TRANSFER_SIZE), 1);
    }
    CHECK_EQUAL(sides.server.available_buffers(TRANSFER_SIZE), 2);
    {
        /* What was moved from has nothing to give back. */
        vdi::buffer kept = [&] {
            vdi::buffer first = sides.server.allocate_buffer(TRANSFER_SIZE);
            vdi::buffer second = std::move(first);
            return vdi::buffer(std::move(second));
        }();
        CHECK_EQUAL(sides.server.available_buffers(TRANSFER_SIZE), 1);
    }
    /* [SSET-FREE-03] */
    {
        vdi::buffer buffer = sides.server.allocate_buffer(TRANSFER_SIZE);
        sent.prepare(VDC_Read, buffer.data());
        CHECK(sides.sender.send(sent));
    }
    CHECK_EQUAL(sides.server.available_buffers(TRANSFER_SIZE), 1);
    sides.server.signal_abort();
}

/* Another process of the set finds the buffer; here it is another handle of this one. */
void buffer_handles()
{
    vdi::awaited_command sent;
    Sides sides;
    vdi::secondary second(sides.name);
    vdi::buffer buffer = sides.server.allocate_buffer(TRANSFER_SIZE);
    sent.prepare(VDC_Write, buffer.data());
    CHECK(sides.sender.send(sent));
    std::memset(buffer.data().data(), 0x5a, 16);
    vdi::command write = sides.device.get_command();
    uint32_t handle = sides.set.get_buffer_handle(write);
    CHECK_EQUAL(second.map_buffer_handle(handle)[15], 0x5a);
    write.complete();
    /* [CSET-BUFH-03] */
    CHECK_THROWS(second.map_buffer_handle(handle), VD_E_INVALID, "vdi_map_buffer_handle");
    CHECK_THROWS(sides.set.get_buffer_handle(write), VD_E_INVALID, "vdi_get_buffer_handle");
    sides.server.signal_abort();
}

} // namespace

void transfer()
{
    round_trips();
    answers();
    refused_sends();
    configurations();
    buffers();
    buffer_handles();
}
