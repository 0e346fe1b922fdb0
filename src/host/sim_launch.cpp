// The world in the place of the launcher: it gives the launch its orders and hears its progress.
#include "host/sim_world.hpp"

#include <algorithm>

namespace equus::sim {

namespace {

/// A node that stands still hears of it later.
void leave_when_awake(world& w, host which, node_boot life) {
    if (!w.alive(which) || w.self(which) != life)
        return;
    if (w.paused(which))
        w.at(w.now() + std::chrono::milliseconds{10},
             [&w, which, life] { leave_when_awake(w, which, life); });
    else
        w.leave(which);
}

} // namespace

void world_impl::give_order() {
    if (!next_order || orders.empty())
        return;
    auto body = encoded(orders.front());
    orders.pop_front();
    completion done = *std::exchange(next_order, std::nullopt);
    done(std::move(body));
}

void world::effects(effect_registry registry) {
    impl_->registries.push_back(std::move(registry));
}

void world::run(const rdc& configuration, std::vector<service_manifest> services,
                std::uint32_t nodes_wanted, bool space_apart) {
    world_impl& w = *impl_;
    launching::order first;
    first.kind = launching::order_kind::establish;
    first.configuration = configuration;
    first.services = std::move(services);
    first.nodes_wanted = nodes_wanted != 0 ? nodes_wanted : node_count();
    first.space_apart = space_apart;
    w.orders.push_back(std::move(first));
    late_effect(std::string{launching::next_effect}, [&w](host, const bytes&, completion done) {
        w.next_order = std::move(done);
        w.give_order();
    });
    effect<launching::progress>(
        std::string{launching::report_effect},
        [this, &w](host, launching::progress said) -> result<launching::noted> {
            w.say("launch: " + std::to_string(static_cast<unsigned>(said.kind)) + " " + said.name +
                  " " + said.text);
            if (said.kind == launching::progress_kind::node_free)
                for (std::uint32_t i = 0; i < node_count(); ++i)
                    if (alive(host{i}) && self(host{i}) == said.node)
                        at(now(),
                           [this, i, life = said.node] { leave_when_awake(*this, host{i}, life); });
            w.reports.push_back(std::move(said));
            return launching::noted{true};
        });
    creation launch;
    launch.module = "equus.launch";
    launch.name = "launch";
    launch.depends_on_launch = false;
    if (auto made = boot(host{0}, launch); !made)
        w.fail("the launch: " + made.error().describe());
}

void world::stop(std::int32_t result_code, std::string text) {
    launching::order last;
    last.kind = launching::order_kind::stop;
    last.result = result_code;
    last.text = std::move(text);
    impl_->orders.push_back(std::move(last));
    impl_->give_order();
}

void world::withdraw(host which, duration notice) {
    if (!joined(which))
        return;
    launching::order asked;
    asked.kind = launching::order_kind::withdraw;
    asked.node = self(which).node;
    asked.notice = notice;
    impl_->orders.push_back(std::move(asked));
    impl_->give_order();
}

const std::vector<launching::progress>& world::reports() const noexcept {
    return impl_->reports;
}

bool world::established() const noexcept {
    return std::any_of(impl_->reports.begin(), impl_->reports.end(), [](const auto& each) {
        return each.kind == launching::progress_kind::running;
    });
}

const launching::progress* world::finished() const noexcept {
    for (const launching::progress& each : impl_->reports)
        if (each.kind == launching::progress_kind::finished)
            return &each;
    return nullptr;
}

} // namespace equus::sim
