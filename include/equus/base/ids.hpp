// Identities are truth, addresses are hints. An identity is given once, at the node where its
// object was born, and never used again; it stays valid wherever the object moves to. Every
// identity has an epoch of its own, raised at each of its moves; epochs of different identities are
// never compared. docs/protocol.md, section "Identifiers", lists them with their lifetimes.
#pragma once

#include <equus/base/fields.hpp>

#include <compare>
#include <cstdint>

namespace equus {

/// An integer that cannot be mistaken for another kind of integer.
template <class Tag, class Representation>
struct strong_id {
    using representation = Representation;
    Representation value = 0;

    constexpr explicit operator bool() const noexcept { return value != 0; }
    friend constexpr auto operator<=>(strong_id, strong_id) = default;
};

/// A node of one run, given by the membership register at join. 0: none; 1: the root.
using node_id = strong_id<struct node_id_tag, std::uint32_t>;
/// The life of a node, given by the membership register at join and never given twice in a run. 0:
/// none.
using boot_number = strong_id<struct boot_number_tag, std::uint32_t>;
/// A configuration's run: not soon reused [K12].
using rdc_id = strong_id<struct rdc_id_tag, std::uint64_t>;
/// How often an identity has moved. Compared between hints about the same identity only.
using epoch = strong_id<struct epoch_tag, std::uint32_t>;
/// The version of the membership view.
using view_version = strong_id<struct view_version_tag, std::uint32_t>;
/// The name of a message within its protocol: its position in the protocol's list, from 0.
using message_ordinal = std::uint16_t;

inline constexpr node_id root_node{1};

/// One life of one node.
struct node_boot {
    node_id node;
    boot_number boot;
    friend constexpr auto operator<=>(const node_boot&, const node_boot&) = default;
    EQUUS_FIELDS(node, boot)
};

/// (birth node, its boot, counter): rule 4.
struct incarnation_id {
    node_id node;
    boot_number boot;
    std::uint32_t counter = 0;

    constexpr explicit operator bool() const noexcept { return counter != 0; }
    friend constexpr auto operator<=>(const incarnation_id&, const incarnation_id&) = default;
    EQUUS_FIELDS(node, boot, counter)
};

/// (incarnation that made it, counter): the shape of every identity that an incarnation gives.
template <class Tag>
struct owned_id {
    incarnation_id owner;
    std::uint32_t counter = 0;

    constexpr explicit operator bool() const noexcept { return counter != 0; }
    friend constexpr auto operator<=>(const owned_id&, const owned_id&) = default;
    EQUUS_FIELDS(owner, counter)
};

using stream_id = owned_id<struct stream_id_tag>;
using port_id = owned_id<struct port_id_tag>;
using channel_id = owned_id<struct channel_id_tag>;
/// An invocation, named by its caller.
using call_id = owned_id<struct call_id_tag>;
/// An area of memory, named by the incarnation that owns it.
using buffer_id = owned_id<struct buffer_id_tag>;

/// Where an object was last known to be: a hint, replaced by anything with a higher epoch.
struct place {
    node_boot at;
    std::uint32_t slot =
        0; ///< index in the node's table of that kind; checked against the identity
    epoch age;
    friend constexpr auto operator<=>(const place&, const place&) = default;
    EQUUS_FIELDS(at, slot, age)
};

/// A 64-bit FNV-1a hash: stable across compilers, machines and releases. Names types and modules
/// where a number is handier than text; never used as protection.
constexpr std::uint64_t stable_hash(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x100000001b3u;
    }
    return hash;
}

} // namespace equus
