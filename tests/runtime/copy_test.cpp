// Copies: of INCHOATE incarnations, and forks.
#include "parents.hpp"

#include <equus/rights.hpp>
#include <equus/wiring.hpp>

using namespace equus;
using namespace equus::literals;
using namespace equus::test;

namespace {

std::uint32_t where_to = 1;

task<> copies_a_blueprint(boss& me) {
    creation pattern;
    pattern.inchoate = true;
    pattern.parameters["level"] = 30;
    const incarnation_handle blueprint = co_await me.make(pattern, where_to);
    for (const std::uint32_t node : {1u, 2u}) {
        creation what;
        what.name = "copy" + std::to_string(node);
        if (node == 2)
            what.parameters["level"] = 40;
        what.watched = true;
        auto made = co_await create_from(blueprint, what, node_id{node});
        note("copy", made);
        const incarnation_handle copy = co_await ok(std::move(made));
        static_cast<void>(co_await me.door());
        auto look = co_await inspect(copy);
        const inspection inside = co_await ok(std::move(look));
        auto state = inside.as<worker::state>();
        note("level " + std::to_string(state ? state->level : 0));
        auto report = co_await status_of(copy);
        if (report)
            seen.reports.push_back(*report);
        note("of a running one", co_await create_from(copy, what, node_id{1}));
        note("destroy", co_await copy.destroy());
        auto heard = co_await next_event().within(1s);
        note("heard " + std::to_string(heard && heard->subject == copy.id()));
    }
    const creation plain;
    creation what;
    what.parameters["colour"] = 1;
    note("no such parameter", co_await create_from(blueprint, what, node_id{1}));
    note("no such node", co_await create_from(blueprint, plain, node_id{9}));
    const auto less = narrowed(blueprint, right::all & ~right::copy);
    const incarnation_handle limited{co_await ok(less)};
    note("no right", co_await create_from(limited, plain));
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("an INCHOATE incarnation is a blueprint, here and elsewhere", "[kernel][rdc][K6][K7]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&copies_a_blueprint}, 2};
    net.advance(3s);
    CAPTURE(where_to, seen.lines);
    REQUIRE(seen.reports.size() == 2);
    CHECK(seen.has("level 30"));
    CHECK(seen.has("level 40"));
    CHECK(seen.reports[0].what.name == "copy1");
    CHECK(seen.reports[1].node.node == node_id{2});
    CHECK(seen.has("of a running one: refused"));
    CHECK(std::count(seen.lines.begin(), seen.lines.end(), "heard 1") == 2);
    CHECK(seen.has("no such parameter: invalid_argument"));
    CHECK(seen.has("no such node: no_such_node"));
    CHECK(seen.has("no right: access_denied"));
    CHECK(net.count(where_to, "worker") == 1); // the blueprint, untouched
}

// ---------------------------------------------------------------------- fork

namespace {

struct number {
    std::uint32_t value = 0;
    EQUUS_FIELDS(value)
};
using counting = protocol<"test.counting", number>;

struct told {
    std::string who;
    std::uint32_t value = 0;
    EQUUS_FIELDS(who, value)
};
using telling = protocol<"test.telling", told>;

/// Makes the twin, and listens to what parent and child say.
class host : public incarnation<host> {
public:
    struct parameters {
        std::uint32_t node = 1;
        EQUUS_FIELDS(node)
    };
    parameters parameters_;
    port<telling> in{*this, "in"};
    task<> start() {
        creation what;
        what.module = "twin";
        what.name = "twin";
        what.parameters["node"] = parameters_.node;
        what.given["listener"] = any_reference{in.open_stream()};
        auto made = co_await create(what);
        const incarnation_handle child = co_await ok(std::move(made));
        co_await ok(co_await child.depends_on_me(dependency::absolute));
    }
    void on(told t) { note(t.who + " " + std::to_string(t.value)); }
};

/// Forks itself; parent and child tell the listener what they have.
class twin : public incarnation<twin> {
public:
    struct parameters {
        std::uint32_t node = 1;
        EQUUS_FIELDS(node)
    };
    struct state {
        std::uint32_t counted = 0;
        std::string self;
        stream<telling> out;
        stream<telling> only_mine;
        stream<telling> closed;
        incarnation_handle me;
        std::vector<stream<counting>> more;
        EQUUS_FIELDS(counted, self, out, only_mine, closed, me, more)
    };
    parameters parameters_;
    state state_;
    port<counting> in{*this, "in"};
    port<counting> other{*this, "other"};
    port<counting> crowd{*this, "crowd"};
    stream<telling> listener{*this, "listener"};
    stream<counting> unwired{*this, "unwired"};

    task<> main() {
        if (state_.self.empty())
            co_await be_parent();
        else
            co_await serve_as_child();
    }
    task<> be_parent() {
        state_.self = "child";
        state_.counted = 5;
        state_.out = stream<telling>{co_await ok(narrowed(listener, right::all))};
        state_.only_mine =
            stream<telling>{co_await ok(narrowed(listener, right::all, propagation::never))};
        state_.closed = stream<telling>{co_await ok(narrowed(listener, right::all))};
        state_.closed.close();
        state_.me = self_handle();
        const auto own = in.open_stream();
        const auto others = other.open_stream();
        const auto all = attach_new_channel(crowd, channel_kind::multicast);
        const stream<counting> to_all{co_await ok(all)};
        state_.more.push_back(own);
        co_await ok(co_await own.send<number>(1u)); // stays the parent's
        // [fork]
        auto made = co_await fork_self(in, crowd).on(node_id{parameters_.node}).watched();
        if (!made) {
            note("fork: " + made.error().describe());
            co_return;
        }
        // [/fork]
        note("fork ok");
        note("streams " + std::to_string(made->streams.size()));
        note("first " + std::to_string(static_cast<bool>(made->streams.at(0))) + " second " +
             std::to_string(static_cast<bool>(made->streams.at(1))));
        note("own messages " + std::to_string(in.size()));
        state_.counted = 99;
        auto to_child = made->streams.at(0).as_stream<counting>();
        note("typed", to_child);
        const stream<counting> door = co_await ok(std::move(to_child));
        for (std::uint32_t i = 0; i < 100; ++i)
            co_await ok(co_await door.send<number>(i));
        co_await sleep(100ms); // the child has joined by now
        co_await ok(co_await to_all.send<number>(7u));
        co_await ok(co_await listener.send<told>(std::string{"parent"}, state_.counted));
        auto crowded = co_await crowd.receive().within(1s);
        note("parent's crowd", crowded);
        static_cast<void>(co_await in.receive());
        auto second = co_await ok(co_await in.receive().within(1s));
        const number got = co_await ok(second.take<number>());
        note("parent's second " + std::to_string(got.value));
        note("others " + std::to_string(others.is_open()));
        auto heard = co_await next_event().within(5s);
        note("child ended " + std::to_string(heard && heard->kind == event_kind::terminated &&
                                             heard->subject == made->child.id() &&
                                             heard->reason == errc::ok));
        co_await sleep(for_ever);
    }
    task<> on(forked f) {
        note("forked of " + std::to_string(f.parent.counter != 0 && f.parent != self()));
        note("self " + std::to_string(state_.me.id() == self()));
        co_await ok(co_await state_.out.send<told>(std::string{"child by state"}, state_.counted));
        auto denied = co_await state_.only_mine.send<told>(std::string{"denied"}, 0u);
        note("only mine", denied);
        auto closed = co_await state_.closed.send<told>(std::string{"closed"}, 0u);
        note("closed", closed);
        note("unwired", co_await unwired.send<number>(0u));
    }
    task<> serve_as_child() {
        std::uint32_t next = 0;
        for (; next < 100; ++next) {
            auto came = co_await ok(co_await in.receive());
            const number n = co_await ok(came.take<number>());
            if (n.value != next)
                note("out of order");
        }
        auto crowded = co_await crowd.receive().within(1s);
        note("child's crowd", crowded);
        // A stream of the parent's to its own port leads there still.
        note("to the parent", co_await state_.more.at(0).send<number>(2u));
        co_await ok(co_await listener.send<told>(std::string{"child"}, next));
    }
};

/// Has no on(forked).
task<> cannot_fork(boss&) {
    note("fork", co_await fork_self());
    co_await sleep(for_ever);
}

module_table& twins() {
    static module_table modules = [] {
        module_table all;
        all.add<host>("host");
        all.add<twin>("twin");
        return all;
    }();
    return modules;
}

creation host_of(std::uint32_t node) {
    creation what;
    what.module = "host";
    what.parameters["node"] = node;
    return what;
}

} // namespace

TEST_CASE("a fork's child has the state and the references, and ports of its own",
          "[kernel][rdc][inc_fork][K8][K42][K43]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    const bool copy_local = GENERATE(false, true);
    seen = {};
    nodes net{twins(), copy_local};
    net.add();
    net.add();
    REQUIRE(net.boot(net[0], host_of(node)));
    net.advance(5s);
    CAPTURE(node, seen.lines);
    REQUIRE(seen.has("fork ok"));
    CHECK(seen.has("streams 2"));
    CHECK(seen.has("first 1 second 0"));
    CHECK(seen.has("own messages 1"));
    CHECK(seen.has("typed: ok"));
    CHECK(seen.has("forked of 1"));
    CHECK(seen.has("self 1"));
    CHECK(seen.has("child by state 5"));
    CHECK(seen.has("only mine: no_such_reference"));
    CHECK(seen.has("closed: no_such_reference"));
    CHECK(seen.has("unwired: not_wired"));
    CHECK(seen.has("parent 99"));
    CHECK(seen.has("parent's crowd: ok"));
    CHECK(seen.has("child's crowd: ok"));
    CHECK(seen.has("child 100"));
    CHECK(seen.has("to the parent: ok"));
    CHECK(seen.has("parent's second 2"));
    CHECK(!seen.has("out of order"));
    CHECK(seen.has("others 1"));
    CHECK(seen.has("child ended 1"));
}

TEST_CASE("a class without on(forked) is not forked, and a fork without its node fails",
          "[kernel][rdc][K8]") {
    firm net{{&cannot_fork}, 1};
    net.advance(1s);
    CHECK(seen.has("fork: unsupported"));
    seen = {};
    nodes other{twins()};
    other.add();
    REQUIRE(other.boot(other[0], host_of(7)));
    other.advance(1s);
    REQUIRE(seen.lines.size() == 1);
    CHECK(seen.lines[0].find("node 7") != std::string::npos);
}

namespace {

/// Its child lives on its own; it ends itself.
class orphanage : public incarnation<orphanage> {
public:
    struct state {
        bool copied = false;
        EQUUS_FIELDS(copied)
    };
    state state_;
    port<counting> in{*this, "in"};
    task<> main() {
        if (state_.copied) {
            co_await sleep(for_ever);
        } else {
            state_.copied = true;
            co_await sleep(10ms);
            note("fork", co_await fork_self().on(node_id{2}));
            co_await sleep(for_ever);
        }
    }
    void on(forked) {}
};

task<> makes_an_orphanage(boss& me) {
    creation what;
    what.module = "orphanage";
    what.depends_on_launch = false;
    const incarnation_handle parent = co_await me.make(what, 1);
    co_await ok(co_await parent.depends_on_me(dependency::absolute));
    co_await sleep(50ms);
    co_await ok(co_await parent.destroy());
    co_await sleep(50ms);
    note("parent is gone");
    co_await sleep(1s);
}

} // namespace

TEST_CASE("the end of a fork's parent does not end the child, that of their parent does",
          "[kernel][rdc][K42][K54]") {
    firm net{{&makes_an_orphanage}, 2, [](module_table& all) { all.add<orphanage>("orphanage"); }};
    net.advance(500ms);
    REQUIRE(seen.has("fork: ok"));
    REQUIRE(seen.has("parent is gone"));
    CHECK(net.count(1, "orphanage") == 0);
    CHECK(net.count(2, "orphanage") == 1);
    net.advance(2s);
    CHECK(net.count(1, "boss") == 0);
    CHECK(net.count(2, "orphanage") == 0);
}

// ---------------------------------------------------------------------- ports made while running

namespace {

struct shout {
    std::uint32_t loud = 0;
    EQUUS_FIELDS(loud)
};
using shouting = protocol<"test.shouting", shout>;

/// Has ports that its class does not declare, and forks itself with them.
class maker : public incarnation<maker> {
public:
    struct state {
        bool copied = false;
        any_reference read;   ///< a port of counting
        any_reference served; ///< a port of telling, which goes to on(told)
        EQUUS_FIELDS(copied, read, served)
    };
    state state_;
    port<telling> in{*this, "in"};
    stream<counting> known{*this, "known"};

    task<> main() {
        if (state_.copied) {
            auto came = co_await port<counting>{state_.read}.receive().within(1s);
            note("child's own port", came);
            co_await sleep(for_ever);
        }
        state_.copied = true;
        const auto read = co_await ok(make_port<counting>());
        const auto served = co_await ok(make_port<telling>(*this));
        const auto alien = co_await ok(make_port<shouting>());
        state_.read = any_reference{read};
        state_.served = any_reference{served};
        note("alien", co_await fork_self(read, alien));
        auto made = co_await fork_self(read, served).on(node_id{where_to});
        note("fork", made);
        const auto to_read = co_await ok(made->streams.at(0).as_stream<counting>());
        const auto to_served = co_await ok(made->streams.at(1).as_stream<telling>());
        note("sent", co_await to_read.send<number>(1u));
        note("told", co_await to_served.send<told>(std::string{"once"}, 1u));
        co_await sleep(for_ever);
    }
    void on(told t) { note("served " + t.who); }
    void on(forked) {}
};

task<> makes_a_maker(boss& me) {
    creation what;
    what.module = "maker";
    co_await me.make(what, 1);
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("a fork copies a port that was made while running, or says why it cannot",
          "[kernel][rdc][inc_fork][K43]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&makes_a_maker}, 2, [](module_table& all) { all.add<maker>("maker"); }};
    net.advance(2s);
    CAPTURE(seen.lines);
    CHECK(seen.has("alien: unsupported"));
    CHECK(seen.has("fork: ok"));
    CHECK(seen.has("sent: ok"));
    CHECK(seen.has("told: ok"));
    CHECK(seen.has("child's own port: ok"));
    CHECK(seen.has("served once"));
}
