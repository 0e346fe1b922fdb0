#include <equus/host/sim_scenario.hpp>

namespace equus::sim {

const std::vector<planted_fault>& planted_faults() {
    static const std::vector<planted_fault> all{};
    return all;
}

} // namespace equus::sim
