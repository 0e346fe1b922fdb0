#include "host/sim_bulk_cast.hpp"
#include "host/sim_staged.hpp"
#include "host/sim_workloads.hpp"

namespace equus::sim {

using namespace equus::literals;

namespace {

class bulk_workload final : public conducted_workload {
public:
    bulk_workload() : conducted_workload{"bulk"} {}

    void adjust(fault_mix& mix, random_sequence&) override { deaths_ = mix.deaths; }

    std::string check(world& w) override {
        for (std::uint32_t i = 0; i < w.node_count(); ++i)
            if (w.alive(host{i}))
                if (const node_status status = w.status(host{i}); status.buffer_bytes != 0)
                    return status.name + " still keeps " + std::to_string(status.buffer_bytes) +
                           " bytes of buffers that nobody has";
        return conducted_workload::check(w);
    }
    duration healed_max() const override { return 3'600s; }

private:
    void cast(module_table& modules) override {
        conducts<moving::conductor>(modules);
        plays<moving::keeper>(modules, "sim.keeper");
        plays<moving::mover>(modules, "sim.mover");
    }

    void instruct(creation& conductor, random_sequence& draws) override {
        auto& given = conductor.parameters;
        given["keepers"] = draws.between(1, 3);
        given["movers"] = draws.between(1, 3);
        given["rounds"] = draws.between(5, 30);
        constexpr std::int64_t sizes[] = {200, 3'000, 20'000};
        given["size_max"] = draws.chance(50) ? 300'000 : sizes[draws.below(3)];
        given["deaths"] = deaths_;
        given["nap_max"] = draws.between(1ms, 600ms);
    }

    bool deaths_ = false;
};

} // namespace

std::unique_ptr<workload> make_bulk_workload() {
    return std::make_unique<bulk_workload>();
}

} // namespace equus::sim
