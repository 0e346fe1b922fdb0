#include "config/literals.hpp"
#include "config/resolver.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace equus::config {

void resolver::note(const target& t, std::string part, span where) {
    if (t.conditional)
        origins_->set(*t.name, std::move(part), where);
    else
        origins_->set(t.number, std::move(part), where);
}

void resolver::apply(const wiring& s, const target& t) {
    const std::string& id = s.interface.text;
    interface_binding binding;
    binding.kind = s.kind;
    binding.handle = s.handle;
    binding.where = out_->place_of(s.interface.where);
    note(t, "interface " + id, s.interface.where);
    std::set<std::string> channels;
    for (const name& channel : s.channels) {
        if (channel.text == "none" && s.channels.size() == 1 && !s.handle)
            break;
        if (!channels.insert(channel.text).second)
            out_->report(code::wired_twice, channel.where,
                         "'" + id + "' is wired to '" + channel.text + "' twice");
        note(t, "channel " + id + " " + channel.text, channel.where);
    }
    if (s.kind == interface_kind::stream && channels.size() > 1)
        out_->report(code::wired_twice, s.channels[1].where,
                     "stream '" + id + "' has several channels",
                     "a stream sends into one; 'multicast' is a property of the channel");
    binding.channels.assign(channels.begin(), channels.end());
    t.to->interfaces.insert_or_assign(id, std::move(binding));
}

void resolver::apply(const assignment& s, const target& t) {
    auto value = evaluate(s.value, *t.in);
    if (!value)
        return;
    const auto module = programs_->module(t.to->module);
    if (module.entry != nullptr)
        for (const parameter_manifest& p : module.entry->parameters)
            if (p.name == s.parameter.text)
                if (const auto of = parse_type(p.type))
                    value = coerced(std::move(*value), *of, options_->base_folder);
    note(t, "parameter " + s.parameter.text, s.parameter.where);
    note(t, "value " + s.parameter.text, s.value.where);
    t.to->parameters.insert_or_assign(s.parameter.text, std::move(*value));
}

void resolver::apply(const on_statement& s, const target& t) {
    note(t, "on", s.place.where);
    if (s.place.text != "nodes")
        t.to->where.on = s.place.text;
}

std::optional<incarnation_name> resolver::name_of(const incarnation_reference& of,
                                                  const scope& in) {
    incarnation_name out{of.family.text, std::nullopt, std::nullopt};
    if (!of.subscript)
        return out;
    const auto value = evaluate(*of.subscript, in);
    if (!value)
        return std::nullopt;
    const auto* number = value->as<std::int64_t>();
    if (number != nullptr && *number >= 0 && *number < static_cast<std::int64_t>(incarnations_max))
        out.index = static_cast<std::uint32_t>(*number);
    else if (const auto* key = value->as<std::string>())
        out.key = *key;
    else {
        out_->report(code::bad_family, of.subscript->where,
                     "an index from 0 or a key is wanted, not " + text_of(*value));
        return std::nullopt;
    }
    return out;
}

void resolver::apply(const near_statement& s, const target& t) {
    note(t, "near", s.other.family.where);
    if (auto other = name_of(s.other, *t.in))
        t.to->where.near = std::move(*other);
}

void resolver::apply(const spread_statement& s, const target& t) {
    note(t, "spread", s.place.where);
    t.to->where.spread_over = s.place.text;
}

void resolver::apply(const migrate_statement& s, const target& t) {
    static const std::vector<std::string> modes{"live", "never", "automatic"};
    migration_policy& policy = t.to->migration;
    if (s.mode.text == "live")
        policy.mode = migration_mode::live;
    else if (s.mode.text == "never")
        policy.mode = migration_mode::never;
    else if (s.mode.text != "automatic")
        out_->report(code::unknown_word, s.mode.where,
                     "unknown way to migrate '" + s.mode.text + "'",
                     did_you_mean(s.mode.text, modes, "ways are " + enumerate(modes, "and")));
    if (!s.within)
        return;
    if (policy.mode == migration_mode::never)
        out_->report(code::bad_placement, s.within->where, "'within' contradicts 'migrate never'");
    const auto value = evaluate(*s.within, *t.in);
    if (!value)
        return;
    const auto* time = value->as<duration>();
    if (time == nullptr)
        out_->report(code::wrong_type, s.within->where,
                     "'within' takes a duration, not " + kind_of(*value),
                     "a duration has a unit: 200ms");
    else if (time->count() <= 0)
        out_->report(code::out_of_range, s.within->where, "a freeze takes longer than 0s");
    else
        policy.within = *time;
}

void resolver::apply(const priority_statement& s, const target& t) {
    const auto value = integer(s.value, *t.in, "a priority");
    if (!value)
        return;
    if (*value < 0 || *value >= priority_count)
        out_->report(code::out_of_range, s.value.where,
                     "priority is " + std::to_string(*value) + ", outside 0.." +
                         std::to_string(priority_count - 1),
                     "the higher goes first; " + std::to_string(priority_normal) + " is normal");
    else
        t.to->priority = static_cast<priority_level>(*value);
}

void resolver::apply(const limit_statement& s, const target& t) {
    struct known_limit {
        const char* word;
        bool of_interface;
        std::int64_t low;
        std::int64_t high;
    };
    static constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    static constexpr known_limit known[] = {{"credit", true, 1, 65'535},
                                            {"queue", true, 1, most},
                                            {"calls", true, 0, 65'535},
                                            {"memory", false, 4096, std::int64_t{1} << 40}};
    const known_limit* which = nullptr;
    std::vector<std::string> words;
    for (const known_limit& limit : known) {
        if (limit.of_interface == s.interface.has_value())
            words.emplace_back(limit.word);
        if (s.what.text == limit.word)
            which = &limit;
    }
    if (which == nullptr || which->of_interface != s.interface.has_value()) {
        out_->report(
            code::bad_limit, s.what.where,
            std::string{s.interface ? "an interface" : "an incarnation"} + " has no limit '" +
                s.what.text + "'",
            which != nullptr
                ? (s.interface ? "write: limit memory 16MiB"
                               : "write: limit INTERFACE " + s.what.text + " 8")
                : did_you_mean(s.what.text, words, "limits are " + enumerate(words, "and")));
        return;
    }
    const auto value = integer(s.value, *t.in, "a limit");
    if (!value)
        return;
    if (*value < which->low || *value > which->high) {
        out_->report(code::out_of_range, s.value.where,
                     std::string{which->word} + " is " + std::to_string(*value) + ", outside " +
                         std::to_string(which->low) + ".." + std::to_string(which->high));
        return;
    }
    if (!s.interface) {
        t.to->memory_bytes = static_cast<std::uint64_t>(*value);
        return;
    }
    const auto found = t.to->interfaces.find(s.interface->text);
    if (found == t.to->interfaces.end()) {
        if (origins_->damaged.count(*t.name) == 0)
            out_->report(code::bad_limit, s.interface->where,
                         "no interface '" + s.interface->text + "' is wired here");
        return;
    }
    interface_binding& binding = found->second;
    const std::string word = which->word;
    const bool of_port = word == "queue";
    if (word != "credit" && (binding.kind == interface_kind::port) != of_port)
        out_->report(code::bad_limit, s.what.where,
                     of_port ? "a stream has no queue" : "a port makes no calls",
                     of_port ? "a stream has the limits credit and calls"
                             : "a port has the limits credit and queue");
    else if (word == "credit")
        binding.credit = static_cast<std::uint32_t>(*value);
    else if (of_port)
        binding.queue = static_cast<std::uint32_t>(*value);
    else
        binding.calls = static_cast<std::uint32_t>(*value);
}

} // namespace equus::config
