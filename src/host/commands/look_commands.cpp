// Commands that look at a run from outside, through its control socket.
#include "host/commands/conversation.hpp"
#include "host/commands/live_graph.hpp"
#include "host/commands/run_command.hpp"
#include "host/commands/wait_graph.hpp"
#include "host/launch/run_folder.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>

namespace equus::commands {

namespace {

std::string text_of(incarnation_id id) {
    return std::to_string(id.node.value) + "." + std::to_string(id.boot.value) + "." +
           std::to_string(id.counter);
}

std::int64_t milliseconds(duration span) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
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
    out["incarnations"] = nlohmann::json::array();
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
        if (!each.waits_for.empty())
            row["waits_for"] = each.waits_for;
        row["ports"] = nlohmann::json::array();
        row["streams"] = nlohmann::json::array();
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
            if (!each.waits_for.empty())
                std::printf("    waits for %s\n", each.waits_for.c_str());
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
}

/// Of the run itself and of who did not answer: what every look says.
nlohmann::json to_json(const conversation& heard) {
    nlohmann::json out;
    out["run"] = heard.about.name;
    out["rdc"] = heard.about.rdc_name;
    out["state"] = heard.about.state;
    if (!heard.answer.silent.empty())
        for (const controlling::silent_node& silent : heard.answer.silent)
            out["silent"].push_back(
                {{"node", silent.at.node.value}, {"name", silent.name}, {"text", silent.text}});
    return out;
}

struct look_options {
    std::string run;
    bool json = false;
    bool waits = false;
};

void print_silent(const conversation& heard) {
    for (const controlling::silent_node& silent : heard.answer.silent)
        std::printf("node %u %s does not answer: %s\n", silent.at.node.value, silent.name.c_str(),
                    silent.text.c_str());
}

nlohmann::json to_json(const wait_graph& graph) {
    nlohmann::json out;
    out["waits"] = nlohmann::json::array();
    for (const wait_row& row : graph.rows) {
        nlohmann::json made;
        made["id"] = text_of(row.who);
        made["name"] = row.name;
        made["node"] = row.node.node.value;
        made["kind"] = nth_name(equus_enumerators(row.what.kind).names,
                                static_cast<std::size_t>(row.what.kind));
        made["waited_ms"] = milliseconds(row.what.waited);
        if (row.what.left != for_ever)
            made["left_ms"] = milliseconds(row.what.left);
        made["on"] = nlohmann::json::array();
        for (const incarnation_id who : row.on)
            made["on"].push_back({{"id", text_of(who)}, {"name", graph.name_of(who)}});
        const bool at_port = row.what.kind == wait_kind::message;
        if (!row.what.name.empty())
            made[at_port ? "port" : "stream"] = row.what.name;
        if (!row.what.protocol.empty())
            made["protocol"] = row.what.protocol;
        if (row.what.kind == wait_kind::call && !row.port.empty())
            made["call"] = {{"message", row.message},
                            {"port", row.port},
                            {"queued", row.queued},
                            {"node", row.what.at.node.value}};
        if (row.what.kind == wait_kind::credit)
            made["not_consumed"] = row.what.sent - row.what.consumed;
        if (!row.what.label.empty())
            made["label"] = row.what.label;
        out["waits"].push_back(std::move(made));
    }
    out["circles"] = nlohmann::json::array();
    for (const wait_circle& circle : graph.circles) {
        nlohmann::json made{{"deadlock", circle.deadlock},
                            {"incarnations", nlohmann::json::array()},
                            {"waits", circle.rows}};
        for (const std::size_t i : circle.rows)
            made["incarnations"].push_back(graph.rows[i].name);
        out["circles"].push_back(std::move(made));
    }
    return out;
}

/// The first deadline by which one of the circle gives up.
duration first_deadline(const wait_graph& graph, const wait_circle& circle) {
    duration first = for_ever;
    for (const std::size_t i : circle.rows)
        first = std::min(first, graph.rows[i].what.left);
    return first;
}

void print_row(const wait_graph& graph, const wait_row& row, const char* indent) {
    std::printf("%s%-18s waits %8s for %s\n", indent, row.name.c_str(),
                time_text(row.what.waited).c_str(), describe(graph, row).c_str());
}

void print_waits(const wait_graph& graph) {
    std::size_t to_nobody = 0;
    for (const wait_row& row : graph.rows) {
        if (row.on.empty() && row.what.label.empty() && row.what.kind != wait_kind::call &&
            row.what.kind != wait_kind::port)
            ++to_nobody;
        else
            print_row(graph, row, "");
    }
    std::printf("%zu more wait for a message, an instant, an event or the outside\n", to_nobody);
    for (const wait_circle& circle : graph.circles) {
        std::string names;
        for (const std::size_t i : circle.rows)
            names += graph.rows[i].name + " -> ";
        names += graph.rows[circle.rows.front()].name;
        std::printf("%s: %s\n", circle.deadlock ? "DEADLOCK" : "circle", names.c_str());
        for (const std::size_t i : circle.rows)
            print_row(graph, graph.rows[i], "    ");
        const duration first = first_deadline(graph, circle);
        if (!circle.deadlock)
            std::printf("    one of them has something else to do, which may end it\n");
        else if (first == for_ever)
            std::printf("    nothing ends it: none of these waits has a deadline\n");
        else
            std::printf("    only a deadline ends it, the first in %s\n", time_text(first).c_str());
    }
}

int look_at_waits(const std::string& run, const conversation& heard, bool json) {
    wait_graph graph = who_waits(heard.answer.nodes);
    if (!graph.circles.empty())
        if (const auto again = ask_status(run))
            keep_lasting(graph, who_waits(again->answer.nodes));
    if (json) {
        nlohmann::json out = to_json(heard);
        out.update(to_json(graph));
        std::printf("%s\n", out.dump().c_str());
    } else {
        std::printf("run %s (%s), %s\n", heard.about.name.c_str(), heard.about.file.c_str(),
                    heard.about.state.c_str());
        print_waits(graph);
        print_silent(heard);
    }
    return done;
}

int look(const look_options& options, bool with_interfaces) {
    auto run = choose_run(options.run);
    if (!run)
        return failed(run.error());
    auto heard = ask_status(*run);
    if (!heard)
        return failed(heard.error());
    if (options.waits)
        return look_at_waits(*run, *heard, options.json);
    if (options.json) {
        nlohmann::json out = to_json(*heard);
        out["nodes"] = nlohmann::json::array();
        for (const node_status& node : heard->answer.nodes) {
            out["nodes"].push_back(to_json(node));
            out["nodes"].back()["address"] = address_of(*heard, node.self);
        }
        std::printf("%s\n", out.dump().c_str());
    } else {
        std::printf("run %s (%s), %s, %u node processes\n", heard->about.name.c_str(),
                    heard->about.file.c_str(), heard->about.state.c_str(), heard->about.processes);
        print_incarnations(*heard, with_interfaces);
        print_silent(*heard);
    }
    return done;
}

int list_runs(bool json) {
    auto folder = launcher::run_folder();
    if (!folder)
        return failed(folder.error());
    nlohmann::json out = nlohmann::json::array();
    bool any = false;
    for (const std::string& name : launcher::runs_in(*folder)) {
        auto heard = talk_to(name, launcher::message_kind::described, {});
        if (!heard)
            continue;
        const launcher::run_description& about = heard->about;
        any = true;
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
    else if (!any)
        std::fprintf(stderr, "no run of yours is alive\n");
    return done;
}

} // namespace

int print_live_graph(const live_graph_options& options) {
    auto run = choose_run(options.run);
    if (!run)
        return failed(run.error());
    auto declared = talk_to(*run, launcher::message_kind::ask_declared, {});
    if (!declared)
        return failed(declared.error());
    auto heard = ask_status(*run);
    if (!heard)
        return failed(heard.error());
    const live_graph graph = observed(declared->declared, heard->answer.nodes);
    if (!options.json)
        return options.print(to_dot(graph, heard->about.name, heard->answer.nodes));
    nlohmann::json out = to_json(*heard);
    out["incarnations"] = nlohmann::json::array();
    for (const live_node& each : graph.nodes) {
        nlohmann::json made{{"name", each.name}, {"module", each.module}, {"system", each.system}};
        if (each.id) {
            made["id"] = text_of(each.id);
            made["node"] = each.node.node.value;
        }
        made["there"] = static_cast<bool>(each.id);
        out["incarnations"].push_back(std::move(made));
    }
    out["edges"] = nlohmann::json::array();
    for (const live_edge& each : graph.edges)
        out["edges"].push_back({{"from", graph.nodes[each.from].name},
                                {"to", graph.nodes[each.to].name},
                                {"stream", each.interface},
                                {"channel", each.channel},
                                {"protocol", each.protocol},
                                {"sent", each.sent},
                                {"consumed", each.consumed},
                                {"broken", each.broken},
                                {"state", text_of(each.state)}});
    std::printf("%s\n", out.dump().c_str());
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
        command->add_flag("--waits", given->waits,
                          "Who waits for whom, for how long, and which waits make a circle");
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
            if (heard && options->json)
                std::printf("%s\n",
                            nlohmann::json{{"run", *run}, {"stopped", true}}.dump().c_str());
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
