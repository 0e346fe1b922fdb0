#include "host/commands/language_commands.hpp"

#include "config/export_json.hpp"
#include "config/format.hpp"
#include "config/graph.hpp"
#include "config/pack/pack.hpp"
#include "host/commands/write_file.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <stdlib.h> // NOLINT: mkstemp
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

extern char** environ; // NOLINT: POSIX's name

namespace equus::commands {

namespace {

namespace fs = std::filesystem;

constexpr int done = 0;
constexpr int input_has_errors = 1;
constexpr int wrong_usage = 2;

std::optional<config::source> read_input(const std::string& file, std::ostream& err) {
    if (file == "-")
        return config::source{"<stdin>", std::string{std::istreambuf_iterator<char>{std::cin}, {}}};
    auto from = config::read_source(file);
    if (!from) {
        err << from.error().text() << "\n";
        return std::nullopt;
    }
    return std::move(*from);
}

bool read_settings(const language_options& options, std::vector<config::setting>& to,
                   std::ostream& err) {
    for (const std::string& each : options.settings) {
        const auto equals = each.find('=');
        if (equals == std::string::npos || equals == 0) {
            err << "--set takes NAME=VALUE, not '" << each << "'\n";
            return false;
        }
        to.push_back({each.substr(0, equals), each.substr(equals + 1)});
    }
    return true;
}

config::check_options options_for(const std::string& file, const language_options& options,
                                  const language_environment& with,
                                  const std::vector<config::setting>& settings) {
    config::check_options out;
    if (!options.without_programs && with.programs)
        out.programs = with.programs(file, options.programs);
    out.settings = settings;
    std::error_code ignored;
    const fs::path here = fs::current_path(ignored);
    out.working_folder = here.string();
    out.base_folder =
        file == "-"
            ? here.string()
            : fs::absolute(fs::path{file}, ignored).parent_path().lexically_normal().string();
    return out;
}

std::string count(std::size_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string summary(const rdc& value) {
    std::string out = value.name + " version " + std::to_string(value.version) + ", " +
                      count(value.incarnations.size(), "incarnation");
    if (!value.blueprints.empty())
        out += ", " + count(value.blueprints.size(), "blueprint");
    return out + ", " + count(value.channels.size(), "channel");
}

int put(const std::string& output, std::string_view content, std::ostream& out, std::ostream& err) {
    if (!output.empty() && output != "-")
        return write_file(output, content, err) ? done : input_has_errors;
    out << content;
    return done;
}

/// The picture of `dot`, or empty and a reason on `err`.
std::string svg_of(const std::string& dot, std::ostream& err) {
    std::string folder = (fs::temp_directory_path() / "equus-graph-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) {
        err << "cannot make a temporary folder: " << std::strerror(errno) << "\n";
        return {};
    }
    std::string in = folder + "/graph.dot";
    std::string svg = folder + "/graph.svg";
    std::ofstream{in, std::ios::binary} << dot;
    std::string word = "dot";
    std::string format = "-Tsvg";
    std::string option = "-o";
    char* arguments[] = {word.data(), format.data(), option.data(), svg.data(), in.data(), nullptr};
    pid_t pid = 0;
    const int failed = ::posix_spawnp(&pid, "dot", nullptr, nullptr, arguments, environ);
    int status = -1;
    if (failed == 0)
        while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    std::string picture;
    if (failed != 0) {
        err << "Graphviz's 'dot' cannot be started (" << std::strerror(failed)
            << "); it is in the package graphviz\n";
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        err << "Graphviz's 'dot' failed\n";
    } else {
        std::ifstream from{svg, std::ios::binary};
        picture.assign(std::istreambuf_iterator<char>{from}, {});
    }
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    return picture;
}

/// DOT or a picture of it, where the options say.
int put_graph(const language_options& options, const std::string& dot, std::ostream& out,
              std::ostream& err) {
    if (options.svg.empty())
        return put(options.output, dot, out, err);
    const std::string picture = svg_of(dot, err);
    return picture.empty() ? input_has_errors : put(options.svg, picture, out, err);
}

/// Checks the one file of the options; reports on `err`.
std::optional<rdc> checked_value(const language_options& options, const language_environment& with,
                                 int& code, std::ostream& err) {
    std::vector<config::setting> settings;
    if (!read_settings(options, settings, err)) {
        code = wrong_usage;
        return std::nullopt;
    }
    code = input_has_errors;
    const std::string& file = options.files.front();
    const auto from = read_input(file, err);
    if (!from)
        return std::nullopt;
    config::checked found = config::check(*from, options_for(file, options, with, settings));
    err << config::to_text(found.diagnostics, &*from);
    if (found.value)
        code = done;
    return std::move(found.value);
}

} // namespace

int command_check(const language_options& options, const language_environment& with,
                  std::ostream& out, std::ostream& err) {
    std::vector<config::setting> settings;
    if (!read_settings(options, settings, err))
        return wrong_usage;
    int code = done;
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const std::string& file : options.files) {
        const auto from = read_input(file, err);
        if (!from) {
            code = input_has_errors;
            all.push_back({{"file", file}, {"ok", false}, {"unreadable", true}});
            continue;
        }
        const config::checked found =
            config::check(*from, options_for(file, options, with, settings));
        if (!found.value)
            code = input_has_errors;
        if (options.json)
            all.push_back({{"file", from->name()},
                           {"ok", found.value.has_value()},
                           {"diagnostics",
                            nlohmann::ordered_json::parse(config::to_json(found.diagnostics))}});
        else
            err << config::to_text(found.diagnostics, &*from);
        if (found.value && !options.json)
            out << from->name() << ": ok: " << summary(*found.value) << "\n";
    }
    if (options.json)
        out << all.dump(2) << "\n";
    return code;
}

int command_format(const language_options& options, std::ostream& out, std::ostream& err) {
    int code = done;
    for (const std::string& file : options.files) {
        const auto from = read_input(file, err);
        if (!from) {
            code = input_has_errors;
            continue;
        }
        config::diagnostics found{*from};
        const auto formatted = config::format(*from, found);
        if (!formatted) {
            err << config::to_text(found.sorted(), &*from);
            code = input_has_errors;
            continue;
        }
        const bool same = *formatted == from->text();
        if (options.verify) {
            if (!same) {
                out << from->name() << "\n";
                code = input_has_errors;
            }
        } else if (options.write && file != "-") {
            if (!same && !write_file(file, *formatted, err))
                code = input_has_errors;
            else if (!same)
                out << from->name() << "\n";
        } else {
            out << *formatted;
        }
    }
    return code;
}

int command_graph(const language_options& options, std::ostream& out, std::ostream& err) {
    int code = done;
    const auto value = checked_value(options, {}, code, err);
    if (!value)
        return code;
    return put_graph(options, config::graph_dot(*value), out, err);
}

int command_export(const language_options& options, const language_environment& with,
                   std::ostream& out, std::ostream& err) {
    int code = done;
    const auto value = checked_value(options, with, code, err);
    if (!value)
        return code;
    if (!options.packed)
        return put(options.output, config::to_json(*value), out, err);
    const std::vector<std::byte> table = config::pack(*value);
    if (table.empty()) {
        err << "the configuration is too large for one message\n";
        return input_has_errors;
    }
    return put(options.output, {reinterpret_cast<const char*>(table.data()), table.size()}, out,
               err);
}

void add_language_commands(CLI::App& to, language_environment with, int& code) {
    const auto environment = std::make_shared<language_environment>(std::move(with));
    const auto add = [&](const char* name, const char* what, const std::string& example) {
        auto options = std::make_shared<language_options>();
        CLI::App* command = to.add_subcommand(name, what);
        command->footer("Example:\n  " + environment->program + " " + example +
                        "\nExit codes: 0 done; 1 the input has errors; 2 usage");
        return std::pair{command, options};
    };
    const auto add_files = [](CLI::App* command, language_options& options, bool several) {
        CLI::Option* files = command->add_option("file", options.files,
                                                 "The configuration (F.rdc); - is standard input");
        if (several)
            files->required();
        else
            files->expected(1);
        return files;
    };
    const auto add_checks = [](CLI::App* command, language_options& options) {
        command->add_option("--set", options.settings, "NAME=VALUE for a `param`; may be repeated")
            ->take_all()
            ->allow_extra_args(false);
        command
            ->add_option("--program", options.programs,
                         "NAME=PATH or PATH of a program that the file uses; may be repeated")
            ->take_all()
            ->allow_extra_args(false);
        command->add_flag("--without-programs", options.without_programs,
                          "Do not compare with the modules and protocols of programs");
    };
    {
        auto [command, given] =
            add("check", "Say what is wrong with configurations", "check shop.rdc --set workers=8");
        add_files(command, *given, true);
        add_checks(command, *given);
        command->add_flag("--json", given->json, "Diagnostics as JSON on standard output");
        command->callback([options = given, environment, &code] {
            code = command_check(*options, *environment, std::cout, std::cerr);
        });
    }
    {
        auto [command, given] =
            add("fmt", "Lay configurations out, comments kept", "fmt --write shop.rdc");
        add_files(command, *given, true);
        command->add_flag("--write,-w", given->write, "Into the files; prints which have changed");
        command->add_flag("--check", given->verify,
                          "Change nothing; prints which would change, exit code 1 if any");
        command->callback(
            [options = given, &code] { code = command_format(*options, std::cout, std::cerr); });
    }
    {
        auto [command, given] =
            add("graph", "Draw a configuration, or what runs", "graph shop.rdc --svg shop.svg");
        CLI::Option* files = add_files(command, *given, false);
        auto live = std::make_shared<bool>(false);
        auto observed = std::make_shared<live_graph_options>();
        command->add_option("--set", given->settings, "NAME=VALUE for a `param`; may be repeated")
            ->take_all()
            ->allow_extra_args(false);
        command->add_option("--svg", given->svg,
                            "Make the picture with Graphviz: FILE, or - for standard output");
        command->add_option("--output,-o", given->output, "DOT into a file");
        if (environment->live_graph) {
            CLI::Option* of_a_run = command->add_flag(
                "--live", *live, "Of a run: what is declared beside what is there, with counts");
            of_a_run->excludes(files);
            command
                ->add_option("--run", observed->run, "Which run; not needed when only one is alive")
                ->needs(of_a_run);
            command->add_flag("--json", observed->json, "With --live: for programs")
                ->needs(of_a_run);
        }
        command->callback([options = given, environment, files, live, observed, &code] {
            observed->print = [options](const std::string& dot) {
                return put_graph(*options, dot, std::cout, std::cerr);
            };
            if (*live)
                code = environment->live_graph(*observed);
            else if (files->count() == 0)
                throw CLI::RequiredError{"file"};
            else
                code = command_graph(*options, std::cout, std::cerr);
        });
    }
    {
        auto [command, given] = add("export", "Resolve a configuration for other tools and targets",
                                    "export shop.rdc --packed -o shop.pack");
        add_files(command, *given, false)->required();
        add_checks(command, *given);
        auto json = std::make_shared<bool>(false);
        CLI::Option* as_json = command->add_flag("--json", *json, "As JSON (the default)");
        command->add_flag("--packed", given->packed, "As the table that a small target reads")
            ->excludes(as_json);
        command->add_option("--output,-o", given->output, "Into a file");
        command->callback([options = given, environment, json, &code] {
            code = command_export(*options, *environment, std::cout, std::cerr);
        });
    }
}

} // namespace equus::commands
