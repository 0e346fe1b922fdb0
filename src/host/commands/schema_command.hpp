// `schema`: the messages of a program's protocols as a .capnp file, and their comparison with a
// lock file, which keeps what other programs and older files rely on. Breaking it is an error in
// CI, not a surprise between two nodes.
#pragma once

#include "host/commands/context.hpp"

#include <CLI/App.hpp>

namespace equus::commands {

/// Adds the command; `code` is set when it has run.
void add_schema_command(CLI::App& to, const context& with, int& code);

} // namespace equus::commands
