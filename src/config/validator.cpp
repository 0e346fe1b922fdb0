#include "config/validator.hpp"

#include "config/parse.hpp"
#include "config/values.hpp"

#include <algorithm>

namespace equus::config {

namespace {

constexpr std::string_view service_prefix = "system.";

std::vector<std::string> names_of(const auto& list) {
    std::vector<std::string> out;
    for (const auto& entry : list)
        out.push_back(entry.name);
    return out;
}

std::string text_of(interface_kind kind) {
    return kind == interface_kind::port ? "port" : "stream";
}

std::string wiring_text(const interface_manifest& declared) {
    return text_of(declared.kind) + " " + declared.name +
           (declared.kind == interface_kind::port ? " <- " : " -> ");
}

// "doc.submit" and "submit" mean the same message of doc.scheduling.
bool is_message(const message_manifest& message, const std::string& written,
                const std::string& name_space) {
    return message.name == written || name_space + "." + message.name == written ||
           message.name == name_space + "." + written;
}

} // namespace

void validator::report(code number, std::optional<span> where, std::string message,
                       std::string hint) {
    if (where)
        out_->report(number, *where, std::move(message), std::move(hint));
    else
        out_->report_file(number, std::move(message), std::move(hint));
}

void validator::run() {
    for (const auto& [id, c] : value_->channels)
        channel_names_.push_back(id);
    for (const auto& [id, e] : value_->exports)
        exported_.insert(e.channel);
    const std::pair<const incarnation_name, incarnation_declaration>* last = nullptr;
    for (const auto& entry : value_->incarnations) {
        const auto& [name, d] = entry;
        if (out_->full())
            return;
        attach(name, d, 1);
        // What is said of one instance of a family is said of all that are declared alike.
        if (last != nullptr && last->second == d && origins_->declared_together(last->first, name))
            where(name, d.where, false);
        else
            incarnation(name, d, false);
        last = &entry;
    }
    for (const auto& [family, b] : value_->blueprints) {
        const incarnation_name name{family, std::nullopt, std::nullopt};
        attach(name, b.pattern, b.instances_max == 0 ? SIZE_MAX : b.instances_max);
        incarnation(name, b.pattern, true);
    }
    primary();
    channels();
    exports();
    namespaces();
}

bool validator::uses_namespace(std::string_view qualified) {
    std::string found = programs_->namespace_of(qualified);
    if (found.empty())
        return false;
    used_namespaces_.insert(std::move(found));
    return true;
}

std::string validator::namespace_hint(const std::string& qualified) const {
    const std::string wanted = qualified.substr(0, qualified.find('.'));
    std::vector<std::string> known;
    for (const program_use& use : value_->programs)
        known.push_back(use.name_space);
    return did_you_mean(wanted, known, "write: use \"" + wanted + "\" from \"PROGRAM\"");
}

void validator::namespaces() {
    if (out_->has_errors()) // what an error swallowed may be the use
        return;
    for (const program_use& use : value_->programs)
        if (used_namespaces_.count(use.name_space) == 0 && !doubtful(use.name_space))
            report(code::unused, origins_->of("use " + use.name_space),
                   "nothing of '" + use.name_space + "' is used");
}

void validator::attach(const incarnation_name& name, const incarnation_declaration& d,
                       std::size_t times) {
    for (const auto& [id, binding] : d.interfaces)
        for (const std::string& channel : binding.channels) {
            ends& at = ends_[channel];
            (binding.kind == interface_kind::port ? at.ports : at.streams)
                .push_back({name, id, times});
        }
}

void validator::incarnation(const incarnation_name& name, const incarnation_declaration& d,
                            bool is_blueprint) {
    const module_manifest* module = nullptr;
    if (!uses_namespace(d.module)) {
        report(code::no_namespace, origins_->of(name, "module"),
               "no program is used for module '" + d.module + "'", namespace_hint(d.module));
    } else {
        const auto found = programs_->module(d.module);
        module = found.entry;
        if (found.missing)
            report(code::no_module, origins_->of(name, "module"), "no module '" + d.module + "'",
                   did_you_mean(d.module, found.others,
                                found.others.empty()
                                    ? "the program exports none"
                                    : "there is " + enumerate(found.others, "and")));
    }
    for (const auto& [id, binding] : d.interfaces)
        interface(name, d, module, id);
    if (module != nullptr) {
        const auto names = names_of(module->interfaces);
        std::set<std::string> misspelt; // reported where it was meant
        for (const auto& [id, binding] : d.interfaces)
            if (std::find(names.begin(), names.end(), id) == names.end())
                misspelt.insert(nearest(id, names));
        for (const interface_manifest& declared : module->interfaces)
            if (!declared.optional && d.interfaces.find(declared.name) == d.interfaces.end() &&
                origins_->damaged.count(name) == 0 && misspelt.count(declared.name) == 0)
                report(code::not_wired, origins_->of(name, ""),
                       "'" + name.family + "' does not wire '" + declared.name + "' of " + d.module,
                       "write: " + wiring_text(declared) + "CHANNEL (" + declared.protocol +
                           "), or none instead of a channel");
        parameters(name, d, *module, is_blueprint);
    }
    where(name, d.where, is_blueprint);
}

void validator::interface(const incarnation_name& name, const incarnation_declaration& d,
                          const module_manifest* module, const std::string& id) {
    const interface_binding& binding = d.interfaces.find(id)->second;
    const interface_manifest* declared = nullptr;
    if (module != nullptr) {
        for (const interface_manifest& i : module->interfaces)
            if (i.name == id)
                declared = &i;
        const auto names = names_of(module->interfaces);
        if (declared == nullptr)
            report(
                code::no_interface, origins_->of(name, "interface " + id),
                d.module + " has no interface '" + id + "'",
                did_you_mean(id, names,
                             names.empty() ? "it has none" : "it has " + enumerate(names, "and")));
        else if (declared->kind != binding.kind)
            report(code::wrong_direction, origins_->of(name, "interface " + id),
                   "'" + id + "' of " + d.module + " is a " + text_of(declared->kind) + ", not a " +
                       text_of(binding.kind),
                   "write: " + wiring_text(*declared) +
                       (binding.channels.empty() ? "none" : binding.channels.front()));
    }
    if (binding.handle && binding.channels.empty())
        report(code::not_wired, origins_->of(name, "interface " + id),
               "'" + id + "' leaves a handle and is not wired");
    for (const std::string& channel : binding.channels)
        wired_to(name, id, channel, declared, d.module);
}

void validator::wired_to(const incarnation_name& name, const std::string& id,
                         const std::string& channel, const interface_manifest* declared,
                         const std::string& module) {
    const auto at = origins_->of(name, "channel " + id + " " + channel);
    std::string protocol;
    std::string owner = "channel '" + channel + "'";
    if (channel.substr(0, service_prefix.size()) == service_prefix) {
        const std::string wanted = channel.substr(service_prefix.size());
        const auto service = programs_->service(wanted);
        if (service.missing)
            report(code::no_service, at, "no service '" + channel + "'",
                   did_you_mean(wanted, service.others,
                                service.others.empty()
                                    ? "the programs offer none"
                                    : "there is " + enumerate(service.others, "and")));
        if (service.entry == nullptr)
            return;
        protocol = service.entry->protocol;
        owner = "service '" + channel + "'";
    } else {
        const auto found = value_->channels.find(channel);
        if (found == value_->channels.end()) {
            if (!doubtful(channel))
                report(code::undefined_name, at, "no channel '" + channel + "'",
                       did_you_mean(channel, channel_names_,
                                    "declare it by: channel " + channel + " : " +
                                        (declared != nullptr ? declared->protocol : "PROTOCOL")));
            return;
        }
        protocol = found->second.protocol;
    }
    const bool protocol_is_known =
        !programs_->namespace_of(protocol).empty() && !programs_->protocol(protocol).missing;
    if (declared != nullptr && declared->protocol != protocol &&
        (protocol_is_known || owner.front() == 's'))
        report(code::wrong_protocol, at,
               "'" + id + "' of " + module + " speaks " + declared->protocol + ", " + owner +
                   " carries " + protocol);
}

void validator::parameters(const incarnation_name& name, const incarnation_declaration& d,
                           const module_manifest& module, bool is_blueprint) {
    const auto names = names_of(module.parameters);
    for (const auto& [id, value] : d.parameters) {
        const auto found = std::find_if(module.parameters.begin(), module.parameters.end(),
                                        [&wanted = id](const auto& p) { return p.name == wanted; });
        if (found == module.parameters.end()) {
            report(
                code::no_parameter, origins_->of(name, "parameter " + id),
                d.module + " has no parameter '" + id + "'",
                did_you_mean(id, names,
                             names.empty() ? "it has none" : "it has " + enumerate(names, "and")));
            continue;
        }
        const auto of = parse_type(found->type); // a type we do not know is checked by the module
        if (!of)
            continue;
        if (const auto problem = mismatch(value, *of, "parameter '" + id + "'"))
            report(problem->number, origins_->of(name, "value " + id), problem->message,
                   problem->hint);
    }
    if (is_blueprint || origins_->damaged.count(name) != 0)
        return;
    for (const parameter_manifest& p : module.parameters)
        if (p.required && d.parameters.find(p.name) == d.parameters.end())
            report(code::parameter_missing, origins_->of(name, ""),
                   "'" + name.family + "' lacks the parameter '" + p.name + "' of " + d.module,
                   "write: " + p.name + " = ... (" + p.type + ")");
}

void validator::place_exists(const incarnation_name& name, const std::string& part,
                             const std::string& place) {
    if (value_->places.find(place) != value_->places.end() || doubtful(place))
        return;
    std::vector<std::string> known{"nodes"};
    for (const auto& [id, p] : value_->places)
        known.push_back(id);
    report(code::undefined_name, origins_->of(name, part), "no place '" + place + "'",
           did_you_mean(place, known, "declare it by: place " + place + " = nodes where ..."));
}

void validator::where(const incarnation_name& name, const placement& p, bool is_blueprint) {
    if (!p.on.empty())
        place_exists(name, "on", p.on);
    if (!p.spread_over.empty() && p.spread_over != "nodes")
        place_exists(name, "spread", p.spread_over);
    if (!p.spread_over.empty() && !p.on.empty())
        report(code::bad_placement, origins_->of(name, "spread"),
               "'spread over' and 'on' contradict each other",
               "spread over " + p.on + " keeps to that place");
    if (!p.spread_over.empty() && p.near)
        report(code::bad_placement, origins_->of(name, "spread"),
               "'spread over' and 'near' contradict each other");
    if (!p.spread_over.empty() && !name.index && !name.key && !is_blueprint)
        report(code::bad_placement, origins_->of(name, "spread"),
               "one incarnation cannot be spread", "declare a family: NAME[8]");
    if (!p.near)
        return;
    const incarnation_name& other = *p.near;
    const bool whole_family = !other.index && !other.key;
    if (other == name || (whole_family && other.family == name.family)) {
        report(code::bad_placement, origins_->of(name, "near"),
               "'" + name.family + "' is near itself anyway");
        return;
    }
    const auto first = value_->incarnations.lower_bound({other.family, std::nullopt, std::nullopt});
    const bool family_exists =
        (first != value_->incarnations.end() && first->first.family == other.family) ||
        value_->blueprints.count(other.family) != 0;
    const bool found = whole_family ? family_exists : value_->incarnations.count(other) != 0;
    if (found || doubtful(other.family))
        return;
    std::vector<std::string> known;
    for (auto at = value_->incarnations.begin();
         at != value_->incarnations.end() && !family_exists;) {
        known.push_back(at->first.family);
        at = value_->incarnations.lower_bound({known.back() + '\0', std::nullopt, std::nullopt});
    }
    report(code::undefined_name, origins_->of(name, "near"), "no incarnation " + other.text(),
           did_you_mean(other.family, known));
}

void validator::primary() {
    std::vector<std::string> names;
    const incarnation_name* second = nullptr;
    for (const auto& [name, d] : value_->incarnations)
        if (d.primary) {
            names.push_back(name.text());
            if (names.size() == 2)
                second = &name;
        }
    if (second != nullptr)
        report(code::primary, origins_->of(*second, ""),
               "there are several primaries: " + enumerate(names, "and"),
               "exactly one incarnation is started first");
    if (names.empty() && !doubtful("primary"))
        report(code::primary, std::nullopt, "no incarnation is the primary",
               "write: primary incarnation NAME : MODULE");
}

void validator::channels() {
    for (const auto& [id, c] : value_->channels) {
        if (out_->full())
            return;
        channel(id, c);
    }
}

void validator::channel(const std::string& id, const channel_declaration& c) {
    const auto at = origins_->of("channel " + id);
    if (!uses_namespace(c.protocol)) {
        report(code::no_namespace, origins_->of("protocol " + id),
               "no program is used for protocol '" + c.protocol + "'", namespace_hint(c.protocol));
    } else {
        const auto found = programs_->protocol(c.protocol);
        if (found.missing)
            report(code::no_protocol, origins_->of("protocol " + id),
                   "no protocol '" + c.protocol + "'",
                   did_you_mean(c.protocol, found.others,
                                found.others.empty()
                                    ? "the program exports none"
                                    : "there is " + enumerate(found.others, "and")));
    }
    if (doubtful(id))
        return;
    const auto found = ends_.find(id);
    const ends none;
    const ends& both = found == ends_.end() ? none : found->second;
    const bool is_exported = exported_.count(id) != 0;
    const auto described = [](const std::vector<end>& list) {
        std::vector<std::string> out;
        for (const end& e : list)
            if (out.size() <= 8)
                out.push_back(e.owner.text() + "." + e.interface);
        return out;
    };
    if (both.ports.empty() && both.streams.empty() && !is_exported) {
        if (!out_->has_errors())
            report(code::unused, at, "channel '" + id + "' is never used");
    } else if (both.ports.empty()) {
        report(code::nobody_receives, at,
               "nobody receives from channel '" + id + "'" +
                   (both.streams.empty()
                        ? ", and it is exported"
                        : ", and " + enumerate(described(both.streams), "and") +
                              (both.streams.size() == 1 ? " sends into it" : " send into it")),
               "some incarnation writes: port NAME <- " + id);
    } else if (both.streams.empty() && !is_exported && !out_->has_errors()) {
        report(code::nobody_sends, at, "nobody sends into channel '" + id + "'",
               "some incarnation writes: stream NAME -> " + id + ", or it is exported");
    }
    std::size_t ports = 0;
    for (const end& e : both.ports)
        ports = e.times > SIZE_MAX - ports ? SIZE_MAX : ports + e.times;
    if (c.kind == channel_kind::unicast && ports > 1) {
        const end& last = both.ports.back();
        report(code::several_ports,
               origins_->of(last.owner, "channel " + last.interface + " " + id),
               both.ports.size() > 1
                   ? "unicast channel '" + id + "' has " + std::to_string(ports) +
                         " ports: " + enumerate(described(both.ports), "and")
                   : "unicast channel '" + id + "' would have a port for each instance of '" +
                         last.owner.family + "'",
               "make the channel multicast or anycast, or give each port its own");
    }
}

void validator::exports() {
    for (const auto& [id, e] : value_->exports) {
        const auto channel = value_->channels.find(e.channel);
        if (channel == value_->channels.end()) {
            if (!doubtful(e.channel))
                report(code::undefined_name, origins_->of("export " + id),
                       "no channel '" + e.channel + "'", did_you_mean(e.channel, channel_names_));
            continue;
        }
        const std::string& protocol = channel->second.protocol;
        const auto found = programs_->protocol(protocol);
        if (found.entry == nullptr)
            continue;
        const std::string name_space = protocol.substr(0, protocol.rfind('.'));
        const auto names = names_of(found.entry->messages);
        for (const std::string& only : e.only) {
            const bool known = std::any_of(
                found.entry->messages.begin(), found.entry->messages.end(),
                [&](const message_manifest& m) { return is_message(m, only, name_space); });
            if (!known)
                report(code::no_message, origins_->of("export " + id + " only " + only),
                       protocol + " has no message '" + only + "'",
                       did_you_mean(only.substr(only.rfind('.') + 1), names,
                                    "it has " + enumerate(names, "and")));
        }
    }
}

} // namespace equus::config
