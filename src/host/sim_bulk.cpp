#include "host/sim_bulk.hpp"

#include "host/sim_bulk_cast.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class bulk_workload final : public workload {
public:
    void adjust(fault_mix& mix, random_sequence&) override { deaths_ = mix.deaths; }

    void start(world& w) override {
        random_sequence draws = w.random("bulk");
        w.modules().add<moving::conductor>(
            "sim.conductor", {reporting::violation_effect, reporting::completed_effect});
        w.modules().add<moving::keeper>("sim.keeper", {reporting::violation_effect});
        w.modules().add<moving::mover>("sim.mover", {reporting::violation_effect});
        reporting::listen(w, done_);

        const auto nodes = static_cast<std::uint32_t>(draws.chance(50) ? 1 : draws.between(2, 4));
        for (std::uint32_t i = 0; i < nodes; ++i)
            w.node();
        creation what;
        what.module = "sim.conductor";
        what.name = "conductor";
        what.depends_on_launch = false;
        what.parameters["nodes"] = nodes;
        what.parameters["keepers"] = draws.between(1, 3);
        what.parameters["movers"] = draws.between(1, 3);
        what.parameters["rounds"] = draws.between(5, 30);
        constexpr std::int64_t sizes[] = {200, 3'000, 20'000};
        what.parameters["size_max"] = draws.chance(50) ? 300'000 : sizes[draws.below(3)];
        what.parameters["deaths"] = deaths_;
        what.parameters["nap_max"] = draws.between(1ms, 600ms);
        if (auto made = w.boot(host{0}, what); !made)
            w.fail("the conductor: " + made.error().describe());
    }

    bool finished(world&) override { return done_; }
    std::string progress(world& w) override { return who_is_left(w); }
    std::string check(world& w) override {
        for (std::uint32_t i = 0; i < w.node_count(); ++i)
            if (w.alive(host{i}))
                if (const node_status status = w.status(host{i}); status.buffer_bytes != 0)
                    return status.name + " still keeps " + std::to_string(status.buffer_bytes) +
                           " bytes of buffers that nobody has";
        return what_is_not_at_rest(w);
    }
    duration healed_max() const override { return 3'600s; }

private:
    bool deaths_ = false;
    bool done_ = false;
};

} // namespace

std::unique_ptr<workload> make_bulk_workload() {
    return std::make_unique<bulk_workload>();
}

} // namespace equus::sim
