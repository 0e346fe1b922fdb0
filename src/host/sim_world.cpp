#include "host/sim_world.hpp"

#include <algorithm>
#include <cinttypes>

namespace equus::sim {

using namespace equus::literals;

void sim_node::on_trace(const trace_record& record) noexcept {
    if (world->options.observer)
        world->options.observer->on_trace(world->now, host{index}, record);
    if (!world->options.trace)
        return;
    std::fprintf(world->options.trace,
                 "%" PRId64 " node %" PRIu32 " kind %u who %" PRIu32 ".%" PRIu32 ".%" PRIu32
                 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                 record.at.ns, record.node.value, static_cast<unsigned>(record.kind),
                 record.who.node.value, record.who.boot.value, record.who.counter, record.a,
                 record.b, record.c);
}
void sim_node::on_created(incarnation_id who, std::string_view name,
                          std::string_view module) noexcept {
    if (world->options.observer)
        world->options.observer->on_created(world->now, host{index}, who, name, module);
}
void sim_node::on_queued(const traced_message& message) noexcept {
    if (world->options.observer)
        world->options.observer->on_queued(world->now, host{index}, message);
}

world_impl::world_impl(std::uint64_t with_seed, world_options given)
    : seed{with_seed}, options{std::move(given)}, network{with_seed},
      turns_random{with_seed, "world.turns"}, effects_random{with_seed, "world.effects"},
      nemesis_random{with_seed, "world.nemesis"}, mutation{with_seed, options.mutant} {
    mix.copy_local_messages = options.copy_local_messages;
    if (options.observer)
        network.on_lost = [this](std::uint32_t from, std::uint32_t to) {
            if (options.observer)
                options.observer->on_lost(now, host{from}, host{to});
        };
}

sim_node& world_impl::at(host which) {
    EQUUS_ASSERT(which.index < nodes.size());
    return *nodes[which.index];
}
const sim_node& world_impl::at(host which) const {
    EQUUS_ASSERT(which.index < nodes.size());
    return *nodes[which.index];
}

void world_impl::note(std::uint64_t a, std::uint64_t b, std::uint64_t c) noexcept {
    for (const std::uint64_t each : {static_cast<std::uint64_t>(now.ns), a, b, c}) {
        hash ^= each;
        hash *= 0x9e37'79b9'7f4a'7c15u;
        hash ^= hash >> 29;
    }
}

void world_impl::fail(std::string text) {
    if (failure.empty())
        failure = "at " + std::to_string(now.ns / 1'000) + " us: " + std::move(text);
}

void world_impl::say(const std::string& text) {
    if (options.trace)
        std::fprintf(options.trace, "%" PRId64 " world %s\n", now.ns, text.c_str());
}

void world_impl::say(const sim_node& node, world_observer::fate what, const std::string& text,
                     duration span) {
    if (options.trace)
        say("node '" + node.setup.name + "' " + text);
    if (options.observer)
        options.observer->on_node(now, host{node.index}, node.setup.name, what, span, text);
}

void world_impl::set_cut(std::uint32_t from, std::uint32_t to, bool cut) {
    network.set_cut(from, to, cut, now);
    if (options.observer)
        options.observer->on_cut(now, host{from}, host{to}, cut);
}

bool world_impl::check(sim_node& node) {
    std::string broken = node.kernel->check_invariants();
    if (broken.empty())
        return true;
    fail("node '" + node.setup.name + "': " + std::move(broken));
    return false;
}

void world_impl::start_life(sim_node& node) {
    if (node.life > 0)
        network.restart(node.index);
    ++node.life;
    const std::string address = "sim:" + std::to_string(node.index);
    network.listen(node.index, address);
    kernel_options made;
    made.name = node.setup.name + (node.life > 1 ? "-" + std::to_string(node.life) : "");
    made.root = node.index == 0;
    made.root_address = made.root ? "" : "sim:0";
    made.address = address;
    made.traits = node.setup.traits;
    made.instance = next_instance++;
    made.secret = seed ^ made.instance;
    made.gathers = node.index % 2 == 1; // half of the nodes, so that both ways are taken
    made.copy_local_messages = mix.copy_local_messages || options.copy_local_messages;
    made.limits = options.limits;
    made.trace_hash = true;
    node.world = this;
    made.trace = options.trace || options.observer ? &node : nullptr;
    // Clocks have an origin of their own in each life.
    node.clock_offset = turns_random.between(1s, 3'600s);
    node.busy_until = now;
    node.paused_until = now;
    node.stopped.reset();
    node.crashed = false;
    {
        const kernel_scope planted{mutation};
        node.kernel = std::make_unique<equus::kernel>(std::move(made), modules);
    }
    say(node, world_observer::fate::begins, "begins life " + std::to_string(node.life));
    schedule_turn(node, now);
}

// ---- time

bool world_impl::due(time_point until) const noexcept {
    return std::min(network.next_at(), events.next_at()) <= until;
}

void world_impl::step() {
    if (++counters.events > options.events_max)
        return fail("no end after " + std::to_string(options.events_max) + " events");
    const time_point next = std::min(network.next_at(), events.next_at());
    now = std::max(now, next);
    if (network.next_at() <= now) {
        transport::sim_delivery heard;
        while (network.next(now, heard)) {
            sim_node& node = *nodes[heard.to];
            if (!node.kernel)
                continue;
            note(std::uint64_t{node.index} << 8 | 16 | static_cast<std::uint64_t>(heard.what),
                 heard.link.value, heard.data.size());
            sim_node::input in;
            in.heard = std::move(heard);
            node.inbox.push_back(std::move(in));
            // A turn takes in what comes shortly after each other.
            schedule_turn(node, now + turns_random.between(0us, 5us));
        }
        return;
    }
    world_event event = events.take();
    switch (event.what) {
    case world_event::kind::turn: {
        sim_node& node = *nodes[event.node];
        if (node.kernel && node.turn_token == event.token) {
            turn(node);
            if (node.kernel && node.kernel->joined())
                node.selves[node.life] = node.kernel->self();
        }
        break;
    }
    case world_event::kind::effect:
        do_effect(event);
        break;
    case world_event::kind::action:
        event.action();
        break;
    case world_event::kind::nemesis:
        if (event.token == mix_number)
            strike(static_cast<nemesis_kind>(event.node));
        break;
    }
}

// ---- the door

world::world(std::uint64_t seed, world_options options)
    : impl_{std::make_shared<world_impl>(seed, std::move(options))} {}
world::~world() {
    impl_->options.observer = nullptr; // what ends now ends with the world
    for (auto& node : impl_->nodes)
        if (node->kernel)
            impl_->end_life(*node, std::nullopt);
}

std::uint64_t world::seed() const noexcept {
    return impl_->seed;
}
module_table& world::modules() noexcept {
    return impl_->modules;
}
random_sequence world::random(std::string_view concern) const noexcept {
    return random_sequence{impl_->seed, concern};
}

host world::node(node_setup setup) {
    auto made = std::make_unique<sim_node>();
    made->index = impl_->network.add_host();
    made->setup = std::move(setup);
    if (made->setup.name.empty())
        made->setup.name = "n" + std::to_string(made->index + 1);
    impl_->nodes.push_back(std::move(made));
    impl_->start_life(*impl_->nodes.back());
    return host{impl_->nodes.back()->index};
}

std::uint32_t world::node_count() const noexcept {
    return static_cast<std::uint32_t>(impl_->nodes.size());
}

bool world::join_all(duration within) {
    return run_until(
        [this] {
            return std::all_of(impl_->nodes.begin(), impl_->nodes.end(), [](const auto& node) {
                return !node->kernel || node->kernel->joined();
            });
        },
        within);
}

result<incarnation_id> world::boot(host where, const creation& what) {
    sim_node& node = impl_->at(where);
    run_until([&node] { return !node.kernel || node.kernel->joined(); }, 30s);
    if (!node.kernel)
        return equus::fail(errc::no_such_node, "the node is not alive");
    auto body = encoded(what);
    if (!body)
        return equus::fail(std::move(body.error()));
    const kernel_scope planted{impl_->mutation};
    node.kernel->tick(impl_->local(node));
    auto made = node.kernel->boot(*body);
    impl_->schedule_turn(node, impl_->now);
    return made;
}

void world::leave(host which) {
    sim_node& node = impl_->at(which);
    if (!node.kernel)
        return;
    const kernel_scope planted{impl_->mutation};
    node.kernel->tick(impl_->local(node));
    node.kernel->leave(error{errc::ok});
    impl_->schedule_turn(node, impl_->now);
}

void world::effect(std::string name, effect_function does) {
    impl_->effects.insert_or_assign(std::move(name), std::move(does));
}
void world::late_effect(std::string name, late_effect_function does) {
    impl_->late_effects.insert_or_assign(std::move(name), std::move(does));
}

time_point world::now() const noexcept {
    return impl_->now;
}

void world::run_for(duration span) {
    const time_point end = impl_->now + span;
    while (impl_->failure.empty() && impl_->due(end))
        impl_->step();
    if (impl_->failure.empty())
        impl_->now = end;
}

bool world::run_until(const std::function<bool()>& done, duration within) {
    const time_point end = deadline_after(impl_->now, within);
    while (impl_->failure.empty()) {
        if (done())
            return true;
        if (!impl_->due(end)) {
            impl_->now = end;
            return false;
        }
        impl_->step();
    }
    return false;
}

bool world::settle(duration within) {
    heal();
    // A life that has ended without a word is written off when its silence has lasted.
    const duration written_off = impl_->options.limits.evict_after + 2s;
    const duration quiet = written_off < 1min ? written_off : duration{5s};
    std::uint64_t before = 0;
    time_point quiet_since = impl_->now;
    return run_until(
        [&] {
            std::uint64_t moved = 0;
            bool working = false;
            for (const auto& node : impl_->nodes)
                if (node->kernel) {
                    moved += node->kernel->counters().messages_sent +
                             node->kernel->counters().messages_consumed;
                    working = working || node->more_to_run || !node->kernel->joined();
                }
            if (moved != before || working) {
                before = moved;
                quiet_since = impl_->now;
            }
            return impl_->now - quiet_since >= quiet;
        },
        within);
}

void world::at(time_point when, std::function<void()> action) {
    world_event planned;
    planned.action = std::move(action);
    impl_->events.add(std::max(when, impl_->now), std::move(planned));
}

// ---- faults

void world::begin_faults(const fault_mix& mix) {
    impl_->begin_faults(mix);
}
void world::heal() {
    impl_->heal();
}
void world::set_network(const network_faults& faults) {
    impl_->network.set_faults(faults);
}
void world::partition(host a, host b) {
    cut(a, b);
    cut(b, a);
}
void world::cut(host from, host to) {
    impl_->set_cut(from.index, to.index, true);
}
void world::uncut(host from, host to) {
    impl_->set_cut(from.index, to.index, false);
}
void world::isolate(host which) {
    for (std::uint32_t other = 0; other < node_count(); ++other)
        if (other != which.index)
            partition(which, host{other});
}
void world::mend() {
    impl_->mend();
}
void world::break_links(host a, host b) {
    impl_->network.break_links(a.index, b.index, impl_->now);
}
void world::crash(host which) {
    impl_->crash(impl_->at(which), false);
}
void world::restart(host which) {
    sim_node& node = impl_->at(which);
    if (!node.kernel)
        impl_->start_life(node);
}
void world::pause(host which, duration span) {
    sim_node& node = impl_->at(which);
    if (node.kernel)
        impl_->pause(node, span);
}
void world::jump_clock(host which, duration forward) {
    sim_node& node = impl_->at(which);
    node.clock_offset += forward;
    impl_->schedule_turn(node, impl_->now);
}
void world::evict(host which) {
    sim_node& node = impl_->at(which);
    impl_->evict(node, node.life);
}

// ---- observation

bool world::alive(host which) const noexcept {
    return impl_->at(which).kernel != nullptr;
}
bool world::paused(host which) const noexcept {
    const sim_node& node = impl_->at(which);
    return node.kernel && (impl_->now < node.paused_until || node.outputs_pending);
}
bool world::is_healed() const noexcept {
    return impl_->healed;
}
std::optional<error> world::stopped(host which) const {
    return impl_->at(which).stopped;
}
node_boot world::self(host which) const noexcept {
    const sim_node& node = impl_->at(which);
    return node.kernel ? node.kernel->self() : node.last_self;
}
bool world::joined(host which) const noexcept {
    const sim_node& node = impl_->at(which);
    return node.kernel && node.kernel->joined();
}
std::uint32_t world::lives(host which) const noexcept {
    return impl_->at(which).life;
}
node_status world::status(host which) const {
    const sim_node& node = impl_->at(which);
    return node.kernel ? node.kernel->status() : node_status{};
}
kernel_counters world::counters(host which) const {
    const sim_node& node = impl_->at(which);
    return node.kernel ? node.kernel->counters() : node.last_counters;
}
view_version world::view(host which) const noexcept {
    const sim_node& node = impl_->at(which);
    return node.kernel ? node.kernel->view() : node.last_view;
}
const world_counters& world::counters() const noexcept {
    world_counters& all = impl_->counters;
    const transport::sim_network_counters& net = impl_->network.counters();
    all.packets_sent = net.packets_sent;
    all.packets_lost = net.packets_lost;
    all.packets_duplicated = net.packets_duplicated;
    all.packets_overtaken = net.packets_overtaken;
    all.links_made = net.links_made;
    all.links_broken = net.links_broken;
    return all;
}
const fault_mix& world::faults() const noexcept {
    return impl_->mix;
}
const std::string& world::failure() const noexcept {
    return impl_->failure;
}
void world::fail(std::string text) {
    impl_->fail(std::move(text));
}
void world::remark(host where, std::string_view text) {
    impl_->say("remark at '" + impl_->at(where).setup.name + "': " + std::string{text});
    if (impl_->options.observer)
        impl_->options.observer->on_remark(impl_->now, where, text);
}
bool world::check() {
    for (auto& node : impl_->nodes)
        if (node->kernel && !impl_->check(*node))
            return false;
    return impl_->failure.empty();
}
const std::map<std::string, std::uint64_t, std::less<>>& world::reached() const noexcept {
    return impl_->mutation.reached();
}
std::uint64_t world::hash() const noexcept {
    std::uint64_t all = impl_->hash;
    for (const auto& node : impl_->nodes)
        if (node->kernel)
            all = (all ^ node->kernel->trace_hash()) * 0x9e37'79b9'7f4a'7c15u;
    return all;
}

} // namespace equus::sim
