// A small cast for the tests of worlds: a sender at one node, a receiver at another.
#pragma once

#include <equus/equus.hpp>
#include <equus/host/sim.hpp>

#include <string>
#include <vector>

namespace equus::test {

using namespace equus::literals;

struct number {
    std::uint64_t value = 0;
    EQUUS_FIELDS(value)
};
using numbering = protocol<"test.numbering", number>;

struct noted {
    bool taken = true;
    EQUUS_FIELDS(taken)
};
/// Tells the test, as an effect.
struct tell {
    using reply = noted;
    std::string what;
    std::uint64_t value = 0;
    EQUUS_FIELDS(what, value)
};

class sender : public incarnation<sender> {
public:
    struct parameters {
        std::uint32_t count = 10;
        duration every{0};
        EQUUS_FIELDS(count, every)
    };
    parameters parameters_;
    stream<numbering> out{*this, "out"};

    task<> main() {
        for (std::uint64_t i = 1; i <= parameters_.count; ++i) {
            auto sent = co_await out.send<number>(i);
            if (!sent) {
                tell broken{std::string{name_of(sent.error().code())}, i};
                static_cast<void>(co_await effect("test.tell", broken));
                co_return;
            }
            if (parameters_.every.count() > 0)
                co_await sleep(parameters_.every);
        }
        tell done{"sent", parameters_.count};
        static_cast<void>(co_await effect("test.tell", done));
        co_await sleep(1h); // ends with its parent
    }
};

/// Makes a sender at another node and tells the test what arrives.
class receiver : public incarnation<receiver> {
public:
    struct parameters {
        std::uint32_t count = 10;
        std::uint32_t node = 2;
        duration every{0};
        EQUUS_FIELDS(count, node, every)
    };
    parameters parameters_;
    port<numbering> in{*this, "in"};

    task<> main() {
        creation what;
        what.module = "test.sender";
        what.name = "sender";
        what.parameters["count"] = parameters_.count;
        what.parameters["every"] = parameters_.every;
        what.given["out"] = any_reference{in.open_stream()};
        auto made = co_await ok(co_await create(what, node_id{parameters_.node}));
        co_await ok(co_await made.watch());
        for (;;) {
            auto came = co_await in.receive().within(100ms);
            if (came) {
                const number got = co_await ok(came->take<number>());
                tell next{"number", got.value};
                static_cast<void>(co_await effect("test.tell", next));
            }
            auto heard = co_await next_event().within(duration{0});
            if (heard && heard->kind == event_kind::terminated) {
                tell ended{"terminated", static_cast<std::uint64_t>(heard->reason)};
                static_cast<void>(co_await effect("test.tell", ended));
            }
        }
    }
};

/// A world with the cast, two nodes or more, and what was told.
struct stage {
    explicit stage(std::uint64_t seed, std::uint32_t nodes = 2, sim::world_options options = {})
        : w{seed, std::move(options)} {
        w.modules().add<sender>("test.sender", {"test.tell"});
        w.modules().add<receiver>("test.receiver", {"test.tell"});
        w.effect<tell>("test.tell", [this](sim::host, tell said) -> result<noted> {
            if (said.what == "number")
                numbers.push_back(said.value);
            else
                lines.push_back(said.what + " " + std::to_string(said.value));
            return noted{};
        });
        for (std::uint32_t i = 0; i < nodes; ++i)
            hosts.push_back(w.node());
    }
    result<incarnation_id> begin(std::uint32_t count, duration every = duration{0}) {
        w.join_all();
        creation what;
        what.module = "test.receiver";
        what.name = "receiver";
        what.depends_on_launch = false;
        what.parameters["count"] = count;
        what.parameters["every"] = every;
        what.parameters["node"] = w.self(hosts[1]).node.value;
        return w.boot(hosts[0], what);
    }
    bool in_order() const {
        for (std::size_t i = 0; i < numbers.size(); ++i)
            if (numbers[i] != i + 1)
                return false;
        return true;
    }
    bool told(const std::string& line) const {
        for (const std::string& each : lines)
            if (each == line)
                return true;
        return false;
    }

    std::vector<std::uint64_t> numbers;
    std::vector<std::string> lines;
    sim::world w;
    std::vector<sim::host> hosts;
};

} // namespace equus::test
