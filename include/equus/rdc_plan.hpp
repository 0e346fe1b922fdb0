// How a running computation becomes another one: an ordered list of steps, each of which leaves a
// computation that could go on as it is. A plan is a value. It is made where there is a text and
// time to think (src/config/plan.hpp), shown to people, and carried out by the launch, one step
// after the other.
//
// What a step does to the value is said here, once, by `apply_step`: the launch keeps what runs by
// it, and a plan is right when its steps lead from the one value to the other. A step names what it
// concerns; what it becomes stands in the wanted value. Freestanding.
#pragma once

#include <equus/base/fields.hpp>
#include <equus/base/ids.hpp>
#include <equus/rdc.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace equus {

struct running_node {
    node_id node;
    std::string name;
    node_facts facts;
    friend bool operator==(const running_node&, const running_node&) = default;
    EQUUS_FIELDS(node, name, facts)
};

/// A computation as it is now.
struct running_rdc {
    rdc value; ///< without declared incarnations that have failed or were lost
    /// Of blueprints, that are there, with what they were made from.
    std::map<incarnation_name, incarnation_declaration> instances;
    std::vector<incarnation_name> ended; ///< of the declared ones: have done their work; in order
    std::map<incarnation_name, node_id> at;
    std::vector<running_node> nodes;
    std::vector<std::string> folders; ///< that the nodes may reach; empty with `any_folder`
    bool any_folder = true;
    std::uint64_t run = 0;     ///< which run; never given twice
    std::uint64_t changes = 0; ///< grows with every change of `value`, `ended` and `at`
    EQUUS_FIELDS(value, instances, ended, at, nodes, folders, any_folder, run, changes)
};

/// Roughly in the order in which a plan has them.
enum class plan_step_kind : std::uint16_t {
    use = 0,       ///< namespace `item` comes from the wanted program
    place = 1,     ///< place `item` is declared, or has another condition
    rename = 2,    ///< `other` is called `name` from now on
    channel = 3,   ///< channel `item` is there
    create = 4,    ///< `name` is made, but for what is `deferred`
    replace = 5,   ///< `name` ends and is made anew, from another module or with other parameters
    wire = 6,      ///< `interface` of `name` gets `item`; nothing had it before
    attach = 7,    ///< the port gets unicast channel `item`, which `other` has
    rebind = 8,    ///< the stream leads to `item` instead of `before`; empty: to nothing
    blueprint = 9, ///< blueprint `item` is as wanted
    migrate = 10,  ///< `name` moves to a node where it may be
    upgrade = 11,  ///< `name` moves to a node that runs the wanted program
    adjust = 12,   ///< `name` has the wanted limits and placement; parameters too where `item`
                   ///< says so
    offer = 13,    ///< export `item` is as wanted
    unoffer = 14,
    detach = 15, ///< the port is no longer on channel `item`
    unblueprint = 16,
    withdraw = 17, ///< `name` ends, when nothing lies in its queues
    unchannel = 18,
    unplace = 19,
    unuse = 20,
    describe = 21, ///< version and params of the configuration
};
EQUUS_ENUM(plan_step_kind, use, place, rename, channel, create, replace, wire, attach, rebind,
           blueprint, migrate, upgrade, adjust, offer, unoffer, detach, unblueprint, withdraw,
           unchannel, unplace, unuse, describe)

/// In `item` of an adjust.
inline constexpr std::string_view adjusts_parameters = "parameters";

/// One channel at one interface.
struct plan_end {
    std::string interface;
    std::string label;
    friend auto operator<=>(const plan_end&, const plan_end&) = default;
    EQUUS_FIELDS(interface, label)
};

struct plan_step {
    plan_step_kind kind = plan_step_kind::describe;
    incarnation_name name;
    incarnation_name other;
    std::string interface;
    std::string item;
    std::string before;             ///< of what is changed: the channel, or the name
    std::vector<plan_end> deferred; ///< wired by a later step
    std::vector<plan_end> kept;     ///< by who is made anew, until a later step
    std::string text;               ///< for people: what changes, and why
    friend bool operator==(const plan_step&, const plan_step&) = default;
    EQUUS_FIELDS(kind, name, other, interface, item, before, deferred, kept, text)
};

struct rdc_plan {
    std::uint64_t run = 0;     ///< of the running_rdc that it was made for
    std::uint64_t changes = 0; ///< likewise
    rdc wanted;
    std::vector<plan_step> steps;
    std::vector<std::string> granted; ///< authority that comes, in order
    std::vector<std::string> revoked; ///< and that goes
    std::vector<std::string> refused; ///< why there is no plan; then there are no steps
    std::vector<std::string> notes;   ///< what stays as it is although something else is written
    /// The instances of the blueprints that its steps change: with others it is stale.
    std::vector<incarnation_name> instances;
    friend bool operator==(const rdc_plan&, const rdc_plan&) = default;
    EQUUS_FIELDS(run, changes, wanted, steps, granted, revoked, refused, notes, instances)
};

namespace detail {

/// What is declared of `name`: its own declaration, or that of its blueprint; null: nothing.
inline const incarnation_declaration* declared_in(const rdc& value, const incarnation_name& name) {
    if (const auto own = value.incarnations.find(name); own != value.incarnations.end())
        return &own->second;
    const auto blueprint = value.blueprints.find(name.family);
    return blueprint != value.blueprints.end() && name.index ? &blueprint->second.pattern : nullptr;
}

inline incarnation_declaration* running_as(running_rdc& in, const incarnation_name& name) {
    if (const auto own = in.value.incarnations.find(name); own != in.value.incarnations.end())
        return &own->second;
    const auto instance = in.instances.find(name);
    return instance != in.instances.end() ? &instance->second : nullptr;
}

inline void add_label(interface_binding& to, const std::string& label) {
    const auto at = std::lower_bound(to.channels.begin(), to.channels.end(), label);
    if (at == to.channels.end() || *at != label)
        to.channels.insert(at, label);
}

/// What is wired to nothing leaves no handle.
inline void remove_label(interface_binding& from, const std::string& label) {
    std::erase(from.channels, label);
    from.handle = from.handle && !from.channels.empty();
}

template <class Map>
void set_or_erase(Map& to, const Map& from, const std::string& key) {
    if (const auto found = from.find(key); found != from.end())
        to.insert_or_assign(key, found->second);
    else
        to.erase(key);
}

inline void set_program(std::vector<program_use>& to, const std::vector<program_use>& from,
                        const std::string& name_space) {
    std::erase_if(to, [&](const program_use& use) { return use.name_space == name_space; });
    for (const program_use& use : from)
        if (use.name_space == name_space)
            to.insert(std::upper_bound(to.begin(), to.end(), use), use);
}

/// Everything but module, role, channels and parameters.
inline void adjust(incarnation_declaration& to, const incarnation_declaration& wanted) {
    std::erase_if(to.interfaces, [&](const auto& entry) {
        return entry.second.channels.empty() && wanted.interfaces.count(entry.first) == 0;
    });
    for (const auto& [interface, binding] : wanted.interfaces) {
        interface_binding& own = to.interfaces[interface];
        auto channels = std::move(own.channels);
        own = binding;
        own.channels = std::move(channels);
    }
    to.where = wanted.where;
    to.migration = wanted.migration;
    to.memory_bytes = wanted.memory_bytes;
    to.priority = wanted.priority;
}

inline void rename(running_rdc& in, const incarnation_name& from, const incarnation_name& to) {
    if (auto node = in.value.incarnations.extract(from)) {
        node.key() = to;
        in.value.incarnations.insert(std::move(node));
    }
    if (auto node = in.at.extract(from)) {
        node.key() = to;
        in.at.insert(std::move(node));
    }
    if (std::erase(in.ended, from) != 0)
        in.ended.insert(std::upper_bound(in.ended.begin(), in.ended.end(), to), to);
    const bool was_last =
        std::none_of(in.value.incarnations.begin(), in.value.incarnations.end(),
                     [&](const auto& entry) { return entry.first.family == from.family; });
    const auto follow = [&](std::optional<incarnation_name>& near) {
        if (near == from)
            near = to;
        else if (near && was_last && !near->index && !near->key && near->family == from.family)
            near->family = to.family;
    };
    for (auto& [name, declared] : in.value.incarnations)
        follow(declared.where.near);
    for (auto& [name, declared] : in.instances)
        follow(declared.where.near);
    for (auto& [name, declared] : in.value.blueprints)
        follow(declared.pattern.where.near);
}

} // namespace detail

/// The computation after the step. Requires: the step is one of a plan from `in` to `wanted`, and
/// those before it are done.
inline void apply_step(running_rdc& in, const rdc& wanted, const plan_step& step) {
    using kind = plan_step_kind;
    incarnation_declaration* const own = detail::running_as(in, step.name);
    const incarnation_declaration* const goal = detail::declared_in(wanted, step.name);
    const auto binding = [&]() -> interface_binding* {
        return own ? &own->interfaces[step.interface] : nullptr;
    };
    switch (step.kind) {
    case kind::use:
    case kind::unuse:
        detail::set_program(in.value.programs, wanted.programs, step.item);
        break;
    case kind::place:
    case kind::unplace:
        detail::set_or_erase(in.value.places, wanted.places, step.item);
        break;
    case kind::channel:
    case kind::unchannel:
        detail::set_or_erase(in.value.channels, wanted.channels, step.item);
        break;
    case kind::blueprint:
    case kind::unblueprint:
        detail::set_or_erase(in.value.blueprints, wanted.blueprints, step.item);
        break;
    case kind::offer:
    case kind::unoffer:
        detail::set_or_erase(in.value.exports, wanted.exports, step.item);
        break;
    case kind::rename:
        detail::rename(in, step.other, step.name);
        break;
    case kind::create:
    case kind::replace: {
        if (goal == nullptr)
            break;
        incarnation_declaration made = *goal;
        for (const plan_end& each : step.deferred)
            detail::remove_label(made.interfaces[each.interface], each.label);
        for (const plan_end& each : step.kept)
            detail::add_label(made.interfaces[each.interface], each.label);
        in.value.incarnations.insert_or_assign(step.name, std::move(made));
        std::erase(in.ended, step.name);
        in.at.erase(step.name);
        break;
    }
    case kind::attach:
        if (incarnation_declaration* other = detail::running_as(in, step.other))
            for (auto& [interface, its] : other->interfaces)
                if (its.kind == interface_kind::port)
                    detail::remove_label(its, step.item);
        [[fallthrough]];
    case kind::wire:
        if (interface_binding* to = binding(); to && goal) {
            const auto said = goal->interfaces.find(step.interface);
            if (to->channels.empty() && said != goal->interfaces.end()) {
                *to = said->second;
                to->channels.clear();
            }
            detail::add_label(*to, step.item);
        }
        break;
    case kind::rebind:
        if (interface_binding* to = binding()) {
            to->channels.clear();
            if (!step.item.empty())
                to->channels.push_back(step.item);
            to->handle = to->handle && !step.item.empty();
        }
        break;
    case kind::detach:
        if (interface_binding* to = binding())
            detail::remove_label(*to, step.item);
        break;
    case kind::migrate:
        in.at.erase(step.name);
        if (own && goal)
            own->where = goal->where;
        break;
    case kind::upgrade:
        break; // the value names the program, not who runs it
    case kind::adjust:
        if (own && goal) {
            detail::adjust(*own, *goal);
            if (step.item == adjusts_parameters)
                own->parameters = goal->parameters;
        }
        break;
    case kind::withdraw:
        in.value.incarnations.erase(step.name);
        in.instances.erase(step.name);
        std::erase(in.ended, step.name);
        in.at.erase(step.name);
        break;
    case kind::describe:
        in.value.version = wanted.version;
        in.value.parameters = wanted.parameters;
        in.value.moved = wanted.moved;
        break;
    }
}

} // namespace equus
