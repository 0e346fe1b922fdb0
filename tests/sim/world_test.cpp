#include "world_cast.hpp"

#include <catch2/catch.hpp>

using namespace equus;
using namespace equus::test;

namespace {

sim::network_faults lossy(std::uint32_t per_mille) {
    sim::network_faults faults;
    faults.loss_per_mille = per_mille;
    faults.duplicate_per_mille = 100;
    faults.late_per_mille = 100;
    faults.late_max = 10ms;
    faults.unordered_per_mille = 1'000;
    return faults;
}

std::uint64_t hash_of_a_run(std::uint64_t seed) {
    stage s{seed, 3};
    s.w.set_network(lossy(100));
    REQUIRE(s.begin(50, 5ms));
    random_sequence draws{seed};
    s.w.begin_faults(sim::fault_mix::draw(draws, false));
    s.w.run_for(2s);
    s.w.heal();
    s.w.run_for(5s);
    INFO(s.w.failure());
    REQUIRE(s.w.failure().empty());
    return s.w.hash();
}

} // namespace

TEST_CASE("nodes join the root and see each other", "[sim]") {
    stage s{1, 3};
    REQUIRE(s.w.join_all());
    s.w.run_for(1s);
    REQUIRE(s.w.self(s.hosts[0]).node == root_node);
    for (const sim::host each : s.hosts)
        REQUIRE(s.w.status(each).members.size() == 3);
    REQUIRE(s.w.failure().empty());
}

TEST_CASE("messages cross two nodes in order", "[sim]") {
    stage s{2};
    REQUIRE(s.begin(100));
    REQUIRE(s.w.run_until([&] { return s.numbers.size() == 100; }, 10s));
    REQUIRE(s.in_order());
    REQUIRE(s.told("sent 100"));
}

TEST_CASE("messages cross a network that loses, duplicates and reorders", "[sim]") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        stage s{seed};
        s.w.set_network(lossy(300));
        REQUIRE(s.begin(100));
        REQUIRE(s.w.run_until([&] { return s.numbers.size() == 100; }, 120s));
        REQUIRE(s.in_order());
        REQUIRE(s.w.counters().packets_lost > 0);
        REQUIRE(s.w.failure().empty());
    }
}

TEST_CASE("a partition delays messages, and healing brings them", "[sim]") {
    stage s{3};
    REQUIRE(s.begin(200, 10ms));
    s.w.run_for(500ms);
    const std::size_t before = s.numbers.size();
    s.w.partition(s.hosts[0], s.hosts[1]);
    s.w.run_for(1s);
    REQUIRE(s.numbers.size() <= before + 5);
    s.w.heal();
    REQUIRE(s.w.run_until([&] { return s.numbers.size() == 200; }, 30s));
    REQUIRE(s.in_order());
    REQUIRE(s.w.alive(s.hosts[1]));
}

TEST_CASE("a crash is written off and its watchers are told", "[sim]") {
    stage s{4};
    REQUIRE(s.begin(1'000, 10ms));
    s.w.run_for(1s);
    s.w.crash(s.hosts[1]);
    REQUIRE_FALSE(s.w.alive(s.hosts[1]));
    REQUIRE(s.w.run_until([&] { return !s.lines.empty(); }, 60s));
    REQUIRE(s.told("terminated " + std::to_string(static_cast<int>(errc::evicted))));
    REQUIRE(s.w.status(s.hosts[0]).members.size() == 1);
    REQUIRE(s.in_order());
}

TEST_CASE("the launcher's word of a death is faster than silence", "[sim]") {
    stage s{5};
    REQUIRE(s.begin(1'000, 10ms));
    s.w.run_for(1s);
    s.w.crash(s.hosts[1]);
    s.w.evict(s.hosts[1]);
    REQUIRE(s.w.run_until([&] { return !s.lines.empty(); }, 500ms));
}

TEST_CASE("a node that stood still beyond its lease stops itself and acts no more", "[sim]") {
    stage s{6};
    REQUIRE(s.begin(1'000'000, 10ms));
    s.w.run_for(1s);
    s.w.pause(s.hosts[1], 60s);
    s.w.run_for(30s);
    const std::size_t before = s.numbers.size();
    REQUIRE(s.w.status(s.hosts[0]).members.size() == 1);
    s.w.run_for(60s);
    REQUIRE_FALSE(s.w.alive(s.hosts[1]));
    REQUIRE(s.w.stopped(s.hosts[1]).value() == errc::evicted);
    REQUIRE(s.numbers.size() == before);
}

TEST_CASE("a crashed node that starts again is a new life", "[sim]") {
    stage s{7};
    REQUIRE(s.w.join_all());
    const node_boot first = s.w.self(s.hosts[1]);
    s.w.crash(s.hosts[1]);
    s.w.run_for(1s);
    s.w.restart(s.hosts[1]);
    REQUIRE(s.w.join_all());
    REQUIRE(s.w.self(s.hosts[1]).boot > first.boot);
    REQUIRE(s.w.lives(s.hosts[1]) == 2);
    s.w.run_for(20s);
    REQUIRE(s.w.status(s.hosts[0]).members.size() == 2);
}

TEST_CASE("a node that leaves is not a failure", "[sim]") {
    stage s{8, 3};
    REQUIRE(s.w.join_all());
    s.w.leave(s.hosts[2]);
    s.w.run_for(2s);
    REQUIRE_FALSE(s.w.alive(s.hosts[2]));
    REQUIRE(s.w.stopped(s.hosts[2]).value() == errc::ok);
    REQUIRE(s.w.status(s.hosts[1]).members.size() == 2);
}

TEST_CASE("the same seed gives the same hash, another seed another one", "[sim][rule24]") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const std::uint64_t first = hash_of_a_run(seed);
        REQUIRE(first == hash_of_a_run(seed));
        REQUIRE(first != hash_of_a_run(seed + 100));
    }
}

TEST_CASE("a world that settles has nothing under way", "[sim]") {
    stage s{9};
    s.w.partition(s.hosts[0], s.hosts[1]);
    s.w.run_for(1s);
    s.w.heal();
    REQUIRE(s.begin(100));
    REQUIRE(s.w.settle());
    REQUIRE(s.numbers.size() == 100);
}

TEST_CASE("an effect nobody does is not found, and one may answer late", "[sim]") {
    stage s{10};
    std::vector<sim::completion> waiting;
    s.w.late_effect("test.tell", [&](sim::host, const bytes&, sim::completion done) {
        waiting.push_back(std::move(done));
    });
    REQUIRE(s.begin(1));
    s.w.run_for(1s);
    REQUIRE(waiting.size() == 2); // the number, and that it was sent
    REQUIRE(waiting[0].wanted());
    for (const auto& done : waiting)
        done(encoded(noted{}));
    s.w.run_for(10ms);
    s.w.crash(s.hosts[1]);
    REQUIRE(waiting[0].wanted() != waiting[1].wanted());
    waiting[0](encoded(noted{})); // a second answer: ignored
    s.w.run_for(1s);
    REQUIRE(s.w.failure().empty());
}

TEST_CASE("what a workload calls a failure stops the world", "[sim]") {
    stage s{11};
    s.w.at(time_point{} + 1s, [&] { s.w.fail("seen enough"); });
    s.w.run_for(10s);
    REQUIRE(s.w.failure() == "at 1000000 us: seen enough");
    REQUIRE(s.w.now() == time_point{} + 1s);
}
