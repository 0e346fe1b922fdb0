// The life of one node process: it is told what to be over the socket it was started with, drives
// one node, and passes on what the root's services say. When the launcher's end of the socket
// closes - it was killed - the process ends: nothing is left behind.
#pragma once

#include <equus/host/asio.hpp>
#include <equus/module.hpp>

#include <functional>

namespace equus::launcher {

/// The descriptor of the socket in a node process.
inline constexpr int node_socket = 3;

/// Runs until the node's life is over. `effects`: what the program adds to the standard ones. The
/// result is the process's exit code: 0 it left, 4 it was cut off or written off, 5 it could not
/// start.
int run_node_process(const module_table& modules, const effect_registry& effects);

} // namespace equus::launcher
