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
    faulting = 4, ///< its main() or start() failed; it ends
    ended = 5,
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
    std::uint32_t waiting = 0; ///< senders that wait for credit
    EQUUS_FIELDS(id, name, protocol, channel, to, receiver, sent, consumed, credit_limit, broken,
                 waiting)
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
    EQUUS_FIELDS(id, name, module, state, memory_bytes, handled, calls_waiting, ports, streams,
                 priority)
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
    EQUUS_FIELDS(self, name, view, members, incarnations, ready, messages_sent, messages_consumed,
                 streams_lingering)
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
} // namespace detail

/// `co_await status_of(node)`: result<node_status>. Node 0: this one.
inline detail::asking_status status_of(node_id node) {
    return {detail::request_kind::status, node, reference{}, bytes{}};
}

} // namespace equus
