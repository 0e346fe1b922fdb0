#include "host/commands/schema_command.hpp"

#include "config/source.hpp"
#include "host/commands/programs.hpp"
#include "host/commands/write_file.hpp"
#include "host/launch/messages.hpp"
#include "runtime/frames.hpp"
#include "runtime/image.hpp"

#include <equus/rdc.hpp>
#include <equus/services/standard.hpp>
#include <equus/wire/schema.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <vector>

namespace equus::commands {

namespace {

struct schema_options {
    std::vector<std::string> protocols; ///< names; empty: all
    std::string program;                ///< empty: this one
    std::string lock;
    bool update = false;
    bool json = false;
};

struct texts {
    std::string schema;
    std::string lock;
};

wire::protocol_schema describe(const detail::protocol_type& protocol) {
    wire::protocol_schema out{protocol.name, {}};
    for (const detail::method_type& each : protocol.methods)
        out.methods.push_back(
            {&each.message->schema(), each.reply == nullptr ? nullptr : &each.reply->schema()});
    return out;
}

/// What nodes, launchers and tools of one run say to each other beneath all protocols, and what
/// they keep.
std::vector<const wire::schema_type*> framework_forms() {
    using namespace runtime;
    const auto of = []<class... Forms>() {
        return std::vector<const wire::schema_type*>{&wire::schema_of<Forms>()...};
    };
    return of.operator()<
        // frames between kernels
        capability, next_frame, moved_frame, finish_frame, broken_frame, call_held_frame,
        cancel_frame, error_chain, regulate_frame, request_frame, answer_frame, event_frame,
        channel_members_frame, members_known_frame, probe_frame, pull_frame, put_frame,
        copy_end_frame, greeting_frame, welcome_frame, refusal_frame, view_frame, renew_frame,
        ended_frame,
        // bodies of requests
        creation, join_channel_body, follow_channel_body, watch_body, depend_body, regulate_body,
        node_status, unfreeze_body, open_control_body, copy_body, restore_body, forked_body,
        detail::report_body, inspection, detail::receipt,
        // the launcher's and the tools' conversations
        launcher::message, launcher::node_order, launcher::where_it_listens, launcher::ended,
        launcher::printed, launcher::run_description, launching::order, launching::progress,
        controlling::command, controlling::answer,
        // configurations as tables
        rdc>();
}

using protocol_map = std::map<std::string_view, const detail::protocol_type*>;

void add_protocols(protocol_map& to, const detail::module_type& module) {
    for (const detail::protocol_type* each : module.protocols)
        to.emplace(each->name, each);
}

/// The texts of this very program. A program's protocols are those of its own modules; a program
/// that has none of its own, as `equus`, prints those that come with every program.
result<texts> describe_schema(const context& with, const std::vector<std::string>& wanted) {
    module_table standard;
    add_standard_modules(standard);
    protocol_map common;
    protocol_map own;
    for (const auto& [name, module] : standard.all())
        add_protocols(common, module);
    for (const auto& [name, module] : with.modules.all())
        if (standard.find(name) == nullptr)
            add_protocols(own, module);
    for (const auto& [name, protocol] : common)
        own.erase(name);
    std::vector<const wire::schema_type*> forms;
    std::vector<wire::protocol_schema> protocols;
    if (wanted.empty()) {
        if (own.empty())
            forms = framework_forms();
        for (const auto& [name, protocol] : own.empty() ? common : own)
            protocols.push_back(describe(*protocol));
    }
    for (const std::string& name : wanted) {
        auto found = own.find(name);
        if (found == own.end() && (found = common.find(name)) == common.end()) {
            std::string there;
            for (const protocol_map* each : {&own, &common})
                for (const auto& [known, protocol] : *each)
                    there += ' ' + std::string{known};
            return fail(errc::not_found, with.program + " has no protocol '" + name + "'; it has" +
                                             (there.empty() ? " none" : ":" + there));
        }
        if (std::none_of(protocols.begin(), protocols.end(),
                         [&](const auto& known) { return known.name == found->first; }))
            protocols.push_back(describe(*found->second));
    }
    const std::uint64_t file = wire::schema_id("schema of " + with.program);
    return texts{wire::schema_text(file, forms, protocols), wire::lock_text(forms, protocols)};
}

/// The texts of another program, which is asked for them.
result<texts> ask_schema(const context& with, const schema_options& options) {
    std::vector<std::string> given;
    if (options.program.find('/') != std::string::npos)
        given.push_back(options.program);
    program_finder finder{with, "./", given};
    const auto path = finder.find(std::filesystem::path{options.program}.filename().string());
    if (!path)
        return fail(path.error());
    if (*path == with.program_path)
        return describe_schema(with, options.protocols);
    std::vector<std::string> words{"schema", "--json"};
    words.insert(words.end(), options.protocols.begin(), options.protocols.end());
    auto said = output_of(*path, words);
    if (!said)
        return fail(error{errc::io_failed, "program '" + *path + "'", std::move(said.error())});
    const auto parsed = nlohmann::json::parse(*said, nullptr, false);
    const auto is_text = [&](const char* key) {
        return parsed.is_object() && parsed.contains(key) && parsed[key].is_string();
    };
    if (!is_text("schema") || !is_text("lock"))
        return fail(errc::malformed, "program '" + *path + "' answers 'schema --json' with " +
                                         "something else: is it an Equus program of this version?");
    return texts{parsed["schema"].get<std::string>(), parsed["lock"].get<std::string>()};
}

int compare(const schema_options& options, const texts& now, const std::string& program) {
    const auto before = config::read_source(options.lock);
    if (!before) {
        std::cerr << before.error().text() << "\n";
        if (before.error() == errc::not_found)
            std::cerr << "hint: --update writes it: " << program << " schema --lock "
                      << options.lock << " --update\n";
        return input_has_errors;
    }
    const auto broken = wire::check_lock(before->text(), now.lock);
    const bool behind = broken.empty() && before->text() != now.lock;
    if (options.json)
        std::cout << nlohmann::ordered_json{{"lock", options.lock},
                                            {"ok", broken.empty()},
                                            {"up_to_date", broken.empty() && !behind},
                                            {"broken", broken}}
                         .dump(2)
                  << "\n";
    for (const std::string& each : broken)
        std::cerr << options.lock << ": " << each << "\n";
    if (!broken.empty())
        std::cerr << "hint: append fields, enumerators, alternatives and messages at the end of "
                     "their lists,\n  and give what has another meaning another name; if nobody "
                     "relies on the old form, --update\n";
    else if (behind)
        std::cerr << options.lock << ": lacks what was appended; --update writes it\n";
    return broken.empty() ? done : input_has_errors;
}

int print_schema(const schema_options& options, const context& with) {
    const auto now = options.program.empty() ? describe_schema(with, options.protocols)
                                             : ask_schema(with, options);
    if (!now) {
        std::cerr << now.error().describe() << "\n";
        return input_has_errors;
    }
    if (options.update)
        return write_file(options.lock, now->lock, std::cerr) ? done : input_has_errors;
    if (!options.lock.empty())
        return compare(options, *now, with.program);
    if (options.json)
        std::cout << nlohmann::ordered_json{{"schema", now->schema}, {"lock", now->lock}}.dump(2)
                  << "\n";
    else
        std::cout << now->schema;
    return done;
}

} // namespace

void add_schema_command(CLI::App& to, const context& with, int& code) {
    auto options = std::make_shared<schema_options>();
    CLI::App* command = to.add_subcommand(
        "schema", "The messages of a program's protocols as a .capnp file, and their lock");
    command->add_option("protocol", options->protocols,
                        "Names of protocols; without any, all of the program's own modules");
    command->add_option("--program", options->program,
                        "Name or path of the program to ask instead of this one");
    CLI::Option* lock =
        command->add_option("--lock", options->lock,
                            "Print nothing; compare with FILE, which keeps what others rely on");
    command->add_flag("--update", options->update, "Write the lock file instead of comparing")
        ->needs(lock);
    command->add_flag("--json", options->json, "For programs");
    command->footer("Example:\n  " + with.program +
                    " schema --program print_shop > print_shop.capnp\n  " + with.program +
                    " schema --program print_shop --lock print_shop.lock\nExit codes: 0 done; 1 "
                    "the lock is broken, or there is no such program, protocol or file; 2 usage");
    command->callback([options, &with, &code] { code = print_schema(*options, with); });
}

} // namespace equus::commands
