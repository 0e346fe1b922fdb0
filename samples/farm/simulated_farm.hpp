// The farm in simulated worlds: farm.rdc itself and the modules of the program on nodes that are
// added, withdrawn with and without enough notice, and lost. Whatever happens, each range counts
// once and the sum is right.
#pragma once

#include <equus/host/sim_scenario.hpp>

namespace farm {

/// Called "farm".
equus::sim::scenario simulated_farm();

} // namespace farm
