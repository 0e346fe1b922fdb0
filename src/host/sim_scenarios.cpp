// The scenarios of the runtime itself. Programs add theirs.
#include "host/sim_workloads.hpp"

#include <equus/host/sim_scenario.hpp>

namespace equus::sim {

scenario_table built_in_scenarios() {
    scenario_table all;
    all.add({"streams", "numbers from all nodes to all nodes, each once and in order",
             [] { return make_streams_workload({}); }});
    all.add({"reconnect", "the same while links break all the time", [] {
                 return make_streams_workload({false, true});
             }});
    all.add({"calls", "invocations between all nodes: at most once, within their deadlines",
             [] { return make_calls_workload(); }});
    all.add({"space", "limited copies and labels, while the nodes of stream space die",
             [] { return make_space_workload(); }});
    all.add({"bulk", "buffers and bulk between all nodes, compared byte for byte",
             [] { return make_bulk_workload(); }});
    all.add({"asleep", "the machine of the root sleeps, and nobody is blamed for it",
             [] { return make_asleep_workload(); }});
    all.add({"membership", "nodes join, leave, crash, are written off and come back",
             [] { return make_membership_workload(); }});
    all.add({"dependency", "who ends with whom, when parents end and nodes are lost",
             [] { return make_dependency_workload(); }});
    all.add({"events", "children that end, fail, are frozen and looked at, and handlers of events",
             [] { return make_events_workload(); }});
    all.add({"fork", "incarnations copy themselves and blueprints between all nodes",
             [] { return make_fork_workload(); }});
    all.add({"model", "all kinds of messages, mixed: in order, at most once, failures reported",
             [] { return make_model_workload(); }});
    all.add({"multicast", "channels with many ports, which join, leave, get stuck and are lost",
             [] { return make_multicast_workload(); }});
    all.add({"migrate", "everybody moves between the nodes all the time; items once and in order",
             [] { return make_migrate_workload(false); }});
    all.add({"migrate_crash", "the same while nodes crash, in the middle of it too",
             [] { return make_migrate_workload(true); }});
    return all;
}

} // namespace equus::sim
