// What can go wrong in a simulated world, as plain numbers. A campaign does not turn everything on
// at once: each seed draws its own mix (swarm testing: Groce et al., ISSTA 2012), because faults
// hide each other, and a world without loss but with tiny credit finds what one with both does not.
#pragma once

#include <equus/base/random.hpp>
#include <equus/base/time.hpp>
#include <equus/kernel/limits.hpp>

#include <cstdint>
#include <string>

namespace equus::sim {

/// What happens to packets and links. The defaults are a quiet local network.
struct network_faults {
    duration delay_min{20'000};
    duration delay_max{100'000};
    /// Unordered: lost. Ordered: comes after a repetition, and what follows waits behind it.
    std::uint32_t loss_per_mille = 0;
    std::uint32_t duplicate_per_mille = 0; ///< unordered only
    std::uint32_t late_per_mille = 0;      ///< takes up to late_max longer
    duration late_max{0};
    std::uint32_t break_per_million = 0; ///< chance, for each packet, that an ordered link breaks
    std::uint32_t dial_failure_per_mille = 0;
    std::uint32_t unordered_per_mille = 0; ///< share of new links that are unordered
    duration dial_timeout{1'000'000'000};  ///< until a dial into the void fails
    /// How long an ordered link outlives that nothing passes, drawn for each silence.
    duration silence_min{200'000'000};
    duration silence_max{5'000'000'000};
};

/// A world's bad luck until it is healed. `..._every`: the mean time between two of the kind, 0 for
/// never.
struct fault_mix {
    network_faults network;
    duration partition_every{0}; ///< one-way, between two, or one against all others
    duration partition_max{0};
    duration crash_every{0}; ///< of a node that may crash; it is started again
    duration restart_max{0};
    duration pause_every{0}; ///< a node stands still, as after SIGSTOP
    duration pause_max{0};
    duration link_break_every{0};
    duration clock_jump_every{0}; ///< a node's clock goes forward at once, as after a suspend
    duration clock_jump_max{0};
    std::uint32_t slow_per_mille = 0; ///< share of nodes that are slow
    duration slow_turn{0};            ///< what a turn of theirs takes
    std::uint32_t steps_max = 64;     ///< steps of a kernel between two looks at its inputs
    duration effect_max{2'000'000};
    bool launcher_evicts = false; ///< a crash is written as an eviction soon, as by waitpid
    bool copy_local_messages = false;
    bool tiny_limits = false;

    /// Nodes may be written off, and incarnations end with them. Otherwise leases are longer than
    /// any run, and everything that was begun has to be finished.
    bool deaths = false;

    /// The limits of each node under this mix: defaults, or tiny ones.
    kernel_limits limits() const noexcept;
    /// One line for people.
    std::string describe() const;

    /// The mix of one seed.
    static fault_mix draw(random_sequence& from, bool deaths);
};

} // namespace equus::sim
