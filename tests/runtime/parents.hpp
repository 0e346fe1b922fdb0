// A boss whose life a test writes, and workers that it makes: for tests of what parents may do.
#pragma once

#include "nodes.hpp"

#include <equus/status.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace equus::test {

struct level {
    std::uint32_t value = 0;
    EQUUS_FIELDS(value)
};
/// An operation of the worker's control port.
struct set_level {
    using reply = level;
    std::uint32_t value = 0;
    EQUUS_FIELDS(value)
};
using adjusting = protocol<"test.adjusting", set_level>;

struct tick {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
struct slow {
    using reply = level;
    std::uint32_t ms = 0;
    EQUUS_FIELDS(ms)
};
/// Fails where it is told to.
struct stumble {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
using working = protocol<"test.working", tick, slow, stumble>;

struct at_work {
    stream<working> door;
    EQUUS_FIELDS(door)
};
using reporting = protocol<"test.reporting", at_work>;

/// What the test looks at afterwards.
struct diary {
    std::vector<std::string> lines;
    std::vector<event> events;
    std::vector<incarnation_report> reports;
    std::vector<std::uint32_t> ticks;

    bool has(const std::string& line) const {
        return std::find(lines.begin(), lines.end(), line) != lines.end();
    }
    /// Where the line stands; behind all when it does not.
    std::size_t place_of(const std::string& line) const {
        return static_cast<std::size_t>(std::find(lines.begin(), lines.end(), line) -
                                        lines.begin());
    }
};
inline diary seen;

inline void note(std::string line) {
    seen.lines.push_back(std::move(line));
}
template <class T>
void note(const std::string& about, const result<T>& outcome) {
    note(about + ": " + (outcome ? "ok" : std::string{name_of(outcome.error().code())}));
}

class worker : public incarnation<worker> {
public:
    struct parameters {
        bool fails = false;
        std::uint32_t level = 7;
        EQUUS_FIELDS(fails, level)
    };
    struct state {
        std::uint32_t level = 0;
        std::uint32_t ticks = 0;
        EQUUS_FIELDS(level, ticks)
    };
    parameters parameters_;
    state state_;
    port<working> in{*this, "in"};
    control_port<adjusting> operations{*this};
    stream<reporting> home{*this, "home"};

    task<> start() {
        state_.level = parameters_.level;
        if (parameters_.fails)
            co_await ok(fail(errc::io_failed, "no paper"));
        if (home.is_open())
            co_await ok(co_await home.send<at_work>(in.open_stream()));
    }
    void on(tick t) {
        ++state_.ticks;
        seen.ticks.push_back(t.number);
    }
    task<level> on(slow s) {
        note("slow begins");
        co_await sleep(duration{std::int64_t{s.ms} * 1'000'000});
        note("slow ends");
        co_return level{state_.level};
    }
    void on(stumble) {}
    task<level> on(set_level l) {
        const std::uint32_t before = state_.level;
        note("level " + std::to_string(l.value));
        co_await sleep(1ms);
        state_.level = l.value;
        co_return level{before};
    }
};

/// A child of the boss, and the way to its port.
struct hired {
    incarnation_handle handle;
    stream<working> door;
};

class boss;
using script = task<> (*)(boss& me);
/// By the number in the boss's parameters.
inline std::vector<script> scripts;

class boss : public incarnation<boss> {
public:
    struct parameters {
        std::uint32_t script = 0;
        EQUUS_FIELDS(script)
    };
    parameters parameters_;
    port<reporting> in{*this, "in"};

    task<> main() { co_await scripts.at(parameters_.script)(*this); }

    /// Created, and no more. What is passed must have a name: GCC 12 destroys aggregate temporaries
    /// of a co_await expression twice.
    task<incarnation_handle> make(const creation& like, std::uint32_t node) {
        creation what = like;
        if (what.module.empty())
            what.module = "worker";
        if (what.name.empty())
            what.name = what.module;
        if (what.module == "worker")
            what.given["home"] = any_reference{in.open_stream()};
        auto made = co_await create(what, node_id{node});
        co_return co_await ok(std::move(made));
    }
    /// Created, and at work.
    task<hired> hire(std::uint32_t node, const creation& like) {
        hired made;
        made.handle = co_await make(like, node);
        made.door = co_await door();
        co_return made;
    }
    task<hired> hire(std::uint32_t node) {
        const creation usual;
        co_return co_await hire(node, usual);
    }
    task<stream<working>> door() {
        auto came = co_await ok(co_await in.receive());
        const at_work told = co_await ok(came.take<at_work>());
        co_return told.door;
    }
};

/// The modules of a firm, which its nodes use to their end.
struct firm_modules {
    module_table table_;
};

/// Nodes, and a boss on each that has a script.
class firm : firm_modules, public nodes {
public:
    firm(std::vector<script> what, std::uint32_t count, kernel_limits limits = {})
        : firm{std::move(what), count, [](module_table&) {}, limits} {}
    template <class More>
    firm(std::vector<script> what, std::uint32_t count, More&& more, kernel_limits limits = {})
        : firm_modules{}, nodes{table_} {
        table_.add<worker>("worker");
        table_.add<boss>("boss");
        more(table_);
        seen = {};
        scripts = std::move(what);
        for (std::uint32_t i = 0; i < count; ++i)
            add(limits);
        for (std::uint32_t i = 0; i < scripts.size(); ++i) {
            creation who;
            who.module = "boss";
            who.name = "boss" + std::to_string(i);
            who.parameters["script"] = i;
            REQUIRE(boot((*this)[i], who));
        }
        settle();
    }
    /// Incarnations of that module on that node.
    std::size_t count(std::uint32_t on, const std::string& module) {
        const node_status status = (*this)[on - 1].status();
        return static_cast<std::size_t>(
            std::count_if(status.incarnations.begin(), status.incarnations.end(),
                          [&](const incarnation_status& each) { return each.module == module; }));
    }
};

} // namespace equus::test
