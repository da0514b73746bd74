/*
 * harness.hpp - both ends of a set as objects, and errors that are expected
 */
#ifndef HARNESS_HPP
#define HARNESS_HPP

#include <vdi.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "check.h"
#include "processes.h"

constexpr uint32_t BLOCK_SIZE = 4096, TRANSFER_SIZE = 1048576;

/* The call throws vdi::error with this code, and a text that contains a part. */
#define CHECK_THROWS(call, wanted, part) \
    check_throws(__FILE__, __LINE__, #call, [&] { (void)(call); }, (wanted), (part))

void check_throws(const char *file, int line, const char *what,
                  const std::function<void()> &call, vdi_result wanted, const char *part);

std::string fresh_name();

/* Calls of operator new in this process. */
extern std::atomic<unsigned> allocations;

/* A thread that is the completion agent of a set, and how that ended. */
class Agent {
public:
    explicit Agent(vdi::server_set &server)
        : thread_([this, &server] { normal_ = server.execute_completion_agent(); })
    {
    }
    ~Agent()
    {
        if (thread_.joinable())
            thread_.join();
    }
    bool join()
    {
        thread_.join();
        return normal_;
    }

private:
    bool normal_ = false;
    std::thread thread_;
};

/* A server that configures a set with two buffers of TRANSFER_SIZE. */
struct Engine : vdi::server_set {
    explicit Engine(const std::string &name);
};

/* Both ends of a set with one device, open on both. */
struct Sides {
    explicit Sides(const vdi::config &wanted = vdi::config());

    std::string name;
    vdi::primary set;
    Engine server;
    vdi::server_device sender;
    vdi::device device;
};

/* Tests, by file. */
void types();
void transfer();
void endings();

#endif
