// The syntax tree of a configuration: what was written, with its places, and nothing concluded from
// it. The checker reads it; the formatter works on the tokens instead, because it must keep what
// the tree leaves out.
#pragma once

#include "config/source.hpp"

#include <equus/rdc.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace equus::config {

/// A name as written, possibly dotted.
struct name {
    std::string text;
    span where;
};

enum class expression_kind : std::uint8_t {
    boolean,
    integer,
    duration,
    text,
    name,
    list,
    negate,
    add,
    subtract,
    multiply,
    broken, ///< a literal already reported as malformed; of every type
};

struct expression {
    expression_kind kind = expression_kind::broken;
    span where;
    std::int64_t number = 0;          ///< boolean, integer, duration in ns
    std::string text;                 ///< text, name
    std::vector<expression> operands; ///< list, negate (1), the others (2)
};

enum class type_kind : std::uint8_t { integer, text, path, boolean, duration, list, broken };

/// `int`, `1..64`, `10ms..5s`, `list of path`.
struct type {
    type_kind kind = type_kind::broken;
    span where;
    std::optional<std::int64_t> low; ///< both or neither
    std::optional<std::int64_t> high;
    std::vector<type> element; ///< of a list: one
};

struct use_item {
    name name_space;
    name program;
    span where;
};

struct parameter_item {
    name id;
    type of;
    std::optional<expression> value;
};

/// A place's condition, in postfix order like place_term.
struct condition_step {
    place_test test = place_test::has;
    name attribute;
    expression operand;
    span where;
};

struct place_item {
    name id;
    std::vector<condition_step> where;
};

struct channel_item {
    name id;
    name protocol;
    name kind; ///< empty: unicast
};

/// `manager`, `worker[0]`.
struct incarnation_reference {
    name family;
    std::optional<expression> subscript;
};

struct wiring {
    interface_kind kind = interface_kind::port;
    name interface;
    std::vector<name> channels; ///< empty: `none`
    bool handle = false;
    span where;
};
struct assignment {
    name parameter;
    expression value;
};
struct on_statement {
    name place;
};
struct near_statement {
    incarnation_reference other;
};
struct spread_statement {
    name place;
};
struct migrate_statement {
    name mode;
    std::optional<expression> within;
};
struct limit_statement {
    std::optional<name> interface;
    name what;
    expression value;
};
struct priority_statement {
    expression value;
};
using statement = std::variant<wiring, assignment, on_statement, near_statement, spread_statement,
                               migrate_statement, limit_statement, priority_statement>;

/// `when index in 2..3 { ... }`: statements that replace the plain ones for some instances.
struct when_block {
    bool by_key = false;
    expression low; ///< or the list, or the only one
    std::optional<expression> high;
    std::vector<statement> statements;
    span where;
};

enum class role : std::uint8_t { plain, primary, blueprint, addition };

struct incarnation_item {
    role as = role::plain;
    name family;
    bool subscripted = false;
    std::vector<expression> subscript;
    name module; ///< empty in an addition
    std::vector<statement> statements;
    std::vector<when_block> conditional;
    bool damaged = false; ///< a syntax error inside: do not complain about what may be missing
    span where;
};

struct grantee {
    name kind; ///< user, group, everyone
    name who;
};
struct export_item {
    name channel;
    name public_name;
    std::vector<name> only;
    std::vector<grantee> to;
};

/// `moved OLD to NEW`.
struct moved_item {
    incarnation_reference from;
    incarnation_reference to;
    span where;
};

struct header_item {
    name id;
    std::uint32_t version = 0;
};

/// A whole file.
struct document {
    bool readable = true; ///< false: too large or not text; nothing else can be said
    std::vector<header_item> headers;
    std::vector<use_item> uses;
    std::vector<parameter_item> parameters;
    std::vector<place_item> places;
    std::vector<channel_item> channels;
    std::vector<incarnation_item> incarnations;
    std::vector<export_item> exports;
    std::vector<moved_item> moved;
    /// Words of the regions skipped after a syntax error: they may have been declarations.
    std::set<std::string, std::less<>> doubtful;
};

} // namespace equus::config
