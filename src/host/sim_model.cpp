#include "host/sim_model.hpp"

#include "host/sim_model_cast.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class model_workload final : public workload {
public:
    void start(world& w) override {
        random_sequence draws = w.random("model");
        w.modules().add<modelling::conductor>(
            "sim.conductor", {reporting::violation_effect, reporting::completed_effect});
        w.modules().add<modelling::hearer>("sim.hearer", {reporting::violation_effect});
        w.modules().add<modelling::server>("sim.server", {reporting::violation_effect});
        w.modules().add<modelling::deaf>("sim.deaf", {reporting::violation_effect});
        w.modules().add<modelling::speaker>("sim.speaker", {reporting::violation_effect});
        reporting::listen(w, done_);
        const auto nodes = static_cast<std::uint32_t>(draws.chance(50) ? 1 : draws.between(2, 4));
        for (std::uint32_t i = 0; i < nodes; ++i)
            w.node();
        creation what;
        what.module = "sim.conductor";
        what.name = "conductor";
        what.depends_on_launch = false;
        what.parameters["nodes"] = nodes;
        what.parameters["hearers"] = draws.between(1, 4);
        what.parameters["speakers"] = draws.between(1, 4);
        what.parameters["items"] = draws.between(10, 120);
        what.parameters["queue_max"] = draws.between(0, 4);
        what.parameters["nap_max"] = draws.between(1ms, 800ms);
        if (auto made = w.boot(host{0}, what); !made)
            w.fail("the conductor: " + made.error().describe());
    }

    bool finished(world&) override { return done_; }
    std::string progress(world& w) override { return who_is_left(w); }
    std::string check(world& w) override { return what_is_not_at_rest(w); }

private:
    bool done_ = false;
};

} // namespace

std::unique_ptr<workload> make_model_workload() {
    return std::make_unique<model_workload>();
}

} // namespace equus::sim
