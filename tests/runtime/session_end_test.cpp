// What a session refuses, what it keeps, and how it ends.
#include "runtime/session_pair.hpp"

#include <algorithm>

using namespace equus;
using namespace equus::runtime;
using namespace equus::runtime::test;

// ---- refusals

TEST_CASE("packets of another run or between other lives are refused", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "x");
    const auto sent = p.take(p.a);
    for (int change = 0; change < 5; ++change) {
        packet_header header = sent[0].header();
        header.run.value += change == 0;
        header.from.node.value += change == 1;
        header.from.boot.value += change == 2;
        header.to.node.value += change == 3;
        header.to.boot.value += change == 4;
        const auto outcome = p.b.session.receive(header, sent[0].data.span(), p.now,
                                                 [](const frame&) { FAIL("delivered"); });
        REQUIRE_FALSE(outcome.has_value());
        CHECK(outcome.error().code() == errc::no_such_node);
    }
    CHECK(p.b.session.counters().refused == 5);
    p.give_all(p.b, sent);
    CHECK(p.b.got == texts{"x"});
}

TEST_CASE("a packet that acknowledges what was never sent is refused", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.b, "x");
    auto sent = p.take(p.b);
    refresh_acknowledgement(sent[0].data.data(), 1, 0);
    CHECK(p.give(p.a, sent[0]).error().code() == errc::malformed);
    CHECK(p.a.got.empty());
}

TEST_CASE("of a packet with one malformed frame nothing is delivered, and a good one may follow",
          "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "good");
    p.say(p.a, "bad");
    const auto sent = p.take(p.a);
    packet_out broken = sent[0];
    store_little_endian(broken.data.data() + packet_header_bytes + frame_bytes(4),
                        std::uint32_t{4000});
    CHECK(p.give(p.b, broken).error().code() == errc::malformed);
    CHECK(p.b.got.empty());
    p.give_all(p.b, sent);
    CHECK(p.b.got == texts{"good", "bad"});
}

TEST_CASE("fragments that do not follow from each other are refused", "[session]") {
    session_pair p;
    p.attach(first_link);
    std::uint64_t sequence = 0;
    const auto refused = [&](std::uint8_t flags, std::uint32_t total, std::size_t piece,
                             unsigned inner = 1) {
        packet_header header = p.a.session.greeting_header();
        header.sequence = sequence + 1;
        packet_writer writer{header};
        const auto payload = writer.append(frame_kind::fragment, piece, flags);
        std::fill(payload.begin(), payload.end(), std::byte{});
        if ((flags & fragment_is_first) != 0 && piece >= 8) {
            store_little_endian(payload.data(), total);
            store_little_endian(payload.data() + 4, std::uint32_t{inner});
        }
        const auto outcome = p.give(p.b, {first_link, bytes{writer.packet()}});
        sequence += outcome.has_value() ? 1 : 0;
        return outcome.has_value() ? errc::ok : outcome.error().code();
    };
    const auto too_large = static_cast<std::uint32_t>(p.b.session.frame_payload_max()) + 1;
    CHECK(refused(1, 0, 16) == errc::malformed);         // no first one
    CHECK(refused(3, 100, 4) == errc::malformed);        // shorter than its prefix
    CHECK(refused(3, 100, 8) == errc::malformed);        // no byte of it
    CHECK(refused(3, 0, 16) == errc::malformed);         // of nothing
    CHECK(refused(3, 7, 16) == errc::malformed);         // more than announced
    CHECK(refused(3, too_large, 16) == errc::too_large); // over the limit
    CHECK(refused(3, 0xffffffff, 16) == errc::too_large);
    CHECK(refused(7, 100, 16) == errc::malformed);          // unknown flag
    CHECK(refused(3, 100, 16, 0xf0) == errc::malformed);    // a fragment of a fragment
    CHECK(refused(3, 100, 16, 0x10001) == errc::malformed); // reserved bytes
    CHECK(refused(3, 100, 16) == errc::ok);
    CHECK(refused(3, 100, 16) == errc::malformed); // a second first one
    CHECK(refused(1, 0, 0) == errc::malformed);    // an empty one
    CHECK(refused(1, 0, 93) == errc::malformed);   // more than announced
    CHECK(refused(2, 50, 16) == errc::ok);         // the other lane
    CHECK(refused(1, 0, 92) == errc::ok);
    CHECK(p.b.got.size() == 1);
}

TEST_CASE("a few bytes that announce a giant message reserve no giant buffer", "[session]") {
    session_pair p;
    packet_header header = p.a.session.greeting_header();
    header.sequence = 1;
    packet_writer writer{header};
    const auto payload = writer.append(frame_kind::fragment, 16, 3);
    std::fill(payload.begin(), payload.end(), std::byte{});
    store_little_endian(payload.data(), std::uint32_t{60u << 20});
    store_little_endian(payload.data() + 4, std::uint32_t{1});
    REQUIRE(p.give(p.b, {first_link, bytes{writer.packet()}}).has_value());
    CHECK(p.pool.bytes_in_use() <= 4096);
}

TEST_CASE("a held packet that turns out malformed is refused when it is due", "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    p.say(p.a, "1");
    const auto first = p.take(p.a);
    p.say(p.a, "2");
    const auto second = p.take(p.a);
    packet_out broken = second[0];
    store_little_endian(broken.data.data() + packet_header_bytes, std::uint32_t{4000});
    REQUIRE(p.give(p.b, broken).has_value());
    CHECK(p.give(p.b, first[0]).error().code() == errc::malformed);
    CHECK(p.b.got == texts{"1"});
    p.give_all(p.b, second);
    CHECK(p.b.got == texts{"1", "2"});
}

// ---- memory and the end

TEST_CASE("all buffers are back in the pool when everything is acknowledged", "[session]") {
    session_pair p{small_packets()};
    p.attach(first_link);
    for (int i = 0; i < 100; ++i) {
        p.say(p.a, long_text(static_cast<std::size_t>(i) * 50));
        p.say(p.b, "c", lane::control);
    }
    p.settle();
    p.wait(1s);
    p.settle();
    CHECK(p.a.session.idle());
    CHECK(p.b.session.idle());
    CHECK(p.pool.bytes_in_use() == 0);
}

TEST_CASE("a steady flow of packets asks the system for no memory", "[session]") {
    session_pair p;
    p.attach(first_link);
    const auto round = [&p] {
        for (int i = 0; i < 20; ++i)
            p.say(p.a, long_text(3000));
        p.say(p.a, long_text(100'000));
        p.say(p.b, "credit", lane::control);
        p.settle();
        p.wait(10ms);
        p.b.got.clear();
        p.b.kinds.clear();
    };
    for (int i = 0; i < 5; ++i)
        round();
    const auto before = p.pool.allocations();
    for (int i = 0; i < 50; ++i)
        round();
    CHECK(p.pool.allocations() == before);
}

TEST_CASE("closing drops everything and says how many frames were not acknowledged", "[session]") {
    session_pair p{small_packets()};
    p.attach(first_link, lossy);
    p.say(p.a, "acknowledged");
    p.settle();
    p.wait(10ms);
    p.settle();
    p.say(p.a, "under way");
    p.take(p.a);
    p.say(p.a, "held");
    p.say(p.a, long_text(5000));
    p.say(p.a, "control", lane::control);
    const auto late = p.take(p.a);
    p.give_all(p.b, late);
    p.say(p.a, "waiting");
    CHECK(p.a.session.close() == 5);
    CHECK(p.a.session.close() == 0);
    CHECK(p.b.session.close() == 0);
    CHECK(p.pool.bytes_in_use() == 0);
    CHECK(p.a.session.closed());
    CHECK_FALSE(p.a.session.has_link());
    CHECK(p.take(p.a).empty());
    CHECK(p.a.session.next_deadline() == time_point::never());
    CHECK(p.give(p.b, late[0]).error().code() == errc::closed);
    p.a.session.attach(second_link, ordered, p.now);
    CHECK(p.take(p.a).empty());
}

TEST_CASE("a session closed by a frame delivers no further one", "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    p.say(p.a, "1");
    p.say(p.a, "2");
    const auto first = p.take(p.a);
    p.say(p.a, "3");
    p.give_all(p.b, p.take(p.a));
    int delivered = 0;
    const auto outcome =
        p.b.session.receive(first[0].header(), first[0].data.span(), p.now, [&](const frame&) {
            ++delivered;
            p.b.session.close();
        });
    CHECK(outcome.has_value());
    CHECK(delivered == 1);
}
