// The scenarios of the runtime itself. Programs add theirs.
#include "host/sim_streams.hpp"

#include <equus/host/sim_scenario.hpp>

namespace equus::sim {

scenario_table built_in_scenarios() {
    scenario_table all;
    all.add({"streams", "numbers from all nodes to all nodes, each once and in order",
             [] { return make_streams_workload({}); }});
    all.add({"reconnect", "the same while links break all the time", [] {
                 return make_streams_workload({false, true});
             }});
    return all;
}

} // namespace equus::sim
