// What a computation hears of its nodes, and what becomes of one that is withdrawn [K18].
#include "stage.hpp"

using namespace equus;
using namespace equus::test;
using launching::notice_kind;
using launching::progress_kind;

namespace {

std::string words(const launching::notice& what) {
    static constexpr const char* names[] = {"allocated", "withdrawal", "gone", "refused"};
    std::string out = std::to_string(what.number) + " " +
                      names[static_cast<std::size_t>(what.kind)] + " " + what.name;
    if (what.within != duration{0})
        out += " " + std::to_string(what.within / std::chrono::seconds{1});
    return what.text.empty() ? out : out + ": " + what.text;
}

/// Says every notice.
task<> listen(actor&) {
    const rdc_services rdc;
    std::uint64_t last = 0;
    for (;;) {
        auto news = co_await rdc.next_notice(last);
        last = news.number;
        say(words(news));
    }
}

incarnation_builder acting(std::string name, std::string part = {}) {
    incarnation_builder made{std::move(name), "test.actor"};
    if (!part.empty())
        made.parameter("part", rdc_value{std::move(part)});
    return made;
}

/// A primary that plays `primary`, and a worker on the second node that ends when it is told.
rdc a_farm(part primary) {
    the_play.clear();
    the_play.parts["primary"] = primary;
    the_play.parts["work"] = [](actor& self) -> task<> {
        auto got = co_await self.in.receive();
        static_cast<void>(got);
    };
    rdc_builder made{"play", 1};
    made.channel("asks", "test.talk");
    made.add(acting("manager", "primary").primary().stream("out", "asks"));
    made.add(acting("worker", "work").port("in", {"asks"}).spread_over("nodes"));
    made.blueprint(acting("late").spread_over("nodes"));
    return made.build();
}

} // namespace

TEST_CASE("a computation hears of every node that it is given and that is taken from it",
          "[K18][K16]") {
    stage on{a_farm(listen), 2};
    on.run();
    CHECK(the_play.lines == std::vector<std::string>{"1 allocated n1", "2 allocated n2"});
    on.net.add();
    on.net.advance(1s);
    CHECK(the_play.lines.back() == "3 allocated n3");
    on.order_withdrawal(node_id{3}, 20s);
    CHECK(the_play.lines.back() == "4 withdrawal n3 20");
    REQUIRE(on.find(progress_kind::node_free, "n3")); // it holds nothing
    on.net[2].leave(error{errc::ok});
    on.net.advance(1s);
    CHECK(the_play.lines.back() == "5 gone n3");
    REQUIRE(on.find(progress_kind::node_left, "n3"));
    CHECK_FALSE(on.find(progress_kind::node_lost));
    CHECK_FALSE(on.find(progress_kind::failed)); // its services were to end
    CHECK_FALSE(on.end());
}

TEST_CASE("a withdrawn node gets nothing more, and is free when what it holds has ended", "[K18]") {
    stage on{a_farm([](actor& self) -> task<> {
                 const rdc_services rdc;
                 launching::notice news;
                 while (news.kind != notice_kind::withdrawal)
                     news = co_await rdc.next_notice(news.number);
                 auto refused = co_await as_result(rdc.instantiate("late", 1, news.node.node));
                 say(std::string{name_of(refused.error().code())});
                 auto elsewhere = co_await rdc.instantiate("late", 2);
                 for (const launching::instance& each : elsewhere.made)
                     say(std::to_string(each.node.node.value));
                 auto present = co_await rdc.nodes();
                 say(std::to_string(present.nodes.size()) + " node, up to notice " +
                     std::to_string(present.notices));
                 co_await sleep(1s);
                 co_await ok(co_await self.out.send<remark>("go home"));
                 co_await sleep(1h);
             }),
             2};
    on.run();
    REQUIRE(on.count(1, "worker") == 1);
    on.order_withdrawal(node_id{2}, 60s);
    on.net.advance(500ms);
    CHECK(the_play.lines ==
          std::vector<std::string>{"no_such_node", "1", "1", "1 node, up to notice 3"});
    CHECK_FALSE(on.find(progress_kind::node_free)); // the worker is there still
    on.net.advance(1s);
    CHECK(on.count(1, "worker") == 0);
    REQUIRE(on.find(progress_kind::node_free, "n2"));
}

TEST_CASE("the root and the node of the primary stay, and it is said why", "[K18]") {
    stage on{a_farm(listen), 2};
    on.run();
    const auto before = the_play.lines;
    on.order_withdrawal(node_id{1}, 1s);
    on.order_withdrawal(node_id{7}, 1s);
    REQUIRE(on.reports.size() >= 2);
    const launching::progress& unknown = on.reports.back();
    const launching::progress& root = on.reports[on.reports.size() - 2];
    CHECK(root.kind == progress_kind::node_kept);
    CHECK(root.reason == errc::refused);
    CHECK(root.text == "node 'n1' is the root");
    CHECK(unknown.kind == progress_kind::node_kept);
    CHECK(unknown.reason == errc::no_such_node);
    CHECK(the_play.lines == before); // nobody was given notice
}

TEST_CASE("a computation asks for nodes and gives one back",
          "[K18][inc_nodeAlloc][inc_nodeWithdraw]") {
    stage on{a_farm([](actor& self) -> task<> {
                 const rdc_services rdc;
                 say(std::to_string(co_await rdc.more_nodes(3)));
                 co_await rdc.release(node_id{2});
                 auto kept = co_await as_result(rdc.release(node_id{1}));
                 say(std::string{name_of(kept.error().code())});
                 co_await listen(self);
             }),
             2};
    on.run();
    const launching::progress* wanted = on.find(progress_kind::nodes_wanted);
    REQUIRE(wanted);
    CHECK(wanted->total == 3);
    launching::order none;
    none.kind = launching::order_kind::no_nodes;
    none.text = "all are taken";
    on.give(none);
    REQUIRE(the_play.lines.size() == 6);
    CHECK(the_play.lines[0] == "3");
    CHECK(the_play.lines[1] == "refused");
    CHECK(the_play.lines[4].starts_with("3 withdrawal n2 "));
    CHECK(the_play.lines[5] == "4 refused : all are taken");
}
