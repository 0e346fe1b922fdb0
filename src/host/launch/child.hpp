// A node process as the launcher sees it: started with one end of a socket pair and nothing else
// open, ended by its own process id only.
#pragma once

#include "host/launch/pipe.hpp"

#include <equus/base/ids.hpp>
#include <equus/base/result.hpp>

#include <sys/types.h>

#include <memory>
#include <string>

namespace equus::launcher {

struct child {
    std::string name;    ///< of the node
    std::string program; ///< path
    pid_t pid = 0;       ///< 0 once it has been waited for
    int status = 0;      ///< as waitpid gave it
    std::shared_ptr<pipe> talk;
    node_boot at;           ///< once joined
    bool added = false;     ///< later than the start; the run goes on if it does not come up
    bool awaited = false;   ///< and it is not ready yet
    bool withdrawn = false; ///< its end is no loss
    bool said_farewell = false;
    std::string farewell; ///< why its life ended, when that was not well
};

/// Starts `program node` with the far end of a socket pair as descriptor 3. Errors: io_failed.
result<child> start_child(asio::io_context& context, std::string name, const std::string& program);

/// "exited with code 5", "was killed by signal 9 (Killed)".
std::string describe_status(int status);

} // namespace equus::launcher
