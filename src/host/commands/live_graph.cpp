#include "host/commands/live_graph.hpp"

#include <algorithm>
#include <map>

namespace equus::commands {

namespace {

constexpr std::string_view service_prefix = "system.";

bool is_system(std::string_view module) noexcept {
    return module.substr(0, 6) == "equus.";
}

/// What the configuration says of an incarnation by its whole name; null: nothing.
const incarnation_declaration* declaration_of(const rdc& in, std::string_view name) {
    for (const auto& [declared, what] : in.incarnations)
        if (declared.text() == name)
            return &what;
    const auto blueprint = in.blueprints.find(name.substr(0, name.find('[')));
    return blueprint == in.blueprints.end() ? nullptr : &blueprint->second.pattern;
}

bool listens_to(const incarnation_declaration* who, std::string_view label) {
    if (!who)
        return false;
    for (const auto& [name, binding] : who->interfaces)
        if (binding.kind == interface_kind::port &&
            std::find(binding.channels.begin(), binding.channels.end(), label) !=
                binding.channels.end())
            return true;
    return false;
}

class observation {
public:
    observation(const rdc& declared, const std::vector<node_status>& nodes)
        : declared_{declared}, nodes_{nodes} {}
    live_graph run() {
        find_nodes();
        for (std::size_t i = 0; i < out_.nodes.size(); ++i)
            if (statuses_[i])
                find_edges(i, *statuses_[i]);
            else
                for (const auto& [name, binding] : declarations_[i]->interfaces)
                    unused(i, name, binding, {});
        return std::move(out_);
    }

private:
    void find_nodes() {
        std::map<std::string, std::size_t, std::less<>> by_name;
        for (const node_status& node : nodes_)
            for (const incarnation_status& each : node.incarnations) {
                live_node made;
                made.key = std::to_string(each.id.node.value) + "." +
                           std::to_string(each.id.boot.value) + "." +
                           std::to_string(each.id.counter);
                made.name = each.name.empty() ? each.module : each.name;
                made.module = each.module;
                made.id = each.id;
                made.node = node.self;
                made.system = is_system(each.module);
                index_[each.id] = out_.nodes.size();
                by_name.emplace(made.name, out_.nodes.size());
                statuses_.push_back(&each);
                declarations_.push_back(made.system ? nullptr
                                                    : declaration_of(declared_, made.name));
                out_.nodes.push_back(std::move(made));
            }
        for (const auto& [name, what] : declared_.incarnations) {
            if (by_name.count(name.text()) != 0)
                continue;
            live_node missing;
            missing.key = "declared " + name.text();
            missing.name = name.text();
            missing.module = what.module;
            statuses_.push_back(nullptr);
            declarations_.push_back(&what);
            out_.nodes.push_back(std::move(missing));
        }
    }

    void find_edges(std::size_t from, const incarnation_status& who) {
        const incarnation_declaration* declared = declarations_[from];
        std::map<std::string, std::vector<std::size_t>, std::less<>> reached; // by interface
        for (const stream_status& stream : who.streams) {
            const interface_binding* binding = nullptr;
            if (declared && !stream.name.empty())
                if (const auto found = declared->interfaces.find(stream.name);
                    found != declared->interfaces.end())
                    binding = &found->second;
            for (const leg_status& leg : stream.legs) {
                const auto to = index_.find(leg.port.owner);
                if (to == index_.end())
                    continue;
                live_edge made;
                made.from = from;
                made.to = to->second;
                made.interface = stream.name;
                made.protocol = stream.protocol;
                made.sent = leg.sent;
                made.consumed = leg.consumed;
                made.broken = stream.broken;
                if (const std::string* label = label_between(binding, to->second)) {
                    made.channel = *label;
                    made.state = leg.sent != 0 ? edge_state::used : edge_state::unused;
                    reached[stream.name].push_back(to->second);
                } else {
                    made.state = out_.nodes[from].system || out_.nodes[to->second].system
                                     ? edge_state::system
                                     : edge_state::undeclared;
                }
                out_.edges.push_back(std::move(made));
            }
        }
        if (declared)
            for (const auto& [name, binding] : declared->interfaces)
                unused(from, name, binding, reached[name]);
    }
    /// The label by which the binding is declared to lead there; null: it is not.
    const std::string* label_between(const interface_binding* binding, std::size_t to) const {
        if (!binding)
            return nullptr;
        for (const std::string& label : binding->channels)
            if (label.rfind(service_prefix, 0) == 0 ? out_.nodes[to].system
                                                    : listens_to(declarations_[to], label))
                return &label;
        return nullptr;
    }
    /// What is declared and was not found.
    void unused(std::size_t from, const std::string& name, const interface_binding& binding,
                const std::vector<std::size_t>& found) {
        if (binding.kind != interface_kind::stream)
            return;
        for (const std::string& label : binding.channels)
            for (std::size_t to = 0; to < out_.nodes.size(); ++to) {
                if (!listens_to(declarations_[to], label) ||
                    std::find(found.begin(), found.end(), to) != found.end())
                    continue;
                live_edge made;
                made.from = from;
                made.to = to;
                made.interface = name;
                made.channel = label;
                if (const auto channel = declared_.channels.find(label);
                    channel != declared_.channels.end())
                    made.protocol = channel->second.protocol;
                out_.edges.push_back(std::move(made));
            }
    }

    const rdc& declared_;
    const std::vector<node_status>& nodes_;
    live_graph out_;
    std::vector<const incarnation_status*> statuses_;          ///< of the graph's nodes
    std::vector<const incarnation_declaration*> declarations_; ///< likewise
    std::map<incarnation_id, std::size_t> index_;
};

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out + '"';
}

/// The counter of an edge: "120", or "120, 3 on their way".
std::string count_text(const live_edge& edge) {
    std::string out = std::to_string(edge.sent);
    if (edge.sent > edge.consumed)
        out += ", " + std::to_string(edge.sent - edge.consumed) + " not consumed";
    return out;
}

} // namespace

std::string_view text_of(edge_state state) noexcept {
    switch (state) {
    case edge_state::used:
        return "used";
    case edge_state::unused:
        return "unused";
    case edge_state::undeclared:
        return "undeclared";
    case edge_state::system:
        return "system";
    }
    return "unknown";
}

live_graph observed(const rdc& declared, const std::vector<node_status>& nodes) {
    return observation{declared, nodes}.run();
}

std::string to_dot(const live_graph& graph, const std::string& title,
                   const std::vector<node_status>& nodes) {
    std::vector<bool> shown(graph.nodes.size());
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
        shown[i] = !graph.nodes[i].system;
    for (const live_edge& edge : graph.edges)
        if (edge.state != edge_state::system)
            shown[edge.from] = shown[edge.to] = true;

    std::string out =
        "digraph " + quoted(title) +
        " {\n    graph [rankdir=LR, fontname=\"Helvetica\", labelloc=t, label=" + quoted(title) +
        "];\n    node [shape=box, style=\"rounded,filled\", fillcolor=\"#e4eefb\", "
        "color=\"#4a6fa5\", fontname=\"Helvetica\", fontsize=12];\n    edge "
        "[fontname=\"Helvetica\", fontsize=10, color=\"#44505e\"];\n";
    const auto draw = [&](std::size_t i, const char* indent, const char* more) {
        const live_node& node = graph.nodes[i];
        out += indent + quoted(node.key) + " [label=" + quoted(node.name) +
               (node.system ? ", shape=component, fillcolor=\"#eef0f3\"" : "") + more + "];\n";
    };
    for (const node_status& at : nodes) {
        out += "    subgraph " + quoted("cluster_" + std::to_string(at.self.node.value)) +
               " {\n        label=" + quoted(at.name) +
               "; color=gray70; style=rounded; fontname=\"Helvetica\";\n";
        for (std::size_t i = 0; i < graph.nodes.size(); ++i)
            if (shown[i] && graph.nodes[i].id && graph.nodes[i].node == at.self)
                draw(i, "        ", "");
        out += "    }\n";
    }
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
        if (!graph.nodes[i].id)
            draw(i, "    ", ", style=\"rounded,dashed\", fontcolor=gray50, color=gray50");
    for (const live_edge& edge : graph.edges) {
        if (edge.state == edge_state::system)
            continue;
        std::string label = edge.channel.empty() ? edge.interface : edge.channel;
        if (label.empty())
            label = edge.protocol;
        std::string style;
        if (edge.state == edge_state::unused)
            style = ", style=dashed, color=gray60, fontcolor=gray50";
        else if (edge.state == edge_state::undeclared)
            style = ", color=\"#c03020\", fontcolor=\"#c03020\", penwidth=2";
        if (edge.broken)
            style += ", arrowhead=tee";
        std::string text = quoted(label);
        text.insert(
            text.size() - 1,
            "\\n" + (edge.state == edge_state::unused ? std::string{"unused"} : count_text(edge)));
        if (edge.state == edge_state::undeclared)
            text.insert(text.size() - 1, "\\nundeclared");
        out += "    " + quoted(graph.nodes[edge.from].key) + " -> " +
               quoted(graph.nodes[edge.to].key) + " [label=" + text + style + "];\n";
    }
    return out + "}\n";
}

} // namespace equus::commands
