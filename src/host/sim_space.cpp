#include "host/sim_space_cast.hpp"
#include "host/sim_staged.hpp"
#include "host/sim_workloads.hpp"

#include <equus/rdc_builder.hpp>
#include <equus/services/standard.hpp>

namespace equus::sim {

using namespace equus::literals;

namespace {

class space_workload final : public staged_workload {
public:
    space_workload() : staged_workload{"space"} {}

    bool finished(world& w) override { return w.finished() != nullptr; }
    std::string check(world& w) override {
        if (std::string left = staged_workload::check(w); !left.empty())
            return left;
        const launching::progress& end = *w.finished();
        if (end.reason == errc::ok || !w.established())
            return end.result == 0 || !w.established() ? "" : "the referee is not content";
        // Two that die at once may be all who know.
        const bool both = end.text.find("stream space has ended") != std::string::npos;
        return both && w.counters().crashes + w.counters().evictions > 1
                   ? ""
                   : "the computation was cut off: " + end.text;
    }

private:
    void cast(module_table& modules) override {
        add_standard_modules(modules);
        plays<spacing::host_of_seats>(modules, "sim.host_of_seats");
        plays<spacing::guest>(modules, "sim.guest");
        plays<spacing::referee>(modules, "sim.referee");
    }
    std::uint32_t draw_nodes(random_sequence& draws) override {
        return static_cast<std::uint32_t>(draws.between(2, 4));
    }
    void begin(world& w, random_sequence& draws) override {
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
        w.run_until([&] { return w.established() || w.finished() != nullptr; }, 60s);
    }
};

} // namespace

std::unique_ptr<workload> make_space_workload() {
    return std::make_unique<space_workload>();
}

} // namespace equus::sim
