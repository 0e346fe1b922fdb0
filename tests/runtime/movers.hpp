// What tests of migration move: a counter that checks the numbers it gets, clients that send them,
// and a director whose life the test writes.
#pragma once

#include "nodes.hpp"

#include <equus/channel.hpp>
#include <equus/task_group.hpp>
#include <equus/wiring.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace equus::test {

struct number {
    std::uint32_t from = 0; ///< the client
    std::uint32_t value = 0;
    EQUUS_FIELDS(from, value)
};
struct tally {
    std::uint32_t numbers = 0;
    std::uint32_t wrong = 0; ///< that were not the next of their client
    std::uint32_t lives = 0; ///< arrivals
    std::uint32_t node = 0;
    EQUUS_FIELDS(numbers, wrong, lives, node)
};
struct ask_tally {
    using reply = tally;
    std::uint32_t after_ms = 0; ///< the answer takes so long
    EQUUS_FIELDS(after_ms)
};
using counting = protocol<"test.counting", number, ask_tally>;

struct at_door {
    stream<counting> door;
    EQUUS_FIELDS(door)
};
using telling = protocol<"test.telling", at_door>;

/// Handles; keeps what it has counted in its state.
class counter : public incarnation<counter> {
public:
    struct state {
        std::map<std::uint32_t, std::uint32_t> last;
        tally so_far;
        EQUUS_FIELDS(last, so_far)
    };
    state state_;
    port<counting> in{*this, "in"};
    stream<telling> home{*this, "home"};

    task<> start() {
        if (home.is_open())
            co_await ok(co_await home.send<at_door>(in.open_stream()));
    }
    void on(arrived) { ++state_.so_far.lives; }
    void on(number n) {
        std::uint32_t& last = state_.last[n.from];
        if (n.value != last + 1)
            ++state_.so_far.wrong;
        last = n.value;
        ++state_.so_far.numbers;
    }
    task<tally> on(ask_tally a) {
        if (a.after_ms != 0)
            co_await sleep(duration{std::int64_t{a.after_ms} * 1'000'000});
        state_.so_far.node = where().node.value;
        co_return state_.so_far;
    }
};

/// The same, by a loop of its own.
class reader : public incarnation<reader> {
public:
    struct state {
        std::map<std::uint32_t, std::uint32_t> last;
        tally so_far;
        EQUUS_FIELDS(last, so_far)
    };
    state state_;
    port<counting> in{*this, "in"};
    stream<telling> home{*this, "home"};

    task<> start() { co_await ok(co_await home.send<at_door>(in.open_stream())); }
    void on(arrived) { ++state_.so_far.lives; }
    task<> main() {
        while (auto got = co_await in.receive()) {
            if (auto n = got->take<number>()) {
                std::uint32_t& last = state_.last[n->from];
                state_.so_far.wrong += n->value != last + 1;
                last = n->value;
                ++state_.so_far.numbers;
            } else {
                state_.so_far.node = where().node.value;
                got->reply<ask_tally>(state_.so_far);
            }
        }
    }
};

inline std::map<std::uint32_t, std::uint32_t> sent_by;
inline std::map<std::uint32_t, std::string> stopped_by;

/// Sends 1, 2, 3 ... to where it is told.
class client : public incarnation<client> {
public:
    struct parameters {
        std::uint32_t number = 0;
        std::uint32_t count = 100;
        std::uint32_t every_us = 100;
        EQUUS_FIELDS(number, count, every_us)
    };
    struct state {
        std::uint32_t sent = 0;
        EQUUS_FIELDS(sent)
    };
    parameters parameters_;
    state state_;
    stream<counting> out{*this, "out"};

    task<> main() {
        while (state_.sent < parameters_.count) {
            auto sent = co_await out.send<number>(parameters_.number, state_.sent + 1);
            if (!sent) {
                stopped_by[parameters_.number] = name_of(sent.error().code());
                break;
            }
            ++state_.sent;
            sent_by[parameters_.number] = state_.sent;
            if (parameters_.every_us != 0)
                co_await sleep(duration{std::int64_t{parameters_.every_us} * 1'000});
        }
        co_await sleep(for_ever);
    }
};

class director;
inline task<> (*direction)(director& me) = nullptr;

/// What the test looks at afterwards.
inline std::vector<std::string> lines;
inline std::vector<tally> tallies;
inline void say(std::string line) {
    lines.push_back(std::move(line));
}
inline bool was_said(const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
}

class director : public incarnation<director> {
public:
    port<telling> in{*this, "in"};
    task<> main() {
        co_await direction(*this);
        co_await sleep(for_ever);
    }
    struct made {
        incarnation_handle handle;
        stream<counting> door;
    };
    task<made> make(std::string module, std::uint32_t node) {
        creation what;
        what.module = std::move(module);
        what.name = what.module;
        what.given["home"] = any_reference{in.open_stream()};
        what.watched = true;
        made out;
        auto created = co_await create(what, node_id{node});
        out.handle = co_await ok(std::move(created));
        auto got = co_await in.receive();
        auto said = (co_await ok(std::move(got))).take<at_door>();
        out.door = said->door;
        co_return out;
    }
    task<incarnation_handle> make_client(std::uint32_t number, std::uint32_t node,
                                         stream<counting> to, std::uint32_t count = 100,
                                         std::uint32_t every_us = 100) {
        creation what;
        what.module = "client";
        what.name = "client" + std::to_string(number);
        what.parameters["number"] = std::int64_t{number};
        what.parameters["count"] = std::int64_t{count};
        what.parameters["every_us"] = std::int64_t{every_us};
        what.given["out"] = any_reference{to};
        auto created = co_await create(what, node_id{node});
        co_return co_await ok(std::move(created));
    }
    task<bool> move(incarnation_handle which, std::uint32_t node) {
        auto moved = co_await which.migrate(node_id{node});
        say(moved ? "moved to " + std::to_string(node)
                  : std::string{name_of(moved.error().code())} + ": " +
                        std::string{moved.error().text()});
        co_return static_cast<bool>(moved);
    }
    task<> look(stream<counting> door) {
        auto seen = co_await door.invoke<ask_tally>(0u).within(5s);
        if (seen)
            tallies.push_back(*seen);
        else
            say("no tally: " + std::string{name_of(seen.error().code())});
    }
};

inline const module_table& mover_modules() {
    static const module_table table = [] {
        module_table made;
        made.add<director>("director");
        made.add<counter>("counter");
        made.add<reader>("reader");
        made.add<client>("client");
        return made;
    }();
    return table;
}

/// Some nodes, the director on the first.
class theatre : public nodes {
public:
    explicit theatre(task<> (*plays)(director&), std::uint32_t count = 3, bool copied = false,
                     kernel_limits limits = {})
        : nodes{mover_modules(), copied} {
        lines.clear();
        tallies.clear();
        sent_by.clear();
        stopped_by.clear();
        direction = plays;
        for (std::uint32_t i = 0; i < count; ++i)
            add(limits);
        creation what;
        what.module = "director";
        what.name = "director";
        auto made = boot((*this)[0], what);
        REQUIRE(made);
    }
    /// Incarnations of that name on the node.
    std::size_t count(std::size_t at, const std::string& name) {
        std::size_t found = 0;
        for (const incarnation_status& each : (*this)[at].status().incarnations)
            found += each.name == name;
        return found;
    }
};

} // namespace equus::test
