/*
 * C++ programs: the library works in destructors of static and thread-local objects, and an exception
 * that leaves a completion routine, or pthread_exit() in one, ends the process instead of unwinding
 * through the library.
 */
#include <vdi.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <pthread.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

void require(bool condition, const char *what)
{
    if (!condition) {
        std::fprintf(stderr, "failed: %s; %s\n", what, vdi_last_error_message());
        _exit(1);
    }
}

/* Both sides of a set; its destructor runs the agent and closes them. */
struct Sides {
    vdi_set *set = nullptr;
    vdi_server *server = nullptr;
    vdi_server_device *sender = nullptr;
    vdi_device *device = nullptr;

    void open(const char *name)
    {
        VDConfig config = {};
        config.deviceCount = 1;
        vdi_server_parameters parameters = {};
        parameters.size = sizeof parameters;
        parameters.features = VDF_WriteMedia;
        parameters.blockSize = 4096;
        parameters.maxTransferSize = 65536;
        require(vdi_create(nullptr, name, &config, nullptr, &set) == NOERROR, "create");
        require(vdi_server_open(nullptr, name, &server) == NOERROR, "open");
        require(vdi_server_begin_configuration(server, &parameters) == NOERROR, "begin");
        require(vdi_server_end_configuration(server) == NOERROR, "end");
        require(vdi_server_open_device(server, name, &sender) == NOERROR, "device");
        require(vdi_open_device(set, name, &device) == NOERROR, "client's device");
    }

    ~Sides()
    {
        if (set == nullptr)
            return;
        require(vdi_server_close_device(sender) == NOERROR, "close the device");
        require(vdi_server_execute_completion_agent(server) == NOERROR, "agent");
        require(vdi_close(set) == NOERROR, "close");
        require(vdi_server_close(server) == NOERROR, "close the server");
    }
};

Sides of_program;
thread_local Sides of_thread;

/*
 * Opens a set that is closed when the thread has nearly ended. Before, the thread uses every call of
 * it for another one: what the library keeps for the thread is there, and is gone by then.
 */
void open_until_the_end(Sides &sides, const char *name)
{
    sides.open(name);
    Sides earlier;
    earlier.open("earlier");
}

void destructors()
{
    std::thread([] { open_until_the_end(of_thread, "of a thread"); }).join();
    open_until_the_end(of_program, "of the program");
    std::exit(0);
}

void throws(VDS_Command *)
{
    throw std::string("from a routine");
}

void leaves_its_thread(VDS_Command *)
{
    pthread_exit(nullptr);
}

/* As from dlsym(): without the noexcept of the header, which would end the process here. */
vdi_result (*volatile execute_agent)(vdi_server *) = vdi_server_execute_completion_agent;

/* The agent calls a routine; the process exits if that came through the library or back to it. */
void run_routine(vdi_completion_routine routine)
{
    static Sides sides;
    static VDS_Command command;
    VDC_Command *got = nullptr;
    sides.open("routine");
    command.commandCode = VDC_Flush;
    command.completionRoutine = routine;
    require(vdi_server_send_command(sides.sender, &command) == NOERROR, "send");
    require(vdi_get_command(sides.device, VDI_INFINITE, &got) == NOERROR, "get");
    require(vdi_complete_command(sides.device, got, 0, 0, 0) == NOERROR, "complete");
    std::thread([] {
        try {
            vdi_result result = execute_agent(sides.server);
            require(result == NOERROR, "the agent goes on");
        } catch (...) {
            /* Not left to the C++ library, which would end the process as it should have ended. */
            _exit(2);
        }
    }).join();
    _exit(0);
}

/* The status of a process that runs `body`, as wait() tells it. */
template <typename Body> int status_of(Body body)
{
    pid_t child = fork();
    require(child >= 0, "fork");
    if (child == 0) {
        alarm(60);
        body();
    }
    int status = 0;
    require(waitpid(child, &status, 0) == child, "wait");
    return status;
}

bool is_aborted(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

} // namespace

int main()
{
    char directory[] = "/tmp/vdi-test-XXXXXX";
    require(mkdtemp(directory) != nullptr, "mkdtemp");
    require(setenv("VDI_RUNTIME_DIR", directory, 1) == 0, "setenv");
    int ended = status_of(destructors);
    require(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "destructors");
    for (vdi_completion_routine routine : {throws, leaves_its_thread}) {
        int status = status_of([routine] {
            /* What the C++ library says about it is not of interest. */
            std::fclose(stderr);
            run_routine(routine);
        });
        require(is_aborted(status), "a routine that does not return ends the process");
        std::string left = std::string("rm -rf ") + directory + "/*";
        require(std::system(left.c_str()) == 0, "clean up");
    }
    require(rmdir(directory) == 0, "rmdir");
    return 0;
}
