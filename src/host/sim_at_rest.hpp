// What is true of every world that has come to rest, and what is said of one that has not.
#pragma once

#include <equus/host/sim.hpp>

#include <string>
#include <string_view>

namespace equus::sim {

/// Every node that has not left is a member, all have the same view, and no incarnation is left but
/// those called `besides`. Empty, or what is not so.
std::string what_is_not_at_rest(const world& w, std::string_view besides = {});

/// The nodes and what they still hold, one line each.
std::string who_is_left(const world& w);

} // namespace equus::sim
