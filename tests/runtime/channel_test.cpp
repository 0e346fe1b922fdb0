#include "actors.hpp"

#include <map>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::map<std::string, std::vector<std::uint32_t>, std::less<>> heard;
    std::uint32_t sent = 0;
    std::vector<error> errors;
};
diary seen;

task<> makes_multicast(actor& me) {
    co_await me.offer("channel", make_channel("test.words", channel_kind::multicast));
    co_await sleep(1'000s);
}
task<> makes_anycast(actor& me) {
    co_await me.offer("channel", make_channel("test.words", channel_kind::anycast));
    co_await sleep(1'000s);
}

task<> hears(actor& me) {
    co_await ok(co_await join_channel(me.in, co_await me.find("channel")));
    while (auto got = co_await me.in.receive())
        if (auto said = got->take<say>())
            seen.heard[std::string{own_name()}].push_back(said->number);
}
task<> joins_late(actor& me) {
    co_await sleep(30ms);
    co_await hears(me);
}
/// Hears five and ends, and its port with it.
task<> hears_five(actor& me) {
    co_await ok(co_await join_channel(me.in, co_await me.find("channel")));
    for (int i = 0; i < 5; ++i) {
        auto got = co_await ok(co_await me.in.receive());
        if (auto said = got.take<say>())
            seen.heard[std::string{own_name()}].push_back(said->number);
    }
}
task<> joins_and_never_reads(actor& me) {
    set_credit(me.in, 3);
    co_await ok(co_await join_channel(me.in, co_await me.find("channel")));
    co_await sleep(100ms);
}

/// One number a millisecond.
task<> says_fifty(actor& me) {
    const any_reference channel = co_await me.find("channel");
    const auto out = co_await ok(channel.as_stream<words>());
    for (std::uint32_t i = 1; i <= 50; ++i) {
        auto sent = co_await out.send<say>(i);
        if (!sent)
            seen.errors.push_back(sent.error());
        else
            ++seen.sent;
        co_await sleep(1ms);
    }
}
task<> says_without_ports(actor& me) {
    const any_reference channel = co_await me.find("channel");
    const auto out = co_await ok(channel.as_stream<words>());
    auto sent = co_await out.send<say>(1u).within(10ms);
    seen.errors.push_back(sent.error());
    auto asked = co_await out.invoke<ask>(1u).within(10ms);
    seen.errors.push_back(asked.error());
}

task<> makes_multicast_for_a_while(actor& me) {
    co_await me.offer("channel", make_channel("test.words", channel_kind::multicast));
    co_await sleep(20ms);
}

std::vector<std::uint32_t> from_to(std::uint32_t first, std::uint32_t last) {
    std::vector<std::uint32_t> out;
    for (std::uint32_t i = first; i <= last; ++i)
        out.push_back(i);
    return out;
}

} // namespace

TEST_CASE("a multicast member hears all from its joining on, in order, once",
          "[kernel][K25][inc_chanCreate]") {
    const bool copied = GENERATE(false, true);
    const std::uint32_t creator = GENERATE(1u, 3u);
    const std::uint32_t speaker = GENERATE(1u, 2u);
    seen = {};
    stage on{copied};
    for (int i = 0; i < 3; ++i)
        on.add();
    on.play("creator", creator, &makes_multicast).play("a", 1, &hears).play("b", 2, &hears);
    on.play("late", 3, &joins_late).play("speaker", speaker, &says_fifty);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.sent == 50);
    // Whoever joined before the first message has all of them; the order of joining is chance.
    for (const char* name : {"a", "b", "late"}) {
        const auto& heard = seen.heard[name];
        REQUIRE_FALSE(heard.empty());
        REQUIRE(heard == from_to(heard.front(), 50));
    }
    REQUIRE(seen.heard["late"].front() > 10);
    REQUIRE(std::min(seen.heard["a"].front(), seen.heard["b"].front()) == 1);
}

TEST_CASE("a multicast member that ends leaves; the others go on", "[kernel][K25]") {
    const std::uint32_t leaver = GENERATE(1u, 2u, 3u);
    seen = {};
    stage on;
    for (int i = 0; i < 3; ++i)
        on.add();
    on.play("creator", 1, &makes_multicast).play("a", 2, &hears);
    on.play("leaver", leaver, &hears_five).play("speaker", 2, &says_fifty);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.sent == 50);
    REQUIRE(seen.errors.empty());
    REQUIRE(seen.heard["leaver"].size() == 5);
    REQUIRE(seen.heard["a"].back() == 50);
    REQUIRE(seen.heard["a"] == from_to(seen.heard["a"].front(), 50));
}

TEST_CASE("a multicast member that does not read stops its senders until it has gone",
          "[kernel][K28]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("creator", 1, &makes_multicast).play("a", 1, &hears);
    on.play("stuck", node, &joins_and_never_reads);
    on.play("speaker", 1, [](actor& me) -> task<> {
        co_await sleep(5ms);
        co_await says_fifty(me);
    });
    on.begin();
    on.advance(90ms);
    REQUIRE(seen.sent < 50);
    on.advance(1s);
    REQUIRE(seen.sent == 50);
    REQUIRE(seen.heard["a"] == from_to(1, 50));
}

TEST_CASE("a multicast member whose node is lost is written off; the others go on",
          "[kernel][K25]") {
    seen = {};
    stage on;
    kernel& root = on.add();
    on.add();
    kernel& third = on.add();
    on.play("creator", 1, &makes_multicast).play("a", 2, &hears).play("lost", 3, &hears);
    on.play("speaker", 1, &says_fifty);
    on.begin();
    on.advance(20ms);
    on.isolate(third);
    root.evict(third.self());
    on.advance(1s);
    REQUIRE(seen.sent == 50);
    REQUIRE(seen.heard["a"] == from_to(seen.heard["a"].front(), 50));
    REQUIRE(seen.heard["lost"].size() < 50);
}

TEST_CASE("a channel ends with its creator, and says so to its senders", "[kernel][rule-20]") {
    const std::uint32_t creator = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("creator", creator, &makes_multicast_for_a_while);
    on.play("a", 1, &hears).play("b", 2, &hears).play("speaker", 1, &says_fifty);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.sent < 50);
    REQUIRE(seen.errors.size() == 50 - seen.sent);
    REQUIRE(seen.errors.front() == errc::broken);
    for (const char* name : {"a", "b"})
        REQUIRE(seen.heard[name].back() == seen.sent);
    // Nothing is left of it at the ports: no cursor waits for a stream that will not go on.
    for (std::size_t node = 0; node < 2; ++node)
        for (const incarnation_status& row : on[node].status().incarnations)
            if (row.name == "a" || row.name == "b")
                REQUIRE(row.ports.at(0).streams == 0);
}

TEST_CASE("an anycast channel gives each message to one member", "[kernel][K22][inc_chanCreate]") {
    const bool copied = GENERATE(false, true);
    seen = {};
    stage on{copied};
    for (int i = 0; i < 3; ++i)
        on.add();
    on.play("creator", 1, &makes_anycast).play("a", 1, &hears).play("b", 2, &hears);
    on.play("late", 3, &joins_late).play("speaker", 2, &says_fifty);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.sent == 50);
    std::vector<std::uint32_t> all;
    for (const auto& [name, heard] : seen.heard) {
        REQUIRE(std::is_sorted(heard.begin(), heard.end()));
        all.insert(all.end(), heard.begin(), heard.end());
    }
    std::sort(all.begin(), all.end());
    REQUIRE(all == from_to(1, 50));
    REQUIRE(seen.heard["late"].size() >= 3);
    REQUIRE(seen.heard["a"].size() >= 10);
    REQUIRE(seen.heard["b"].size() >= 10);
}

TEST_CASE("an anycast member that ends takes no message with it that it was not given",
          "[kernel][K22]") {
    const std::uint32_t leaver = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.add();
    on.add();
    on.play("creator", 1, &makes_anycast).play("a", 1, &hears);
    on.play("leaver", leaver, &hears_five).play("speaker", 1, &says_fifty);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.sent == 50);
    REQUIRE(seen.heard["leaver"].size() == 5);
    REQUIRE(seen.heard["a"].size() == 45);
}

TEST_CASE("a channel without a port keeps its senders waiting; a multicast one takes no invocation",
          "[kernel][K22]") {
    const bool anycast = GENERATE(false, true);
    seen = {};
    stage on;
    on.add();
    on.play("creator", 1, anycast ? &makes_anycast : &makes_multicast);
    on.play("speaker", 1, &says_without_ports);
    on.begin();
    on.advance(1s);
    REQUIRE(seen.errors.size() == 2);
    REQUIRE(seen.errors[0] == errc::timed_out);
    REQUIRE(seen.errors[1] == (anycast ? errc::timed_out : errc::unsupported));
}
