#include "config/plan.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>

namespace equus::config {

namespace {

using kind = plan_step_kind;
using json = nlohmann::ordered_json;

char sign_of(kind what) {
    switch (what) {
    case kind::use:
    case kind::place:
    case kind::channel:
    case kind::create:
    case kind::blueprint:
    case kind::offer:
        return '+';
    case kind::unoffer:
    case kind::unblueprint:
    case kind::withdraw:
    case kind::unchannel:
    case kind::unplace:
    case kind::unuse:
        return '-';
    default:
        return '~';
    }
}

/// What is there already is changed, not added.
char sign_of(const plan_step& step) {
    return step.before.empty() ? sign_of(step.kind) : '~';
}

bool is_of_incarnation(kind what) {
    switch (what) {
    case kind::rename:
    case kind::create:
    case kind::replace:
    case kind::wire:
    case kind::attach:
    case kind::rebind:
    case kind::migrate:
    case kind::upgrade:
    case kind::adjust:
    case kind::detach:
    case kind::withdraw:
        return true;
    default:
        return false;
    }
}

std::string subject_of(const plan_step& step) {
    switch (step.kind) {
    case kind::use:
    case kind::unuse:
        return "modules " + step.item;
    case kind::place:
    case kind::unplace:
        return "place " + step.item;
    case kind::channel:
    case kind::unchannel:
        return "channel " + step.item;
    case kind::blueprint:
    case kind::unblueprint:
        return "blueprint " + step.item;
    case kind::offer:
    case kind::unoffer:
        return "export \"" + step.item + "\"";
    case kind::describe:
        return "rdc " + step.item;
    case kind::rename:
        return step.other.text();
    default:
        return step.name.text() + (step.interface.empty() ? "" : "." + step.interface);
    }
}

const char* verb_of(kind what) {
    switch (what) {
    case kind::replace:
        return "made anew: ";
    case kind::migrate:
        return "moves: ";
    case kind::upgrade:
        return "upgraded: ";
    default:
        return "";
    }
}

std::string tail_of(const plan_step& step) {
    return verb_of(step.kind) + step.text;
}

/// "worker[0..2]" for the first and the last of a row.
std::string row_of(const plan_step& first, const plan_step& last) {
    if (first.name == last.name || !first.name.index)
        return subject_of(first);
    return first.name.family + "[" + std::to_string(*first.name.index) + ".." +
           std::to_string(*last.name.index) + "]" +
           (first.interface.empty() ? "" : "." + first.interface);
}

bool follows(const plan_step& a, const plan_step& b) {
    return a.kind == b.kind && is_of_incarnation(a.kind) && a.kind != kind::rename &&
           a.name.family == b.name.family && a.name.index && b.name.index &&
           *a.name.index + 1 == *b.name.index && a.interface == b.interface && a.text == b.text;
}

const char* colour_of(char sign) {
    return sign == '+' ? "\033[32m" : sign == '-' ? "\033[31m" : "\033[33m";
}

std::string line_of(char sign, const std::string& subject, const std::string& tail, bool coloured) {
    std::string out = std::string{"  "} + sign + " " + subject;
    if (!tail.empty())
        out += std::string(subject.size() < 22 ? 22 - subject.size() : 1, ' ') + "  " + tail;
    while (out.back() == ' ')
        out.pop_back();
    return coloured ? colour_of(sign) + out + "\033[0m\n" : out + "\n";
}

/// "worker[0] sends into x", "worker[1] sends into x": one line for a row of instances.
std::vector<std::string> in_rows(const std::vector<std::string>& facts) {
    std::map<std::pair<std::string, std::string>, std::set<std::uint32_t>> indices;
    std::vector<std::string> out;
    for (const std::string& fact : facts) {
        const std::size_t open = fact.find('[');
        const std::size_t close = fact.find("] ");
        std::uint32_t index = 0;
        const bool counted =
            open != std::string::npos && close != std::string::npos && fact.find(' ') > open &&
            std::from_chars(&fact[open + 1], &fact[close], index).ptr == &fact[close];
        if (counted)
            indices[{fact.substr(0, open), fact.substr(close + 1)}].insert(index);
        else
            out.push_back(fact);
    }
    for (const auto& [of, all] : indices)
        for (auto first = all.begin(); first != all.end();) {
            auto last = first;
            while (std::next(last) != all.end() && *std::next(last) == *last + 1)
                ++last;
            std::string text = of.first + "[" + std::to_string(*first);
            if (first != last)
                text += ".." + std::to_string(*last);
            out.push_back(text + "]" + of.second);
            first = std::next(last);
        }
    std::sort(out.begin(), out.end());
    return out;
}

struct counts {
    std::uint32_t add = 0, rewire = 0, migrate = 0, stop = 0, change = 0, anew = 0;
};

counts count(const rdc_plan& plan) {
    counts out;
    for (const plan_step& step : plan.steps)
        switch (step.kind) {
        case kind::wire:
        case kind::attach:
        case kind::rebind:
        case kind::detach:
            ++out.rewire;
            break;
        case kind::migrate:
        case kind::upgrade:
            ++out.migrate;
            break;
        case kind::withdraw:
            ++out.stop;
            break;
        case kind::replace:
            ++out.anew;
            break;
        default:
            ++(sign_of(step) == '+' ? out.add : out.change);
        }
    return out;
}

std::string summary(const rdc_plan& plan) {
    const counts all = count(plan);
    std::string out = "Plan: " + std::to_string(all.add) + " add, " + std::to_string(all.rewire) +
                      " rewire, " + std::to_string(all.migrate) + " migrate, " +
                      std::to_string(all.stop) + " stop";
    if (all.anew != 0)
        out += ", " + std::to_string(all.anew) + " anew";
    if (all.change != 0)
        out += ", " + std::to_string(all.change) + " change";
    return out + ".";
}

} // namespace

std::string to_text(const plan_step& step) {
    const std::string tail = tail_of(step);
    return subject_of(step) + (tail.empty() ? "" : ": " + tail);
}

std::string to_text(const rdc_plan& plan, bool coloured) {
    std::string out;
    for (const std::string& why : plan.refused)
        out += "refused: " + why + "\n";
    if (!plan.refused.empty())
        return out;
    if (plan.steps.empty()) {
        out = "Nothing to change.\n";
    } else {
        for (std::size_t i = 0; i < plan.steps.size();) {
            std::size_t last = i;
            while (last + 1 < plan.steps.size() && follows(plan.steps[last], plan.steps[last + 1]))
                ++last;
            const plan_step& first = plan.steps[i];
            out +=
                line_of(sign_of(first), row_of(first, plan.steps[last]), tail_of(first), coloured);
            i = last + 1;
        }
        out += summary(plan);
        const bool same = plan.granted.empty() && plan.revoked.empty();
        out += same ? " Authority: unchanged.\n" : "\nAuthority:\n";
        for (const std::string& fact : in_rows(plan.granted))
            out += line_of('+', fact, {}, coloured);
        for (const std::string& fact : in_rows(plan.revoked))
            out += line_of('-', fact, {}, coloured);
    }
    for (const std::string& note : plan.notes)
        out += "note: " + note + "\n";
    return out;
}

std::string to_json(const rdc_plan& plan) {
    json out{{"rdc", plan.wanted.name}, {"run", plan.run}, {"changes", plan.changes}};
    out["refused"] = plan.refused;
    out["steps"] = json::array();
    for (const plan_step& step : plan.steps) {
        json entry{{"kind", nth_name(equus_enumerators(step.kind).names,
                                     static_cast<std::size_t>(step.kind))}};
        if (is_of_incarnation(step.kind))
            entry["incarnation"] = step.name.text();
        if (step.kind == kind::rename || step.kind == kind::attach)
            entry["other"] = step.other.text();
        if (!step.interface.empty())
            entry["interface"] = step.interface;
        if (!step.before.empty() && step.kind == kind::rebind)
            entry["before"] = step.before;
        else if (!step.before.empty())
            entry["changed"] = true;
        if (!step.item.empty() || step.kind == kind::rebind)
            entry["item"] = step.item;
        if (!step.deferred.empty()) {
            entry["deferred"] = json::array();
            for (const plan_end& each : step.deferred)
                entry["deferred"].push_back(
                    {{"interface", each.interface}, {"channel", each.label}});
        }
        entry["text"] = step.text;
        out["steps"].push_back(std::move(entry));
    }
    out["granted"] = plan.granted;
    out["revoked"] = plan.revoked;
    out["notes"] = plan.notes;
    return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace equus::config
