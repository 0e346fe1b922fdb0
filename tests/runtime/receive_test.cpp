#include "actors.hpp"

#include <algorithm>
#include <string_view>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::vector<std::uint32_t> order;
    std::vector<error> errors;
    std::vector<time_point> at;
    std::vector<std::string_view> readers;
};
diary seen;

/// Says 1 to 3, asks 9 between them.
task<> talks(actor& me) {
    const auto out = co_await me.reach("reader");
    co_await ok(co_await out.send<say>(1u));
    auto asked = out.invoke<ask>(9u);
    co_await ok(co_await out.send<say>(2u));
    co_await ok(co_await out.send<say>(3u));
    co_await asked;
}
task<> talks_of_tens(actor& me) {
    const auto out = co_await me.reach("reader");
    for (std::uint32_t i = 10; i < 13; ++i)
        co_await ok(co_await out.send<say>(i));
    co_await sleep(1s);
}

std::uint32_t number_in(delivery<words>& got) {
    if (auto said = got.take<say>())
        return said->number;
    if (auto asked = got.take<ask>()) {
        got.reply<ask>(told{"yes"});
        return asked->number;
    }
    return 0;
}

task<> reads_the_question_first(actor& me) {
    co_await sleep(50ms);
    auto question = co_await ok(co_await me.in.receive().only<ask>());
    seen.order.push_back(number_in(question));
    for (int i = 0; i < 3; ++i) {
        auto got = co_await ok(co_await me.in.receive());
        seen.order.push_back(number_in(got));
    }
}

task<> reads_one_stream_first(actor& me) {
    co_await sleep(50ms);
    auto first = co_await ok(co_await me.in.receive().only<ask>());
    const stream_id from = first.source();
    first.reply<ask>(told{"yes"});
    for (int i = 0; i < 3; ++i) {
        auto got = co_await ok(co_await me.in.receive().from(from));
        REQUIRE(got.source() == from);
        seen.order.push_back(number_in(got));
    }
    auto none = co_await me.in.receive().from(from).within(5ms);
    seen.errors.push_back(none.error());
    for (int i = 0; i < 3; ++i) {
        auto got = co_await ok(co_await me.in.receive());
        seen.order.push_back(number_in(got));
    }
}

/// Waits with a filter while others arrive, so that each arrival is looked at.
task<> waits_for_the_question(actor& me) {
    auto question = co_await ok(co_await me.in.receive().only<ask>());
    seen.order.push_back(number_in(question));
    REQUIRE(me.in.size() >= 1); // the one that came before it
}

task<> waits_in_vain(actor& me) {
    seen.at.push_back(now());
    auto none = co_await me.in.receive().within(30ms);
    seen.errors.push_back(none.error());
    seen.at.push_back(now());
    auto nothing = co_await me.in.receive().within(0ms);
    seen.errors.push_back(nothing.error());
    seen.at.push_back(now());
    seen.errors.push_back(me.in.try_receive().error());
    auto no_port = co_await select(me.in).within(10ms);
    seen.errors.push_back(no_port.error());
    seen.at.push_back(now());
}

task<> is_in_time(actor& me) {
    auto got = co_await ok(co_await me.in.receive().within(1s));
    seen.order.push_back(number_in(got));
    auto none = co_await me.in.receive().within(20s);
    seen.errors.push_back(none.error());
}
task<> says_late(actor& me) {
    const auto out = co_await me.reach("reader");
    co_await sleep(900ms);
    co_await ok(co_await out.send<say>(4u));
}

/// Reads what has queued up, on one node with another that does the same.
task<> reads_all(actor& me) {
    co_await sleep(50ms);
    while (auto got = co_await me.in.receive())
        seen.readers.push_back(own_name());
}
task<> floods_both(actor& me) {
    const auto a = co_await me.reach("a");
    const auto b = co_await me.reach("b");
    for (std::uint32_t i = 0; i < 100; ++i) {
        co_await ok(co_await a.send<say>(i));
        co_await ok(co_await b.send<say>(i));
    }
}

void boot_one(stage& on) {
    on.begin();
    on.advance(2s);
}

} // namespace

TEST_CASE("a receiver may take one kind of message first; the others keep their order",
          "[kernel][K27][inc_receive]") {
    const std::uint32_t talker = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("reader", 1, &reads_the_question_first).play("talker", talker, &talks);
    boot_one(on);
    REQUIRE(seen.order == std::vector<std::uint32_t>{9, 1, 2, 3});
}

TEST_CASE("a receiver may take the messages of one stream first", "[kernel][K27][inc_receive]") {
    const std::uint32_t talker = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("reader", 1, &reads_one_stream_first);
    on.play("other", 2, &talks_of_tens).play("talker", talker, &talks);
    boot_one(on);
    REQUIRE(seen.order == std::vector<std::uint32_t>{1, 2, 3, 10, 11, 12});
    REQUIRE(seen.errors.size() == 1);
    REQUIRE(seen.errors[0] == errc::timed_out);
}

TEST_CASE("a message that the receiver does not wait for stays in the queue", "[kernel][K27]") {
    seen = {};
    stage on;
    on.add();
    on.play("reader", 1, &waits_for_the_question).play("talker", 1, &talks);
    boot_one(on);
    REQUIRE(seen.order == std::vector<std::uint32_t>{9});
}

TEST_CASE("a receiver's patience ends at the instant it named", "[kernel][K27][inc_receive]") {
    seen = {};
    stage on;
    on.add();
    on.play("reader", 1, &waits_in_vain);
    boot_one(on);
    REQUIRE(seen.errors.size() == 4);
    REQUIRE(seen.errors[0] == errc::timed_out);
    REQUIRE(seen.errors[1] == errc::timed_out);
    REQUIRE(seen.errors[2] == errc::would_block);
    REQUIRE(seen.errors[3] == errc::timed_out);
    REQUIRE(seen.at.size() == 4);
    REQUIRE(seen.at[1] - seen.at[0] == 30ms);
    REQUIRE(seen.at[2] == seen.at[1]); // zero polls
    REQUIRE(seen.at[3] - seen.at[2] == 10ms);
}

TEST_CASE("a message that comes in time ends the wait, and its deadline with it", "[kernel][K27]") {
    seen = {};
    stage on;
    on.add();
    on.play("reader", 1, &is_in_time).play("talker", 1, &says_late);
    boot_one(on);
    REQUIRE(seen.order == std::vector<std::uint32_t>{4});
    REQUIRE(seen.errors.empty());
    on.advance(20s);
    REQUIRE(seen.errors.size() == 1);
}

TEST_CASE("an incarnation's turn ends with its budget, however much waits", "[kernel][rule-24]") {
    seen = {};
    stage on;
    kernel_limits limits;
    limits.turn_steps = 4;
    on.add(limits);
    on.play("a", 1, &reads_all).play("b", 1, &reads_all).play("flood", 1, &floods_both);
    boot_one(on);
    REQUIRE(seen.readers.size() == 200);
    std::size_t longest = 0;
    std::size_t run = 0;
    for (std::size_t i = 0; i < seen.readers.size(); ++i) {
        run = i > 0 && seen.readers[i] == seen.readers[i - 1] ? run + 1 : 1;
        longest = std::max(longest, run);
    }
    REQUIRE(longest == 4);
}
