#include "host/commands/run_command.hpp"

#include "config/check.hpp"
#include "config/diagnostic.hpp"
#include "config/export_json.hpp"
#include "config/graph.hpp"
#include "config/source.hpp"
#include "host/commands/programs.hpp"
#include "host/launch/launcher.hpp"
#include "host/launch/node_process.hpp"
#include "host/launch/run_folder.hpp"
#include "transport/address.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>

namespace equus::commands {

namespace {

struct run_options {
    std::string file;
    std::uint32_t nodes = 4;
    std::vector<std::string> settings;
    std::vector<std::string> programs;
    std::string name;
    std::string listen;
    std::uint32_t yield_within_s = 30;
    bool quiet = false;
    bool json = false;
};

/// `--set name=value` as the language takes it.
result<std::vector<config::setting>> split(const std::vector<std::string>& given) {
    std::vector<config::setting> out;
    for (const std::string& each : given) {
        const auto equals = each.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(errc::invalid_argument, "--set takes NAME=VALUE, not '" + each + "'");
        out.push_back({each.substr(0, equals), each.substr(equals + 1)});
    }
    return out;
}

void collect_folders(const rdc_value& value, std::vector<std::string>& out) {
    if (const auto* path = value.as<file_path>())
        out.push_back(path->text);
    else if (const auto* list = value.as<rdc_value::list>())
        for (const rdc_value& each : *list)
            collect_folders(each, out);
}

/// What the file services may reach: the paths that the configuration names, and nothing else.
std::vector<std::string> folders_of(const rdc& what) {
    std::vector<std::string> out;
    for (const auto& [name, value] : what.parameters)
        collect_folders(value, out);
    for (const auto& [name, incarnation] : what.incarnations)
        for (const auto& [parameter, value] : incarnation.parameters)
            collect_folders(value, out);
    for (const auto& [name, blueprint] : what.blueprints)
        for (const auto& [parameter, value] : blueprint.pattern.parameters)
            collect_folders(value, out);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

using launching::ending;

int exit_code_of(const launcher::launch_outcome& outcome) {
    switch (outcome.how) {
    case ending::completed:
    case ending::failed:
        // A process tells its parent eight bits; something wrong stays something wrong.
        return outcome.result != 0 && outcome.result % 256 == 0 ? input_has_errors : outcome.result;
    case ending::not_established:
        return not_established;
    case ending::cut_off:
        return cut_off;
    case ending::stopped:
        return interrupted;
    }
    return cut_off;
}

/// One line for people; empty when there is nothing to say.
std::string verdict(const launcher::launch_outcome& outcome) {
    const std::string why = outcome.text.empty() ? std::string{} : ": " + outcome.text;
    switch (outcome.how) {
    case ending::completed:
        return outcome.text;
    case ending::failed:
        return "failed" + why;
    case ending::not_established:
        return "not started" + why;
    case ending::cut_off:
        return "cut off" + why;
    case ending::stopped:
        return "stopped" + why;
    }
    return outcome.text;
}

int run(const run_options& options, const context& with) {
    auto text = config::read_source(options.file);
    if (!text) {
        std::fprintf(stderr, "%s\n", text.error().describe().c_str());
        return input_has_errors;
    }
    auto settings = split(options.settings);
    if (!settings) {
        std::fprintf(stderr, "%s\n", settings.error().describe().c_str());
        return wrong_usage;
    }
    if (!options.name.empty() && !launcher::is_run_name(options.name)) {
        std::fprintf(stderr, "--name takes 1 to 60 letters, digits, '-' and '_'\n");
        return wrong_usage;
    }
    if (!options.listen.empty())
        if (const auto where = transport::parse_loopback_address(options.listen); !where) {
            std::fprintf(stderr, "--listen: %s\n", where.error().describe().c_str());
            return wrong_usage;
        }
    program_finder finder{with, options.file, options.programs};
    config::check_options checks;
    checks.programs = [&finder](const std::string& name) { return finder.ask(name); };
    checks.settings = std::move(*settings);
    std::error_code ignored;
    checks.working_folder = std::filesystem::current_path(ignored).string();
    checks.base_folder =
        std::filesystem::absolute(folder_of(options.file), ignored).lexically_normal().string();
    const config::checked checked = config::check(*text, checks);
    if (!checked.diagnostics.empty())
        std::fputs(config::to_text(checked.diagnostics, &*text).c_str(), stderr);
    for (const std::string& name : finder.unwanted())
        std::fprintf(stderr, "--program %s: the configuration uses no program of that name\n",
                     name.c_str());
    if (!checked.value)
        return input_has_errors;
    if (!finder.unwanted().empty())
        return wrong_usage;

    launcher::launch_plan plan;
    plan.run_name = options.name;
    plan.file = options.file;
    plan.configuration = *checked.value;
    plan.services = finder.services();
    plan.programs = finder.found();
    if (plan.programs.empty())
        plan.programs.push_back(with.program_path);
    plan.nodes = options.nodes;
    plan.folders = folders_of(*checked.value);
    plan.yield_within =
        options.yield_within_s == 0 ? for_ever : std::chrono::seconds{options.yield_within_s};
    plan.declared_dot = config::graph_dot(*checked.value);
    plan.listen = options.listen;
    plan.quiet = options.quiet;
    launcher::launcher launch{std::move(plan)};
    const launcher::launch_outcome outcome = launch.run();

    if (options.json) {
        nlohmann::json out;
        out["run"] = outcome.run_name;
        out["ending"] =
            nth_name(equus_enumerators(outcome.how).names, static_cast<std::size_t>(outcome.how));
        out["reason"] = name_of(outcome.reason);
        out["result"] = outcome.result;
        out["text"] = outcome.text;
        out["seconds"] = outcome.seconds;
        out["lost"] = outcome.lost;
        std::printf("%s\n", out.dump().c_str());
    } else if (const std::string line = verdict(outcome); !line.empty()) {
        std::fprintf(stderr, "%s\n", line.c_str());
    }
    return exit_code_of(outcome);
}

} // namespace

void add_run_command(CLI::App& to, const context& with, int& code) {
    auto options = std::make_shared<run_options>();
    CLI::App* command =
        to.add_subcommand("run", "Start a configuration's nodes on this machine and "
                                 "run it to its end");
    command->add_option("file", options->file, "The configuration (F.rdc)")->required();
    command->add_option("--nodes,-n", options->nodes, "Node processes to start")
        ->check(CLI::Range(1u, 64u))
        ->capture_default_str();
    command->add_option("--set", options->settings, "NAME=VALUE for a `param`; may be repeated")
        ->take_all();
    command->add_option("--program", options->programs,
                        "NAME=PATH or PATH of a program that the file uses; may be repeated");
    command->add_option("--name", options->name, "The run's name for ps, status, stop");
    command->add_option("--listen", options->listen,
                        "Where the root listens, such as 127.0.0.1:4000; otherwise at a free port");
    command
        ->add_option("--yield-within", options->yield_within_s,
                     "Seconds after which code that never awaits ends its node; 0: never")
        ->capture_default_str();
    command->add_flag("--quiet,-q", options->quiet, "No progress");
    command->add_flag("--json", options->json,
                      "The outcome as one JSON object, the last line of standard output");
    command->footer(
        "Example:\n  " + with.program +
        " run samples/print_shop/print_shop.rdc --nodes 4 --set documents=docs --set "
        "out=out\nExit codes: the computation's own result; 1 the configuration has "
        "errors; 2 usage;\n  3 it could not be started; 4 it was cut off by a lost node; "
        "130 stopped from outside");
    command->callback([options, &with, &code] { code = run(*options, with); });
}

void add_program_commands(CLI::App& to, const context& with, int& code) {
    CLI::App* node = to.add_subcommand("node", "Be one node of a run (started by `run`)");
    node->group("");
    node->callback(
        [&with, &code] { code = launcher::run_node_process(with.modules, with.effects); });
    CLI::App* described = to.add_subcommand(
        "manifest", "What this program exports: modules, interfaces, parameters, protocols");
    auto json = std::make_shared<bool>(false);
    described->add_flag("--json", *json, "For programs");
    described->footer("Example:\n  " + with.program + " manifest --json");
    described->callback([json, &with, &code] {
        const manifest what = describe_program(with);
        if (*json) {
            std::fputs(config::to_json(what).c_str(), stdout);
        } else {
            std::printf("%s %s\n", what.program.c_str(), what.version.c_str());
            for (const module_manifest& module : what.modules) {
                std::printf("  module %s\n", module.name.c_str());
                for (const interface_manifest& each : module.interfaces)
                    std::printf("    %s %s : %s\n",
                                each.kind == interface_kind::port ? "port" : "stream",
                                each.name.c_str(), each.protocol.c_str());
                for (const parameter_manifest& each : module.parameters)
                    std::printf("    param %s : %s\n", each.name.c_str(), each.type.c_str());
            }
            for (const protocol_manifest& protocol : what.protocols) {
                std::printf("  protocol %s\n", protocol.name.c_str());
                for (const message_manifest& each : protocol.messages)
                    std::printf("    %u %s%s%s\n", each.ordinal, each.name.c_str(),
                                each.reply.empty() ? "" : " -> ", each.reply.c_str());
            }
            for (const service_manifest& each : what.services)
                std::printf("  service system.%s : %s\n", each.name.c_str(), each.protocol.c_str());
        }
        code = done;
    });
}

} // namespace equus::commands
