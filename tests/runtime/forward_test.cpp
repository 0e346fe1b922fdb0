#include "actors.hpp"

#include <optional>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::optional<result<told>> answer;
    std::vector<std::string> answers;
    std::optional<error> refusal;
    std::uint32_t served = 0;
    std::uint32_t passed_on = 0;
    bool held = false;
};
diary seen;

task<> asks_once(actor& me) {
    const auto out = co_await me.reach("middle");
    seen.answer = co_await out.invoke<ask>(7u).within(for_ever);
}

task<> asks_fifty(actor& me) {
    const auto out = co_await me.reach("middle");
    for (std::uint32_t i = 0; i < 50; ++i) {
        auto got = co_await out.invoke<ask>(i);
        seen.answers.push_back(got ? got->text : got.error().describe());
    }
}

task<> asks_at_once(actor& me) {
    const auto out = co_await me.reach("middle");
    auto a = out.invoke<ask>(1u);
    auto b = out.invoke<ask>(2u);
    auto c = out.invoke<ask>(3u);
    auto third = co_await c;
    auto second = co_await b;
    auto first = co_await a;
    for (const auto* each : {&first, &second, &third})
        seen.answers.push_back(*each ? (*each)->text : each->error().describe());
}

task<> passes_on(actor& me) {
    const auto onward = co_await me.reach("server");
    while (auto got = co_await me.in.receive()) {
        auto passed = co_await onward.forward(*got);
        if (passed)
            ++seen.passed_on;
        else
            seen.refusal = passed.error();
    }
}

task<> serves(actor& me) {
    while (auto got = co_await me.in.receive()) {
        if (auto asked = got->take<ask>()) {
            ++seen.served;
            got->reply<ask>(told{"served " + std::to_string(asked->number)});
        }
    }
}

task<> serves_slowly(actor& me) {
    set_credit(me.in, 1);
    while (auto got = co_await me.in.receive()) {
        co_await sleep(10ms);
        if (auto asked = got->take<ask>())
            got->reply<ask>(told{"served " + std::to_string(asked->number)});
    }
}

task<> holds(actor& me) {
    auto got = co_await me.in.receive();
    seen.held = true;
    co_await sleep(1'000s);
}

task<> takes_it_out_first(actor& me) {
    const auto onward = co_await me.reach("server");
    auto got = co_await me.in.receive();
    auto taken = got->take<ask>();
    auto passed = co_await onward.forward(*got);
    seen.refusal = passed.error();
    got->reply<ask>(told{"myself"});
}

task<> sends_back(actor& me) {
    const auto onward = co_await me.reach("middle");
    while (auto got = co_await me.in.receive()) {
        auto passed = co_await onward.forward(*got);
        if (!passed)
            got->reply_error(std::move(passed.error()));
    }
}
task<> sends_back_too(actor& me) {
    const auto onward = co_await me.reach("server");
    while (auto got = co_await me.in.receive()) {
        auto passed = co_await onward.forward(*got);
        if (!passed)
            got->reply_error(std::move(passed.error()));
    }
}

} // namespace

TEST_CASE("a forwarded invocation is answered to who made it", "[kernel][K24][inc_forward]") {
    const std::uint32_t middle = GENERATE(1u, 2u);
    const std::uint32_t server = GENERATE(1u, 2u, 3u);
    const bool copied = GENERATE(false, true);
    seen = {};
    stage on{copied};
    for (int i = 0; i < 3; ++i)
        on.add();
    on.play("asker", 1, &asks_fifty).play("middle", middle, &passes_on);
    on.play("server", server, &serves);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.answers.size() == 50);
    for (std::uint32_t i = 0; i < 50; ++i)
        REQUIRE(seen.answers[i] == "served " + std::to_string(i));
    REQUIRE(seen.passed_on == 50);
    REQUIRE(seen.served == 50);
    // The middle keeps nothing: its sender has all its credit back.
    for (std::uint32_t i = 0; i < 3; ++i)
        for (const incarnation_status& row : on[i].status().incarnations)
            REQUIRE(row.calls_waiting == 0);
}

TEST_CASE("a message whose object was taken out is not forwarded, and stays in hand",
          "[kernel][K24]") {
    const std::uint32_t middle = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("asker", 1, &asks_once).play("middle", middle, &takes_it_out_first);
    on.play("server", 1, &serves);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.refusal.has_value());
    REQUIRE(*seen.refusal == errc::invalid_argument);
    REQUIRE(seen.refusal->describe().find("taken out") != std::string::npos);
    REQUIRE(seen.answer.has_value());
    REQUIRE(seen.answer->value().text == "myself");
    REQUIRE(seen.served == 0);
}

TEST_CASE("forwarding waits for credit", "[kernel][K24]") {
    const std::uint32_t server = GENERATE(1u, 2u);
    seen = {};
    stage on;
    kernel_limits small;
    small.credit_initial = 1;
    on.add(small);
    on.add(small);
    on.play("asker", 1, &asks_at_once).play("middle", 2, &passes_on);
    on.play("server", server, &serves_slowly);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.answers == std::vector<std::string>{"served 1", "served 2", "served 3"});
    REQUIRE(seen.passed_on == 3);
}

TEST_CASE("a call that was forwarded ends with the node that holds it, not with the one it came by",
          "[kernel][K24]") {
    seen = {};
    stage on;
    kernel& root = on.add();
    kernel& second = on.add();
    kernel& third = on.add();
    on.play("asker", 1, &asks_once).play("middle", 2, &passes_on).play("server", 3, &holds);
    on.begin();
    on.advance(100ms);
    REQUIRE(seen.held);
    on.isolate(second);
    root.evict(second.self());
    on.advance(1s);
    REQUIRE_FALSE(seen.answer.has_value()); // the third has it
    on.isolate(third);
    root.evict(third.self());
    on.advance(1s);
    REQUIRE(seen.answer.has_value());
    REQUIRE(seen.answer->error() == errc::maybe_delivered);
}

TEST_CASE("a call that was forwarded to a lost node and never arrived is ended by who forwarded it",
          "[kernel][K24]") {
    seen = {};
    stage on;
    kernel& root = on.add();
    on.add();
    kernel& third = on.add();
    on.play("middle", 2, &passes_on).play("server", 3, &holds);
    on.play("asker", 1, [](actor& me) -> task<> {
        co_await sleep(200ms);
        co_await asks_once(me);
    });
    on.begin();
    on.advance(100ms);
    on.isolate(third);
    on.advance(500ms);
    REQUIRE(seen.passed_on == 1);
    REQUIRE_FALSE(seen.held);
    REQUIRE_FALSE(seen.answer.has_value());
    root.evict(third.self());
    on.advance(1s);
    REQUIRE(seen.answer.has_value());
    REQUIRE(seen.answer->error() == errc::maybe_delivered);
}

TEST_CASE("a message does not circle for ever", "[kernel][K24]") {
    const std::uint32_t server = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("asker", 1, &asks_once).play("middle", 1, &sends_back_too);
    on.play("server", server, &sends_back);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.answer.has_value());
    REQUIRE(seen.answer->error() == errc::limit_reached);
    REQUIRE(seen.answer->error().describe().find("forwards_max") != std::string::npos);
}
