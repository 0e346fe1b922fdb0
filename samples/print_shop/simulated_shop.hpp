// The print shop in simulated worlds: print_shop.rdc itself and the modules of the program on four
// nodes, with a simulated disc, typesetter and console. Whatever the faults do, and whatever node
// but the root dies, every document is there whole, once, with its words in order, or the table
// says why not.
#pragma once

#include <equus/host/sim_scenario.hpp>

namespace doc {

/// Called "print_shop".
equus::sim::scenario simulated_shop();

} // namespace doc
