#include "actors.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::vector<std::string> lines;
    std::uint32_t inside = 0;
    std::uint32_t most_inside = 0;
};
diary seen;

task<> uses(semaphore* permits, std::string name) {
    const bool got = co_await permits->acquire();
    if (!got)
        co_return;
    ++seen.inside;
    seen.most_inside = std::max(seen.most_inside, seen.inside);
    seen.lines.push_back(name);
    co_await sleep(1ms);
    --seen.inside;
    permits->release();
}
task<> three_at_a_time(actor&) {
    semaphore permits{3};
    task_group users;
    for (int i = 0; i < 10; ++i)
        users.start(uses(&permits, std::to_string(i)));
    co_await users.all_ended();
    seen.lines.push_back(std::to_string(permits.available()) + " free");
}

task<> locks(mutex* one, std::string name) {
    auto held = co_await one->lock();
    seen.lines.push_back(name + " begins");
    co_await sleep(1ms);
    seen.lines.push_back(name + " ends");
}
task<> one_after_another(actor&) {
    mutex one;
    task_group users;
    users.start(locks(&one, "a"));
    users.start(locks(&one, "b"));
    co_await sleep(0ms);
    auto late = co_await one.lock().within(1us);
    seen.lines.push_back(late ? "late got it" : "late gave up");
    co_await users.all_ended();
    seen.lines.push_back(one.locked() ? "locked" : "free");
}

/// The second of three that wait is ended just as it has been given the permit.
task<> ended_with_a_permit(actor&) {
    semaphore permits{0};
    task_group first;
    task_group second;
    first.start(uses(&permits, "first"));
    co_await sleep(0ms);
    second.start(uses(&permits, "second"));
    co_await sleep(0ms);
    first.start(uses(&permits, "third"));
    co_await sleep(1ms);
    permits.release();
    permits.release(); // the second's, which has not gone on yet
    second.stop();
    co_await first.all_ended();
    seen.lines.push_back(std::to_string(permits.available()) + " free");
}

task<> hears(wake_signal* signal) {
    seen.lines.push_back(co_await signal->wait().within(5ms) ? "heard" : "nothing");
}
task<> signals(actor&) {
    wake_signal signal;
    task_group hearers;
    hearers.start(hears(&signal));
    hearers.start(hears(&signal));
    co_await sleep(1ms);
    signal.notify();
    co_await sleep(1ms);
    hearers.start(hears(&signal));
    co_await hearers.all_ended();
}

void plays(role played) {
    seen = {};
    stage on;
    on.add();
    on.play("one", 1, played);
    on.begin();
    on.advance(1s);
}

} // namespace

TEST_CASE("no more tasks are inside than a semaphore has permits, first come first",
          "[kernel][K4]") {
    plays(&three_at_a_time);
    REQUIRE(seen.most_inside == 3);
    REQUIRE(seen.lines ==
            std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "3 free"});
}

TEST_CASE("a mutex is held over awaits, and given up when the hold ends", "[kernel][K4]") {
    plays(&one_after_another);
    REQUIRE(seen.lines == std::vector<std::string>{"a begins", "late gave up", "a ends", "b begins",
                                                   "b ends", "free"});
}

TEST_CASE("a permit given to a task that is ended goes to the next", "[kernel][K4]") {
    plays(&ended_with_a_permit);
    REQUIRE(seen.lines == std::vector<std::string>{"first", "third", "2 free"});
}

TEST_CASE("a signal wakes those that wait, and none that comes later", "[kernel][K4]") {
    plays(&signals);
    REQUIRE(seen.lines == std::vector<std::string>{"heard", "heard", "nothing"});
}
