#include "host/sim_workloads.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class asleep_workload final : public workload {
public:
    /// Only the root's clock goes wrong, and the network is as bad as it may be without silence.
    void adjust(fault_mix& mix, random_sequence&) override {
        const network_faults drawn = mix.network;
        mix = fault_mix{};
        mix.deaths = true;
        mix.network.delay_max = drawn.delay_max;
        mix.network.duplicate_per_mille = drawn.duplicate_per_mille;
        mix.network.late_per_mille = drawn.late_per_mille;
        mix.network.late_max = drawn.late_max;
    }
    void start(world& w) override {
        random_sequence draws = w.random("asleep");
        for (auto more = draws.between(2, 4); more > 0; --more)
            w.node();
        w.join_all();
        time_point at = w.now();
        for (int sleeps = 0; sleeps < 8; ++sleeps) {
            at = at + draws.between(2s, 5s); // awake long enough to hear the others
            const duration slept =
                draws.chance(500) ? draws.between(1ms, 9s) : draws.between(9s, 1h);
            w.at(at, [&w, slept] { w.jump_clock(host{0}, slept); });
        }
        ends_ = at + 15s;
    }
    bool finished(world& w) override { return w.now() > ends_; }
    std::string check(world& w) override {
        for (std::uint32_t i = 0; i < w.node_count(); ++i)
            if (!w.alive(host{i}) || w.lives(host{i}) != 1)
                return "node " + std::to_string(i + 1) + " was blamed for the sleep of the root";
        return what_is_not_at_rest(w);
    }
    duration faults_max() const override { return 60s; }

private:
    time_point ends_;
};

} // namespace

std::unique_ptr<workload> make_asleep_workload() {
    return std::make_unique<asleep_workload>();
}

} // namespace equus::sim
