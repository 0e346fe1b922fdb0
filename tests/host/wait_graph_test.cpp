// Real deadlocks, over kernels in memory, and what `ps --waits` makes of them.
#include "host/commands/wait_graph.hpp"
#include "services/stage.hpp"

#include <algorithm>

using namespace equus;
using namespace equus::commands;
using namespace equus::test;

namespace {

/// Its handler asks the next before it answers.
class neighbour : public incarnation<neighbour> {
public:
    struct parameters {
        bool has_other_work = false;
        EQUUS_FIELDS(has_other_work)
    };
    parameters parameters_;
    port<talk> in{*this, "in"};
    stream<talk> out{*this, "out"};
    task<> main() {
        if (!parameters_.has_other_work)
            co_await idle_.wait();
        for (;;)
            co_await sleep(1s);
    }
    task<answer> on(question q) {
        auto got = co_await out.invoke<question>(q.text).within(10min);
        co_return got ? std::move(*got) : answer{};
    }
    void on(remark) {}

private:
    wake_signal idle_;
};

module_table& cast() {
    static module_table modules = [] {
        module_table made = standard_cast();
        made.add<neighbour>("test.neighbour");
        return made;
    }();
    return modules;
}

/// A ring of neighbours over all nodes, and a primary that asks the first of them.
rdc ring(std::uint32_t size, bool busy = false) {
    the_play.clear();
    the_play.parts["begin"] = [](actor& self) -> task<> {
        static_cast<void>(co_await self.out.invoke<question>("round").within(10min));
    };
    rdc_builder made{"ring", 1};
    for (std::uint32_t i = 0; i < size; ++i) {
        made.channel("to" + std::to_string(i), "test.talk");
        made.add(
            incarnation_builder{std::string{"n"} + static_cast<char>('a' + i), "test.neighbour"}
                .port("in", {"to" + std::to_string(i)})
                .stream("out", "to" + std::to_string((i + 1) % size))
                .parameter("has_other_work", rdc_value{busy && i == 1})
                .spread_over("nodes"));
    }
    made.add(incarnation_builder{"starter", "test.actor"}
                 .primary()
                 .parameter("part", rdc_value{"begin"})
                 .stream("out", "to0"));
    return made.build();
}

std::vector<node_status> look_at(stage& on) {
    std::vector<node_status> out;
    for (std::uint32_t i = 0; i < on.first.nodes_wanted; ++i)
        out.push_back(on.net[i].status());
    return out;
}

/// The names around the circle, from the least.
std::string names_of(const wait_graph& graph, const wait_circle& circle) {
    std::vector<std::string> names;
    for (const std::size_t i : circle.rows)
        names.push_back(graph.rows[i].name);
    std::rotate(names.begin(), std::min_element(names.begin(), names.end()), names.end());
    std::string out;
    for (const std::string& name : names)
        out += name + " ";
    return out;
}

const wait_row* row_of(const wait_graph& graph, std::string_view name,
                       wait_kind kind = wait_kind::call) {
    for (const wait_row& row : graph.rows)
        if (row.name == name && row.what.kind == kind)
            return &row;
    return nullptr;
}

} // namespace

TEST_CASE("a deadlock is named with each of its calls, over any number of nodes", "[waits][K23]") {
    const std::uint32_t size = GENERATE(2, 3);
    const std::uint32_t node_count = GENERATE(1, 2, 3);
    stage on{cast(), ring(size), node_count, false};
    on.run();
    on.net.advance(7s);
    const wait_graph graph = who_waits(look_at(on));
    REQUIRE(graph.circles.size() == 1);
    CHECK(graph.circles[0].deadlock);
    CHECK(names_of(graph, graph.circles[0]) == (size == 2 ? "na nb " : "na nb nc "));
    std::size_t queued = 0;
    for (const std::size_t i : graph.circles[0].rows) {
        const wait_row& row = graph.rows[i];
        CHECK(row.what.kind == wait_kind::call);
        CHECK(row.what.name == "out");
        CHECK(row.what.protocol == "test.talk");
        CHECK(row.port == "in");
        CHECK(row.message == "question");
        CHECK(row.what.waited >= 6s);
        CHECK(row.what.waited <= 7'010ms);
        CHECK(row.what.left > 9min);
        CHECK(row.what.left < 10min);
        queued += row.queued ? 1 : 0;
    }
    CHECK(queued == 1); // who asked last finds the first one busy
    // Who waits for one of them is in no circle itself.
    const wait_row* starter = row_of(graph, "starter");
    REQUIRE(starter);
    REQUIRE(starter->on.size() == 1);
    CHECK(graph.name_of(starter->on[0]) == "na");
    CHECK(describe(graph, *starter) ==
          "na: 'question' by stream 'out', in hand, from its port 'in'");
}

TEST_CASE("a circle with somebody in it who has other work is not called a deadlock", "[waits]") {
    stage on{cast(), ring(3, true), 2, false};
    on.run();
    on.net.advance(7s);
    const wait_graph graph = who_waits(look_at(on));
    REQUIRE(graph.circles.size() == 1);
    CHECK_FALSE(graph.circles[0].deadlock);
}

TEST_CASE("two that send to each other and receive nothing wait for credit in a circle",
          "[waits][K28]") {
    the_play.clear();
    the_play.parts["talk"] = [](actor& self) -> task<> {
        for (;;)
            co_await ok(co_await self.out.send<remark>("on and on"));
    };
    rdc_builder made{"talkers", 1};
    made.channel("ab", "test.talk").channel("ba", "test.talk");
    const auto talker = [](const char* name) {
        return incarnation_builder{name, "test.actor"}.parameter("part", rdc_value{"talk"});
    };
    made.add(talker("a").primary().port("in", {"ba"}).stream("out", "ab").spread_over("nodes"));
    made.add(talker("b").port("in", {"ab"}).stream("out", "ba").spread_over("nodes"));
    stage on{cast(), made.build(), GENERATE(1u, 2u), false};
    on.run();
    on.net.advance(3s);
    const wait_graph graph = who_waits(look_at(on));
    REQUIRE(graph.circles.size() == 1);
    CHECK(graph.circles[0].deadlock);
    CHECK(names_of(graph, graph.circles[0]) == "a b ");
    const wait_row* a = row_of(graph, "a", wait_kind::credit);
    REQUIRE(a);
    CHECK(describe(graph, *a) == "b: credit of stream 'out', 256 sent and not consumed");
}

TEST_CASE("who waits for a label that nobody provides is shown with the label", "[waits][K37]") {
    the_play.clear();
    the_play.parts["rest"] = [](actor&) -> task<> { co_await sleep(1h); };
    rdc_builder made{"lonely", 1};
    made.channel("nobody", "test.talk");
    made.add(incarnation_builder{"p", "test.actor"}.primary().parameter("part", rdc_value{"rest"}));
    made.add(
        incarnation_builder{"lonely", "test.actor"}.stream("out", "nobody").spread_over("nodes"));
    stage on{cast(), made.build(), GENERATE(1u, 3u), false};
    on.run();
    on.net.advance(3s);
    const wait_graph graph = who_waits(look_at(on));
    const wait_row* row = row_of(graph, "lonely");
    REQUIRE(row);
    CHECK(row->what.label == "nobody");
    CHECK(describe(graph, *row) == "label 'nobody' in stream space");
    CHECK(graph.circles.empty());
}

TEST_CASE("a circle that a second look does not find again is dropped", "[waits]") {
    stage on{cast(), ring(2), 2, false};
    on.run();
    on.net.advance(3s);
    const auto first = look_at(on);
    wait_graph graph = who_waits(first);
    on.net.advance(1s);
    keep_lasting(graph, who_waits(look_at(on)));
    CHECK(graph.circles.size() == 1);
    on.net.advance(11min); // the calls have ended at their deadlines
    keep_lasting(graph, who_waits(look_at(on)));
    CHECK(graph.circles.empty());
    CHECK(who_waits(look_at(on)).circles.empty());
}

TEST_CASE("times are written as people say them", "[waits]") {
    CHECK(time_text(0ms) == "0 ms");
    CHECK(time_text(999ms) == "999 ms");
    CHECK(time_text(1'550ms) == "1.5 s");
    CHECK(time_text(119'990ms) == "119.9 s");
    CHECK(time_text(120s) == "2 min");
}
