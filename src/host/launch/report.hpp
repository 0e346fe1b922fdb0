// What `run` shows while it works: one line that is rewritten on a terminal, plain lines when the
// output is a file or a pipe. The computation's own words go to standard output, all this to
// standard error.
#pragma once

#include <equus/services/launch.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace equus::launcher {

class run_report {
public:
    explicit run_report(bool quiet);
    ~run_report();
    run_report(const run_report&) = delete;

    /// A fact that stays on the screen.
    void say(const std::string& line);
    /// The state of the moment; replaces the one before.
    void show(const std::string& line);
    void note(const launching::progress& what);
    /// The computation's own words, to standard output.
    void print(const std::string& text);

private:
    void clear();
    bool quiet_;
    bool terminal_;
    std::string shown_;
};

} // namespace equus::launcher
