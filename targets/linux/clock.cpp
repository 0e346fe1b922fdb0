#include "platform.hpp"

#include <equus/base/assert.hpp>

#include <ctime>

namespace equus::platform {

time_point now() noexcept {
    timespec since_boot{};
    const int status = ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
    EQUUS_ASSERT(status == 0);
    return {std::int64_t{since_boot.tv_sec} * 1'000'000'000 + since_boot.tv_nsec};
}

} // namespace equus::platform
