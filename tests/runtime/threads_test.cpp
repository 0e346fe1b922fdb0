#include "actors.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::vector<std::string> lines;
    std::optional<result<told>> answer;
    std::optional<result<told>> second;
    duration left{};
    time_point ended;
    bool cancelled_there = false;
};
diary seen;

task<int> doubles(int what) {
    co_await sleep(1ms);
    co_return 2 * what;
}
task<int> refuses() {
    co_await sleep(1ms);
    co_return fail(errc::refused, "not today");
}
task<> asks_its_children(actor&) {
    task_group children;
    auto first = children.start(doubles(4));
    auto second = children.start(refuses());
    auto slow = children.start(doubles(1));
    auto got = co_await first;
    seen.lines.push_back(std::to_string(*got));
    auto refused = co_await second;
    seen.lines.push_back(refused.error().describe());
    children.stop();
    auto late = co_await children.start(doubles(3)).within(1us);
    seen.lines.push_back(late.error().describe());
    co_await slow;
    seen.lines.push_back(std::to_string(children.failed()) + " failed unheard");
}
task<> stops_its_children(actor&) {
    task_group children;
    auto never = children.start(doubles(1));
    children.stop();
    auto got = co_await never;
    seen.lines.push_back(got.error().describe());
}

// [threads]
task<int> count_words(mutex* desk, std::string text) {
    auto held = co_await desk->lock(); // one at the desk, over its awaits too
    co_await sleep(1ms);
    co_return static_cast<int>(std::count(text.begin(), text.end(), ' ')) + 1;
}

task<> proofread(actor&) {
    mutex desk;
    task_group readers;
    auto first = readers.start(count_words(&desk, "to set a line"));
    auto second = readers.start(count_words(&desk, "of type"));
    int words = co_await ok(co_await first);
    words += co_await ok(co_await second);
    readers.start(count_words(&desk, "nobody asks"));
    readers.cancel(); // asks; stop() ends it where it is
    co_await readers.all_ended();
    seen.lines.push_back(std::to_string(words) + " words");
}
// [/threads]

/// Waits in each of the ways there are, until it is asked to end.
task<> waits(actor* me, std::string how) {
    if (how == "sleep") {
        co_await sleep(1h);
        seen.lines.push_back("slept");
    } else if (how == "receive") {
        auto got = co_await me->in.receive();
        seen.lines.push_back(got.error().describe());
    } else if (how == "call") {
        const auto out = co_await me->reach("server");
        auto got = co_await out.invoke<ask>(1u).within(for_ever);
        seen.lines.push_back(got.error().describe());
    } else if (how == "nested") {
        auto got = co_await as_result(waits(me, "receive"));
        static_cast<void>(got);
    }
    seen.lines.push_back(co_await asked_to_end() ? "asked" : "not asked");
    co_await sleep(1ms); // to leave things in order is still allowed
    seen.lines.push_back("in order");
}
task<> cancels(actor& me) {
    for (const char* how : {"sleep", "receive", "call", "nested"}) {
        task_group children;
        children.start(waits(&me, how));
        co_await sleep(100ms);
        children.cancel();
        children.cancel();
        co_await children.all_ended();
        seen.lines.push_back(std::string{how} + " ended");
    }
}
task<told> notices_cancellation(ask) {
    while (!equus::cancelled())
        co_await sleep(1ms);
    seen.cancelled_there = true;
    co_return told{"late"};
}

task<> deaf() {
    while (true)
        co_await sleep(1ms);
}
task<> loses_patience(actor&) {
    task_group children;
    children.start(deaf());
    co_await children.cancelled_within(20ms);
    seen.lines.push_back(std::to_string(children.size()) + " left");
}

// ---- deadlines

task<told> never_answers(ask) {
    co_await sleep(1h);
    co_return told{};
}
/// 0: as it comes; 1: its own deadline; 2: by a task of its own, which serves nobody.
actor* middle = nullptr;
task<> asks_beside() {
    const auto out = co_await middle->reach("server");
    seen.second = co_await out.invoke<ask>(0u);
    seen.ended = now();
}
task<told> passes_on(ask a) {
    seen.left = deadline_left();
    const auto out = co_await middle->reach("server");
    if (a.number == 1) {
        auto got = co_await out.invoke<ask>(0u).within(3s);
        seen.second = std::move(got);
    } else if (a.number == 2) {
        task_group beside;
        beside.start(asks_beside());
        co_await beside.all_ended();
    } else {
        seen.second = co_await out.invoke<ask>(0u);
    }
    if (a.number != 2)
        seen.ended = now();
    co_return told{"too late"};
}
task<> is_in_the_middle(actor& me) {
    middle = &me;
    while (true)
        co_await sleep(1h);
}
std::uint32_t asked_number = 0;
task<> has_a_second(actor& me) {
    const auto out = co_await me.reach("passer");
    co_await sleep(time_point{10'000'000'000} - now());
    seen.answer = co_await out.invoke<ask>(asked_number).within(1s);
    co_await sleep(1h);
}

// ---- budgets

task<told> awaits_for_ever(ask a) {
    if (a.number == 1)
        co_return told{"served"};
    if (a.number == 2)
        co_await sleep(10h);
    while (true)
        co_await sleep(0ms);
}
task<> waits_for_an_answer(actor& me) {
    const auto out = co_await me.reach("server");
    seen.answer = co_await out.invoke<ask>(asked_number).within(for_ever);
    seen.ended = now();
    seen.second = co_await out.invoke<ask>(1u);
    while (true)
        co_await sleep(1h);
}

} // namespace

TEST_CASE("a task of a group gives its result to whoever awaits it", "[kernel][K4]") {
    seen = {};
    stage on;
    on.add();
    on.play("one", 1, &asks_its_children);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.lines.size() == 4);
    REQUIRE(seen.lines[0] == "8");
    REQUIRE(seen.lines[1] == "refused: not today");
    REQUIRE(seen.lines[2] == "timed out");
    REQUIRE(seen.lines[3] == "0 failed unheard");
}

TEST_CASE("tasks share a mutex and are counted up", "[kernel][K4]") {
    seen = {};
    stage on;
    on.add();
    on.play("one", 1, &proofread);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.lines == std::vector<std::string>{"6 words"});
}

TEST_CASE("who awaits a task that its group ends is told so", "[kernel][K4]") {
    seen = {};
    stage on;
    on.add();
    on.play("one", 1, &stops_its_children);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.lines == std::vector<std::string>{"cancelled"});
}

TEST_CASE("a cancelled task learns of it where it waits, and leaves things in order",
          "[kernel][K4][rule10]") {
    const std::uint32_t server_node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("one", 1, &cancels).serve("server", server_node, &notices_cancellation);
    on.begin();
    on.advance(2s);
    const std::vector<std::string> wanted{
        "slept",     "asked", "in order", "sleep ended",   //
        "cancelled", "asked", "in order", "receive ended", //
        "cancelled", "asked", "in order", "call ended",    //
        "cancelled", "asked", "in order", "asked",         "in order", "nested ended"};
    REQUIRE(seen.lines == wanted);
    REQUIRE(seen.cancelled_there); // and so does who served its call
}

TEST_CASE("a group ends what does not heed its cancelling", "[kernel][K4]") {
    seen = {};
    stage on;
    on.add();
    on.play("one", 1, &loses_patience);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.lines == std::vector<std::string>{"0 left"});
}

TEST_CASE("a call made by a handler has no more time than the call it serves", "[kernel][rule22]") {
    const std::uint32_t passer_node = GENERATE(1u, 2u);
    const std::uint32_t how = GENERATE(0u, 1u, 2u);
    seen = {};
    asked_number = how;
    stage on;
    on.add();
    on.add();
    on.play("middle", passer_node, &is_in_the_middle).serve("passer", passer_node, &passes_on);
    on.serve("server", 1, &never_answers).play("asker", 1, &has_a_second);
    on.begin();
    on.advance(60s);
    REQUIRE(seen.answer->error() == errc::maybe_delivered);
    REQUIRE(seen.left <= 1s);
    REQUIRE(seen.left > 900ms);
    REQUIRE(seen.second->error() == errc::maybe_delivered);
    const duration took = seen.ended - time_point{10'000'000'000};
    if (how == 0)
        REQUIRE(took < 1100ms); // what was left
    else if (how == 1)
        REQUIRE(took > 2900ms); // what it asked for
    else
        REQUIRE(took > 20s); // a task beside serves nobody
}

TEST_CASE("a handler beyond its budget is ended, and its incarnation serves on", "[kernel][K53]") {
    const std::uint32_t server_node = GENERATE(1u, 2u);
    const std::uint32_t how = GENERATE(0u, 2u);
    seen = {};
    asked_number = how;
    kernel_limits limits;
    limits.handler_steps_max = 1'000;
    limits.handler_time_max = 60s;
    limits.lease = 1h;
    limits.evict_after = 2h;
    stage on;
    on.add(limits);
    on.add(limits);
    on.serve("server", server_node, &awaits_for_ever).play("asker", 1, &waits_for_an_answer);
    on.begin();
    on.advance(90s);
    REQUIRE(seen.answer.has_value());
    REQUIRE(seen.answer->error() == errc::handler_failed);
    const std::string text = seen.answer->error().describe();
    if (how == 0) {
        REQUIRE(text.find("handler_steps_max") != std::string::npos);
    } else {
        REQUIRE(text.find("handler_time_max") != std::string::npos);
        REQUIRE(seen.ended - time_point{} < 80s); // within a quarter more
    }
    REQUIRE(seen.second->value().text == "served");
}
