// Who is there, for the incarnations of a scenario.
#pragma once

#include <equus/equus.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace equus::sim {

inline bool is_member(node_boot who) {
    const auto present = members();
    return std::any_of(present.begin(), present.end(),
                       [who](const member_info& each) { return each.at == who; });
}
/// None of them has been lost.
inline bool are_members(const std::vector<node_boot>& all) {
    return std::all_of(all.begin(), all.end(), is_member);
}

/// The members, when there are `wanted` of them, or those that have come in 20 s.
inline task<std::vector<node_boot>> gathered(std::uint32_t wanted) {
    const time_point until = now() + std::chrono::seconds{20};
    while (members().size() < wanted && now() < until)
        co_await sleep(std::chrono::milliseconds{50});
    std::vector<node_boot> nodes;
    for (const member_info& each : members())
        nodes.push_back(each.at);
    co_return nodes;
}

} // namespace equus::sim
