// Who hears of what, in which order, and as an interrupt of what.
#include "parents.hpp"

#include <equus/rights.hpp>
#include <equus/wiring.hpp>

using namespace equus;
using namespace equus::literals;
using namespace equus::test;

namespace {

std::uint32_t where_to = 1;

creation failing() {
    creation what;
    what.parameters["fails"] = true;
    what.events = (event_kind::terminated | event_kind::faulting).bits();
    return what;
}

/// The child fails in start(); it is looked at, and then let go.
task<> looks_at_a_fault(boss& me) {
    const creation wrong = failing();
    const incarnation_handle child = co_await me.make(wrong, where_to);
    auto first = co_await next_event().within(1s);
    if (first)
        seen.events.push_back(*first);
    auto report = co_await status_of(child);
    if (report)
        seen.reports.push_back(*report);
    auto look = co_await inspect(child);
    note("inspect", look);
    if (look) {
        note("for " + std::string{name_of(look->reason)});
        if (auto state = look->as<worker::state>())
            note("level is " + std::to_string(state->level));
    }
    co_await sleep(1s);
    note("unfreeze", co_await child.unfreeze());
    auto last = co_await next_event().within(1s);
    if (last)
        seen.events.push_back(*last);
    co_await sleep(for_ever);
}

task<> leaves_a_fault_alone(boss& me) {
    const creation wrong = failing();
    static_cast<void>(co_await me.make(wrong, where_to));
    auto first = co_await next_event().within(1s);
    if (first)
        seen.events.push_back(*first);
    // and ends, with nobody left who looks at the child
}

task<> is_not_interested(boss& me) {
    creation what = failing();
    what.events = event_kinds{event_kind::terminated}.bits();
    static_cast<void>(co_await me.make(what, where_to));
    auto first = co_await next_event().within(1s);
    if (first)
        seen.events.push_back(*first);
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("a failing child waits for a parent that asked, and its state can be looked at",
          "[kernel][rdc][K53]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&looks_at_a_fault}, 2};
    net.advance(500ms);
    CHECK(net.count(where_to, "worker") == 1);
    net.advance(2s);
    CAPTURE(where_to, seen.lines);
    REQUIRE(seen.events.size() == 2);
    CHECK(seen.events[0].kind == event_kind::faulting);
    CHECK(seen.events[0].reason == errc::io_failed);
    REQUIRE(seen.reports.size() == 1);
    CHECK(seen.reports[0].what.state == incarnation_state::faulting);
    CHECK(seen.has("for io_failed"));
    CHECK(seen.has("level is 7"));
    CHECK(seen.has("unfreeze: ok"));
    CHECK(seen.events[1].kind == event_kind::terminated);
    CHECK(seen.events[1].reason == errc::io_failed);
    CHECK(net.count(where_to, "worker") == 0);
}

TEST_CASE("a fault does not wait for a parent that is gone or never asked", "[kernel][rdc][K53]") {
    where_to = GENERATE(1u, 2u);
    SECTION("its watcher has ended") {
        creation what;
        firm net{{&leaves_a_fault_alone}, 2};
        net.advance(1s);
        REQUIRE(seen.events.size() == 1);
        CHECK(seen.events[0].kind == event_kind::faulting);
        CHECK(net.count(where_to, "worker") == 0);
    }
    SECTION("nobody asked for faults") {
        firm net{{&is_not_interested}, 2};
        net.advance(1s);
        REQUIRE(seen.events.size() == 1);
        CHECK(seen.events[0].kind == event_kind::terminated);
        CHECK(seen.events[0].reason == errc::io_failed);
    }
}

namespace {

creation faulty_and_free() {
    creation what = failing();
    what.depends_on_launch = false;
    return what;
}
task<> will_be_evicted(boss& me) {
    const creation wrong = faulty_and_free();
    static_cast<void>(co_await me.make(wrong, 1));
    auto first = co_await next_event().within(1s);
    if (first)
        seen.events.push_back(*first);
    co_await sleep(for_ever);
}
task<> waits(boss&) {
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("a fault does not wait for a parent whose node was written off", "[kernel][rdc][K53]") {
    firm net{{&waits, &will_be_evicted}, 2};
    net.advance(1s);
    REQUIRE(seen.events.size() == 1);
    CHECK(net.count(1, "worker") == 1);
    net.isolate(net[1]);
    net.advance(20s);
    CHECK(net.count(1, "worker") == 0);
}

namespace {

/// Events of several children come in the order in which they happened; those that are not waited
/// for stay.
task<> waits_for_some(boss& me) {
    creation what;
    what.watched = true;
    const hired a = co_await me.hire(where_to, what);
    const hired b = co_await me.hire(where_to, what);
    const hired c = co_await me.hire(where_to, what);
    for (const hired* each : {&a, &b, &c})
        co_await ok(co_await each->handle.destroy());
    co_await sleep(20ms);
    auto second = co_await wait_any(interest{b.handle, event_kind::terminated}).within(1s);
    note("b first " + std::to_string(second && second->subject == b.handle.id()));
    auto none = co_await wait_any(interest{b.handle, event_kind::terminated}).within(0s);
    note("b again", none);
    auto rest = co_await next_event().within(1s);
    note("then a " + std::to_string(rest && rest->subject == a.handle.id()));
    rest = co_await next_event().within(1s);
    note("then c " + std::to_string(rest && rest->subject == c.handle.id()));
    rest = co_await next_event().within(0s);
    note("no more", rest);
    auto stale = co_await wait_any(interest{reference{77, 1}, event_kind::terminated});
    note("stale", stale);
    co_await sleep(for_ever);
}

task<> ends(incarnation_handle which) {
    co_await sleep(30ms);
    co_await ok(co_await which.destroy());
}
task<> waits_for_all_kinds(boss& me) {
    creation what;
    what.watched = true;
    const hired child = co_await me.hire(where_to, what);
    co_await ok(co_await child.door.send<tick>(0u)); // a port knows who has sent to it
    const auto own = me.in.open_stream();
    // The message is there first.
    co_await ok(co_await own.send<at_work>(stream<working>{}));
    // [waiting]
    auto first = co_await wait_any(interest{child.handle, event_kind::terminated},
                                   interest{me.in, event_kind::port_has_message})
                     .within(1s);
    // [/waiting]
    note("port " + std::to_string(first && first->kind == event_kind::port_has_message &&
                                  first->which == me.in));
    static_cast<void>(co_await me.in.receive());
    task_group tasks;
    tasks.start(ends(child.handle));
    auto second = co_await wait_any(interest{child.handle, event_kind::terminated},
                                    interest{me.in, event_kind::port_has_message})
                      .within(1s);
    note("child " + std::to_string(second && second->kind == event_kind::terminated));
    auto third = co_await wait_any(interest{child.door, event_kind::stream_closed}).within(1s);
    note("closed " + std::to_string(third && third->which == child.door));
    auto fourth = co_await wait_any(interest{own, event_kind::stream_usable}).within(0s);
    note("usable", fourth);
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("whoever waits for some events leaves the others in their order", "[kernel][rdc][K53]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&waits_for_some}, 2};
    net.advance(1s);
    CHECK(seen.lines == std::vector<std::string>{"b first 1", "b again: timed_out", "then a 1",
                                                 "then c 1", "no more: timed_out",
                                                 "stale: no_such_reference"});
}

TEST_CASE("one waits for ports, streams and incarnations at once",
          "[kernel][rdc][inc_eventWait][K53]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&waits_for_all_kinds}, 2};
    net.advance(2s);
    CHECK(seen.lines == std::vector<std::string>{"port 1", "child 1", "closed 1", "usable: ok"});
}

namespace {

/// Fills a stream until it would wait, and hears when it takes more.
task<> hears_of_credit(boss& me) {
    creation what;
    const hired child = co_await me.hire(where_to, what);
    co_await ok(co_await child.handle.freeze());
    co_await ok(co_await child.door.send<tick>(0u));
    co_await sleep(20ms); // the port has said by now how much it takes
    const auto watched =
        equus::watch(child.door, event_kind::stream_usable | event_kind::stream_closed);
    co_await ok(watched);
    auto present = co_await next_event().within(0s);
    note("usable at once " + std::to_string(present && present->which == child.door));
    std::uint32_t sent = 0;
    for (;;) {
        auto done = co_await child.door.send<tick>(sent).within(50ms);
        if (!done)
            break;
        ++sent;
    }
    note("sent some " + std::to_string(sent > 0));
    note("nothing yet", co_await next_event().within(0s));
    co_await ok(co_await child.handle.unfreeze());
    auto again = co_await next_event().within(1s);
    note("usable again " + std::to_string(again && again->kind == event_kind::stream_usable));
    co_await sleep(50ms);
    note("told once", co_await next_event().within(0s));
    co_await ok(co_await child.handle.destroy());
    auto closed = co_await next_event().within(1s);
    note("closed " + std::to_string(closed && closed->kind == event_kind::stream_closed));
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("a stream tells when it can be used again and when it is closed", "[kernel][rdc][K53]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&hears_of_credit}, 2};
    net.advance(3s);
    CHECK(seen.lines == std::vector<std::string>{"usable at once 1", "sent some 1",
                                                 "nothing yet: timed_out", "usable again 1",
                                                 "told once: timed_out", "closed 1"});
}

namespace {

task<> has_too_many(boss& me) {
    creation what;
    what.watched = true;
    for (int i = 0; i < 5; ++i) {
        const incarnation_handle child = co_await me.make(what, where_to);
        co_await ok(co_await child.destroy());
    }
    co_await sleep(100ms);
    for (;;) {
        auto heard = co_await next_event().within(0s);
        if (!heard)
            break;
        seen.events.push_back(std::move(*heard));
    }
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("events beyond the limit are dropped, and the next one says how many",
          "[kernel][rdc][K53]") {
    where_to = GENERATE(1u, 2u);
    kernel_limits few;
    few.events_max = 2;
    firm net{{&has_too_many}, 2, few};
    net.advance(1s);
    REQUIRE(seen.events.size() == 2);
    CHECK(seen.events[0].lost == 3);
    CHECK(seen.events[1].lost == 0);
    CHECK(net[0].counters().events_lost == 3);
}

TEST_CASE("a silent node is an event for who watches one of its incarnations, long before its end",
          "[kernel][rdc][K53]") {
    firm net{{[](boss& me) -> task<> {
                 const hired child = co_await me.hire(2);
                 co_await ok(
                     co_await child.handle.watch(event_kind::unreachable | event_kind::terminated));
                 for (;;) {
                     auto heard = co_await next_event();
                     if (heard)
                         seen.events.push_back(*heard);
                     auto report = co_await status_of(child.handle);
                     if (report)
                         seen.reports.push_back(std::move(*report));
                 }
             }},
             2};
    net.advance(1s);
    net.isolate(net[1]);
    net.advance(5s);
    REQUIRE(seen.events.size() == 1);
    CHECK(seen.events[0].kind == event_kind::unreachable);
    CHECK(seen.events[0].node.node == node_id{2});
    net.advance(20s);
    REQUIRE(seen.events.size() == 2);
    CHECK(seen.events[1].kind == event_kind::terminated);
    CHECK(seen.events[1].reason == errc::evicted);
    REQUIRE(!seen.reports.empty());
    CHECK(seen.reports[0].what.state == incarnation_state::unreachable);
}

// ---------------------------------------------------------------------- interrupts

namespace {

/// Handles messages slowly, and the ends of its children at once.
class foreman : public incarnation<foreman> {
public:
    port<working> in{*this, "in"};
    port<reporting> hired_port{*this, "hired_port"};
    stream<reporting> home{*this, "home"};

    task<> start() {
        creation what;
        what.module = "worker";
        what.watched = true;
        for (incarnation_handle& each : children) {
            auto made = co_await create(what);
            each = co_await ok(std::move(made));
        }
        const auto low = on_event(*this, {children[0], event_kind::terminated}, 2, &foreman::low);
        co_await ok(low);
        const auto high = on_event(*this, {children[1], event_kind::terminated}, 5, &foreman::high);
        co_await ok(high);
        const auto wrong =
            on_event(*this, {children[1], event_kind::terminated}, 16, &foreman::high);
        note("priority 16", wrong);
        co_await ok(co_await home.send<at_work>(in.open_stream()));
    }
    task<> low(event) {
        note("low begins");
        co_await sleep(30ms);
        note("low ends");
    }
    task<> high(event) {
        note("high begins");
        co_await sleep(10ms);
        note("high ends");
    }
    void on(tick) {}
    void on(stumble) {}
    task<level> on(slow s) {
        note("call begins");
        const interrupt_priority before = set_interrupt_priority(s.ms > 100 ? 5 : 0);
        co_await ok(co_await children[0].destroy());
        co_await sleep(5ms);
        note("call goes on");
        set_interrupt_priority(before);
        co_await sleep(1ms);
        note("call ends");
        co_return level{1};
    }
    void on(at_work) {}
    incarnation_handle children[2];
};

task<> calls_a_foreman(boss& me) {
    creation what;
    what.module = "foreman";
    what.given["home"] = any_reference{me.in.open_stream()};
    auto made = co_await create(what, node_id{where_to});
    static_cast<void>(co_await ok(std::move(made)));
    const auto door = co_await me.door();
    note("call", co_await door.invoke<slow>(where_to == 2 ? 200u : 50u));
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE(
    "a handler interrupts the code below it where that waits, and holds it until it has ended",
    "[kernel][rdc][inc_setIncHandler][K53]") {
    where_to = 1;
    firm net{{&calls_a_foreman}, 2, [](module_table& all) { all.add<foreman>("foreman"); }};
    net.advance(1s);
    CHECK(seen.lines == std::vector<std::string>{"priority 16: invalid_argument", "call begins",
                                                 "low begins", "low ends", "call goes on",
                                                 "call ends", "call: ok"});
}

TEST_CASE("the present priority keeps handlers of its own and lower ones back",
          "[kernel][rdc][inc_setInterruptPriority][K53]") {
    where_to = 2;
    firm net{{&calls_a_foreman}, 2, [](module_table& all) { all.add<foreman>("foreman"); }};
    net.advance(1s);
    CHECK(seen.lines == std::vector<std::string>{"priority 16: invalid_argument", "call begins",
                                                 "call goes on", "low begins", "low ends",
                                                 "call ends", "call: ok"});
}

namespace {

/// An interrupt of higher priority within one of lower; and a port's messages as interrupts.
class switchboard : public incarnation<switchboard> {
public:
    port<working> in{*this, "in"};
    port<reporting> calls{*this, "calls"};
    task<> main() {
        // [handlers]
        const auto urgent =
            on_event(*this, {in, event_kind::port_has_message}, 9, &switchboard::urgent);
        co_await ok(urgent);
        const auto usual =
            on_event(*this, {calls, event_kind::port_has_message}, 3, &switchboard::usual);
        co_await ok(usual);
        // [/handlers]
        const auto in_door = in.open_stream();
        const auto calls_door = calls.open_stream();
        const auto free =
            on_event(*this, {calls_door, event_kind::stream_usable}, 1, &switchboard::line_is_free);
        co_await ok(free);
        co_await ok(co_await calls_door.send<at_work>(stream<working>{}));
        for (std::uint32_t i = 1; i <= 3; ++i)
            co_await ok(co_await in_door.send<tick>(i));
        note("main sleeps");
        co_await sleep(10ms);
        note("main goes on");
        ignore_event({in, event_kind::port_has_message});
        co_await ok(co_await in_door.send<tick>(4u));
        co_await sleep(10ms);
        note("left " + std::to_string(in.size()));
        co_await sleep(for_ever);
    }
    task<> urgent(event what) {
        auto came = in.try_receive();
        if (came) {
            const tick t = co_await ok(came->take<tick>());
            note("urgent " + std::to_string(t.number) + (what.which == in ? "" : "?"));
        }
    }
    task<> line_is_free(event) {
        note("free line");
        co_return;
    }
    task<> usual(event) {
        note("usual begins");
        auto came = co_await calls.receive();
        co_await sleep(1ms);
        note("usual ends");
    }
};

} // namespace

TEST_CASE("a port's handler is run for present and future messages, the urgent one first",
          "[kernel][rdc][inc_setPortHandler][inc_setStreamHandler][K53]") {
    seen = {};
    module_table table;
    table.add<switchboard>("switchboard");
    nodes net{table};
    net.add();
    creation what;
    what.module = "switchboard";
    REQUIRE(net.boot(net[0], what));
    net.advance(1s);
    CAPTURE(seen.lines);
    CHECK(seen.has("urgent 1"));
    CHECK(seen.has("urgent 2"));
    CHECK(seen.has("urgent 3"));
    CHECK(!seen.has("urgent 4"));
    CHECK(seen.has("usual ends"));
    CHECK(seen.place_of("urgent 3") < seen.place_of("main goes on"));
    CHECK(seen.place_of("usual ends") < seen.place_of("main goes on"));
    CHECK(seen.has("left 1"));
    CHECK(seen.has("free line"));
    CHECK(seen.place_of("usual ends") < seen.place_of("free line"));
}

// ---------------------------------------------------------------------- references passed on

namespace {

/// Passes its `home` on to an incarnation that it makes.
class gossip : public incarnation<gossip> {
public:
    stream<reporting> home{*this, "home"};
    task<> main() {
        creation what;
        what.module = "worker";
        what.given["home"] = any_reference{home};
        auto made = co_await create(what);
        static_cast<void>(co_await ok(std::move(made)));
        co_await sleep(for_ever);
    }
};

task<> is_told_of_gossip(boss& me) {
    const auto plain = me.in.open_stream();
    const auto told = reported(plain);
    creation what;
    what.module = "gossip";
    what.given["home"] = any_reference{co_await ok(told)};
    auto made = co_await create(what, node_id{where_to});
    const incarnation_handle child = co_await ok(std::move(made));
    auto heard = co_await next_event().within(1s);
    note("told", heard);
    note("by whom " + std::to_string(heard && heard->kind == event_kind::propagated &&
                                     heard->subject == child.id()));
    note("once", co_await next_event().within(100ms));
    static_cast<void>(co_await me.door()); // of the worker
    what.given["home"] = any_reference{plain};
    auto silent = co_await create(what, node_id{where_to});
    static_cast<void>(co_await ok(std::move(silent)));
    static_cast<void>(co_await me.door());
    note("of a plain one", co_await next_event().within(100ms));
    co_await sleep(for_ever);
}

} // namespace

TEST_CASE("the owner is told when a reference to it is passed on, if that was asked for",
          "[kernel][rdc][K41]") {
    where_to = GENERATE(1u, 2u);
    firm net{{&is_told_of_gossip}, 2, [](module_table& all) { all.add<gossip>("gossip"); }};
    net.advance(2s);
    CHECK(seen.lines == std::vector<std::string>{"told: ok", "by whom 1", "once: timed_out",
                                                 "of a plain one: timed_out"});
}
