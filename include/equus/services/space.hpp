// Stream space holds references by label for the life of a computation [K37]: who has a reference
// puts it, who needs one gets it, in any order. A put does not wait; a get waits until the label is
// there. It is how declared interfaces find each other [K34, K36], and any incarnation that was
// given `system.space` may use it while it runs.
//
//     auto put = co_await space.invoke<equus::space::put>(label, what, protocol);
//     auto got = co_await space.invoke<equus::space::get>(label).within(equus::space::patience);
//
// Copies: without limit, or N at a time, each given back by `give_back`. A node's cache answers
// what may be cached from its own memory [K38]. Limit: the primary space is at one node and ends
// with it [K40].
#pragma once

#include <equus/protocol.hpp>
#include <equus/rdc.hpp>
#include <equus/stream.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus::space {

/// What a reference leads to. A port of a unicast channel is limited to one copy out [K39].
enum class referent : std::uint16_t {
    stream = 0,
    port = 1,
    stream_handle = 2,
    port_handle = 3,
    incarnation = 4,
    buffer = 5,
};

/// A get waits for as long as its asker lives. Every call has a deadline (rule 22), so this is one
/// that no run reaches.
inline constexpr duration patience = std::chrono::hours{24 * 365 * 50};

struct entry {
    any_reference what;
    std::string protocol; ///< of a stream or port
    channel_kind routing = channel_kind::unicast;
    bool cacheable = false; ///< the node may answer the next get from its own memory
    EQUUS_FIELDS(what, protocol, routing, cacheable)
};

struct stored {
    std::uint32_t answered = 0; ///< requests that were waiting for the label
    EQUUS_FIELDS(answered)
};
/// Deposits a reference. already_exists: the label is taken, and stays taken until `remove`.
struct put {
    using reply = stored;
    std::string label;
    any_reference what;
    std::string protocol;
    channel_kind routing = channel_kind::unicast;
    referent kind = referent::stream;
    std::uint32_t copies = 0; ///< out at a time; 0: no limit
    bool cached = true;       ///< nodes may keep a copy; never when `copies` limits
    EQUUS_FIELDS(label, what, protocol, routing, kind, copies, cached)
};

/// Takes a copy; waits for the label, and for a copy to come back when all are out.
struct get {
    using reply = entry;
    std::string label;
    std::string who;    ///< shown by `print` while it waits
    bool fresh = false; ///< not from a node's memory [K38]
    EQUUS_FIELDS(label, who, fresh)
};

struct description {
    bool known = false;
    std::string protocol;
    channel_kind routing = channel_kind::unicast;
    EQUUS_FIELDS(known, protocol, routing)
};
/// Tests whether a label is there, and what it leads to. Does not wait.
struct describe {
    using reply = description;
    std::string label;
    EQUUS_FIELDS(label)
};

struct returned {
    std::uint32_t out = 0; ///< copies that are still out
    EQUUS_FIELDS(out)
};
/// Gives one copy back. The giver closes its own.
struct give_back {
    using reply = returned;
    std::string label;
    EQUUS_FIELDS(label)
};

struct removed {
    std::uint32_t out = 0; ///< copies that were out; they stay valid
    EQUUS_FIELDS(out)
};
/// Takes the label away; it may be put again. Copies, also those in caches, are not touched [K38].
struct remove {
    using reply = removed;
    std::string label;
    EQUUS_FIELDS(label)
};

struct line {
    std::string label;
    std::string protocol;
    channel_kind routing = channel_kind::unicast;
    referent kind = referent::stream;
    std::uint32_t copies = 0;
    std::uint32_t out = 0;
    bool cached = true;
    EQUUS_FIELDS(label, protocol, routing, kind, copies, out, cached)
};
struct waiting_line {
    std::string label;
    std::vector<std::string> who; ///< in the order of asking
    EQUUS_FIELDS(label, who)
};
struct contents {
    std::vector<line> lines;
    std::vector<waiting_line> waiting;
    EQUUS_FIELDS(lines, waiting)
};
/// Everything there, and everybody who waits, in order of labels.
struct print {
    using reply = contents;
    bool everything = true;
    EQUUS_FIELDS(everything)
};

using spacing = protocol<"equus.space", put, get, describe, give_back, remove, print>;

/// A service tells the one who made it how to reach it.
struct announced {
    any_reference requests;
    EQUUS_FIELDS(requests)
};
using announcing = protocol<"equus.announcing", announced>;

} // namespace equus::space
