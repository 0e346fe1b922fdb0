#include "config/graph.hpp"

#include "config/literals.hpp"
#include "config/place_text.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace equus::config {

namespace {

constexpr std::string_view service_prefix = "system.";

std::string html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\n')
            out += ' ';
        else
            out += c;
    }
    return out;
}

std::string small(std::string_view text) {
    return "<br/><font point-size=\"9\" color=\"#5b6675\">" + html(text) + "</font>";
}

/// Instances that look alike.
struct box {
    std::string id;    ///< name of the first
    std::string label; ///< "worker &times; 4"
    const incarnation_declaration* pattern = nullptr;
    std::size_t instances = 1;
    bool blueprint = false;
};

bool alike(const incarnation_declaration& a, const incarnation_declaration& b) {
    return a.module == b.module && a.interfaces == b.interfaces && a.where.on == b.where.on &&
           a.primary == b.primary;
}

class drawing {
public:
    explicit drawing(const rdc& value) : value_{&value} {}
    std::string run();

private:
    void find_boxes();
    void close_family(std::size_t first);
    void draw_box(const box& b, std::string_view indent);
    void draw_boxes();
    void draw_channels();
    void draw_exports();
    void edge(const std::string& from, const std::string& to, const std::string& channel,
              bool handle);
    std::vector<std::pair<const box*, bool>> ends(const std::string& channel,
                                                  interface_kind kind) const;

    const rdc* value_;
    std::vector<box> boxes_;
    std::string out_;
};

// Gives the boxes of one family, from `first` on, their labels.
void drawing::close_family(std::size_t first) {
    const bool whole = boxes_.size() - first == 1;
    for (std::size_t i = first; i < boxes_.size(); ++i) {
        box& b = boxes_[i];
        if (b.instances == 1)
            b.label = html(b.id);
        else if (whole)
            b.label =
                html(b.id.substr(0, b.id.find('['))) + " &times; " + std::to_string(b.instances);
        else
            b.label = html(b.label);
    }
}

void drawing::find_boxes() {
    std::size_t first = 0;
    const incarnation_name* last = nullptr;
    for (const auto& [name, d] : value_->incarnations) {
        const bool same_family = last != nullptr && last->family == name.family;
        if (last != nullptr && !same_family) {
            close_family(first);
            first = boxes_.size();
        }
        const bool joins = same_family && name.index && alike(*boxes_.back().pattern, d);
        if (joins) {
            box& b = boxes_.back();
            ++b.instances;
            b.label = b.id.substr(0, b.id.find(']')) + ".." + std::to_string(*name.index) + "]";
        } else {
            boxes_.push_back({name.text(), {}, &d, 1, false});
        }
        last = &name;
    }
    close_family(first);
    for (const auto& [name, b] : value_->blueprints)
        boxes_.push_back(
            {name,
             html(name) + " &times; " +
                 (b.instances_max != 0 ? "&le; " + std::to_string(b.instances_max) : "n"),
             &b.pattern, 2, true});
}

void drawing::draw_box(const box& b, std::string_view indent) {
    const incarnation_declaration& d = *b.pattern;
    std::string notes = small(d.module);
    if (d.where.near)
        notes += small("near " + d.where.near->text());
    if (!d.where.spread_over.empty())
        notes += small("spread over " + d.where.spread_over);
    if (b.blueprint)
        notes += small("made at run time");
    out_ +=
        std::string{indent} + quoted_text(b.id) + " [label=<<b>" + b.label + "</b>" + notes + ">";
    if (d.primary)
        out_ += ", fillcolor=\"#ffe3b3\", color=\"#b36b00\", penwidth=2";
    if (b.blueprint)
        out_ += ", style=\"rounded,filled,dashed\"";
    if (b.instances > 1)
        out_ += ", peripheries=2";
    out_ += "];\n";
}

void drawing::draw_boxes() {
    std::map<std::string, std::vector<const box*>> by_place;
    for (const box& b : boxes_)
        by_place[b.pattern->where.on].push_back(&b);
    std::size_t number = 0;
    for (const auto& [place, inside] : by_place) {
        if (place.empty()) {
            for (const box* b : inside)
                draw_box(*b, "    ");
            continue;
        }
        const auto found = value_->places.find(place);
        const std::string condition =
            found == value_->places.end() ? std::string{} : text_of(found->second);
        out_ += "    subgraph cluster_" + std::to_string(number++) + " {\n" + "        label=<<b>" +
                html(place) + "</b>" + small(condition) + ">;\n" +
                "        style=\"rounded,dashed\"; color=\"#8b97a6\"; fontsize=11;\n";
        for (const box* b : inside)
            draw_box(*b, "        ");
        out_ += "    }\n";
    }
}

std::vector<std::pair<const box*, bool>> drawing::ends(const std::string& channel,
                                                       interface_kind kind) const {
    std::vector<std::pair<const box*, bool>> out;
    for (const box& b : boxes_) {
        bool attached = false;
        bool handle = false;
        for (const auto& [name, binding] : b.pattern->interfaces)
            if (binding.kind == kind && std::find(binding.channels.begin(), binding.channels.end(),
                                                  channel) != binding.channels.end()) {
                attached = true;
                handle = handle || binding.handle;
            }
        if (attached)
            out.emplace_back(&b, handle);
    }
    return out;
}

void drawing::edge(const std::string& from, const std::string& to, const std::string& channel,
                   bool handle) {
    const channel_declaration& c = value_->channels.find(channel)->second;
    std::string label = "<b>" + html(channel) + "</b>" + small(c.protocol);
    std::string style;
    if (c.kind == channel_kind::multicast) {
        label += small("multicast");
        style = ", penwidth=2";
    } else if (c.kind == channel_kind::anycast) {
        label += small("anycast");
        style = ", arrowhead=empty";
    }
    if (handle)
        style += ", dir=both, arrowtail=odot";
    out_ += "    " + quoted_text(from) + " -> " + quoted_text(to) + " [label=<" + label + ">" +
            style + "];\n";
}

// A channel with many ends at both sides is drawn through a point, so that it does not become a
// thicket.
void drawing::draw_channels() {
    constexpr std::size_t edges_max = 4;
    for (const auto& [name, c] : value_->channels) {
        const auto from = ends(name, interface_kind::stream);
        const auto to = ends(name, interface_kind::port);
        if (from.size() * to.size() <= edges_max) {
            for (const auto& [sender, handle] : from)
                for (const auto& [receiver, taken] : to)
                    edge(sender->id, receiver->id, name, handle);
            continue;
        }
        const std::string point = "channel " + name;
        out_ += "    " + quoted_text(point) + " [shape=point, width=0.09, label=\"\", xlabel=<<b>" +
                html(name) + "</b>" + small(c.protocol) + ">];\n";
        for (const auto& [sender, handle] : from)
            out_ += "    " + quoted_text(sender->id) + " -> " + quoted_text(point) +
                    " [arrowhead=none" + (handle ? ", dir=both, arrowtail=odot" : "") + "];\n";
        for (const auto& [receiver, taken] : to)
            out_ += "    " + quoted_text(point) + " -> " + quoted_text(receiver->id) + ";\n";
    }
    std::set<std::string> services;
    for (const box& b : boxes_)
        for (const auto& [id, binding] : b.pattern->interfaces)
            for (const std::string& channel : binding.channels)
                if (channel.substr(0, service_prefix.size()) == service_prefix) {
                    if (services.insert(channel).second)
                        out_ += "    " + quoted_text(channel) +
                                " [shape=component, fillcolor=\"#eef0f3\"];\n";
                    out_ += "    " + quoted_text(b.id) + " -> " + quoted_text(channel) +
                            " [style=dotted];\n";
                }
}

void drawing::draw_exports() {
    for (const auto& [name, e] : value_->exports) {
        std::string label = html(name);
        for (const grant& g : e.grants)
            label += small(g.kind == grantee_kind::everyone ? "everyone"
                           : g.kind == grantee_kind::user   ? "user " + g.name
                                                            : "group " + g.name);
        const std::string id = "export " + name;
        out_ += "    " + quoted_text(id) +
                " [shape=cds, fillcolor=\"#e5f3e5\", color=\"#3d7a3d\", " + "label=<" + label +
                ">];\n";
        for (const auto& [receiver, handle] : ends(e.channel, interface_kind::port))
            out_ += "    " + quoted_text(id) + " -> " + quoted_text(receiver->id) +
                    " [style=dashed, color=\"#3d7a3d\", label=<" + html(e.channel) + ">];\n";
    }
}

std::string drawing::run() {
    find_boxes();
    out_ = "digraph " + quoted_text(value_->name) + " {\n" +
           "    graph [rankdir=LR, nodesep=0.45, ranksep=0.9, pad=0.3, fontname=\"Helvetica\", "
           "labelloc=t, label=<<b>" +
           html(value_->name) + "</b> version " + std::to_string(value_->version) + ">];\n" +
           "    node [shape=box, style=\"rounded,filled\", fillcolor=\"#e4eefb\", "
           "color=\"#4a6fa5\", fontname=\"Helvetica\", fontsize=12, margin=\"0.18,0.1\"];\n" +
           "    edge [color=\"#44505e\", fontname=\"Helvetica\", fontsize=10, arrowsize=0.8];\n";
    draw_boxes();
    draw_channels();
    draw_exports();
    return out_ + "}\n";
}

} // namespace

std::string graph_dot(const rdc& value) {
    return drawing{value}.run();
}

} // namespace equus::config
