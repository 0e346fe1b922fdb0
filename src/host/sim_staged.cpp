#include "host/sim_staged.hpp"

namespace equus::sim {

void staged_workload::start(world& w) {
    random_sequence draws = w.random(concern_);
    cast(w.modules());
    reporting::listen(w, done_);
    for (std::uint32_t more = draw_nodes(draws); more > 0; --more)
        w.node();
    begin(w, draws);
}

void conducted_workload::begin(world& w, random_sequence& draws) {
    creation conductor;
    conductor.module = "sim.conductor";
    conductor.name = "conductor";
    conductor.depends_on_launch = false;
    conductor.parameters["nodes"] = w.node_count();
    instruct(conductor, draws);
    if (auto made = w.boot(host{0}, conductor); !made)
        w.fail("the conductor: " + made.error().describe());
}

} // namespace equus::sim
