// An incarnation on its way to another node: what it is (image.hpp) and what it has under way, its
// streams and ports with their numbers, cursors and messages. What is restored at the destination
// has the same identities; docs/protocol.md, "Migration", has the steps.
#pragma once

#include "runtime/image.hpp"

#include <cstdint>
#include <vector>

namespace equus::runtime {

/// A message that waits at a port.
struct moving_message {
    stream_id stream; ///< empty: a dgram
    std::uint64_t number = 0;
    message_ordinal ordinal = 0;
    bool maybe_seen = false;
    bool cancelled = false;
    bool answered = false;
    call_id call;
    node_boot caller;
    std::uint32_t call_slot = 0;
    std::uint32_t forwards = 0;
    std::uint32_t proof = 0;
    std::int64_t timeout_ns = 0; ///< of the call, left when the image was made
    std::vector<capability> capabilities;
    bytes body;
    EQUUS_FIELDS(stream, number, ordinal, maybe_seen, cancelled, answered, call, caller, call_slot,
                 forwards, proof, timeout_ns, capabilities, body)
};

/// A cursor of a port.
struct moving_cursor {
    stream_id stream;
    node_boot from;
    std::uint32_t from_slot = 0;
    bool finished = false;
    std::uint64_t next = 1;
    std::uint64_t consumed = 0;
    std::uint64_t last = 0;
    std::uint64_t consumed_bytes = 0;
    std::uint64_t limit_messages = 0;
    std::uint64_t limit_bytes = 0;
    std::vector<std::uint64_t> ahead;
    EQUUS_FIELDS(stream, from, from_slot, finished, next, consumed, last, consumed_bytes,
                 limit_messages, limit_bytes, ahead)
};

struct moving_regulated {
    stream_id stream;
    std::uint32_t version = 0;
    EQUUS_FIELDS(stream, version)
};

struct moving_port {
    std::uint32_t counter = 0;
    std::uint32_t slot = 0; ///< where it was
    std::uint32_t window_messages = 0;
    std::uint32_t queue_max = 0;
    std::uint32_t stream_max = 0;
    std::uint64_t consumed = 0;
    std::vector<channel_id> channels;
    std::vector<image_channel> joined;
    std::vector<moving_cursor> cursors;
    std::vector<moving_message> queue;
    std::vector<moving_regulated> regulated;
    std::vector<stream_id> refused;
    EQUUS_FIELDS(counter, slot, window_messages, queue_max, stream_max, consumed, channels, joined,
                 cursors, queue, regulated, refused)
};

struct moving_leg {
    port_id port;
    place at;
    std::uint32_t remote_leg = 0;
    std::uint64_t sent = 0;
    std::uint64_t consumed = 0;
    std::uint64_t limit_messages = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t limit_bytes = 0;
    bool own_port = false;       ///< of the incarnation itself
    std::vector<bytes> retained; ///< frames, in order
    EQUUS_FIELDS(port, at, remote_leg, sent, consumed, limit_messages, sent_bytes, limit_bytes,
                 own_port, retained)
};

struct moving_stream {
    std::uint32_t index = 0; ///< in the reference table
    std::uint32_t counter = 0;
    std::uint64_t protocol = 0;
    std::uint32_t rights = 0;
    propagation domain = propagation::free;
    bool reported = false;
    channel_id channel;
    channel_kind routing = channel_kind::unicast;
    errc broken = errc::ok;
    std::uint16_t credit_first = 0;
    std::uint16_t calls_max = 0;
    std::uint32_t under_way_max = 0;
    std::uint32_t rebinds = 0;
    bool members_known = false;
    std::uint32_t members_version = 0;
    place channel_at;
    std::vector<moving_leg> legs;
    // of stream_extra
    std::uint32_t queue_max = 0;
    bool frozen = false;
    std::uint32_t under_way_before = 0;
    std::uint32_t regulated = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t sent = 0;
    std::vector<bytes> in_doubt;
    std::vector<port_id> given_up;
    bool has_extra = false;
    EQUUS_FIELDS(index, counter, protocol, rights, domain, reported, channel, routing, broken,
                 credit_first, calls_max, under_way_max, rebinds, members_known, members_version,
                 channel_at, legs, queue_max, frozen, under_way_before, regulated, acknowledged,
                 sent, in_doubt, given_up, has_extra)
};

/// A multicast or anycast channel that it has made.
struct moving_channel {
    channel_id channel;
    channel_kind routing = channel_kind::multicast;
    std::uint64_t protocol = 0;
    std::uint32_t version = 0;
    std::vector<channel_member> members;
    std::vector<follow_channel_body> followers;
    EQUUS_FIELDS(channel, routing, protocol, version, members, followers)
};

/// Who is told of its fate.
struct moving_watcher {
    incarnation_id who;
    node_boot at;
    std::uint16_t kinds = 0;
    EQUUS_FIELDS(who, at, kinds)
};
/// Of whose fate it is told, or an interest in something of its own.
struct moving_watch {
    incarnation_id subject;
    node_boot at;
    std::uint16_t kinds = 0;
    EQUUS_FIELDS(subject, at, kinds)
};
struct moving_interest {
    std::uint32_t index = 0; ///< of the reference
    std::uint32_t generation = 0;
    std::uint16_t kinds = 0;
    incarnation_id subject;
    EQUUS_FIELDS(index, generation, kinds, subject)
};

struct moving_incarnation {
    incarnation_image what; ///< its streams and ports are below
    node_boot from;
    epoch age; ///< of the incarnation at `from`
    bool inchoate = false;
    bool frozen = false;
    std::uint32_t next_counter = 0;
    std::uint64_t steps = 0;
    std::vector<moving_stream> streams;
    std::vector<moving_port> ports; ///< the control port too
    std::vector<moving_channel> channels;
    channel_id control_channel;
    std::vector<moving_watcher> watchers;
    std::vector<moving_watch> watches;
    std::vector<moving_interest> interests;
    std::vector<event> events;
    bool wants_members = false;
    std::vector<node_boot> past; ///< where it has been, the latest last
    EQUUS_FIELDS(what, from, age, inchoate, frozen, next_counter, steps, streams, ports, channels,
                 control_channel, watchers, watches, interests, events, wants_members, past)
};

/// Body of the answer to request_kind::install: the slots of its ports there, in their order.
struct installed_body {
    std::uint32_t slot = 0;
    std::vector<std::uint32_t> ports;
    EQUUS_FIELDS(slot, ports)
};

/// Body of request_kind::migrate.
struct migrate_body {
    node_id to;
    std::int64_t rest_within_ns = 0;
    EQUUS_FIELDS(to, rest_within_ns)
};

/// Body of request_kind::reserve, before anything of it is touched: can it be taken?
struct reserve_body {
    std::string module;
    std::uint64_t memory_bytes = 0; ///< that it uses
    std::uint64_t state_type = 0;   ///< hash of the layout of its state; 0: none
    std::uint64_t interfaces = 0;   ///< hash of what its class declares
    EQUUS_FIELDS(module, memory_bytes, state_type, interfaces)
};

/// Body of request_kind::claim and reclaim, to the register: a compare-and-set of the owner.
struct claim_body {
    node_boot from;
    epoch age;
    node_boot to;
    EQUUS_FIELDS(from, age, to)
};

} // namespace equus::runtime
