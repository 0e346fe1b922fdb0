// The launch establishes a computation and stays its parent: it makes the stream space and every
// node's services, puts the incarnations where their conditions allow, watches them, takes in nodes
// that join, and ends everything when the primary has ended. Every incarnation depends absolutely
// on it [K54].
//
// An incarnation that was wired to `system.launch`, and every primary, asks it for more:
//
//     auto rdc = equus::rdc_services();
//     auto made = co_await rdc.instantiate("worker", 3);    // of a blueprint
//     auto where = co_await rdc.nodes();                    // the allocation [K16]
//     auto those = co_await rdc.find("spooler");            // to watch, and to make again
//     co_await rdc.exit(0);
//     auto news = co_await rdc.next_notice(last);           // of nodes that come and go [K18]
//
// The second part of this header is between the launch and whoever started it: it gets its work and
// tells its progress by effects.
#pragma once

#include <equus/control.hpp>
#include <equus/creation.hpp>
#include <equus/manifest.hpp>
#include <equus/protocol.hpp>
#include <equus/rdc.hpp>
#include <equus/stream.hpp>
#include <equus/task.hpp>
#include <equus/wiring.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace equus::launching {

/// Instances that one request may ask for: their handles travel in one message.
inline constexpr std::uint32_t batch_max = 32;
/// For instances to be made: nodes that were chosen may be lost, one after the other.
inline constexpr duration made_within = std::chrono::minutes{5};

struct instance {
    std::string name; ///< "worker[3]"
    node_boot node;
    incarnation_handle handle;
    EQUUS_FIELDS(name, node, handle)
};
struct instances {
    std::vector<instance> made;
    errc reason = errc::ok; ///< why there are fewer than asked for
    std::string text;
    EQUUS_FIELDS(made, reason, text)
};
/// Makes instances of a blueprint, wired as it says; or, by its whole name, a declared incarnation
/// that has ended, once more. Fewer than asked for is no error as long as there is one. Errors:
/// not_found (declared nowhere), already_exists (it is alive), limit_reached, invalid_argument, and
/// those of a creation.
struct instantiate {
    using reply = instances;
    std::string blueprint;   ///< "worker", or "spooler[\"a\"]"
    std::uint32_t count = 1; ///< at most batch_max
    node_id on;              ///< this node only; 0: where the blueprint's conditions allow
    EQUUS_FIELDS(blueprint, count, on)
};

/// The declared incarnations of a family, in order of their names; one that has ended comes without
/// a handle. The first batch_max of them. For a parent that watches. Errors: not_found (declared
/// nowhere).
struct find {
    using reply = instances;
    std::string family;
    EQUUS_FIELDS(family)
};

struct allocated_node {
    node_boot at;
    std::string name;
    node_facts facts;
    bool reachable = true;
    std::uint32_t incarnations = 0; ///< of this computation
    std::uint32_t ready = 0;        ///< of these, could run when asked: the load
    EQUUS_FIELDS(at, name, facts, reachable, incarnations, ready)
};
struct allocation {
    std::vector<allocated_node> nodes; ///< in order of their ids; not those to be withdrawn
    std::uint64_t notices = 0;         ///< the last notice that is contained in it
    EQUUS_FIELDS(nodes, notices)
};
/// The nodes of the computation [K16].
struct nodes {
    using reply = allocation;
    bool with_load = false; ///< ask each node; otherwise `ready` is 0
    EQUUS_FIELDS(with_load)
};

enum class notice_kind : std::uint16_t {
    allocated = 0,  ///< `node` has its services: incarnations can be made there
    withdrawal = 1, ///< `node` leaves after `within`, or when it holds none of the computation's
    gone = 2,       ///< `node` has left, or was lost: `text`
    refused = 3,    ///< there are no more nodes: `text`
};
/// What happens to the nodes of a computation [K18], numbered from 1 in each launch.
struct notice {
    std::uint64_t number = 0;
    notice_kind kind = notice_kind::allocated;
    node_boot node;
    std::string name; ///< of the node
    duration within{0};
    std::string text;
    EQUUS_FIELDS(number, kind, node, name, within, text)
};
/// The first notice after that number; waits for it. The nodes of the beginning are notices too, so
/// whoever starts with 0 hears of every node. The last notices_max are kept.
struct next_notice {
    using reply = notice;
    std::uint64_t after = 0;
    EQUUS_FIELDS(after)
};
struct asked_for {
    std::uint32_t count = 0;
    EQUUS_FIELDS(count)
};
/// Asks whoever started the computation for that many nodes more; each comes as a notice, now or
/// later.
struct more_nodes {
    using reply = asked_for;
    std::uint32_t count = 1;
    EQUUS_FIELDS(count)
};
/// Gives a node back: a withdrawal of one's own, with as much time as it takes. Errors:
/// no_such_node, refused (the root, or the node of the primary).
struct release_node {
    using reply = asked_for;
    node_id node;
    EQUUS_FIELDS(node)
};
inline constexpr std::size_t notices_max = 1'024;

/// Ends the computation with that result.
struct rdc_exit {
    std::int32_t result = 0;
    std::string text;
    EQUUS_FIELDS(result, text)
};

/// The launch's own handle, with all rights: whoever holds it ends the computation by
/// `equus::rdc_exit`, or may be narrowed to that right (`right::operate`).
struct launch_handle {
    incarnation_handle handle;
    EQUUS_FIELDS(handle)
};
struct get_handle {
    using reply = launch_handle;
    bool watchable = true; ///< reserved
    EQUUS_FIELDS(watchable)
};

using requests = protocol<"equus.launching", instantiate, nodes, rdc_exit, find, get_handle,
                          next_notice, more_nodes, release_node>;

struct ended {
    bool first = true; ///< false: it was ending already
    EQUUS_FIELDS(first)
};
/// An operation of the launch's control port.
struct end_rdc {
    using reply = ended;
    std::int32_t result = 0;
    std::string text;
    EQUUS_FIELDS(result, text)
};
using operations = protocol<"equus.launch_operations", end_rdc>;

// ---- effects: the launch asks, whoever started it answers

/// Request next_order, reply order. The first must be `establish`. May stay unanswered.
inline constexpr std::string_view next_effect = "equus.launch.next";
/// Request progress, reply noted.
inline constexpr std::string_view report_effect = "equus.launch.report";

enum class order_kind : std::uint16_t {
    establish = 0, ///< `configuration`, once `nodes_wanted` nodes are there
    stop = 1,      ///< end it all, with `result` and `text`
    open = 2,      ///< a gateway to the export `name`, for the driver's `session`
    withdraw = 3,  ///< `node` is to be free after `notice`
    no_nodes = 4,  ///< there will not be more nodes: `text`
};
struct order {
    order_kind kind = order_kind::establish;
    rdc configuration;
    std::vector<service_manifest> services; ///< of all programs, each made where its module is
    std::uint32_t nodes_wanted = 1;
    duration nodes_within = std::chrono::seconds{20};
    std::int32_t result = 0;
    std::string text;
    std::string name;
    std::string protocol; ///< that the driver will speak there
    std::uint64_t session = 0;
    /// Stream space does not stay at the launch's node: as soon as it has a standby elsewhere, that
    /// one leads. For tests of its taking over.
    bool space_apart = false;
    node_id node;
    duration notice{0};
    EQUUS_FIELDS(kind, configuration, services, nodes_wanted, nodes_within, result, text, name,
                 protocol, session, space_apart, node, notice)
};
struct next_order {
    using reply = order;
    std::uint32_t number = 0; ///< from 0
    EQUUS_FIELDS(number)
};

enum class progress_kind : std::uint16_t {
    node_ready = 0,  ///< `name` has its services; `done` of `total` wanted
    creating = 1,    ///< `done` of `total` incarnations accepted; some steps are skipped
    running = 2,     ///< all accepted
    created = 3,     ///< `name`, later than the start
    ended = 4,       ///< incarnation `name` ended by itself, with `result`
    failed = 5,      ///< incarnation or service `name` ended by an error: `reason`, `text`
    node_silent = 6, ///< `name`; it may come back
    node_lost = 7,   ///< `name` left or was evicted, and `done` incarnations with it: `text`
    finished = 8,    ///< the computation: `how`, `reason`, `result`, `text`; the last report
    node_free = 9,   ///< `name` is withdrawn and holds nothing any more, or its notice is over: it
                     ///< has to leave
    node_left = 10,  ///< `name`, after it was withdrawn, and `done` incarnations with it: `text`
    node_kept = 11,  ///< `name` is not withdrawn: `text`
    nodes_wanted = 12, ///< the computation asks for `total` nodes more
};
/// What kind of end a computation came to.
enum class ending : std::uint16_t {
    completed = 0,       ///< the primary ended, or somebody asked for `exit`: `result` is theirs
    failed = 1,          ///< the primary ended by an error
    not_established = 2, ///< it never ran: something is missing, or was refused
    cut_off = 3,         ///< what it cannot go on without was lost
    stopped = 4,         ///< from outside
};
EQUUS_ENUM(ending, completed, failed, not_established, cut_off, stopped)

struct noted {
    bool taken = true;
    EQUUS_FIELDS(taken)
};
struct progress {
    using reply = noted;
    progress_kind kind = progress_kind::creating;
    std::string name;
    incarnation_id subject;
    node_boot node;
    std::uint32_t done = 0;
    std::uint32_t total = 0;
    errc reason = errc::ok;
    std::int32_t result = 0;
    std::string text;
    ending how = ending::completed;
    EQUUS_FIELDS(kind, name, subject, node, done, total, reason, result, text, how)
};

} // namespace equus::launching

namespace equus {

/// What an incarnation may ask of its launch. Errors of the calls end the awaiting task, unless it
/// awaits `as_result(...)`.
class rdc_services {
public:
    /// With the stream it was born with; the calls end with no_such_reference when there is none.
    rdc_services() noexcept : launch_{born_with("system.launch")} {}
    /// With a declared stream that is wired to `system.launch`.
    explicit rdc_services(stream<launching::requests> launch) noexcept : launch_{launch} {}

    /// `count` more instances of a blueprint; fewer when its limit or the nodes' end them, and then
    /// `reason` says which.
    task<launching::instances> instantiate(std::string blueprint, std::uint32_t count = 1,
                                           node_id on = {}) const {
        return instantiate(launch_, std::move(blueprint), count, on);
    }
    /// The declared incarnations of a family; without a handle, those that have ended.
    task<std::vector<launching::instance>> find(std::string family) const {
        return find(launch_, std::move(family));
    }
    /// The nodes of the computation, with their load if wanted.
    task<launching::allocation> nodes(bool with_load = false) const {
        return nodes(launch_, with_load);
    }
    /// The launch's handle, to be passed on to whoever may end the computation.
    task<incarnation_handle> handle() const { return handle(launch_); }
    /// What has happened to the nodes since the notice of that number, 0 for the first; waits.
    task<launching::notice> next_notice(std::uint64_t after = 0) const {
        return next_notice(launch_, after);
    }
    /// Asks for more nodes: each comes as a notice.
    task<std::uint32_t> more_nodes(std::uint32_t count) const { return more_nodes(launch_, count); }
    /// Gives a node back, as soon as it holds nothing of the computation.
    task<> release(node_id node) const { return release(launch_, node); }
    /// Ends the computation, the caller with it.
    detail::sending exit(std::int32_t result, std::string text = {}) const {
        return launch_.send<launching::rdc_exit>(result, std::move(text));
    }

private:
    using launch_stream = stream<launching::requests>;

    static task<launching::instances> instantiate(launch_stream launch, std::string blueprint,
                                                  std::uint32_t count, node_id on) {
        launching::instances all;
        while (all.made.size() < count && all.reason == errc::ok) {
            const auto left = count - static_cast<std::uint32_t>(all.made.size());
            const std::uint32_t batch = left < launching::batch_max ? left : launching::batch_max;
            auto some = co_await launch.invoke<launching::instantiate>(blueprint, batch, on)
                            .within(launching::made_within);
            if (!some && all.made.empty())
                co_await ok(fail(std::move(some.error())));
            if (!some) {
                all.reason = some.error().code();
                all.text = some.error().describe();
                break;
            }
            for (launching::instance& each : some->made)
                all.made.push_back(std::move(each));
            all.reason = some->reason;
            all.text = std::move(some->text);
        }
        co_return all;
    }
    static task<std::vector<launching::instance>> find(launch_stream launch, std::string family) {
        auto got = co_await launch.invoke<launching::find>(family);
        if (!got)
            co_await ok(fail(std::move(got.error())));
        co_return std::move(got->made);
    }
    static task<incarnation_handle> handle(launch_stream launch) {
        auto got = co_await launch.invoke<launching::get_handle>();
        if (!got)
            co_await ok(fail(std::move(got.error())));
        co_return got->handle;
    }
    static task<launching::allocation> nodes(launch_stream launch, bool with_load) {
        auto got = co_await launch.invoke<launching::nodes>(with_load);
        if (!got)
            co_await ok(fail(std::move(got.error())));
        co_return std::move(*got);
    }
    static task<launching::notice> next_notice(launch_stream launch, std::uint64_t after) {
        auto got = co_await launch.invoke<launching::next_notice>(after);
        if (!got)
            co_await ok(fail(std::move(got.error())));
        co_return std::move(*got);
    }
    static task<std::uint32_t> more_nodes(launch_stream launch, std::uint32_t count) {
        auto got = co_await launch.invoke<launching::more_nodes>(count);
        if (!got)
            co_await ok(fail(std::move(got.error())));
        co_return got->count;
    }
    static task<> release(launch_stream launch, node_id node) {
        auto got = co_await launch.invoke<launching::release_node>(node);
        if (!got)
            co_await ok(fail(std::move(got.error())));
    }
    launch_stream launch_;
};

/// Ends the computation whose launch that is, with that result; needs `right::operate`. Whoever
/// asks belongs to it as a rule and ends with it.
inline task<> rdc_exit(incarnation_handle launch, std::int32_t result, std::string text = {}) {
    auto operations = co_await launch.control<launching::operations>();
    const auto to = co_await ok(std::move(operations));
    auto done = co_await to.invoke<launching::end_rdc>(result, std::move(text));
    if (!done)
        co_await ok(fail(std::move(done.error())));
}

} // namespace equus
