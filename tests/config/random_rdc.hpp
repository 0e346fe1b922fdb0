// Random configurations over a small family of modules, each of them right.
#pragma once

#include <equus/base/random.hpp>
#include <equus/base/result.hpp>
#include <equus/manifest.hpp>
#include <equus/rdc.hpp>
#include <equus/rdc_place.hpp>

#include <set>
#include <string>
#include <vector>

namespace equus::test {

class random_rdc {
public:
    /// `circles`: servers may be clients of each other.
    explicit random_rdc(std::uint64_t seed, bool circles = true)
        : draws_{seed, "random_rdc"}, circles_{circles} {}

    rdc next();
    static result<manifest> program(const std::string& name);

private:
    void ports(incarnation_declaration& of, std::vector<std::string> names);
    void streams(incarnation_declaration& of, std::vector<std::string> names);
    void details(incarnation_declaration& of);
    bool chance(unsigned per_cent) { return draws_.chance(per_cent * 10); }
    std::string label(std::size_t i) const { return "c" + std::to_string(i); }

    random_sequence draws_;
    bool circles_;
    rdc value_;
    std::set<std::string> taken_; ///< unicast channels that have a port
};

inline result<manifest> random_rdc::program(const std::string& name) {
    if (name != "random")
        return fail(errc::not_found, "no such program");
    constexpr auto port = interface_kind::port;
    constexpr auto stream = interface_kind::stream;
    manifest m;
    m.program = name;
    m.modules = {{"lab.server", 1, {{"a", port, "lab.talk"}, {"b", port, "lab.talk"}}, {}},
                 {"lab.client",
                  1,
                  {{"x", stream, "lab.talk"}, {"y", stream, "lab.talk", true}},
                  {{"number", "int", "0", false}}},
                 {"lab.relay",
                  1,
                  {{"in", port, "lab.talk"}, {"out", stream, "lab.talk"}},
                  {{"number", "int", "0", false}}}};
    m.protocols = {{"lab.talk", {{"word", 0, ""}}}};
    return m;
}

inline void random_rdc::ports(incarnation_declaration& of, std::vector<std::string> names) {
    for (const std::string& name : names) {
        interface_binding& binding = of.interfaces[name];
        binding.kind = interface_kind::port;
        for (const auto& [label, channel] : value_.channels)
            if (chance(40) &&
                (channel.kind != channel_kind::unicast || taken_.insert(label).second))
                binding.channels.push_back(label);
        if (chance(20))
            binding.queue = static_cast<std::uint32_t>(draws_.between(1, 50));
        if (chance(20))
            binding.credit = static_cast<std::uint32_t>(draws_.between(1, 50));
    }
}

inline void random_rdc::streams(incarnation_declaration& of, std::vector<std::string> names) {
    std::vector<std::string> served;
    for (const auto& [name, d] : value_.incarnations)
        for (const auto& [interface, binding] : d.interfaces)
            if (binding.kind == interface_kind::port)
                served.insert(served.end(), binding.channels.begin(), binding.channels.end());
    for (const std::string& name : names) {
        if (name == "y" && chance(30))
            continue;
        interface_binding& binding = of.interfaces[name];
        binding.kind = interface_kind::stream;
        if (!served.empty() && chance(80))
            binding.channels = {
                served[static_cast<std::size_t>(draws_.between(0, served.size() - 1))]};
        binding.handle = !binding.channels.empty() && chance(20);
        if (chance(20))
            binding.calls = static_cast<std::uint32_t>(draws_.between(0, 3));
    }
}

inline void random_rdc::details(incarnation_declaration& of) {
    if (chance(20))
        of.priority = static_cast<priority_level>(draws_.between(0, 7));
    if (chance(20))
        of.memory_bytes = std::uint64_t{1} << draws_.between(20, 24);
    if (chance(20) && !value_.places.empty())
        of.where.on = value_.places.begin()->first;
    if (chance(20) && of.module != "lab.server")
        of.parameters["number"] = rdc_value{static_cast<std::int64_t>(draws_.between(0, 2))};
}

inline rdc random_rdc::next() {
    value_ = {};
    taken_.clear();
    value_.name = "random";
    value_.version = static_cast<std::uint32_t>(draws_.between(1, 3));
    value_.programs = {{"lab", "random"}};
    for (const char* place : {"hill", "shore"})
        if (chance(60))
            value_.places[place].where =
                chance(50) ? std::vector<place_term>{} : has_tag(place).terms;
    for (std::size_t i = 0; i < 7; ++i)
        if (chance(75))
            value_.channels[label(i)] = {"lab.talk", i < 5    ? channel_kind::unicast
                                                     : i == 5 ? channel_kind::multicast
                                                              : channel_kind::anycast};
    for (const char* name : {"s", "t", "u"})
        if (chance(70)) {
            incarnation_declaration d;
            d.module = "lab.server";
            ports(d, {"a", "b"});
            details(d);
            value_.incarnations[{name, std::nullopt, std::nullopt}] = d;
        }
    std::vector<incarnation_name> relays;
    for (std::uint32_t i = 0; i < 3; ++i)
        if (chance(60)) {
            relays.push_back({"relay", i, std::nullopt});
            incarnation_declaration d;
            d.module = "lab.relay";
            if (circles_)
                ports(d, {"in"});
            else
                d.interfaces["in"].kind = interface_kind::port;
            details(d);
            value_.incarnations[relays.back()] = d;
        }
    for (const incarnation_name& name : relays)
        streams(value_.incarnations[name], {"out"});
    for (const char* key : {"p", "q", "r"})
        if (chance(60)) {
            incarnation_declaration d;
            d.module = "lab.client";
            streams(d, {"x", "y"});
            details(d);
            if (chance(30) && !relays.empty())
                d.where.near = relays.front();
            value_.incarnations[{"client", std::nullopt, key}] = d;
        }
    incarnation_declaration boss;
    boss.module = "lab.client";
    boss.primary = true;
    streams(boss, {"x", "y"});
    value_.incarnations[{"boss", std::nullopt, std::nullopt}] = boss;
    if (chance(50)) {
        blueprint_declaration made;
        made.pattern.module = "lab.client";
        streams(made.pattern, {"x", "y"});
        made.instances_max = static_cast<std::uint32_t>(draws_.between(2, 9));
        value_.blueprints["late"] = made;
    }
    for (const auto& [name, d] : value_.incarnations)
        for (const auto& [interface, binding] : d.interfaces)
            if (binding.kind == interface_kind::port && !binding.channels.empty() && chance(20))
                value_.exports["out/" + binding.channels.front()] = {
                    binding.channels.front(), {}, {}};
    return value_;
}

} // namespace equus::test
