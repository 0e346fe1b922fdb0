// A reconfigurable distributed computation as a value: which incarnations exist, how they are
// wired, where they may be and what they are given. A file in the RDC language and C++ code produce
// the same value (rdc_builder.hpp), so that either may stand for the other; comparing two values is
// how a change is planned.
//
// Everything is named and kept in name order, never in the order of writing [K34]. Families are
// already resolved to instances, parameters to values, so whoever establishes an rdc evaluates
// nothing. Labels (channel names) stay valid for the computation's life [K36]. Freestanding.
#pragma once

#include <equus/base/fields.hpp>
#include <equus/base/time.hpp>
#include <equus/manifest.hpp>

#include <compare>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace equus {

/// A path that is a path: the launcher resolves it against the file's folder, plain text it leaves
/// alone.
struct file_path {
    std::string text;
    friend auto operator<=>(const file_path&, const file_path&) = default;
    EQUUS_FIELDS(text)
};

/// A typed value of the language.
struct rdc_value {
    using list = std::vector<rdc_value>;
    std::variant<bool, std::int64_t, std::string, file_path, duration, list> data;

    rdc_value() = default;
    rdc_value(bool flag) : data{flag} {}
    template <std::integral Integer>
    rdc_value(Integer number) : data{static_cast<std::int64_t>(number)} {}
    rdc_value(const char* text) : data{std::string{text}} {}
    rdc_value(std::string text) : data{std::move(text)} {}
    rdc_value(file_path path) : data{std::move(path)} {}
    rdc_value(duration span) : data{span} {}
    rdc_value(list items) : data{std::move(items)} {}

    /// The value as a T, or null when it is of another type.
    template <class T>
    const T* as() const noexcept {
        return std::get_if<T>(&data);
    }
    friend bool operator==(const rdc_value& a, const rdc_value& b) { return a.data == b.data; }
    EQUUS_FIELDS(data)
};

using rdc_values = std::map<std::string, rdc_value, std::less<>>;

/// `manager`, `worker[2]` or `spooler["a"]`: an incarnation's name within its rdc.
struct incarnation_name {
    std::string family;
    std::optional<std::uint32_t> index; ///< in a counted family, from 0
    std::optional<std::string> key;     ///< in a keyed family

    /// As the language writes it.
    std::string text() const {
        if (index)
            return family + "[" + std::to_string(*index) + "]";
        return key ? family + "[\"" + *key + "\"]" : family;
    }
    friend auto operator<=>(const incarnation_name&, const incarnation_name&) = default;
    EQUUS_FIELDS(family, index, key)
};

/// The namespace `name_space` (its modules and protocols) comes from the program `program`.
struct program_use {
    std::string name_space;
    std::string program;
    friend auto operator<=>(const program_use&, const program_use&) = default;
    EQUUS_FIELDS(name_space, program)
};

/// How a channel routes [K22]. `group` is reserved.
enum class channel_kind : std::uint16_t { unicast = 0, multicast = 1, anycast = 2, group = 3 };
EQUUS_ENUM(channel_kind, unicast, multicast, anycast, group)

struct channel_declaration {
    std::string protocol;
    channel_kind kind = channel_kind::unicast;
    friend bool operator==(const channel_declaration&, const channel_declaration&) = default;
    EQUUS_FIELDS(protocol, kind)
};

/// What one interface of an incarnation is wired to. A stream has at most one channel, a port any
/// number.
struct interface_binding {
    interface_kind kind = interface_kind::port;
    std::vector<std::string>
        channels; ///< labels; `system.NAME` is a service of the node; empty: unwired on purpose
    bool handle = false;                ///< leave a handle in stream space for later rewiring [K35]
    std::uint32_t credit = 0;           ///< messages under way at once; 0: the node's default
    std::uint32_t queue = 0;            ///< messages waiting at a port; 0: the node's default
    std::optional<std::uint32_t> calls; ///< calls outstanding on a stream [K29]; 0: synchronous
    /// Where that was written, "shop.rdc:21", for people: no part of the value.
    std::string where;
    friend bool operator==(const interface_binding& a, const interface_binding& b) noexcept {
        return a.kind == b.kind && a.channels == b.channels && a.handle == b.handle &&
               a.credit == b.credit && a.queue == b.queue && a.calls == b.calls;
    }
    EQUUS_FIELDS(kind, channels, handle, credit, queue, calls, where)
};

/// Where an incarnation may be. Nothing set: any node.
struct placement {
    std::string on; ///< a place; empty: any node
    std::optional<incarnation_name>
        near;                ///< on its node if possible; without index or key: any of the family
    std::string spread_over; ///< a place or "nodes": as few of the family per node as possible
    friend bool operator==(const placement&, const placement&) = default;
    EQUUS_FIELDS(on, near, spread_over)
};

/// Whether and how an incarnation moves while it runs. `automatic`: whoever holds the right may
/// move it.
enum class migration_mode : std::uint16_t { automatic = 0, live = 1, never = 2 };
EQUUS_ENUM(migration_mode, automatic, live, never)

struct migration_policy {
    migration_mode mode = migration_mode::automatic;
    std::optional<duration> within; ///< longest freeze accepted
    friend bool operator==(const migration_policy&, const migration_policy&) = default;
    EQUUS_FIELDS(mode, within)
};

/// Of an incarnation among those of its node: the higher goes first, and the lower is never starved
/// (docs/protocol.md, "Turns").
using priority_level = std::uint8_t;
inline constexpr priority_level priority_count = 8;
inline constexpr priority_level priority_normal = 3;

/// One incarnation, or the pattern of a blueprint.
struct incarnation_declaration {
    std::string module;
    bool primary = false;
    std::map<std::string, interface_binding, std::less<>> interfaces;
    rdc_values parameters;
    placement where;
    migration_policy migration;
    std::uint64_t memory_bytes = 0; ///< limit; 0: the node's default
    priority_level priority = priority_normal;
    friend bool operator==(const incarnation_declaration&,
                           const incarnation_declaration&) = default;
    EQUUS_FIELDS(module, primary, interfaces, parameters, where, migration, memory_bytes, priority)
};

/// A declaration that creates nothing by itself: the primary makes instances of it at run time, by
/// name, wired as the pattern says. They are called name[0], name[1], ... in order of creation.
struct blueprint_declaration {
    incarnation_declaration pattern;
    std::uint32_t instances_max = 0; ///< 0: as many as the nodes' limits allow
    friend bool operator==(const blueprint_declaration&, const blueprint_declaration&) = default;
    EQUUS_FIELDS(pattern, instances_max)
};

/// One step of a place's condition, in postfix order: tests push a truth value, `conjunction` and
/// `disjunction` take two, `negation` takes one.
enum class place_test : std::uint16_t {
    has = 0, ///< the node carries the tag `attribute`
    equal = 1,
    not_equal = 2,
    less = 3,
    less_equal = 4,
    greater = 5,
    greater_equal = 6,
    conjunction = 7,
    disjunction = 8,
    negation = 9,
};
EQUUS_ENUM(place_test, has, equal, not_equal, less, less_equal, greater, greater_equal, conjunction,
           disjunction, negation)

struct place_term {
    place_test test = place_test::has;
    std::string attribute;
    rdc_value operand;
    friend bool operator==(const place_term&, const place_term&) = default;
    EQUUS_FIELDS(test, attribute, operand)
};

/// A set of nodes, by condition. No terms: every node.
struct place_declaration {
    std::vector<place_term> where;
    friend bool operator==(const place_declaration&, const place_declaration&) = default;
    EQUUS_FIELDS(where)
};

/// What a node says about itself; rdc_place.hpp compares it with a place.
struct node_facts {
    std::vector<std::string> tags;
    rdc_values attributes;
    friend bool operator==(const node_facts&, const node_facts&) = default;
    EQUUS_FIELDS(tags, attributes)
};

/// Who may open an export.
enum class grantee_kind : std::uint16_t { user = 0, group = 1, everyone = 2 };
EQUUS_ENUM(grantee_kind, user, group, everyone)

struct grant {
    grantee_kind kind = grantee_kind::user;
    std::string name; ///< empty for everyone
    friend auto operator<=>(const grant&, const grant&) = default;
    EQUUS_FIELDS(kind, name)
};

/// A channel offered to others under a public name. No grants: only the user who launched the rdc.
struct export_declaration {
    std::string channel;
    std::vector<std::string> only; ///< messages allowed, in name order; empty: all
    std::vector<grant> grants;     ///< in order
    friend bool operator==(const export_declaration&, const export_declaration&) = default;
    EQUUS_FIELDS(channel, only, grants)
};

/// What was called `from` in an earlier configuration is called `to` in this one: it stays what it
/// is when a running computation is changed. Both without index and key: every instance of the
/// family.
struct renamed_incarnation {
    incarnation_name from;
    incarnation_name to;
    friend auto operator<=>(const renamed_incarnation&, const renamed_incarnation&) = default;
    EQUUS_FIELDS(from, to)
};

/// The whole computation.
struct rdc {
    std::string name;
    std::uint32_t version = 1;
    std::vector<program_use> programs; ///< in order of namespace
    rdc_values parameters;             ///< what `param` resolved to
    std::map<std::string, place_declaration, std::less<>> places;
    std::map<std::string, channel_declaration, std::less<>> channels;
    std::map<incarnation_name, incarnation_declaration> incarnations;
    std::map<std::string, blueprint_declaration, std::less<>> blueprints;
    std::map<std::string, export_declaration, std::less<>> exports; ///< by public name
    /// How to come here from an earlier one, in order: no part of what the computation is.
    std::vector<renamed_incarnation> moved;

    /// The one incarnation that is started first [K2], or null when the value is incomplete.
    const std::pair<const incarnation_name, incarnation_declaration>* primary() const noexcept {
        for (const auto& entry : incarnations)
            if (entry.second.primary)
                return &entry;
        return nullptr;
    }
    friend bool operator==(const rdc& a, const rdc& b) {
        return a.name == b.name && a.version == b.version && a.programs == b.programs &&
               a.parameters == b.parameters && a.places == b.places && a.channels == b.channels &&
               a.incarnations == b.incarnations && a.blueprints == b.blueprints &&
               a.exports == b.exports;
    }
    EQUUS_FIELDS(name, version, programs, parameters, places, channels, incarnations, blueprints,
                 exports, moved)
};

} // namespace equus
