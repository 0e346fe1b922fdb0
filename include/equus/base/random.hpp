// Random numbers that are the same everywhere: integers only, a published generator, no
// distribution of a standard library. Every concern of a simulation has its own sequence, drawn
// from one seed, so that adding a draw in one place does not change what happens in another.
// Predictable by design: never a source of secrets.
#pragma once

#include <equus/base/assert.hpp>
#include <equus/base/ids.hpp>
#include <equus/base/time.hpp>

#include <cstdint>
#include <string_view>

namespace equus {

/// xoshiro256** (Blackman, Vigna, 2018), seeded through splitmix64.
class random_sequence {
public:
    explicit random_sequence(std::uint64_t seed) noexcept {
        for (std::uint64_t& word : state_)
            word = split(seed);
    }
    /// The sequence of one concern under the run's seed.
    random_sequence(std::uint64_t seed, std::string_view concern) noexcept
        : random_sequence{seed ^ stable_hash(concern)} {}

    std::uint64_t next() noexcept {
        const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = rotate(state_[3], 45);
        return result;
    }
    /// 0 ... bound - 1, each equally often. Requires bound > 0.
    std::uint64_t below(std::uint64_t bound) noexcept {
        EQUUS_ASSERT(bound > 0);
        const std::uint64_t uneven = (0 - bound) % bound; // 2^64 mod bound
        std::uint64_t drawn = next();
        while (drawn < uneven)
            drawn = next();
        return drawn % bound;
    }
    /// least ... most. Requires least <= most.
    std::int64_t between(std::int64_t least, std::int64_t most) noexcept {
        EQUUS_ASSERT(least <= most);
        const std::uint64_t width =
            static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least) + 1;
        const std::uint64_t drawn = width == 0 ? next() : below(width);
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + drawn);
    }
    duration between(duration least, duration most) noexcept {
        return duration{between(least.count(), most.count())};
    }
    /// True `per_mille` times in a thousand.
    bool chance(std::uint32_t per_mille) noexcept { return below(1'000) < per_mille; }

private:
    static constexpr std::uint64_t rotate(std::uint64_t x, int by) noexcept {
        return (x << by) | (x >> (64 - by));
    }
    static std::uint64_t split(std::uint64_t& seed) noexcept {
        std::uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    std::uint64_t state_[4];
};

} // namespace equus
