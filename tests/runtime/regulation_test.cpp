// Servers that look at their queues and regulate their clients, streams that break and say how far
// they got, and receivers that keep others waiting.
#include "actors.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::map<std::string, std::vector<std::uint32_t>, std::less<>> heard;
    std::map<std::string, std::vector<errc>, std::less<>> outcomes;
    std::vector<std::string> texts;
    std::vector<std::uint32_t> again; ///< that were marked
    stream_standing before, after;
    std::uint64_t resent = 0;
    std::uint64_t sent = 0;
    std::uint64_t memory = 0;
    bool finished = false;
};
diary seen;

template <class T>
errc code(const result<T>& of) {
    return of ? errc::ok : of.error().code();
}
void note(std::string who, const result<void>& outcome) {
    seen.outcomes[std::move(who)].push_back(code(outcome));
    if (!outcome)
        seen.texts.push_back(outcome.error().describe());
}

task<> hears(actor& me) {
    while (auto got = co_await me.in.receive()) {
        auto said = got->take<say>();
        if (!said)
            continue;
        seen.heard[std::string{own_name()}].push_back(said->number);
        if (got->maybe_seen())
            seen.again.push_back(said->number);
    }
}
task<> joins_and_hears(actor& me) {
    co_await ok(co_await join_channel(me.in, co_await me.find("channel")));
    co_await hears(me);
}

// ---- looking

task<> looks_before_it_takes(actor& me) {
    co_await sleep(50ms);
    const auto all = me.in.headers(100);
    REQUIRE(all.size() == 5);
    REQUIRE(me.in.headers(2).size() == 2);
    REQUIRE(std::count_if(all.begin(), all.end(), [](const auto& m) { return m.is_call; }) == 1);
    REQUIRE(std::all_of(all.begin(), all.end(), [](const auto& m) { return m.bytes > 0; }));
    const auto counts = me.in.waiting_by_stream();
    REQUIRE(counts.size() == 2);
    REQUIRE(counts[0].count + counts[1].count == 5);
    for (const auto& row : counts) {
        std::uint32_t found = 0;
        for (const auto& each : all)
            found += each.from == row.from ? 1 : 0;
        REQUIRE(found == row.count);
    }
    REQUIRE(me.in.size() == 5); // nothing was taken
    seen.finished = true;
}
task<> says_three(actor& me) {
    const auto out = co_await me.reach("server");
    for (std::uint32_t i = 1; i <= 3; ++i)
        co_await ok(co_await out.send<say>(i));
    co_await sleep(1s);
}
task<> says_one_and_asks(actor& me) {
    const auto out = co_await me.reach("server");
    co_await ok(co_await out.send<say>(1u));
    static_cast<void>(co_await out.invoke<ask>(1u).within(100ms));
}

// ---- regulating

/// Freezes its client at the second message, lets it go on after a while.
task<> freezes_for_a_while(actor& me) {
    stream_id client;
    while (auto got = co_await me.in.receive()) {
        auto said = got->take<say>();
        if (!said)
            continue;
        seen.heard["server"].push_back(said->number);
        if (said->number == 2) {
            client = got->source();
            note("server", me.in.freeze(client));
            note("server", me.in.freeze(client)); // twice is once
            got->done();
            co_await sleep(100ms);
            note("server", me.in.unfreeze(client));
            note("server", me.in.freeze(stream_id{self(), 4'000}));
        }
    }
}
task<> is_frozen(actor& me) {
    const auto out = co_await me.reach("server");
    note("client", co_await out.send<say>(1u));
    note("client", co_await out.send<say>(2u));
    co_await sleep(20ms);
    seen.before = out.standing();
    note("client", co_await out.send<say>(3u).within(10ms));
    note("client", co_await out.invoke<say>(3u).within(10ms));
    set_credit(out, 5); // does not set it free
    note("client", co_await out.send<say>(4u).within(10ms));
    note("client", co_await out.send<say>(5u));
    seen.after = out.standing();
}

/// Invalidates one of its clients, with messages of it waiting.
task<> invalidates_one(actor& me) {
    co_await sleep(50ms);
    auto first = co_await ok(co_await me.in.receive().only<ask>());
    const stream_id client = first.source();
    note("server", me.in.invalidate(client));
    note("server", me.in.invalidate(client)); // it is gone
    first.reply<ask>(told{"still answered"});
    first.done();
    co_await hears(me);
}
task<> is_invalidated(actor& me) {
    const auto out = co_await me.reach("server");
    auto asked = out.invoke<ask>(1u);
    co_await ok(co_await out.send<say>(2u));
    auto lost = out.invoke<ask>(3u);
    auto answer = co_await asked;
    seen.outcomes["client"].push_back(code(answer));
    auto failed = co_await lost;
    seen.outcomes["client"].push_back(code(failed));
    co_await sleep(50ms);
    note("client", co_await out.send<say>(4u));
    const auto anew = co_await me.reach("server");
    note("client", co_await anew.send<say>(5u));
}
task<> says_sevens(actor& me) {
    const auto out = co_await me.reach("server");
    for (int i = 0; i < 3; ++i) {
        co_await ok(co_await out.send<say>(7u));
        co_await sleep(40ms);
    }
}

// ---- breaks

/// Takes two and ends, with others waiting.
task<> takes_two(actor& me) {
    co_await sleep(50ms);
    for (int i = 0; i < 2; ++i) {
        auto got = co_await ok(co_await me.in.receive());
        auto said = co_await ok(got.take<say>());
        seen.heard["first"].push_back(said.number);
    }
    co_await sleep(10ms);
}
task<> sends_again(actor& me) {
    const auto out = co_await me.reach("first");
    const auto other = co_await me.reach("second");
    seen.outcomes["early"].push_back(code(co_await as_result(resend_in_doubt(out, other))));
    for (std::uint32_t i = 1; i <= 5; ++i)
        co_await ok(co_await out.send<say>(i));
    auto asked = co_await out.invoke<ask>(6u); // who made a call is told by itself
    seen.outcomes["early"].push_back(code(asked));
    auto sent = co_await out.send<say>(7u);
    note("late", sent);
    // [in_doubt]
    seen.before = out.standing(); // broken: so much sent, so much acknowledged
    seen.resent = co_await resend_in_doubt(out, other);
    seen.after = out.standing();
    // [/in_doubt]
    co_await ok(co_await other.send<say>(8u));
}
task<> marks_in_its_handler(say said) {
    seen.heard["second"].push_back(said.number);
    if (maybe_seen())
        seen.again.push_back(said.number);
    co_return;
}

// ---- stuck receivers

task<> joins_and_gets_stuck(actor& me) {
    set_credit(me.in, 2);
    co_await ok(co_await join_channel(me.in, co_await me.find("channel")));
    co_await sleep(200s);
    co_await hears(me);
}
task<> speaks_to_all(actor& me) {
    const auto all = co_await ok(make_channel<words>(channel_kind::multicast));
    const any_reference channel{all};
    co_await me.offer("channel", channel);
    co_await sleep(100ms);
    for (std::uint32_t i = 1; i <= 40; ++i) {
        co_await ok(co_await all.send<say>(i));
        ++seen.sent;
    }
    seen.after = all.standing();
}

// ---- overload

task<> floods(actor& me) {
    const auto out = co_await me.reach("deaf");
    for (;;) {
        co_await ok(co_await out.send<say>(1u));
        ++seen.sent;
    }
}
task<> is_deaf(actor&) {
    co_await sleep(1'000'000s);
}
task<> ends_the_deaf(actor& me) {
    const auto handle = incarnation_handle{co_await me.find("deaf!")};
    co_await sleep(100s);
    auto looked = co_await ok(co_await status_of(node_id{2}));
    for (const incarnation_status& row : looked.incarnations)
        if (row.name == "deaf")
            seen.memory = row.memory_bytes;
    note("control", co_await handle.destroy());
}
task<> creates_without_end(actor& me) {
    creation what;
    what.given["lobby"] = any_reference{me.lobby_door};
    what.module = "actor";
    what.parameters["part"] = 0u;
    for (int i = 0; i < 100; ++i) {
        auto made = co_await create(what);
        seen.outcomes["flood"].push_back(code(made));
    }
}

} // namespace

TEST_CASE("a receiver looks at what waits without taking it", "[kernel][inc_testPort][K26]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("server", 1, &looks_before_it_takes).play("a", node, &says_three);
    on.play("b", node, &says_one_and_asks);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.finished);
}

TEST_CASE("a client that its server has frozen waits, and goes on in order",
          "[kernel][inc_freezeStream][inc_unfreezeStream][K41]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("server", 1, &freezes_for_a_while).play("client", node, &is_frozen);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.outcomes["server"] ==
            std::vector<errc>{errc::ok, errc::ok, errc::ok, errc::not_found});
    const errc late = errc::timed_out;
    REQUIRE(seen.outcomes["client"] ==
            std::vector<errc>{errc::ok, errc::ok, late, late, late, errc::ok});
    REQUIRE(seen.before.state == stream_state::frozen);
    REQUIRE(seen.after.state == stream_state::open);
    REQUIRE(seen.heard["server"] == std::vector<std::uint32_t>{1, 2, 5});
    REQUIRE(std::count_if(seen.texts.begin(), seen.texts.end(), [](const std::string& text) {
                return text.find("the stream is frozen") != std::string::npos;
            }) == 3);
}

TEST_CASE("a client that its server has invalidated is broken; the others go on", "[kernel][K41]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    seen = {};
    stage on{copied};
    on.add();
    on.add();
    on.play("server", 1, &invalidates_one).play("client", node, &is_invalidated);
    on.play("other", node, &says_sevens);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.outcomes["server"] == std::vector<errc>{errc::ok, errc::not_found});
    REQUIRE(seen.outcomes["client"] ==
            std::vector<errc>{errc::ok, errc::broken, errc::broken, errc::ok});
    auto heard = seen.heard["server"];
    std::sort(heard.begin(), heard.end());
    REQUIRE(heard == std::vector<std::uint32_t>{5, 7, 7, 7});
}

TEST_CASE("a stream that breaks says how far it got, and what is in doubt is sent again, marked",
          "[kernel][rule1][rule12]") {
    const std::uint32_t first = GENERATE(1u, 2u);
    const std::uint32_t second = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("first", first, &takes_two).hear("second", second, &marks_in_its_handler);
    on.play("sender", 1, &sends_again);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.outcomes["early"] == std::vector<errc>{errc::invalid_argument, errc::broken});
    REQUIRE(seen.outcomes["late"] == std::vector<errc>{errc::broken});
    REQUIRE(seen.before.state == stream_state::broken);
    REQUIRE(seen.before.sent == 6);
    REQUIRE(seen.before.acknowledged == 2);
    REQUIRE(seen.before.in_doubt == 3);
    REQUIRE(seen.resent == 3);
    REQUIRE(seen.after.in_doubt == 0);
    REQUIRE(seen.heard["first"] == std::vector<std::uint32_t>{1, 2});
    REQUIRE(seen.heard["second"] == std::vector<std::uint32_t>{3, 4, 5, 8});
    REQUIRE(seen.again == std::vector<std::uint32_t>{3, 4, 5});
}

TEST_CASE("a port that is stuck is given up, and the other ports of the channel get all",
          "[kernel][K25][rule1]") {
    const std::uint32_t stuck = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("a", 1, &joins_and_hears).play("b", 2, &joins_and_hears);
    on.play("stuck", stuck, &joins_and_gets_stuck).play("speaker", 1, &speaks_to_all);
    on.begin();
    on.advance(20s);
    REQUIRE(seen.sent < 40); // it has its time
    on.advance(300s);
    REQUIRE(seen.sent == 40);
    REQUIRE(seen.after.given_up == 1);
    REQUIRE(seen.heard["a"].size() == 40);
    REQUIRE(seen.heard["b"] == seen.heard["a"]);
    // What it was sent it has, from its joining on and without a gap.
    const auto& had = seen.heard["stuck"];
    REQUIRE_FALSE(had.empty());
    for (std::size_t i = 0; i < had.size(); ++i)
        REQUIRE(had[i] == i + 1);
    REQUIRE(on[0].counters().legs_given_up == 1);
}

TEST_CASE("a receiver that never receives stops its sender, and still obeys", "[kernel][rule17]") {
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("deaf", 2, &is_deaf).play("flood", 1, &floods).play("parent", 1, &ends_the_deaf);
    on.begin();
    on.advance(50s);
    const std::uint64_t limit = kernel_limits{}.credit_messages;
    REQUIRE(seen.sent <= limit);
    REQUIRE(seen.sent > 0);
    on.advance(100s);
    REQUIRE(seen.outcomes["control"] == std::vector<errc>{errc::ok});
    REQUIRE(seen.memory < (limit + 16) * 512); // of what is queued
    REQUIRE(seen.sent <= limit);
}

TEST_CASE("a flood of creations is refused beyond the limit, and harms nobody", "[kernel][K7]") {
    seen = {};
    stage on;
    kernel_limits limits;
    limits.incarnations_max = 20;
    on.add(limits);
    on.play("sleeper", 1, &is_deaf).play("flood", 1, &creates_without_end);
    on.begin();
    on.advance(1s);
    const auto& made = seen.outcomes["flood"];
    REQUIRE(made.size() == 100);
    REQUIRE(std::count(made.begin(), made.end(), errc::ok) == 17);
    REQUIRE(std::count(made.begin(), made.end(), errc::limit_reached) == 83);
}
