// The nemesis: it draws from the seed when which fault strikes whom, and for how long.
#include "host/sim_world.hpp"

#include <algorithm>
#include <utility>

namespace equus::sim {

using namespace equus::literals;

void world_impl::begin_faults(const fault_mix& chosen) {
    mix = chosen;
    ++mix_number;
    healed = false;
    network.set_faults(mix.network);
    mutation.set_buggify(true);
    for (auto& node : nodes)
        node->turn_cost = nemesis_random.chance(mix.slow_per_mille) ? mix.slow_turn : duration{0};
    for (std::uint8_t kind = 0; kind < static_cast<std::uint8_t>(nemesis_kind::count); ++kind)
        plan(static_cast<nemesis_kind>(kind));
    say("faults begin: " + mix.describe());
}

void world_impl::heal() {
    ++mix_number; // what was planned is void
    if (!std::exchange(healed, true)) {
        healed_at = now;
        if (options.observer)
            options.observer->on_healed(now);
    }
    say("healed");
    mutation.set_buggify(false);
    network.set_faults(network_faults{});
    mend();
    for (auto& node : nodes) {
        node->turn_cost = duration{0};
        node->crash_after_outputs = -1;
        node->pause_next = duration{0};
        node->paused_until = std::min(node->paused_until, now);
        if (node->kernel)
            schedule_turn(*node, now);
        else if (node->crashed || (node->stopped && *node->stopped == errc::evicted))
            start_life(*node);
    }
}

void world_impl::mend() {
    for (std::uint32_t a = 0; a < nodes.size(); ++a)
        for (std::uint32_t b = 0; b < nodes.size(); ++b)
            if (a != b && network.is_cut(a, b))
                set_cut(a, b, false);
}

void world_impl::plan(nemesis_kind kind) {
    duration every{0};
    switch (kind) {
    case nemesis_kind::partition:
        every = mix.partition_every;
        break;
    case nemesis_kind::crash:
        every = mix.crash_every;
        break;
    case nemesis_kind::pause:
        every = mix.pause_every;
        break;
    case nemesis_kind::link_break:
        every = mix.link_break_every;
        break;
    case nemesis_kind::clock_jump:
        every = mix.clock_jump_every;
        break;
    case nemesis_kind::count:
        break;
    }
    if (every.count() <= 0)
        return;
    world_event planned;
    planned.what = world_event::kind::nemesis;
    planned.node = static_cast<std::uint32_t>(kind);
    planned.token = mix_number;
    events.add(now + nemesis_random.between(every / 4, every * 7 / 4), std::move(planned));
}

void world_impl::later(duration after, std::function<void()> action) {
    world_event planned;
    planned.action = [this, number = mix_number, does = std::move(action)] {
        if (number == mix_number)
            does();
    };
    events.add(now + after, std::move(planned));
}

void world_impl::strike_partition() {
    const auto count = static_cast<std::uint32_t>(nodes.size());
    if (count < 2)
        return;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> paths;
    const auto both = [&paths](std::uint32_t a, std::uint32_t b) {
        paths.emplace_back(a, b);
        paths.emplace_back(b, a);
    };
    const auto a = static_cast<std::uint32_t>(nemesis_random.below(count));
    const auto b = static_cast<std::uint32_t>((a + 1 + nemesis_random.below(count - 1)) % count);
    switch (nemesis_random.below(4)) {
    case 0:
        paths.emplace_back(a, b);
        break; // one-way
    case 1:
        both(a, b);
        break;
    case 2: // one against all
        for (std::uint32_t other = 0; other < count; ++other)
            if (other != a)
                both(a, other);
        break;
    default: { // two camps
        const std::uint64_t camps = nemesis_random.next();
        for (std::uint32_t i = 0; i < count; ++i)
            for (std::uint32_t j = i + 1; j < count; ++j)
                if ((camps >> i & 1) != (camps >> j & 1))
                    both(i, j);
        break;
    }
    }
    ++counters.partitions;
    say("partition of " + std::to_string(paths.size()) + " paths, first " + std::to_string(a) +
        " to " + std::to_string(b));
    for (const auto& [from, to] : paths)
        set_cut(from, to, true);
    later(nemesis_random.between(1ms, std::max(mix.partition_max, duration{1ms})), [this, paths] {
        for (const auto& [from, to] : paths)
            set_cut(from, to, false);
    });
}

void world_impl::strike(nemesis_kind kind) {
    plan(kind);
    std::vector<sim_node*> living;
    for (auto& node : nodes)
        if (node->kernel &&
            (kind != nemesis_kind::crash || (node->index != 0 && node->setup.may_crash)))
            living.push_back(node.get());
    if (living.empty())
        return;
    sim_node& victim = *living[nemesis_random.below(living.size())];
    switch (kind) {
    case nemesis_kind::partition:
        strike_partition();
        break;
    case nemesis_kind::crash:
        if (nemesis_random.chance(500)) {
            crash(victim, false);
        } else { // in the middle of its outputs
            victim.crash_after_outputs = static_cast<int>(nemesis_random.below(4));
            schedule_turn(victim, now);
        }
        break;
    case nemesis_kind::pause:
        pause(victim, nemesis_random.between(1ms, std::max(mix.pause_max, duration{1ms})));
        break;
    case nemesis_kind::link_break:
        if (nodes.size() > 1) {
            const auto other = static_cast<std::uint32_t>(
                (victim.index + 1 + nemesis_random.below(nodes.size() - 1)) % nodes.size());
            network.break_links(victim.index, other, now);
        }
        break;
    case nemesis_kind::clock_jump:
        ++counters.clock_jumps;
        victim.clock_offset +=
            nemesis_random.between(1ms, std::max(mix.clock_jump_max, duration{1ms}));
        say(victim, world_observer::fate::clock_jumps, "has its clock jump");
        schedule_turn(victim, now);
        break;
    case nemesis_kind::count:
        break;
    }
}

void world_impl::crash(sim_node& node, bool in_turn) {
    if (!node.kernel)
        return;
    say(node, world_observer::fate::crashes, in_turn ? "crashes among its outputs" : "crashes");
    ++counters.crashes;
    const std::uint32_t life = node.life;
    end_life(node, std::nullopt);
    network.crash(node.index, now);
    if (mix.crash_every.count() <= 0)
        return; // the test's own, not the nemesis's
    if (mix.launcher_evicts)
        later(nemesis_random.between(1ms, 200ms), [this, &node, life] { evict(node, life); });
    later(nemesis_random.between(1ms, std::max(mix.restart_max, duration{1ms})), [this, &node] {
        if (!node.kernel && node.crashed)
            start_life(node);
    });
}

void world_impl::evict(sim_node& node, std::uint32_t life) {
    sim_node& root = *nodes.front();
    const auto found = node.selves.find(life);
    if (!root.kernel || found == node.selves.end() || !found->second.node)
        return;
    {
        const kernel_scope planted{mutation};
        root.kernel->tick(local(root));
        root.kernel->evict(found->second);
    }
    schedule_turn(root, now);
}

void world_impl::pause(sim_node& node, duration span) {
    ++counters.pauses;
    say(node, world_observer::fate::pauses,
        "pauses for " + std::to_string(span.count() / 1'000'000) + " ms", span);
    if (nemesis_random.chance(500)) {
        node.paused_until = std::max(node.paused_until, now + span);
    } else { // between its work and its outputs
        node.pause_next = span;
        schedule_turn(node, now);
    }
}

} // namespace equus::sim
