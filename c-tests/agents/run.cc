#include "run.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

std::string place(const std::string &name)
{
    return std::string(test_directory()) + "/" + name;
}

std::string content(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void write_file(const std::string &path, const std::string &text)
{
    std::ofstream file(path, std::ios::binary);
    file << text;
    CHECK(file.flush().good());
}

bool exists(const std::string &path)
{
    return access(path.c_str(), F_OK) == 0;
}

void wait_for_content(const std::string &path)
{
    while (content(path).empty()) {
        struct timespec moment = {0, 1000000};
        nanosleep(&moment, nullptr);
    }
}

Run::Run(const Words &words, const Variables &variables)
    : shown_(words[0].substr(words[0].rfind('/') + 1) + " " + words[1] + " " + words[2])
{
    std::vector<char *> arguments;
    for (const std::string &word : words)
        arguments.push_back(const_cast<char *>(word.c_str()));
    arguments.push_back(nullptr);
    for (const auto &variable : variables)
        CHECK(setenv(variable.first.c_str(), variable.second.c_str(), 1) == 0);
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    CHECK_EQUAL(posix_spawn(&process_, arguments[0], &actions, nullptr, &arguments[0], environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    reader_ = ends[0];
    for (const auto &variable : variables)
        unsetenv(variable.first.c_str());
}

Run::Run(Run &&other)
    : shown_(std::move(other.shown_)), process_(other.process_), reader_(other.reader_),
      output_(std::move(other.output_))
{
    other.process_ = other.reader_ = -1;
}

void Run::send(int signal) const
{
    CHECK(kill(process_, signal) == 0);
}

Run &Run::ends(int status)
{
    char bytes[4096];
    ssize_t n;
    while ((n = read(reader_, bytes, sizeof bytes)) > 0)
        output_.append(bytes, static_cast<std::size_t>(n));
    CHECK_EQUAL(n, 0);
    close(reader_);
    int found = wait_child(process_);
    does_not_say(" remains: ");
    if (found != status)
        fails("ends with " + std::to_string(found) + ", not " + std::to_string(status));
    return *this;
}

const Run &Run::says(const char *part) const
{
    if (output_.find(part) == std::string::npos)
        fails("says nothing of '" + std::string(part) + "'");
    return *this;
}

const Run &Run::does_not_say(const char *part) const
{
    if (output_.find(part) != std::string::npos)
        fails("says '" + std::string(part) + "'");
    return *this;
}

void Run::fails(const std::string &why) const
{
    std::fputs(output_.c_str(), stderr);
    check_failed(__FILE__, __LINE__, "%s %s", shown_.c_str(), why.c_str());
}
