// One seed: its mix of faults, its world, the two phases and the checks.
#include "host/sim_mutation.hpp"
#include "host/sim_world.hpp"

#include <equus/host/sim_scenario.hpp>

namespace equus::sim {

using namespace equus::literals;

namespace {

void judge(workload& work, world& w, duration faults_max, duration healed_max) {
    w.run_until([&] { return work.finished(w); }, faults_max);
    if (!w.failure().empty())
        return;
    w.heal();
    if (!w.run_until([&] { return work.finished(w); }, healed_max)) {
        if (w.failure().empty()) {
            const std::string why = work.progress(w);
            w.fail("not finished " + std::to_string(healed_max / 1s) + " s after the healing" +
                   (why.empty() ? "" : ": " + why));
        }
        return;
    }
    if (!w.settle(healed_max)) {
        w.fail("finished, but messages go on and on");
        return;
    }
    if (std::string wrong = work.check(w); !wrong.empty())
        w.fail(std::move(wrong));
    else
        w.check();
}

} // namespace

seed_outcome run_seed(const scenario& what, std::uint64_t seed, const seed_options& options) {
    random_sequence draws{seed, "seed.mix"};
    const std::unique_ptr<workload> work = what.make();
    fault_mix mix = fault_mix::draw(draws, draws.chance(400) && work->stands_deaths());
    if (draws.chance(50)) {
        const bool deaths = mix.deaths;
        mix = fault_mix{};
        mix.deaths = deaths;
    }
    work->adjust(mix, draws);

    world_options made;
    made.limits = mix.limits();
    made.copy_local_messages = mix.copy_local_messages;
    made.check_every = options.check_every;
    made.events_max = options.events_max;
    made.trace = options.trace;
    made.observer = options.observer;
    made.mutant = options.mutant;
    world w{seed, std::move(made)};
    work->start(w);
    w.begin_faults(mix);
    judge(*work, w, work->faults_max(), work->healed_max());

    seed_outcome outcome;
    outcome.seed = seed;
    outcome.failure = w.failure();
    outcome.mix = mix.describe();
    outcome.hash = w.hash();
    outcome.virtual_time = w.now() - time_point{};
    outcome.counters = w.counters();
    outcome.reached = w.reached();
    return outcome;
}

bool has_mutants() noexcept {
    return mutants_built;
}

} // namespace equus::sim
