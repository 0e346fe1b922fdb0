#include "host/sim_calls.hpp"

#include "host/sim_calls_cast.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class calls_workload final : public workload {
public:
    void adjust(fault_mix& mix, random_sequence&) override {
        // Deadlines are looked at where the node itself is never late.
        overtime_ = mix.pause_every.count() == 0 && mix.clock_jump_every.count() == 0 &&
                            mix.slow_per_mille == 0
                        ? duration{10ms}
                        : duration{0};
    }

    void start(world& w) override {
        random_sequence draws = w.random("calls");
        w.modules().add<calling::conductor>(
            "sim.conductor", {reporting::violation_effect, reporting::completed_effect});
        w.modules().add<calling::server>("sim.server", {reporting::violation_effect});
        w.modules().add<calling::caller>("sim.caller", {reporting::violation_effect});
        reporting::listen(w, done_);

        const auto nodes = static_cast<std::uint32_t>(draws.chance(50) ? 1 : draws.between(2, 4));
        for (std::uint32_t i = 0; i < nodes; ++i)
            w.node();
        creation what;
        what.module = "sim.conductor";
        what.name = "conductor";
        what.depends_on_launch = false;
        what.parameters["nodes"] = nodes;
        what.parameters["servers"] = draws.between(1, 4);
        what.parameters["callers"] = draws.between(1, 6);
        what.parameters["calls"] = draws.between(20, 150);
        constexpr duration within[] = {2ms, 50ms, 2s, 20s};
        what.parameters["within_max"] = within[draws.below(4)];
        what.parameters["overtime"] = overtime_;
        what.parameters["nap_max"] = draws.between(1ms, 300ms);
        if (auto made = w.boot(host{0}, what); !made)
            w.fail("the conductor: " + made.error().describe());
    }

    bool finished(world&) override { return done_; }
    std::string progress(world& w) override { return who_is_left(w); }
    std::string check(world& w) override { return what_is_not_at_rest(w); }
    duration healed_max() const override { return 3'600s; }

private:
    duration overtime_{0};
    bool done_ = false;
};

} // namespace

std::unique_ptr<workload> make_calls_workload() {
    return std::make_unique<calls_workload>();
}

} // namespace equus::sim
