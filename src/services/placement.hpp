// Where a new incarnation goes: among the nodes that have its module and meet its conditions, the
// one that holds the fewest. A pure function of what was placed before, in order of names, so that
// the same configuration on the same nodes is placed the same way each time.
#pragma once

#include <equus/base/result.hpp>
#include <equus/control.hpp>
#include <equus/rdc.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace equus::services {

class placement_table {
public:
    using places = std::map<std::string, place_declaration, std::less<>>;

    void add_node(const member_info& member);
    /// The incarnations there are forgotten.
    void remove_node(node_id node);
    /// Nothing is heard of it: it is chosen only when there is no other, or when it was asked for.
    void set_silent(node_id node, bool silent);
    bool has_node(node_id node) const noexcept { return nodes_.count(node) != 0; }

    /// Chooses a node for `name` and counts it there. `on`: that node only; 0: any. Errors:
    /// no_such_node and no_such_module; the text says what no node has.
    result<node_id> place(const incarnation_name& name, const incarnation_declaration& what,
                          const places& where, node_id on = {});
    void remove(const incarnation_name& name);
    /// The node of `name`; 0: not placed.
    node_id node_of(const incarnation_name& name) const noexcept;
    std::uint32_t count(node_id node) const noexcept;

    /// The names in an order in which whatever another one is to be near comes before it.
    static std::vector<incarnation_name>
    order_of(const std::map<incarnation_name, incarnation_declaration>& all);

private:
    struct holder {
        member_info member;
        bool silent = false;
        std::uint32_t count = 0;
        std::map<std::string, std::uint32_t> families;
    };
    using candidates = std::vector<std::pair<const node_id, holder>*>;

    static void keep_heard(candidates& among);
    bool keep_near(candidates& among, const incarnation_name& other) const;

    std::map<node_id, holder> nodes_;
    std::map<incarnation_name, node_id> placed_;
};

} // namespace equus::services
