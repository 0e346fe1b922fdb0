#include "host/sim_calls_cast.hpp"
#include "host/sim_staged.hpp"
#include "host/sim_workloads.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class calls_workload final : public conducted_workload {
public:
    calls_workload() : conducted_workload{"calls"} {}

    void adjust(fault_mix& mix, random_sequence&) override {
        // Deadlines are looked at where the node itself is never late.
        overtime_ = mix.pause_every.count() == 0 && mix.clock_jump_every.count() == 0 &&
                            mix.slow_per_mille == 0
                        ? duration{10ms}
                        : duration{0};
    }
    duration healed_max() const override { return 3'600s; }

private:
    void cast(module_table& modules) override {
        conducts<calling::conductor>(modules);
        plays<calling::server>(modules, "sim.server");
        plays<calling::caller>(modules, "sim.caller");
    }

    void instruct(creation& conductor, random_sequence& draws) override {
        auto& given = conductor.parameters;
        given["servers"] = draws.between(1, 4);
        given["callers"] = draws.between(1, 6);
        given["calls"] = draws.between(20, 150);
        constexpr duration within[] = {2ms, 50ms, 2s, 20s};
        given["within_max"] = within[draws.below(4)];
        given["overtime"] = overtime_;
        given["nap_max"] = draws.between(1ms, 300ms);
    }

    duration overtime_{0};
};

} // namespace

std::unique_ptr<workload> make_calls_workload() {
    return std::make_unique<calls_workload>();
}

} // namespace equus::sim
