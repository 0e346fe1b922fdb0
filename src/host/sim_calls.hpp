// The scenario `calls`: callers on all nodes invoke servers on all nodes. An invocation is carried
// out at most once; it ends by its deadline; a reply is the right one; and one that is said never
// to have left was never carried out.
#pragma once

#include <equus/host/sim_scenario.hpp>

#include <memory>

namespace equus::sim {

std::unique_ptr<workload> make_calls_workload();

} // namespace equus::sim
