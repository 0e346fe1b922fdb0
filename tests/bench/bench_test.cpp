#include "runs/runs.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <sstream>

using namespace equus::test;

namespace {

std::vector<nlohmann::json> rows_of(const std::string& text) {
    std::vector<nlohmann::json> rows;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
        rows.push_back(nlohmann::json::parse(line));
    return rows;
}

} // namespace

TEST_CASE("bench prints one object a row, and every measured row has a limit beside it",
          "[bench]") {
    const outcome measured = command(
        quoted(bin("equus")) + " bench --filter local.tell --filter remote.ask --repeat 1 --json");
    INFO(measured.text);
    REQUIRE(measured.code == 0);
    const auto rows = rows_of(measured.text);
    REQUIRE(rows.size() >= 6);
    std::map<std::string, std::map<std::string, int>> systems;
    for (const nlohmann::json& row : rows) {
        for (const char* number :
             {"ops_per_s", "p50_us", "p99_us", "bytes_per_s", "rss_mb", "spread"})
            CHECK(row.at(number).is_number());
        CHECK(row.at("ops_per_s") > 0);
        CHECK(row.at("p50_us") > 0);
        CHECK(row.at("p99_us") >= row.at("p50_us"));
        CHECK(row.at("rss_mb") > 0);
        CHECK(row.at("repeats") == 1);
        const std::string workload = row.at("workload");
        CHECK((workload == "local.tell" || workload == "remote.ask"));
        ++systems[workload][row.at("system")];
    }
    for (const auto& [workload, found] : systems) {
        INFO(workload);
        CHECK(found.count("limit") == 1);
        CHECK(found.count("equus") == 1);
    }
}

TEST_CASE("an invocation on one node takes no longer than one across nodes", "[bench][R10]") {
    const outcome measured = command(
        quoted(bin("equus")) + " bench --filter local.ask --filter remote.ask --repeat 1 --json");
    INFO(measured.text);
    REQUIRE(measured.code == 0);
    std::map<std::string, double> p50;
    for (const nlohmann::json& row : rows_of(measured.text))
        if (row.at("system") == "equus" && row.contains("p50_us")) {
            const std::string params = row.at("params");
            if (params.find("1 outstanding") != std::string::npos) {
                double& least = p50[row.at("workload")];
                const double found = row.at("p50_us");
                least = least == 0 ? found : std::min(least, found);
            }
        }
    // Some tens of nanoseconds against some microseconds: no slow machine turns that around.
    REQUIRE(p50.at("local.ask") > 0);
    REQUIRE(p50.at("local.ask") <= p50.at("remote.ask"));
}

TEST_CASE("bench names its workloads when asked for one that it does not have", "[bench]") {
    const outcome refused = command(quoted(bin("equus")) + " bench --filter telepathy");
    CHECK(refused.code == 2);
    CHECK(refused.text.find("'telepathy'") != std::string::npos);
    CHECK(refused.text.find("local.ask (32 B, 1 outstanding)") != std::string::npos);
    const outcome listed = command(quoted(bin("equus")) + " bench --list --filter codec");
    CHECK(listed.code == 0);
    CHECK(listed.text.find("codec.decode") != std::string::npos);
    CHECK(listed.text.find("local.ask") == std::string::npos);
}
