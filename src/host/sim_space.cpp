#include "host/sim_space.hpp"

#include "host/sim_space_cast.hpp"

#include <equus/rdc_builder.hpp>
#include <equus/services/standard.hpp>

namespace equus::sim {

using namespace equus::literals;

namespace {

class space_workload final : public workload {
public:
    void start(world& w) override {
        random_sequence draws = w.random("space");
        add_standard_modules(w.modules());
        const std::vector<std::string> says{reporting::violation_effect};
        w.modules().add<spacing::host_of_seats>("sim.host_of_seats", says);
        w.modules().add<spacing::guest>("sim.guest", says);
        w.modules().add<spacing::referee>("sim.referee", says);
        reporting::listen(w, unused_);
        const auto nodes = static_cast<std::uint32_t>(draws.between(2, 4));
        for (std::uint32_t i = 0; i < nodes; ++i)
            w.node();
        const auto seats = draws.between(1, 3);
        const auto guests = draws.between(2, 8);
        const auto visits = draws.between(2, 8);
        const auto nap = draws.chance(300) ? duration{0} : draws.between(10ms, 1s);
        const rdc computation =
            rdc_builder{"space", 1}
                .add(incarnation_builder{"referee", "sim.referee"}
                         .primary()
                         .stream("space", "system.space")
                         .parameter("guests", guests))
                .add(incarnation_builder{"seats", "sim.host_of_seats"}
                         .stream("space", "system.space")
                         .parameter("seats", seats)
                         .near({"referee", std::nullopt, std::nullopt}))
                .blueprint(incarnation_builder{"guest", "sim.guest"}
                               .stream("space", "system.space")
                               .parameter("visits", visits)
                               .parameter("words_max", draws.between(1, 20))
                               .parameter("nap_max", nap)
                               .parameter("dies_per_mille", draws.chance(500) ? 100 : 0)
                               .parameter("salt", static_cast<std::int64_t>(w.seed() % 4'096))
                               .spread_over("nodes"))
                .build();
        w.run(computation, w.modules().services(), 0, /*space_apart=*/true);
        w.run_until([&] { return is_established(w) || w.finished() != nullptr; }, 60s);
    }
    bool finished(world& w) override { return w.finished() != nullptr; }
    std::string progress(world& w) override { return who_is_left(w); }

    std::string check(world& w) override {
        if (std::string left = what_is_not_at_rest(w); !left.empty())
            return left;
        const launching::progress& end = *w.finished();
        if (end.reason == errc::ok || !is_established(w))
            return end.result == 0 || !is_established(w) ? "" : "the referee is not content";
        // Two that die at once may be all who know.
        const bool both = end.text.find("stream space has ended") != std::string::npos;
        return both && w.counters().crashes + w.counters().evictions > 1
                   ? ""
                   : "the computation was cut off: " + end.text;
    }

private:
    static bool is_established(const world& w) {
        for (const launching::progress& each : w.reports())
            if (each.kind == launching::progress_kind::running)
                return true;
        return false;
    }
    bool unused_ = false;
};

} // namespace

std::unique_ptr<workload> make_space_workload() {
    return std::make_unique<space_workload>();
}

} // namespace equus::sim
