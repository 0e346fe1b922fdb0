#include "host/sim_streams.hpp"

#include "host/sim_streams_cast.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class streams_workload final : public workload {
public:
    explicit streams_workload(streams_shape shape) : shape_{shape} {}

    bool stands_deaths() const override { return shape_.deaths; }

    void adjust(fault_mix& mix, random_sequence& draws) override {
        if (!shape_.link_breaks)
            return;
        mix.partition_every = duration{0};
        mix.link_break_every = draws.between(2ms, 200ms);
        mix.network.dial_failure_per_mille = static_cast<std::uint32_t>(draws.below(500));
        mix.network.break_per_million = static_cast<std::uint32_t>(draws.below(50'000));
    }

    void start(world& w) override {
        random_sequence draws = w.random("streams");
        w.modules().add<streaming::conductor>(
            "sim.conductor", {reporting::violation_effect, reporting::completed_effect});
        w.modules().add<streaming::consumer>("sim.consumer", {reporting::violation_effect});
        w.modules().add<streaming::reader>("sim.reader", {reporting::violation_effect});
        w.modules().add<streaming::producer>("sim.producer", {reporting::violation_effect});
        reporting::listen(w, done_);

        const std::uint32_t nodes =
            static_cast<std::uint32_t>(draws.chance(50) ? 1 : draws.between(2, 4));
        for (std::uint32_t i = 0; i < nodes; ++i)
            w.node();
        creation what;
        what.module = "sim.conductor";
        what.name = "conductor";
        what.depends_on_launch = false;
        what.parameters["nodes"] = nodes;
        what.parameters["consumers"] = draws.between(1, 4);
        what.parameters["producers"] = draws.between(1, 4);
        const std::int64_t numbers = draws.between(20, draws.chance(200) ? 1'000 : 200);
        const std::int64_t nap_every = draws.between(1, 20);
        // Sometimes as fast as credit allows, mostly over the whole time that the faults last.
        const duration busy = draws.chance(200) ? duration{0} : draws.between(1s, 12s);
        what.parameters["numbers"] = numbers;
        what.parameters["filling_max"] = draws.chance(100) ? 100'000 : draws.between(0, 300);
        what.parameters["nap_every"] = nap_every;
        what.parameters["nap_max"] = duration{busy.count() * 2 * nap_every / numbers};
        what.parameters["multicast"] = draws.chance(400);
        what.parameters["queue"] = draws.chance(400) ? draws.between(1, 20) : 0;
        if (auto made = w.boot(host{0}, what); !made)
            w.fail("the conductor: " + made.error().describe());
    }

    bool finished(world&) override { return done_; }

    std::string progress(world& w) override { return who_is_left(w); }
    std::string check(world& w) override { return what_is_not_at_rest(w); }

private:
    streams_shape shape_;
    bool done_ = false;
};

} // namespace

std::unique_ptr<workload> make_streams_workload(streams_shape shape) {
    return std::make_unique<streams_workload>(shape);
}

} // namespace equus::sim
