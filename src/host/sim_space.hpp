// The scenario `space`: guests on all nodes take a seat, of which there are few, say what they have
// to say and give it back, or die there; and deposit chairs of their own, which others try. All
// through stream space, whose primary is kept away from the root so that its node dies too.
#pragma once

#include <equus/host/sim_scenario.hpp>

#include <memory>

namespace equus::sim {

std::unique_ptr<workload> make_space_workload();

} // namespace equus::sim
