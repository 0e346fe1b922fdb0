#include "actors.hpp"

#include <algorithm>
#include <string_view>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::vector<std::string> turns;
};
diary seen;

/// A turn each time it may have one, from the same instant on as all others.
task<> takes_fifty_turns(actor& me) {
    co_await sleep(time_point{2'000'000'000} - now());
    for (int i = 0; i < 50; ++i) {
        seen.turns.emplace_back(own_name());
        co_await sleep(0ms);
    }
    static_cast<void>(me);
}
/// Runs for ever: it and its like would use up the node.
task<> never_rests(actor& me) {
    const auto own = me.in.open_stream();
    co_await sleep(time_point{2'000'000'000} - now());
    for (int i = 0; i < 2'000; ++i) {
        co_await ok(co_await own.send<say>(1u));
        co_await ok(co_await me.in.receive());
        seen.turns.emplace_back(own_name());
    }
}

creation of_priority(priority_level level) {
    creation what;
    what.priority = level;
    return what;
}

std::size_t place_of_last(std::string_view name) {
    const auto last = std::find(seen.turns.rbegin(), seen.turns.rend(), name);
    return static_cast<std::size_t>(seen.turns.rend() - last);
}

} // namespace

TEST_CASE("the higher priority goes first", "[kernel][rule-24]") {
    seen = {};
    kernel_limits patient;
    patient.priority_patience = 1'000'000;
    patient.turn_steps = 3;
    stage on;
    on.add(patient);
    on.play("low", 1, &never_rests, of_priority(1)).play("high", 1, &never_rests, of_priority(6));
    on.play("normal", 1, &never_rests);
    on.begin();
    on.advance(2s);
    REQUIRE(seen.turns.size() == 6'000);
    REQUIRE(place_of_last("high") == 2'000);
    REQUIRE(place_of_last("normal") == 4'000);
    for (const incarnation_status& row : on[0].status().incarnations)
        if (row.name == "high")
            REQUIRE(row.priority == 6);
}

TEST_CASE("a lower priority is passed over a bounded number of times", "[kernel][rule-24]") {
    const std::uint32_t patience = GENERATE(0u, 1u, 5u, 16u);
    seen = {};
    kernel_limits limits;
    limits.priority_patience = patience;
    limits.turn_steps = 1;
    stage on;
    on.add(limits);
    on.play("low", 1, &never_rests, of_priority(0)).play("high", 1, &never_rests, of_priority(7));
    on.play("middle", 1, &never_rests, of_priority(4));
    on.begin();
    on.advance(2s);
    REQUIRE(seen.turns.size() == 6'000);
    // While the high one runs, the others have their turns, and no more often than they must.
    const std::size_t until = place_of_last("high");
    for (const char* name : {"low", "middle"}) {
        const auto had = static_cast<std::size_t>(std::count(
            seen.turns.begin(), seen.turns.begin() + static_cast<std::ptrdiff_t>(until), name));
        REQUIRE(had >= 2'000 / (patience + 3));
        REQUIRE(had <= 2 * 2'000 / std::max(patience, 1u));
    }
    std::size_t longest = 0;
    std::size_t run = 0;
    // The first turn of each says nothing, so the count begins with the last to speak.
    const auto low = std::find(seen.turns.begin(), seen.turns.end(), "low");
    for (auto i = static_cast<std::size_t>(low - seen.turns.begin()); i < until; ++i) {
        run = seen.turns[i] == "high" ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    REQUIRE(longest <= patience + 1);
}

TEST_CASE("equal priorities take turns", "[kernel][rule-24]") {
    seen = {};
    stage on;
    on.add();
    for (const char* name : {"a", "b", "c"})
        on.play(name, 1, &takes_fifty_turns, of_priority(5));
    on.begin();
    on.advance(2s);
    REQUIRE(seen.turns.size() == 150);
    for (std::size_t i = 3; i < seen.turns.size(); ++i)
        REQUIRE(seen.turns[i] == seen.turns[i - 3]);
}

TEST_CASE("a priority outside the range is refused", "[kernel]") {
    stage on;
    on.add();
    creation what = of_priority(priority_count);
    what.module = "lobby";
    auto made = on.boot(on[0], what);
    REQUIRE(made.error() == errc::invalid_argument);
    REQUIRE(made.error().describe().find("priority 8") != std::string::npos);
}
