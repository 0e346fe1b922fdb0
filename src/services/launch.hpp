// The launch of one computation (equus/services/launch.hpp says what it does). One incarnation at
// the root, several tasks:
//
//   main           gets its first order, waits for the outcome, takes everything down
//   set_up         stream space, the nodes' services, channels, incarnations (launch_nodes.cpp)
//   hear           events of incarnations and nodes
//   serve          requests of the incarnations (launch_requests.cpp, launch_allocation.cpp)
//   keep_space     a standby for stream space (launch_space.cpp)
//   take_orders    what its driver wants later
//   send_reports   progress, in order, one at a time
#pragma once

#include "services/placement.hpp"
#include "services/space_client.hpp"
#include "services/space_keeping.hpp"

#include <equus/effect.hpp>
#include <equus/incarnation.hpp>
#include <equus/services/gateway.hpp>
#include <equus/services/launch.hpp>
#include <equus/services/space.hpp>
#include <equus/status.hpp>
#include <equus/task_group.hpp>
#include <equus/wiring.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace equus::services {

/// Whether that life of that node is in the view.
bool is_member(node_boot which);
bool has_module(const member_info& member, std::string_view module);

/// How a computation ended.
struct rdc_outcome {
    launching::ending how = launching::ending::completed;
    errc reason = errc::ok;
    std::int32_t result = 0;
    std::string text;
};

class launch_service : public incarnation<launch_service> {
public:
    port<launching::requests> requests{*this, "requests"};
    port<space::announcing> announced{*this, "announced"};
    control_port<launching::operations> operations{*this};

    task<std::int32_t> main();
    launching::ended on(launching::end_rdc asked);

    static std::vector<std::string> effects();

private:
    using request = delivery<launching::requests>;

    struct node_entry {
        member_info member;
        std::map<std::string, any_reference, std::less<>> services; ///< by name, without "system."
        std::vector<incarnation_handle> made;
        bool ready = false;
        bool silent = false;
        bool withdrawn = false; ///< it leaves
        bool free = false;      ///< and everybody has been told that it can
    };
    struct resident {
        const incarnation_declaration* what = nullptr; ///< in the order, which stays as it is
        incarnation_handle handle;
        node_boot node;
    };
    struct waiting_for_notice {
        request message;
        std::uint64_t after = 0;
    };
    struct service_of {
        std::string name;
        node_boot node;
    };
    /// One of the stream spaces: the one that leads, or its standby.
    struct space_instance {
        incarnation_handle handle;
        node_boot at;
        stream<space::keeping> orders;
    };

    // ---- launch.cpp
    void finish(launching::ending how, errc reason, std::int32_t result, std::string text);
    task<> hear();
    void happened(event what);
    void resident_ended(incarnation_name name, const event& what);
    bool is_withdrawn(node_boot which) const noexcept;
    std::vector<std::string> labels_of(const incarnation_declaration& what) const;
    void free_labels(const incarnation_declaration& of);
    void drop_node(node_boot which, errc reason);
    void node_is_silent(node_boot which);
    task<> take_orders();
    task<> take_down();
    task<> destroy(incarnation_handle which);
    void report(launching::progress what);
    task<> send_reports();

    // ---- launch_space.cpp
    task<> make_space();
    task<> make_space_at(node_boot at, space_instance* into);
    bool is_space(incarnation_id which) const noexcept;
    void space_has_ended(incarnation_id which, const std::string& why);
    task<> hand_over(std::string why);
    /// Makes a standby when there is none and a node for it.
    task<> keep_space();

    // ---- launch_nodes.cpp
    task<> set_up();
    task<> make_channels();
    task<> wait_for_nodes();
    task<> take_in(member_info member);
    task<> make_services(node_boot at);
    task<> make_service(node_boot at, std::string name, creation what, std::string label);
    task<> create_all();
    task<> create_some();
    std::uint32_t ready_nodes() const noexcept;

    // ---- launch_requests.cpp
    task<> create_resident(incarnation_name name, node_id on);
    result<creation> assemble(const incarnation_name& name, const incarnation_declaration& what,
                              const node_entry& at);
    result<node_id> place(const incarnation_name& name, const incarnation_declaration& what,
                          node_id on);
    bool is_forgetting(const incarnation_declaration& what) const;
    task<> forget_label(std::string label);
    task<> serve();
    task<> instantiate(request message);
    result<incarnation_name> next_of(const launching::instantiate& asked);
    task<> find(request message);
    task<> open(launching::order asked);
    result<creation> gateway_to(const launching::order& asked) const;
    task<> instantiate_one(incarnation_name name, node_id on, launching::instances* into,
                           std::size_t index);
    task<> nodes(request message);

    // ---- launch_allocation.cpp
    result<void> withdraw(node_id which, duration within);
    task<> end_notice(node_boot which, duration within);
    void free_if_empty(node_boot which);
    void set_free(node_boot which);
    void tell(launching::notice_kind kind, const node_entry& about, duration within,
              std::string text);
    void answer_notices();
    void wait_for_notice(request message);
    void ask_for_nodes(request message);
    void release(request message);

    launching::order order_;
    std::optional<rdc_outcome> outcome_;
    std::map<node_id, node_entry> nodes_;
    std::map<incarnation_name, resident> residents_;
    std::map<incarnation_id, incarnation_name> names_;
    std::map<incarnation_id, service_of> service_ids_;
    std::map<std::string, std::uint32_t> next_index_; ///< of each blueprint's family
    std::map<std::string, std::uint32_t> instances_;  ///< alive, or on their way
    std::deque<incarnation_name> to_create_;
    std::uint32_t created_ = 0;
    bool established_ = false;
    placement_table placement_;
    std::multiset<std::string> forgetting_; ///< labels that stream space is told to remove
    space_instance leader_;
    space_instance standby_; ///< of the leader; empty: none, or not ready yet
    bool keeping_space_ = false;
    any_reference space_channel_;  ///< leads to who leads
    stream<space::spacing> space_; ///< by that channel
    stream<space::spacing> gets_;  ///< likewise, for what waits there and keeps its credit
    space_client in_space_;
    any_reference own_requests_;
    std::deque<launching::notice> notices_; ///< the last of them, in order of their numbers
    std::uint64_t last_notice_ = 0;
    std::vector<waiting_for_notice> notice_waits_;
    std::deque<launching::progress> reports_;
    bool reporting_ = false;

    wake_signal changed_;
    task_group tasks_; ///< last: its tasks use all of the above
};

} // namespace equus::services
