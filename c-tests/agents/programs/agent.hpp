/*
 * agent.hpp - what these backup programs have in common
 *
 * Each program beside this file stands for a kind of real backup software: it is written against
 * the classes of the SDK, creates a set, starts the statement with the sqlcmd that it finds on the
 * PATH, and serves the devices. None of them knows which library it runs with.
 *
 *     PROGRAM backup|restore|header DATABASE FILE...
 *
 * They exit with 0 if the statement and every stream succeeded. What sqlcmd prints is their output.
 */
#ifndef AGENT_HPP
#define AGENT_HPP

#include <vdi.h>
#include <vdierror.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

/* What the user asks for. */
struct Job {
    bool backup;
    /* Only what the backup says of itself, not the backup. */
    bool header;
    std::string database;
    std::vector<std::string> files;
    /* The name of the set: new for each job; some programs have their own way. [SMP-02] */
    std::string set;
};

inline std::string new_uuid()
{
    char text[37] = "";
    FILE *kernel = std::fopen("/proc/sys/kernel/random/uuid", "re");
    if (kernel == nullptr || std::fgets(text, sizeof text, kernel) == nullptr)
        std::abort();
    std::fclose(kernel);
    return text;
}

inline Job parse(int argc, char **argv)
{
    const std::string verb = argc < 4 ? "" : argv[1];
    if (verb != "backup" && verb != "restore" && verb != "header") {
        std::fprintf(stderr, "usage: %s backup|restore|header DATABASE FILE...\n", argv[0]);
        std::exit(2);
    }
    return Job{verb == "backup", verb == "header", argv[2],
               std::vector<std::string>(argv + 3, argv + argc), new_uuid()};
}

/* The published functions take names that are not const. [LNX-06] */
inline char *mutable_text(std::string &text)
{
    return &text[0];
}

/* The name of a device: that of the set for the first one. [NAME-06] */
inline std::string device_name(const Job &job, std::size_t index)
{
    return index == 0 ? job.set : job.set + "-" + std::to_string(index);
}

/* A zeroed configuration with the number of devices, and features. [SMP-01] */
inline VDConfig configuration(std::size_t devices, uint32_t features = VDF_LikePipe)
{
    VDConfig config;
    std::memset(&config, 0, sizeof config);
    config.deviceCount = static_cast<uint32_t>(devices);
    config.features = features;
    return config;
}

/* A text in the statement; a quote in it is doubled. */
inline std::string quoted(const std::string &text)
{
    std::string result = "'";
    for (char sign : text)
        result += sign == '\'' ? "''" : std::string(1, sign);
    return result + "'";
}

/* The statement, with a device for each file. */
inline std::string statement(const Job &job, const std::string &options = "")
{
    std::string text = job.header   ? "RESTORE HEADERONLY FROM "
                       : job.backup ? "BACKUP DATABASE [" + job.database + "] TO "
                                    : "RESTORE DATABASE [" + job.database + "] FROM ";
    for (std::size_t k = 0; k < job.files.size(); k++)
        text += (k ? ", VIRTUAL_DEVICE=" : "VIRTUAL_DEVICE=") + quoted(device_name(job, k));
    return options.empty() ? text : text + " WITH " + options;
}

/* A running sqlcmd. Its messages go to the output of the program, or to a file. */
class Statement {
public:
    explicit Statement(const std::string &text, const std::string &log = "")
    {
        const char *to_log = log.empty() ? nullptr : "-o";
        std::fflush(nullptr);
        process_ = fork();
        if (process_ == 0) {
            execlp("sqlcmd", "sqlcmd", "-S.", "-E", "-b", "-Q", text.c_str(), to_log, log.c_str(),
                   static_cast<char *>(nullptr));
            std::perror("sqlcmd");
            _exit(127);
        }
    }

    /* Whether it has not ended yet. */
    bool running()
    {
        if (process_ > 0 && waitpid(process_, &status_, WNOHANG) == process_)
            process_ = -1;
        return process_ > 0;
    }

    /* Waits for its end; whether all succeeded. */
    bool succeeded()
    {
        if (process_ > 0 && waitpid(process_, &status_, 0) == process_)
            process_ = -1;
        return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
    }

private:
    pid_t process_;
    int status_ = -1;
};

/* What a stream does with a command; the completion code, and the bytes moved. [SMP-06, SMP-07] */
inline int execute(const VDC_Command *command, FILE *file, unsigned long *moved)
{
    const std::size_t size = static_cast<std::size_t>(command->size);
    *moved = 0;
    switch (command->commandCode) {
    case VDC_Read:
        *moved = std::fread(command->buffer, 1, size, file);
        return *moved == size ? ERROR_SUCCESS : ERROR_HANDLE_EOF;
    case VDC_Write:
        *moved = std::fwrite(command->buffer, 1, size, file);
        return *moved == size ? ERROR_SUCCESS : ERROR_DISK_FULL;
    case VDC_Flush:
    case VDC_Complete: /* only if the program has asked for it [CMPL-03] */
        return std::fflush(file) == 0 ? ERROR_SUCCESS : ERROR_DISK_FULL;
    case VDC_ClearError:
        return ERROR_SUCCESS;
    default:
        return ERROR_NOT_SUPPORTED;
    }
}

/* The command loop of a device; what ended it. VD_E_CLOSE is the only good end. [SMP-11] */
inline int serve(ClientVirtualDevice *device, FILE *file, time_t timeout)
{
    VDC_Command *command;
    int result;
    while ((result = device->GetCommand(timeout, &command)) == NOERROR) {
        unsigned long moved;
        int code = execute(command, file, &moved);
        result = device->CompleteCommand(command, code, moved, 0);
        if (result != NOERROR)
            break;
    }
    return result;
}

/* Reports a call that failed. */
inline bool failed(const char *call, int result)
{
    std::fprintf(stderr, "%s fails: %#x\n", call, static_cast<unsigned>(result));
    return false;
}

#endif
