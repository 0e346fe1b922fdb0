#include <equus/equus.hpp>
#include <equus/host/sim.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace {

using namespace equus;
using namespace equus::literals;

struct number {
    std::uint64_t value = 0;
    EQUUS_FIELDS(value)
};
struct twice {
    using reply = number;
    std::uint64_t value = 0;
    EQUUS_FIELDS(value)
};
using numbering = protocol<"test.numbering", number, twice>;

struct noted {
    bool taken = true;
    EQUUS_FIELDS(taken)
};
struct seen {
    using reply = noted;
    std::uint64_t value = 0;
    EQUUS_FIELDS(value)
};

/// Receives numbers and tells the test.
class sink : public incarnation<sink> {
public:
    port<numbering> in{*this, "in"};
    number on(twice n) { return {n.value * 2}; }
    task<> on(number n) {
        seen what{n.value};
        static_cast<void>(co_await effect("test.seen", what));
    }
};

/// Makes a sink at the second node and sends numbers there.
class source : public incarnation<source> {
public:
    struct parameters {
        std::uint32_t count = 100;
        EQUUS_FIELDS(count)
    } parameters_;
    struct invitation {
        stream<numbering> to;
        EQUUS_FIELDS(to)
    };
    stream<numbering> out;

    task<> main() {
        creation what;
        what.module = "host";
        auto made = co_await create(what, node_id{2});
        co_return;
    }
};

} // namespace

TEST_CASE("three nodes join", "[sim]") {
    sim::world w{1};
    const auto a = w.node(), b = w.node(), c = w.node();
    REQUIRE(w.join_all());
    REQUIRE(w.self(a).node == root_node);
    REQUIRE(w.self(b) != w.self(c));
    w.run_for(10s);
    REQUIRE(w.failure().empty());
    REQUIRE(w.alive(c));
}
