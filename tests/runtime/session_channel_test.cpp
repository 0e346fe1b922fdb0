// Two sessions over a network that loses, duplicates, delays and reorders packets, cuts links and
// makes new ones, in virtual time, from one seed. Whatever it does, each side is given what the
// other one appended: everything, once, in order within its lane, unchanged.
#include "runtime/session.hpp"

#include <equus/base/bytes.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace equus;
using namespace equus::runtime;
using namespace equus::literals;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct random_source {
    std::uint64_t state;
    std::uint64_t next() {
        std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t end) { return next() % end; }
    bool percent(std::uint64_t p) { return below(100) < p; }
};

/// Makes the message of a number, and checks that the next one to arrive is that of the next
/// number: a message lost, repeated, out of order or changed is a difference.
class lane_checker {
public:
    explicit lane_checker(std::uint64_t seed) : seed_{seed} {}

    std::size_t size_of(std::uint64_t number) const {
        random_source random{seed_ ^ (number * 1'000'003)};
        if (random.percent(2))
            return 8 + random.below(20'000);
        return random.percent(10) ? random.below(3) : 8 + random.below(120);
    }
    frame_kind kind_of(std::uint64_t number) const {
        return frame_kind{static_cast<std::uint8_t>((seed_ + number) % 0xf0)};
    }
    /// The lowest bit says which lane, as in the seed.
    std::uint8_t flags_of(std::uint64_t number) const {
        return static_cast<std::uint8_t>(number * 10 + seed_ % 2);
    }
    void fill(std::uint64_t number, std::span<std::byte> payload) const {
        random_source random{seed_ + number};
        for (std::byte& b : payload)
            b = static_cast<std::byte>(random.next());
    }
    /// Empty, or what is wrong with a frame that arrives.
    std::string arrives(const frame& f) {
        const std::uint64_t number = arrived_++;
        std::vector<std::byte> expected(size_of(number));
        fill(number, expected);
        if (f.kind != kind_of(number) || f.flags != flags_of(number) ||
            !std::equal(expected.begin(), expected.end(), f.payload.begin(), f.payload.end()))
            return "message " + std::to_string(number) + " is not the one that arrives";
        return {};
    }
    std::uint64_t arrived() const { return arrived_; }

private:
    std::uint64_t seed_;
    std::uint64_t arrived_ = 0;
};

struct network_traits {
    std::uint64_t loss_percent = 0;
    std::uint64_t duplicate_percent = 0;
    duration delay_max{1'000'000};
    bool ordered = true;
};

/// One link, both directions: packets on their way, each with its time of arrival.
struct test_link {
    link_id id;
    network_traits traits;
    struct on_the_way {
        time_point at;
        std::uint64_t order;
        int to;
        bytes data;
    };
    std::vector<on_the_way> packets;
    std::array<time_point, 2> last_arrival{};
};

class channel_run {
public:
    channel_run(std::uint64_t seed, kernel_limits limits, std::uint64_t messages)
        : random_{seed}, limits_{limits}, messages_{messages} {
        for (std::size_t side = 0; side < 2; ++side)
            for (std::size_t l = 0; l < 2; ++l)
                checkers_.emplace_back(seed * 16 + side * 2 + l);
    }

    /// Empty, or the first thing that went wrong.
    std::string run() {
        for (std::uint64_t step = 0; step < 400'000 && wrong_.empty(); ++step) {
            if (done())
                return finish();
            disturb();
            append();
            for (int side = 0; side < 2; ++side)
                transmit(side);
            advance_time();
            arrive();
        }
        return wrong_.empty() ? "no progress: " + std::to_string(arrived()) + " arrived" : wrong_;
    }
    std::uint64_t resent() const {
        return sides_[0].counters().packets_resent + sides_[1].counters().packets_resent;
    }
    std::uint64_t duplicates() const {
        return sides_[0].counters().duplicates_dropped + sides_[1].counters().duplicates_dropped;
    }
    std::uint64_t links_made() const { return next_link_ - 1; }

private:
    lane_checker& checker(int from, std::size_t l) {
        return checkers_[static_cast<std::size_t>(from) * 2 + l];
    }
    std::uint64_t arrived() const {
        std::uint64_t all = 0;
        for (const lane_checker& c : checkers_)
            all += c.arrived();
        return all;
    }
    bool appended_all() const {
        return sides_[0].frames_reserved(lane::data) + sides_[1].frames_reserved(lane::data) +
                   sides_[0].frames_reserved(lane::control) +
                   sides_[1].frames_reserved(lane::control) >=
               messages_;
    }
    bool done() const { return appended_all() && sides_[0].idle() && sides_[1].idle(); }

    /// Cuts links and makes new ones; the last third of the messages finds a calmer network.
    void disturb() {
        if (links_.empty() || (links_.size() < 3 && random_.below(400) == 0))
            make_link();
        if (random_.below(600) == 0)
            cut_link(random_.below(links_.size()));
        if (!links_.empty() && random_.below(500) == 0)
            sides_[random_.below(2)].set_preferred(links_[random_.below(links_.size())].id, now_);
    }
    void make_link() {
        network_traits traits;
        traits.ordered = random_.percent(40);
        traits.delay_max = duration{1'000 + static_cast<std::int64_t>(random_.below(20'000'000))};
        if (!traits.ordered) {
            traits.loss_percent = random_.below(30);
            traits.duplicate_percent = random_.below(20);
        }
        const link_id id{next_link_++};
        links_.push_back({id, traits, {}, {}});
        for (session& s : sides_)
            s.attach(id, {.dialled = {}, .ordered = traits.ordered}, now_);
    }
    void cut_link(std::size_t index) {
        const link_id id = links_[index].id;
        links_.erase(links_.begin() + static_cast<long>(index));
        for (session& s : sides_)
            s.detach(id, now_);
    }
    void append() {
        for (std::uint64_t burst = random_.below(12); burst != 0 && !appended_all(); --burst)
            append_one(static_cast<int>(random_.below(2)), random_.percent(25) ? 0 : 1);
    }
    void append_one(int from, std::size_t l) {
        session& s = sides_[static_cast<std::size_t>(from)];
        const lane where = l == 0 ? lane::control : lane::data;
        const std::uint64_t number = s.frames_reserved(where);
        const lane_checker& c = checker(from, l);
        c.fill(number, s.reserve(c.kind_of(number), where, c.size_of(number), c.flags_of(number)));
    }
    void transmit(int from) {
        session& s = sides_[static_cast<std::size_t>(from)];
        link_id id;
        std::span<const std::byte> data;
        // A bounded number: the rest is appended to and overtaken by other things.
        for (std::uint64_t n = random_.below(8); n != 0 && s.next_packet(now_, id, data); --n) {
            const auto link = std::find_if(links_.begin(), links_.end(),
                                           [id](const test_link& l) { return l.id == id; });
            if (link == links_.end())
                return fail("a packet for a link that is gone");
            if (data.size() > std::max<std::size_t>(limits_.packet_bytes_max, 512))
                return fail("a packet over the limit");
            const int copies = random_.percent(link->traits.loss_percent)        ? 0
                               : random_.percent(link->traits.duplicate_percent) ? 2
                                                                                 : 1;
            for (int copy = 0; copy < copies; ++copy)
                put_on(*link, 1 - from, data);
        }
        check(s);
    }
    void put_on(test_link& link, int to, std::span<const std::byte> data) {
        time_point at =
            now_ + duration{1 + static_cast<std::int64_t>(random_.below(
                                    static_cast<std::uint64_t>(link.traits.delay_max.count())))};
        time_point& last = link.last_arrival[static_cast<std::size_t>(to)];
        if (link.traits.ordered)
            last = at = std::max(at, last);
        link.packets.push_back({at, next_order_++, to, bytes{data}});
    }
    void advance_time() {
        time_point next = now_ + 1ms;
        for (const session& s : sides_)
            next = std::min(next, std::max(now_ + duration{1}, s.next_deadline()));
        for (const test_link& link : links_)
            for (const auto& packet : link.packets)
                next = std::min(next, std::max(now_ + duration{1}, packet.at));
        now_ = next;
    }
    void arrive() {
        for (test_link& link : links_) {
            std::vector<test_link::on_the_way> due;
            std::erase_if(link.packets, [&](test_link::on_the_way& packet) {
                if (packet.at > now_)
                    return false;
                due.push_back(std::move(packet));
                return true;
            });
            std::ranges::sort(due, [](const auto& x, const auto& y) {
                return x.at != y.at ? x.at < y.at : x.order < y.order;
            });
            for (const auto& packet : due)
                receive(packet.to, packet.data);
        }
    }
    void receive(int to, const bytes& data) {
        session& s = sides_[static_cast<std::size_t>(to)];
        const auto header = parse_header(data.span());
        if (!header)
            return fail("a packet without a header");
        const auto outcome = s.receive(*header, data.span(), now_, [&](const frame& f) {
            lane_checker& of_its_lane = checker(1 - to, f.flags % 2);
            if (const std::string error = of_its_lane.arrives(f); !error.empty())
                fail(error);
            // Answers from within, as the kernel does.
            if (random_.percent(20) && !appended_all())
                append_one(to, 0);
        });
        if (!outcome)
            fail(outcome.error().describe());
        check(s);
    }
    void check(const session& s) {
        if (const std::string broken = s.check_invariants(); !broken.empty())
            fail(broken);
    }
    void fail(const std::string& what) {
        if (wrong_.empty())
            wrong_ = what;
    }
    /// Everything was acknowledged: then it was delivered, and no memory is kept for it.
    std::string finish() {
        for (int side = 0; side < 2; ++side) {
            const session& s = sides_[static_cast<std::size_t>(side)];
            if (checker(side, 0).arrived() != s.frames_reserved(lane::control) ||
                checker(side, 1).arrived() != s.frames_reserved(lane::data))
                return "acknowledged, but not delivered";
            if (s.frames_acknowledged(lane::data) != s.frames_reserved(lane::data))
                return "idle, but not acknowledged";
        }
        if (pool_.bytes_in_use() != 0)
            return "memory kept: " + std::to_string(pool_.bytes_in_use());
        return {};
    }

    random_source random_;
    kernel_limits limits_;
    std::uint64_t messages_;
    packet_pool pool_;
    time_point now_{1};
    static constexpr node_boot node_a{node_id{1}, boot_number{1}};
    static constexpr node_boot node_b{node_id{2}, boot_number{2}};
    std::array<session, 2> sides_{session{limits_, pool_, rdc_id{3}, node_a, node_b, now_},
                                  session{limits_, pool_, rdc_id{3}, node_b, node_a, now_}};
    std::vector<lane_checker> checkers_;
    std::vector<test_link> links_;
    std::uint64_t next_link_ = 1;
    std::uint64_t next_order_ = 0;
    std::string wrong_;
};

kernel_limits limits_of(std::uint64_t seed) {
    random_source random{seed};
    kernel_limits limits;
    limits.packet_bytes_max = static_cast<std::uint32_t>(512 + random.below(8000));
    limits.session_packets_max = static_cast<std::uint32_t>(1 + random.below(100));
    limits.session_reorder_max = static_cast<std::uint32_t>(random.below(100));
    return limits;
}

} // namespace

TEST_CASE("over any network each message arrives once, in order, unchanged", "[session][channel]") {
    std::uint64_t resent = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t links = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        channel_run run{seed, limits_of(seed), 1000};
        INFO("seed " << seed);
        REQUIRE(run.run() == "");
        resent += run.resent();
        duplicates += run.duplicates();
        links += run.links_made();
    }
    // The network was as bad as it was meant to be.
    CHECK(resent > 1000);
    CHECK(duplicates > 1000);
    CHECK(links > 200);
}

TEST_CASE("ten thousand messages survive breaks, loss and reordering", "[session][channel]") {
    for (std::uint64_t seed = 1001; seed <= 1005; ++seed) {
        channel_run run{seed, limits_of(seed), 10'000};
        INFO("seed " << seed);
        REQUIRE(run.run() == "");
    }
}

TEST_CASE("the checker of the channel runs notices loss, repetition, exchange and change",
          "[session][channel]") {
    const lane_checker source{42};
    const auto message = [&source](std::uint64_t number) {
        std::vector<std::byte> payload(std::max<std::size_t>(source.size_of(number), 1));
        source.fill(number, std::span{payload}.first(source.size_of(number)));
        payload.resize(source.size_of(number));
        return payload;
    };
    const auto accepts = [&](const std::vector<std::uint64_t>& numbers) {
        lane_checker checker{42};
        return std::ranges::all_of(numbers, [&](std::uint64_t n) {
            const auto payload = message(n);
            return checker.arrives({source.kind_of(n), source.flags_of(n), payload}).empty();
        });
    };
    CHECK(accepts({0, 1, 2, 3}));
    CHECK_FALSE(accepts({0, 2}));
    CHECK_FALSE(accepts({0, 0}));
    CHECK_FALSE(accepts({1, 0}));
    auto changed = message(0);
    changed.at(0) ^= std::byte{1};
    lane_checker checker{42};
    CHECK_FALSE(checker.arrives({source.kind_of(0), source.flags_of(0), changed}).empty());
}
