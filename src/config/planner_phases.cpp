#include "config/literals.hpp"
#include "config/place_text.hpp"
#include "config/planner.hpp"
#include "config/values.hpp"

#include <equus/rdc_place.hpp>

#include <algorithm>

namespace equus::config {

namespace {

using labels = std::vector<std::string>;

bool contains(const labels& all, const std::string& label) {
    return std::find(all.begin(), all.end(), label) != all.end();
}

const labels& labels_of(const incarnation_declaration& d, const std::string& interface) {
    static const labels none;
    const auto found = d.interfaces.find(interface);
    return found == d.interfaces.end() ? none : found->second.channels;
}

std::string joined(const labels& all) {
    std::string out;
    for (const std::string& each : all)
        out += (out.empty() ? "" : ", ") + each;
    return out.empty() ? "none" : out;
}

std::string number_text(std::uint64_t number, const char* none) {
    return number == 0 ? none : std::to_string(number);
}

std::string calls_text(const std::optional<std::uint32_t>& calls) {
    return calls ? std::to_string(*calls) : "unlimited";
}

std::string text_of(const placement& p) {
    std::string out;
    if (!p.on.empty())
        out = "on " + p.on;
    if (p.near)
        out += (out.empty() ? "near " : ", near ") + p.near->text();
    if (!p.spread_over.empty())
        out += (out.empty() ? "spread over " : ", spread over ") + p.spread_over;
    return out.empty() ? "anywhere" : out;
}

std::string text_of(const migration_policy& p) {
    std::string out = p.mode == migration_mode::live    ? "live"
                      : p.mode == migration_mode::never ? "never"
                                                        : "automatic";
    return p.within ? out + " within " + duration_text(p.within->count()) : out;
}

class difference {
public:
    void note(const std::string& what, const std::string& was, const std::string& is) {
        if (was != is)
            text_ += (text_.empty() ? "" : "; ") + what + " " + was + " -> " + is;
    }
    /// Something that people need not see in full.
    void also(const std::string& what) { text_ += (text_.empty() ? "" : "; ") + what; }
    const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

/// What `adjust` of the plan's steps changes, in words; empty: nothing.
std::string adjustment(const incarnation_declaration& is, const incarnation_declaration& wanted,
                       bool parameters) {
    difference out;
    for (const auto& [interface, goal] : wanted.interfaces) {
        const auto found = is.interfaces.find(interface);
        const interface_binding own =
            found == is.interfaces.end() ? interface_binding{} : found->second;
        if (found == is.interfaces.end() &&
            goal == interface_binding{goal.kind, {}, {}, {}, {}, {}, {}})
            out.also(interface + " is unwired on purpose");
        out.note("credit of " + interface, number_text(own.credit, "usual"),
                 number_text(goal.credit, "usual"));
        out.note("queue of " + interface, number_text(own.queue, "unlimited"),
                 number_text(goal.queue, "unlimited"));
        out.note("calls of " + interface, calls_text(own.calls), calls_text(goal.calls));
        out.note("handle of " + interface, own.handle ? "yes" : "no", goal.handle ? "yes" : "no");
    }
    for (const auto& [interface, own] : is.interfaces)
        if (own.channels.empty() && wanted.interfaces.count(interface) == 0)
            out.also("nothing is said of " + interface);
    out.note("memory", number_text(is.memory_bytes, "usual"),
             number_text(wanted.memory_bytes, "usual"));
    out.note("priority", std::to_string(is.priority), std::to_string(wanted.priority));
    out.note("placement", text_of(is.where), text_of(wanted.where));
    out.note("migration", text_of(is.migration), text_of(wanted.migration));
    if (parameters)
        out.also(changes_between(is.parameters, wanted.parameters));
    return out.text();
}

} // namespace

std::string changes_between(const rdc_values& was, const rdc_values& is) {
    difference out;
    for (const auto& [name, value] : was) {
        const auto found = is.find(name);
        out.note(name, config::text_of(value),
                 found == is.end() ? "none" : config::text_of(found->second));
    }
    for (const auto& [name, value] : is)
        if (was.find(name) == was.end())
            out.note(name, "none", config::text_of(value));
    return out.text();
}

void planner::declarations_come() {
    for (const program_use& use : wanted_->programs)
        if (std::none_of(at_.value.programs.begin(), at_.value.programs.end(),
                         [&](const program_use& has) { return has.name_space == use.name_space; }))
            add(kind::use, use.name_space, "from program " + use.program);
    for (const auto& [name, place] : wanted_->places) {
        const auto found = at_.value.places.find(name);
        if (found == at_.value.places.end())
            add(kind::place, name, config::text_of(place));
        else if (!(found->second == place))
            add(kind::place, name, config::text_of(found->second) + " -> " + config::text_of(place),
                true);
    }
    for (const auto& [label, channel] : wanted_->channels)
        if (at_.value.channels.count(label) == 0)
            add(kind::channel, label, channel.protocol);
}

// ---------------------------------------------------------------------- ports and creations

void planner::give_port(const incarnation_name& name, const std::string& interface,
                        const std::string& label) {
    plan_step step;
    step.kind = kind::wire;
    step.name = name;
    step.interface = interface;
    step.item = label;
    step.text = "<- " + label;
    if (is_unicast(label)) {
        if (const incarnation_name* owner = owner_of(label)) {
            step.kind = kind::attach;
            step.other = *owner;
            step.text += " from " + owner->text() + ", with what lies in its queue";
        } else {
            fresh_.insert(label);
        }
    }
    add(std::move(step));
}

/// Channels that nobody has come first: clients that are made later find them. What another port
/// has now is taken over when everybody is there.
void planner::ports_of_survivors(bool all) {
    auto those = survivors();
    if (all)
        for (const incarnation_name& name : to_make_)
            those.emplace_back(name, &wanted_->incarnations.at(name));
    for (const auto& [name, goal] : those)
        for (const auto& [interface, binding] : goal->interfaces) {
            if (binding.kind != interface_kind::port)
                continue;
            const labels has = labels_of(now(name), interface);
            for (const std::string& label : binding.channels)
                if (!contains(has, label) &&
                    (all || !is_unicast(label) || owner_of(label) == nullptr))
                    give_port(name, interface, label);
        }
}

/// Whoever another one is to be near comes before it, whoever gives a channel away by being made
/// anew before who gets it, and servers before their clients as far as they are in no circle.
std::vector<incarnation_name> planner::creation_order() const {
    std::map<incarnation_name, std::set<incarnation_name>> hard;
    std::map<incarnation_name, std::set<incarnation_name>> soft;
    std::map<std::string, std::vector<incarnation_name>> servers;
    for (const incarnation_name& name : to_make_)
        for (const auto& [interface, binding] : wanted_->incarnations.at(name).interfaces)
            if (binding.kind == interface_kind::port)
                for (const std::string& label : binding.channels)
                    servers[label].push_back(name);
    for (const incarnation_name& name : to_make_) {
        const incarnation_declaration& d = wanted_->incarnations.at(name);
        if (d.where.near)
            for (const incarnation_name& other : to_make_) {
                const bool meant = d.where.near->index || d.where.near->key
                                       ? *d.where.near == other
                                       : d.where.near->family == other.family;
                if (meant && other != name)
                    hard[name].insert(other);
            }
        for (const auto& [interface, binding] : d.interfaces)
            for (const std::string& label : binding.channels) {
                if (binding.kind == interface_kind::stream) {
                    for (const incarnation_name& server : servers[label])
                        if (server != name)
                            soft[name].insert(server);
                } else if (is_unicast(label)) {
                    const incarnation_name* owner = owner_of(label);
                    if (owner != nullptr && *owner != name && to_make_.count(*owner) != 0)
                        soft[name].insert(*owner);
                }
            }
    }
    std::vector<incarnation_name> out;
    std::set<incarnation_name> left = to_make_;
    const auto waits = [&](const std::set<incarnation_name>& on) {
        return std::any_of(on.begin(), on.end(),
                           [&](const incarnation_name& each) { return left.count(each) != 0; });
    };
    while (!left.empty()) {
        auto next = std::find_if(left.begin(), left.end(), [&](const incarnation_name& name) {
            return !waits(hard[name]) && !waits(soft[name]);
        });
        if (next == left.end())
            next = std::find_if(left.begin(), left.end(),
                                [&](const incarnation_name& name) { return !waits(hard[name]); });
        if (next == left.end())
            next = left.begin();
        out.push_back(*next);
        left.erase(next);
    }
    return out;
}

void planner::creations() {
    for (const incarnation_name& name : creation_order())
        make(name);
}

void planner::make(const incarnation_name& name) {
    const incarnation_declaration& goal = wanted_->incarnations.at(name);
    plan_step step;
    step.kind = kind::create;
    step.name = name;
    step.text = goal.module;
    if (const std::string where = text_of(goal.where); where != "anywhere")
        step.text += " " + where;
    if (const auto why = replaced_.find(name); why != replaced_.end()) {
        step.kind = kind::replace;
        step.text = why->second + "; its state is lost";
    }
    for (const auto& [interface, binding] : goal.interfaces) {
        if (binding.kind != interface_kind::port)
            continue;
        for (const std::string& label : binding.channels) {
            if (!is_unicast(label))
                continue;
            const incarnation_name* owner = owner_of(label);
            if (owner != nullptr && *owner != name)
                step.deferred.push_back({interface, label});
            else
                fresh_.insert(label);
        }
        // Others still send there: they leave later.
        if (step.kind == kind::replace)
            for (const std::string& label : labels_of(now(name), interface))
                if (!contains(binding.channels, label) && has_clients(label, name))
                    step.kept.push_back({interface, label});
    }
    add(std::move(step));
}

// ---------------------------------------------------------------------- blueprints

bool planner::loses_a_port(const std::string& blueprint) const {
    const auto goal = wanted_->blueprints.find(blueprint);
    const auto is = at_.value.blueprints.find(blueprint);
    if (goal == wanted_->blueprints.end())
        return true;
    if (is == at_.value.blueprints.end())
        return false;
    for (const auto& [interface, binding] : is->second.pattern.interfaces)
        if (binding.kind == interface_kind::port)
            for (const std::string& label : binding.channels)
                if (!contains(labels_of(goal->second.pattern, interface), label))
                    return true;
    return false;
}

/// One that gives up a port changes when nobody sends there any more.
void planner::blueprints(bool late) {
    for (const auto& [name, goal] : wanted_->blueprints) {
        const auto is = at_.value.blueprints.find(name);
        const bool is_new = is == at_.value.blueprints.end();
        if (!is_new && is->second == goal)
            continue;
        if (!late && loses_a_port(name))
            continue;
        std::string text = goal.pattern.module;
        if (!is_new) {
            difference changes;
            const incarnation_declaration& was = is->second.pattern;
            changes.note("module", was.module, goal.pattern.module);
            for (const auto& [interface, binding] : goal.pattern.interfaces)
                changes.note(interface, joined(labels_of(was, interface)),
                             joined(binding.channels));
            changes.note("instances", number_text(is->second.instances_max, "unlimited"),
                         number_text(goal.instances_max, "unlimited"));
            if (const std::string more =
                    adjustment(was, goal.pattern, was.parameters != goal.pattern.parameters);
                !more.empty())
                changes.also(more);
            text = changes.text().empty() ? "changed" : changes.text();
        }
        add(kind::blueprint, name, text, !is_new);
    }
    if (!late)
        return;
    labels gone;
    for (const auto& [name, b] : at_.value.blueprints)
        if (wanted_->blueprints.count(name) == 0)
            gone.push_back(name);
    for (const std::string& name : gone)
        add(kind::unblueprint, name);
}

// ---------------------------------------------------------------------- those that stay

void planner::streams_of_survivors() {
    for (const bool binding_first : {true, false})
        for (const auto& [name, goal] : survivors()) {
            const incarnation_declaration is = now(name);
            for (const auto& [interface, own] : is.interfaces) {
                if (own.kind != interface_kind::stream)
                    continue;
                const labels& has = own.channels;
                const labels& gets = labels_of(*goal, interface);
                plan_step step;
                step.name = name;
                step.interface = interface;
                step.kind = has.empty() ? kind::wire : kind::rebind;
                step.before = has.empty() ? "" : has.front();
                step.item = gets.empty() ? "" : gets.front();
                // Who served it has gone: the stream is to be bound again.
                const bool again = has == gets && !has.empty() && fresh_.count(has.front()) != 0;
                if (again) {
                    step.kind = kind::wire;
                    step.text = "-> " + step.item + " again, of its new port";
                } else if (step.kind == kind::wire) {
                    step.text = "-> " + step.item;
                } else {
                    step.text = step.before + " -> " + (gets.empty() ? "none" : step.item);
                }
                const bool needed = again || has != gets;
                if (needed && (step.kind == kind::wire) == binding_first)
                    add(std::move(step));
            }
            if (!binding_first)
                continue;
            for (const auto& [interface, binding] : goal->interfaces) {
                if (binding.kind != interface_kind::stream || binding.channels.empty() ||
                    is.interfaces.count(interface) != 0)
                    continue;
                plan_step step;
                step.kind = kind::wire;
                step.name = name;
                step.interface = interface;
                step.item = binding.channels.front();
                step.text = "-> " + step.item;
                add(std::move(step));
            }
        }
}

void planner::placements() {
    for (const auto& [name, goal] : survivors()) {
        const auto at = at_.at.find(name);
        if (at == at_.at.end())
            continue;
        const auto node = std::find_if(at_.nodes.begin(), at_.nodes.end(),
                                       [&](const auto& each) { return each.node == at->second; });
        if (node == at_.nodes.end())
            continue;
        for (const std::string& place : {goal->where.on, goal->where.spread_over}) {
            const auto found = wanted_->places.find(place);
            if (found == wanted_->places.end() || belongs_to(found->second, node->facts))
                continue;
            plan_step step;
            step.kind = kind::migrate;
            step.name = name;
            step.text = "node " + node->name + " is not of place " + place;
            add(std::move(step));
            break;
        }
    }
}

void planner::adjustments() {
    for (const auto& [name, goal] : survivors()) {
        const incarnation_declaration& is = now(name);
        const bool parameters = is.parameters != goal->parameters && options_->adjustable &&
                                options_->adjustable(is.module);
        plan_step step;
        step.text = adjustment(is, *goal, parameters);
        if (step.text.empty())
            continue;
        step.kind = kind::adjust;
        step.name = name;
        if (parameters)
            step.item = adjusts_parameters;
        add(std::move(step));
    }
}

/// The namespace names another program from now on when everybody has moved.
void planner::upgrades() {
    for (const program_use& use : wanted_->programs) {
        const auto is = std::find_if(
            at_.value.programs.begin(), at_.value.programs.end(),
            [&](const program_use& each) { return each.name_space == use.name_space; });
        if (is == at_.value.programs.end() || is->program == use.program)
            continue;
        for (const auto& [name, goal] : survivors()) {
            if (goal->module.rfind(use.name_space + ".", 0) != 0)
                continue;
            plan_step step;
            step.kind = kind::upgrade;
            step.name = name;
            step.item = use.program;
            step.text = goal->module + " of " + is->program + " -> " + use.program;
            add(std::move(step));
        }
    }
}

void planner::exports() {
    for (const auto& [name, goal] : wanted_->exports) {
        const auto is = at_.value.exports.find(name);
        if (is == at_.value.exports.end())
            add(kind::offer, name, goal.channel);
        else if (!(is->second == goal))
            add(kind::offer, name,
                is->second.channel == goal.channel ? "to others, or other messages"
                                                   : is->second.channel + " -> " + goal.channel,
                true);
    }
    labels gone;
    for (const auto& [name, e] : at_.value.exports)
        if (wanted_->exports.count(name) == 0)
            gone.push_back(name);
    for (const std::string& name : gone)
        add(kind::unoffer, name);
}

// ---------------------------------------------------------------------- the end

/// Whoever sends there leaves before, as far as they are in no circle.
void planner::departures() {
    std::vector<plan_step> left;
    auto those = survivors();
    for (const incarnation_name& name : to_make_)
        those.emplace_back(name, &wanted_->incarnations.at(name));
    for (const auto& [name, goal] : those)
        for (const auto& [interface, binding] : now(name).interfaces)
            if (binding.kind == interface_kind::port)
                for (const std::string& label : binding.channels) {
                    if (contains(labels_of(*goal, interface), label))
                        continue;
                    plan_step step;
                    step.kind = kind::detach;
                    step.name = name;
                    step.interface = interface;
                    step.item = label;
                    step.text = "no longer <- " + label;
                    left.push_back(std::move(step));
                }
    const auto leaves = [&](const incarnation_name& name, const incarnation_declaration& is) {
        if (!is_gone(name))
            return;
        plan_step step;
        step.kind = kind::withdraw;
        step.name = name;
        step.text = is.module;
        left.push_back(std::move(step));
    };
    for (const auto& [name, is] : at_.value.incarnations)
        leaves(name, is);
    for (const auto& [name, is] : at_.instances)
        leaves(name, is);
    const auto is_left = [&](const plan_step& step) {
        if (step.kind == kind::detach)
            return !has_clients(step.item, {});
        for (const auto& [interface, binding] : now(step.name).interfaces)
            if (binding.kind == interface_kind::port)
                for (const std::string& label : binding.channels)
                    if (has_clients(label, step.name))
                        return false;
        return true;
    };
    while (!left.empty()) {
        auto next = std::find_if(left.begin(), left.end(), is_left);
        if (next == left.end())
            next = std::find_if(left.begin(), left.end(),
                                [](const plan_step& step) { return step.kind == kind::withdraw; });
        if (next == left.end())
            next = left.begin();
        plan_step step = std::move(*next);
        left.erase(next);
        add(std::move(step));
    }
}

void planner::declarations_go() {
    labels channels;
    for (const auto& [label, channel] : at_.value.channels)
        if (wanted_->channels.count(label) == 0)
            channels.push_back(label);
    for (const std::string& label : channels)
        add(kind::unchannel, label);
    labels places;
    for (const auto& [name, place] : at_.value.places)
        if (wanted_->places.count(name) == 0)
            places.push_back(name);
    for (const std::string& name : places)
        add(kind::unplace, name);
    const std::vector<program_use> has = at_.value.programs;
    for (const program_use& use : has) {
        const auto goal = std::find_if(
            wanted_->programs.begin(), wanted_->programs.end(),
            [&](const program_use& each) { return each.name_space == use.name_space; });
        if (goal == wanted_->programs.end())
            add(kind::unuse, use.name_space, "of program " + use.program);
        else if (goal->program != use.program)
            add(kind::use, use.name_space, "from program " + use.program + " -> " + goal->program,
                true);
    }
    difference described;
    described.note("version", std::to_string(at_.value.version), std::to_string(wanted_->version));
    if (at_.value.parameters != wanted_->parameters)
        described.also(changes_between(at_.value.parameters, wanted_->parameters));
    if (!described.text().empty())
        add(kind::describe, wanted_->name, described.text());
}

} // namespace equus::config
