#include "platform.hpp"

#include <equus/base/assert.hpp>

#include <sys/random.h>

#include <cerrno>

namespace equus::platform {

void entropy(std::span<std::byte> out) noexcept {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno == EINTR)
            continue;
        EQUUS_ASSERT(got > 0);
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

} // namespace equus::platform
