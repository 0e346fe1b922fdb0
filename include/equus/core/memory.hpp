// Memory is charged to the incarnation that allocates it, so that one's greed does not end the work
// of another. Its messages, its coroutine frames and the incarnation itself come from the node's
// pool; containers in a state or a message come from the target's operator new, which charges them
// to the same account while code of the application runs, and gives the bytes back to that account
// wherever and whenever they are freed. What a message owns becomes the receiver's with the message
// (core/adopt.hpp).
//
// Over its limit an incarnation gets std::bad_alloc from operator new, and null from
// allocate_block. Limit: where an exception cannot pass (the kernel's own code, modules compiled
// without them) the memory is given, and the incarnation ends with out_of_memory when its turn is
// over. What the kernel allocates for itself is bounded by other limits and not charged.
#pragma once

#include <cstddef>
#include <cstdint>

namespace equus::detail {

struct incarnation_core;

/// What an incarnation has, and what it may have.
struct memory_use {
    std::uint64_t used_bytes = 0;
    std::uint64_t limit_bytes = ~std::uint64_t{0};
};

/// To whom operator new charges.
enum class heap_use : std::uint8_t {
    kernel,  ///< nobody: the kernel works for itself
    counted, ///< the running incarnation; it is never refused
    limited, ///< the running incarnation, with std::bad_alloc over its limit
};

/// What an incarnation has from operator new. Blocks name it, so it lives as long as the last of
/// them; the target knows the rest of it.
struct heap_ledger {
    memory_use* use = nullptr;    ///< null: its incarnation has ended
    std::int64_t outstanding = 0; ///< charged and not known to be freed
    bool exceeded = false;        ///< more was given than allowed
};

/// The account behind an incarnation. By the kernel.
memory_use& memory_of(incarnation_core& which) noexcept;
/// Takes from the account what was freed of its heap meanwhile. By the target.
void settle_heap(incarnation_core& which) noexcept;
/// The incarnation ends; its last block ends its ledger. By the target.
void close_heap(incarnation_core& which) noexcept;
/// The block, which came from operator new, is the running incarnation's from now on. By the
/// target.
void adopt_block(const void* block) noexcept;
/// False: the running incarnation has more than it may have.
bool within_limit() noexcept;

/// A block of the node's pool, 16-aligned, charged to the running incarnation. Null when a limit is
/// reached, or outside an incarnation when the system has no more.
void* allocate_block(std::size_t size_bytes) noexcept;
/// Gives back what allocate_block returned. Null is allowed.
void free_block(void* block) noexcept;

} // namespace equus::detail
