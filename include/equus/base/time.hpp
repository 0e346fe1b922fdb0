// Time is handed in. The kernel knows only the instants its driver gives it; nothing below the
// driver reads a clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace equus {

/// A span of time in nanoseconds.
using duration = std::chrono::nanoseconds;

/// An instant on the driver's monotonic clock, nanoseconds since an origin of the driver's choice.
/// Comparable within one node only.
struct time_point {
    std::int64_t ns = 0;

    friend constexpr auto operator<=>(time_point, time_point) = default;
    friend constexpr time_point operator+(time_point t, duration d) noexcept {
        return {t.ns + d.count()};
    }
    friend constexpr time_point operator-(time_point t, duration d) noexcept {
        return {t.ns - d.count()};
    }
    friend constexpr duration operator-(time_point a, time_point b) noexcept {
        return duration{a.ns - b.ns};
    }
    /// Later than every instant: "no deadline".
    static constexpr time_point never() noexcept { return {INT64_MAX}; }
};

/// Waits that end only with their event.
inline constexpr duration for_ever{INT64_MAX};

/// `now + d`, or `never()` when d is `for_ever` or the sum would not fit.
constexpr time_point deadline_after(time_point now, duration d) noexcept {
    if (d == for_ever || d.count() > INT64_MAX - now.ns)
        return time_point::never();
    return now + d;
}

namespace literals {
using namespace std::chrono_literals;
}

} // namespace equus
