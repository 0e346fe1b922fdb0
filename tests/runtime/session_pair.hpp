// Two sessions that talk to each other, and tests in the middle: packets are taken out by hand, and
// handed over, kept, repeated or thrown away by the test.
#pragma once

#include "runtime/session.hpp"

#include <equus/base/bytes.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace equus::runtime::test {

using namespace equus::literals;

using texts = std::vector<std::string>;

inline kernel_limits small_packets() {
    kernel_limits limits;
    limits.packet_bytes_max = 1024;
    return limits;
}

inline std::string long_text(std::size_t size) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
    return text;
}

/// One side and what its kernel was given.
struct side {
    side(const kernel_limits& limits, packet_pool& pool, node_boot self, node_boot peer)
        : session{limits, pool, rdc_id{9}, self, peer, time_point{}} {}

    runtime::session session;
    std::vector<std::string> got;
    std::vector<unsigned> kinds;
};

struct packet_out {
    link_id link;
    bytes data;
    packet_header header() const { return parse_header(data.span()).value(); }
    bool numbered() const { return header().sequence != 0; }
};

inline constexpr link_id first_link{11};
inline constexpr link_id second_link{12};
inline constexpr link_traits ordered{};
inline constexpr link_traits lossy{.dialled = {}, .ordered = false};

struct session_pair {
    explicit session_pair(kernel_limits with = {})
        : limits{with}, a{limits, pool, node_a, node_b}, b{limits, pool, node_b, node_a} {}

    void attach(link_id link, const link_traits& traits = ordered) {
        a.session.attach(link, traits, now);
        b.session.attach(link, traits, now);
    }
    void detach(link_id link) {
        a.session.detach(link, now);
        b.session.detach(link, now);
    }
    void say(side& from, std::string_view text, lane where = lane::data, unsigned kind = 1) {
        const auto payload =
            from.session.reserve(frame_kind{static_cast<std::uint8_t>(kind)}, where, text.size());
        REQUIRE(payload.size() == text.size());
        for (std::size_t i = 0; i < text.size(); ++i)
            payload[i] = static_cast<std::byte>(text[i]);
    }
    /// Everything that `from` wants to send now.
    std::vector<packet_out> take(side& from) {
        std::vector<packet_out> all;
        link_id link;
        std::span<const std::byte> data;
        while (all.size() < 100'000 && from.session.next_packet(now, link, data))
            all.push_back({link, bytes{data}});
        check();
        return all;
    }
    result<void> give(side& to, const packet_out& packet) {
        const auto outcome =
            to.session.receive(packet.header(), packet.data.span(), now, [&to](const frame& f) {
                to.got.emplace_back(reinterpret_cast<const char*>(f.payload.data()),
                                    f.payload.size());
                to.kinds.push_back(static_cast<unsigned>(f.kind));
            });
        check();
        return outcome;
    }
    void give_all(side& to, const std::vector<packet_out>& packets) {
        for (const packet_out& packet : packets)
            REQUIRE(give(to, packet).has_value());
    }
    /// Lets both sides talk until neither has anything to send at this instant.
    void settle() {
        for (int round = 0; round < 1000; ++round) {
            const auto from_a = take(a);
            give_all(b, from_a);
            const auto from_b = take(b);
            give_all(a, from_b);
            if (from_a.empty() && from_b.empty())
                return;
        }
        FAIL("the two sides never fall silent");
    }
    void wait(duration d) { now = now + d; }
    void check() const {
        REQUIRE(a.session.check_invariants() == "");
        REQUIRE(b.session.check_invariants() == "");
    }

    static constexpr node_boot node_a{node_id{1}, boot_number{1}};
    static constexpr node_boot node_b{node_id{2}, boot_number{7}};
    kernel_limits limits;
    packet_pool pool;
    time_point now{1'000'000'000};
    side a;
    side b;
};

} // namespace equus::runtime::test
