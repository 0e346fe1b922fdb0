#include "host/blocking_pool.hpp"
#include "host/hosted_rdc.hpp"
#include "host/watchdog.hpp"
#include "platform.hpp"
#include "transport/tcp.hpp"

#include <equus/base/assert.hpp>
#include <equus/host/asio.hpp>
#include <equus/module.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <array>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace equus {

namespace {

/// Steps between two looks at the clock.
constexpr std::size_t steps_per_look = 256;

std::uint64_t random_number() noexcept {
    std::array<std::byte, sizeof(std::uint64_t)> random;
    platform::entropy(random);
    std::uint64_t value = 0;
    std::memcpy(&value, random.data(), random.size());
    return value != 0 ? value : 1;
}

} // namespace

// The duties of kernel.hpp, in its order. Every handler of the loop is an input followed by a turn;
// handlers that run after the end find no node and do nothing.
struct node::impl final : transport::tcp_receiver, std::enable_shared_from_this<node::impl> {
    impl(asio::io_context& c, node_options o, const module_table& m)
        : context{c}, options{std::move(o)}, modules{m} {}

    result<void> start();
    result<void> start(rdc what, rdc_options how);
    void end();

    // ---- inputs
    void link_up(link_id link, dial_id dialled) override;
    void dial_failed(dial_id dial, error reason) override;
    void packet(link_id link, std::span<const std::byte> packet) override;
    std::span<std::byte> place(link_id link, std::span<const std::byte> head, std::size_t read,
                               std::size_t size_bytes) override;
    void placed_packet(link_id link, std::span<const std::byte> head,
                       std::size_t size_bytes) override;
    void packets_end() override { turn(); }
    void link_down(link_id link, error reason) override;
    void link_has_room(link_id link) override;
    void complete(effect_id effect, result<bytes> outcome);
    void take_completions();
    void post(std::function<void(equus::kernel&)> fn);

    // ---- work and outputs
    void begin_inputs();
    void turn();
    void turn_soon();
    void take_outputs();
    void carry_out(output& what);
    void do_effect(effect_id effect, std::string_view name, bytes request);
    void arm_timer(time_point now);
    void stop(error reason);

    bool lives() const noexcept { return core != nullptr && !over; }

    asio::io_context& context;
    node_options options;
    const module_table& modules;
    std::string address;
    std::optional<transport::tcp_links> links;
    std::unique_ptr<equus::kernel> core;
    std::optional<asio::steady_timer> timer;
    time_point timer_at = time_point::never(); ///< what it is set to
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
    std::unique_ptr<host::blocking_pool> pool;
    std::shared_ptr<host::hosted_rdc> hosted;
    std::optional<host::watchdog> dog;

    time_point turn_began;
    bool ticked = false; ///< since the last turn
    bool turn_posted = false;
    bool over = false; ///< the kernel said so

    std::mutex mutex; ///< guards what follows
    std::vector<std::pair<effect_id, result<bytes>>> completions;
    bool ended = false; ///< the node object goes
};

// ---- life

result<void> node::impl::start() {
    EQUUS_ASSERT(!core);
    const bool has_links = !options.listen.empty() || !options.kernel.root_address.empty();
    if (has_links && !options.secret)
        return fail(errc::invalid_argument, "a node with links needs the run's secret");
    if (options.effect_threads == 0)
        return fail(errc::invalid_argument, "effect_threads must not be 0");

    transport::tcp_options net;
    net.secret = options.secret;
    net.run = options.kernel.run;
    net.packet_bytes_max = options.kernel.limits.packet_bytes_max;
    net.handshake_within = options.handshake_within;
    links.emplace(context, std::move(net), *this);
    if (!options.listen.empty()) {
        auto listening = links->listen(options.listen);
        if (!listening)
            return fail(std::move(listening.error()));
        address = std::move(*listening);
    }
    if (options.kernel.address.empty())
        options.kernel.address = address;
    options.kernel.instance = random_number();
    options.kernel.secret = random_number();
    options.kernel.gathers = true;
    if (!options.kernel.memory.take)
        options.kernel.memory = {&platform::take_pages, &platform::give_pages};

    pool = std::make_unique<host::blocking_pool>(options.effect_threads, options.effect_queue_max);
    timer.emplace(context);
    work.emplace(context.get_executor());
    core = std::make_unique<equus::kernel>(options.kernel, modules);
    turn_soon();
    return {};
}

result<void> node::impl::start(rdc what, rdc_options how) {
    EQUUS_ASSERT(!core);
    if (!options.kernel.root)
        return fail(errc::invalid_argument,
                    "a node that joins another's run starts no computation");
    if (!modules.find("equus.launch"))
        return fail(errc::invalid_argument, "the modules lack the standard ones: call "
                                            "add_standard_modules(modules) first");
    launching::order establish;
    establish.configuration = std::move(what);
    establish.services = modules.services();
    establish.nodes_wanted = how.nodes_wanted;
    establish.nodes_within = how.nodes_within;
    hosted = std::make_shared<host::hosted_rdc>(context, options.kernel.limits.call_timeout);
    hosted->on_progress = std::move(how.on_progress);
    hosted->on_finished = [node = weak_from_this()] {
        if (const auto self = node.lock())
            self->post([](equus::kernel& k) { k.leave(errc::ok); });
    };
    hosted->add_effects(options.effects);
    if (auto started = start(); !started)
        return started;
    begin_inputs();
    auto booted = hosted->boot(*core, establish);
    turn_soon();
    return booted;
}

void node::impl::end() {
    {
        const std::lock_guard lock{mutex};
        ended = true;
    }
    links.reset();
    timer.reset();
    work.reset();
    pool.reset();
    dog.reset();
    core.reset();
    if (hosted)
        hosted->over(error{errc::closed});
}

void node::impl::stop(error reason) {
    over = true;
    if (hosted)
        hosted->over(reason);
    links->close();
    timer->cancel();
    work.reset();
    if (options.on_stopped)
        asio::post(context, [node = weak_from_this(), reason = std::move(reason)] {
            // The callback may destroy the node.
            if (const auto self = node.lock())
                std::exchange(self->options.on_stopped, nullptr)(reason);
        });
}

// ---- inputs

void node::impl::begin_inputs() {
    if (ticked)
        return;
    ticked = true;
    turn_began = platform::now();
    core->tick(turn_began);
}

void node::impl::link_up(link_id link, dial_id dialled) {
    if (!lives())
        return;
    begin_inputs();
    core->link_up(link, {.dialled = dialled, .ordered = true});
    turn();
}

void node::impl::dial_failed(dial_id dial, error) {
    if (!lives())
        return;
    begin_inputs();
    core->dial_failed(dial);
    turn();
}

void node::impl::packet(link_id link, std::span<const std::byte> packet) {
    if (!lives())
        return;
    begin_inputs();
    core->input(link, packet);
}

std::span<std::byte> node::impl::place(link_id link, std::span<const std::byte> head,
                                       std::size_t read, std::size_t size_bytes) {
    return lives() ? core->place(link, head, read, size_bytes) : std::span<std::byte>{};
}

void node::impl::placed_packet(link_id link, std::span<const std::byte> head,
                               std::size_t size_bytes) {
    if (!lives())
        return;
    begin_inputs();
    core->placed(link, head, size_bytes);
}

void node::impl::link_down(link_id link, error) {
    if (!lives())
        return;
    begin_inputs();
    core->link_down(link);
    turn();
}

void node::impl::link_has_room(link_id link) {
    if (!lives())
        return;
    begin_inputs();
    core->link_full(link, false);
    turn();
}

// On any thread. One posted handler takes all completions that have gathered until it runs.
void node::impl::complete(effect_id effect, result<bytes> outcome) {
    const std::lock_guard lock{mutex};
    if (ended)
        return;
    completions.emplace_back(effect, std::move(outcome));
    if (completions.size() == 1)
        asio::post(context, [node = weak_from_this()] {
            if (const auto self = node.lock())
                self->take_completions();
        });
}

void node::impl::take_completions() {
    decltype(completions) taken;
    {
        const std::lock_guard lock{mutex};
        taken.swap(completions);
    }
    if (!lives())
        return;
    begin_inputs();
    for (auto& [effect, outcome] : taken)
        core->effect_done(effect, std::move(outcome));
    turn();
}

void node::impl::post(std::function<void(equus::kernel&)> fn) {
    asio::post(context, [node = weak_from_this(), fn = std::move(fn)] {
        const auto self = node.lock();
        if (!self || !self->lives())
            return;
        self->begin_inputs();
        fn(*self->core);
        self->turn();
    });
}

// ---- work and outputs

void node::impl::turn() {
    if (!lives())
        return;
    if (options.yield_within != for_ever && !dog) // here: this is the node's thread
        dog.emplace(options.kernel.name, options.yield_within, options.what_runs);
    begin_inputs();
    const time_point until = turn_began + options.turn_budget;
    time_point now;
    bool more = false;
    do {
        if (dog)
            dog->slice_begins();
        more = core->run(steps_per_look);
        if (dog)
            dog->slice_ends();
        now = platform::now();
    } while (more && now < until);
    if (now - turn_began > options.turn_long) {
        // The lease may have run out meanwhile; what that brings up is done in the next turn.
        core->tick(now);
        more = true;
    }
    ticked = false;
    take_outputs();
    if (!lives())
        return;
    links->flush();
    if (more)
        turn_soon();
    else
        arm_timer(now);
}

void node::impl::turn_soon() {
    if (turn_posted)
        return;
    turn_posted = true;
    asio::post(context, [node = weak_from_this()] {
        if (const auto self = node.lock()) {
            self->turn_posted = false;
            self->turn();
        }
    });
}

void node::impl::arm_timer(time_point now) {
    const time_point next = core->next_deadline();
    // A timer that is set too early costs one idle turn; setting it costs a system call.
    if (next == time_point::never() || timer_at <= next)
        return;
    if (next <= now) {
        turn_soon();
        return;
    }
    timer_at = next;
    timer->expires_after(next - now);
    timer->async_wait([node = weak_from_this()](const std::error_code& cancelled) {
        if (cancelled)
            return;
        if (const auto self = node.lock()) {
            self->timer_at = time_point::never();
            self->turn();
        }
    });
}

void node::impl::take_outputs() {
    output what;
    while (!over && core->next_output(what))
        carry_out(what);
}

void node::impl::carry_out(output& what) {
    switch (what.what) {
    case output::kind::packet:
        if (!links->send(what.link, what.data, what.tail))
            core->link_full(what.link, true);
        return;
    case output::kind::dial:
        links->dial(what.dial, what.text);
        return;
    case output::kind::hang_up:
        links->hang_up(what.link);
        return;
    case output::kind::effect:
        do_effect(what.effect, what.text, std::move(what.body));
        return;
    case output::kind::stopped:
        stop(std::move(what.reason));
        return;
    }
}

void node::impl::do_effect(effect_id effect, std::string_view name, bytes request) {
    const effect_registry& effects = options.effects;
    if (effects.waits(name)) {
        effects.begin(name, std::move(request),
                      effect_completion{[node = weak_from_this(), effect](result<bytes> outcome) {
                          if (const auto self = node.lock())
                              self->complete(effect, std::move(outcome));
                      }});
        return;
    }
    // The pool ends before this does.
    auto body = std::make_shared<bytes>(std::move(request));
    const bool accepted =
        pool->submit([this, effect, name = std::string{name}, body = std::move(body)] {
            complete(effect, options.effects.perform(name, std::move(*body)));
        });
    if (!accepted)
        complete(effect, fail(errc::limit_reached, "effect_queue_max"));
}

// ---- node

node::node(node_options options, const module_table& modules)
    : own_context_{std::make_unique<asio::io_context>(1)}, impl_{std::make_shared<impl>(
                                                               *own_context_, std::move(options),
                                                               modules)} {}

node::node(asio::io_context& context, node_options options, const module_table& modules)
    : impl_{std::make_shared<impl>(context, std::move(options), modules)} {}

node::~node() {
    impl_->end();
}

result<void> node::start() {
    auto started = impl_->start();
    if (!started)
        impl_->links.reset();
    return started;
}

result<void> node::start(rdc what, rdc_options how) {
    auto started = impl_->start(std::move(what), std::move(how));
    if (!started)
        impl_->links.reset();
    return started;
}

std::shared_ptr<host::session_core> node::open(std::string name, std::string_view protocol) {
    EQUUS_ASSERT(impl_->hosted != nullptr && "start(rdc) comes first");
    return impl_->hosted->open(std::move(name), protocol);
}

void node::run() {
    EQUUS_ASSERT(own_context_ != nullptr);
    own_context_->restart();
    own_context_->run();
}

std::string_view node::address() const noexcept {
    return impl_->address;
}

equus::kernel& node::kernel() noexcept {
    EQUUS_ASSERT(impl_->core != nullptr);
    return *impl_->core;
}

void node::post(std::function<void(equus::kernel&)> fn) {
    impl_->post(std::move(fn));
}

void node::leave(error reason) {
    post([reason = std::move(reason)](equus::kernel& core) { core.leave(reason); });
}

bool node::stopped() const noexcept {
    return impl_->over;
}

node_traffic node::traffic() const noexcept {
    if (!impl_->links)
        return {};
    const auto& c = impl_->links->counters();
    return {c.links, c.refused, c.crowded_out, c.reads, c.writes, c.bytes_read, c.bytes_written};
}

} // namespace equus
