// The limits of a configuration, as a launch hands them on: `limit NAME credit`, `queue`, `calls`.
#include "stage.hpp"

#include <algorithm>

using namespace equus;
using namespace equus::test;

namespace {

constexpr int each_sends = 40;

incarnation_builder acting(std::string name, std::string part) {
    incarnation_builder made{std::move(name), "test.actor"};
    made.parameter("part", rdc_value{std::move(part)});
    return made;
}

port_status port_of(stage& on, std::string_view owner) {
    for (std::uint32_t node = 0; node < on.first.nodes_wanted; ++node)
        for (const incarnation_status& each : on.net[node].status().incarnations)
            if (each.name == owner)
                return each.ports.front();
    return {};
}

rdc_builder a_reader(part reads) {
    the_play.clear();
    the_play.parts["read"] = reads;
    the_play.parts["talk"] = [](actor& self) -> task<> {
        for (int i = 0; i < each_sends; ++i)
            co_await ok(
                co_await self.out.send<remark>(std::string{own_name()} + " " + std::to_string(i)));
        co_await sleep(1h);
    };
    rdc_builder made{"limited", 1};
    made.channel("asks", "test.talk");
    return made;
}

task<> reads_late(actor& self) {
    co_await sleep(10s);
    for (int i = 0; i < 3 * each_sends; ++i) {
        auto got = co_await self.in.receive().within(5s);
        if (!got)
            co_return;
        auto heard = got->take<remark>();
        say(heard->text);
    }
}

} // namespace

TEST_CASE("all streams into a port together send no more than its queue and one each",
          "[K28][rule17]") {
    const std::uint32_t node_count = GENERATE(1, 3);
    const std::uint32_t queue = GENERATE(1, 2, 7, 30);
    const std::uint32_t streams = 3;
    auto configuration = a_reader(reads_late);
    configuration.add(acting("reader", "read").primary().port("in", {"asks"}).queue(queue));
    configuration.add(
        acting("talker", "talk").counted(streams).stream("out", "asks").spread_over("nodes"));
    stage on{configuration.build(), node_count};
    on.run();
    on.net.advance(5s);
    const std::uint32_t queued = port_of(on, "reader").queued;
    CHECK(queued <= queue + streams);
    CHECK(queued >= std::min(queue, streams));

    on.net.advance(60s);
    REQUIRE(the_play.lines.size() == streams * each_sends);
    for (std::uint32_t i = 0; i < streams; ++i) {
        const std::string who = "talker[" + std::to_string(i) + "] ";
        int next = 0;
        for (const std::string& line : the_play.lines)
            if (line.rfind(who, 0) == 0)
                CHECK(line == who + std::to_string(next++));
        CHECK(next == each_sends);
    }
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::ok);
}

TEST_CASE("streams that share a queue end up with equal parts of it", "[K28]") {
    // The first has it all before the second comes; while both go on they come to share it.
    auto configuration = a_reader([](actor& self) -> task<> {
        co_await sleep(10s);
        std::map<char, int> heard;
        for (int i = 0; i < each_sends; ++i) {
            auto got = co_await ok(co_await self.in.receive());
            auto text = got.take<remark>();
            ++heard[text->text[7]];
        }
        say(std::to_string(std::min(heard['0'], heard['1']) > each_sends / 4));
    });
    configuration.add(acting("reader", "read").primary().port("in", {"asks"}).queue(8));
    configuration.add(
        acting("talker", "talk").counted(2).stream("out", "asks").spread_over("nodes"));
    stage on{configuration.build(), GENERATE(1u, 3u)};
    on.run();
    on.net.advance(60s);
    CHECK(the_play.lines == std::vector<std::string>{"1"});
}

TEST_CASE("the streams into a multicast channel's port keep to its queue too", "[K22][K28]") {
    auto configuration = a_reader(reads_late);
    configuration.channel("all", "test.talk", channel_kind::multicast);
    configuration.add(acting("reader", "read").primary().port("in", {"all"}).queue(3));
    configuration.add(acting("talker", "talk").stream("out", "all").spread_over("nodes"));
    stage on{configuration.build(), GENERATE(1u, 3u)};
    on.run();
    on.net.advance(5s);
    CHECK(port_of(on, "reader").queued <= 4);
    CHECK(port_of(on, "reader").queued >= 1);
    on.net.advance(60s);
    CHECK(the_play.lines.size() == each_sends);
}

TEST_CASE("a stream's credit limit holds though its port would take more", "[K28]") {
    auto configuration = a_reader(reads_late);
    configuration.add(acting("reader", "read").primary().port("in", {"asks"}));
    configuration.add(
        acting("talker", "talk").stream("out", "asks").credit(5).spread_over("nodes"));
    stage on{configuration.build(), GENERATE(1u, 3u)};
    on.run();
    on.net.advance(5s);
    CHECK(port_of(on, "reader").queued == 5);
    on.net.advance(60s);
    CHECK(the_play.lines.size() == each_sends);
}

TEST_CASE("no more calls of a stream are outstanding than its limit", "[K29]") {
    const std::uint32_t calls = GENERATE(0, 1, 2, 3);
    const std::uint32_t node_count = GENERATE(1, 3);
    the_play.clear();
    the_play.parts["ask"] = [](actor& self) -> task<> {
        auto first = self.out.invoke<question>("first");
        auto second = self.out.invoke<question>("second");
        auto third = self.out.invoke<question>("third");
        auto sent = co_await self.out.send<remark>("behind them");
        REQUIRE(sent);
        const auto done1 = co_await first;
        REQUIRE(done1);
        const auto done2 = co_await second;
        REQUIRE(done2);
        const auto done3 = co_await third;
        REQUIRE(done3);
        co_await sleep(5s); // until the remark has been heard too
    };
    the_play.parts["answer"] = [](actor& self) -> task<> {
        for (;;) {
            co_await sleep(1s); // whoever may ask has asked
            say(std::to_string(self.in.size()));
            auto got = co_await self.in.receive();
            if (!got)
                co_return;
            if (got->is<remark>()) {
                auto heard = got->take<remark>();
                say(heard->text);
                continue;
            }
            auto asked = got->take<question>();
            say(asked->text);
            answer back;
            got->reply<question>(std::move(back));
        }
    };
    rdc_builder configuration{"limited", 1};
    configuration.channel("asks", "test.talk");
    configuration.add(acting("asker", "ask").primary().stream("out", "asks").calls(calls));
    configuration.add(acting("server", "answer").port("in", {"asks"}).spread_over("nodes"));
    stage on{configuration.build(), node_count};
    on.run();
    on.net.advance(20s);
    const std::string at_most = std::to_string(calls == 3 ? 4 : std::max(calls, 1u));
    REQUIRE(the_play.lines.size() >= 8);
    CHECK(the_play.lines[0] == at_most);
    CHECK(the_play.lines[1] == "first");
    CHECK(the_play.lines[3] == "second");
    CHECK(the_play.lines[5] == "third");
    CHECK(the_play.lines[7] == "behind them");
    // The remark leaves with the last of the calls, not before.
    CHECK(the_play.lines[2] == (calls >= 2 ? "3" : "1"));
    CHECK(the_play.lines[4] == "2");
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::ok);
}

TEST_CASE("a call that waits for its turn ends at its deadline, and the next ones go on", "[K29]") {
    the_play.clear();
    the_play.parts["ask"] = [](actor& self) -> task<> {
        auto first = self.out.invoke<question>("first");
        auto second = self.out.invoke<question>("second");
        second.within(1s);
        auto third = self.out.invoke<question>("third");
        auto late = co_await second;
        REQUIRE_FALSE(late);
        say(std::string{text_of(late.error().code())});
        const auto done4 = co_await first;
        REQUIRE(done4);
        auto got = co_await third;
        REQUIRE(got);
        say(got->text);
    };
    the_play.parts["answer"] = [](actor& self) -> task<> {
        for (;;) {
            auto got = co_await self.in.receive();
            if (!got)
                co_return;
            co_await sleep(5s);
            auto asked = got->take<question>();
            answer back;
            back.text = asked->text;
            got->reply<question>(std::move(back));
        }
    };
    rdc_builder configuration{"limited", 1};
    configuration.channel("asks", "test.talk");
    configuration.add(acting("asker", "ask").primary().stream("out", "asks").calls(0));
    configuration.add(acting("server", "answer").port("in", {"asks"}).spread_over("nodes"));
    stage on{configuration.build(), GENERATE(1u, 3u)};
    on.run();
    on.net.advance(20s);
    CHECK(the_play.lines ==
          std::vector<std::string>{std::string{text_of(errc::timed_out)}, "third"});
}
