#include "config/planner.hpp"

#include "config/literals.hpp"
#include "config/values.hpp"

#include <algorithm>

namespace equus::config {

namespace {

constexpr std::string_view service_prefix = "system.";

bool is_service(std::string_view label) {
    return label.substr(0, service_prefix.size()) == service_prefix;
}

void folders_in(const rdc_value& value, std::set<std::string>& to) {
    if (const auto* path = value.as<file_path>())
        to.insert(path->text);
    else if (const auto* list = value.as<rdc_value::list>())
        for (const rdc_value& each : *list)
            folders_in(each, to);
}

std::set<std::string> folders_of(const rdc& value) {
    std::set<std::string> out;
    for (const auto& [name, parameter] : value.parameters)
        folders_in(parameter, out);
    for (const auto& [name, d] : value.incarnations)
        for (const auto& [parameter, given] : d.parameters)
            folders_in(given, out);
    for (const auto& [name, b] : value.blueprints)
        for (const auto& [parameter, given] : b.pattern.parameters)
            folders_in(given, out);
    return out;
}

bool is_below(const std::string& folder, const std::vector<std::string>& roots) {
    return std::any_of(roots.begin(), roots.end(), [&](const std::string& root) {
        return folder == root || folder.rfind(root.back() == '/' ? root : root + "/", 0) == 0;
    });
}

const char* text_of(channel_kind kind) {
    return kind == channel_kind::multicast ? "multicast"
           : kind == channel_kind::anycast ? "anycast"
           : kind == channel_kind::group   ? "group"
                                           : "unicast";
}

void facts_of(const std::string& who, const incarnation_declaration& d,
              std::vector<std::string>& to) {
    to.push_back(who + " runs " + d.module);
    for (const auto& [interface, binding] : d.interfaces) {
        for (const std::string& label : binding.channels)
            to.push_back(who +
                         (is_service(label)                      ? " uses "
                          : binding.kind == interface_kind::port ? " receives from "
                                                                 : " sends into ") +
                         label);
        if (binding.handle)
            to.push_back(who + " leaves a handle of " + interface);
    }
}

std::string text_of(const grant& to) {
    return to.kind == grantee_kind::everyone ? "everyone"
           : to.kind == grantee_kind::user   ? "user " + to.name
                                             : "group " + to.name;
}

/// `moved a to b` of one name: a family's for each of its instances.
std::optional<incarnation_name> new_name_of(const incarnation_name& name,
                                            const std::vector<renamed_incarnation>& moved) {
    for (const renamed_incarnation& each : moved) {
        if (each.from == name)
            return each.to;
        const bool whole = !each.from.index && !each.from.key && !each.to.index && !each.to.key;
        if (whole && each.from.family == name.family)
            return incarnation_name{each.to.family, name.index, name.key};
    }
    return std::nullopt;
}

} // namespace

std::vector<std::string> authority_of(const rdc& value) {
    std::vector<std::string> out;
    for (const program_use& use : value.programs)
        out.push_back("program " + use.program + " gives the modules " + use.name_space);
    for (const auto& [name, d] : value.incarnations)
        facts_of(name.text(), d, out);
    for (const auto& [name, b] : value.blueprints)
        facts_of("blueprint " + name, b.pattern, out);
    for (const std::string& folder : folders_of(value))
        out.push_back("the file services reach " + folder);
    for (const auto& [name, e] : value.exports) {
        std::string what = " may send into " + e.channel + " as \"" + name + "\"";
        if (!e.only.empty()) {
            what += ", only";
            for (const std::string& message : e.only)
                what += " " + message;
        }
        if (e.grants.empty())
            out.push_back("the user who launched" + what);
        for (const grant& each : e.grants)
            out.push_back(text_of(each) + what);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

rdc_plan plan_change(const running_rdc& running, const rdc& wanted, const plan_options& options) {
    return planner{running, wanted, options}.run();
}

rdc_plan planner::run() {
    find_what_is_refused();
    if (!plan_.refused.empty())
        return std::move(plan_);
    renames();
    before_ = at_.value;
    decide();
    if (!plan_.refused.empty()) {
        plan_.steps.clear();
        return std::move(plan_);
    }
    const auto had = authority_of(at_.value);
    const auto has = authority_of(*wanted_);
    std::set_difference(has.begin(), has.end(), had.begin(), had.end(),
                        std::back_inserter(plan_.granted));
    std::set_difference(had.begin(), had.end(), has.begin(), has.end(),
                        std::back_inserter(plan_.revoked));
    note_instances();

    declarations_come();
    ports_of_survivors(false);
    creations();
    ports_of_survivors(true);
    blueprints(false);
    streams_of_survivors();
    placements();
    adjustments();
    upgrades();
    exports();
    blueprints(true);
    departures();
    declarations_go();
    return std::move(plan_);
}

void planner::add(plan_step step) {
    apply_step(at_, *wanted_, step);
    plan_.steps.push_back(std::move(step));
}

void planner::add(kind what, const std::string& item, std::string text, bool changed) {
    plan_step step;
    step.kind = what;
    step.item = item;
    if (changed)
        step.before = item;
    step.text = std::move(text);
    add(std::move(step));
}

bool planner::is_gone(const incarnation_name& name) const {
    return detail::declared_in(*wanted_, name) == nullptr;
}

const incarnation_declaration& planner::now(const incarnation_name& name) const {
    const auto own = at_.value.incarnations.find(name);
    return own != at_.value.incarnations.end() ? own->second : at_.instances.at(name);
}

std::vector<std::pair<incarnation_name, const incarnation_declaration*>>
planner::survivors() const {
    std::vector<std::pair<incarnation_name, const incarnation_declaration*>> out;
    for (const auto& [name, d] : at_.value.incarnations)
        if (const auto goal = wanted_->incarnations.find(name);
            goal != wanted_->incarnations.end() && to_make_.count(name) == 0 &&
            !std::binary_search(at_.ended.begin(), at_.ended.end(), name))
            out.emplace_back(name, &goal->second);
    for (const auto& [name, d] : at_.instances)
        if (const auto goal = wanted_->blueprints.find(name.family);
            goal != wanted_->blueprints.end())
            out.emplace_back(name, &goal->second.pattern);
    return out;
}

bool planner::is_unicast(const std::string& label) const {
    const auto found = wanted_->channels.find(label);
    return found != wanted_->channels.end() && found->second.kind == channel_kind::unicast;
}

const incarnation_name* planner::owner_of(const std::string& label) const {
    const auto has = [&](const incarnation_declaration& d) {
        return std::any_of(d.interfaces.begin(), d.interfaces.end(), [&](const auto& entry) {
            const auto& labels = entry.second.channels;
            return entry.second.kind == interface_kind::port &&
                   std::find(labels.begin(), labels.end(), label) != labels.end();
        });
    };
    for (const auto& [name, d] : at_.value.incarnations)
        if (has(d))
            return &name;
    for (const auto& [name, d] : at_.instances)
        if (has(d))
            return &name;
    return nullptr;
}

bool planner::has_clients(const std::string& label, const incarnation_name& besides) const {
    for (const auto& [name, e] : at_.value.exports)
        if (e.channel == label)
            return true;
    const auto has = [&](const incarnation_declaration& d) {
        return std::any_of(d.interfaces.begin(), d.interfaces.end(), [&](const auto& entry) {
            const auto& labels = entry.second.channels;
            return entry.second.kind == interface_kind::stream &&
                   std::find(labels.begin(), labels.end(), label) != labels.end();
        });
    };
    for (const auto& [name, d] : at_.value.incarnations)
        if (name != besides && has(d))
            return true;
    for (const auto& [name, d] : at_.instances)
        if (name != besides && has(d))
            return true;
    return false;
}

// ---------------------------------------------------------------------- what never can be

void planner::find_what_is_refused() {
    if (wanted_->name != at_.value.name)
        refuse("the run is of '" + at_.value.name + "', the configuration is '" + wanted_->name +
               "'");
    for (const auto& [label, is] : at_.value.channels) {
        const auto goal = wanted_->channels.find(label);
        if (goal == wanted_->channels.end() || goal->second == is)
            continue;
        const std::string was =
            goal->second.protocol != is.protocol
                ? "carries " + is.protocol + ", not " + goal->second.protocol
                : std::string{"is "} + text_of(is.kind) + ", not " + text_of(goal->second.kind);
        refuse("channel '" + label + "' " + was + ": give the other one another name");
    }
    for (const auto& [name, d] : at_.value.incarnations)
        if (wanted_->blueprints.count(name.family) != 0)
            refuse("'" + name.text() + "' is declared, and '" + name.family +
                   "' would be a blueprint: give it another name");
    for (const auto& [name, d] : wanted_->incarnations)
        if (at_.value.blueprints.count(name.family) != 0)
            refuse("'" + name.family + "' is a blueprint, and '" + name.text() +
                   "' would be declared: give it another name");
    look_for_folders();
}

void planner::look_for_folders() {
    if (at_.any_folder)
        return;
    for (const std::string& folder : folders_of(*wanted_))
        if (!is_below(folder, at_.folders))
            refuse("the nodes of the run may not reach the folder '" + folder +
                   "': a run has the folders that it was started with");
}

void planner::renames() {
    std::vector<std::pair<incarnation_name, incarnation_name>> found;
    for (const auto& [name, d] : at_.value.incarnations) {
        incarnation_name to = name;
        // As many times as there are statements, and no more: they may go in a circle.
        for (std::size_t i = 0; i < wanted_->moved.size() && is_gone(to); ++i) {
            auto next = new_name_of(to, wanted_->moved);
            if (!next)
                break;
            to = std::move(*next);
        }
        const bool free =
            to != name && is_gone(name) && !is_gone(to) && at_.value.incarnations.count(to) == 0;
        if (free && std::none_of(found.begin(), found.end(),
                                 [&](const auto& each) { return each.second == to; }))
            found.emplace_back(name, std::move(to));
    }
    for (auto& [from, to] : found) {
        plan_step step;
        step.kind = kind::rename;
        step.name = to;
        step.other = from;
        step.text = "called " + to.text();
        add(std::move(step));
    }
}

/// Who is made, and who is made anew.
void planner::decide() {
    const auto* primary = at_.value.primary();
    const auto* goal = wanted_->primary();
    if (primary != nullptr && goal != nullptr && primary->first != goal->first)
        refuse("the primary is '" + primary->first.text() + "', not '" + goal->first.text() +
               "': a computation ends with its primary");
    for (const auto& [name, wanted] : wanted_->incarnations) {
        const auto found = at_.value.incarnations.find(name);
        if (found == at_.value.incarnations.end()) {
            to_make_.insert(name);
            continue;
        }
        const incarnation_declaration& is = found->second;
        if (std::binary_search(at_.ended.begin(), at_.ended.end(), name)) {
            if (!(is == wanted))
                to_make_.insert(name);
            continue;
        }
        std::string why;
        if (is.module != wanted.module)
            why = "module " + is.module + " -> " + wanted.module;
        else if (is.parameters != wanted.parameters &&
                 !(options_->adjustable && options_->adjustable(is.module)))
            why = changes_between(is.parameters, wanted.parameters);
        if (why.empty())
            continue;
        if (wanted.primary)
            refuse("the primary '" + name.text() + "' would be made anew (" + why +
                   "): a computation ends with its primary");
        to_make_.insert(name);
        replaced_[name] = std::move(why);
    }
}

/// A plan that changes a blueprint changes the instances that are there.
void planner::note_instances() {
    for (const auto& [name, d] : at_.instances) {
        const auto goal = wanted_->blueprints.find(name.family);
        const bool same = goal != wanted_->blueprints.end() && goal->second.pattern == d;
        if (same)
            continue;
        plan_.instances.push_back(name);
        if (goal == wanted_->blueprints.end())
            continue;
        const incarnation_declaration& pattern = goal->second.pattern;
        if (d.module != pattern.module)
            plan_.notes.push_back(name.text() + " goes on as " + d.module +
                                  ": only new instances are " + pattern.module);
        else if (d.parameters != pattern.parameters &&
                 !(options_->adjustable && options_->adjustable(d.module)))
            plan_.notes.push_back(name.text() + " goes on with " +
                                  changes_between(pattern.parameters, d.parameters) +
                                  ": only new instances have the other parameters");
    }
}

} // namespace equus::config
