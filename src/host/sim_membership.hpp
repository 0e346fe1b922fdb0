// The scenario `membership`: nodes join, leave, crash, are cut off and come back. The register's
// writes are one history: each life joins once, with a boot number that was never given before, and
// goes once; who is written off for its silence has stopped itself by then; and in the end
// everybody knows the same members, namely those that live.
#pragma once

#include <equus/host/sim_scenario.hpp>

#include <memory>

namespace equus::sim {

std::unique_ptr<workload> make_membership_workload();
/// The root's clock leaps, as after a suspend, by less or more than any limit: no member is written
/// off that could be heard.
std::unique_ptr<workload> make_asleep_workload();

} // namespace equus::sim
