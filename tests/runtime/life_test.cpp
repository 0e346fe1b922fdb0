#include "actors.hpp"

#include <map>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::map<std::string, incarnation_id, std::less<>> ids;
    std::map<std::string, node_boot, std::less<>> places;
    std::map<std::string, time_point, std::less<>> woke;
    std::vector<std::string> turns;
    std::vector<errc> outcomes;
    bool open_before = false, open_after = true;
    bool born_with_lobby = false, born_with_more = true;
};
diary seen;

errc code(const result<void>& of) {
    return of ? errc::ok : of.error().code();
}

task<> introduces_itself(actor&) {
    const std::string name{own_name()};
    seen.ids[name] = self();
    seen.places[name] = where();
    co_return;
}

task<> sleeps(actor&) {
    const time_point before = now();
    co_await sleep(70ms);
    seen.woke["rested"] = time_point{now().ns - before.ns};
}

/// Takes part in a race of three turns, and lets the other go first before each.
task<> pauses(actor&) {
    co_await sleep(time_point{2'000'000'000} - now());
    for (int turn = 0; turn < 3; ++turn) {
        seen.turns.emplace_back(own_name());
        co_await sleep(duration::zero());
    }
}

task<> closes(actor& me) {
    const auto out = co_await me.reach("listener");
    seen.open_before = out.is_open();
    co_await ok(co_await out.send<say>(1u));
    out.close();
    seen.open_after = out.is_open();
    auto late = co_await out.send<say>(2u);
    seen.outcomes.push_back(code(late));
    seen.outcomes.push_back(detail::close(out));
}
task<> listens(actor& me) {
    while (auto got = co_await me.in.receive())
        seen.turns.push_back("heard " + std::to_string(got->take<say>()->number));
}

task<> looks_at_what_it_has(actor&) {
    seen.born_with_lobby = static_cast<bool>(born_with("lobby"));
    seen.born_with_more = static_cast<bool>(born_with("lobbies"));
    for (const declared_interface& each : declared_interfaces())
        seen.turns.emplace_back(each.name);
    co_return;
}

task<> lives_on(actor&) {
    co_await sleep(1'000s);
}
task<> is_depended_upon(actor& me) {
    for (const char* name : {"bound!", "free!"}) {
        const incarnation_handle child{co_await me.find(name)};
        co_await ok(co_await child.depends_on_me(dependency::absolute));
    }
    const incarnation_handle freed{co_await me.find("free!")};
    co_await ok(co_await freed.depends_on_me(dependency::none));
    co_await sleep(1s);
}

bool is_there(stage& on, std::string_view name) {
    for (std::size_t node = 0; node < 2; ++node)
        for (const incarnation_status& each : on[node].status().incarnations)
            if (each.name == name)
                return true;
    return false;
}

void play_out(stage& on, duration time = 3s) {
    on.add();
    on.add();
    on.begin();
    on.advance(time);
}

} // namespace

TEST_CASE("an incarnation knows who and where it is", "[kernel][inc_self][inc_where]") {
    seen = {};
    stage on;
    on.play("first", 1, &introduces_itself).play("second", 2, &introduces_itself);
    play_out(on);
    REQUIRE(seen.ids.size() == 2);
    CHECK(seen.ids["first"] != seen.ids["second"]);
    CHECK(seen.places["first"] == on[0].self());
    CHECK(seen.places["second"] == on[1].self());
    CHECK(seen.ids["second"].node == on[1].self().node);
}

TEST_CASE("who sleeps goes on after the time it named and not before", "[kernel][inc_sleep]") {
    seen = {};
    stage on;
    on.play("sleeper", 1, &sleeps);
    play_out(on, 69ms);
    CHECK(seen.woke.empty());
    on.advance(1ms);
    REQUIRE(seen.woke.size() == 1);
    CHECK(seen.woke["rested"] == time_point{70'000'000});
}

TEST_CASE("who pauses lets the others of its node go first", "[kernel][inc_pause]") {
    seen = {};
    stage on;
    on.play("a", 1, &pauses).play("b", 1, &pauses);
    play_out(on);
    REQUIRE(seen.turns.size() == 6);
    for (std::size_t turn = 0; turn < 6; turn += 2)
        CHECK(seen.turns[turn] != seen.turns[turn + 1]);
}

TEST_CASE("a closed stream carries what was sent before, and nothing more", "[kernel][inc_close]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", node, &listens).play("speaker", 1, &closes);
    play_out(on);
    CHECK(seen.open_before);
    CHECK_FALSE(seen.open_after);
    CHECK(seen.turns == std::vector<std::string>{"heard 1"});
    CHECK(seen.outcomes == std::vector<errc>{errc::no_such_reference, errc::no_such_reference});
}

TEST_CASE("what an incarnation is born with is found by its name alone",
          "[kernel][K5][inc_paramRef]") {
    seen = {};
    stage on;
    on.play("newborn", 1, &looks_at_what_it_has);
    play_out(on);
    CHECK(seen.born_with_lobby);
    CHECK_FALSE(seen.born_with_more);
    CHECK(seen.turns == std::vector<std::string>{"in", "lobby"});
}

TEST_CASE("who depends absolutely ends with its parent, who no longer depends lives on",
          "[kernel][K54][inc_makeDependent]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("bound", node, &lives_on).play("free", node, &lives_on);
    on.play("parent", 1, &is_depended_upon);
    play_out(on, 900ms);
    CHECK(is_there(on, "bound"));
    on.advance(1s);
    CHECK_FALSE(is_there(on, "parent"));
    CHECK_FALSE(is_there(on, "bound"));
    CHECK(is_there(on, "free"));
}
