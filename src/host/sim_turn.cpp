// The driver's duties (kernel/kernel.hpp), done for each node in virtual time.
#include "host/sim_world.hpp"

#include <algorithm>

namespace equus::sim {

namespace {

constexpr std::uint32_t idle_turns_max = 10'000;
/// A lease that the faults have worn out may end so long after them: a link has to be dialled
/// again.
constexpr duration aftermath = std::chrono::seconds{5};

std::uint64_t hash_of(std::span<const std::byte> data) noexcept {
    std::uint64_t hash = data.size();
    for (const std::byte each : data) {
        hash ^= static_cast<std::uint64_t>(each);
        hash *= 0x100000001b3u;
    }
    return hash;
}

} // namespace

void world_impl::schedule_turn(sim_node& node, time_point when) {
    when = std::max({when, node.busy_until, node.paused_until});
    if (!node.kernel || node.turn_at <= when)
        return;
    node.turn_at = when;
    node.turn_token = next_token++;
    world_event due;
    due.what = world_event::kind::turn;
    due.node = node.index;
    due.token = node.turn_token;
    events.add(when, std::move(due));
}

void world_impl::turn(sim_node& node) {
    node.turn_at = time_point::never();
    if (now < node.paused_until) {
        schedule_turn(node, node.paused_until);
        return;
    }
    ++node.turns;
    ++counters.turns;
    const std::uint64_t outputs_before = node.outputs;
    const bool had_input = !node.inbox.empty();
    {
        const kernel_scope planted{mutation};
        node.kernel->tick(local(node));
        if (!node.outputs_pending) {
            take_inputs(node);
            const auto steps =
                static_cast<std::size_t>(turns_random.between(1, std::int64_t{mix.steps_max}));
            node.more_to_run = node.kernel->run(steps);
        }
        if (node.pause_next.count() > 0) {
            // The machine stops us between the work and what it leads to.
            node.outputs_pending = true;
            node.paused_until = now + std::exchange(node.pause_next, duration{0});
            schedule_turn(node, node.paused_until);
            return;
        }
        node.outputs_pending = false;
    }
    take_outputs(node);
    if (!node.kernel)
        return;
    if (options.check_every != 0 && node.turns % options.check_every == 0 && !check(node))
        return;
    node.busy_until = now + std::max(node.turn_cost, duration{1'000});
    if (node.more_to_run || !node.inbox.empty()) {
        schedule_turn(node, node.busy_until);
        node.idle_turns = 0;
        return;
    }
    const time_point deadline = node.kernel->next_deadline();
    if (deadline == time_point::never())
        return;
    if (deadline > local(node) || had_input || node.outputs != outputs_before)
        node.idle_turns = 0;
    else if (++node.idle_turns > idle_turns_max)
        fail("node '" + node.setup.name +
             "' spins: its deadline lies in the past and nothing is "
             "done about it");
    schedule_turn(node, std::max(deadline - node.clock_offset, node.busy_until));
}

void world_impl::take_inputs(sim_node& node) {
    while (!node.inbox.empty()) {
        sim_node::input in = std::move(node.inbox.front());
        node.inbox.pop_front();
        if (in.is_effect) {
            node.kernel->effect_done(in.effect, std::move(in.outcome));
            continue;
        }
        switch (in.heard.what) {
        case transport::sim_delivery::kind::link_up:
            node.kernel->link_up(in.heard.link, link_traits{in.heard.dial, in.heard.ordered});
            break;
        case transport::sim_delivery::kind::link_down:
            node.kernel->link_down(in.heard.link);
            break;
        case transport::sim_delivery::kind::dial_failed:
            node.kernel->dial_failed(in.heard.dial);
            break;
        case transport::sim_delivery::kind::packet:
            node.kernel->input(in.heard.link, in.heard.data.span());
            break;
        }
    }
}

void world_impl::take_outputs(sim_node& node) {
    output what;
    for (;;) {
        {
            const kernel_scope planted{mutation};
            if (!node.kernel->next_output(what))
                break;
        }
        if (node.crash_after_outputs == 0) {
            crash(node, true);
            return;
        }
        if (node.crash_after_outputs > 0)
            --node.crash_after_outputs;
        ++node.outputs;
        carry_out(node, what);
        if (!node.kernel)
            return;
    }
    if (node.crash_after_outputs == 0)
        crash(node, true);
}

void world_impl::carry_out(sim_node& node, output& what) {
    switch (what.what) {
    case output::kind::packet: {
        bytes joined;
        if (!what.tail.empty()) {
            joined = bytes{what.data};
            joined.append(what.tail);
        }
        const std::span<const std::byte> packet = what.tail.empty() ? what.data : joined.span();
        note(std::uint64_t{node.index} << 8 | 1, what.link.value, hash_of(packet));
        network.send(node.index, what.link, packet, now);
        break;
    }
    case output::kind::dial:
        note(std::uint64_t{node.index} << 8 | 2, what.dial.value, stable_hash(what.text));
        network.dial(node.index, what.dial, what.text, now);
        break;
    case output::kind::hang_up:
        note(std::uint64_t{node.index} << 8 | 3, what.link.value);
        network.hang_up(node.index, what.link, now);
        break;
    case output::kind::effect: {
        note(std::uint64_t{node.index} << 8 | 4, what.effect.value, hash_of(what.body.span()));
        ++counters.effects;
        world_event asked;
        asked.what = world_event::kind::effect;
        asked.node = node.index;
        asked.life = node.life;
        asked.effect = what.effect;
        asked.name = what.text;
        asked.body = std::move(what.body);
        events.add(now + effects_random.between(duration{1'000}, mix.effect_max), std::move(asked));
        break;
    }
    case output::kind::stopped:
        say(node, world_observer::fate::stops,
            what.reason == errc::ok ? "leaves" : "stops: " + what.reason.describe());
        counters.evictions += what.reason == errc::evicted ? 1 : 0;
        end_life(node, std::move(what.reason));
        network.crash(node.index, now);
        // A life that ends later than that ends by a fault of ours.
        if (healed && *node.stopped == errc::evicted && now - healed_at < aftermath)
            later(std::chrono::milliseconds{100}, [this, &node] {
                if (!node.kernel)
                    start_life(node);
            });
        break;
    }
}

void world_impl::end_life(sim_node& node, std::optional<error> reason) {
    node.last_self = node.kernel->self();
    node.last_counters = node.kernel->counters();
    node.last_view = node.kernel->view();
    note(node.index, node.kernel->trace_hash(), 5);
    {
        const kernel_scope planted{mutation};
        node.kernel.reset();
    }
    node.stopped = std::move(reason);
    node.crashed = !node.stopped;
    node.inbox.clear();
    node.turn_at = time_point::never();
    node.turn_token = 0;
    node.outputs_pending = false;
    node.pause_next = duration{0};
    node.crash_after_outputs = -1;
}

void world_impl::do_effect(const world_event& asked) {
    sim_node& node = *nodes[asked.node];
    if (!node.kernel || node.life != asked.life)
        return; // died before it came to that
    const host where{asked.node};
    if (const auto late = late_effects.find(asked.name); late != late_effects.end()) {
        completion done;
        done.world_ = weak_from_this();
        done.where_ = where;
        done.life_ = asked.life;
        done.effect_ = asked.effect;
        late->second(where, asked.body, std::move(done));
        return;
    }
    complete(where, asked.life, asked.effect, perform(where, asked));
}

result<bytes> world_impl::perform(host where, const world_event& asked) {
    if (const auto found = effects.find(asked.name); found != effects.end())
        return found->second(where, asked.body);
    for (const effect_registry& registry : registries)
        if (registry.contains(asked.name))
            return registry.perform(asked.name, asked.body);
    return equus::fail(errc::not_found, "no effect '" + asked.name + "'");
}

void world_impl::complete(host where, std::uint32_t life, effect_id effect, result<bytes> outcome) {
    sim_node& node = at(where);
    if (!node.kernel || node.life != life)
        return;
    sim_node::input done;
    done.is_effect = true;
    done.effect = effect;
    done.outcome = std::move(outcome);
    node.inbox.push_back(std::move(done));
    schedule_turn(node, now);
}

void completion::operator()(result<bytes> outcome) const {
    if (const auto world = world_.lock())
        world->complete(where_, life_, effect_, std::move(outcome));
}

bool completion::wanted() const noexcept {
    const auto world = world_.lock();
    if (!world)
        return false;
    const sim_node& node = world->at(where_);
    return node.kernel && node.life == life_;
}

} // namespace equus::sim
