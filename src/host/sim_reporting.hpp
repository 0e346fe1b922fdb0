// How the incarnations of a scenario tell its workload what they see: by effects, the way out that
// every module has. One that must not be ends the run at once.
#pragma once

#include <equus/equus.hpp>
#include <equus/host/sim.hpp>

#include <string>

namespace equus::sim::reporting {

struct noted {
    bool taken = true;
    EQUUS_FIELDS(taken)
};
/// What must not be.
struct violation {
    using reply = noted;
    std::string text;
    EQUUS_FIELDS(text)
};
/// The workload's root incarnation has nothing left to do.
struct completed {
    using reply = noted;
    std::string text;
    EQUUS_FIELDS(text)
};

inline constexpr const char* violation_effect = "sim.violation";
inline constexpr const char* completed_effect = "sim.completed";

inline task<> violated(std::string text) {
    violation what;
    what.text = std::string{own_name()} + ": " + std::move(text);
    static_cast<void>(co_await effect(violation_effect, what));
}
inline task<> all_done(std::string text) {
    completed what;
    what.text = std::move(text);
    static_cast<void>(co_await effect(completed_effect, what));
}

/// Answers both effects in `w`; `done` becomes true with the second.
inline void listen(world& w, bool& done) {
    w.effect<violation>(violation_effect, [&w](host, violation said) -> result<noted> {
        w.fail(std::move(said.text));
        return noted{};
    });
    w.effect<completed>(completed_effect, [&done](host, completed) -> result<noted> {
        done = true;
        return noted{};
    });
}

} // namespace equus::sim::reporting
