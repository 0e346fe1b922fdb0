// Scenarios about parents. `dependency`: who ends with whom, when parents are destroyed and nodes
// are lost. `events`: what is heard of children that end, fail, are frozen and looked at. `fork`:
// incarnations that copy themselves to other nodes, and blueprints that are copied.
#pragma once

#include <equus/host/sim_scenario.hpp>

#include <memory>

namespace equus::sim {

std::unique_ptr<workload> make_dependency_workload();
std::unique_ptr<workload> make_events_workload();
std::unique_ptr<workload> make_fork_workload();

} // namespace equus::sim
