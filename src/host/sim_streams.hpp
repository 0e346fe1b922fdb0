// The scenarios `streams` and `reconnect`: producers on all nodes send numbers to consumers on all
// nodes, by unicast and by multicast; every consumer expects every stream's numbers 1, 2, 3 ...
// once and in order. A conductor at the root makes them all, passes the references on, and asks the
// consumers until everything has arrived or the lost are known to be lost.
#pragma once

#include <equus/host/sim_scenario.hpp>

#include <memory>

namespace equus::sim {

struct streams_shape {
    bool deaths = true;
    bool link_breaks = false; ///< the mix has them, often, and little else
};

std::unique_ptr<workload> make_streams_workload(streams_shape shape);

} // namespace equus::sim
