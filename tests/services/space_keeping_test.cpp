// Stream space while its holders and its nodes come to an end.
#include "stage.hpp"

#include <algorithm>

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

/// A primary at the first node, and who plays `other` at the last.
rdc two_parts(part primary, part other) {
    the_play.clear();
    the_play.parts["primary"] = primary;
    the_play.parts["other"] = other;
    return rdc_builder{"play", 1}
        .channel("asks", "test.talk")
        .add(acting("a_manager", "primary")
                 .primary()
                 .stream("space", "system.space")
                 .spread_over("nodes"))
        .add(acting("b_other", "other").stream("space", "system.space").spread_over("nodes"))
        .build();
}

std::uint32_t spaces_at(stage& on, std::size_t node) {
    return on.count(node, "system.space") + on.count(node, "system.space.standby");
}

task<> takes_and_says(actor* self, std::string label) {
    auto got = co_await self->space.invoke<space::get>(label).within(space::patience);
    say(got ? "has " + label : std::string{name_of(got.error().code())});
}

} // namespace

TEST_CASE("what was put, and what was handed out, survives the node of stream space", "[K40]") {
    stage on{two_parts(
                 [](actor& self) -> task<> {
                     co_await sleep(1s); // stream space has moved away meanwhile
                     co_await must_put(self, self.space, "pages", 0);
                     co_await must_put(self, self.space, "seat", 1);
                     co_await takes_and_says(&self, "seat");
                     self.children.start(takes_and_says(&self, "late"));
                     self.children.start(takes_and_says(&self, "seat"));
                     co_await sleep(10s); // its node is lost
                     co_await must_put(self, self.space, "late", 0);
                     co_await takes_and_says(&self, "pages");
                     auto again = co_await put_own(self, self.space, "pages", 0);
                     say(std::string{name_of(again.error().code())});
                     auto told = co_await self.space.invoke<space::print>();
                     REQUIRE(told);
                     for (const space::line& each : told->lines)
                         if (each.label == "seat")
                             say("seats out: " + std::to_string(each.out));
                     for (const space::waiting_line& each : told->waiting)
                         say("waits for " + each.label);
                     co_await sleep(1h);
                 },
                 [](actor&) -> task<> { co_await sleep(1h); }),
             3};
    on.first.space_apart = true;
    on.run();
    on.net.advance(2s);
    REQUIRE(spaces_at(on, 0) + spaces_at(on, 1) + spaces_at(on, 2) == 2);
    // Whichever of the two leads is not at the root, or not alone: take away one node, then its
    // successor's.
    const std::size_t victim = spaces_at(on, 2) != 0 ? 2 : 1;
    REQUIRE(spaces_at(on, victim) == 1);
    const node_boot lost = on.net[victim].self();
    on.net.isolate(on.net[victim]);
    on.net[0].evict(lost);
    on.net.advance(12s);
    CHECK_FALSE(on.end());
    CHECK(the_play.lines == std::vector<std::string>{"has seat", "has late", "has pages",
                                                     "already_exists", "seats out: 1",
                                                     "waits for seat"});
    CHECK(spaces_at(on, 0) + spaces_at(on, 3 - victim) == 2); // there is a new standby
}

TEST_CASE("a stream space that fails is followed by its standby", "[K40]") {
    stage on{two_parts(
                 [](actor& self) -> task<> {
                     co_await must_put(self, self.space, "pages", 0, false);
                     co_await sleep(2s);
                     co_await takes_and_says(&self, "pages");
                     co_await sleep(1h);
                 },
                 [](actor&) -> task<> { co_await sleep(1h); }),
             2};
    on.first.space_apart = true; // the launch ends the one at the root as soon as it may
    on.run();
    on.net.advance(5s);
    CHECK(the_play.lines == std::vector<std::string>{"has pages"});
    CHECK_FALSE(on.end());
}

TEST_CASE("without a standby the end of stream space ends the computation", "[K40]") {
    stage on{two_parts([](actor&) -> task<> { co_await sleep(1h); },
                       [](actor&) -> task<> { co_await sleep(1h); }),
             1};
    on.run();
    CHECK(spaces_at(on, 0) == 1);
    CHECK_FALSE(on.end());
}

TEST_CASE("a copy whose holder has ended comes back, from wherever he was", "[K37]") {
    const std::uint32_t node_count = GENERATE(1u, 2u);
    stage on{two_parts(
                 [](actor& self) -> task<> {
                     co_await must_put(self, self.space, "seat", 1);
                     co_await sleep(1s);
                     co_await takes_and_says(&self, "seat");
                     co_await sleep(1h);
                 },
                 [](actor& self) -> task<> {
                     co_await takes_and_says(&self, "seat");
                     co_await sleep(5s);
                 }),
             node_count};
    on.run();
    on.net.advance(4s);
    CHECK(the_play.lines == std::vector<std::string>{"has seat"});
    on.net.advance(4s);
    CHECK(the_play.lines == std::vector<std::string>{"has seat", "has seat"});
}

TEST_CASE("a copy whose holder's node is lost comes back", "[K37][K53]") {
    stage on{two_parts(
                 [](actor& self) -> task<> {
                     co_await must_put(self, self.space, "seat", 1);
                     co_await sleep(1s);
                     co_await takes_and_says(&self, "seat");
                     co_await sleep(1h);
                 },
                 [](actor& self) -> task<> {
                     co_await takes_and_says(&self, "seat");
                     co_await sleep(1h);
                 }),
             2};
    on.run();
    on.net.advance(3s);
    REQUIRE(the_play.lines == std::vector<std::string>{"has seat"});
    const node_boot lost = on.net[1].self();
    on.net.isolate(on.net[1]);
    on.net[0].evict(lost);
    on.net.advance(1s);
    CHECK(the_play.lines == std::vector<std::string>{"has seat", "has seat"});
}

TEST_CASE("a copy is back when what was sent by it is consumed", "[K37]") {
    stage on{two_parts(
                 [](actor& self) -> task<> {
                     co_await must_put(self, self.space, "seat", 1);
                     co_await sleep(2s);
                     auto heard = co_await self.in.receive();
                     REQUIRE(heard);
                     say("heard " + heard->take<remark>()->text);
                     heard->done();
                     co_await sleep(1h);
                 },
                 [](actor& self) -> task<> {
                     // [seat]
                     auto got = co_await self.space.invoke<space::get>("seat");
                     REQUIRE(got);
                     auto to = got->what.as_stream<talk>();
                     REQUIRE(to);
                     auto sent = co_await to->send<remark>("the last word");
                     REQUIRE(sent);
                     to->close();
                     auto back = co_await self.space.invoke<space::give_back>("seat");
                     // [/seat]
                     say(back ? "back" : back.error().describe());
                     co_await sleep(1h);
                 }),
             2};
    on.run();
    on.net.advance(1s);
    CHECK(the_play.lines.empty());
    on.net.advance(3s);
    CHECK(the_play.lines == std::vector<std::string>{"heard the last word", "back"});
}

TEST_CASE("who waits for a label is shown with his interface and the line that wired it",
          "[K37][K34]") {
    rdc configuration = two_parts(
        [](actor& self) -> task<> {
            co_await sleep(1s);
            auto told = co_await self.space.invoke<space::print>();
            REQUIRE(told);
            for (const space::waiting_line& line : told->waiting)
                for (const space::waiter& each : line.waiters)
                    say(line.label + ": " + each.incarnation + " " + each.interface + " " +
                        each.where);
            co_await sleep(1h);
        },
        [](actor&) -> task<> { co_await sleep(1h); });
    for (const char* name : {"c_waits", "d_waits"}) {
        incarnation_declaration waits = acting(name).stream("out", "asks").declaration();
        waits.interfaces["out"].where = std::string{"play.rdc:"} + (name[0] == 'c' ? "7" : "9");
        configuration.incarnations[{name, std::nullopt, std::nullopt}] = waits;
    }
    stage on{configuration, 1};
    on.run();
    on.net.advance(2s);
    std::sort(the_play.lines.begin(), the_play.lines.end());
    CHECK(the_play.lines ==
          std::vector<std::string>{"asks: c_waits out play.rdc:7", "asks: d_waits out play.rdc:9"});
    std::uint32_t shown = 0;
    for (const incarnation_status& each : on.net[0].status().incarnations) {
        if (each.name == "c_waits")
            CHECK(each.waits_for == "label 'asks' for stream 'out' (play.rdc:7)");
        shown += each.waits_for.empty() ? 0 : 1;
    }
    CHECK(shown == 2);
}

TEST_CASE("the handle of an incarnation may be put, and is authority for who gets it", "[K37]") {
    stage on{two_parts(
                 [](actor& self) -> task<> {
                     auto found = co_await rdc_services().find("b_other");
                     REQUIRE(found.size() == 1);
                     space::put what;
                     what.label = "other";
                     what.what = any_reference{found.front().handle};
                     what.kind = space::referent::incarnation;
                     auto put = co_await self.space.invoke<space::put>(moved(what));
                     REQUIRE(put);
                     auto got = co_await self.space.invoke<space::get>("other");
                     REQUIRE(got);
                     const incarnation_handle handle{got->what};
                     say(handle.id() == found.front().handle.id() ? "the same" : "another");
                     auto ended = co_await handle.destroy();
                     say(ended ? "destroyed" : ended.error().describe());
                     co_await sleep(1h);
                 },
                 [](actor&) -> task<> { co_await sleep(1h); }),
             2};
    on.run();
    on.net.advance(1s);
    CHECK(the_play.lines == std::vector<std::string>{"the same", "destroyed"});
    CHECK(on.count(1, "b_other") == 0);
}
