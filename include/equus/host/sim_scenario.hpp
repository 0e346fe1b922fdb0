// A scenario is a workload that is run in many worlds: one for each seed, each with its own mix of
// faults. Every run has two phases. In the first the faults are at work and nothing wrong may
// happen; then the world is healed and the workload has to finish. A workload knows what must be
// true in the end, so nobody has to look at what happened.
//
//     equus::sim::scenario_table scenarios = equus::sim::built_in_scenarios();
//     scenarios.add<print_shop_workload>("print_shop", "documents become pages, each once");
//     return equus::sim::sim_command(argc, argv, scenarios);
#pragma once

#include <equus/host/sim.hpp>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace equus::sim {

/// One run of a scenario. Made for one world and thrown away.
class workload {
public:
    virtual ~workload() = default;

    /// Whether the nemesis may let nodes die; otherwise everything begun has to be finished.
    virtual bool stands_deaths() const { return true; }
    /// Changes the mix that the seed has drawn, where the scenario is about certain faults. Before
    /// `start`.
    virtual void adjust(fault_mix& mix, random_sequence& draws) {
        static_cast<void>(mix), static_cast<void>(draws);
    }
    /// Registers modules and effects, makes the nodes (the first is the root) and boots what is to
    /// run. The faults begin when it returns.
    virtual void start(world& w) = 0;
    /// All is done. Asked after each event.
    virtual bool finished(world& w) = 0;
    /// Empty, or what must not be. Asked once, at rest after `finished`.
    virtual std::string check(world& w) = 0;
    /// Why it is not finished, for people.
    virtual std::string progress(world& w) {
        static_cast<void>(w);
        return {};
    }
    /// How long the faults last at most, and how long the healed world may take.
    virtual duration faults_max() const { return std::chrono::seconds{15}; }
    virtual duration healed_max() const { return std::chrono::seconds{180}; }
};

struct scenario {
    std::string name;
    std::string description; ///< one line
    std::function<std::unique_ptr<workload>()> make;
};

/// Scenarios by name.
class scenario_table {
public:
    void add(scenario made) {
        std::string name = made.name;
        scenarios_.insert_or_assign(std::move(name), std::move(made));
    }
    /// With a workload that needs no arguments.
    template <class Workload>
    void add(std::string name, std::string description) {
        add({std::move(name), std::move(description), [] { return std::make_unique<Workload>(); }});
    }
    const scenario* find(std::string_view name) const noexcept {
        const auto found = scenarios_.find(name);
        return found == scenarios_.end() ? nullptr : &found->second;
    }
    const std::map<std::string, scenario, std::less<>>& all() const noexcept { return scenarios_; }

private:
    std::map<std::string, scenario, std::less<>> scenarios_;
};

// ---- for the checks of workloads

/// Every node that has not left is a member, all have the same view, no message is left, and no
/// incarnation but those called `besides`. Empty, or what is not so.
std::string what_is_not_at_rest(const world& w, std::string_view besides = {});
/// The nodes and what they still hold, one line each.
std::string who_is_left(const world& w);

/// The scenarios of the runtime.
scenario_table built_in_scenarios();

struct seed_options {
    std::string mutant;
    std::FILE* trace = nullptr;
    world_observer* observer = nullptr; ///< outlives the call
    std::uint32_t check_every = 8;      ///< world_options::check_every
    std::uint64_t events_max = world_options{}.events_max;
};

struct seed_outcome {
    std::uint64_t seed = 0;
    std::string failure; ///< empty: passed
    std::string mix;     ///< fault_mix::describe
    std::uint64_t hash = 0;
    duration virtual_time{0};
    world_counters counters;
    std::map<std::string, std::uint64_t, std::less<>> reached; ///< EQUUS_SOMETIMES
    bool compared = false; ///< it was run twice, and the hashes were equal if it passed
    bool passed() const noexcept { return failure.empty(); }
    EQUUS_FIELDS(seed, failure, mix, hash, virtual_time, counters, reached, compared)
};

/// Runs one seed in this process.
seed_outcome run_seed(const scenario& what, std::uint64_t seed, const seed_options& options = {});

struct campaign_options {
    std::uint64_t first = 1;
    std::uint64_t last = 100; ///< included
    std::uint32_t jobs = 2;   ///< processes; 0: in this one
    std::string mutant;
    /// Each n-th seed is run twice and the hashes are compared; 0: none.
    std::uint32_t twice_every = 20;
    std::uint32_t check_every = 8;
    std::uint64_t events_max = world_options{}.events_max;
    bool stop_at_failure = false;
    /// A seed that takes longer, by the wall clock, is a failure.
    duration seed_max = std::chrono::seconds{120};
    /// Called for each outcome, in the order in which they come.
    std::function<void(const seed_outcome&)> on_outcome;
};

struct campaign_result {
    std::uint64_t passed = 0;
    std::vector<seed_outcome> failures; ///< in order of seeds
    std::uint64_t hashes_compared = 0;
    world_counters counters; ///< of all seeds together
    std::map<std::string, std::uint64_t, std::less<>> reached;
};

/// Runs all seeds of the range, in processes of their own: a seed that ends its process by an
/// assertion, or does not end, is a failure like any other.
campaign_result run_campaign(const scenario& what, const campaign_options& options);

/// A planted fault: where it shows, and within how many seeds a campaign has to find it.
struct planted_fault {
    std::string_view name;
    std::string_view scenario;
    std::uint32_t seeds_max;
    std::string_view what; ///< it breaks, for people
};
/// Those of the kernel. Switched on by name in builds with mutants, harmless elsewhere.
const std::vector<planted_fault>& planted_faults();
/// Whether this build has them.
bool has_mutants() noexcept;

/// What a campaign made of a planted fault.
struct mutant_outcome {
    std::uint64_t seeds = 0; ///< that were run
    std::string found;       ///< what the first failure says; empty: the mutant survived
    std::uint64_t seed = 0;  ///< the first that failed
};
/// Runs the fault's scenario with it until a seed fails, at most `seeds_max` seeds.
mutant_outcome hunt(const planted_fault& which, const scenario& what, std::uint32_t jobs = 2);

/// The path of the program that may know a scenario which this one does not; `given`: what was said
/// by --program, or nothing. The error says where was looked.
using scenario_program =
    std::function<result<std::string>(const std::string& scenario, const std::string& given)>;

/// `sim --scenario S --seeds A..B [--json] [--mutant M] [--jobs N] [--trace FILE] [--program P]`;
/// argv[0] is the program, argv[1] may be "sim". A scenario that is not in the table is run by the
/// program that `elsewhere` finds, by its own `sim` with the same arguments: this process becomes
/// it. Exit codes: 0 all passed, 1 some failed, 2 wrong usage.
int sim_command(int argc, char** argv, const scenario_table& scenarios,
                const scenario_program& elsewhere = {});

} // namespace equus::sim
