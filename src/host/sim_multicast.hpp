// The scenario `multicast`: speakers send numbers to a multicast and to an anycast channel of many
// ports, which join late, leave and come back while nodes are lost, and one of which gets stuck.
// Every port hears a run without a gap from its joining to its leaving; what an anycast channel
// carries is heard by one port only; a stuck port does not stop the others for ever.
#pragma once

#include <equus/host/sim_scenario.hpp>

#include <memory>

namespace equus::sim {

std::unique_ptr<workload> make_multicast_workload();

} // namespace equus::sim
