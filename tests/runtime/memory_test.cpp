#include "actors.hpp"
#include "memory_unthrowing.hpp"

#include <optional>
#include <stdexcept>
#include <thread>

using namespace equus;
using namespace equus::test;

namespace {

constexpr std::size_t kib = 1024;

/// What incarnations leave behind for the assertions, and what outlives them.
struct diary {
    std::vector<std::string> lines;
    std::optional<result<told>> first;
    std::optional<result<told>> second;
    std::vector<std::string> kept;
    std::vector<event> events;
};
diary seen;

creation with_memory(std::uint64_t limit_bytes) {
    creation what;
    what.memory_bytes = limit_bytes;
    return what;
}

std::uint64_t memory_of(kernel& node, std::string_view name) {
    for (const incarnation_status& row : node.status().incarnations)
        if (row.name == name)
            return row.memory_bytes;
    return 0;
}

/// 0: never stops; 1: fills three quarters of a mebibyte and gives them back; 2: keeps 100 KiB;
/// 3: says so much that its caller may not have it.
task<told> serves(ask a) {
    std::vector<std::string> pile;
    if (a.number == 0)
        while (true)
            pile.emplace_back(10 * kib, 'x');
    if (a.number == 1)
        for (int i = 0; i < 75; ++i)
            pile.emplace_back(10 * kib, 'x');
    if (a.number == 2)
        seen.kept.emplace_back(100 * kib, 'k');
    if (a.number == 3)
        co_return told{std::string(300 * kib, 't')};
    co_return told{"served"};
}

task<> asks_for_too_much(actor& me) {
    const auto out = co_await me.reach("server");
    seen.first = co_await out.invoke<ask>(0u);
    for (int i = 0; i < 10; ++i)
        seen.second = co_await out.invoke<ask>(1u);
    out.close();
}

task<> keeps_what_it_gets(actor& me) {
    while (true) {
        auto got = co_await me.in.receive();
        auto message = got->take<hand_over>();
        if (!message) {
            seen.lines.push_back(message.error().describe());
            continue;
        }
        if (message->text == "drop") {
            std::vector<std::string> dropped;
            dropped.swap(seen.kept);
        } else {
            seen.kept.push_back(std::move(message->text));
        }
    }
}
task<> hands_over(actor& me) {
    const auto out = co_await me.reach("keeper");
    for (int i = 0; i < 3; ++i) {
        std::string text(100 * kib, 'h');
        co_await ok(
            co_await out.send<hand_over>(any_reference{}, std::move(text), any_reference{}));
    }
    while (true)
        co_await sleep(1h);
}
task<> hands_over_without_end(actor& me) {
    const auto out = co_await me.reach("keeper");
    for (int i = 0; i < 100; ++i) {
        std::string text(100 * kib, 'h');
        co_await ok(
            co_await out.send<hand_over>(any_reference{}, std::move(text), any_reference{}));
    }
    co_await ok(co_await out.send<hand_over>(any_reference{}, "drop", any_reference{}));
    std::string text(100 * kib, 'l');
    co_await ok(co_await out.send<hand_over>(any_reference{}, std::move(text), any_reference{}));
    while (true)
        co_await sleep(1h);
}
task<> asks_to_be_told(actor& me) {
    const auto out = co_await me.reach("server");
    seen.first = co_await out.invoke<ask>(3u);
    seen.second = co_await out.invoke<ask>(1u);
    while (true)
        co_await sleep(1h);
}
task<> leaves_something(actor&) {
    seen.kept.emplace_back(500 * kib, 'o');
    while (true)
        co_await sleep(1h);
}
task<> fails_for_memory(actor&) {
    std::vector<std::string> pile;
    co_await sleep(1ms);
    while (true)
        pile.emplace_back(kib, 'x');
}
task<> hears_of(actor& me) {
    const any_reference got = co_await me.find("greedy!");
    const incarnation_handle greedy{got};
    co_await ok(co_await greedy.watch());
    seen.events.push_back(*co_await next_event());
}

class unmakable : public incarnation<unmakable> {
public:
    port<words> in{*this, "in"};
    unmakable() {
        if (may_fail)
            throw std::runtime_error{"no such press"};
    }
    told on(ask) { return {}; }
    void on(say) {}
    void on(hand_over) {}
    given_back on(borrow) { return {}; }
    static inline bool may_fail = false;
};

class creator : public incarnation<creator> {
public:
    task<> main() {
        creation what;
        what.module = "unthrowing";
        what.memory_bytes = 2u << 20;
        what.watched = true;
        for (const std::uint32_t megabytes : {1u, 5u}) {
            what.parameters["megabytes"] = megabytes;
            co_await ok(co_await create(what, node_id{}));
            seen.events.push_back(*co_await next_event());
        }
    }
};

} // namespace

TEST_CASE("a handler that allocates without limit fails its caller, and only that", "[kernel]") {
    seen = {};
    stage on;
    on.add();
    on.serve("server", 1, &serves, with_memory(1 << 20));
    on.play("asker", 1, &asks_for_too_much);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.first.has_value());
    REQUIRE(seen.first->error() == errc::handler_failed);
    REQUIRE(seen.first->error().describe().find("out of memory") != std::string::npos);
    REQUIRE(seen.second.has_value());
    REQUIRE(seen.second->value().text == "served"); // with all its memory to itself again
    REQUIRE(memory_of(on[0], "server") < 50 * kib);
}

TEST_CASE("who takes a message has its memory, moved or copied", "[kernel]") {
    const bool copied = GENERATE(false, true);
    seen = {};
    {
        stage on{copied};
        on.add();
        on.play("keeper", 1, &keeps_what_it_gets).play("giver", 1, &hands_over);
        on.begin();
        on.advance(1s);
        REQUIRE(seen.kept.size() == 3);
        REQUIRE(memory_of(on[0], "keeper") > 300 * kib);
        REQUIRE(memory_of(on[0], "giver") < 100 * kib);
        std::vector<std::string> dropped;
        dropped.swap(seen.kept);
        dropped.clear(); // by the node itself, so to say
        REQUIRE(memory_of(on[0], "keeper") < 100 * kib);
    }
}

TEST_CASE("a receiver over its limit is refused the next message, and goes on", "[kernel]") {
    const bool copied = GENERATE(false, true);
    seen = {};
    stage on{copied};
    on.add();
    on.play("keeper", 1, &keeps_what_it_gets, with_memory(2 << 20));
    on.play("giver", 1, &hands_over_without_end);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.lines.size() > 50);
    REQUIRE(seen.lines[0].find("out of memory") != std::string::npos);
    REQUIRE(seen.kept.size() == 1); // what came after it had made room
    REQUIRE(memory_of(on[0], "keeper") < 400 * kib);
}

TEST_CASE("an answer is the caller's memory, or is refused to it", "[kernel]") {
    const std::uint32_t server_node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    const bool small = GENERATE(false, true);
    seen = {};
    stage on{copied};
    on.add();
    on.add();
    on.serve("server", server_node, &serves);
    on.play("asker", 1, &asks_to_be_told, with_memory(small ? 200 * kib : 0));
    on.begin();
    on.advance(1s);
    REQUIRE(seen.second->value().text == "served");
    if (small) {
        REQUIRE(seen.first->error() == errc::out_of_memory);
        return;
    }
    REQUIRE(seen.first->value().text.size() == 300 * kib);
    REQUIRE(memory_of(on[0], "asker") > 300 * kib);
    REQUIRE(memory_of(on[server_node - 1], "server") < 100 * kib);
    seen = {};
    REQUIRE(memory_of(on[0], "asker") < 100 * kib);
}

TEST_CASE("memory is given back to who had it, from any thread and after its end", "[kernel]") {
    seen = {};
    {
        stage on;
        on.add();
        on.play("leaver", 1, &leaves_something);
        on.begin();
        on.advance(1s);
        const std::uint64_t before = memory_of(on[0], "leaver");
        REQUIRE(before > 500 * kib);
        std::thread elsewhere{[] {
            std::vector<std::string> dropped;
            dropped.swap(seen.kept);
        }};
        elsewhere.join();
        REQUIRE(memory_of(on[0], "leaver") < before - 500 * kib);
    }
    {
        stage on;
        on.add();
        on.play("leaver", 1, &leaves_something);
        on.begin();
        on.advance(1s);
        REQUIRE(seen.kept.size() == 1);
    }
    REQUIRE(seen.kept[0].size() == 500 * kib); // the node is gone; a sanitizer sees the rest
}

TEST_CASE("a main() out of memory ends its incarnation with that reason", "[kernel][K53]") {
    seen = {};
    stage on;
    on.add();
    on.play("greedy", 1, &fails_for_memory, with_memory(1 << 20)).play("watcher", 1, &hears_of);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.events.size() == 1);
    REQUIRE(seen.events[0].reason == errc::out_of_memory);
}

TEST_CASE("code that takes no exception gets its memory and ends over its limit", "[kernel]") {
    seen = {};
    module_table modules;
    add_unthrowing(modules);
    modules.add<creator>("creator");
    nodes net{modules};
    kernel& root = net.add();
    creation what;
    what.module = "creator";
    REQUIRE(net.boot(root, what));
    net.advance(1s);
    REQUIRE(seen.events.size() == 2);
    REQUIRE(seen.events[0].reason == errc::ok);
    REQUIRE(seen.events[0].result == 7);
    REQUIRE(seen.events[1].reason == errc::out_of_memory);
}

TEST_CASE("a class that cannot be constructed is refused with its words", "[kernel][K7]") {
    unmakable::may_fail = false;
    module_table modules;
    modules.add<unmakable>("unmakable");
    unmakable::may_fail = true;
    nodes net{modules};
    kernel& root = net.add();
    creation what;
    what.module = "unmakable";
    const auto made = net.boot(root, what);
    REQUIRE_FALSE(made);
    REQUIRE(made.error().describe().find("no such press") != std::string::npos);
    REQUIRE(root.status().incarnations.empty());
}
