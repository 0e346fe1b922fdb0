// Messages that may be lost.
#include "actors.hpp"

#include <map>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::map<std::string, std::vector<std::uint32_t>, std::less<>> heard;
    std::vector<errc> outcomes;
    bool anonymous = true;
    duration took{};
};
diary seen;

errc code(const result<void>& of) {
    return of ? errc::ok : of.error().code();
}

task<> hears(actor& me) {
    while (auto got = co_await me.in.receive()) {
        seen.anonymous = seen.anonymous && !got->source();
        if (auto said = got->take<say>())
            seen.heard[std::string{own_name()}].push_back(said->number);
    }
}
task<> joins_and_hears(actor& me) {
    co_await ok(co_await join_channel(me.in, co_await me.find("channel")));
    co_await hears(me);
}
task<> never_receives(actor& me) {
    co_await sleep(500ms);
    const auto waiting = me.in.headers(1'000);
    REQUIRE(waiting.size() == 5); // four dgrams, and the one that was sent
    for (std::size_t i = 0; i < 4; ++i)
        REQUIRE_FALSE(waiting[i].from);
    REQUIRE(waiting.back().from);
    co_await hears(me);
}
task<> blinks_five(actor& me) {
    const auto out = co_await me.reach("a");
    for (std::uint32_t i = 1; i <= 5; ++i)
        seen.outcomes.push_back(code(out.dgram<say>(i)));
    REQUIRE(out.standing().sent == 0);
}
task<> blinks_to_all(actor& me) {
    const auto all = co_await ok(make_channel<words>(channel_kind::multicast));
    seen.outcomes.push_back(code(all.dgram<say>(0u))); // nobody is there
    const any_reference channel{all};
    co_await me.offer("channel", channel);
    co_await sleep(100ms);
    seen.outcomes.push_back(code(all.dgram<say>(1u)));
}
/// Far more than there is room for, and then one that is not to be lost.
task<> blinks_a_thousand(actor& me) {
    const auto out = co_await me.reach("a");
    const time_point began = now();
    for (std::uint32_t i = 0; i < 1'000; ++i)
        seen.outcomes.push_back(code(out.dgram<say>(1u)));
    seen.took = now() - began;
    co_await ok(co_await out.send<say>(7u));
}
task<> misuses(actor& me) {
    const auto good = co_await me.reach("a");
    const auto invoker = co_await ok(narrowed(good, right::invoke));
    const stream<words> forged{reference{33, 7}};
    seen.outcomes.push_back(code(invoker.dgram<say>(1u)));
    seen.outcomes.push_back(code(forged.dgram<say>(1u)));
    seen.outcomes.push_back(code(good.dgram<say>(3u)));
}

} // namespace

TEST_CASE("a dgram arrives while there is room, and has no number", "[kernel][inc_dgram][K22]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("a", node, &hears).play("blinker", 1, &blinks_five);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.outcomes == std::vector<errc>(5, errc::ok));
    REQUIRE(seen.heard["a"] == std::vector<std::uint32_t>{1, 2, 3, 4, 5});
    REQUIRE(seen.anonymous);
    REQUIRE(on[0].counters().dgrams_sent == 5);
}

TEST_CASE("a dgram to a multicast channel goes to every port that is there", "[kernel][K22]") {
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("a", 1, &joins_and_hears).play("b", 2, &joins_and_hears);
    on.play("blinker", 1, &blinks_to_all);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.outcomes == std::vector<errc>(2, errc::ok));
    REQUIRE(seen.heard["a"] == std::vector<std::uint32_t>{1});
    REQUIRE(seen.heard["b"] == std::vector<std::uint32_t>{1});
    REQUIRE(on[0].counters().dgrams_dropped == 1);
}

TEST_CASE("a dgram never waits: it is dropped where there is no room, and counted",
          "[kernel][K22][K28]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    kernel_limits limits;
    limits.dgram_queue_max = 4;
    on.add(limits);
    on.add(limits);
    on.play("a", node, &never_receives).play("blinker", 1, &blinks_a_thousand);
    on.begin();
    on.advance(2s);
    REQUIRE(seen.outcomes == std::vector<errc>(1'000, errc::ok));
    REQUIRE(seen.took == 0ms);
    REQUIRE(seen.heard["a"].size() == 5); // four of the thousand, and the one that was sent
    REQUIRE(seen.heard["a"].back() == 7);
    REQUIRE(on[node - 1].counters().dgrams_dropped == 996);
}

TEST_CASE("a dgram is refused where the sender can know that it is wrong", "[kernel][K22][K33]") {
    seen = {};
    stage on;
    kernel_limits limits;
    limits.dgram_bytes_max = 8;
    on.add(limits);
    on.play("a", 1, &hears).play("misuser", 1, &misuses);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.outcomes ==
            std::vector<errc>{errc::access_denied, errc::no_such_reference, errc::too_large});
    REQUIRE(seen.heard["a"].empty());
}
