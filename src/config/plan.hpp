// From what runs to what is wanted: the plan (equus/rdc_plan.hpp). A pure function of two values,
// with the same answer every time.
//
// Nothing is wired before it exists, servers are made before their clients, a channel that goes to
// another port is taken over with what lies in it, clients leave a server before it is withdrawn,
// and the computation could stop after any step and be a right one. What a running computation can
// never become is refused with a reason, and then there are no steps at all.
#pragma once

#include <equus/rdc_plan.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace equus::config {

struct plan_options {
    /// Whether incarnations of the module take new parameters while they run; empty: none does.
    std::function<bool(const std::string& module)> adjustable;
};

rdc_plan plan_change(const running_rdc& running, const rdc& wanted,
                     const plan_options& options = {});

/// What an rdc lets its incarnations and others do, one sentence each, in order: who sends and
/// receives where, which services, handles and folders there are, what is exported to whom, whose
/// code runs.
std::vector<std::string> authority_of(const rdc& value);

/// For people, one line for steps that are alike, then a line that counts. `coloured`: for a
/// terminal.
std::string to_text(const rdc_plan& plan, bool coloured = false);
/// One line of it, without its sign.
std::string to_text(const plan_step& step);
/// For programs.
std::string to_json(const rdc_plan& plan);

} // namespace equus::config
