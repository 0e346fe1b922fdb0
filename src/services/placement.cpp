#include "services/placement.hpp"

#include <equus/rdc_place.hpp>

#include <algorithm>
#include <set>
#include <tuple>

namespace equus::services {

namespace {

bool has_module(const member_info& member, const std::string& module) {
    return std::find(member.modules.begin(), member.modules.end(), module) != member.modules.end();
}

bool names(const incarnation_name& wanted, const incarnation_name& name) {
    return wanted.index || wanted.key ? wanted == name : wanted.family == name.family;
}

} // namespace

void placement_table::add_node(const member_info& member) {
    nodes_[member.at.node].member = member;
}

void placement_table::remove_node(node_id node) {
    nodes_.erase(node);
    std::erase_if(placed_, [&](const auto& entry) { return entry.second == node; });
}

void placement_table::set_silent(node_id node, bool silent) {
    if (const auto found = nodes_.find(node); found != nodes_.end())
        found->second.silent = silent;
}

/// Keeps the candidates that are heard of; all of them when none is.
void placement_table::keep_heard(candidates& among) {
    candidates heard;
    for (auto* each : among)
        if (!each->second.silent)
            heard.push_back(each);
    if (!heard.empty())
        among = std::move(heard);
}

/// Keeps the candidates that hold `other`; all of them when none does.
bool placement_table::keep_near(candidates& among, const incarnation_name& other) const {
    candidates near;
    for (auto* each : among)
        for (const auto& [name, node] : placed_)
            if (node == each->first && names(other, name)) {
                near.push_back(each);
                break;
            }
    if (near.empty())
        return false;
    among = std::move(near);
    return true;
}

result<node_id> placement_table::place(const incarnation_name& name,
                                       const incarnation_declaration& what, const places& where,
                                       node_id on) {
    const auto belongs = [&](const std::string& place, const member_info& member) {
        if (place.empty() || place == "nodes")
            return true;
        const auto found = where.find(place);
        return found != where.end() && belongs_to(found->second, member.facts);
    };
    bool module_somewhere = false;
    candidates found;
    for (auto& entry : nodes_) {
        const member_info& member = entry.second.member;
        if (!has_module(member, what.module))
            continue;
        module_somewhere = true;
        if ((!on || on == entry.first) && belongs(what.where.on, member) &&
            belongs(what.where.spread_over, member))
            found.push_back(&entry);
    }
    const std::string whom = "'" + name.text() + "'";
    if (!module_somewhere)
        return fail(errc::no_such_module, whom + ": no node has module '" + what.module + "'");
    if (found.empty()) {
        if (on)
            return fail(errc::no_such_node, whom + ": node " + std::to_string(on.value) +
                                                " is not there, or not of its place");
        const std::string& place = what.where.on.empty() ? what.where.spread_over : what.where.on;
        return fail(errc::no_such_node,
                    whom + ": no node of place '" + place + "' has module '" + what.module + "'");
    }
    keep_heard(found);
    if (what.where.near)
        keep_near(found, *what.where.near);
    const bool spread = !what.where.spread_over.empty();
    auto* chosen = *std::min_element(found.begin(), found.end(), [&](auto* a, auto* b) {
        const auto weight = [&](auto* entry) {
            const auto family = entry->second.families.find(name.family);
            const std::uint32_t of_family =
                family == entry->second.families.end() ? 0 : family->second;
            return std::tuple{spread ? of_family : 0, entry->second.count, entry->first};
        };
        return weight(a) < weight(b);
    });
    ++chosen->second.count;
    ++chosen->second.families[name.family];
    placed_[name] = chosen->first;
    return chosen->first;
}

void placement_table::remove(const incarnation_name& name) {
    const auto found = placed_.find(name);
    if (found == placed_.end())
        return;
    if (const auto at = nodes_.find(found->second); at != nodes_.end()) {
        --at->second.count;
        --at->second.families[name.family];
    }
    placed_.erase(found);
}

node_id placement_table::node_of(const incarnation_name& name) const noexcept {
    const auto found = placed_.find(name);
    return found == placed_.end() ? node_id{} : found->second;
}

std::uint32_t placement_table::count(node_id node) const noexcept {
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? 0 : found->second.count;
}

std::vector<incarnation_name>
placement_table::order_of(const std::map<incarnation_name, incarnation_declaration>& all) {
    std::vector<incarnation_name> ordered;
    std::set<incarnation_name> done;
    const auto ready = [&](const incarnation_declaration& what) {
        if (!what.where.near)
            return true;
        for (const auto& [other, declared] : all)
            if (names(*what.where.near, other) && done.count(other) == 0)
                return false;
        return true;
    };
    for (bool progress = true; progress;) {
        progress = false;
        for (const auto& [name, what] : all)
            if (done.count(name) == 0 && ready(what)) {
                ordered.push_back(name);
                done.insert(name);
                progress = true;
            }
    }
    // What is near each other in a circle is near by the order of names.
    for (const auto& [name, what] : all)
        if (done.insert(name).second)
            ordered.push_back(name);
    return ordered;
}

} // namespace equus::services
