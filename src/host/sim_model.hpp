// The scenario `model`: every kind of message between incarnations of all nodes, mixed, with
// faults. Speakers send, invoke and asinvoke the items 1, 2, 3 ... of a lane in turn, and blink
// beside them; hearers expect every item once and in order, however it was sent, and now and then
// freeze a client. Who never listens is ended, and what was queued for it must be reported. What a
// lost hearer leaves in doubt is sent to another, and must be marked.
#pragma once

#include <equus/host/sim_scenario.hpp>

#include <memory>

namespace equus::sim {

std::unique_ptr<workload> make_model_workload();

} // namespace equus::sim
