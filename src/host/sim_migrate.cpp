#include "host/sim_migrate_cast.hpp"
#include "host/sim_staged.hpp"
#include "host/sim_workloads.hpp"

#include <map>

namespace equus::sim {

using namespace equus::literals;

namespace {

class migrate_workload final : public staged_workload {
public:
    explicit migrate_workload(bool deaths)
        : staged_workload{deaths ? "migrate_crash" : "migrate"}, deaths_{deaths} {}

    bool stands_deaths() const override { return deaths_; }
    void adjust(fault_mix& mix, random_sequence& draws) override {
        if (mix.deaths && mix.crash_every == 0s)
            mix.crash_every = draws.between(500ms, 5s);
    }

private:
    void cast(module_table& modules) override {
        modules.add<wandering::director>(
            "sim.director", {reporting::violation_effect, reporting::completed_effect});
        modules.add<wandering::consumer>("sim.consumer",
                                         {reporting::violation_effect, wandering::taken_effect});
        plays<wandering::producer>(modules, "sim.producer");
    }
    std::uint32_t draw_nodes(random_sequence& draws) override {
        return static_cast<std::uint32_t>(draws.between(2, 4));
    }
    void begin(world& w, random_sequence& draws) override {
        w.effect<wandering::taken>(
            wandering::taken_effect, [this, &w](host, wandering::taken what) {
                std::uint64_t& last = taken_[{what.consumer, what.producer}];
                if (what.number != last + 1)
                    w.fail("consumer " + std::to_string(what.consumer) + " took item " +
                           std::to_string(what.number) + " of producer " +
                           std::to_string(what.producer) + " after " + std::to_string(last));
                last = what.number;
                return result<reporting::noted>{reporting::noted{}};
            });
        creation director;
        director.module = "sim.director";
        director.name = "director";
        director.depends_on_launch = false;
        auto& given = director.parameters;
        given["nodes"] = w.node_count();
        given["consumers"] = draws.between(1, 3);
        given["producers"] = draws.between(1, 5);
        given["items"] = draws.between(20, 150);
        given["bytes_max"] = draws.chance(100) ? 20'000 : 200;
        given["movers"] = draws.between(1, 4);
        given["moves"] = draws.between(5, 60);
        given["dice"] = static_cast<std::int64_t>(draws.between(1, 1'000'000'000));
        given["deaths"] = deaths_;
        given["nap_max"] = draws.between(1ms, 50ms);
        if (auto made = w.boot(host{0}, director); !made)
            w.fail("the director: " + made.error().describe());
    }

    bool deaths_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> taken_;
};

} // namespace

std::unique_ptr<workload> make_migrate_workload(bool deaths) {
    return std::make_unique<migrate_workload>(deaths);
}

} // namespace equus::sim
