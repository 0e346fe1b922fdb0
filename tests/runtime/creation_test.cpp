// Creation and what its creator hears of the end.
#include "runtime/nodes.hpp"

using namespace equus;
using namespace equus::literals;
using namespace equus::test;

namespace {

struct word {
    std::uint64_t value = 0;
    EQUUS_FIELDS(value)
};
using talking = protocol<"test.talking", word>;

struct notes {
    std::vector<event> events;
    std::uint64_t created = 0;
    std::uint64_t created_before_word = 0;
    bool word_came = false;
};
notes seen;

/// Fails in its first step.
class stillborn : public incarnation<stillborn> {
public:
    task<> main() { co_await ok(fail(errc::io_failed, "no paper")); }
};

class parent : public incarnation<parent> {
public:
    struct parameters {
        std::uint32_t node = 0;
        EQUUS_FIELDS(node)
    };
    parameters parameters_;
    task<> main() {
        creation what;
        what.module = "stillborn";
        what.watched = true;
        auto made = co_await create(what, node_id{parameters_.node});
        co_await ok(std::move(made));
        auto heard = co_await next_event().within(1s);
        if (heard)
            seen.events.push_back(*heard);
        co_await sleep(for_ever);
    }
};

/// Hears of two ends long after they came.
class late_parent : public incarnation<late_parent> {
public:
    task<> main() {
        creation what;
        what.module = "stillborn";
        what.watched = true;
        for (int i = 0; i < 2; ++i) {
            auto made = co_await create(what);
            co_await ok(std::move(made));
        }
        co_await sleep(1s);
        for (int i = 0; i < 2; ++i) {
            auto heard = co_await next_event();
            if (heard)
                seen.events.push_back(*heard);
        }
        co_await sleep(for_ever);
    }
};

class listener : public incarnation<listener> {
public:
    port<talking> in{*this, "in"};
    void on(word) {
        seen.word_came = true;
        seen.created_before_word = seen.created;
    }
};

/// Creates and destroys in a loop that waits for nothing but the kernel of its own node.
class breeder : public incarnation<breeder> {
public:
    static constexpr std::uint64_t enough = 50'000;
    stream<talking> out{*this, "out"};
    task<> main() {
        co_await ok(co_await out.send<word>(std::uint64_t{1}));
        creation what;
        what.module = "listener";
        for (; seen.created < enough; ++seen.created) {
            auto made = co_await create(what);
            const incarnation_handle child = co_await ok(std::move(made));
            co_await ok(co_await child.destroy());
        }
    }
};

class host : public incarnation<host> {
public:
    port<talking> in{*this, "in"};
    task<> start() {
        creation what;
        what.module = "breeder";
        what.given["out"] = any_reference{in.open_stream()};
        auto made = co_await create(what);
        co_await ok(std::move(made));
    }
    void on(word) {
        seen.word_came = true;
        seen.created_before_word = seen.created;
    }
};

const module_table& cast() {
    static const module_table modules = [] {
        module_table all;
        all.add<stillborn>("stillborn");
        all.add<parent>("parent");
        all.add<late_parent>("late_parent");
        all.add<listener>("listener");
        all.add<breeder>("breeder");
        all.add<host>("host");
        return all;
    }();
    return modules;
}

creation of(std::string module) {
    creation what;
    what.module = std::move(module);
    return what;
}

} // namespace

TEST_CASE("a creator that watches hears the true reason of an end in the first step",
          "[kernel][K53]") {
    for (const std::uint32_t node : {1u, 2u}) {
        seen = {};
        nodes net{cast()};
        kernel& root = net.add();
        net.add();
        creation what = of("parent");
        what.parameters["node"] = node;
        REQUIRE(net.boot(root, what));
        net.settle();
        REQUIRE(seen.events.size() == 1);
        CHECK(seen.events[0].kind == event_kind::terminated);
        CHECK(seen.events[0].reason == errc::io_failed);
        CHECK(seen.events[0].text.find("no paper") != std::string::npos);
        CHECK(seen.events[0].node.node == node_id{node});
    }
}

TEST_CASE("an event that waits is taken in a step of its own, after what was ready before",
          "[kernel][K53]") {
    seen = {};
    nodes net{cast()};
    kernel& root = net.add();
    REQUIRE(net.boot(root, of("late_parent")));
    net.settle();
    root.tick(net.now() + 2s);
    root.run(1); // the sleep has ended
    CHECK(seen.events.empty());
    root.run(1);
    CHECK(seen.events.size() == 1);
    root.run(1);
    CHECK(seen.events.size() == 2);
}

TEST_CASE("a loop of local requests does not keep its node from the others", "[kernel]") {
    seen = {};
    nodes net{cast()};
    kernel& root = net.add();
    REQUIRE(net.boot(root, of("host")));
    for (int turn = 0; turn < 1'000 && !seen.word_came; ++turn)
        root.run(16);
    REQUIRE(seen.word_came);
    CHECK(seen.created_before_word < breeder::enough);
}
