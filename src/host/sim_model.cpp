#include "host/sim_model_cast.hpp"
#include "host/sim_staged.hpp"
#include "host/sim_workloads.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class model_workload final : public conducted_workload {
public:
    model_workload() : conducted_workload{"model"} {}

private:
    void cast(module_table& modules) override {
        conducts<modelling::conductor>(modules);
        plays<modelling::hearer>(modules, "sim.hearer");
        plays<modelling::server>(modules, "sim.server");
        plays<modelling::deaf>(modules, "sim.deaf");
        plays<modelling::speaker>(modules, "sim.speaker");
    }

    void instruct(creation& conductor, random_sequence& draws) override {
        auto& given = conductor.parameters;
        given["hearers"] = draws.between(1, 4);
        given["speakers"] = draws.between(1, 4);
        given["items"] = draws.between(10, 120);
        given["queue_max"] = draws.between(0, 4);
        given["nap_max"] = draws.between(1ms, 800ms);
    }
};

} // namespace

std::unique_ptr<workload> make_model_workload() {
    return std::make_unique<model_workload>();
}

} // namespace equus::sim
