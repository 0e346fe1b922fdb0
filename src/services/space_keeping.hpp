// What the launch and the two stream spaces of a computation say to each other. The launch decides
// who leads: it hears of every end, and a computation ends with it, so nobody else has to agree.
// The one that leads sends each change to its standby before it answers anything that shows it.
#pragma once

#include <equus/services/space.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus::space {

/// A copy of a limited item, and the request that it answered.
struct copy_out {
    incarnation_id holder;
    incarnation_id by;
    std::uint64_t number = 0;
    EQUUS_FIELDS(holder, by, number)
};
struct item {
    any_reference what;
    std::string protocol;
    channel_kind routing = channel_kind::unicast;
    referent kind = referent::stream;
    std::uint32_t copies = 0; ///< out at a time; 0: no limit
    std::uint32_t out = 0;
    bool cached = true;
    std::vector<copy_out> holders; ///< when copies are limited
    EQUUS_FIELDS(what, protocol, routing, kind, copies, out, cached, holders)
};

enum class change_kind : std::uint16_t {
    put = 0,
    counted = 1, ///< copies have gone out or come back
    removed = 2,
    complete = 3, ///< that was all there is; from now on changes follow
};
struct change {
    change_kind kind = change_kind::put;
    std::string label;
    item what;
    request_mark mark;        ///< of the request that made it
    std::uint32_t answer = 0; ///< the number in its answer
    EQUUS_FIELDS(kind, label, what, mark, answer)
};

struct kept {
    std::uint32_t changes = 0;
    EQUUS_FIELDS(changes)
};
/// From the one that leads to its standby.
struct keep {
    using reply = kept;
    std::vector<change> changes;
    EQUUS_FIELDS(changes)
};

struct leading {
    bool leads = true;
    EQUUS_FIELDS(leads)
};
/// From the launch: answer requests from now on. Refused by a standby that does not know all.
struct lead {
    using reply = leading;
    bool from_nothing = false; ///< the first one
    EQUUS_FIELDS(from_nothing)
};

struct copied {
    std::uint32_t labels = 0;
    EQUUS_FIELDS(labels)
};
/// From the launch to the one that leads: that is the standby. Answered when it knows all.
struct copy_to {
    using reply = copied;
    any_reference standby;
    EQUUS_FIELDS(standby)
};

using keeping = protocol<"equus.space_keeping", lead, copy_to, keep>;

} // namespace equus::space
