// What parents may do: freeze, unfreeze, look, operate; in which order, and with which rights.
#include "parents.hpp"

#include <equus/rights.hpp>

using namespace equus;
using namespace equus::literals;
using namespace equus::test;

namespace {

std::uint32_t where_to = 1;

task<> freezes(boss& me) {
    const hired child = co_await me.hire(where_to);
    note("freeze", co_await child.handle.freeze());
    auto report = co_await status_of(child.handle);
    if (report)
        seen.reports.push_back(*report);
    co_await ok(co_await child.door.send<tick>(1u));
    auto operate = co_await child.handle.control<adjusting>();
    note("control", operate);
    const stream<adjusting> operations = co_await ok(std::move(operate));
    auto before = co_await operations.invoke<set_level>(11u);
    note("set", before);
    note("was " + std::to_string(before ? before->value : 0));
    auto look = co_await inspect(child.handle);
    note("inspect", look);
    if (look)
        if (auto state = look->as<worker::state>())
            note("level is " + std::to_string(state->level));
    note("ticks while frozen " + std::to_string(seen.ticks.size()));
    note("again", co_await child.handle.freeze());
    note("unfreeze", co_await child.handle.unfreeze(priority_level{6}));
    co_await sleep(1ms);
    auto later = co_await status_of(child.handle);
    if (later)
        seen.reports.push_back(*later);
    note("too high", co_await child.handle.unfreeze(priority_level{9}));
    note("destroy", co_await child.handle.destroy());
    co_await sleep(1ms);
    note("freeze of none", co_await child.handle.freeze());
    note("status of none", co_await status_of(child.handle));
    note("inspect of none", co_await inspect(child.handle));
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("a frozen incarnation serves its control port, is inspected, and goes on when it may",
          "[kernel][rdc][inc_freeze][inc_status][inc_unfreeze][K51][K52]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&freezes}, 2};
    net.advance(1s);
    CAPTURE(where_to, seen.lines);
    CHECK(seen.has("freeze: ok"));
    REQUIRE(seen.reports.size() == 2);
    CHECK(seen.reports[0].what.state == incarnation_state::frozen);
    CHECK(seen.reports[0].what.module == "worker");
    CHECK(seen.reports[0].what.steps > 0);
    CHECK(seen.reports[0].what.memory_bytes > 0);
    CHECK(seen.reports[0].node.node == node_id{where_to});
    CHECK(seen.has("set: ok"));
    CHECK(seen.has("was 7"));
    CHECK(seen.has("level is 11"));
    CHECK(seen.has("ticks while frozen 0"));
    CHECK(seen.has("again: ok"));
    CHECK(seen.has("unfreeze: ok"));
    CHECK(seen.ticks == std::vector<std::uint32_t>{1});
    CHECK(seen.reports[1].what.state == incarnation_state::running);
    CHECK(seen.reports[1].what.priority == 6);
    CHECK(seen.has("too high: invalid_argument"));
    CHECK(seen.has("destroy: ok"));
    CHECK(seen.has("freeze of none: not_found"));
    CHECK(seen.has("status of none: not_found"));
    CHECK(seen.has("inspect of none: not_found"));
}

namespace {

task<> freezes_in_a_call(boss& me) {
    const hired child = co_await me.hire(where_to);
    auto call = child.door.invoke<slow>(50u);
    co_await ok(co_await child.door.send<tick>(1u));
    co_await sleep(10ms);
    auto operate = co_await child.handle.control<adjusting>();
    const stream<adjusting> operations = co_await ok(std::move(operate));
    static_cast<void>(co_await operations.invoke<set_level>(9u));
    note("freeze", co_await child.handle.freeze());
    auto answer = co_await call;
    note("call", answer);
    note("got " + std::to_string(answer ? answer->value : 0));
    co_await sleep(20ms);
    note("ticks " + std::to_string(seen.ticks.size()));
    co_await sleep(for_ever);
}

task<> freeze_and_note(incarnation_handle which) {
    note("freeze", co_await which.freeze());
}
task<> unfreeze_and_note(incarnation_handle which) {
    note("unfreeze", co_await which.unfreeze());
}
task<> destroy_and_note(incarnation_handle which) {
    note("destroy", co_await which.destroy());
}

/// An unfreeze right behind a freeze that has to wait.
task<> orders_in_turn(boss& me) {
    const hired child = co_await me.hire(where_to);
    auto call = child.door.invoke<slow>(50u);
    co_await sleep(10ms);
    task_group orders;
    orders.start(freeze_and_note(child.handle));
    orders.start(unfreeze_and_note(child.handle));
    co_await orders.all_ended();
    note("both");
    co_await ok(co_await child.door.send<tick>(1u));
    static_cast<void>(co_await call);
    co_await sleep(10ms);
    note("ticks " + std::to_string(seen.ticks.size()));
    co_await sleep(for_ever);
}

/// A destroy that waits for nothing.
task<> destroys_what_waits(boss& me) {
    const hired child = co_await me.hire(where_to);
    auto call = child.door.invoke<slow>(5'000u);
    co_await sleep(10ms);
    task_group orders;
    orders.start(freeze_and_note(child.handle));
    orders.start(unfreeze_and_note(child.handle));
    co_await sleep(10ms);
    orders.start(destroy_and_note(child.handle));
    co_await orders.all_ended();
    note("call", co_await call);
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("a freeze waits for the message in hand and for nothing else", "[kernel][rdc][K51]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&freezes_in_a_call}, 2};
    net.advance(1s);
    CAPTURE(where_to, seen.lines);
    CHECK(seen.has("freeze: ok"));
    CHECK(seen.place_of("slow ends") < seen.place_of("freeze: ok"));
    CHECK(seen.has("got 9")); // the control port was served within the call
    CHECK(seen.has("ticks 0"));
}

TEST_CASE("orders to one incarnation are carried out one after the other", "[kernel][rdc][K51]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&orders_in_turn}, 2};
    net.advance(1s);
    CAPTURE(where_to, seen.lines);
    REQUIRE(seen.has("both"));
    CHECK(seen.place_of("slow ends") < seen.place_of("freeze: ok"));
    CHECK(seen.place_of("freeze: ok") < seen.place_of("unfreeze: ok"));
    CHECK(seen.has("ticks 1"));
}

TEST_CASE("destroy overtakes the orders that wait, and their givers are told", "[kernel][K51]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&destroys_what_waits}, 2};
    net.advance(1s);
    CAPTURE(where_to, seen.lines);
    CHECK(seen.has("destroy: ok"));
    CHECK(seen.has("freeze: not_found"));
    CHECK(seen.has("unfreeze: not_found"));
    CHECK(seen.has("call: maybe_delivered"));
}

namespace {

task<> with_less_rights(boss& me) {
    const hired child = co_await me.hire(where_to);
    const auto only_watch = narrowed(child.handle, right::watch);
    const incarnation_handle watcher{co_await ok(only_watch)};
    note("watch", co_await watcher.watch());
    note("status", co_await status_of(watcher));
    note("freeze", co_await watcher.freeze());
    note("unfreeze", co_await watcher.unfreeze());
    note("destroy", co_await watcher.destroy());
    note("inspect", co_await inspect(watcher));
    note("control", co_await watcher.control<adjusting>());
    note("depend", co_await watcher.depends_on_me(dependency::absolute));
    note("wrong protocol", co_await child.handle.control<reporting>());
    const incarnation_handle self = self_handle();
    note("own control", co_await self.control<adjusting>());
    note("itself " + std::to_string(self.id() == equus::self()));
    detail::close(self);
    note("closed", co_await self.freeze());
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("a parent may do what its handle says, and no more", "[kernel][rdc][K51]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&with_less_rights}, 2};
    net.advance(1s);
    CAPTURE(where_to, seen.lines);
    CHECK(seen.has("watch: ok"));
    CHECK(seen.has("status: ok"));
    for (const char* what : {"freeze", "unfreeze", "destroy", "inspect", "control", "depend"})
        CHECK(seen.has(std::string{what} + ": access_denied"));
    CHECK(seen.has("wrong protocol: wrong_protocol"));
    CHECK(seen.has("own control: no_such_interface"));
    CHECK(seen.has("itself 1"));
    CHECK(seen.has("closed: no_such_reference"));
}

namespace {

/// Freezes itself in its main; somebody else lets it go on.
task<> freezes_itself(boss&) {
    const incarnation_handle me = self_handle();
    note("before");
    note("froze itself", co_await me.freeze());
    co_await sleep(for_ever);
}
task<> inchoate(boss& me) {
    creation what;
    what.inchoate = true;
    what.events = event_kinds{event_kind::created}.bits();
    const incarnation_handle child = co_await me.make(what, where_to);
    auto report = co_await status_of(child);
    if (report)
        seen.reports.push_back(*report);
    auto none = co_await me.in.receive().within(20ms);
    note("idle", none);
    note("freeze", co_await child.freeze());
    note("unfreeze", co_await child.unfreeze());
    auto heard = co_await next_event().within(20ms);
    if (heard)
        seen.events.push_back(*heard);
    static_cast<void>(co_await me.door());
    note("at work");
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("an incarnation is its own parent: it freezes itself", "[kernel][rdc][K51]") {
    firm net{{&freezes_itself}, 1};
    net.advance(1s);
    CHECK(seen.lines == std::vector<std::string>{"before"});
    REQUIRE(net[0].status().incarnations.size() == 1);
    CHECK(net[0].status().incarnations[0].state == incarnation_state::frozen);
}

TEST_CASE("an INCHOATE incarnation is assembled and begins with unfreeze",
          "[kernel][rdc][K7][K53]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&inchoate}, 2};
    net.advance(1s);
    CAPTURE(where_to, seen.lines);
    REQUIRE(seen.reports.size() == 1);
    CHECK(seen.reports[0].what.state == incarnation_state::inchoate);
    CHECK(seen.has("idle: timed_out"));
    CHECK(seen.has("freeze: ok"));
    CHECK(seen.has("unfreeze: ok"));
    REQUIRE(seen.events.size() == 1);
    CHECK(seen.events[0].kind == event_kind::created);
    CHECK(seen.has("at work"));
}

// ---------------------------------------------------------------------- dependencies

namespace {

creation on_its_own() {
    creation what;
    what.depends_on_launch = false;
    return what;
}

task<> waits(boss&) {
    co_await sleep(for_ever);
}

task<> makes_a_dependent(boss& me) {
    const creation free = on_its_own();
    const hired child = co_await me.hire(3, free);
    note("depend", co_await child.handle.depends_on_me(dependency::absolute));
    co_await sleep(for_ever);
}

/// Makes a child that depends on the group of itself and two helpers, which it makes.
class helper : public incarnation<helper> {
public:
    stream<reporting> home{*this, "home"};
    struct parameters {
        std::uint32_t kind = 0;
        EQUUS_FIELDS(kind)
    };
    parameters parameters_;
    task<> main() {
        const incarnation_handle child{born_with("child")};
        note("helper", co_await child.depends_on_me(static_cast<dependency>(parameters_.kind)));
        co_await sleep(for_ever);
    }
};

task<> makes_a_group(boss& me) {
    const hired child = co_await me.hire(1);
    incarnation_handle helpers[2];
    for (std::uint32_t i = 0; i < 2; ++i) {
        creation what;
        what.module = "helper";
        what.given["child"] = any_reference{child.handle};
        what.parameters["kind"] = static_cast<std::uint32_t>(dependency::group);
        auto made = co_await create(what, node_id{i + 2});
        helpers[i] = co_await ok(std::move(made));
    }
    co_await sleep(10ms);
    note("first", co_await helpers[0].destroy());
    co_await sleep(10ms);
    note("after one", co_await status_of(child.handle));
    co_await sleep(1s);
    co_await sleep(for_ever);
}

task<> leaves_a_group(boss& me) {
    const creation free = on_its_own();
    const hired child = co_await me.hire(2, free);
    note("join", co_await child.handle.depends_on_me(dependency::group));
    if (where_to == 1)
        note("leave", co_await child.handle.depends_on_me(dependency::none));
    co_await sleep(10ms);
}

} // namespace

TEST_CASE("what depends absolutely ends with its parent, and when cut off from it",
          "[kernel][rdc][K54]") {
    firm net{{&waits, &makes_a_dependent}, 3};
    net.advance(100ms);
    REQUIRE(seen.has("depend: ok"));
    REQUIRE(net.count(3, "worker") == 1);
    net.isolate(net[1]);
    net.advance(5s); // silent, and not yet written off
    CHECK(net.count(3, "worker") == 1);
    net.advance(20s);
    CHECK(net.count(3, "worker") == 0);
}

TEST_CASE("a group's child lives until the last of its parents is gone", "[kernel][rdc][K54]") {
    firm net{{&makes_a_group}, 3, [](module_table& all) { all.add<helper>("helper"); }};
    net.advance(500ms);
    CAPTURE(seen.lines);
    REQUIRE(seen.has("after one: ok"));
    CHECK(net.count(1, "worker") == 1);
    net.isolate(net[2]);
    net.advance(20s);
    CHECK(net.count(1, "worker") == 0);
}

TEST_CASE("who has left a group is not ended with its parent, who is in it is",
          "[kernel][rdc][K54]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&leaves_a_group}, 2};
    net.advance(1s);
    CHECK(seen.has("join: ok"));
    CHECK(seen.has("leave: ok") == (where_to == 1));
    CHECK(net.count(1, "boss") == 0);
    CHECK(net.count(2, "worker") == (where_to == 1 ? 1 : 0));
}

namespace {

/// An operation of its control port never ends.
class endless : public incarnation<endless> {
public:
    control_port<adjusting> operations{*this};
    task<level> on(set_level) {
        for (;;)
            co_await sleep(0s);
    }
};

task<> operates_the_endless(boss& me) {
    creation what;
    what.module = "endless";
    const incarnation_handle child = co_await me.make(what, where_to);
    note("freeze", co_await child.freeze());
    auto operate = co_await child.control<adjusting>();
    const stream<adjusting> operations = co_await ok(std::move(operate));
    auto first = co_await operations.invoke<set_level>(1u).within(10s);
    note("first", first);
    if (!first)
        note(first.error().describe());
    note("unfreeze", co_await child.unfreeze());
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("an operation of a control port has the budget of a handler, also while frozen",
          "[kernel][rdc][K52]") {
    where_to = GENERATE(1u, 2u);
    kernel_limits limits;
    limits.handler_steps_max = 100;
    firm net{
        {&operates_the_endless}, 2, [](module_table& all) { all.add<endless>("endless"); }, limits};
    net.advance(1s);
    CAPTURE(seen.lines);
    CHECK(seen.has("freeze: ok"));
    CHECK(seen.has("first: handler_failed"));
    REQUIRE(seen.lines.size() == 4);
    CHECK(seen.lines[2].find("handler_steps_max") != std::string::npos);
    CHECK(seen.has("unfreeze: ok"));
}
