// The value of a configuration: the same from text and from C++, as bytes, as JSON, as a picture.
#include "config/check.hpp"
#include "config/export_json.hpp"
#include "config/graph.hpp"
#include "config/manifests.hpp"
#include "config/pack/pack.hpp"
#include "config/place_text.hpp"

#include <equus/rdc_builder.hpp>
#include <equus/rdc_place.hpp>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace equus::config {
namespace {

using namespace std::chrono_literals;

std::filesystem::path data_folder() {
    const char* root = std::getenv("EQUUS_SOURCE");
    return std::filesystem::path{root != nullptr ? root : "."} / "tests/config/testdata";
}

std::string read(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

rdc value_of(const std::string& file) {
    check_options options;
    options.programs = test::test_program;
    const source from{file, read(data_folder() / "good" / file)};
    const checked out = check(from, options);
    INFO(to_text(out.diagnostics, &from));
    REQUIRE(out.value);
    return *out.value;
}

// design.rdc once more, in C++.
rdc_builder design() {
    incarnation_builder worker{"worker", "doc.worker"};
    worker.counted(4)
        .stream("tasks", "tasks")
        .stream("pages", "pages")
        .handle()
        .credit(8)
        .spread_over("nodes")
        .migrate(migration_mode::live, 200ms);
    incarnation_builder spooler{"spooler", "doc.spooler"};
    spooler.keyed({"a"})
        .on("presses")
        .parameter("device", file_path{"out/a"})
        .port("jobs", {"pages"})
        .handle()
        .stream("reports", "reports");
    incarnation_builder manager{"manager", "doc.manager"};
    manager.primary().port("reports", {"reports"});
    incarnation_builder scheduler{"scheduler", "doc.scheduler"};
    scheduler.port("tasks", {"tasks"})
        .parameter("documents", file_path{"docs"})
        .near({"manager", std::nullopt, std::nullopt});
    rdc_builder out{"print_shop", 1};
    out.offer("doc/submit", "tasks", {"doc.submit"}, {{grantee_kind::group, "staff"}})
        .add(spooler)
        .add(worker)
        .add(scheduler)
        .add(manager)
        .channel("reports", "doc.reporting")
        .channel("pages", "doc.printing")
        .channel("tasks", "doc.scheduling")
        .place("presses", has_tag("printer") && attribute("zone") == "ground")
        .parameter("documents", file_path{"docs"})
        .parameter("workers", 4)
        .use("doc", "print_shop");
    return out;
}

} // namespace

TEST_CASE("C++ and text make the same value", "[config][ss_createChan]") {
    CHECK(design().build() == value_of("design.rdc"));
}

TEST_CASE("a later file differs in exactly what was changed", "[config]") {
    const rdc before = value_of("design.rdc");
    const rdc after = value_of("design_later.rdc");
    CHECK(after.channels.size() == before.channels.size() + 1);
    CHECK(after.incarnations.size() == before.incarnations.size() + 1);
    for (const auto& [name, d] : before.incarnations) {
        incarnation_declaration expected = d;
        if (name.family == "worker" && *name.index >= 2)
            expected.interfaces.at("pages") = {interface_kind::stream, {"pages2"}, false, 8, 0, {}};
        INFO(name.text());
        CHECK(after.incarnations.at(name) == expected);
    }
}

TEST_CASE("a value made in C++ is refused for the same reasons as a text", "[config]") {
    CHECK(check(design().build(), test::test_program).empty());
    rdc wrong = design().build();
    wrong.incarnations.begin()->second.module = "doc.manger";
    wrong.incarnations.at({"scheduler", std::nullopt, std::nullopt}).where.on = "cellar";
    const auto out = check(wrong, test::test_program);
    REQUIRE(out.size() == 2);
    CHECK(out[0].file == "rdc print_shop");
    CHECK(out[0].number == code::undefined_name);
    CHECK(out[1].number == code::no_module);
    CHECK(out[1].from.line == 0);
}

TEST_CASE("a blueprint is a pattern and no incarnation", "[config][K36]") {
    const rdc shop = value_of("print_shop.rdc");
    CHECK(shop.incarnations.size() == 3);
    const blueprint_declaration& worker = shop.blueprints.at("worker");
    CHECK(worker.instances_max == 64);
    CHECK(worker.pattern.module == "doc.worker");
    CHECK(worker.pattern.interfaces.at("pages").handle);
}

TEST_CASE("'when' and 'index' give each instance its own", "[config]") {
    const rdc all = value_of("everything.rdc");
    const auto number = [&](std::uint32_t index) {
        return all.incarnations.at({"hand", index, std::nullopt}).parameters.at("number");
    };
    CHECK(number(0) == rdc_value{100});
    CHECK(number(1) == rdc_value{100});
    CHECK(number(2) == rdc_value{3});
    CHECK(number(3) == rdc_value{4});
    CHECK(all.incarnations.at({"device", std::nullopt, "left"}).parameters.at("name") ==
          rdc_value{"left"});
    CHECK(all.incarnations.at({"device", std::nullopt, "right"}).where.on == "anywhere");
    CHECK(all.incarnations.at({"boss", std::nullopt, std::nullopt}).parameters.at("title") ==
          rdc_value{"A \"quoted\" title\n 4"});
}

TEST_CASE("a packed configuration comes back equal, at any address", "[config][wire]") {
    for (const char* file : {"design.rdc", "print_shop.rdc", "everything.rdc", "hello.rdc"}) {
        const rdc value = value_of(file);
        const std::vector<std::byte> table = pack(value);
        REQUIRE_FALSE(table.empty());
        std::vector<std::byte> shifted(table.size() + 11);
        std::copy(table.begin(), table.end(), shifted.begin() + 3);
        const auto back = unpack(std::span{shifted}.subspan(3));
        REQUIRE(back);
        CHECK(*back == value);
        CHECK(pack(*back) == table);
    }
}

TEST_CASE("a damaged packed configuration is refused, whichever byte it is", "[config][wire]") {
    const std::vector<std::byte> table = pack(value_of("hello.rdc"));
    for (std::size_t i = 0; i < table.size(); ++i) {
        std::vector<std::byte> damaged = table;
        damaged[i] ^= std::byte{0x40};
        CHECK_FALSE(unpack(damaged));
        CHECK_FALSE(unpack(std::span{table}.first(i)));
    }
    std::vector<std::byte> newer = table;
    newer[11] = std::byte{2};
    CHECK(unpack(newer).error() == errc::unsupported);
}

TEST_CASE("the exported JSON holds the whole configuration", "[config]") {
    const auto shop = nlohmann::json::parse(to_json(value_of("print_shop.rdc")));
    CHECK(shop["rdc"] == "print_shop");
    CHECK(shop["blueprints"]["worker"]["instances_max"] == 64);
    CHECK(shop["incarnations"]["spooler[\"a\"]"]["memory_bytes"] == 256 << 20);
    CHECK(shop["blueprints"]["worker"]["migrate_within_ns"] == 200'000'000);
    CHECK(shop["exports"]["doc/submit"]["grants"][0]["group"] == "staff");
    const auto design_json = nlohmann::json::parse(to_json(value_of("design.rdc")));
    CHECK(design_json["places"]["presses"] == "has(printer) and zone == \"ground\"");
}

TEST_CASE("a manifest survives JSON, and nonsense is refused", "[config]") {
    for (const char* program : {"print_shop", "laboratory", "hello"}) {
        const manifest m = *test::test_program(program);
        const auto back = manifest_from_json(to_json(m));
        REQUIRE(back);
        CHECK(*back == m);
    }
    for (const char* text : {"", "[]", "{}", "{\"program\": 3}", "not json"})
        CHECK(manifest_from_json(text).error() == errc::malformed);
}

TEST_CASE("a place is the nodes that meet its condition", "[config]") {
    const node_facts press{{"printer", "old one"}, {{"zone", "ground"}, {"memory", 8}}};
    const auto belongs = [&](const place_condition& c) {
        return belongs_to(place_declaration{c.terms}, press);
    };
    CHECK(belongs({}));
    CHECK(belongs(has_tag("printer") && attribute("zone") == "ground"));
    CHECK_FALSE(belongs(has_tag("printer") && attribute("zone") == "roof"));
    CHECK(belongs(has_tag("scanner") || attribute("memory") >= 8));
    CHECK(belongs(!has_tag("scanner")));
    CHECK(belongs(attribute("zone") != "roof"));
    CHECK_FALSE(belongs(attribute("zone") < 3));
    CHECK_FALSE(belongs(attribute("colour") != "red"));
    const place_declaration malformed{{{place_test::conjunction, {}, {}}}};
    CHECK_FALSE(belongs_to(malformed, press));
    CHECK(text_of(malformed) == "?");
}

TEST_CASE("a condition is written with the parentheses it needs and no others", "[config]") {
    const auto text = [](const place_condition& c) { return text_of(place_declaration{c.terms}); };
    const place_condition a = has_tag("a");
    const place_condition b = attribute("b") < 3;
    CHECK(text({}) == "nodes");
    CHECK(text((a && b) || !a) == "has(a) and b < 3 or not has(a)");
    CHECK(text((a || b) && !(a || b)) == "(has(a) or b < 3) and not (has(a) or b < 3)");
    CHECK(text(has_tag("two words")) == "has(\"two words\")");
}

TEST_CASE("the graph of a configuration is the recorded one", "[config]") {
    for (const char* file :
         {"design.rdc", "design_later.rdc", "print_shop.rdc", "everything.rdc"}) {
        const std::string dot = graph_dot(value_of(file));
        auto recorded = data_folder() / "graph" / file;
        recorded.replace_extension(".dot");
        if (std::getenv("EQUUS_UPDATE_GOLDEN") != nullptr)
            std::ofstream{recorded, std::ios::binary} << dot;
        INFO(recorded.string());
        CHECK(read(recorded) == dot);
    }
}

} // namespace equus::config
