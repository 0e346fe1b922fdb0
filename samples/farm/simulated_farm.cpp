#include "simulated_farm.hpp"

#include "farm.hpp"
#include "farm_rdc.hpp"

#include <equus/host/configuration.hpp>
#include <equus/services/standard.hpp>

#include <memory>

namespace farm {

using namespace equus;
using namespace equus::literals;

namespace {

class farm_workload final : public sim::workload {
public:
    bool stands_deaths() const override { return false; }
    void start(sim::world& w) override;
    bool finished(sim::world& w) override { return w.finished() != nullptr; }
    std::string progress(sim::world& w) override { return sim::who_is_left(w) + "\n" + console_; }
    std::string check(sim::world& w) override;

private:
    void plan_changes(sim::world& w, random_sequence& draws);

    std::uint64_t below_ = 0;
    std::uint64_t counted_ = 0; ///< ranges, by anybody
    std::string console_;
};

void farm_workload::start(sim::world& w) {
    random_sequence draws = w.random("farm");
    below_ = static_cast<std::uint64_t>(draws.between(10, 3'000));
    const auto ranges = draws.between(1, 200);
    constexpr duration counting[] = {1ms, 50ms, 1s};
    const duration counting_max = counting[draws.below(3)];
    add_standard_modules(w.modules());
    add_farm(w.modules());
    const auto takes = std::make_shared<random_sequence>(w.random("counting"));
    w.late_effect(
        std::string{count_effect},
        [this, &w, takes, counting_max](sim::host, const bytes& request, sim::completion done) {
            auto asked = wire::decode<count_primes>(request.span());
            if (!asked)
                return done(fail(std::move(asked.error())));
            w.at(w.now() + takes->between(duration{1'000}, counting_max),
                 [this, done = std::move(done), asked = *asked] {
                     ++counted_;
                     auto found = primes_in(asked);
                     done(encoded(*found));
                 });
        });
    w.effect<console::write>(std::string{console::write_effect},
                             [this](sim::host, console::write said) -> result<console::written> {
                                 console_ += said.text;
                                 return console::written{};
                             });
    auto configuration = read_configuration("farm.rdc", std::string{farm_rdc}, w.modules(),
                                            {{"below", std::to_string(below_)},
                                             {"ranges", std::to_string(ranges)},
                                             {"per_node", std::to_string(draws.between(1, 3))}});
    if (!configuration)
        return w.fail(configuration.error().describe());
    const auto nodes = draws.between(1, 4);
    for (std::int64_t i = 0; i < nodes; ++i)
        w.node();
    w.run(*configuration, w.modules().services());
    if (draws.chance(700)) // otherwise the faults are there from the beginning
        w.run_until([&] { return w.established() || w.finished() != nullptr; }, 60s);
    plan_changes(w, draws);
}

/// Nodes are added and withdrawn while it counts, and sometimes before and after.
void farm_workload::plan_changes(sim::world& w, random_sequence& draws) {
    const auto changes = draws.below(8);
    for (std::uint32_t i = 0; i < changes; ++i) {
        const time_point when = w.now() + draws.between(0ns, 5s);
        const bool adds = draws.chance(500);
        const auto which = static_cast<std::uint32_t>(draws.below(6));
        const duration notice = draws.chance(300) ? draws.between(0ns, 200ms) : duration{20s};
        w.at(when, [&w, adds, which, notice] {
            if (adds && w.finished() == nullptr && w.node_count() < 8)
                w.node();
            else if (!adds && which != 0 && which < w.node_count())
                w.withdraw(sim::host{which}, notice);
        });
    }
}

std::string farm_workload::check(sim::world& w) {
    if (std::string left = sim::what_is_not_at_rest(w); !left.empty())
        return left;
    const launching::progress& end = *w.finished();
    if (end.reason != errc::ok) {
        if (w.established())
            return "the computation was cut off: " + end.text;
        return end.text.empty() ? "it was not established, and nobody says why" : "";
    }
    count_primes all;
    all.below = below_;
    const std::string wanted = "primes below " + std::to_string(below_) + ": " +
                               std::to_string(primes_in(all)->count) + "\n";
    return console_.ends_with(wanted) ? "" : "the last line is not '" + wanted + "':\n" + console_;
}

} // namespace

sim::scenario simulated_farm() {
    return {"farm", "primes counted on nodes that come and go, each range once",
            [] { return std::make_unique<farm_workload>(); }};
}

} // namespace farm
