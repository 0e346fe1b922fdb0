// Incarnations that move while they are in use [K55-K58].
#include "movers.hpp"

using namespace equus;
using namespace equus::test;

namespace {

std::uint32_t client_at = 1;
std::string what_moves = "counter";

/// A client sends while what it sends to goes round the nodes.
task<> moves_a_receiver(director& me) {
    const director::made it = co_await me.make(what_moves, 2);
    co_await me.make_client(1, client_at, it.door, 200);
    for (const std::uint32_t node : {3u, 1u, 2u, 3u}) {
        co_await sleep(3ms);
        co_await me.move(it.handle, node);
    }
    co_await sleep(100ms);
    co_await me.look(it.door);
}

} // namespace

TEST_CASE("who sends to an incarnation that moves notices nothing",
          "[kernel][K55][K57][K64][rule2]") {
    client_at = GENERATE(1u, 2u, 3u);
    what_moves = GENERATE("counter", "reader");
    const bool copied = GENERATE(false, true);
    CAPTURE(client_at, what_moves, copied);
    theatre on{&moves_a_receiver, 3, copied};
    on.advance(1s);
    CAPTURE(lines);
    REQUIRE(lines ==
            std::vector<std::string>{"moved to 3", "moved to 1", "moved to 2", "moved to 3"});
    REQUIRE(sent_by[1] == 200);
    REQUIRE(tallies.size() == 1);
    CHECK(tallies[0].numbers == 200);
    CHECK(tallies[0].wrong == 0);
    CHECK(tallies[0].lives == 4);
    CHECK(tallies[0].node == 3);
    CHECK(on.count(0, what_moves) + on.count(1, what_moves) == 0);
}

namespace {

/// As fast as credit allows: there is always something under way and in the queue.
task<> moves_a_busy_receiver(director& me) {
    const director::made it = co_await me.make("counter", 2);
    for (const std::uint32_t node : {1u, 2u, 3u})
        co_await me.make_client(node, node, it.door, 3'000, 0);
    for (const std::uint32_t node : {3u, 1u, 2u, 1u, 3u, 2u})
        co_await me.move(it.handle, node);
    co_await sleep(100ms);
    co_await me.look(it.door);
}

} // namespace

TEST_CASE("queues move, and what is under way arrives once and in order", "[kernel][K55][K64]") {
    theatre on{&moves_a_busy_receiver};
    on.advance(2s);
    CAPTURE(lines);
    REQUIRE(tallies.size() == 1);
    CHECK(tallies[0].numbers == 9'000);
    CHECK(tallies[0].wrong == 0);
    CHECK(tallies[0].lives == 6);
}

namespace {

task<> moves_a_sender(director& me) {
    const director::made it = co_await me.make("counter", 2);
    const incarnation_handle sender = co_await me.make_client(1, client_at, it.door, 300);
    for (const std::uint32_t node : {3u, 2u, 1u, 2u, 3u}) {
        co_await sleep(3ms);
        co_await me.move(sender, node);
    }
    co_await sleep(100ms);
    co_await me.look(it.door);
}

task<> moves_both(director& me) {
    const director::made it = co_await me.make("counter", 2);
    const incarnation_handle sender = co_await me.make_client(1, client_at, it.door, 300);
    for (const std::uint32_t node : {3u, 2u, 1u, 2u, 3u, 1u}) {
        co_await sleep(2ms);
        task_group both;
        both.start(me.move(sender, node));
        both.start(me.move(it.handle, 4 - node));
        co_await both.all_ended();
    }
    co_await sleep(100ms);
    co_await me.look(it.door);
}

} // namespace

TEST_CASE("a sender moves with what it has under way", "[kernel][K55][rule5]") {
    client_at = GENERATE(1u, 2u, 3u);
    const bool copied = GENERATE(false, true);
    theatre on{&moves_a_sender, 3, copied};
    on.advance(1s);
    CAPTURE(lines, client_at, stopped_by);
    REQUIRE(sent_by[1] == 300);
    REQUIRE(tallies.size() == 1);
    CHECK(tallies[0].numbers == 300);
    CHECK(tallies[0].wrong == 0);
}

TEST_CASE("sender and receiver move at the same time", "[kernel][K55][rule8]") {
    client_at = GENERATE(1u, 2u, 3u);
    theatre on{&moves_both};
    on.advance(1s);
    CAPTURE(lines, client_at, stopped_by);
    REQUIRE(lines.size() == 12);
    for (const std::string& line : lines)
        CHECK(line.find("moved to ") == 0);
    REQUIRE(sent_by[1] == 300);
    REQUIRE(tallies.size() == 1);
    CHECK(tallies[0].numbers == 300);
    CHECK(tallies[0].wrong == 0);
}

namespace {

task<> moves_with_calls_queued(director& me) {
    const director::made it = co_await me.make("counter", 2);
    auto first = it.door.invoke<ask_tally>(20u); // in hand when the order comes
    auto second = it.door.invoke<ask_tally>(0u); // in the queue
    first.within(5s);
    second.within(5s);
    auto moved = co_await it.handle.migrate(node_id{3});
    auto one = co_await first;
    auto two = co_await second;
    say(moved ? "moved" : "stayed");
    if (one)
        tallies.push_back(*one);
    if (two)
        tallies.push_back(*two);
}

task<> moves_what_does_not_rest(director& me) {
    const director::made it = co_await me.make("counter", 2);
    auto slow = it.door.invoke<ask_tally>(500u);
    slow.within(5s);
    co_await sleep(1ms);
    auto moved = co_await it.handle.migrate(node_id{3}, 100ms);
    say(moved ? "moved" : moved.error().describe());
    auto answered = co_await slow;
    say(answered ? "answered" : "lost");
    co_await me.move(it.handle, 3);
    co_await me.move(it.handle, 9);
    co_await me.move(self_handle(), 2);
    co_await me.look(it.door);
}

} // namespace

TEST_CASE("invocations that wait at it move with it, one in hand is finished first",
          "[kernel][K55][K56]") {
    theatre on{&moves_with_calls_queued};
    on.advance(1s);
    CAPTURE(lines);
    REQUIRE(was_said("moved"));
    REQUIRE(tallies.size() == 2);
    CHECK(tallies[0].node == 2);
    CHECK(tallies[1].node == 3);
}

TEST_CASE("who does not come to rest in time stays, and says why", "[kernel][K56][rule10]") {
    theatre on{&moves_what_does_not_rest};
    on.advance(2s);
    CAPTURE(lines);
    REQUIRE(lines.size() >= 4);
    CHECK(lines[0].find("a message is in hand") != std::string::npos);
    CHECK(lines[1] == "answered");
    CHECK(lines[2] == "moved to 3");
    CHECK(lines[3].find("no_such_node") == 0);
    CHECK(lines[4].find("unsupported: it is the root of a computation") == 0);
    REQUIRE(tallies.size() == 1);
    CHECK(tallies[0].node == 3);
}

namespace {

std::function<void()> at_the_moment;

task<> moves_and_watches(director& me) {
    const director::made it = co_await me.make("counter", 2);
    co_await ok(co_await it.handle.watch(event_kind::migrated | event_kind::terminated));
    co_await me.move(it.handle, 3);
    auto heard = co_await next_event().within(1s);
    say(heard && heard->kind == event_kind::migrated && heard->node.node == node_id{3}
            ? "heard that it moved"
            : "heard nothing of it");
    co_await me.look(it.door);
    auto status = co_await it.handle.destroy();
    say(status ? "destroyed" : "not destroyed");
    heard = co_await next_event().within(1s);
    say(heard && heard->kind == event_kind::terminated && heard->reason == errc::cancelled
            ? "heard of its end"
            : "heard nothing of its end");
}

} // namespace

TEST_CASE("its parents go on as such, and hear of it", "[kernel][K55][K53]") {
    theatre on{&moves_and_watches};
    on.advance(1s);
    CAPTURE(lines);
    CHECK(was_said("heard that it moved"));
    CHECK(was_said("destroyed"));
    CHECK(was_said("heard of its end"));
    REQUIRE(tallies.size() == 1);
    CHECK(tallies[0].node == 3);
    CHECK(on.count(2, "counter") == 0);
}

namespace {

/// Node 2 has it first; it goes to 3, and node 2 is written off.
task<> leaves_a_node_that_dies(director& me) {
    const director::made it = co_await me.make("counter", 2);
    co_await me.make_client(1, 1, it.door, 300);
    co_await me.make_client(4, 4, it.door, 300);
    co_await sleep(3ms);
    co_await me.move(it.handle, 3);
    co_await sleep(1ms);
    at_the_moment();
    co_await sleep(100ms);
    co_await me.look(it.door);
    say(co_await me.move(it.handle, 4) ? "moves on" : "does not move on");
    co_await me.look(it.door);
}

} // namespace

TEST_CASE("the death of a node where it was before is nothing to it",
          "[kernel][K55][K58][rule15]") {
    theatre on{&leaves_a_node_that_dies, 4};
    at_the_moment = [&] {
        on.isolate(on[1]);
        on[0].evict(node_boot{node_id{2}, boot_number{2}});
    };
    on.advance(1s);
    CAPTURE(lines, stopped_by);
    REQUIRE(tallies.size() == 2);
    CHECK(tallies[0].numbers == 600);
    CHECK(tallies[0].wrong == 0);
    CHECK(tallies[0].node == 3);
    CHECK(tallies[1].node == 4);
}
