#include "host/sim_multicast.hpp"

#include "host/sim_multicast_cast.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class multicast_workload final : public workload {
public:
    void start(world& w) override {
        random_sequence draws = w.random("multicast");
        w.modules().add<broadcasting::collector>(
            "sim.collector", {reporting::violation_effect, reporting::completed_effect});
        w.modules().add<broadcasting::member>("sim.member", {reporting::violation_effect});
        w.modules().add<broadcasting::speaker>("sim.speaker", {reporting::violation_effect});
        reporting::listen(w, done_);
        const auto nodes = static_cast<std::uint32_t>(draws.chance(50) ? 1 : draws.between(2, 4));
        for (std::uint32_t i = 0; i < nodes; ++i)
            w.node();
        creation what;
        what.module = "sim.collector";
        what.name = "collector";
        what.depends_on_launch = false;
        what.parameters["nodes"] = nodes;
        what.parameters["members"] = draws.between(1, 5);
        what.parameters["speakers"] = draws.between(1, 3);
        what.parameters["numbers"] = draws.between(10, 100);
        what.parameters["stuck"] = draws.chance(400);
        what.parameters["nap_max"] = draws.between(1ms, 400ms);
        if (auto made = w.boot(host{0}, what); !made)
            w.fail("the collector: " + made.error().describe());
    }

    bool finished(world&) override { return done_; }
    std::string progress(world& w) override { return who_is_left(w); }
    std::string check(world& w) override { return what_is_not_at_rest(w); }

private:
    bool done_ = false;
};

} // namespace

std::unique_ptr<workload> make_multicast_workload() {
    return std::make_unique<multicast_workload>();
}

} // namespace equus::sim
