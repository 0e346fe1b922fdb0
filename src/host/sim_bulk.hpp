// The scenario `bulk`: buffers written and read from other nodes, bulk in requests, one-way
// messages and replies, all compared byte for byte.
#pragma once

#include <equus/host/sim_scenario.hpp>

#include <memory>

namespace equus::sim {

std::unique_ptr<workload> make_bulk_workload();

} // namespace equus::sim
