// What the kernel did, as fixed-width records in the order it did it. Two runs with the same inputs
// give the same records and so the same running hash: on any compiler, optimisation level or
// machine.
#pragma once

#include <equus/base/ids.hpp>
#include <equus/base/time.hpp>

#include <cstdint>
#include <string_view>

namespace equus {

enum class trace_kind : std::uint16_t {
    created = 1,    ///< a: module hash
    ended = 2,      ///< a: errc
    sent = 3,       ///< a: stream counter, b: number, c: ordinal
    queued = 4,     ///< a: stream owner's counter, b: number, c: port slot
    consumed = 5,   ///< a: stream owner's counter, b: number, c: port slot
    discarded = 6,  ///< a: number, b: reason
    call_ended = 7, ///< a: call counter, b: errc
    reply_sent = 8, ///< a: call counter, b: errc, c: its caller's node << 32 | counter
    credit = 9,     ///< a: stream counter, b: consumed, c: limit
    broken = 10,    ///< a: stream counter, b: acknowledged, c: sent
    timer = 11,     ///< a: sequence number
    session = 12,   ///< a: peer node, b: event, c: number
    view = 13,      ///< a: version, b: node, c: change
    effect = 14,    ///< a: token, b: name hash or errc
    reference = 15, ///< a: index, b: kind, c: 1 made, 0 closed
    moved = 16,     ///< a: node, b: epoch
    copied = 17,    ///< a: number, b: bytes, c: errc
    migration = 18, ///< a: step, b: node, c: epoch or errc
};

struct trace_record {
    time_point at;
    trace_kind kind{};
    node_id node;
    incarnation_id who; ///< empty for the kernel itself
    std::uint64_t a = 0, b = 0, c = 0;
};

/// A message as it comes to its port, for people. Views are valid during the call.
struct traced_message {
    stream_id stream;
    std::uint64_t number = 0;
    message_ordinal ordinal = 0;
    incarnation_id receiver;
    call_id call; ///< empty: one-way
    std::string_view name;
    std::string_view reply_name;
};

/// Receives each record as it is made. Must not call the kernel. What only a picture needs comes
/// beside the records and does not count in the hash.
class trace_sink {
public:
    virtual void on_trace(const trace_record& record) noexcept = 0;
    /// Behind `created`.
    virtual void on_created(incarnation_id, std::string_view /*name*/,
                            std::string_view /*module*/) noexcept {}
    /// Behind `queued`.
    virtual void on_queued(const traced_message&) noexcept {}

protected:
    ~trace_sink() = default;
};

} // namespace equus
