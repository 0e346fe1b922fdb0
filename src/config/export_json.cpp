#include "config/export_json.hpp"

#include "config/literals.hpp"
#include "config/place_text.hpp"

#include <nlohmann/json.hpp>

namespace equus::config {

namespace {

using json = nlohmann::ordered_json;

std::string dumped(const json& j) {
    return j.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

json of(const rdc_value& value) {
    if (const auto* flag = value.as<bool>())
        return *flag;
    if (const auto* number = value.as<std::int64_t>())
        return *number;
    if (const auto* text = value.as<std::string>())
        return *text;
    if (const auto* path = value.as<file_path>())
        return path->text;
    if (const auto* time = value.as<duration>())
        return duration_text(time->count());
    json list = json::array();
    for (const rdc_value& item : *value.as<rdc_value::list>())
        list.push_back(of(item));
    return list;
}

json of(const rdc_values& values) {
    json out = json::object();
    for (const auto& [name, value] : values)
        out[name] = of(value);
    return out;
}

const char* text_of(channel_kind kind) {
    switch (kind) {
    case channel_kind::unicast:
        return "unicast";
    case channel_kind::multicast:
        return "multicast";
    case channel_kind::anycast:
        return "anycast";
    case channel_kind::group:
        break;
    }
    return "group";
}

const char* text_of(interface_kind kind) {
    return kind == interface_kind::port ? "port" : "stream";
}

json of(const interface_binding& binding) {
    json out{{"kind", text_of(binding.kind)}, {"channels", binding.channels}};
    if (binding.handle)
        out["handle"] = true;
    if (binding.credit != 0)
        out["credit"] = binding.credit;
    if (binding.queue != 0)
        out["queue"] = binding.queue;
    if (binding.calls)
        out["calls"] = *binding.calls;
    return out;
}

json of(const incarnation_declaration& d) {
    json out{{"module", d.module}};
    if (d.primary)
        out["primary"] = true;
    out["interfaces"] = json::object();
    for (const auto& [name, binding] : d.interfaces)
        out["interfaces"][name] = of(binding);
    out["parameters"] = of(d.parameters);
    json where = json::object();
    if (!d.where.on.empty())
        where["on"] = d.where.on;
    if (d.where.near)
        where["near"] = d.where.near->text();
    if (!d.where.spread_over.empty())
        where["spread_over"] = d.where.spread_over;
    if (!where.empty())
        out["where"] = std::move(where);
    if (d.migration.mode != migration_mode::automatic || d.migration.within) {
        out["migrate"] = d.migration.mode == migration_mode::live    ? "live"
                         : d.migration.mode == migration_mode::never ? "never"
                                                                     : "automatic";
        if (d.migration.within)
            out["migrate_within_ns"] = d.migration.within->count();
    }
    if (d.memory_bytes != 0)
        out["memory_bytes"] = d.memory_bytes;
    if (d.priority != priority_normal)
        out["priority"] = d.priority;
    return out;
}

json of(const grant& g) {
    if (g.kind == grantee_kind::everyone)
        return "everyone";
    return json{{g.kind == grantee_kind::user ? "user" : "group", g.name}};
}

} // namespace

std::string to_json(const rdc& value) {
    json out{{"rdc", value.name}, {"version", value.version}};
    out["programs"] = json::object();
    for (const program_use& use : value.programs)
        out["programs"][use.name_space] = use.program;
    out["parameters"] = of(value.parameters);
    out["places"] = json::object();
    for (const auto& [name, place] : value.places)
        out["places"][name] = config::text_of(place);
    out["channels"] = json::object();
    for (const auto& [name, channel] : value.channels)
        out["channels"][name] = {{"protocol", channel.protocol}, {"kind", text_of(channel.kind)}};
    out["incarnations"] = json::object();
    for (const auto& [name, d] : value.incarnations)
        out["incarnations"][name.text()] = of(d);
    out["blueprints"] = json::object();
    for (const auto& [name, b] : value.blueprints) {
        json entry = of(b.pattern);
        if (b.instances_max != 0)
            entry["instances_max"] = b.instances_max;
        out["blueprints"][name] = std::move(entry);
    }
    out["exports"] = json::object();
    for (const auto& [name, e] : value.exports) {
        json entry{{"channel", e.channel}};
        if (!e.only.empty())
            entry["only"] = e.only;
        entry["grants"] = json::array();
        for (const grant& g : e.grants)
            entry["grants"].push_back(of(g));
        out["exports"][name] = std::move(entry);
    }
    for (const renamed_incarnation& each : value.moved)
        out["moved"].push_back({{"from", each.from.text()}, {"to", each.to.text()}});
    return dumped(out);
}

std::string to_json(const manifest& value) {
    json out{{"program", value.program}, {"version", value.version}, {"targets", value.targets}};
    out["modules"] = json::array();
    for (const module_manifest& m : value.modules) {
        json entry{{"name", m.name}, {"version", m.version}};
        entry["interfaces"] = json::array();
        for (const interface_manifest& i : m.interfaces)
            entry["interfaces"].push_back({{"name", i.name},
                                           {"kind", text_of(i.kind)},
                                           {"protocol", i.protocol},
                                           {"optional", i.optional}});
        entry["parameters"] = json::array();
        for (const parameter_manifest& p : m.parameters)
            entry["parameters"].push_back({{"name", p.name},
                                           {"type", p.type},
                                           {"default", p.default_text},
                                           {"required", p.required}});
        out["modules"].push_back(std::move(entry));
    }
    out["protocols"] = json::array();
    for (const protocol_manifest& p : value.protocols) {
        json entry{{"name", p.name}};
        entry["messages"] = json::array();
        for (const message_manifest& m : p.messages)
            entry["messages"].push_back(
                {{"name", m.name}, {"ordinal", m.ordinal}, {"reply", m.reply}});
        out["protocols"].push_back(std::move(entry));
    }
    out["services"] = json::array();
    for (const service_manifest& s : value.services)
        out["services"].push_back(
            {{"name", s.name}, {"protocol", s.protocol}, {"module", s.module}, {"port", s.port}});
    return dumped(out);
}

result<manifest> manifest_from_json(std::string_view text) {
    const json in = json::parse(text, nullptr, false);
    if (!in.is_object())
        return fail(errc::malformed, "manifest: not a JSON object");
    try {
        manifest out;
        out.program = in.at("program");
        out.version = in.at("version");
        out.targets = in.at("targets").get<std::vector<std::string>>();
        for (const json& m : in.at("modules")) {
            module_manifest entry{m.at("name"), m.at("version"), {}, {}};
            for (const json& i : m.at("interfaces")) {
                const std::string kind = i.at("kind");
                if (kind != "port" && kind != "stream")
                    return fail(errc::malformed, "manifest: an interface is a port or a stream");
                entry.interfaces.push_back(
                    {i.at("name"), kind == "port" ? interface_kind::port : interface_kind::stream,
                     i.at("protocol"), i.value("optional", false)});
            }
            for (const json& p : m.at("parameters"))
                entry.parameters.push_back({p.at("name"), p.at("type"),
                                            p.value("default", std::string{}),
                                            p.value("required", false)});
            out.modules.push_back(std::move(entry));
        }
        for (const json& p : in.at("protocols")) {
            protocol_manifest entry{p.at("name"), {}};
            for (const json& m : p.at("messages"))
                entry.messages.push_back(
                    {m.at("name"), m.at("ordinal"), m.value("reply", std::string{})});
            out.protocols.push_back(std::move(entry));
        }
        if (in.contains("services"))
            for (const json& s : in.at("services"))
                out.services.push_back({s.at("name"), s.at("protocol"),
                                        s.value("module", std::string{}),
                                        s.value("port", std::string{})});
        return out;
    } catch (const json::exception& trouble) {
        return fail(errc::malformed, "manifest: " + std::string{trouble.what()});
    }
}

} // namespace equus::config
