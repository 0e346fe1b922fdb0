#include "host/sim_staged.hpp"
#include "host/sim_streams_cast.hpp"
#include "host/sim_workloads.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class streams_workload final : public conducted_workload {
public:
    explicit streams_workload(streams_shape shape) : conducted_workload{"streams"}, shape_{shape} {}

    bool stands_deaths() const override { return shape_.deaths; }

    void adjust(fault_mix& mix, random_sequence& draws) override {
        if (!shape_.link_breaks)
            return;
        mix.partition_every = duration{0};
        mix.link_break_every = draws.between(2ms, 200ms);
        mix.network.dial_failure_per_mille = static_cast<std::uint32_t>(draws.below(500));
        mix.network.break_per_million = static_cast<std::uint32_t>(draws.below(50'000));
    }

private:
    void cast(module_table& modules) override {
        conducts<streaming::conductor>(modules);
        plays<streaming::consumer>(modules, "sim.consumer");
        plays<streaming::reader>(modules, "sim.reader");
        plays<streaming::producer>(modules, "sim.producer");
    }

    void instruct(creation& conductor, random_sequence& draws) override {
        auto& given = conductor.parameters;
        given["consumers"] = draws.between(1, 4);
        given["producers"] = draws.between(1, 4);
        const std::int64_t numbers = draws.between(20, draws.chance(200) ? 1'000 : 200);
        const std::int64_t nap_every = draws.between(1, 20);
        // Sometimes as fast as credit allows, mostly over the whole time that the faults last.
        const duration busy = draws.chance(200) ? duration{0} : draws.between(1s, 12s);
        given["numbers"] = numbers;
        given["filling_max"] = draws.chance(100) ? 100'000 : draws.between(0, 300);
        given["nap_every"] = nap_every;
        given["nap_max"] = duration{busy.count() * 2 * nap_every / numbers};
        given["multicast"] = draws.chance(400);
        given["queue"] = draws.chance(400) ? draws.between(1, 20) : 0;
    }

    streams_shape shape_;
};

} // namespace

std::unique_ptr<workload> make_streams_workload(streams_shape shape) {
    return std::make_unique<streams_workload>(shape);
}

} // namespace equus::sim
