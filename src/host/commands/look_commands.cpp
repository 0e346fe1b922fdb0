// Commands that look at a run from outside, through its control socket.
#include "host/commands/run_command.hpp"
#include "host/launch/pipe.hpp"
#include "host/launch/run_folder.hpp"

#include <CLI/CLI.hpp>
#include <asio/connect.hpp>
#include <asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>

namespace equus::commands {

namespace {

constexpr auto answer_within = std::chrono::seconds{10};

struct conversation {
    launcher::run_description about;
    controlling::answer answer;
};

/// Connects, hears what the run is, and asks one thing. `kind` described: nothing more is asked.
result<conversation> talk_to(const std::string& run, launcher::message_kind kind, bytes question) {
    auto folder = launcher::run_folder();
    if (!folder)
        return fail(std::move(folder.error()));
    asio::io_context context{1};
    launcher::pipe::socket socket{context};
    asio::error_code refused;
    socket.connect({launcher::socket_path(*folder, run)}, refused);
    if (refused)
        return fail(errc::not_found, "no run named '" + run + "' is alive");
    conversation heard;
    error why{errc::broken, "the run has ended"};
    bool complete = false;
    auto pipe = launcher::pipe::make(std::move(socket));
    pipe->on_message = [&](launcher::message m) {
        if (m.kind == launcher::message_kind::described) {
            if (auto about = wire::decode<launcher::run_description>(m.body.span()))
                heard.about = std::move(*about);
            if (kind == launcher::message_kind::described) {
                complete = true;
                context.stop();
            } else {
                pipe->send(kind, std::move(question));
            }
            return;
        }
        if (auto answer = wire::decode<controlling::answer>(m.body.span())) {
            heard.answer = std::move(*answer);
            complete = true;
        }
        context.stop();
    };
    pipe->on_closed = [&] { context.stop(); };
    pipe->start();
    asio::steady_timer late{context, answer_within};
    late.async_wait([&](const asio::error_code& cancelled) {
        if (!cancelled) {
            why = error{errc::timed_out, "the run does not answer"};
            context.stop();
        }
    });
    context.run();
    pipe->on_closed = nullptr;
    pipe->on_message = nullptr;
    if (!complete)
        return fail(std::move(why));
    if (heard.answer.reason != errc::ok)
        return fail(heard.answer.reason, heard.answer.text);
    return heard;
}

/// The named run, or the only one there is.
result<std::string> choose_run(const std::string& named) {
    if (!named.empty())
        return named;
    auto folder = launcher::run_folder();
    if (!folder)
        return fail(std::move(folder.error()));
    std::vector<std::string> alive;
    for (const std::string& name : launcher::runs_in(*folder))
        if (talk_to(name, launcher::message_kind::described, {}))
            alive.push_back(name);
    if (alive.empty())
        return fail(errc::not_found, "no run of yours is alive");
    if (alive.size() > 1) {
        std::string names;
        for (const std::string& name : alive)
            names += " " + name;
        return fail(errc::invalid_argument,
                    "several runs are alive; choose by --run NAME:" + names);
    }
    return alive.front();
}

int failed(const error& why) {
    std::fprintf(stderr, "%s\n", why.describe().c_str());
    return why == errc::not_found ? no_such_run : input_has_errors;
}

std::string text_of(incarnation_id id) {
    return std::to_string(id.node.value) + "." + std::to_string(id.boot.value) + "." +
           std::to_string(id.counter);
}

const char* text_of(incarnation_state state) {
    static constexpr const char* names[] = {"inchoate", "starting", "running",
                                            "frozen",   "faulting", "ended"};
    const auto index = static_cast<std::size_t>(state);
    return index < std::size(names) ? names[index] : "unknown";
}

nlohmann::json to_json(const node_status& node) {
    nlohmann::json out;
    out["node"] = node.self.node.value;
    out["boot"] = node.self.boot.value;
    out["name"] = node.name;
    out["ready"] = node.ready;
    out["messages_sent"] = node.messages_sent;
    out["messages_consumed"] = node.messages_consumed;
    for (const incarnation_status& each : node.incarnations) {
        nlohmann::json row;
        row["id"] = text_of(each.id);
        row["name"] = each.name;
        row["module"] = each.module;
        row["state"] = text_of(each.state);
        row["memory_bytes"] = each.memory_bytes;
        row["priority"] = each.priority;
        row["handled"] = each.handled;
        row["calls_waiting"] = each.calls_waiting;
        for (const port_status& port : each.ports)
            row["ports"].push_back({{"name", port.name},
                                    {"protocol", port.protocol},
                                    {"queued", port.queued},
                                    {"streams", port.streams},
                                    {"consumed", port.consumed}});
        for (const stream_status& stream : each.streams)
            row["streams"].push_back({{"name", stream.name},
                                      {"protocol", stream.protocol},
                                      {"receiver", text_of(stream.receiver)},
                                      {"sent", stream.sent},
                                      {"consumed", stream.consumed},
                                      {"waiting", stream.waiting},
                                      {"broken", stream.broken}});
        out["incarnations"].push_back(std::move(row));
    }
    return out;
}

/// Where a node listens, as the register has it.
std::string address_of(const conversation& heard, node_boot which) {
    for (const member_info& member : heard.answer.members)
        if (member.at == which)
            return member.address;
    return {};
}

void print_incarnations(const conversation& heard, bool with_interfaces) {
    std::printf("%-14s %-22s %-18s %-9s %4s %8s %7s %10s\n", "ID", "NAME", "MODULE", "STATE",
                "PRIO", "HANDLED", "QUEUED", "MEMORY");
    for (const node_status& node : heard.answer.nodes) {
        std::printf("node %u %s at %s\n", node.self.node.value, node.name.c_str(),
                    address_of(heard, node.self).c_str());
        for (const incarnation_status& each : node.incarnations) {
            std::uint64_t queued = 0;
            for (const port_status& port : each.ports)
                queued += port.queued;
            std::printf("%-14s %-22s %-18s %-9s %4u %8llu %7llu %10llu\n", text_of(each.id).c_str(),
                        each.name.c_str(), each.module.c_str(), text_of(each.state),
                        unsigned{each.priority}, static_cast<unsigned long long>(each.handled),
                        static_cast<unsigned long long>(queued),
                        static_cast<unsigned long long>(each.memory_bytes));
            if (!with_interfaces)
                continue;
            for (const port_status& port : each.ports)
                std::printf("    port   %-16s %-20s queued %u, streams %u, consumed %llu\n",
                            port.name.c_str(), port.protocol.c_str(), port.queued, port.streams,
                            static_cast<unsigned long long>(port.consumed));
            for (const stream_status& stream : each.streams)
                if (stream.channel)
                    std::printf("    stream %-16s %-20s sent %llu, consumed %llu%s\n",
                                stream.name.c_str(), stream.protocol.c_str(),
                                static_cast<unsigned long long>(stream.sent),
                                static_cast<unsigned long long>(stream.consumed),
                                stream.broken ? ", broken" : "");
        }
    }
    for (const controlling::silent_node& silent : heard.answer.silent)
        std::printf("node %u %s does not answer: %s\n", silent.at.node.value, silent.name.c_str(),
                    silent.text.c_str());
}

/// The connections that are there: who sends to whom, and how much.
std::string live_dot(const conversation& heard) {
    std::map<incarnation_id, std::string> names;
    std::string out = "digraph \"" + heard.about.name +
                      "\" {\n    rankdir=LR;\n    node "
                      "[shape=box, style=rounded, fontname=\"sans-serif\"];\n    edge "
                      "[fontname=\"sans-serif\", fontsize=10];\n";
    for (const node_status& node : heard.answer.nodes) {
        out += "    subgraph \"cluster_" + std::to_string(node.self.node.value) + "\" {\n" +
               "        label=\"" + node.name + "\"; color=gray70; fontname=\"sans-serif\";\n";
        for (const incarnation_status& each : node.incarnations) {
            names[each.id] = each.name.empty() ? each.module : each.name;
            out += "        \"" + text_of(each.id) + "\" [label=\"" + names[each.id] + "\"];\n";
        }
        out += "    }\n";
    }
    for (const node_status& node : heard.answer.nodes)
        for (const incarnation_status& each : node.incarnations)
            for (const stream_status& stream : each.streams)
                if (stream.channel && names.count(stream.receiver))
                    out += "    \"" + text_of(each.id) + "\" -> \"" + text_of(stream.receiver) +
                           "\" [label=\"" + stream.name + "\\n" + std::to_string(stream.sent) +
                           "\"" + (stream.broken ? ", style=dashed" : "") + "];\n";
    return out + "}\n";
}

struct look_options {
    std::string run;
    bool json = false;
};

int look(const look_options& options, bool with_interfaces) {
    auto run = choose_run(options.run);
    if (!run)
        return failed(run.error());
    controlling::command question;
    auto heard = talk_to(*run, launcher::message_kind::ask, *encoded(question));
    if (!heard)
        return failed(heard.error());
    if (options.json) {
        nlohmann::json out;
        out["run"] = heard->about.name;
        out["rdc"] = heard->about.rdc_name;
        out["state"] = heard->about.state;
        for (const node_status& node : heard->answer.nodes) {
            out["nodes"].push_back(to_json(node));
            out["nodes"].back()["address"] = address_of(*heard, node.self);
        }
        std::printf("%s\n", out.dump().c_str());
    } else {
        std::printf("run %s (%s), %s, %u node processes\n", heard->about.name.c_str(),
                    heard->about.file.c_str(), heard->about.state.c_str(), heard->about.processes);
        print_incarnations(*heard, with_interfaces);
    }
    return done;
}

int list_runs(bool json) {
    auto folder = launcher::run_folder();
    if (!folder)
        return failed(folder.error());
    nlohmann::json out = nlohmann::json::array();
    for (const std::string& name : launcher::runs_in(*folder)) {
        auto heard = talk_to(name, launcher::message_kind::described, {});
        if (!heard)
            continue;
        const launcher::run_description& about = heard->about;
        if (json)
            out.push_back({{"run", about.name},
                           {"file", about.file},
                           {"rdc", about.rdc_name},
                           {"state", about.state},
                           {"processes", about.processes}});
        else
            std::printf("%-24s %-10s %3u processes  %s\n", about.name.c_str(), about.state.c_str(),
                        about.processes, about.file.c_str());
    }
    if (json)
        std::printf("%s\n", out.dump().c_str());
    return done;
}

} // namespace

int print_live_graph(const std::string& run_name) {
    auto run = choose_run(run_name);
    if (!run)
        return failed(run.error());
    controlling::command question;
    auto heard = talk_to(*run, launcher::message_kind::ask, *encoded(question));
    if (!heard)
        return failed(heard.error());
    std::fputs(live_dot(*heard).c_str(), stdout);
    return done;
}

void add_look_commands(CLI::App& to, const context& with, int& code) {
    const auto add = [&](const char* name, const char* description) {
        auto options = std::make_shared<look_options>();
        CLI::App* command = to.add_subcommand(name, description);
        command->add_option("--run", options->run, "Which run; not needed when only one is alive");
        command->add_flag("--json", options->json, "For programs");
        command->footer("Example:\n  " + with.program + " " + name + " --run print_shop-1");
        return std::pair{command, options};
    };
    {
        auto [command, given] = add("ps", "The incarnations of a run, node by node");
        command->callback([options = given, &code] { code = look(*options, false); });
    }
    {
        auto [command, given] =
            add("status", "The incarnations of a run with their ports and streams");
        command->callback([options = given, &code] { code = look(*options, true); });
    }
    {
        auto [command, given] = add("stop", "End a run");
        command->callback([options = given, &code] {
            auto run = choose_run(options->run);
            if (!run) {
                code = failed(run.error());
                return;
            }
            const launcher::ended why{errc::cancelled, "stopped by 'stop'"};
            auto heard = talk_to(*run, launcher::message_kind::stop, *encoded(why));
            code = heard ? static_cast<int>(done) : failed(heard.error());
        });
    }
    {
        auto json = std::make_shared<bool>(false);
        CLI::App* command = to.add_subcommand("runs", "The runs of yours that are alive");
        command->add_flag("--json", *json, "For programs");
        command->footer("Example:\n  " + with.program + " runs");
        command->callback([json, &code] { code = list_runs(*json); });
    }
}

} // namespace equus::commands
