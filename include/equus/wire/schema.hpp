// The schema of messages, for people, for other languages and for CI. A program describes its
// message types (describe.hpp); here they become text, on a hosted machine:
//
//     schema_text   a .capnp file that `capnp compile` accepts and whose layout is ours
//     lock_text     what older programs rely on, to be kept under version control
//     check_lock    what a change broke: fields reordered, removed, of another type or default
//     to_json       an encoded message, for looking at
//
// A struct is called after its C++ type, and its id is the hash of its qualified name; a type that
// gives `equus_name` can be renamed in C++. What C++ spells as a type argument becomes a nested
// struct, called after the field: an entry of a map (JobsEntry), a variant (WhatUnion), an optional
// or owned object in a list (TagsOption, NodesBox).
#pragma once

#include <equus/wire/describe.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace equus::wire {

using schema_list = std::span<const schema_type* const>;

/// A protocol's messages in the order of their ordinals.
struct protocol_schema {
    struct method {
        const schema_type* message = nullptr;
        const schema_type* reply = nullptr; ///< null: one-way
    };
    std::string_view name; ///< "doc.printing"
    std::vector<method> methods;
};
using protocol_list = std::span<const protocol_schema>;

/// The id of a schema file or struct: the hash of its name with the top bit set.
constexpr std::uint64_t schema_id(std::string_view name) noexcept {
    return stable_hash(name) | std::uint64_t{1} << 63;
}

/// The name of a struct, enumeration or reference as schema and lock have it: "doc.print".
std::string schema_name(const schema_type& type);

/// The protocols, the roots and all that they lead to, as the text of one .capnp file; a protocol
/// is an interface there. Two different types of one name are printed both; `capnp compile` then
/// refuses the file.
std::string schema_text(std::uint64_t file_id, schema_list roots, protocol_list protocols = {});

/// One line for each struct, field, enumerator, protocol and message, in a fixed order.
std::string lock_text(schema_list roots, protocol_list protocols = {});

/// What `current`, a lock text, breaks of `old`: one sentence each, empty if only things were
/// appended. A line of `old` that cannot be read is a violation too.
std::vector<std::string> check_lock(std::string_view old, std::string_view current);

/// The message as one JSON object, fields named as in C++. Durations are integers (ns), data is a
/// string of hexadecimal digits, a reference its index, a missing optional null, a variant an
/// object with the name of its alternative. errc::malformed as decode.
result<std::string> to_json(const schema_type& type, std::span<const std::byte> message,
                            const limits& within = {});

} // namespace equus::wire
