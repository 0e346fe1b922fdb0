#include "host/sim_multicast_cast.hpp"
#include "host/sim_staged.hpp"
#include "host/sim_workloads.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class multicast_workload final : public conducted_workload {
public:
    multicast_workload() : conducted_workload{"multicast"} {}

private:
    void cast(module_table& modules) override {
        conducts<broadcasting::collector>(modules);
        plays<broadcasting::member>(modules, "sim.member");
        plays<broadcasting::speaker>(modules, "sim.speaker");
    }

    void instruct(creation& conductor, random_sequence& draws) override {
        auto& given = conductor.parameters;
        given["members"] = draws.between(1, 5);
        given["speakers"] = draws.between(1, 3);
        given["numbers"] = draws.between(10, 100);
        given["stuck"] = draws.chance(400);
        given["nap_max"] = draws.between(1ms, 400ms);
    }
};

} // namespace

std::unique_ptr<workload> make_multicast_workload() {
    return std::make_unique<multicast_workload>();
}

} // namespace equus::sim
