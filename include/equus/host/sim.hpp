// A whole cluster in one process and in virtual time. Each node is a real kernel with the modules
// of a real program; only what lies outside of kernels is simulated: clocks, links, the outside
// that effects reach, and the launcher. Everything uncertain is drawn from one seed, so a run is
// repeated exactly by its seed; its hash says whether it was.
//
//     equus::sim::world w{seed};
//     w.modules().add<doc::spooler>("doc.spooler");
//     auto a = w.node(), b = w.node();          // the first is the root
//     w.run(rdc);                               // or w.boot(a, creation)
//     w.partition(a, b);
//     w.run_for(2s);
//     w.heal();
//     REQUIRE(w.run_until([&] { return w.finished(); }, 60s));
//
// Invariants of every kernel are checked as it runs; the first violation stops the world and stays
// in `failure()`. Limit: what the modules do must itself be a function of what they receive: no
// clock, no addresses, no threads.
#pragma once

#include <equus/base/random.hpp>
#include <equus/control.hpp>
#include <equus/creation.hpp>
#include <equus/host/effects.hpp>
#include <equus/host/sim_faults.hpp>
#include <equus/kernel/kernel.hpp>
#include <equus/kernel/trace.hpp>
#include <equus/module.hpp>
#include <equus/rdc.hpp>
#include <equus/services/launch.hpp>
#include <equus/status.hpp>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace equus::sim {

/// A node of the world; the same in all its lives.
struct host {
    std::uint32_t index = 0;
    friend bool operator==(host, host) = default;
};

/// Is told what happens in a world, in the order in which it happens, in the world's own time. Must
/// not touch the world. Views are valid during the call.
class world_observer {
public:
    virtual void on_trace(time_point, host, const trace_record&) noexcept {}
    virtual void on_created(time_point, host, incarnation_id, std::string_view /*name*/,
                            std::string_view /*module*/) noexcept {}
    virtual void on_queued(time_point, host, const traced_message&) noexcept {}
    /// A packet will not arrive.
    virtual void on_lost(time_point, host /*from*/, host /*to*/) noexcept {}

    /// What befalls a node; `text` says why it stops, `span` how long it stands still.
    enum class fate : std::uint8_t { begins, crashes, stops, pauses, clock_jumps };
    virtual void on_node(time_point, host, std::string_view /*name*/, fate, duration /*span*/,
                         std::string_view /*text*/) noexcept {}
    /// `to` does not hear `from` any more, or again.
    virtual void on_cut(time_point, host /*from*/, host /*to*/, bool /*cut*/) noexcept {}
    virtual void on_healed(time_point) noexcept {}
    virtual void on_remark(time_point, host, std::string_view /*text*/) noexcept {}

protected:
    ~world_observer() = default;
};

struct world_options {
    kernel_limits limits{};
    bool copy_local_messages = false;
    /// Each kernel's invariants are checked after every n-th of its turns; 0: never.
    std::uint32_t check_every = 1;
    /// More events than this end the world as a failure: something spins.
    std::uint64_t events_max = 50'000'000;
    /// Where each trace record goes as a line; null: nowhere.
    std::FILE* trace = nullptr;
    world_observer* observer = nullptr; ///< outlives the world
    /// The planted fault that is switched on; only in a build with mutants.
    std::string mutant;
};

struct node_setup {
    std::string name; ///< empty: "n1", "n2", ...
    /// Tags (with an empty value) and attributes.
    std::vector<std::pair<std::string, std::string>> traits;
    /// The nemesis may crash it. Never the root.
    bool may_crash = true;
};

/// How an effect that takes its time is answered: later, once, from anywhere. A copy answers the
/// same effect; answers after the first, and answers to a life that is over, are ignored.
class completion {
public:
    completion() noexcept = default;
    /// The outcome reaches the node at the next instant.
    void operator()(result<bytes> outcome) const;
    /// Whether the asker's node still lives.
    bool wanted() const noexcept;

private:
    friend struct world_impl;
    std::weak_ptr<struct world_impl> world_;
    host where_;
    std::uint32_t life_ = 0;
    effect_id effect_;
};

/// What the whole world did.
struct world_counters {
    std::uint64_t events = 0; ///< of any kind: packets, turns, effects, actions
    std::uint64_t turns = 0;
    std::uint64_t packets_sent = 0;
    std::uint64_t packets_lost = 0;
    std::uint64_t packets_duplicated = 0;
    std::uint64_t packets_overtaken = 0;
    std::uint64_t links_made = 0;
    std::uint64_t links_broken = 0;
    std::uint64_t effects = 0;
    std::uint64_t crashes = 0;
    std::uint64_t pauses = 0;
    std::uint64_t partitions = 0;
    std::uint64_t clock_jumps = 0;
    std::uint64_t evictions = 0; ///< lives that ended by errc::evicted
    EQUUS_FIELDS(events, turns, packets_sent, packets_lost, packets_duplicated, packets_overtaken,
                 links_made, links_broken, effects, crashes, pauses, partitions, clock_jumps,
                 evictions)
};

class world {
public:
    /// An effect whose outcome is known when its time has passed.
    using effect_function = std::function<result<bytes>(host, const bytes& request)>;
    /// An effect that answers through its completion.
    using late_effect_function = std::function<void(host, const bytes& request, completion done)>;

    explicit world(std::uint64_t seed, world_options options = {});
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    std::uint64_t seed() const noexcept;
    /// The modules of every node. To be filled before the first node.
    module_table& modules() noexcept;
    /// A sequence for one concern of a workload.
    random_sequence random(std::string_view concern) const noexcept;

    // ---- nodes

    /// A new node. The first is the root; the others ask it to join as soon as time passes.
    host node(node_setup setup = {});
    std::uint32_t node_count() const noexcept;
    /// Lets time pass until all living nodes are members; false when that takes longer.
    bool join_all(duration within = std::chrono::seconds{30});
    /// Makes an incarnation with no parent. Lets time pass until the node has joined.
    result<incarnation_id> boot(host where, const creation& what);
    /// Asks the node to leave the run.
    void leave(host which);

    // ---- a computation

    /// Starts the launch at the root, with the computation as its order, once `nodes_wanted` nodes
    /// are there (0: all made so far). `space_apart`: see launching::order.
    void run(const rdc& configuration, std::vector<service_manifest> services = {},
             std::uint32_t nodes_wanted = 0, bool space_apart = false);
    /// Asks the launch to end the computation.
    void stop(std::int32_t result_code = 0, std::string text = {});
    /// Withdraws the host from the computation: it leaves when the launch says that it holds
    /// nothing any more, and when `notice` is over. Nodes that are added are made by `node`.
    void withdraw(host which, duration notice);
    /// What the launch has reported so far.
    const std::vector<launching::progress>& reports() const noexcept;
    /// All that the configuration names is there and wired, or was once.
    bool established() const noexcept;
    /// The last report, when the computation has ended; null before.
    const launching::progress* finished() const noexcept;

    // ---- the outside

    void effect(std::string name, effect_function does);
    void late_effect(std::string name, late_effect_function does);
    /// For an effect whose request and reply are messages.
    template <class Request>
    void effect(std::string name,
                std::function<result<typename Request::reply>(host, Request)> does);
    /// The effects of a program, as its nodes would do them.
    void effects(effect_registry registry);

    // ---- time

    /// Virtual time since the world began.
    time_point now() const noexcept;
    void run_for(duration span);
    /// Until `done()`, asked after each event; false when that takes longer than `within` or the
    /// world has failed.
    bool run_until(const std::function<bool()>& done, duration within);
    /// Heals, and lets time pass until no node has sent or consumed a message, or has work, for so
    /// long that lives which have ended are written off; false when that takes longer than
    /// `within`.
    bool settle(duration within = std::chrono::seconds{120});
    /// Does it at that instant.
    void at(time_point when, std::function<void()> action);

    // ---- faults

    /// From now on the mix is at work.
    void begin_faults(const fault_mix& mix);
    /// Ends all faults: paths are whole, the crashed are started again, the paused go on.
    void heal();
    void set_network(const network_faults& faults);
    /// Neither hears the other any more.
    void partition(host a, host b);
    /// `to` does not hear `from` any more.
    void cut(host from, host to);
    /// `to` hears `from` again.
    void uncut(host from, host to);
    /// Nobody hears the host, and it hears nobody.
    void isolate(host which);
    /// All paths are whole again; nothing else changes.
    void mend();
    void break_links(host a, host b);
    /// Its kernel is gone at once; outputs that were not carried out are lost.
    void crash(host which);
    /// A new life, that asks to join.
    void restart(host which);
    /// It stands still for the time, in the middle of its next turn.
    void pause(host which, duration span);
    void jump_clock(host which, duration forward);
    /// The launcher has seen the host's last life die, and the root writes it off.
    void evict(host which);

    // ---- observation

    bool alive(host which) const noexcept;
    /// It stands still.
    bool paused(host which) const noexcept;
    /// The last that happened of `begin_faults` and `heal` was `heal`.
    bool is_healed() const noexcept;
    /// Why its present or last life ended; nothing while it lives. A crash has no reason.
    std::optional<error> stopped(host which) const;
    /// Present or last life.
    node_boot self(host which) const noexcept;
    bool joined(host which) const noexcept;
    /// Number of lives that have begun.
    std::uint32_t lives(host which) const noexcept;
    node_status status(host which) const;
    kernel_counters counters(host which) const;
    view_version view(host which) const noexcept;
    const world_counters& counters() const noexcept;
    const fault_mix& faults() const noexcept;

    /// Empty, or the first thing that must not be: a broken invariant, or what `fail` was given.
    const std::string& failure() const noexcept;
    /// A check of the workload's has failed: the world stops.
    void fail(std::string text);
    /// A word of the workload's for the trace and for pictures of the run.
    void remark(host where, std::string_view text);
    /// Checks every living kernel's invariants now.
    bool check();
    /// Of everything that happened so far.
    std::uint64_t hash() const noexcept;
    /// How often each marked state was reached (EQUUS_SOMETIMES); empty without mutants.
    const std::map<std::string, std::uint64_t, std::less<>>& reached() const noexcept;

private:
    std::shared_ptr<struct world_impl> impl_;
};

template <class Request>
void world::effect(std::string name,
                   std::function<result<typename Request::reply>(host, Request)> does) {
    effect(std::move(name), effect_function{[does = std::move(does)](
                                                host where, const bytes& request) -> result<bytes> {
               auto decoded = wire::decode<Request>(request.span());
               if (!decoded)
                   return equus::fail(std::move(decoded.error()));
               auto reply = does(where, std::move(*decoded));
               if (!reply)
                   return equus::fail(std::move(reply.error()));
               return encoded(*reply);
           }});
}

} // namespace equus::sim
