// The making of a plan, phase by phase. Each step is carried out at once on a copy of what runs, so
// that the next one is decided by what will be there then.
#pragma once

#include "config/plan.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace equus::config {

/// "device "out/a" -> "out/b", number 3 -> none".
std::string changes_between(const rdc_values& was, const rdc_values& is);

class planner {
public:
    planner(const running_rdc& running, const rdc& wanted, const plan_options& options)
        : at_{running}, wanted_{&wanted}, options_{&options} {
        plan_.run = running.run;
        plan_.changes = running.changes;
        plan_.wanted = wanted;
    }

    rdc_plan run();

private:
    using kind = plan_step_kind;
    using declared = std::pair<const incarnation_name, incarnation_declaration>;

    // ---- planner.cpp
    void add(plan_step step);
    /// `changed`: it is there already.
    void add(kind what, const std::string& item, std::string text = {}, bool changed = false);
    void refuse(std::string why) { plan_.refused.push_back(std::move(why)); }
    void renames();
    void find_what_is_refused();
    void look_for_folders();
    void decide();
    bool is_gone(const incarnation_name& name) const;
    /// Those that are there before and after: declared ones and instances, with what they should
    /// become.
    std::vector<std::pair<incarnation_name, const incarnation_declaration*>> survivors() const;
    const incarnation_declaration& now(const incarnation_name& name) const;
    bool is_unicast(const std::string& label) const;
    /// Who has a port on the channel; null: nobody.
    const incarnation_name* owner_of(const std::string& label) const;
    /// Somebody else sends there, or may from outside.
    bool has_clients(const std::string& label, const incarnation_name& besides) const;
    void note_instances();

    // ---- planner_phases.cpp
    void declarations_come();
    void ports_of_survivors(bool all);
    void creations();
    std::vector<incarnation_name> creation_order() const;
    void make(const incarnation_name& name);
    void give_port(const incarnation_name& name, const std::string& interface,
                   const std::string& label);
    void blueprints(bool late);
    bool loses_a_port(const std::string& blueprint) const;
    void streams_of_survivors();
    void placements();
    void adjustments();
    void upgrades();
    void exports();
    void departures();
    void declarations_go();

    running_rdc at_;
    rdc before_; ///< what ran, under its new names
    const rdc* wanted_;
    const plan_options* options_;
    rdc_plan plan_;
    std::set<incarnation_name> to_make_; ///< and why, below
    std::map<incarnation_name, std::string> replaced_;
    std::set<std::string, std::less<>> fresh_; ///< unicast channels that have got a new port
};

} // namespace equus::config
