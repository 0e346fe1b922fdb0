// The inside of equus::sim::world: the nodes with their inboxes and turns, one queue of events in
// virtual time, and the nemesis that draws faults.
#pragma once

#include "host/sim_mutation.hpp"
#include "transport/sim/network.hpp"

#include <equus/host/sim.hpp>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace equus::sim {

/// One life after the other of one node.
struct sim_node final : trace_sink {
    void on_trace(const trace_record& record) noexcept override;
    void on_created(incarnation_id who, std::string_view name,
                    std::string_view module) noexcept override;
    void on_queued(const traced_message& message) noexcept override;

    struct input {
        transport::sim_delivery heard; // of the network, unless:
        bool is_effect = false;
        effect_id effect;
        result<bytes> outcome = bytes{};
    };
    node_setup setup;
    std::uint32_t index = 0;
    std::uint32_t life = 0;
    std::unique_ptr<equus::kernel> kernel;
    std::deque<input> inbox;
    std::optional<error> stopped;
    node_boot last_self;
    kernel_counters last_counters;
    view_version last_view;
    std::map<std::uint32_t, node_boot> selves; // by life, as far as they were members
    bool crashed = false;                      // the last life ended without a word
    duration clock_offset{0};
    duration turn_cost{0};
    time_point turn_at = time_point::never(); // when the next turn is due
    std::uint64_t turn_token = 0;             // of the one event that stands for it
    time_point busy_until;
    time_point paused_until;
    duration pause_next{0};       // the next turn is interrupted for so long
    bool outputs_pending = false; // it was: between run and next_output
    bool more_to_run = false;
    int crash_after_outputs = -1; // in the next turn
    std::uint32_t idle_turns = 0; // without input, step or output
    std::uint64_t turns = 0;
    std::uint64_t outputs = 0;
    const struct world_impl* world = nullptr;
};

struct world_event {
    enum class kind : std::uint8_t { turn, effect, action, nemesis };
    kind what = kind::action;
    std::uint32_t node = 0;
    std::uint32_t life = 0;
    std::uint64_t token = 0;
    effect_id effect;
    std::string name;
    bytes body;
    std::function<void()> action;
};

/// The kinds of fault that the nemesis repeats.
enum class nemesis_kind : std::uint8_t { partition, crash, pause, link_break, clock_jump, count };

struct world_impl : std::enable_shared_from_this<world_impl> {
    world_impl(std::uint64_t seed, world_options options);

    // ---- world.cpp
    void step();
    bool due(time_point until) const noexcept;
    void advance(time_point to);
    void start_life(sim_node& node);
    void note(std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0) noexcept;
    void fail(std::string text);
    void say(const std::string& text);
    void say(const sim_node& node, world_observer::fate what, const std::string& text,
             duration span = duration{0});
    void set_cut(std::uint32_t from, std::uint32_t to, bool cut);
    sim_node& at(host which);
    const sim_node& at(host which) const;
    bool check(sim_node& node);

    // ---- sim_turn.cpp
    void schedule_turn(sim_node& node, time_point when);
    void turn(sim_node& node);
    void take_inputs(sim_node& node);
    void take_outputs(sim_node& node);
    void carry_out(sim_node& node, output& what);
    void end_life(sim_node& node, std::optional<error> reason);
    void do_effect(const world_event& asked);
    result<bytes> perform(host where, const world_event& asked);
    void complete(host where, std::uint32_t life, effect_id effect, result<bytes> outcome);
    time_point local(const sim_node& node) const noexcept { return now + node.clock_offset; }

    // ---- sim_nemesis.cpp
    void begin_faults(const fault_mix& chosen);
    void heal();
    void mend();
    void later(duration after, std::function<void()> action);
    void strike_partition();
    void plan(nemesis_kind kind);
    void strike(nemesis_kind kind);
    void crash(sim_node& node, bool in_turn);
    void restart(sim_node& node);
    void evict(sim_node& node, std::uint32_t life_number);
    void pause(sim_node& node, duration span);

    std::uint64_t seed;
    world_options options;
    module_table modules;
    std::vector<std::unique_ptr<sim_node>> nodes;
    transport::sim_network network;
    transport::event_queue<world_event> events;
    time_point now;
    std::uint64_t hash = 0xcbf29ce484222325u;
    std::string failure;
    world_counters counters;
    std::uint64_t next_token = 1;
    std::uint64_t next_instance = 1;

    std::map<std::string, world::effect_function, std::less<>> effects;
    std::map<std::string, world::late_effect_function, std::less<>> late_effects;
    std::vector<effect_registry> registries;

    fault_mix mix;
    std::uint64_t mix_number = 0; // events of an older one are void
    bool healed = false;
    time_point healed_at;
    random_sequence turns_random;
    random_sequence effects_random;
    random_sequence nemesis_random;
    sim_mutation mutation;

    // The launch.
    std::optional<completion> next_order;
    std::deque<launching::order> orders;
    std::vector<launching::progress> reports;
    void give_order();
};

/// Around every call of a kernel: planted faults ask this world.
class kernel_scope {
public:
    explicit kernel_scope(sim_mutation& mutation) noexcept : mutation_{mutation} {
        mutation_.enter();
    }
    ~kernel_scope() { mutation_.leave(); }
    kernel_scope(const kernel_scope&) = delete;
    kernel_scope& operator=(const kernel_scope&) = delete;

private:
    sim_mutation& mutation_;
};

} // namespace equus::sim
