// The declared connections of a computation beside those that are there: what `graph --live` shows.
// A pure function of the configuration and of what the nodes answered.
#pragma once

#include <equus/rdc.hpp>
#include <equus/status.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace equus::commands {

enum class edge_state : std::uint8_t {
    used,       ///< declared, and messages went over it
    unused,     ///< declared, and nothing went over it yet
    undeclared, ///< there, and not in the configuration: by a reference that was passed on, or
                ///< rewired
    system,     ///< between the framework's own incarnations, or from one of them
};
std::string_view text_of(edge_state state) noexcept;

struct live_node {
    std::string key;  ///< unique: the id, or "declared NAME" of one that is not there
    std::string name; ///< "worker[2]", "system.console@1"
    std::string module;
    incarnation_id id; ///< empty: declared and not there
    node_boot node;
    bool system = false;
};

struct live_edge {
    std::size_t from = 0; ///< index of the node
    std::size_t to = 0;
    std::string interface; ///< of the stream; empty: a reference that was received
    std::string channel;   ///< its label; empty when undeclared
    std::string protocol;
    std::uint64_t sent = 0;
    std::uint64_t consumed = 0;
    bool broken = false;
    edge_state state = edge_state::unused;
};

struct live_graph {
    std::vector<live_node> nodes; ///< in order of the computation's nodes and incarnations
    std::vector<live_edge> edges;
};

live_graph observed(const rdc& declared, const std::vector<node_status>& nodes);

/// As DOT. `node_names`: of the computation's nodes, by their status. Counts stand on the edges;
/// dashed: unused; red: undeclared. The framework's own is left out but where it is declared.
std::string to_dot(const live_graph& graph, const std::string& title,
                   const std::vector<node_status>& nodes);

} // namespace equus::commands
