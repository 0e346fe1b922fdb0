// The nodes of one run know each other by a secret that whoever starts the run hands to each of
// them privately (an inherited file descriptor, a file that only the user can read; never a command
// line).
#pragma once

#include <array>
#include <cstddef>

namespace equus {

/// 32 bytes that nobody outside the run can guess. An all-zero secret means "none" and is refused
/// wherever one is needed.
struct run_secret {
    std::array<std::byte, 32> value{};

    explicit operator bool() const noexcept {
        std::byte any{};
        for (std::byte b : value)
            any |= b;
        return any != std::byte{};
    }
};

/// A fresh secret from the system's entropy.
run_secret new_run_secret() noexcept;

} // namespace equus
