// What a hosted driver needs from the machine: the time and unpredictable bytes. A port to another
// machine gives the same functions and `equus::assertion_failed` (base/assert.hpp).
#pragma once

#include <equus/base/time.hpp>

#include <cstddef>
#include <span>

namespace equus::platform {

/// Nanoseconds since the machine started. Never goes back and goes on while the machine is
/// suspended: a lease must not outlive a closed lid.
time_point now() noexcept;

/// Fills `out` with bytes that nobody can predict. Ends the program when the system has none:
/// nothing that asks for entropy can go on safely without it.
void entropy(std::span<std::byte> out) noexcept;

} // namespace equus::platform
