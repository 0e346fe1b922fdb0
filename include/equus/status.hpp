// What a node holds at one instant, for people and tools: the rows of `equus ps`, the edges of
// `equus graph --live`. A plain value, so that it can be asked for across nodes.
#pragma once

#include <equus/base/ids.hpp>
#include <equus/control.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus {

enum class incarnation_state : std::uint16_t {
    inchoate = 0, ///< assembled, without its parameters [K7]
    starting = 1, ///< being wired, or in start()
    running = 2,
    frozen = 3,
    faulting = 4, ///< its main() or start() failed; it ends, or waits for a parent
    ended = 5,
    unreachable = 6, ///< nothing is heard of its node
};

/// One port that a stream sends to.
struct leg_status {
    port_id port;
    node_boot at; ///< last known place
    std::uint64_t sent = 0;
    std::uint64_t consumed = 0;
    std::uint64_t credit_limit = 0;
    EQUUS_FIELDS(port, at, sent, consumed, credit_limit)
};

struct stream_status {
    stream_id id;
    std::string name; ///< of the declared interface; empty for others
    std::string protocol;
    channel_id channel;      ///< empty: not wired
    node_boot to;            ///< last known place of the receiving port
    incarnation_id receiver; ///< owner of that port, when known here
    std::uint64_t sent = 0;
    std::uint64_t consumed = 0;
    std::uint64_t credit_limit = 0;
    bool broken = false;
    std::uint32_t waiting = 0;    ///< senders that wait for credit
    std::vector<leg_status> legs; ///< one for each port; what stands above is of all together
    bool frozen = false;          ///< by its receiver or a regulator
    EQUUS_FIELDS(id, name, protocol, channel, to, receiver, sent, consumed, credit_limit, broken,
                 waiting, legs, frozen)
};

struct port_status {
    port_id id;
    std::string name;
    std::string protocol;
    std::vector<channel_id> channels;
    std::uint32_t queued = 0;
    std::uint32_t queued_bytes = 0;
    std::uint32_t streams = 0; ///< that have sent to it and not ended
    std::uint64_t consumed = 0;
    EQUUS_FIELDS(id, name, protocol, channels, queued, queued_bytes, streams, consumed)
};

/// What a coroutine waits for.
enum class wait_kind : std::uint16_t {
    call = 0,    ///< the answer of an invocation that has left
    credit = 1,  ///< to send: a receiver has to consume first
    calls = 2,   ///< to invoke: `limit NAME calls N` of the stream is reached
    port = 3,    ///< that a channel with many ports has one
    message = 4, ///< at ports of its own
    instant = 5,
    effect = 6,
    kernel = 7, ///< the answer of a kernel: a creation, a status, an order
    event = 8,
    bytes = 9, ///< of a buffer or of bulk, from or to another node
};
EQUUS_ENUM(wait_kind, call, credit, calls, port, message, instant, effect, kernel, event, bytes)

/// One coroutine of an incarnation, and what it waits for, as far as its own node knows.
struct wait_status {
    wait_kind kind = wait_kind::message;
    duration waited{0};             ///< so far, to about a millisecond
    duration left = for_ever;       ///< until it gives up
    std::string name;               ///< of the stream or port as declared; of the effect
    std::string protocol;           ///< of the stream or port
    std::vector<incarnation_id> on; ///< who has to do something; several: any of them, or each
    call_id call;                   ///< that was sent
    node_boot at;                   ///< of a call: who holds it, as last known; of a kernel: which
    std::uint64_t sent = 0;         ///< of a stream without credit
    std::uint64_t consumed = 0;
    std::string label; ///< while it is being wired: what it wants from stream space
    EQUUS_FIELDS(kind, waited, left, name, protocol, on, call, at, sent, consumed, label)
};

/// An invocation that an incarnation has and has not answered; its caller is the owner of `call`.
struct held_call {
    call_id call;
    std::string port;
    std::string message;
    bool queued = false; ///< not taken yet
    EQUUS_FIELDS(call, port, message, queued)
};

struct incarnation_status {
    incarnation_id id;
    std::string name;
    std::string module;
    incarnation_state state = incarnation_state::starting;
    std::uint64_t memory_bytes = 0;
    std::uint64_t handled = 0;       ///< messages consumed
    std::uint32_t calls_waiting = 0; ///< invocations it waits for
    std::vector<port_status> ports;
    std::vector<stream_status> streams;
    priority_level priority = priority_normal;
    bool runnable = false;          ///< something could run at this instant
    bool handling = false;          ///< a handler has begun a message and not ended
    std::vector<wait_status> waits; ///< the first `rows_max`
    std::vector<held_call> holds;   ///< the first `rows_max`
    std::uint32_t unlisted = 0;     ///< waits and held calls beyond these
    std::uint64_t steps = 0;        ///< messages handled and coroutines resumed, in its whole life
    std::uint32_t queued = 0;       ///< messages that wait at its ports
    std::uint32_t events = 0;       ///< that wait to be taken
    std::string waits_for; ///< while it is wired: "label 'pages' for stream 'out' (shop.rdc:21)"
    EQUUS_FIELDS(id, name, module, state, memory_bytes, handled, calls_waiting, ports, streams,
                 priority, runnable, handling, waits, holds, unlisted, steps, queued, events,
                 waits_for)
    static constexpr std::size_t rows_max = 64;
};

struct node_status {
    node_boot self;
    std::string name;
    view_version view;
    std::vector<member_info> members;
    std::vector<incarnation_status> incarnations;
    std::uint32_t ready = 0; ///< incarnations that could run: the load
    std::uint64_t messages_sent = 0;
    std::uint64_t messages_consumed = 0;
    /// Closed, with messages that are not consumed yet.
    std::uint32_t streams_lingering = 0;
    std::uint64_t buffer_bytes = 0; ///< of all incarnations, and of those that have ended
    EQUUS_FIELDS(self, name, view, members, incarnations, ready, messages_sent, messages_consumed,
                 streams_lingering, buffer_bytes)
};

namespace detail {
class asking_status : public requesting {
public:
    using requesting::requesting;
    asking_status& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<node_status> await_resume() {
        if (auto ended = outcome(); !ended)
            return fail(std::move(ended.error()));
        return wire::decode<node_status>(operation_.answer.span());
    }
};
/// Body of the answer to request_kind::report.
struct report_body {
    incarnation_status what;
    node_boot node;
    std::string node_name;
    std::uint32_t load = 0;
    duration node_time{0};
    EQUUS_FIELDS(what, node, node_name, load, node_time)
};
} // namespace detail

/// One incarnation, as its parent sees it. A kernel has no clock of its own: what it has used is
/// counted in steps, and `node_time` is the clock that was handed to its node.
struct incarnation_report {
    incarnation_status what; ///< `state` alone, and `id`, when it is unreachable
    node_boot node;
    std::string node_name;
    std::uint32_t load = 0; ///< incarnations of its node that could run
    duration node_time{0};
};

namespace detail {
node_boot place_of(reference handle) noexcept;
bool is_present(node_boot which) noexcept;

class asking_report : public requesting {
public:
    explicit asking_report(incarnation_handle of)
        : requesting{request_kind::report, node_id{}, of, bytes{}}, id_{of.id()}, at_{place_of(
                                                                                      of)} {
        timeout_ = std::chrono::seconds{5};
    }
    asking_report& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<incarnation_report> await_resume() {
        incarnation_report out;
        if (auto ended = outcome(); !ended) {
            // No answer from a member is an answer.
            if (ended.error() != errc::maybe_delivered || !is_present(at_))
                return fail(std::move(ended.error()));
            out.what.id = id_;
            out.what.state = incarnation_state::unreachable;
            out.node = at_;
            return out;
        }
        auto told = wire::decode<report_body>(operation_.answer.span());
        if (!told)
            return fail(std::move(told.error()));
        out.what = std::move(told->what);
        out.node = told->node;
        out.node_name = std::move(told->node_name);
        out.load = told->load;
        out.node_time = told->node_time;
        return out;
    }

private:
    incarnation_id id_;
    node_boot at_;
};
} // namespace detail

/// `co_await status_of(handle)`: result<incarnation_report>. Needs `right::watch`. An incarnation
/// whose node does not answer in time (5 s unless `within` says otherwise), or is silent, is
/// `unreachable`. Errors: not_found when it has ended.
inline detail::asking_report status_of(incarnation_handle which) {
    return detail::asking_report{which};
}

/// What an incarnation is, for whoever looks for a fault.
struct inspection {
    incarnation_id id;
    std::string module;
    incarnation_state state = incarnation_state::running;
    errc reason = errc::ok; ///< of its fault
    std::string text;
    bytes value;      ///< its `state_`, encoded; references inside are indices of its table
    bytes parameters; ///< its `parameters_`, encoded
    EQUUS_FIELDS(id, module, state, reason, text, value, parameters)

    /// Its state as the type that it has there.
    template <class State>
    result<State> as() const {
        return wire::decode<State>(value.span());
    }
};

namespace detail {
class asking_inspection : public requesting {
public:
    using requesting::requesting;
    asking_inspection& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<inspection> await_resume() {
        if (auto ended = outcome(); !ended)
            return fail(std::move(ended.error()));
        return wire::decode<inspection>(operation_.answer.span());
    }
};
} // namespace detail

/// `co_await inspect(handle)`: result<inspection>, as it is between two of its steps. Needs
/// `right::inspect`. host/inspect.hpp makes text of it.
inline detail::asking_inspection inspect(incarnation_handle which) {
    return {detail::request_kind::inspect, node_id{}, which, bytes{}};
}

/// `co_await status_of(node)`: result<node_status>. Node 0: this one.
inline detail::asking_status status_of(node_id node) {
    return {detail::request_kind::status, node, reference{}, bytes{}};
}

} // namespace equus
