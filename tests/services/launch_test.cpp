#include "stage.hpp"

#include <equus/rights.hpp>

using namespace equus;
using namespace equus::test;
using launching::progress_kind;

namespace {

incarnation_builder acting(std::string name, std::string part = {}) {
    incarnation_builder made{std::move(name), "test.actor"};
    if (!part.empty())
        made.parameter("part", rdc_value{std::move(part)});
    return made;
}

/// A primary that plays `part`, and whatever the test adds.
rdc_builder a_play(part primary) {
    the_play.clear();
    the_play.parts["primary"] = primary;
    rdc_builder made{"play", 1};
    made.channel("asks", "test.talk");
    return made;
}

std::string status_lines(stage& on, std::size_t node) {
    std::string lines;
    for (const incarnation_status& each : on.net[node].status().incarnations)
        lines += each.name + "\n";
    return lines;
}

} // namespace

TEST_CASE("a computation ends with the result of its primary, and nothing of it is left", "[K54]") {
    stage on{a_play([](actor& self) -> task<> {
                 auto got = co_await self.out.invoke<question>("well?");
                 REQUIRE(got);
                 say(got->text);
                 end_self(7);
             })
                 .add(acting("manager", "primary").primary().stream("out", "asks"))
                 .add(acting("helper").port("in", {"asks"}))
                 .build()};
    on.run();
    on.net.advance(100ms);
    CHECK(the_play.lines == std::vector<std::string>{"helper: well?"});
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::ok);
    CHECK(on.end()->result == 7);
    CHECK(on.find(progress_kind::running));
    CHECK(status_lines(on, 0) == "");
}

TEST_CASE("incarnations that wait for each other's labels are wired in any order",
          "[K34][ss_isStream][ss_isPort]") {
    // Each streams to the other: neither can be complete first.
    auto configuration = a_play([](actor& self) -> task<> {
        auto got = co_await self.out.invoke<question>("ring");
        REQUIRE(got);
        say(got->text);
    });
    the_play.parts["pass"] = [](actor& self) -> task<> {
        auto asked = co_await self.in.receive();
        REQUIRE(asked);
        auto text = asked->take<question>();
        auto got = co_await self.out.invoke<question>(std::string{own_name()} + " " + text->text);
        REQUIRE(got);
        asked->reply<question>(std::move(*got));
        co_await sleep(1s);
    };
    configuration.channel("ab", "test.talk").channel("bc", "test.talk").channel("ca", "test.talk");
    const bool reversed = GENERATE(false, true);
    const std::uint32_t node_count = GENERATE(1, 3);
    const bool copied = GENERATE(false, true);
    const char* names[] = {"a", "b", "c"};
    configuration.add(acting("p", "primary").primary().stream("out", "ab"));
    const char* ports[] = {"ab", "bc", "ca"};
    const char* streams[] = {"bc", "ca", "last"};
    configuration.channel("last", "test.talk");
    for (int i = 0; i < 3; ++i)
        configuration.add(
            acting(std::string{reversed ? "z" : "m"} + names[reversed ? 2 - i : i], "pass")
                .port("in", {ports[i]})
                .stream("out", streams[i])
                .spread_over("nodes"));
    configuration.add(acting("echo").port("in", {"last"}));
    stage on{configuration.build(), node_count, copied};
    on.run();
    on.net.advance(10s);
    REQUIRE(the_play.lines.size() == 1);
    CHECK(the_play.lines[0] == (reversed ? "echo: za zb zc ring" : "echo: mc mb ma ring"));
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::ok);
}

TEST_CASE("a worker that comes late is wired by the same labels", "[K36]") {
    const std::uint32_t node_count = GENERATE(1, 3);
    auto configuration = a_play([](actor& self) -> task<> {
        co_await sleep(1s);
        const rdc_services rdc;
        auto made = co_await rdc.instantiate("worker", 3);
        REQUIRE(made.made.size() == 3);
        REQUIRE(made.reason == errc::ok);
        for (const launching::instance& each : made.made)
            say(each.name);
        for (int i = 0; i < 3; ++i) {
            auto heard = co_await self.in.receive();
            REQUIRE(heard);
            auto text = heard->take<remark>();
            say(text->text);
        }
    });
    the_play.parts["work"] = [](actor& self) -> task<> {
        auto sent = co_await self.out.send<remark>("at work");
        REQUIRE(sent);
        co_await sleep(1h);
    };
    configuration.add(acting("manager", "primary").primary().port("in", {"asks"}));
    configuration.blueprint(acting("worker", "work").stream("out", "asks").spread_over("nodes"));
    stage on{configuration.build(), node_count};
    on.run();
    on.net.advance(3s);
    CHECK(the_play.lines == std::vector<std::string>{"worker[0]", "worker[1]", "worker[2]",
                                                     "at work", "at work", "at work"});
    REQUIRE(on.find(progress_kind::created, "worker[2]"));
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::ok);
}

TEST_CASE("what is sent to a multicast channel reaches every port that joined it", "[K22][K34]") {
    const std::uint32_t node_count = GENERATE(1, 3);
    auto configuration = a_play([](actor& self) -> task<> {
        co_await sleep(1s);
        auto sent = co_await self.out.send<remark>("news");
        REQUIRE(sent);
        co_await sleep(1s);
    });
    configuration.channel("all", "test.talk", channel_kind::multicast);
    configuration.add(acting("manager", "primary").primary().stream("out", "all"));
    configuration.add(acting("reader").counted(3).port("in", {"all"}).spread_over("nodes"));
    stage on{configuration.build(), node_count};
    on.run();
    on.net.advance(3s);
    std::sort(the_play.lines.begin(), the_play.lines.end());
    CHECK(the_play.lines == std::vector<std::string>{"reader[0] heard news", "reader[1] heard news",
                                                     "reader[2] heard news"});
}

TEST_CASE("an interface that nothing was wired to says so when it is used", "[K34]") {
    auto configuration = a_play([](actor& self) -> task<> {
        auto sent = co_await self.out.send<remark>("hello?");
        say(std::string{name_of(sent.error().code())});
    });
    configuration.add(acting("manager", "primary").primary());
    stage on{configuration.build()};
    on.run();
    CHECK(the_play.lines == std::vector<std::string>{"not_wired"});
}

TEST_CASE("an interface that cannot be wired ends its incarnation, and the others go on",
          "[K34][K53]") {
    auto configuration = a_play([](actor&) -> task<> { co_await sleep(1s); });
    configuration.add(acting("manager", "primary").primary().port("in", {"asks"}));
    configuration.add(acting("wrong").stream("odd", "asks"));
    configuration.add(acting("second").port("in", {"asks"}));
    stage on{configuration.build()};
    on.run();
    on.net.advance(500ms);
    CHECK_FALSE(on.end());
    const auto* wrong = on.find(progress_kind::failed, "wrong");
    REQUIRE(wrong);
    CHECK(wrong->reason == errc::wrong_protocol);
    CHECK(wrong->text.find("stream 'odd', label 'asks'") != std::string::npos);
    const auto* second = on.find(progress_kind::failed, "second");
    if (!second)
        second = on.find(progress_kind::failed, "manager");
    REQUIRE(second);
    CHECK(second->reason == errc::already_exists);
    CHECK(second->text.find("port 'in', label 'asks'") != std::string::npos);
}

TEST_CASE("a failing incarnation is reported by name and reason, and the rest goes on", "[K53]") {
    auto configuration = a_play([](actor&) -> task<> { co_await sleep(1s); });
    the_play.parts["fail"] = [](actor&) -> task<> {
        co_await ok(fail(errc::io_failed, "the disc is on fire"));
    };
    configuration.add(acting("manager", "primary").primary());
    configuration.add(acting("unlucky").counted(2));
    configuration.add(acting("doomed", "fail"));
    stage on{configuration.build()};
    on.run();
    const auto* failed = on.find(progress_kind::failed, "doomed");
    REQUIRE(failed);
    CHECK(failed->reason == errc::io_failed);
    CHECK(failed->text.find("the disc is on fire") != std::string::npos);
    CHECK(on.count(0, "unlucky") == 2);
    on.net.advance(2s);
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::ok);
}

TEST_CASE("a primary that fails ends the computation with its reason", "[K53]") {
    auto configuration =
        a_play([](actor&) -> task<> { co_await ok(fail(errc::refused, "not in the mood")); });
    configuration.add(acting("manager", "primary").primary());
    stage on{configuration.build()};
    on.run();
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::refused);
    CHECK(on.end()->result == 1);
    CHECK(on.end()->text.find("'manager'") != std::string::npos);
    CHECK(on.end()->text.find("not in the mood") != std::string::npos);
}

TEST_CASE("a module that no node has ends the computation before anything runs", "[K2]") {
    auto configuration = a_play([](actor&) -> task<> {
        say("ran");
        co_return;
    });
    configuration.add(acting("manager", "primary").primary());
    configuration.add(incarnation_builder{"ghost", "test.ghost"});
    stage on{configuration.build()};
    on.run();
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::no_such_module);
    CHECK(on.end()->text.find("test.ghost") != std::string::npos);
    CHECK(the_play.lines.empty());
}

TEST_CASE("what the creation refuses ends the computation with the incarnation's name", "[K7]") {
    auto configuration = a_play([](actor&) -> task<> { co_await sleep(1s); });
    configuration.add(acting("manager", "primary").primary());
    configuration.add(acting("odd").parameter("colour", rdc_value{"red"}));
    stage on{configuration.build()};
    on.run();
    on.net.advance(100ms);
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::invalid_argument);
    CHECK(on.end()->text.find("'odd'") != std::string::npos);
    CHECK(on.end()->text.find("colour") != std::string::npos);
}

TEST_CASE("a computation waits for its nodes, and says how many are missing", "[K12]") {
    auto configuration = a_play([](actor&) -> task<> { co_await sleep(1s); });
    configuration.add(acting("manager", "primary").primary());
    stage on{configuration.build(), 2};
    on.first.nodes_wanted = 3;
    on.first.nodes_within = 5s;
    SECTION("too few") {
        on.run();
        on.net.advance(6s);
        REQUIRE(on.end());
        CHECK(on.end()->reason == errc::timed_out);
        CHECK(on.end()->text == "2 of 3 nodes were there in time");
    }
    SECTION("the last one is late") {
        on.run();
        on.net.advance(2s);
        CHECK_FALSE(on.find(progress_kind::running));
        on.net.add();
        on.net.advance(500ms);
        CHECK(on.find(progress_kind::running));
    }
}

TEST_CASE("incarnations are spread over the nodes, and near whom they are to be near", "[K15]") {
    auto configuration = a_play([](actor&) -> task<> { co_await sleep(1s); });
    configuration.add(acting("manager", "primary").primary());
    configuration.add(acting("worker").counted(6).spread_over("nodes"));
    incarnation_name third;
    third.family = "worker";
    third.index = 2;
    configuration.add(acting("a_friend").counted(4).near(third));
    stage on{configuration.build(), 3};
    on.run();
    std::size_t with_friends = 0;
    for (std::size_t node = 0; node < 3; ++node) {
        CHECK(on.count(node, "worker") == 2);
        if (const auto friends = on.count(node, "a_friend"); friends > 0) {
            CHECK(friends == 4);
            CHECK(status_lines(on, node).find("worker[2]") != std::string::npos);
            ++with_friends;
        }
    }
    CHECK(with_friends == 1);
}

TEST_CASE("a blueprint's limit and unknown blueprints are refused with a reason", "[K6]") {
    auto configuration = a_play([](actor&) -> task<> {
        const rdc_services rdc;
        auto made = co_await rdc.instantiate("worker", 5);
        say(std::to_string(made.made.size()) + " made, " + std::string{name_of(made.reason)});
        auto none = co_await as_result(rdc.instantiate("wroker", 1));
        say(std::string{name_of(none.error().code())});
        auto gone = co_await made.made.front().handle.destroy();
        REQUIRE(gone);
        co_await sleep(10ms);
        auto again = co_await rdc.instantiate("worker", 1);
        say(again.made.front().name);
    });
    configuration.add(acting("manager", "primary").primary());
    configuration.blueprint(acting("worker"), 2);
    stage on{configuration.build()};
    on.run();
    on.net.advance(1s);
    CHECK(the_play.lines ==
          std::vector<std::string>{"2 made, limit_reached", "not_found", "worker[2]"});
}

TEST_CASE("an incarnation asks for the nodes of its computation and what they hold",
          "[K16][inc_nodes]") {
    auto configuration = a_play([](actor&) -> task<> {
        const rdc_services rdc;
        co_await sleep(1s);
        auto where = co_await rdc.nodes(true);
        for (const launching::allocated_node& each : where.nodes)
            say(each.name + " " + std::to_string(each.incarnations) +
                (each.reachable ? "" : " silent"));
    });
    configuration.add(acting("manager", "primary").primary());
    configuration.add(acting("worker").counted(5).spread_over("nodes"));
    stage on{configuration.build(), 2};
    on.run();
    on.net.advance(2s);
    CHECK(the_play.lines == std::vector<std::string>{"n1 3", "n2 3"});
}

TEST_CASE("an incarnation ends the computation with a result", "[K12][inc_rdcExit]") {
    auto configuration = a_play([](actor&) -> task<> {
        const rdc_services rdc;
        auto asked = co_await rdc.exit(3, "enough");
        REQUIRE(asked);
        co_await sleep(1h);
    });
    configuration.add(acting("manager", "primary").primary());
    stage on{configuration.build()};
    on.run();
    on.net.advance(1s);
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::ok);
    CHECK(on.end()->result == 3);
    CHECK(on.end()->text == "enough");
    CHECK(status_lines(on, 0) == "");
}

TEST_CASE("whoever holds the launch's handle ends the computation, with the right to do so",
          "[rdc][K54]") {
    auto configuration = a_play([](actor&) -> task<> {
        const rdc_services rdc;
        const incarnation_handle launch = co_await rdc.handle();
        const auto less = narrowed(launch, right::watch);
        const incarnation_handle only_watch{co_await ok(less)};
        auto denied = co_await as_result(rdc_exit(only_watch, 4));
        say(denied ? "ended" : std::string{name_of(denied.error().code())});
        static_cast<void>(co_await as_result(rdc_exit(launch, 5, "by its handle")));
        co_await sleep(1h);
    });
    configuration.add(acting("manager", "primary").primary());
    stage on{configuration.build()};
    on.run();
    on.net.advance(1s);
    CHECK(said("access_denied"));
    REQUIRE(on.end());
    CHECK(on.end()->result == 5);
    CHECK(on.end()->text == "by its handle");
    CHECK(status_lines(on, 0) == "");
}

TEST_CASE("the driver's order to stop ends the computation", "[K20]") {
    auto configuration = a_play([](actor&) -> task<> { co_await sleep(1h); });
    configuration.add(acting("manager", "primary").primary());
    configuration.add(acting("worker").counted(4).spread_over("nodes"));
    stage on{configuration.build(), 2};
    on.run();
    CHECK_FALSE(on.end());
    on.order_stop(130, "interrupted");
    on.net.advance(1s);
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::cancelled);
    CHECK(on.end()->result == 130);
    CHECK(on.end()->text == "interrupted");
    CHECK(status_lines(on, 0) == "");
    CHECK(status_lines(on, 1) == "");
}

TEST_CASE("a lost node is reported with what it held, and the rest goes on", "[K53][K54]") {
    auto configuration = a_play([](actor&) -> task<> { co_await sleep(1h); });
    configuration.add(acting("manager", "primary").primary());
    configuration.add(acting("worker").counted(4).spread_over("nodes"));
    stage on{configuration.build(), 2};
    on.run();
    REQUIRE(on.count(1, "worker") == 2);
    const node_boot lost = on.net[1].self();
    on.net.isolate(on.net[1]);
    on.net[0].evict(lost);
    on.net.advance(1s);
    const auto* told = on.find(progress_kind::node_lost, "n2");
    REQUIRE(told);
    CHECK(told->done == 3 - 1);
    CHECK(told->reason == errc::evicted);
    CHECK(told->text.find("worker[") != std::string::npos);
    CHECK_FALSE(on.find(progress_kind::failed));
    CHECK_FALSE(on.end());
    CHECK(on.count(0, "worker") == 2);
}

TEST_CASE("who watches an incarnation makes it again, under its labels", "[K36][K53]") {
    auto configuration = a_play([](actor&) -> task<> {
        const rdc_services rdc;
        auto found = co_await rdc.find("worker");
        REQUIRE(found.size() == 1);
        say(found.front().name + " on " + std::to_string(found.front().node.node.value));
        auto refused = co_await as_result(rdc.instantiate(found.front().name));
        say(std::string{name_of(refused.error().code())});
        co_await ok(co_await found.front().handle.watch());
        auto ended = co_await next_event();
        REQUIRE(ended->subject == found.front().handle.id());
        auto again = co_await rdc.instantiate(found.front().name);
        say(again.made.front().name + " on " + std::to_string(again.made.front().node.node.value));
        auto nobody = co_await as_result(rdc.find("wroker"));
        say(std::string{name_of(nobody.error().code())});
        co_await sleep(1h);
    });
    configuration.add(acting("manager", "primary").primary());
    configuration.add(acting("worker").keyed({"a"}).port("in", {"asks"}));
    stage on{configuration.build(), 2};
    on.run();
    REQUIRE(on.count(1, "worker") == 1);
    const node_boot lost = on.net[1].self();
    on.net.isolate(on.net[1]);
    on.net[0].evict(lost);
    on.net.advance(1s);
    CHECK(the_play.lines == std::vector<std::string>{"worker[\"a\"] on 2", "already_exists",
                                                     "worker[\"a\"] on 1", "not_found"});
    CHECK(on.count(0, "worker") == 1);
    CHECK_FALSE(on.find(progress_kind::failed)); // its label was free
}

TEST_CASE("the loss of the primary's node ends the computation and says why", "[K53]") {
    auto configuration = a_play([](actor&) -> task<> { co_await sleep(1h); });
    // The first node holds the worker that comes first by name.
    incarnation_name first;
    first.family = "b_anchor";
    configuration.add(acting("a_other"));
    configuration.add(acting("b_anchor").spread_over("nodes"));
    configuration.add(acting("manager", "primary").primary().near(first));
    stage on{configuration.build(), 2};
    on.run();
    REQUIRE(on.count(1, "manager") == 1);
    const node_boot lost = on.net[1].self();
    on.net.isolate(on.net[1]);
    on.net[0].evict(lost);
    on.net.advance(1s);
    REQUIRE(on.end());
    CHECK(on.end()->reason == errc::broken);
    CHECK(on.end()->text == "the primary 'manager' was on node 'n2', which was lost");
}

TEST_CASE("a node that joins later gets its services and incarnations", "[K18]") {
    auto configuration = a_play([](actor&) -> task<> {
        co_await sleep(2s);
        const rdc_services rdc;
        auto made = co_await rdc.instantiate("worker", 2);
        for (const launching::instance& each : made.made)
            say(std::to_string(each.node.node.value));
    });
    configuration.add(acting("manager", "primary").primary());
    configuration.blueprint(acting("worker").port("in", {"asks"}).spread_over("nodes"));
    stage on{configuration.build()};
    on.run();
    on.net.add();
    on.net.advance(1s);
    REQUIRE(on.find(progress_kind::node_ready, "n2"));
    on.net.advance(2s);
    std::sort(the_play.lines.begin(), the_play.lines.end());
    CHECK(the_play.lines == std::vector<std::string>{"1", "2"});
}
