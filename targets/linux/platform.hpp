// What a hosted driver needs from the machine: the time and unpredictable bytes. A port to another
// machine gives the same functions and `equus::assertion_failed` (base/assert.hpp).
#pragma once

#include <equus/base/time.hpp>

#include <cstddef>
#include <span>

namespace equus::platform {

/// How a node's process ends when it cannot go on (docs/commands.md).
inline constexpr int exit_never_yields = 70;
inline constexpr int exit_out_of_memory = 71;

/// Nanoseconds since the machine started. Never goes back and goes on while the machine is
/// suspended: a lease must not outlive a closed lid.
time_point now() noexcept;

/// Fills `out` with bytes that nobody can predict. Ends the program when the system has none:
/// nothing that asks for entropy can go on safely without it.
void entropy(std::span<std::byte> out) noexcept;

/// Page-aligned memory for bulk, on huge pages where the system has them; null when it has none.
/// `size_bytes` is a number of whole pages.
void* take_pages(std::size_t size_bytes) noexcept;
void give_pages(void* block, std::size_t size_bytes) noexcept;

} // namespace equus::platform
