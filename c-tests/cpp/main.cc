/* The tests of vdi.hpp, built for each standard of the language and by each compiler. */
#include "harness.hpp"

#include <cstdlib>
#include <new>

std::atomic<unsigned> allocations(0);

void *operator new(std::size_t size)
{
    allocations++;
    void *memory = std::malloc(size ? size : 1);
    if (memory == nullptr)
        throw std::bad_alloc();
    return memory;
}

void operator delete(void *memory) noexcept
{
    std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept
{
    std::free(memory);
}

void check_throws(const char *file, int line, const char *what,
                  const std::function<void()> &call, vdi_result wanted, const char *part)
{
    try {
        call();
    } catch (const vdi::error &error) {
        check_text(file, line, what, vdi_result_name(error.code()), vdi_result_name(wanted));
        check_contains(file, line, what, error.what(), part);
        return;
    }
    check_failed(file, line, "%s throws nothing", what);
}

std::string fresh_name()
{
    char name[NAME_SIZE];
    unique_name(name);
    return name;
}

Engine::Engine(const std::string &name) : vdi::server_set(name)
{
    vdi::server_parameters parameters;
    parameters.features = VDF_WriteMedia | VDF_ReadMedia;
    parameters.blockSize = BLOCK_SIZE;
    parameters.maxTransferSize = TRANSFER_SIZE;
    begin_configuration(parameters);
    request_buffers(TRANSFER_SIZE, 2);
    end_configuration();
}

Sides::Sides(const vdi::config &wanted)
    : name(fresh_name()), set(name, wanted), server(name), sender(server.open_device(name)),
      device(set.open_device(name))
{
}

extern "C" {
static void run()
{
    types();
    transfer();
    endings();
}
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, nullptr, run);
}
