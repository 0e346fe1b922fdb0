#include <equus/equus.hpp>
#include <equus/host/sim_scenario.hpp>
#include <equus/kernel/mutants.hpp>

#include <catch2/catch.hpp>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::literals;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t slower = 4;
#elif defined(__has_feature)
constexpr std::uint64_t slower = __has_feature(address_sanitizer) ? 4 : 1;
#else
constexpr std::uint64_t slower = 1;
#endif

sim::campaign_result seeds_of(const std::string& name, std::uint64_t count) {
    const sim::scenario_table all = sim::built_in_scenarios();
    const sim::scenario* what = all.find(name);
    REQUIRE(what != nullptr);
    sim::campaign_options options;
    options.last = count / slower;
    options.twice_every = 10;
    return sim::run_campaign(*what, options);
}

void require_all_pass(const std::string& name, std::uint64_t count, bool lossy = true) {
    const sim::campaign_result got = seeds_of(name, count);
    for (const sim::seed_outcome& failed : got.failures)
        UNSCOPED_INFO("seed " << failed.seed << ": " << failed.failure << "\n  " << failed.mix);
    REQUIRE(got.failures.empty());
    REQUIRE(got.passed == count / slower);
    REQUIRE(got.hashes_compared > 0);
    REQUIRE((!lossy || got.counters.packets_lost > 0));
}

/// Goes wrong in the ways in which a seed can go wrong.
class unlucky final : public sim::workload {
public:
    void start(sim::world& w) override {
        w.node();
        if (w.seed() == 3)
            w.fail("three is wrong");
        if (w.seed() == 5)
            std::abort();
        if (w.seed() == 7)
            spin(w);
        while (w.seed() == 13) {
        }
    }
    bool finished(sim::world& w) override { return w.seed() != 9 && w.seed() != 7; }
    std::string check(sim::world& w) override { return w.seed() == 11 ? "eleven is wrong" : ""; }
    duration healed_max() const override { return 30s; }

private:
    static void spin(sim::world& w) {
        w.at(w.now(), [&w] { spin(w); });
    }
};

/// Every run of it is another one.
class unrepeatable final : public sim::workload {
public:
    void start(sim::world& w) override {
        static std::uint32_t runs = 0;
        ++runs;
        for (std::uint32_t i = 0; i < runs; ++i)
            w.node();
    }
    bool finished(sim::world&) override { return true; }
    std::string check(sim::world&) override { return {}; }
};

sim::scenario bad() {
    return {"bad", "goes wrong", [] { return std::make_unique<unlucky>(); }};
}

struct said {
    int code = 0;
    std::string out;
    bool has(const std::string& text) const { return out.find(text) != std::string::npos; }
};

/// What the command returns and prints.
said command(std::vector<std::string> words, const sim::scenario_program& elsewhere = {}) {
    sim::scenario_table scenarios = sim::built_in_scenarios();
    scenarios.add(bad());
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    std::FILE* kept = std::tmpfile();
    REQUIRE(kept != nullptr);
    std::fflush(stdout);
    const int streams[] = {STDOUT_FILENO, STDERR_FILENO};
    int before[2];
    for (int i = 0; i < 2; ++i) {
        before[i] = ::dup(streams[i]);
        ::dup2(::fileno(kept), streams[i]);
    }
    said got;
    got.code = sim::sim_command(static_cast<int>(words.size()), argv.data(), scenarios, elsewhere);
    std::fflush(stdout);
    for (int i = 0; i < 2; ++i) {
        ::dup2(before[i], streams[i]);
        ::close(before[i]);
    }
    std::rewind(kept);
    char piece[4'096];
    while (const std::size_t size = std::fread(piece, 1, sizeof piece, kept))
        got.out.append(piece, size);
    std::fclose(kept);
    return got;
}

} // namespace

TEST_CASE("streams keep their promises in every world", "[sim][rule1]") {
    require_all_pass("streams", 60);
}
TEST_CASE("streams survive links that break all the time", "[sim][rule2]") {
    require_all_pass("reconnect", 40);
}
TEST_CASE("calls are carried out at most once and end in time", "[sim][rule22]") {
    require_all_pass("calls", 400);
}
TEST_CASE("membership is one history", "[sim][rule25]") {
    require_all_pass("membership", 400);
}

TEST_CASE("nobody is blamed for the sleep of the root", "[sim][rule25]") {
    require_all_pass("asleep", 80, false);
}

TEST_CASE("who moves takes each item once and in order", "[sim][K55][K57][K64]") {
    require_all_pass("migrate", 60);
}

TEST_CASE("an incarnation is lost with the node that has it, and with no other",
          "[sim][K58][rule15]") {
    require_all_pass("migrate_crash", 60);
}

TEST_CASE("every planted fault is found", "[sim][mutants]") {
    if (!sim::has_mutants()) {
        REQUIRE_FALSE(EQUUS_MUTANT(any));
        REQUIRE_FALSE(EQUUS_BUGGIFY(any, 1'000));
        REQUIRE(command({"equus", "sim", "--mutants"}).code == 2);
        REQUIRE(command({"equus", "sim", "--scenario", "calls", "--mutant", "any"}).code == 2);
        return;
    }
    const sim::scenario_table all = sim::built_in_scenarios();
    for (const sim::planted_fault& each : sim::planted_faults()) {
        INFO(each.name);
        const sim::scenario* what = all.find(each.scenario);
        REQUIRE(what != nullptr);
        CHECK_FALSE(sim::hunt(each, *what).found.empty());
    }
}

TEST_CASE("each seed that goes wrong is reported, and the others are run", "[sim]") {
    sim::campaign_options options;
    options.last = 12;
    options.events_max = 100'000;
    std::uint64_t seen = 0;
    options.on_outcome = [&](const sim::seed_outcome&) { ++seen; };
    const sim::campaign_result got = sim::run_campaign(bad(), options);
    REQUIRE(seen == 12);
    REQUIRE(got.passed == 7);
    const auto says = [&](std::size_t which, std::uint64_t seed, const std::string& text) {
        INFO(got.failures.at(which).failure);
        REQUIRE(got.failures[which].seed == seed);
        REQUIRE(got.failures[which].failure.find(text) != std::string::npos);
    };
    REQUIRE(got.failures.size() == 5);
    says(0, 3, "three is wrong");
    says(1, 5, "its process ended by Aborted");
    says(2, 7, "no end after 100000 events");
    says(3, 9, "not finished 30 s after the healing");
    says(4, 11, "eleven is wrong");
}

TEST_CASE("a seed that does not come back is ended", "[sim]") {
    sim::campaign_options options;
    options.first = options.last = 13;
    options.seed_max = 100ms;
    const sim::campaign_result got = sim::run_campaign(bad(), options);
    REQUIRE(got.failures.size() == 1);
    REQUIRE(got.failures[0].seed == 13);
    REQUIRE(got.failures[0].failure.find("does not end") != std::string::npos);
}

TEST_CASE("a campaign may stop at the first failure", "[sim]") {
    sim::campaign_options options;
    options.last = 1'000'000;
    options.stop_at_failure = true;
    const sim::campaign_result got = sim::run_campaign(bad(), options);
    REQUIRE(got.failures.size() == 1);
}

TEST_CASE("a run that cannot be repeated is a failure", "[sim][rule24]") {
    sim::campaign_options options;
    options.last = 4;
    options.twice_every = 2;
    const sim::campaign_result got = sim::run_campaign(
        {"unrepeatable", "", [] { return std::make_unique<unrepeatable>(); }}, options);
    REQUIRE(got.passed == 2);
    REQUIRE(got.failures.size() == 2);
    REQUIRE(got.failures[0].failure.find("not repeatable") != std::string::npos);
}

TEST_CASE("the command says what passed, and how to repeat what did not", "[sim]") {
    const said good = command({"bin/equus", "sim", "--scenario", "reconnect", "--seeds", "1..2"});
    REQUIRE(good.code == 0);
    REQUIRE(good.has("2 passed, 0 failed"));
    const said wrong = command({"bin/equus", "sim", "--scenario", "bad", "--seeds", "2..4"});
    REQUIRE(wrong.code == 1);
    REQUIRE(wrong.has("seed 3: at 0 us: three is wrong"));
    REQUIRE(wrong.has("replay: bin/equus sim --scenario bad --seeds 3..3\n"));
    REQUIRE(wrong.has("2 passed, 1 failed"));
    const said again = command({"bin/equus", "sim", "--scenario", "bad", "--seeds", "3..3"});
    REQUIRE(again.code == 1);
    REQUIRE(again.has("three is wrong"));
    const said json = command({"equus", "sim", "--scenario", "bad", "--seeds", "2..4", "--json"});
    REQUIRE(json.code == 1);
    REQUIRE(json.has("\"failed\": 1"));
    REQUIRE(json.has("\"passed\": 2"));
}

TEST_CASE("the command refuses what it cannot run", "[sim]") {
    REQUIRE(command({"equus", "sim", "--list"}).has("membership"));
    const said unknown = command({"equus", "sim", "--scenario", "nothing"});
    REQUIRE(unknown.code == 2);
    REQUIRE(unknown.has("no scenario 'nothing'; there are: "));
    REQUIRE(unknown.has(" bad "));
    REQUIRE(unknown.has(" membership "));
    std::string asked;
    const said absent = command({"equus", "sim", "--scenario", "nothing", "--program", "x"},
                                [&](const std::string& name, const std::string& given) {
                                    asked = name + " of " + given;
                                    return result<std::string>{fail(errc::not_found, "not there")};
                                });
    REQUIRE(absent.code == 2);
    REQUIRE(absent.has("not there"));
    REQUIRE(asked == "nothing of x");
    REQUIRE(command({"equus", "sim", "--scenario", "streams", "--seeds", "5..1"}).code == 2);
    REQUIRE(command({"equus", "sim", "--scenario", "streams", "--seeds", "many"}).code == 2);
    REQUIRE(command({"equus", "sim", "--scenario", "streams", "--no-such-option"}).code == 2);
    REQUIRE(command({"equus", "sim"}).code == 2);
}
