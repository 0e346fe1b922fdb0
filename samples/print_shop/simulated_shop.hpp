// The print shop in simulated worlds: print_shop.rdc itself and the modules of the program on four
// nodes, with a simulated disc, typesetter and console. Whatever the faults do, every document is
// printed whole, once, with its words in order, and the table says so.
#pragma once

#include <equus/host/sim_scenario.hpp>

namespace doc {

/// Called "print_shop".
equus::sim::scenario simulated_shop();

} // namespace doc
