#include "actors.hpp"

#include <optional>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::optional<result<told>> answer;
    std::vector<std::uint32_t> heard;
    bool holding = false;
    std::optional<time_point> cancelled_at;
    time_point asked_at;
};
diary seen;

task<> waits_for_ever(actor& me) {
    const auto out = co_await me.reach("server");
    seen.answer = co_await out.invoke<ask>(1u).within(for_ever);
}
task<> waits_by_default(actor& me) {
    const auto out = co_await me.reach("server");
    seen.answer = co_await out.invoke<ask>(1u);
}
task<> answers_after_an_hour(actor& me) {
    auto got = co_await me.in.receive();
    co_await sleep(50min);
    got->reply<ask>(told{"at last"});
}

task<> gives_up(actor& me) {
    const auto out = co_await me.reach("server");
    seen.asked_at = now();
    seen.answer = co_await out.invoke<ask>(1u).within(20ms);
    co_await sleep(1'000s);
}
task<> ends_meanwhile(actor& me) {
    const auto out = co_await me.reach("server");
    seen.asked_at = now();
    auto call = out.invoke<ask>(1u);
    call.within(1'000s);
    co_await sleep(20ms);
}
/// Notices that nobody waits any more, and that its reply does no harm.
task<> notices(actor& me) {
    while (auto got = co_await me.in.receive()) {
        seen.holding = true;
        for (int i = 0; i < 500 && !got->cancelled(); ++i)
            co_await sleep(1ms);
        if (got->cancelled())
            seen.cancelled_at = now();
        got->reply<ask>(told{"too late"});
    }
}

task<> asks_and_withdraws(actor& me) {
    const auto out = co_await me.reach("server");
    {
        auto first = out.invoke<ask>(1u);
        auto second = out.invoke<ask>(2u);
        auto third = out.invoke<ask>(3u);
        third.within(20ms);
        co_await third;
        second.within(0ms);
        co_await second;
        co_await first;
    }
    co_await sleep(1'000s);
}
task<> reads_late(actor& me) {
    co_await sleep(100ms);
    while (auto got = co_await me.in.receive()) {
        if (auto asked = got->take<ask>()) {
            seen.heard.push_back(asked->number);
            got->reply<ask>(told{"yes"});
        }
    }
}

task<told> handler_that_notices(ask) {
    seen.holding = true;
    for (int i = 0; i < 500 && !cancelled(); ++i)
        co_await sleep(1ms);
    if (cancelled())
        seen.cancelled_at = now();
    co_return told{"too late"};
}

task<told> never_answers(ask) {
    seen.holding = true;
    for (;;)
        co_await sleep(1h);
}

} // namespace

TEST_CASE("a handler that never ends does not keep its node", "[kernel][K51]") {
    seen = {};
    stage on;
    on.add();
    kernel& second = on.add();
    on.play("asker", 1, &waits_for_ever).serve("server", 2, &never_answers);
    on.begin();
    on.advance(100ms);
    REQUIRE(seen.holding);
    second.leave(error{errc::ok});
    on.advance(1s);
    REQUIRE(on.stop_reason(second) == "ok");
    REQUIRE(seen.answer.has_value());
    REQUIRE(seen.answer->error() == errc::maybe_delivered);
}

TEST_CASE("a caller that waits for ever is not timed out by the node's default", "[kernel][K27]") {
    const std::uint32_t server = GENERATE(1u, 2u);
    const bool for_ever_given = GENERATE(false, true);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("asker", 1, for_ever_given ? &waits_for_ever : &waits_by_default);
    on.play("server", server, &answers_after_an_hour);
    on.begin();
    on.advance(100ms);
    on.advance(49min);
    REQUIRE(seen.answer.has_value() == !for_ever_given);
    on.advance(2min);
    REQUIRE(seen.answer.has_value());
    if (for_ever_given)
        REQUIRE(seen.answer->value().text == "at last");
    else
        REQUIRE(seen.answer->error() == errc::maybe_delivered);
}

TEST_CASE("who holds a call learns that its caller has given up", "[kernel][rule-22]") {
    const std::uint32_t server = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    const role asker = GENERATE(&gives_up, &ends_meanwhile);
    seen = {};
    stage on{copied};
    on.add();
    on.add();
    on.play("asker", 1, asker).play("server", server, &notices);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.holding);
    REQUIRE(seen.cancelled_at.has_value());
    REQUIRE(*seen.cancelled_at - seen.asked_at < 25ms);
    REQUIRE(on[0].counters().replies_dropped == 0); // it was dropped where it was made
}

TEST_CASE("a handler learns that its caller has given up", "[kernel][rule-22]") {
    const std::uint32_t server = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("asker", 1, &gives_up).serve("server", server, &handler_that_notices);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.cancelled_at.has_value());
    REQUIRE(*seen.cancelled_at - seen.asked_at < 25ms);
}

TEST_CASE("who holds a call learns that its caller's node is lost", "[kernel][rule-22]") {
    seen = {};
    stage on;
    kernel& root = on.add();
    kernel& second = on.add();
    on.play("asker", 2, &waits_for_ever).play("server", 1, &notices);
    on.begin();
    on.advance(20ms);
    REQUIRE(seen.holding);
    REQUIRE_FALSE(seen.cancelled_at.has_value());
    root.evict(second.self());
    on.advance(10ms);
    REQUIRE(seen.cancelled_at.has_value());
}

TEST_CASE("a call that was given up before it was taken is not handled", "[kernel][rule-22]") {
    const std::uint32_t server = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("asker", 1, &asks_and_withdraws).play("server", server, &reads_late);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1});
    // Their numbers are consumed all the same: the stream goes on.
    for (const incarnation_status& row : on[0].status().incarnations)
        if (row.name == "asker")
            for (const stream_status& stream : row.streams)
                REQUIRE(stream.sent == stream.consumed);
}
