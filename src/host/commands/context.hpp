// What every command is given, and the exit codes that all of them share.
#pragma once

#include <equus/host/effects.hpp>
#include <equus/manifest.hpp>
#include <equus/module.hpp>

#include <string>

namespace equus::commands {

enum exit_code : int {
    done = 0,
    input_has_errors = 1, ///< the configuration, a comparison, a simulation found something
    wrong_usage = 2,
    not_established = 3, ///< the run could not be started
    cut_off = 4,         ///< the run was ended by a lost node
    no_such_run = 5,
    interrupted = 130, ///< Ctrl-C, a signal, or `stop`
};

struct context {
    std::string program;      ///< name: "equus", "print_shop"
    std::string program_path; ///< of this very executable
    std::string version;
    const module_table& modules;
    const effect_registry& effects;
};

/// What a program with these modules exports: the modules, their protocols and services.
manifest describe_program(std::string program, std::string version, const module_table& modules);
manifest describe_program(const context& with);

} // namespace equus::commands
