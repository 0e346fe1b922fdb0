// What nearly every scenario does, so that a new one writes only what is its own: modules whose
// incarnations say what must not be (sim_reporting.hpp), some nodes, and one incarnation at the
// root that conducts: it makes the others on all nodes, passes references on between them, and says
// when all is done. In the end nothing may be left of any of them.
//
//     class farewell_workload final : public conducted_workload {
//     public:
//         farewell_workload() : conducted_workload{"farewell"} {}
//
//     private:
//         void cast(module_table& modules) override {
//             conducts<parting::conductor>(modules);
//             plays<parting::guest>(modules, "sim.guest");
//         }
//         void instruct(creation& conductor, random_sequence& draws) override {
//             conductor.parameters["guests"] = draws.between(1, 9);
//         }
//     };
//
// What nodes and guests meet is the seed's business (sim_faults.hpp); a scenario that is about
// certain faults adjusts them.
#pragma once

#include "host/sim_reporting.hpp"

#include <equus/host/sim_scenario.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace equus::sim {

/// A workload of incarnations that report. How they come to be is left open.
class staged_workload : public workload {
public:
    /// `concern`: the name under which it draws from the seed.
    explicit staged_workload(std::string concern) : concern_{std::move(concern)} {}

    void start(world& w) final;
    bool finished(world&) override { return done_; }
    std::string progress(world& w) override { return who_is_left(w); }
    std::string check(world& w) override { return what_is_not_at_rest(w); }

protected:
    /// Registers the modules of the scenario.
    virtual void cast(module_table& modules) = 0;
    /// How many nodes there are, the root counted. One alone is tried now and then.
    virtual std::uint32_t draw_nodes(random_sequence& draws) {
        return static_cast<std::uint32_t>(draws.chance(50) ? 1 : draws.between(2, 4));
    }
    /// With the nodes made: boots or launches who comes first.
    virtual void begin(world& w, random_sequence& draws) = 0;

    /// Registers a module whose incarnations may say what must not be.
    template <class Incarnation>
    static void plays(module_table& modules, std::string name) {
        modules.add<Incarnation>(std::move(name), {reporting::violation_effect});
    }

private:
    std::string concern_;
    bool done_ = false; ///< the conductor has said so
};

/// A workload of a conductor, called so, and of those that it makes.
class conducted_workload : public staged_workload {
public:
    using staged_workload::staged_workload;

protected:
    /// Adds to the conductor's parameters; it has the number of `nodes`.
    virtual void instruct(creation& conductor, random_sequence& draws) = 0;
    void begin(world& w, random_sequence& draws) final;

    /// Registers the conductor, who may also say that all is done.
    template <class Incarnation>
    static void conducts(module_table& modules) {
        modules.add<Incarnation>("sim.conductor",
                                 {reporting::violation_effect, reporting::completed_effect});
    }
};

} // namespace equus::sim
