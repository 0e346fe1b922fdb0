#include "services/placement.hpp"

#include <equus/rdc_place.hpp>

#include <catch2/catch.hpp>

using namespace equus;
using services::placement_table;

namespace {

member_info member(std::uint32_t node, std::vector<std::string> modules = {"m"},
                   std::vector<std::string> tags = {}) {
    member_info made;
    made.at = {node_id{node}, boot_number{node}};
    made.name = "n" + std::to_string(node);
    made.modules = std::move(modules);
    made.facts.tags = std::move(tags);
    return made;
}
incarnation_name named(std::string family, std::uint32_t index) {
    incarnation_name made;
    made.family = std::move(family);
    made.index = index;
    return made;
}
incarnation_declaration declared(std::string module = "m") {
    incarnation_declaration made;
    made.module = std::move(module);
    return made;
}

} // namespace

TEST_CASE("without conditions the node that holds the fewest is chosen, the lowest of equals",
          "[K15]") {
    placement_table table;
    for (std::uint32_t node : {1u, 2u, 3u})
        table.add_node(member(node));
    for (std::uint32_t i = 0; i < 6; ++i)
        CHECK(table.place(named("w", i), declared(), {})->value == i % 3 + 1);
    table.remove(named("w", 4));
    CHECK(table.place(named("w", 9), declared(), {})->value == 2);
    CHECK(table.count(node_id{2}) == 2);
}

TEST_CASE("spreading counts the family, not whatever else a node holds", "[K15]") {
    placement_table table;
    table.add_node(member(1));
    table.add_node(member(2));
    for (std::uint32_t i = 0; i < 4; ++i)
        CHECK(table.place(named("other", i), declared(), {}, node_id{1}));
    auto spread = declared();
    spread.where.spread_over = "nodes";
    std::uint32_t first = 0;
    for (std::uint32_t i = 0; i < 6; ++i)
        first += table.place(named("w", i), spread, {})->value == 1 ? 1 : 0;
    CHECK(first == 3);
}

TEST_CASE("a node of which nothing is heard is chosen when there is no other, or by name",
          "[K15][K53]") {
    placement_table table;
    table.add_node(member(1));
    table.add_node(member(2));
    table.set_silent(node_id{1}, true);
    for (std::uint32_t i = 0; i < 3; ++i)
        CHECK(table.place(named("w", i), declared(), {})->value == 2);
    CHECK(table.place(named("w", 3), declared(), {}, node_id{1})->value == 1);
    table.set_silent(node_id{2}, true);
    CHECK(table.place(named("w", 4), declared(), {})->value == 1);
    table.set_silent(node_id{2}, false);
    table.set_silent(node_id{1}, false);
    CHECK(table.place(named("w", 5), declared(), {})->value == 1);
}

TEST_CASE("only nodes of the place, and with the module, are candidates", "[K15]") {
    placement_table table;
    table.add_node(member(1));
    table.add_node(member(2, {"m", "press"}));
    table.add_node(member(3, {"m", "press"}, {"printer"}));
    placement_table::places places;
    places["presses"].where = has_tag("printer").terms;
    places["dungeons"].where = has_tag("dungeon").terms;

    CHECK(table.place(named("a", 0), declared("press"), places)->value == 2);
    auto on_press = declared("press");
    on_press.where.on = "presses";
    for (std::uint32_t i = 0; i < 3; ++i)
        CHECK(table.place(named("p", i), on_press, places)->value == 3);

    on_press.where.on = "dungeons";
    auto nowhere = table.place(named("d", 0), on_press, places);
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().code() == errc::no_such_node);
    CHECK(nowhere.error().text() == "'d[0]': no node of place 'dungeons' has module 'press'");
    auto unknown = table.place(named("d", 0), declared("ghost"), places);
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code() == errc::no_such_module);
    CHECK(unknown.error().text() == "'d[0]': no node has module 'ghost'");
    CHECK_FALSE(table.place(named("d", 0), declared(), places, node_id{7}));
}

TEST_CASE("what is to be near comes after its neighbour and goes to its node", "[K15]") {
    std::map<incarnation_name, incarnation_declaration> all;
    all[named("a", 0)] = declared();
    all[named("a", 0)].where.near = named("b", 1);
    all[named("b", 0)] = declared();
    all[named("b", 1)] = declared();
    all[named("b", 1)].where.near = named("c", 0);
    all[named("c", 0)] = declared();
    const auto order = placement_table::order_of(all);
    REQUIRE(order.size() == 4);
    CHECK(order[0] == named("b", 0));
    CHECK(order[1] == named("c", 0));
    CHECK(order[2] == named("b", 1));
    CHECK(order[3] == named("a", 0));

    placement_table table;
    table.add_node(member(1));
    table.add_node(member(2));
    for (const incarnation_name& name : order)
        CHECK(table.place(name, all[name], {}));
    CHECK(table.node_of(named("a", 0)) == table.node_of(named("c", 0)));
}

TEST_CASE("a circle of neighbours is placed all the same", "[K15]") {
    std::map<incarnation_name, incarnation_declaration> all;
    all[named("a", 0)] = declared();
    all[named("a", 0)].where.near = named("b", 0);
    all[named("b", 0)] = declared();
    all[named("b", 0)].where.near = named("a", 0);
    CHECK(placement_table::order_of(all).size() == 2);
}

TEST_CASE("a lost node's incarnations are forgotten and may be placed again", "[K15]") {
    placement_table table;
    table.add_node(member(1));
    table.add_node(member(2));
    CHECK(table.place(named("w", 0), declared(), {}, node_id{2}));
    table.remove_node(node_id{2});
    CHECK_FALSE(table.node_of(named("w", 0)));
    CHECK(table.place(named("w", 0), declared(), {})->value == 1);
}
