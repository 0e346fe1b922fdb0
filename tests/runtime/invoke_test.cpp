// Invocations of messages without reply: let go when the message is taken, held, or only queued.
#include "actors.hpp"

#include <string>
#include <vector>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::vector<std::string> story;
    std::vector<std::uint32_t> heard;
    std::vector<duration> after; ///< when each wait was over, since it began
    std::vector<errc> outcomes;
    std::vector<std::string> texts;
};
diary seen;

void note(const result<void>& outcome) {
    seen.outcomes.push_back(outcome ? errc::ok : outcome.error().code());
    seen.texts.push_back(outcome ? std::string{} : outcome.error().describe());
}

task<> listens_for_long(say) {
    seen.story.push_back("begun");
    co_await sleep(100ms);
    seen.story.push_back("ended");
}
task<> invokes_once(actor& me) {
    const auto out = co_await me.reach("receiver");
    const time_point began = now();
    auto taken = co_await out.invoke<say>(1u);
    note(taken);
    seen.story.push_back("let go");
    seen.after.push_back(now() - began);
}
task<> invokes_four(actor& me) {
    const auto out = co_await me.reach("receiver");
    for (std::uint32_t i = 1; i <= 4; ++i) {
        const time_point began = now();
        auto taken = co_await out.invoke<say>(i);
        note(taken);
        seen.after.push_back(now() - began);
    }
}

/// Hands the first out at once, holds the second until done, the third until reply, drops the
/// fourth.
task<> receives_in_four_ways(actor& me) {
    auto first = co_await ok(co_await me.in.receive());
    co_await sleep(20ms);
    first.done();
    auto second = co_await ok(co_await me.in.receive().holding());
    REQUIRE(second.is_invoked());
    co_await sleep(30ms);
    second.done();
    auto third = co_await ok(co_await me.in.receive().holding());
    co_await sleep(10ms);
    third.reply();
    co_await sleep(20ms);
    auto said = third.take<say>(); // it is still in hand
    REQUIRE(said.value().number == 3);
    third.done();
    auto fourth = co_await ok(co_await me.in.receive().holding());
    auto dropped = std::move(fourth);
}

/// One every 10 ms, from the 50th on.
task<> receives_slowly(actor& me) {
    co_await sleep(50ms);
    while (auto got = co_await me.in.receive()) {
        if (auto said = got->take<say>())
            seen.heard.push_back(said->number);
        got->done();
        co_await sleep(10ms);
    }
}
task<> queues_five(actor& me) {
    const auto out = co_await me.reach("receiver");
    // [asinvoke]
    out.buffer_limit(2); // two may be queued and not taken
    for (std::uint32_t i = 1; i <= 5; ++i) {
        auto queued = co_await out.asinvoke<say>(i);
        note(queued);
        seen.after.push_back(now() - time_point{});
    }
    REQUIRE(out.standing().unsettled == 2);
    auto all = co_await out.settled(); // taken, or the first failure
    // [/asinvoke]
    note(all);
    REQUIRE(out.standing().unsettled == 0);
    seen.story.push_back("settled");
}
/// The configuration's `limit NAME calls 2`.
task<> queues_four_by_its_calls(actor& me) {
    const auto out = co_await me.reach("receiver");
    set_calls(out, 2);
    for (std::uint32_t i = 1; i <= 4; ++i) {
        note(co_await out.asinvoke<say>(i));
        seen.after.push_back(now() - time_point{});
    }
    REQUIRE(out.standing().unsettled == 2);
    note(co_await out.settled());
}
task<> queues_with_limit_zero(actor& me) {
    const auto out = co_await me.reach("receiver");
    out.buffer_limit(0);
    const time_point began = now();
    for (std::uint32_t i = 1; i <= 3; ++i) {
        auto taken = co_await out.asinvoke<say>(i);
        note(taken);
        seen.after.push_back(now() - began);
    }
    auto late = co_await out.asinvoke<say>(4u).within(1ms);
    note(late);
}
task<> queues_and_closes(actor& me) {
    const auto out = co_await me.reach("receiver");
    for (std::uint32_t i = 1; i <= 3; ++i)
        note(co_await out.asinvoke<say>(i));
    out.close();
    note(co_await out.asinvoke<say>(4u));
}
task<> gives_up_room(actor& me) {
    const auto out = co_await me.reach("receiver");
    out.buffer_limit(1);
    note(co_await out.asinvoke<say>(1u));
    note(co_await out.asinvoke<say>(2u).within(5ms));
    note(co_await out.asinvoke<say>(3u));
    note(co_await out.settled());
}

/// Never receives, and ends.
task<> ends_without_a_look(actor&) {
    co_await sleep(60ms);
}
task<> stays_without_a_look(actor&) {
    co_await sleep(1'000s);
}
task<> queues_three_in_vain(actor& me) {
    const auto out = co_await me.reach("receiver");
    for (std::uint32_t i = 1; i <= 3; ++i)
        note(co_await out.asinvoke<say>(i));
    note(co_await out.settled());
    note(co_await out.settled()); // said once
    note(co_await out.asinvoke<say>(4u));
}
// ---- who watches a stream hears of what nobody waits for

std::string told_of(const result<event>& next, reference of) {
    if (!next)
        return std::string{name_of(next.error().code())};
    if (next->which != of)
        return "of another";
    return next->kind == event_kind::delivery_failed
               ? "failed: " + std::string{name_of(next->reason)}
           : next->kind == event_kind::stream_closed ? "closed"
                                                     : "another";
}
task<> hears_of_failed_calls(actor& me) {
    const auto out = co_await me.reach("receiver");
    const auto watched = watch(out, event_kind::delivery_failed);
    co_await ok(watched);
    const interest failed{out, event_kind::delivery_failed};
    for (std::uint32_t i = 1; i <= 3; ++i)
        note(co_await out.asinvoke<say>(i));
    seen.story.push_back(told_of(co_await wait_any(failed).within(0s), out));
    seen.story.push_back(told_of(co_await next_event().within(1s), out));
    // It is there until somebody asks.
    seen.story.push_back(told_of(co_await wait_any(failed).within(0s), out));
    note(co_await out.settled());
    seen.story.push_back(told_of(co_await wait_any(failed).within(0s), out));
}
task<> hears_of_failed_sends(actor& me) {
    const auto out = co_await me.reach("receiver");
    const auto other = co_await me.reach("listener");
    const auto watched = watch(out, event_kind::delivery_failed | event_kind::stream_closed);
    co_await ok(watched);
    const interest failed{out, event_kind::delivery_failed};
    for (std::uint32_t i = 1; i <= 3; ++i)
        note(co_await out.send<say>(i));
    for (int i = 0; i < 3; ++i)
        seen.story.push_back(told_of(co_await next_event().within(200ms), out));
    seen.story.push_back(told_of(co_await wait_any(failed).within(0s), out));
    static_cast<void>(co_await resend_in_doubt(out, other));
    seen.story.push_back(told_of(co_await wait_any(failed).within(0s), out));
}
task<> listens(actor& me) {
    while (auto got = co_await me.in.receive())
        if (auto said = got->take<say>())
            seen.heard.push_back(said->number);
}
task<> takes_three_and_ends(actor& me) {
    for (int i = 0; i < 3; ++i) {
        auto got = co_await ok(co_await me.in.receive());
        got.done();
    }
    co_await sleep(60ms);
}
task<> joins_and_never_looks(actor& me) {
    co_await ok(co_await join_channel(me.in, co_await me.find("channel")));
    co_await sleep(60ms);
}
task<> sends_to_any(actor& me) {
    const auto any = co_await ok(make_channel<words>(channel_kind::anycast));
    const any_reference passed_on{any};
    co_await me.offer("channel", passed_on);
    note(co_await any.send<say>(1u));
    const auto watched = watch(any, event_kind::delivery_failed | event_kind::stream_closed);
    co_await ok(watched);
    seen.story.push_back(told_of(co_await next_event().within(200ms), any));
    seen.story.push_back(told_of(co_await next_event().within(200ms), any));
    REQUIRE(any.is_open());
}

task<> misuses(actor& me) {
    const auto good = co_await me.reach("receiver");
    const auto sender = co_await ok(narrowed(good, right::send));
    const stream<words> forged{reference{33, 7}};
    const auto all = co_await ok(make_channel<words>(channel_kind::multicast));
    note(co_await sender.asinvoke<say>(1u));
    note(co_await sender.invoke<say>(1u));
    note(co_await forged.asinvoke<say>(1u));
    note(co_await all.asinvoke<say>(1u));
    note(co_await all.invoke<say>(1u));
    note(co_await forged.settled());
}

void play(stage& on, std::uint32_t receiver_node, role receiver, role asker) {
    on.add();
    on.add();
    on.play("receiver", receiver_node, receiver).play("asker", 1, asker);
    on.begin();
    on.advance(2s);
}

} // namespace

TEST_CASE("who invokes a message without reply is let go when its handler begins",
          "[kernel][inc_invoke][K23]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    seen = {};
    stage on{copied};
    on.add();
    on.add();
    on.hear("receiver", node, &listens_for_long).play("asker", 1, &invokes_once);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::ok});
    REQUIRE(seen.story == std::vector<std::string>{"begun", "let go", "ended"});
    REQUIRE(seen.after[0] < 100ms);
}

TEST_CASE("a receiver lets go at receipt, or holds until it says so",
          "[kernel][inc_reply][inc_receive][K23]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    seen = {};
    stage on{copied};
    play(on, node, &receives_in_four_ways, &invokes_four);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::ok, errc::ok, errc::ok, errc::abandoned});
    REQUIRE(seen.after[0] < 10ms);
    REQUIRE(seen.after[1] >= 50ms); // 20 for the first, 30 for itself
    REQUIRE(seen.after[2] >= 10ms);
    REQUIRE(seen.after[2] < 30ms);
}

TEST_CASE("asinvoke waits while as many are queued as the limit says",
          "[kernel][inc_asinvoke][inc_setBufferLimit][K29]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    play(on, node, &receives_slowly, &queues_five);
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1, 2, 3, 4, 5});
    REQUIRE(seen.outcomes == std::vector<errc>(6, errc::ok));
    REQUIRE(seen.story == std::vector<std::string>{"settled"});
    REQUIRE(seen.after[1] == seen.after[0]);
    REQUIRE(seen.after[2] > seen.after[1]);
    REQUIRE(seen.after[3] - seen.after[2] == 10ms);
    REQUIRE(seen.after[4] - seen.after[3] == 10ms);
}

TEST_CASE("asinvoke with the limit 0 waits until the message is taken", "[kernel][K29]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    play(on, node, &receives_slowly, &queues_with_limit_zero);
    REQUIRE(seen.outcomes ==
            std::vector<errc>{errc::ok, errc::ok, errc::ok, errc::maybe_delivered});
    REQUIRE(seen.after[1] - seen.after[0] == 10ms);
    REQUIRE(seen.after[2] - seen.after[1] == 10ms);
}

TEST_CASE("what was queued arrives although its stream is closed", "[kernel][K29]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    play(on, node, &receives_slowly, &queues_and_closes);
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1, 2, 3});
    REQUIRE(seen.outcomes ==
            std::vector<errc>{errc::ok, errc::ok, errc::ok, errc::no_such_reference});
}

TEST_CASE("who gives up waiting for room has queued nothing", "[kernel][K29]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    play(on, node, &receives_slowly, &gives_up_room);
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1, 3});
    REQUIRE(seen.outcomes == std::vector<errc>{errc::ok, errc::timed_out, errc::ok, errc::ok});
}

TEST_CASE("an asinvoke whose receiver ends after queueing is reported as failed", "[kernel][K30]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    play(on, node, &ends_without_a_look, &queues_three_in_vain);
    REQUIRE(seen.outcomes ==
            std::vector<errc>{errc::ok, errc::ok, errc::ok, errc::broken, errc::ok, errc::broken});
    REQUIRE(on[0].counters().deliveries_failed == 3);
}

TEST_CASE("an asinvoke whose receiver's node is lost after queueing is reported as failed",
          "[kernel][K30]") {
    seen = {};
    stage on;
    kernel& root = on.add();
    kernel& other = on.add();
    on.play("receiver", 2, &stays_without_a_look).play("asker", 1, &queues_three_in_vain);
    on.begin();
    on.advance(100ms);
    REQUIRE(seen.outcomes == std::vector<errc>(3, errc::ok));
    on.isolate(other);
    root.evict(other.self());
    on.advance(1s);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::ok, errc::ok, errc::ok, errc::maybe_delivered,
                                               errc::ok, errc::broken});
}

TEST_CASE("an invocation that is not allowed is refused with its reason", "[kernel][K22][K33]") {
    seen = {};
    stage on;
    play(on, 1, &receives_slowly, &misuses);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::access_denied, errc::access_denied,
                                               errc::no_such_reference, errc::unsupported,
                                               errc::unsupported, errc::no_such_reference});
    REQUIRE(seen.heard.empty());
}

TEST_CASE("the limit of a stream's calls is asinvoke's buffer limit too", "[kernel][K29]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    play(on, node, &receives_slowly, &queues_four_by_its_calls);
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1, 2, 3, 4});
    REQUIRE(seen.outcomes == std::vector<errc>(5, errc::ok));
    REQUIRE(seen.after[1] == seen.after[0]);
    REQUIRE(seen.after[2] > seen.after[1]);
    REQUIRE(seen.after[3] - seen.after[2] == 10ms);
}

TEST_CASE(
    "who watches a stream hears of a call that failed after it was queued, until he has asked",
    "[kernel][K30][K53]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    play(on, node, &ends_without_a_look, &hears_of_failed_calls);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::ok, errc::ok, errc::ok, errc::broken});
    REQUIRE(seen.story ==
            std::vector<std::string>{"timed_out", "failed: broken", "failed: broken", "timed_out"});
}

TEST_CASE("who watches a stream hears of messages that nobody took, before it is closed",
          "[kernel][K30][K53]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens);
    play(on, node, &ends_without_a_look, &hears_of_failed_sends);
    REQUIRE(seen.outcomes == std::vector<errc>(3, errc::ok));
    REQUIRE(seen.story == std::vector<std::string>{"failed: broken", "closed", "timed_out",
                                                   "failed: broken", "timed_out"});
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1, 2, 3});
}

TEST_CASE("a stream whose messages were all consumed closes without a failure", "[kernel][K30]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens);
    play(on, node, &takes_three_and_ends, &hears_of_failed_sends);
    REQUIRE(seen.story ==
            std::vector<std::string>{"closed", "timed_out", "timed_out", "timed_out", "timed_out"});
    REQUIRE(seen.heard.empty());
}

TEST_CASE("a port of an anycast channel that ends with what it was given is a failed delivery",
          "[kernel][K30]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    play(on, node, &joins_and_never_looks, &sends_to_any);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::ok});
    REQUIRE(seen.story == std::vector<std::string>{"failed: broken", "timed_out"});
}
