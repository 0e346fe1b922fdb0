#include "stage.hpp"

using namespace equus;
using namespace equus::test;

namespace {

task<> say_after(std::string what, duration wait) {
    co_await sleep(wait);
    say(std::move(what));
}
task<> fail_after(duration wait) {
    co_await sleep(wait);
    co_await ok(fail(errc::refused));
}
task<> wait_and_say(wake_signal* signal, std::string what) {
    const bool notified = co_await signal->wait().within(10ms);
    say(what + (notified ? " notified" : " late"));
}
task<> nested(task_group* in) {
    in->start(say_after("inner", 1ms));
    co_await in->all_ended();
    say("outer");
}

} // namespace

TEST_CASE("tasks of a group run beside each other and beside who started them", "[K4]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        self.children.start(say_after("late", 3ms));
        self.children.start(say_after("early", 1ms));
        say("started " + std::to_string(self.children.size()));
        co_await sleep(2ms);
        say("meanwhile");
        co_await self.children.all_ended();
        say("ended " + std::to_string(self.children.size()));
    });
    net.advance(10ms);
    CHECK(the_play.lines ==
          std::vector<std::string>{"started 2", "early", "meanwhile", "late", "ended 0"});
}

TEST_CASE("a task that fails is counted and stops nobody else", "[K4]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        self.children.start(fail_after(1ms));
        self.children.start(say_after("well", 2ms));
        co_await self.children.all_ended();
        say("failed " + std::to_string(self.children.failed()));
    });
    net.advance(10ms);
    CHECK(the_play.lines == std::vector<std::string>{"well", "failed 1"});
}

TEST_CASE("tasks end with their group, wherever they wait", "[K4]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        {
            task_group inner;
            inner.start(say_after("never", 2ms));
            co_await sleep(1ms);
        }
        self.children.start(say_after("never", 1h));
        co_await sleep(5ms);
        say("ends with tasks under way");
    });
    net.advance(10ms);
    CHECK(the_play.lines == std::vector<std::string>{"ends with tasks under way"});
    CHECK(net[0].status().incarnations.empty());
}

TEST_CASE("a task may start others and wait for them in a group of its own", "[K4]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        task_group inner;
        self.children.start(nested(&inner));
        co_await self.children.all_ended();
    });
    net.advance(10ms);
    CHECK(the_play.lines == std::vector<std::string>{"inner", "outer"});
}

TEST_CASE("a signal wakes those who wait for it, in their order, and nobody later", "[K4]") {
    nodes net{standard_cast()};
    net.add();
    play_alone(net, [](actor& self) -> task<> {
        wake_signal signal;
        signal.notify();
        self.children.start(wait_and_say(&signal, "a"));
        self.children.start(wait_and_say(&signal, "b"));
        co_await sleep(1ms);
        signal.notify();
        co_await sleep(1ms);
        self.children.start(wait_and_say(&signal, "c"));
        co_await self.children.all_ended();
    });
    net.advance(100ms);
    CHECK(the_play.lines == std::vector<std::string>{"a notified", "b notified", "c late"});
}
