// Stream space holds references by label for the life of a computation [K37]: who has a reference
// puts it, who needs one gets it, in any order. A put does not wait; a get waits until the label is
// there. It is how declared interfaces find each other [K34, K36], and any incarnation that was
// given `system.space` may use it while it runs.
//
//     auto put = co_await space.invoke<equus::space::put>(label, what, protocol);
//     auto got = co_await space.invoke<equus::space::get>(label).within(equus::space::patience);
//
// Copies: without limit, or N at a time, each given back by `give_back`, which completes when what
// was sent by the copy is consumed; one whose holder has ended comes back by itself. A node's cache
// answers what may be cached from its own memory [K38].
//
// The primary has a standby at another node: nothing is answered before the standby has it, and it
// takes over when the primary is lost; what was asked meanwhile waits and is asked again [K40].
// Limit: when both are lost within the moment in which a new standby learns everything, the
// computation ends.
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

/// Names a request across repetitions: one that is asked again after the loss of the primary is
/// answered again, not done twice.
struct request_mark {
    incarnation_id by;         ///< who repeats; empty: nobody
    std::uint64_t number = 0;  ///< of its requests, from 1
    std::uint64_t settled = 0; ///< all up to this one have been answered
    EQUUS_FIELDS(by, number, settled)
};

struct entry {
    any_reference what;
    std::string protocol; ///< of a stream or port
    channel_kind routing = channel_kind::unicast;
    bool cacheable = false; ///< the node may answer the next get from its own memory
    bool limited = false;   ///< one of N: to be given back
    EQUUS_FIELDS(what, protocol, routing, cacheable, limited)
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
    request_mark mark;        ///< set by caches
    EQUUS_FIELDS(label, what, protocol, routing, kind, copies, cached, mark)
};

/// Takes a copy; waits for the label, and for a copy to come back when all are out.
struct get {
    using reply = entry;
    std::string label;
    std::string who;       ///< shown by `print` while it waits
    bool fresh = false;    ///< not from a node's memory [K38]
    std::string interface; ///< that it is for; shown too
    std::string where;     ///< the configuration says so: "shop.rdc:21"
    incarnation_id holder; ///< who asked the cache; set by caches
    request_mark mark;     ///< set by caches
    EQUUS_FIELDS(label, who, fresh, interface, where, holder, mark)
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
/// Gives one copy back. The giver closes its own before; what it sent is consumed when this ends.
struct give_back {
    using reply = returned;
    std::string label;
    incarnation_id holder; ///< whose copy; set by caches
    request_mark mark;     ///< set by caches
    EQUUS_FIELDS(label, holder, mark)
};

struct removed {
    std::uint32_t out = 0; ///< copies that were out; they stay valid
    EQUUS_FIELDS(out)
};
/// Takes the label away; it may be put again. Copies, also those in caches, are not touched [K38].
struct remove {
    using reply = removed;
    std::string label;
    request_mark mark; ///< set by caches
    EQUUS_FIELDS(label, mark)
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
struct waiter {
    std::string incarnation;
    std::string interface; ///< empty: code of its own asks
    std::string where;     ///< "shop.rdc:21"; empty: no file says so
    EQUUS_FIELDS(incarnation, interface, where)
};
struct waiting_line {
    std::string label;
    std::vector<std::string> who; ///< in the order of asking
    std::vector<waiter> waiters;  ///< the same, in full
    EQUUS_FIELDS(label, who, waiters)
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

/// From a cache: one more waits for what it has already asked for.
struct also_waits {
    std::string label;
    waiter who;
    EQUUS_FIELDS(label, who)
};

using spacing = protocol<"equus.space", put, get, describe, give_back, remove, print, also_waits>;

/// A service tells the one who made it how to reach it.
struct announced {
    any_reference requests;
    any_reference orders; ///< of a stream space: for who has made it only
    EQUUS_FIELDS(requests, orders)
};
using announcing = protocol<"equus.announcing", announced>;

} // namespace equus::space
