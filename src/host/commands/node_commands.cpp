// The nodes of a run: who is there, more of them, and one that has to go.
#include "host/commands/conversation.hpp"
#include "host/commands/run_command.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>

namespace equus::commands {

namespace {

/// For a node to come up and to get its services; for one to leave when its notice is over.
constexpr duration coming_within = std::chrono::seconds{60};
constexpr duration leaving_within = std::chrono::seconds{30};

struct node_options {
    std::string run;
    std::uint32_t add = 0;
    std::string withdraw;
    std::uint32_t notice_s = 30;
    bool json = false;
};

int print(const std::vector<member_info>& members, const char* verb, bool json) {
    nlohmann::json out = nlohmann::json::array();
    for (const member_info& each : members) {
        if (json)
            out.push_back({{"node", each.at.node.value},
                           {"boot", each.at.boot.value},
                           {"name", each.name},
                           {"address", each.address},
                           {"reachable", each.reachable}});
        else
            std::printf("node %u %s%s%s\n", each.at.node.value, each.name.c_str(), verb,
                        each.reachable ? "" : ", silent");
    }
    if (json)
        std::printf("%s\n", out.dump().c_str());
    return done;
}

int list_nodes(const std::string& run, bool json) {
    controlling::command question;
    question.kind = controlling::command_kind::members;
    auto heard = talk_to(run, launcher::message_kind::ask, *encoded(question));
    if (!heard)
        return failed(heard.error());
    return print(heard->answer.members, "", json);
}

int add_nodes(const std::string& run, std::uint32_t count, bool json) {
    launcher::nodes_to_add question;
    question.count = count;
    auto heard = talk_to(run, launcher::message_kind::add, *encoded(question), coming_within);
    if (!heard)
        return failed(heard.error());
    return print(heard->answer.members, " has joined", json);
}

int withdraw_node(const std::string& run, const std::string& node, std::uint32_t notice_s) {
    launcher::withdraw_node question;
    question.node = node;
    question.notice = std::chrono::seconds{notice_s};
    auto heard = talk_to(run, launcher::message_kind::withdraw, *encoded(question),
                         question.notice + leaving_within);
    if (!heard)
        return failed(heard.error());
    std::printf("node %s has left%s%s\n", node.c_str(), heard->answer.text.empty() ? "" : ": ",
                heard->answer.text.c_str());
    return done;
}

int change(const node_options& options) {
    auto run = choose_run(options.run);
    if (!run)
        return failed(run.error());
    if (options.add != 0)
        return add_nodes(*run, options.add, options.json);
    if (!options.withdraw.empty())
        return withdraw_node(*run, options.withdraw, options.notice_s);
    return list_nodes(*run, options.json);
}

} // namespace

void add_node_commands(CLI::App& to, const context& with, int& code) {
    auto options = std::make_shared<node_options>();
    CLI::App* command =
        to.add_subcommand("nodes", "The nodes of a run; adds some, or withdraws one");
    command->add_option("--run", options->run, "Which run; not needed when only one is alive");
    CLI::Option* add = command->add_option("--add", options->add, "Node processes to add")
                           ->check(CLI::Range(1u, 64u));
    CLI::Option* withdraw = command
                                ->add_option("--withdraw", options->withdraw,
                                             "The node that has to go, by its name or number")
                                ->excludes(add);
    command
        ->add_option("--notice", options->notice_s,
                     "Seconds after which it leaves, whatever it holds then; it leaves sooner "
                     "when it holds nothing")
        ->needs(withdraw)
        ->check(CLI::Range(0u, 86'400u))
        ->capture_default_str();
    command->add_flag("--json", options->json, "For programs")->excludes(withdraw);
    command->footer("Example:\n  " + with.program + " nodes --run farm-1 --add 2\n  " +
                    with.program + " nodes --run farm-1 --withdraw n3 --notice 60");
    command->callback([options, &code] { code = change(*options); });
}

} // namespace equus::commands
