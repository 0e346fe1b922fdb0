#include "transport/sim/network.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace {

using namespace equus;
using namespace equus::transport;
using namespace equus::literals;

/// Two hosts or more, everything that they hear, in order.
struct bench {
    explicit bench(std::uint64_t seed, std::uint32_t hosts = 2) : net{seed} {
        for (std::uint32_t i = 0; i < hosts; ++i)
            net.listen(net.add_host(), "host" + std::to_string(i));
    }

    void run_until(time_point end) {
        for (sim_delivery heard; net.next_at() <= end;) {
            now = std::max(now, net.next_at());
            while (net.next(now, heard))
                note(heard);
        }
        now = end;
    }
    void note(const sim_delivery& heard) {
        log += std::to_string(now.ns) + " " + std::to_string(heard.to) + " " +
               std::to_string(static_cast<int>(heard.what)) + " " +
               std::to_string(heard.link.value) + " " + std::string{heard.data.text()} + "\n";
        if (heard.what == sim_delivery::kind::link_up) {
            links.resize(std::max<std::size_t>(links.size(), heard.to + 1));
            links[heard.to] = heard.link;
        }
        if (heard.what == sim_delivery::kind::packet && heard.to == 1)
            received.emplace_back(std::stoi(std::string{heard.data.text()}));
        downs += heard.what == sim_delivery::kind::link_down ? 1 : 0;
        failures += heard.what == sim_delivery::kind::dial_failed ? 1 : 0;
    }
    void connect() {
        net.dial(0, dial_id{1}, "host1", now);
        run_until(now + 10s);
        REQUIRE(links.size() == 2);
    }
    void send(int number) {
        const std::string text = std::to_string(number);
        net.send(0, links[0], std::as_bytes(std::span{text.data(), text.size()}), now);
    }
    bool in_order() const {
        for (std::size_t i = 0; i < received.size(); ++i)
            if (received[i] != static_cast<int>(i))
                return false;
        return true;
    }

    sim_network net;
    time_point now;
    std::string log;
    std::vector<link_id> links;
    std::vector<int> received;
    int downs = 0;
    int failures = 0;
};

network_faults bad() {
    network_faults faults;
    faults.loss_per_mille = 200;
    faults.duplicate_per_mille = 100;
    faults.late_per_mille = 200;
    faults.late_max = 5ms;
    faults.break_per_million = 2'000;
    faults.unordered_per_mille = 500;
    return faults;
}

std::string history(std::uint64_t seed) {
    bench b{seed, 3};
    b.net.set_faults(bad());
    for (std::uint32_t i = 0; i < 20; ++i) {
        b.net.dial(0, dial_id{i + 1}, i % 2 == 0 ? "host1" : "host2", b.now);
        b.run_until(b.now + 2s);
        for (int k = 0; k < 20 && !b.links.empty(); ++k)
            b.send(k);
    }
    b.net.crash(1, b.now);
    b.run_until(b.now + 20s);
    return b.log;
}

} // namespace

TEST_CASE("the same seed and the same calls give the same history", "[sim]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const std::string first = history(seed);
        REQUIRE(first.size() > 500);
        REQUIRE(first == history(seed));
    }
}

TEST_CASE("another seed gives another history", "[sim]") {
    REQUIRE(history(1) != history(2));
}

TEST_CASE("an ordered link delivers everything once and in order whatever is lost", "[sim]") {
    bench b{7};
    network_faults faults = bad();
    faults.break_per_million = 0;
    faults.unordered_per_mille = 0;
    b.net.set_faults(faults);
    b.connect();
    for (int i = 0; i < 500; ++i)
        b.send(i);
    b.run_until(b.now + 100s);
    REQUIRE(b.received.size() == 500);
    REQUIRE(b.in_order());
}

TEST_CASE("an ordered link that breaks delivers a prefix and tells both sides once", "[sim]") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        bench b{seed};
        b.connect();
        for (int i = 0; i < 100; ++i)
            b.send(i);
        b.net.break_links(0, 1, b.now);
        b.run_until(b.now + 100s);
        REQUIRE(b.received.size() < 100);
        REQUIRE(b.in_order());
        REQUIRE(b.downs == 2);
    }
}

TEST_CASE("an unordered link loses, duplicates and reorders", "[sim]") {
    bench b{3};
    network_faults faults = bad();
    faults.unordered_per_mille = 1'000;
    b.net.set_faults(faults);
    b.connect();
    for (int i = 0; i < 500; ++i)
        b.send(i);
    b.run_until(b.now + 10s);
    REQUIRE_FALSE(b.in_order());
    REQUIRE(b.net.counters().packets_lost > 50);
    REQUIRE(b.net.counters().packets_duplicated > 20);
    REQUIRE(b.net.counters().packets_overtaken > 20);
}

TEST_CASE("a short cut holds the packets of an ordered link back and loses none", "[sim]") {
    bench b{11};
    b.connect();
    b.net.set_cut(0, 1, true, b.now);
    for (int i = 0; i < 50; ++i)
        b.send(i);
    b.run_until(b.now + 100ms);
    REQUIRE(b.received.empty());
    b.net.set_cut(0, 1, false, b.now);
    b.send(50);
    b.run_until(b.now + 10s);
    REQUIRE(b.received.size() == 51);
    REQUIRE(b.in_order());
    REQUIRE(b.downs == 0);
}

TEST_CASE("a long cut breaks an ordered link that had something to carry", "[sim]") {
    bench b{11};
    b.connect();
    b.net.set_cut(0, 1, true, b.now);
    b.send(0);
    b.run_until(b.now + 20s);
    REQUIRE(b.received.empty());
    REQUIRE(b.downs == 2);
}

TEST_CASE("a cut is one-way", "[sim]") {
    bench b{12};
    b.connect();
    b.net.set_cut(1, 0, true, b.now);
    b.send(0);
    b.run_until(b.now + 100ms);
    REQUIRE(b.received.size() == 1);
}

TEST_CASE("dialling nobody, the crashed and the unreachable fails", "[sim]") {
    bench b{5, 3};
    b.net.crash(2, b.now);
    b.net.set_cut(1, 0, true, b.now);
    b.net.dial(0, dial_id{1}, "nobody", b.now);
    b.net.dial(0, dial_id{2}, "host2", b.now);
    b.net.dial(0, dial_id{3}, "host1", b.now);
    b.run_until(b.now + 10s);
    REQUIRE(b.failures == 3);
    REQUIRE(b.links.empty());
}

TEST_CASE("what a host sent before it hung up arrives before the end of the link", "[sim]") {
    bench b{6};
    b.connect();
    for (int i = 0; i < 20; ++i)
        b.send(i);
    b.net.hang_up(0, b.links[0], b.now);
    b.run_until(b.now + 10s);
    REQUIRE(b.received.size() == 20);
    REQUIRE(b.downs == 1);
}

TEST_CASE("a crashed host hears nothing and its peers hear of its end", "[sim]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        bench b{seed};
        b.connect();
        b.send(0);
        b.net.crash(1, b.now);
        b.run_until(b.now + 10s);
        REQUIRE(b.received.empty());
        REQUIRE(b.downs == 1);
        b.net.restart(1);
        b.net.listen(1, "host1");
        b.connect();
        b.send(1);
        b.run_until(b.now + 1s);
        REQUIRE(b.received == std::vector<int>{1});
    }
}

TEST_CASE("simultaneous dials give two links", "[sim]") {
    bench b{9};
    b.net.dial(0, dial_id{1}, "host1", b.now);
    b.net.dial(1, dial_id{1}, "host0", b.now);
    b.run_until(b.now + 1s);
    REQUIRE(b.net.counters().links_made == 2);
    REQUIRE(b.links[0].value == 2);
}
