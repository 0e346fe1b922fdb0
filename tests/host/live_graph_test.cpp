// What is declared beside what is there.
#include "host/commands/live_graph.hpp"
#include "services/stage.hpp"

using namespace equus;
using namespace equus::commands;
using namespace equus::test;

namespace {

incarnation_builder acting(std::string name, std::string part = {}) {
    incarnation_builder made{std::move(name), "test.actor"};
    if (!part.empty())
        made.parameter("part", rdc_value{std::move(part)});
    return made;
}

/// The primary asks one helper by its declared stream, and another by a reference it has got.
rdc declared() {
    the_play.clear();
    the_play.parts["primary"] = [](actor& self) -> task<> {
        for (int i = 0; i < 3; ++i) {
            const auto done1 = co_await self.out.invoke<question>("one");
            REQUIRE(done1);
        }
        auto got = co_await self.space.invoke<space::get>("late", "primary");
        REQUIRE(got);
        const stream<talk> found{got->what};
        const auto done2 = co_await found.invoke<question>("two");
        REQUIRE(done2);
        co_await sleep(1h);
    };
    the_play.parts["rest"] = [](actor&) -> task<> { co_await sleep(1h); };
    return rdc_builder{"observed", 1}
        .channel("asks", "test.talk")
        .channel("late", "test.talk")
        .channel("all", "test.talk", channel_kind::multicast)
        .add(acting("manager", "primary")
                 .primary()
                 .stream("out", "asks")
                 .stream("space", "system.space"))
        .add(acting("helper").port("in", {"asks"}))
        .add(acting("other").port("in", {"late"}))
        .add(acting("speaker", "rest").stream("out", "all"))
        .add(acting("hearer").counted(2).port("in", {"all"}).spread_over("nodes"))
        .build();
}

live_graph look_at(stage& on, const rdc& configuration) {
    std::vector<node_status> nodes;
    for (std::uint32_t i = 0; i < on.first.nodes_wanted; ++i)
        nodes.push_back(on.net[i].status());
    return observed(configuration, nodes);
}

const live_edge* edge_between(const live_graph& in, std::string_view from, std::string_view to) {
    for (const live_edge& each : in.edges)
        if (in.nodes[each.from].name == from && in.nodes[each.to].name == to)
            return &each;
    return nullptr;
}

} // namespace

TEST_CASE("declared and observed connections are told apart, with their counts", "[graph]") {
    const rdc configuration = declared();
    stage on{configuration, GENERATE(1u, 3u)};
    on.run();
    on.net.advance(3s);
    const live_graph graph = look_at(on, configuration);

    const live_edge* used = edge_between(graph, "manager", "helper");
    REQUIRE(used);
    CHECK(used->state == edge_state::used);
    CHECK(used->interface == "out");
    CHECK(used->channel == "asks");
    CHECK(used->sent == 3);
    CHECK(used->consumed == 3);

    const live_edge* undeclared = edge_between(graph, "manager", "other");
    REQUIRE(undeclared);
    CHECK(undeclared->state == edge_state::undeclared);
    CHECK(undeclared->channel == "");
    CHECK(undeclared->sent == 1);

    for (const char* hearer : {"hearer[0]", "hearer[1]"}) {
        const live_edge* unused = edge_between(graph, "speaker", hearer);
        REQUIRE(unused);
        CHECK(unused->state == edge_state::unused);
        CHECK(unused->channel == "all");
        CHECK(unused->sent == 0);
    }
    std::size_t undeclared_count = 0;
    for (const live_edge& each : graph.edges)
        undeclared_count += each.state == edge_state::undeclared ? 1 : 0;
    CHECK(undeclared_count == 1);
}

TEST_CASE("the picture shows counts, what is unused and what is undeclared", "[graph]") {
    const rdc configuration = declared();
    stage on{configuration, 1};
    on.run();
    on.net.advance(3s);
    const std::vector<node_status> nodes{on.net[0].status()};
    const std::string dot = to_dot(observed(configuration, nodes), "run \"1\"", nodes);
    INFO(dot);
    CHECK(dot.rfind("digraph \"run \\\"1\\\"\" {", 0) == 0);
    CHECK(dot.find("[label=\"asks\\n3\"]") != std::string::npos);
    CHECK(dot.find("[label=\"all\\nunused\", style=dashed") != std::string::npos);
    CHECK(dot.find("\\n1\\nundeclared\", color=\"#c03020\"") != std::string::npos);
    CHECK(dot.find("equus.launch") == std::string::npos); // the framework's own is left out
}

TEST_CASE("an incarnation that is declared and not there keeps its connections in the picture",
          "[graph]") {
    const rdc configuration = declared();
    stage on{configuration, 1};
    on.run();
    on.net.advance(3s);
    node_status node = on.net[0].status();
    std::erase_if(node.incarnations,
                  [](const incarnation_status& i) { return i.name == "helper"; });
    const live_graph graph = observed(configuration, {node});
    const live_edge* edge = edge_between(graph, "manager", "helper");
    REQUIRE(edge);
    CHECK(edge->state == edge_state::unused);
    CHECK_FALSE(graph.nodes[edge->to].id);
    CHECK(to_dot(graph, "run", {node}).find("\"declared helper\" [label=\"helper\", style=") !=
          std::string::npos);
}
