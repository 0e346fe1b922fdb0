// A message on its way through one node. It is made once, moved from queue to queue by pointer, and
// ends when it has been consumed. Its payload is the object itself (sent on this node) or its
// encoding (come from another one); the receiver cannot tell.
#pragma once

#include <equus/base/ids.hpp>
#include <equus/base/time.hpp>
#include <equus/core/message_type.hpp>

#include <cstddef>
#include <cstdint>

namespace equus::detail {

struct leg_entry;
struct capability;

/// Who waits for the answer to an invocation, and where.
struct call_origin {
    call_id call;               ///< empty: one-way
    node_boot at;               ///< the caller's place, a hint
    std::uint32_t slot = 0;     ///< in the caller's table of calls, a hint
    std::uint32_t forwards = 0; ///< how often it has been passed on
    std::uint32_t proof = 0;    ///< of a call of another node: shown with its answer
};

struct alignas(8) envelope { // m68k aligns nothing to more than 2 by itself
    envelope* next = nullptr;
    const message_type* type =
        nullptr;              ///< of the object in the payload; null: the payload is encoded
    leg_entry* leg = nullptr; ///< the receiving side's cursor; null before arrival and for dgrams
    capability* capabilities = nullptr; ///< descriptors of the references inside, in order
    std::uint64_t number = 0;           ///< within the leg
    std::uint32_t payload_bytes = 0;    ///< encoded size: what credit and limits count
    std::uint16_t capability_count = 0;
    message_ordinal ordinal = 0;
    bool maybe_seen = false; ///< re-sent by its owner's choice after a break (rule 12)
    bool answered = false;   ///< the call has been replied to, forwarded or dropped
    bool cancelled = false;  ///< the caller has given up
    bool taken = false;      ///< its object has been moved out
    call_origin call;
    std::uint32_t resumed = 0;                 ///< how often its handler went on after an await
    time_point deadline = time_point::never(); ///< of the call, on this node's clock

    void* payload() noexcept { return this + 1; }
    std::span<const std::byte> encoded() const noexcept {
        return {reinterpret_cast<const std::byte*>(this + 1), payload_bytes};
    }
};
static_assert(sizeof(envelope) % 8 == 0, "payloads are 8-aligned");

/// An envelope with room for `size` bytes of payload, charged to the running incarnation; null when
/// its memory limit or the node's does not allow it.
envelope* new_envelope(std::size_t size) noexcept;
/// Destroys the payload object, if any, and gives the memory back. Null is allowed.
void free_envelope(envelope* message) noexcept;
/// A message that was taken from its port has been consumed: credit goes back, a call that nobody
/// has answered is `abandoned`, the envelope is freed.
void consumed(envelope* message) noexcept;

} // namespace equus::detail
