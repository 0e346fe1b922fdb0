#include "stage.hpp"

using namespace equus;
using namespace equus::test;

namespace {

task<> get_and_say(actor* self, std::string label, std::string who) {
    auto got = co_await self->space.invoke<space::get>(label, who).within(space::patience);
    if (!got) {
        say(who + ": " + std::string{name_of(got.error().code())});
        co_return;
    }
    auto to = got->what.as_stream<talk>();
    REQUIRE(to);
    auto heard = co_await to->send<remark>(who);
    say(who + " has it");
    REQUIRE(heard);
}

task<> give_back_and_say(actor* self, std::string label) {
    auto done = co_await self->space.invoke<space::give_back>(label);
    say(done ? "back, " + std::to_string(done->out) + " out"
             : std::string{name_of(done.error().code())});
}

task<> contents_and_say(actor* self) {
    auto told = co_await self->space.invoke<space::print>();
    REQUIRE(told);
    for (const space::line& each : told->lines)
        say(each.label + " of " + each.protocol + ", " + std::to_string(each.out) + " out");
    for (const space::waiting_line& each : told->waiting)
        for (const std::string& who : each.who)
            say(who + " waits for " + each.label);
}

} // namespace

TEST_CASE("a get waits until its label is put, and leads to what was put",
          "[K37][ss_put][ss_get]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        self.children.start(get_and_say(&self, "pages", "anna"));
        self.children.start(get_and_say(&self, "pages", "bert"));
        co_await sleep(1ms);
        say("nobody has it");
        auto put = co_await put_own(self, self.space, "pages", 0);
        REQUIRE(put);
        say("answered " + std::to_string(put->answered));
        co_await self.children.all_ended();
        auto heard = co_await self.in.receive();
        REQUIRE(heard);
        say("heard " + heard->take<remark>()->text);
    });
    net.advance(10ms);
    REQUIRE(the_play.lines.size() == 5);
    CHECK(the_play.lines[0] == "nobody has it");
    CHECK(said("answered 2"));
    CHECK(said("anna has it"));
    CHECK(said("bert has it"));
    CHECK(said("heard anna"));
}

TEST_CASE("a label that is taken is refused, and free again after a remove", "[K37][ss_delete]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        auto first = co_await put_own(self, self.space, "pages", 0);
        REQUIRE(first);
        auto second = co_await put_own(self, self.space, "pages", 0);
        say(std::string{name_of(second.error().code())});
        auto gone = co_await self.space.invoke<space::remove>("pages");
        REQUIRE(gone);
        auto again = co_await self.space.invoke<space::remove>("pages");
        say(std::string{name_of(again.error().code())});
        auto third = co_await put_own(self, self.space, "pages", 0);
        say(third ? "free again" : "still taken");
        auto nameless = co_await put_own(self, self.space, "", 0);
        say(std::string{name_of(nameless.error().code())});
    });
    CHECK(the_play.lines == std::vector<std::string>{"already_exists", "not_found", "free again",
                                                     "invalid_argument"});
}

TEST_CASE("no more copies than the limit are out, and one given back goes to the first who waits",
          "[K37][ss_return][ss_print]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        co_await must_put(self, self.space, "seat", 2);
        for (const char* who : {"a", "b", "c", "d"})
            self.children.start(get_and_say(&self, "seat", who));
        co_await sleep(1ms);
        co_await contents_and_say(&self);
        co_await give_back_and_say(&self, "seat");
        co_await sleep(1ms);
        co_await contents_and_say(&self);
    });
    net.advance(10ms);
    CHECK(the_play.lines ==
          std::vector<std::string>{"a has it", "b has it", "seat of test.talk, 2 out",
                                   "c waits for seat", "d waits for seat", "c has it",
                                   "back, 2 out", "seat of test.talk, 2 out", "d waits for seat"});
}

TEST_CASE("a copy that nobody has cannot be given back", "[K37]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        co_await must_put(self, self.space, "seat", 2);
        co_await give_back_and_say(&self, "seat");
        co_await give_back_and_say(&self, "table");
    });
    CHECK(the_play.lines == std::vector<std::string>{"invalid_argument", "not_found"});
}

TEST_CASE("the reference of a unicast port has one copy out", "[K39]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        co_await must_put(self, self.space, "port", 0, true, space::referent::port);
        self.children.start(get_and_say(&self, "port", "a"));
        self.children.start(get_and_say(&self, "port", "b"));
        co_await sleep(1ms);
        co_await give_back_and_say(&self, "port");
        co_await self.children.all_ended();
    });
    net.advance(10ms);
    CHECK(the_play.lines == std::vector<std::string>{"a has it", "b has it", "back, 1 out"});
}

TEST_CASE("a label can be tested without waiting for it", "[K37]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        auto before = co_await self.space.invoke<space::describe>("pages");
        REQUIRE(before);
        co_await must_put(self, self.space, "pages", 0);
        auto after = co_await self.space.invoke<space::describe>("pages");
        REQUIRE(after);
        say(before->known ? "known" : "unknown");
        say(after->known ? after->protocol : "unknown");
    });
    CHECK(the_play.lines == std::vector<std::string>{"unknown", "test.talk"});
}

TEST_CASE("who waits for a label when stream space ends is told", "[K37]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        self.children.start(get_and_say(&self, "pages", "anna"));
        co_await sleep(1ms);
        auto done_1 = co_await self.space_handle.destroy();
        REQUIRE(done_1);
        co_await self.children.all_ended();
    });
    net.advance(10ms);
    REQUIRE(the_play.lines.size() == 1);
    CHECK(the_play.lines[0] != "anna has it");
}

// ---------------------------------------------------------------------- caches

namespace {

/// A cache before the actor's space; what it asks for through it the primary counts as out.
task<stream<space::spacing>> open_cache(actor& self) {
    creation what;
    what.module = "equus.space_cache";
    what.name = "cache";
    what.given["gets"] = any_reference{self.space};
    what.given["others"] = any_reference{self.space};
    what.given["system.space"] = any_reference{self.space};
    what.interfaces["requests"].channels.push_back("cache");
    auto made = co_await create(what);
    REQUIRE(made);
    auto got = co_await self.space.invoke<space::get>("cache");
    REQUIRE(got);
    co_return stream<space::spacing>{got->what};
}

task<> say_out(actor* self, std::string label) {
    auto told = co_await self->space.invoke<space::print>();
    REQUIRE(told);
    for (const space::line& each : told->lines)
        if (each.label == label)
            say(label + ": " + std::to_string(each.out));
}

} // namespace

TEST_CASE("a node asks the primary once for what may be cached", "[K38]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        const auto cache = co_await open_cache(self);
        co_await must_put(self, cache, "free", 0);
        co_await must_put(self, cache, "uncached", 0, false);
        co_await must_put(self, cache, "limited", 5);
        for (int i = 0; i < 3; ++i) {
            auto done_2 = co_await cache.invoke<space::get>("free");
            REQUIRE(done_2);
            auto done_3 = co_await cache.invoke<space::get>("uncached");
            REQUIRE(done_3);
            auto done_4 = co_await cache.invoke<space::get>("limited");
            REQUIRE(done_4);
        }
        co_await say_out(&self, "free");
        co_await say_out(&self, "uncached");
        co_await say_out(&self, "limited");
        // A handle label is not answered from memory.
        auto done_5 = co_await cache.invoke<space::get>("free", "anna", true);
        REQUIRE(done_5);
        co_await say_out(&self, "free");
    });
    CHECK(the_play.lines ==
          std::vector<std::string>{"free: 1", "uncached: 3", "limited: 3", "free: 2"});
}

TEST_CASE("a remove does not purge caches", "[K38]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        const auto cache = co_await open_cache(self);
        co_await must_put(self, cache, "free", 0);
        auto done_6 = co_await cache.invoke<space::get>("free");
        REQUIRE(done_6);
        auto done_7 = co_await cache.invoke<space::remove>("free");
        REQUIRE(done_7);
        auto kept = co_await cache.invoke<space::get>("free").within(1ms);
        auto fresh = co_await cache.invoke<space::get>("free", "anna", true).within(1ms);
        say(kept ? "kept" : "gone");
        say(fresh ? "fresh" : "waits");
    });
    net.advance(10ms);
    CHECK(the_play.lines == std::vector<std::string>{"kept", "waits"});
}

namespace {
task<> cached_get(actor* self, stream<space::spacing> cache, std::string who) {
    auto got = co_await cache.invoke<space::get>("seat", who).within(space::patience);
    REQUIRE(got);
    static_cast<void>(self);
    say(who + " has it");
}
} // namespace

TEST_CASE("gets wait behind a cache as they wait at the primary, also for limited copies",
          "[K38]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        co_await self.open_space();
        const auto cache = co_await open_cache(self);
        for (const char* who : {"a", "b", "c"})
            self.children.start(cached_get(&self, cache, who));
        co_await sleep(1ms);
        say("put");
        co_await must_put(self, cache, "seat", 2);
        co_await sleep(1ms);
        say("back");
        auto done_8 = co_await cache.invoke<space::give_back>("seat");
        REQUIRE(done_8);
        co_await self.children.all_ended();
    });
    net.advance(10ms);
    CHECK(the_play.lines ==
          std::vector<std::string>{"put", "a has it", "b has it", "back", "c has it"});
}
