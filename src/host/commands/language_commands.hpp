// The commands about configurations as texts: check, fmt, graph, export. They need no run and no
// node; what they need of the machine is handed in, so that tests call them directly. Exit codes: 0
// done, 1 the input has errors (or, for `fmt --check`, another layout), 2 usage.
#pragma once

#include "config/check.hpp"

#include <CLI/App.hpp>

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace equus::commands {

struct language_options {
    std::vector<std::string> files; ///< "-" is standard input
    std::vector<std::string> settings;
    std::vector<std::string> programs;
    bool without_programs = false; ///< do not ask programs for their manifests
    bool json = false;
    bool write = false;  ///< fmt: into the file
    bool verify = false; ///< fmt: only say whether the layout is right
    bool packed = false; ///< export: the table for small targets
    std::string output;  ///< export, graph: a file instead of standard output
    std::string svg;     ///< graph: make a picture; "-" is standard output
};

/// `graph --live`.
struct live_graph_options {
    std::string run; ///< empty: the only one there is
    bool json = false;
    /// Writes the DOT, or a picture of it, where the options say; the exit code.
    std::function<int(const std::string& dot)> print;
};

/// What the commands need of the machine.
struct language_environment {
    std::string program; ///< for the examples of --help
    /// Who answers for the programs of `file`; `given` are the --program options.
    std::function<config::program_resolver(const std::string& file,
                                           const std::vector<std::string>& given)>
        programs;
    /// Null: there is no such thing.
    std::function<int(const live_graph_options&)> live_graph;
};

int command_check(const language_options& options, const language_environment& with,
                  std::ostream& out, std::ostream& err);
int command_format(const language_options& options, std::ostream& out, std::ostream& err);
int command_graph(const language_options& options, std::ostream& out, std::ostream& err);
int command_export(const language_options& options, const language_environment& with,
                   std::ostream& out, std::ostream& err);

/// Adds the four; `code` is set when one has run.
void add_language_commands(CLI::App& to, language_environment with, int& code);

} // namespace equus::commands
