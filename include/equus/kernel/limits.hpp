// Every limit of a node in one place, with its default and the reason for it. Limits count items or
// wire bytes, never memory addresses or allocations, so that a run is the same on every machine
// (rule 24).
#pragma once

#include <equus/base/time.hpp>

#include <cstddef>
#include <cstdint>

namespace equus {

struct kernel_limits {
    // ---- tables
    std::uint32_t incarnations_max = 1u << 20;
    std::uint32_t references_max = 65'536; ///< per incarnation
    std::uint32_t calls_max = 1u << 20;    ///< invocations outstanding on the node
    std::uint32_t nodes_max = 1'024;       ///< members of one run
    std::uint32_t effects_max = 65'536;    ///< effects outstanding on the node
    std::uint32_t events_max = 1'024;      ///< per incarnation, kept until they are taken
    std::uint32_t interests_max = 256;     ///< per incarnation, of handlers, streams and ports
    std::uint32_t orders_max = 64; ///< operations that wait behind another on one incarnation

    // ---- migration
    std::uint32_t departures_max = 1'024;       ///< under way at once, out of and into a node
    std::uint32_t image_bytes_max = 256u << 20; ///< encoded size of one incarnation on its way
    std::uint32_t tombstones_max = 1u << 20;    ///< ports that have left and are remembered
    std::uint32_t set_aside_max = 1'024;     ///< frames that wait for the place of one incarnation
    duration rest_within{2'000'000'000};     ///< until one that is to leave is at rest
    duration migrate_within{10'000'000'000}; ///< from then until it is taken back

    // ---- messages
    std::uint32_t message_bytes_max = 64u << 20; ///< encoded size of one message
    std::uint32_t packet_bytes_max =
        64u << 10;                       ///< a packet holds at most this much; see the flush policy
    std::uint16_t capabilities_max = 64; ///< references in one message
    std::uint32_t forwards_max = 32;     ///< how often one message is passed on
    std::uint32_t asinvoke_limit = 16;   ///< a stream's calls queued and not taken, by default
    std::uint32_t dgram_bytes_max = 1'472; ///< encoded size of one dgram: one Ethernet frame
    std::uint32_t dgram_queue_max = 256;   ///< messages at a port beyond which dgrams are dropped
    std::uint32_t dgrams_under_way_max = 1'024; ///< frames not acknowledged beyond which they are

    // ---- credit: absolute limits per leg (rule 17)
    std::uint32_t credit_initial = 16;     ///< messages before the receiver has said anything
    std::uint32_t credit_messages = 256;   ///< what a port grants each stream by default
    std::uint32_t credit_bytes = 1u << 20; ///< one message is always allowed beside this

    // ---- buffers and bulk
    std::uint64_t buffer_bytes_max = 1ull << 30; ///< one buffer, one message's bulk
    std::uint64_t bulk_bytes_max = 4ull << 30;   ///< all buffers of the node
    std::uint64_t bulk_kept_max = 64u << 20;     ///< kept for the next buffer when nobody has it
    std::uint32_t bulk_early_bytes = 64u << 10;  ///< bulk up to this size leaves with its message
    std::uint32_t bulk_early_max = 4u << 20;     ///< of it, not yet taken, to and from one node
    std::uint32_t bulk_window_bytes = 1u << 20;  ///< of one copy, under way to a node
    std::uint32_t bulk_parts_max = 4'096;        ///< parts in one layout
    std::uint32_t copies_max = 65'536;           ///< under way on the node, and served by it

    // ---- sessions
    std::uint32_t session_packets_max =
        1'024; ///< unacknowledged packets before a session stops sending
    std::uint32_t session_reorder_max = 64; ///< packets held that arrived ahead of a gap
    duration retransmit_after{
        50'000'000}; ///< first retransmission on a link that may lose; doubles
    duration retransmit_max{2'000'000'000};
    duration acknowledge_after{5'000'000}; ///< a lone acknowledgement waits this long for company
    duration redial_after{20'000'000};     ///< doubles up to redial_max
    duration redial_max{2'000'000'000};

    // ---- membership
    duration heartbeat_every{500'000'000};
    duration suspect_after{3'000'000'000}; ///< silence that raises `unreachable`
    duration lease{8'000'000'000};         ///< a member that cannot renew for so long stops itself
    duration evict_after{
        10'000'000'000}; ///< silence after which the root writes a member off; > lease

    // ---- time
    duration call_timeout{30'000'000'000}; ///< an invocation without `within`
    duration give_up{5'000'000'000};       ///< a delivery that nothing answers [K30]
    duration stuck_after{30'000'000'000};  ///< a multicast waits so long for one port's credit

    // ---- scheduling
    std::uint32_t turn_steps = 64; ///< messages and resumptions of one incarnation's turn
    std::uint32_t priority_patience =
        16; ///< turns of higher priorities that a lower one waits for its own
    /// How often one handler goes on after an await, and, within a quarter, how long it may be
    /// suspended: a handler beyond either is ended where it is, and its caller is told.
    std::uint32_t handler_steps_max = 1u << 20;
    duration handler_time_max{3'600'000'000'000};

    // ---- memory of one incarnation, bytes; frames, messages and containers together
    std::uint64_t incarnation_bytes_max = 1ull << 30;
};

} // namespace equus
