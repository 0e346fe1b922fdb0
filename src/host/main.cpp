#include "host/commands/language_commands.hpp"
#include "host/commands/programs.hpp"
#include "host/commands/run_command.hpp"
#include "host/commands/schema_command.hpp"

#include <equus/host/main.hpp>
#include <equus/host/sim_scenario.hpp>
#include <equus/services/standard.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

namespace equus {

struct main::scenarios {
    sim::scenario_table table = sim::built_in_scenarios();
};

main::main(int argc, char** argv, std::string version)
    : argc_{argc}, argv_{argv}, version_{std::move(version)}, scenarios_{
                                                                  std::make_unique<scenarios>()} {
    add_standard_modules(modules_);
}

main::~main() = default;

main& main::scenario(sim::scenario what) {
    scenarios_->table.add(std::move(what));
    return *this;
}

main& main::command(std::string name, std::string about, std::function<int(int, char**)> does) {
    commands_.push_back({std::move(name), std::move(about), std::move(does)});
    return *this;
}

int main::run() {
    std::error_code unknown;
    std::string path = std::filesystem::read_symlink("/proc/self/exe", unknown).string();
    if (unknown)
        path = argv_[0];
    const commands::context with{std::filesystem::path{path}.filename().string(), path, version_,
                                 modules_, effects_};
    CLI::App app{"Reconfigurable distributed computations.", with.program};
    app.set_version_flag("--version", with.program + " " + version_);
    app.require_subcommand(1);
    app.footer("`" + with.program + " COMMAND --help` shows a command's options and an example.");
    // These have options and help of their own; they are listed here with the others.
    command("sim", "Run a scenario in simulated worlds, one for each seed",
            [this, &with](int argc, char** argv) {
                return sim::sim_command(
                    argc, argv, scenarios_->table,
                    [&with](const std::string& scenario, const std::string& given) {
                        return commands::program_of(with, scenario, given);
                    });
            });
    for (const own_command& own : commands_) {
        if (argc_ > 1 && argv_[1] == own.name)
            return own.does(argc_, argv_);
        app.add_subcommand(own.name, own.about);
    }
    int code = commands::done;
    commands::add_run_command(app, with, code);
    commands::add_program_commands(app, with, code);
    commands::add_schema_command(app, with, code);
    commands::add_look_commands(app, with, code);
    commands::add_node_commands(app, with, code);
    commands::language_environment language;
    language.program = with.program;
    language.programs = [&with](const std::string& file, const std::vector<std::string>& given) {
        const auto finder = std::make_shared<commands::program_finder>(with, file, given);
        return [finder](const std::string& name) { return finder->ask(name); };
    };
    language.live_graph = commands::print_live_graph;
    commands::add_language_commands(app, std::move(language), code);
    const std::string word = argc_ > 1 ? argv_[1] : "";
    const auto is_meant = [&](CLI::App* each) { return each->get_name() == word; };
    if (word.empty() || (word.front() != '-' && app.get_subcommands(is_meant).empty())) {
        const std::string fault =
            word.empty() ? "a command is missing" : "there is no command '" + word + "'";
        std::fprintf(stderr, "%s; '%s --help' lists the commands\n", fault.c_str(),
                     with.program.c_str());
        return commands::wrong_usage;
    }
    try {
        app.parse(argc_, argv_);
    } catch (const CLI::ParseError& said) {
        const int status = app.exit(said);
        return status == 0 ? static_cast<int>(commands::done)
                           : static_cast<int>(commands::wrong_usage);
    }
    return code;
}

} // namespace equus
