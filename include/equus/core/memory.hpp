// Memory is charged to the incarnation that allocates it, so that one's greed does not end the work
// of another: its messages, its coroutine frames and the incarnation itself come from the node's
// pool. The limit: containers in a state or a message come from global new and are not charged.
#pragma once

#include <cstddef>

namespace equus::detail {

/// A block of the node's pool, 16-aligned, charged to the running incarnation. Null when a limit is
/// reached, or outside an incarnation when the system has no more.
void* allocate_block(std::size_t size_bytes) noexcept;
/// Gives back what allocate_block returned. Null is allowed.
void free_block(void* block) noexcept;

} // namespace equus::detail
