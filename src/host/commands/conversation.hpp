// A tool's talk with a run through its control socket.
#pragma once

#include "host/launch/messages.hpp"

#include <equus/base/result.hpp>
#include <equus/rdc.hpp>

#include <string>

namespace equus::commands {

struct conversation {
    launcher::run_description about;
    controlling::answer answer; ///< of `ask` and `stop`
    rdc declared;               ///< of `ask_declared`
};

/// Connects, hears what the run is, and asks one thing. `kind` described: nothing more is asked.
/// Errors: not_found (no such run is alive), timed_out, broken (it ended meanwhile), and what the
/// run answers.
result<conversation> talk_to(const std::string& run, launcher::message_kind kind, bytes question,
                             duration within = std::chrono::seconds{10});

/// What every node of the run holds at this instant.
result<conversation> ask_status(const std::string& run);

/// The named run, or the only one there is. Errors: not_found, invalid_argument (several).
result<std::string> choose_run(const std::string& named);

/// Says why on standard error; the exit code.
int failed(const error& why);

} // namespace equus::commands
