// `run F.rdc`: checks the configuration, starts its nodes, shows progress and returns the result.
#pragma once

#include "host/commands/context.hpp"
#include "host/commands/language_commands.hpp"

#include <CLI/App.hpp>

namespace equus::commands {

/// Adds the command; `code` is set when it has run.
void add_run_command(CLI::App& to, const context& with, int& code);
/// Adds `node` (used by `run`) and `manifest`.
void add_program_commands(CLI::App& to, const context& with, int& code);
/// `graph --live`: the declared connections of a run beside those that are there, as JSON or, by
/// `print`, as DOT.
int print_live_graph(const live_graph_options& options);
/// Adds nodes, which changes what a run runs on.
void add_node_commands(CLI::App& to, const context& with, int& code);
/// Adds ps, status and stop, which look at a run from outside.
void add_look_commands(CLI::App& to, const context& with, int& code);

} // namespace equus::commands
