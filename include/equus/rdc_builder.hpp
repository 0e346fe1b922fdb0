// The same value as a file of the RDC language, written in C++: for embedded programs, tests and
// code that makes configurations. The builder only assembles; `equus::config::check` is what
// refuses.
//
//     auto hello = equus::rdc_builder{"hello", 1}
//                      .use("hello", "hello")
//                      .channel("greetings", "hello.greeting")
//                      .add(equus::incarnation_builder{"greeter", "hello.greeter"}
//                               .primary().port("in", {"greetings"}))
//                      .build();
#pragma once

#include <equus/rdc.hpp>
#include <equus/rdc_place.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace equus {

/// One incarnation, family or blueprint under construction. Without `counted` or `keyed` it stands
/// for itself.
class incarnation_builder {
public:
    incarnation_builder(std::string name, std::string module) : family_{std::move(name)} {
        body_.module = std::move(module);
    }

    incarnation_builder& primary() {
        body_.primary = true;
        return *this;
    }
    /// A family of `instances`, with indices from 0.
    incarnation_builder& counted(std::uint32_t instances) {
        for (std::uint32_t i = 0; i < instances; ++i)
            names_.push_back({family_, i, std::nullopt});
        family_named_ = true;
        return *this;
    }
    /// A family with one instance per key.
    incarnation_builder& keyed(const std::vector<std::string>& keys) {
        for (const std::string& key : keys)
            names_.push_back({family_, std::nullopt, key});
        family_named_ = true;
        return *this;
    }
    incarnation_builder& port(std::string name, std::vector<std::string> channels) {
        current(std::move(name), interface_kind::port).channels = sorted(std::move(channels));
        return *this;
    }
    incarnation_builder& stream(std::string name, std::string channel) {
        current(std::move(name), interface_kind::stream).channels = {std::move(channel)};
        return *this;
    }
    /// Leaves the interface unwired on purpose.
    incarnation_builder& unwired(std::string name, interface_kind kind) {
        current(std::move(name), kind).channels.clear();
        return *this;
    }
    /// These concern the interface named last. Requires one.
    incarnation_builder& handle() {
        last().handle = true;
        return *this;
    }
    incarnation_builder& credit(std::uint32_t messages) {
        last().credit = messages;
        return *this;
    }
    incarnation_builder& queue(std::uint32_t messages) {
        last().queue = messages;
        return *this;
    }
    incarnation_builder& calls(std::uint32_t outstanding) {
        last().calls = outstanding;
        return *this;
    }
    incarnation_builder& parameter(std::string name, rdc_value value) {
        body_.parameters.insert_or_assign(std::move(name), std::move(value));
        return *this;
    }
    incarnation_builder& on(std::string place) {
        body_.where.on = std::move(place);
        return *this;
    }
    incarnation_builder& near(incarnation_name other) {
        body_.where.near = std::move(other);
        return *this;
    }
    incarnation_builder& spread_over(std::string place) {
        body_.where.spread_over = std::move(place);
        return *this;
    }
    incarnation_builder& migrate(migration_mode mode, std::optional<duration> within = {}) {
        body_.migration = {mode, within};
        return *this;
    }
    incarnation_builder& priority(priority_level level) {
        body_.priority = level;
        return *this;
    }
    incarnation_builder& memory(std::uint64_t bytes) {
        body_.memory_bytes = bytes;
        return *this;
    }

    const std::string& family() const noexcept { return family_; }
    const incarnation_declaration& declaration() const noexcept { return body_; }
    std::vector<incarnation_name> names() const {
        if (family_named_)
            return names_;
        return {{family_, std::nullopt, std::nullopt}};
    }

private:
    static std::vector<std::string> sorted(std::vector<std::string> labels) {
        std::sort(labels.begin(), labels.end());
        return labels;
    }
    interface_binding& current(std::string name, interface_kind kind) {
        current_ = std::move(name);
        interface_binding& binding = body_.interfaces[current_];
        binding.kind = kind;
        return binding;
    }
    interface_binding& last() { return body_.interfaces[current_]; }

    std::string family_;
    std::vector<incarnation_name> names_;
    bool family_named_ = false;
    std::string current_;
    incarnation_declaration body_;
};

class rdc_builder {
public:
    rdc_builder(std::string name, std::uint32_t version) {
        value_.name = std::move(name);
        value_.version = version;
    }

    rdc_builder& use(std::string name_space, std::string program) {
        value_.programs.push_back({std::move(name_space), std::move(program)});
        return *this;
    }
    rdc_builder& parameter(std::string name, rdc_value value) {
        value_.parameters.insert_or_assign(std::move(name), std::move(value));
        return *this;
    }
    rdc_builder& place(std::string name, place_condition condition = {}) {
        value_.places[std::move(name)].where = std::move(condition.terms);
        return *this;
    }
    rdc_builder& channel(std::string name, std::string protocol,
                         channel_kind kind = channel_kind::unicast) {
        value_.channels[std::move(name)] = {std::move(protocol), kind};
        return *this;
    }
    rdc_builder& add(const incarnation_builder& which) {
        for (incarnation_name& name : which.names())
            value_.incarnations[std::move(name)] = which.declaration();
        return *this;
    }
    /// `instances_max` 0: no limit of its own.
    rdc_builder& blueprint(const incarnation_builder& pattern, std::uint32_t instances_max = 0) {
        value_.blueprints[pattern.family()] = {pattern.declaration(), instances_max};
        return *this;
    }
    rdc_builder& offer(std::string public_name, std::string channel,
                       std::vector<std::string> only = {}, std::vector<grant> grants = {}) {
        std::sort(only.begin(), only.end());
        std::sort(grants.begin(), grants.end());
        value_.exports[std::move(public_name)] = {std::move(channel), std::move(only),
                                                  std::move(grants)};
        return *this;
    }
    /// What an earlier configuration called `from` is called `to`.
    rdc_builder& moved(incarnation_name from, incarnation_name to) {
        value_.moved.push_back({std::move(from), std::move(to)});
        return *this;
    }
    rdc build() const {
        rdc value = value_;
        std::sort(value.programs.begin(), value.programs.end());
        std::sort(value.moved.begin(), value.moved.end());
        return value;
    }

private:
    rdc value_;
};

} // namespace equus
