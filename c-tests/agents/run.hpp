/*
 * run.hpp - a program that a test of the programs runs, and what became of it
 */
#ifndef RUN_HPP
#define RUN_HPP

#include "check.h"
#include "processes.h"

#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

typedef std::vector<std::string> Words;
typedef std::vector<std::pair<std::string, std::string>> Variables;

/* A path in the directory of the test. */
std::string place(const std::string &name);
std::string content(const std::string &path);
void write_file(const std::string &path, const std::string &text);
bool exists(const std::string &path);

/* Returns when the file has something in it; the watchdog is the limit. */
void wait_for_content(const std::string &path);

/* A running program; its words, the first one its name, and variables of its environment. */
class Run {
public:
    explicit Run(const Words &words, const Variables &variables = Variables());
    Run(Run &&other);

    void send(int signal) const;

    /*
     * Waits for its end, and until nobody has its output any more, which sqlcmd has, too. Checks
     * the exit status, or minus the signal, and that no descriptor was left open.
     */
    Run &ends(int status);
    /* Checks what it and sqlcmd have said. */
    const Run &says(const char *part) const;
    const Run &does_not_say(const char *part) const;

private:
    void fails(const std::string &why) const __attribute__((noreturn));

    std::string shown_;
    pid_t process_;
    int reader_;
    std::string output_;
};

#endif
