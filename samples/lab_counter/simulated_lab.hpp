// The lab in simulated worlds: two nodes, and a network that is cut from time to time.
#pragma once

#include <equus/host/sim_scenario.hpp>
#include <equus/module.hpp>

namespace lab {

void add_lab(equus::module_table& to);
/// lab_counter.rdc, called "lab_counter".
equus::sim::scenario given();
/// solution.rdc, called "solution".
equus::sim::scenario mended();

} // namespace lab
