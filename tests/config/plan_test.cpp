// Plans: those of the pairs in testdata/plan against their recorded texts, and what is true of
// every plan, over random pairs. EQUUS_UPDATE_GOLDEN=1 records anew.
#include "config/check.hpp"
#include "config/manifests.hpp"
#include "config/plan.hpp"
#include "config/random_rdc.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace equus::config {
namespace {

namespace fs = std::filesystem;
using kind = plan_step_kind;

fs::path data_folder() {
    const char* root = std::getenv("EQUUS_SOURCE");
    return fs::path{root != nullptr ? root : "."} / "tests/config/testdata/plan";
}

std::string read(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

rdc value_of(const std::string& name, const std::string& text) {
    const source from{name, text};
    check_options options;
    options.programs = test::test_program;
    checked out = check(from, options);
    INFO(to_text(out.diagnostics, &from));
    REQUIRE(out.value);
    return std::move(*out.value);
}

std::pair<rdc, rdc> read_pair(const fs::path& path) {
    const std::string mark = "==========\n";
    const std::string text = read(path);
    const std::size_t at = text.find(mark);
    REQUIRE(at != std::string::npos);
    return {value_of(path.filename().string(), text.substr(0, at)),
            value_of(path.filename().string(), text.substr(at + mark.size()))};
}

/// All that is declared runs, two instances of each blueprint, everybody on a node of the west.
running_rdc running(const rdc& value) {
    running_rdc out;
    out.value = value;
    out.run = 7;
    out.changes = 3;
    running_node west;
    west.node = node_id{1};
    west.name = "n1";
    west.facts.tags = {"hill", "shore"};
    west.facts.attributes["side"] = rdc_value{"west"};
    out.nodes = {west};
    for (const auto& [name, d] : value.incarnations)
        out.at[name] = west.node;
    for (const auto& [name, b] : value.blueprints)
        for (std::uint32_t i = 0; i < 2; ++i) {
            out.instances[{name, i, std::nullopt}] = b.pattern;
            out.at[{name, i, std::nullopt}] = west.node;
        }
    return out;
}

bool lets_adjust(const std::string& module) {
    return module == "doc.scheduler" || module == "lab.boss";
}

running_rdc after(running_rdc at, const rdc_plan& plan) {
    for (const plan_step& step : plan.steps)
        apply_step(at, plan.wanted, step);
    return at;
}

/// Into the channel that the message names: those whom the plan makes wait for their label, and
/// those whom it withdraws are on their way out.
bool only_newcomers_and_leavers_send(const rdc& value, const rdc_plan& plan,
                                     const std::string& message) {
    const std::size_t open = message.find('\'');
    const std::string label = message.substr(open + 1, message.find('\'', open + 1) - open - 1);
    for (const auto& [name, e] : value.exports)
        if (e.channel == label)
            return false;
    for (const auto& [name, d] : value.incarnations)
        for (const auto& [interface, binding] : d.interfaces) {
            const bool sends = binding.kind == interface_kind::stream &&
                               !binding.channels.empty() && binding.channels.front() == label;
            const bool comes_or_goes =
                std::any_of(plan.steps.begin(), plan.steps.end(), [&](const plan_step& step) {
                    return step.name == name &&
                           (step.kind == kind::create || step.kind == kind::replace ||
                            step.kind == kind::withdraw);
                });
            if (sends && !comes_or_goes)
                return false;
        }
    return true;
}

} // namespace

TEST_CASE("every pair of configurations has exactly the recorded plan", "[config]") {
    std::size_t pairs = 0;
    for (const auto& entry : fs::directory_iterator{data_folder()}) {
        if (entry.path().extension() != ".pair")
            continue;
        ++pairs;
        const auto [before, wanted] = read_pair(entry.path());
        const rdc_plan plan = plan_change(running(before), wanted);
        fs::path recorded = entry.path();
        recorded.replace_extension(".expected");
        if (std::getenv("EQUUS_UPDATE_GOLDEN") != nullptr)
            std::ofstream{recorded, std::ios::binary} << to_text(plan);
        INFO(recorded.string());
        CHECK(read(recorded) == to_text(plan));
        if (plan.refused.empty())
            CHECK(after(running(before), plan).value == wanted);
        else
            CHECK(plan.steps.empty());
    }
    CHECK(pairs >= 25);
}

TEST_CASE("the steps of a plan lead from what runs to what is wanted", "[config]") {
    for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
        test::random_rdc draws{seed};
        const rdc before = draws.next();
        const rdc wanted = draws.next();
        const rdc_plan plan = plan_change(running(before), wanted);
        INFO("seed " << seed << "\n" << to_text(plan));
        REQUIRE(plan.refused.empty());
        const running_rdc then = after(running(before), plan);
        REQUIRE(then.value == wanted);
        for (const auto& [name, d] : then.instances) {
            const auto goal = wanted.blueprints.find(name.family);
            REQUIRE(goal != wanted.blueprints.end());
            REQUIRE(d.interfaces == goal->second.pattern.interfaces);
        }
    }
}

TEST_CASE("equal configurations have an empty plan", "[config]") {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        test::random_rdc draws{seed};
        const rdc value = draws.next();
        const rdc_plan plan = plan_change(running(value), value);
        INFO("seed " << seed << "\n" << to_text(plan));
        REQUIRE(plan.steps.empty());
        REQUIRE(plan.granted.empty());
        REQUIRE(plan.revoked.empty());
        REQUIRE(plan.notes.empty());
    }
}

TEST_CASE("the same two configurations have the same plan, byte for byte", "[config]") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        test::random_rdc draws{seed};
        const rdc before = draws.next();
        const rdc wanted = draws.next();
        const rdc_plan plan = plan_change(running(before), wanted);
        REQUIRE(plan == plan_change(running(before), wanted));
        REQUIRE(to_json(plan) == to_json(plan_change(running(before), wanted)));
    }
}

// A stream may wait for a port that comes later in the same plan, when servers and clients are each
// other's (K34); nothing else may be wrong, ever.
TEST_CASE("a computation that stops in the middle of a plan is a right one", "[config][K34]") {
    std::size_t prefixes = 0;
    for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
        test::random_rdc draws{seed};
        const rdc before = draws.next();
        const rdc wanted = draws.next();
        const rdc_plan plan = plan_change(running(before), wanted);
        running_rdc at = running(before);
        for (std::size_t i = 0; i < plan.steps.size(); ++i) {
            apply_step(at, wanted, plan.steps[i]);
            ++prefixes;
            for (const diagnostic& each : check(at.value, test::random_rdc::program)) {
                if (each.weight != severity::error)
                    continue;
                INFO("seed " << seed << ", after step " << i << ": " << to_text(plan.steps[i])
                             << "\n"
                             << to_text(each, nullptr) << to_text(plan));
                REQUIRE(each.number == code::nobody_receives);
                REQUIRE(only_newcomers_and_leavers_send(at.value, plan, each.message));
            }
        }
    }
    CHECK(prefixes > 5'000);
}

TEST_CASE("no client has a stream to a server that is withdrawn, but in a circle", "[config]") {
    for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
        test::random_rdc draws{seed, false};
        const rdc before = draws.next();
        const rdc wanted = draws.next();
        const rdc_plan plan = plan_change(running(before), wanted);
        running_rdc at = running(before);
        for (const plan_step& step : plan.steps) {
            std::set<std::string> served;
            if (step.kind == kind::withdraw || step.kind == kind::detach)
                if (const auto* going = detail::running_as(at, step.name))
                    for (const auto& [interface, binding] : going->interfaces)
                        if (binding.kind == interface_kind::port &&
                            (step.interface.empty() || step.interface == interface))
                            for (const std::string& label : binding.channels)
                                if (at.value.channels.at(label).kind == channel_kind::unicast &&
                                    (step.item.empty() || step.item == label))
                                    served.insert(label);
            for (const auto& [name, d] : at.value.incarnations)
                for (const auto& [interface, binding] : d.interfaces)
                    if (name != step.name && binding.kind == interface_kind::stream &&
                        !binding.channels.empty()) {
                        INFO("seed " << seed << ": " << name.text() << "." << interface << " at "
                                     << to_text(step) << "\n"
                                     << to_text(plan));
                        REQUIRE(served.count(binding.channels.front()) == 0);
                    }
            apply_step(at, wanted, step);
        }
    }
}

TEST_CASE("what has failed is made again, and its clients are bound to it", "[config][K46]") {
    const auto [before, wanted] = read_pair(data_folder() / "nothing.pair");
    running_rdc now = running(before);
    now.value.incarnations.erase({"spooler", std::nullopt, std::nullopt});
    now.at.erase({"spooler", std::nullopt, std::nullopt});
    const rdc_plan plan = plan_change(now, wanted);
    CHECK(to_text(plan) == "  + spooler                 doc.spooler\n"
                           "  ~ worker[0..2].pages      -> pages again, of its new port\n"
                           "Plan: 1 add, 3 rewire, 0 migrate, 0 stop.\n"
                           "Authority:\n"
                           "  + spooler receives from pages\n"
                           "  + spooler runs doc.spooler\n"
                           "  + spooler sends into reports\n"
                           "  + the file services reach out\n");
    CHECK(after(now, plan).value == wanted);
}

TEST_CASE("what has done its work is not made again, unless it is declared otherwise", "[config]") {
    const auto [before, wanted] = read_pair(data_folder() / "nothing.pair");
    running_rdc now = running(before);
    now.ended.push_back({"scheduler", std::nullopt, std::nullopt});
    now.at.erase(now.ended.front());
    CHECK(plan_change(now, wanted).steps.empty());
    rdc other = wanted;
    other.incarnations.at(now.ended.front()).priority = 6;
    const rdc_plan plan = plan_change(now, other);
    REQUIRE(plan.steps.size() >= 1);
    CHECK(plan.steps.front().kind == kind::create);
    CHECK(after(now, plan).ended.empty());
}

TEST_CASE("a module that takes new parameters is adjusted, another is made anew", "[config]") {
    const auto [before, wanted] = read_pair(data_folder() / "nothing.pair");
    rdc other = wanted;
    const incarnation_name scheduler{"scheduler", std::nullopt, std::nullopt};
    other.incarnations.at(scheduler).parameters["documents"] = rdc_value{file_path{"more"}};
    const rdc_plan anew = plan_change(running(before), other);
    REQUIRE_FALSE(anew.steps.empty());
    CHECK(anew.steps.front().kind == kind::replace);
    plan_options options;
    options.adjustable = lets_adjust;
    const rdc_plan adjusted = plan_change(running(before), other, options);
    REQUIRE(adjusted.steps.size() == 1);
    CHECK(adjusted.steps.front().kind == kind::adjust);
    CHECK(to_text(adjusted.steps.front()) == "scheduler: documents \"docs\" -> \"more\"");
    CHECK(after(running(before), adjusted).value == other);
}

TEST_CASE("a folder that the run was not started with is refused", "[config]") {
    const auto [before, wanted] = read_pair(data_folder() / "nothing.pair");
    running_rdc now = running(before);
    now.any_folder = false;
    now.folders = {"docs", "out"};
    rdc other = wanted;
    auto& device = other.incarnations.at({"spooler", std::nullopt, std::nullopt}).parameters;
    device["device"] = rdc_value{file_path{"out/second"}};
    CHECK(plan_change(now, other).refused.empty());
    device["device"] = rdc_value{file_path{"outside"}};
    const rdc_plan plan = plan_change(now, other);
    REQUIRE(plan.refused.size() == 1);
    CHECK(plan.refused.front().find("'outside'") != std::string::npos);
    CHECK(plan.steps.empty());
}

TEST_CASE("a plan for programs has every step with its parts", "[config]") {
    const auto [before, wanted] = read_pair(data_folder() / "server_taken_over.pair");
    const std::string json = to_json(plan_change(running(before), wanted));
    for (const char* part :
         {"\"changes\": 3", "\"kind\": \"attach\"", "\"other\": \"spooler\"",
          "\"incarnation\": \"press[\\\"b\\\"]\"", "\"deferred\"", "\"kind\": \"withdraw\""}) {
        INFO(part << "\n" << json);
        CHECK(json.find(part) != std::string::npos);
    }
}

} // namespace equus::config
