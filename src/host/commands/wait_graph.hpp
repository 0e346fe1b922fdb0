// Who waits for whom in a run, and in which circle: what `ps --waits` says. A pure function of what
// the nodes answered, so it is tested without a run.
//
// A wait leads to incarnations: an invocation to the one that has it, a message without credit to
// those that have to consume first, a receive from one stream to that stream's owner. Waits for an
// instant, an event, the outside or any message at all lead to nobody.
//
// A circle is a deadlock when nobody in it, nor anybody whom one of them waits for, has anything
// else that could go on: then only a deadline ends it. Otherwise it may end by itself.
#pragma once

#include <equus/status.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace equus::commands {

struct wait_row {
    incarnation_id who;
    std::string name; ///< of the incarnation, or its module
    node_boot node;
    bool system = false; ///< the framework's own
    wait_status what;
    std::vector<incarnation_id> on; ///< everybody known to have to do something
    std::string port;               ///< where a call is
    std::string message;
    bool queued = false; ///< it is in that port's queue, not in hand
};

struct wait_circle {
    std::vector<std::size_t>
        rows;              ///< each waits for the one whose row is next; the last for the first
    bool deadlock = false; ///< only deadlines end it
};

struct wait_graph {
    std::vector<wait_row> rows; ///< in order of nodes and incarnations
    std::vector<wait_circle> circles;
    /// Name of an incarnation; its id when no node knew it.
    std::string name_of(incarnation_id who) const;
    std::vector<std::pair<incarnation_id, std::string>> names; ///< sorted
};

wait_graph who_waits(const std::vector<node_status>& nodes);

/// Keeps those circles whose waits are also in `later`, a second look: nodes answer one after the
/// other, and a circle of waits that were never there together is none.
void keep_lasting(wait_graph& of, const wait_graph& later);

/// "1.5 s", "200 ms", "2 min".
std::string time_text(duration span);
/// What a row waits for, for people: "b: 'ask' by stream 'out', in the queue of its port 'in'".
std::string describe(const wait_graph& in, const wait_row& row);

} // namespace equus::commands
