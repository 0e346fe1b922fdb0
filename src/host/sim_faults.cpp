#include <equus/host/sim_faults.hpp>

namespace equus::sim {

using namespace equus::literals;

fault_mix fault_mix::draw(random_sequence& from, bool deaths) {
    fault_mix mix;
    mix.deaths = deaths;

    constexpr duration delays[] = {100us, 1ms, 20ms};
    mix.network.delay_max = delays[from.below(3)];
    if (from.chance(600))
        mix.network.loss_per_mille = static_cast<std::uint32_t>(from.below(301));
    if (from.chance(400))
        mix.network.duplicate_per_mille = static_cast<std::uint32_t>(from.below(101));
    if (from.chance(400)) {
        mix.network.late_per_mille = static_cast<std::uint32_t>(from.below(201));
        mix.network.late_max = from.between(1ms, 50ms);
    }
    if (from.chance(400))
        mix.network.break_per_million = static_cast<std::uint32_t>(from.below(5'001));
    if (from.chance(300))
        mix.network.dial_failure_per_mille = static_cast<std::uint32_t>(from.below(301));
    constexpr std::uint32_t unordered[] = {0, 0, 500, 1'000};
    mix.network.unordered_per_mille = unordered[from.below(4)];

    if (from.chance(400)) {
        mix.partition_every = from.between(500ms, 5s);
        mix.partition_max = from.between(10ms, deaths ? 15s : 6s);
    }
    if (deaths && from.chance(600)) {
        mix.crash_every = from.between(1s, 10s);
        mix.restart_max = from.between(10ms, 10s);
        mix.launcher_evicts = from.chance(500);
    }
    if (from.chance(300)) {
        mix.pause_every = from.between(1s, 10s);
        mix.pause_max = from.between(10ms, deaths ? 15s : 5s);
    }
    if (from.chance(400))
        mix.link_break_every = from.between(50ms, 3s);
    if (from.chance(200)) {
        mix.clock_jump_every = from.between(1s, 10s);
        mix.clock_jump_max = from.between(10ms, deaths ? 12s : 2s);
    }
    if (from.chance(250)) {
        mix.slow_per_mille = 300;
        mix.slow_turn = from.between(100us, 10ms);
    }
    constexpr std::uint32_t steps[] = {1, 8, 64, 1'000};
    mix.steps_max = steps[from.below(4)];
    mix.copy_local_messages = from.chance(300);
    mix.tiny_limits = from.chance(300);
    return mix;
}

kernel_limits fault_mix::limits() const noexcept {
    kernel_limits limits;
    if (!deaths) {
        limits.lease = 3'600s;
        limits.evict_after = 4'000s;
    }
    if (tiny_limits) {
        limits.credit_initial = 1;
        limits.credit_messages = 2;
        limits.credit_bytes = 256;
        limits.session_packets_max = 4;
        limits.session_reorder_max = 4;
        limits.packet_bytes_max = 1'024;
        limits.turn_steps = 1;
        limits.bulk_window_bytes = 2'000;
        limits.bulk_early_bytes = 1'500;
        limits.bulk_early_max = 4'000;
    }
    return limits;
}

std::string fault_mix::describe() const {
    std::string text;
    const auto say = [&text](bool on, const std::string& what) {
        if (on)
            text += (text.empty() ? "" : ", ") + what;
    };
    const auto ms = [](duration d) { return std::to_string(d.count() / 1'000'000) + " ms"; };
    const auto often = [&](const char* what, duration every, duration longest) {
        say(every.count() > 0, std::string{what} + " every " + ms(every) + " up to " + ms(longest));
    };
    say(network.loss_per_mille > 0, "loss " + std::to_string(network.loss_per_mille / 10) + " %");
    say(network.duplicate_per_mille > 0,
        "duplication " + std::to_string(network.duplicate_per_mille / 10) + " %");
    say(network.late_per_mille > 0, "late up to " + ms(network.late_max));
    say(network.break_per_million > 0, "links break");
    say(network.dial_failure_per_mille > 0, "dials fail");
    say(network.unordered_per_mille > 0,
        std::to_string(network.unordered_per_mille / 10) + " % of links unordered");
    often("partitions", partition_every, partition_max);
    often("crashes", crash_every, restart_max);
    often("pauses", pause_every, pause_max);
    say(link_break_every.count() > 0, "links cut every " + ms(link_break_every));
    often("clock jumps", clock_jump_every, clock_jump_max);
    say(slow_per_mille > 0, "slow nodes");
    say(steps_max < 64, std::to_string(steps_max) + " steps a turn");
    say(copy_local_messages, "local messages copied");
    say(tiny_limits, "tiny limits");
    say(deaths, "deaths");
    return text.empty() ? "no faults" : text;
}

} // namespace equus::sim
