// Frames, lanes, order, acknowledgement and the window of a session.
#include "runtime/session_pair.hpp"

#include <algorithm>

using namespace equus;
using namespace equus::runtime;
using namespace equus::runtime::test;

// ---- frames and lanes

TEST_CASE("frames appended before one packet is taken travel in that packet", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "one");
    p.say(p.a, "");
    p.say(p.a, "three", lane::data, 5);
    const auto sent = p.take(p.a);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].link == first_link);
    CHECK(sent[0].header().sequence == 1);
    CHECK(sent[0].header().run == rdc_id{9});
    CHECK(sent[0].header().from == session_pair::node_a);
    CHECK(sent[0].header().to == session_pair::node_b);
    p.give_all(p.b, sent);
    CHECK(p.b.got == texts{"one", "", "three"});
    CHECK(p.b.kinds == std::vector<unsigned>{1, 1, 5});
}

TEST_CASE("control frames overtake the data frames that wait", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "data 1");
    p.say(p.a, "control 1", lane::control);
    p.say(p.a, "data 2");
    p.say(p.a, "control 2", lane::control);
    const auto sent = p.take(p.a);
    CHECK(sent.size() == 1);
    p.give_all(p.b, sent);
    CHECK(p.b.got == texts{"control 1", "control 2", "data 1", "data 2"});
}

TEST_CASE("a control frame waits for at most the packet before it, however much data waits",
          "[session]") {
    session_pair p{small_packets()};
    p.attach(first_link);
    for (int i = 0; i < 100; ++i)
        p.say(p.a, long_text(200));
    p.say(p.a, long_text(20'000));
    link_id link;
    std::span<const std::byte> data;
    for (int i = 0; i < 3; ++i)
        REQUIRE(p.a.session.next_packet(p.now, link, data));
    p.say(p.a, "now", lane::control);
    REQUIRE(p.a.session.next_packet(p.now, link, data));
    frame_reader reader{data.subspan(packet_header_bytes)};
    frame first;
    REQUIRE(reader.next(first));
    CHECK(first.payload.size() == 3);
}

TEST_CASE("a control frame passes between the fragments of a large message", "[session]") {
    session_pair p{small_packets()};
    p.attach(first_link);
    p.say(p.a, long_text(10'000));
    link_id link;
    std::span<const std::byte> data;
    std::vector<packet_out> sent;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(p.a.session.next_packet(p.now, link, data));
        sent.push_back({link, bytes{data}});
    }
    p.say(p.a, "urgent", lane::control);
    p.give_all(p.b, sent);
    CHECK(p.b.got.empty());
    p.give_all(p.b, p.take(p.a));
    CHECK(p.b.got == texts{"urgent", long_text(10'000)});
}

TEST_CASE("control frames that do not fit before the data go into a packet of their own",
          "[session]") {
    session_pair p{small_packets()};
    p.attach(first_link);
    for (int i = 0; i < 4; ++i)
        p.say(p.a, long_text(200));
    for (int i = 0; i < 40; ++i)
        p.say(p.a, "control", lane::control);
    const auto sent = p.take(p.a);
    CHECK(sent.size() > 1);
    for (const packet_out& packet : sent)
        CHECK(packet.data.size() <= 1024);
    p.give_all(p.b, sent);
    REQUIRE(p.b.got.size() == 44);
    CHECK(p.b.got[39] == "control");
    CHECK(p.b.got[40] == long_text(200));
}

TEST_CASE("no packet is larger than packet_bytes_max, whatever is appended", "[session]") {
    for (std::size_t size : {0u, 1u, 900u, 952u, 953u, 960u, 961u, 1000u, 5000u}) {
        session_pair p{small_packets()};
        p.attach(first_link);
        texts expected;
        for (int i = 0; i < 5; ++i) {
            p.say(p.a, long_text(size));
            p.say(p.a, "x", lane::control);
            expected.push_back(long_text(size));
        }
        const auto sent = p.take(p.a);
        for (const packet_out& packet : sent)
            CHECK(packet.data.size() <= 1024);
        p.give_all(p.b, sent);
        CHECK(texts(p.b.got.begin() + 5, p.b.got.end()) == expected);
    }
}

TEST_CASE("a frame larger than a packet arrives whole, on either lane", "[session]") {
    for (lane where : {lane::control, lane::data}) {
        session_pair p{small_packets()};
        p.attach(first_link);
        p.say(p.a, "before", where);
        p.say(p.a, long_text(100'001), where, 42);
        p.say(p.a, "after", where);
        p.settle();
        CHECK(p.b.got == texts{"before", long_text(100'001), "after"});
        CHECK(p.b.kinds == std::vector<unsigned>{1, 42, 1});
        CHECK(p.a.session.idle());
    }
}

TEST_CASE("large frames of both lanes are put together side by side", "[session]") {
    session_pair p{small_packets()};
    p.attach(first_link);
    p.say(p.a, long_text(5000));
    link_id link;
    std::span<const std::byte> data;
    REQUIRE(p.a.session.next_packet(p.now, link, data));
    const packet_out first{link, bytes{data}};
    p.say(p.a, long_text(3000), lane::control);
    REQUIRE(p.give(p.b, first).has_value());
    p.settle();
    CHECK(p.b.got == texts{long_text(3000), long_text(5000)});
}

TEST_CASE("the flags of a frame arrive, of a large one too", "[session]") {
    session_pair p{small_packets()};
    p.attach(first_link);
    p.a.session.reserve(frame_kind{1}, lane::data, 0, 0xa5);
    std::ranges::fill(p.a.session.reserve(frame_kind{2}, lane::data, 4000, 0x5a), std::byte{});
    std::vector<unsigned> flags;
    for (const packet_out& packet : p.take(p.a)) {
        const auto outcome =
            p.b.session.receive(packet.header(), packet.data.span(), p.now,
                                [&flags](const frame& f) { flags.push_back(f.flags); });
        REQUIRE(outcome.has_value());
    }
    CHECK(flags == std::vector<unsigned>{0xa5, 0x5a});
}

TEST_CASE("a receiver may append to the session while it is given frames", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "question");
    for (const packet_out& packet : p.take(p.a)) {
        const auto outcome = p.b.session.receive(packet.header(), packet.data.span(), p.now,
                                                 [&p](const frame&) { p.say(p.b, "answer"); });
        REQUIRE(outcome.has_value());
    }
    p.settle();
    CHECK(p.a.got == texts{"answer"});
}

// ---- order and exactly once

TEST_CASE("a packet that arrives twice is delivered once and acknowledged at once", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "once");
    const auto sent = p.take(p.a);
    p.give_all(p.b, sent);
    CHECK(p.take(p.b).empty());
    p.give_all(p.b, sent);
    CHECK(p.b.got == texts{"once"});
    CHECK(p.b.session.counters().duplicates_dropped == 1);
    const auto answer = p.take(p.b);
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].header().sequence == 0);
    CHECK(answer[0].header().acknowledged == 1);
}

TEST_CASE("packets are delivered by number in whichever order they arrive", "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    std::vector<packet_out> sent;
    texts expected;
    for (int i = 0; i < 20; ++i) {
        expected.push_back(std::to_string(i));
        p.say(p.a, expected.back());
        sent.push_back(p.take(p.a).at(0));
    }
    std::reverse(sent.begin(), sent.end());
    for (std::size_t i = 0; i < sent.size(); ++i) {
        CHECK(p.b.got.empty());
        REQUIRE(p.give(p.b, sent[i]).has_value());
    }
    CHECK(p.b.got == expected);
}

TEST_CASE("a held packet that arrives again is a duplicate", "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    p.say(p.a, "1");
    const auto first = p.take(p.a);
    p.say(p.a, "2");
    const auto second = p.take(p.a);
    p.give_all(p.b, second);
    p.give_all(p.b, second);
    CHECK(p.b.session.counters().duplicates_dropped == 1);
    p.give_all(p.b, first);
    CHECK(p.b.got == texts{"1", "2"});
}

TEST_CASE("a gap is reported at once, with what arrived behind it", "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    std::vector<packet_out> sent;
    for (int i = 0; i < 4; ++i) {
        p.say(p.a, "x");
        sent.push_back(p.take(p.a).at(0));
    }
    REQUIRE(p.give(p.b, sent[0]).has_value());
    REQUIRE(p.give(p.b, sent[3]).has_value());
    const auto answer = p.take(p.b);
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].header().acknowledged == 1);
    CHECK(answer[0].header().ahead == 0b100);
}

TEST_CASE("packets too far ahead of a gap are dropped and counted, and come again", "[session]") {
    kernel_limits limits;
    limits.session_reorder_max = 4;
    session_pair p{limits};
    p.attach(first_link, lossy);
    std::vector<packet_out> sent;
    texts expected;
    for (int i = 0; i < 10; ++i) {
        expected.push_back(std::to_string(i));
        p.say(p.a, expected.back());
        sent.push_back(p.take(p.a).at(0));
    }
    for (std::size_t i = 1; i < sent.size(); ++i)
        REQUIRE(p.give(p.b, sent[i]).has_value());
    CHECK(p.b.got.empty());
    CHECK(p.b.session.counters().ahead_dropped == 5);
    for (int round = 0; round < 10; ++round) {
        p.settle();
        p.wait(100ms);
    }
    CHECK(p.b.got == expected);
    CHECK(p.a.session.idle());
}

TEST_CASE("a session that holds nothing ahead still delivers everything", "[session]") {
    kernel_limits limits;
    limits.session_reorder_max = 0;
    session_pair p{limits};
    p.attach(first_link, lossy);
    p.say(p.a, "1");
    const auto first = p.take(p.a);
    p.say(p.a, "2");
    p.give_all(p.b, p.take(p.a));
    p.give_all(p.b, first);
    p.wait(1s);
    p.settle();
    CHECK(p.b.got == texts{"1", "2"});
}

TEST_CASE("more than 64 packets may be held, and are acknowledged with the gap", "[session]") {
    kernel_limits limits;
    limits.session_reorder_max = 200;
    session_pair p{limits};
    p.attach(first_link, lossy);
    std::vector<packet_out> sent;
    for (int i = 0; i < 150; ++i) {
        p.say(p.a, std::to_string(i));
        sent.push_back(p.take(p.a).at(0));
    }
    for (std::size_t i = 2; i < sent.size(); ++i)
        REQUIRE(p.give(p.b, sent[i]).has_value());
    REQUIRE(p.give(p.b, sent[0]).has_value());
    CHECK(p.b.got.size() == 1);
    REQUIRE(p.give(p.b, sent[1]).has_value());
    CHECK(p.b.got.size() == 150);
    p.settle();
    CHECK(p.a.session.idle());
}

// ---- acknowledgement

TEST_CASE("a lone acknowledgement waits for company, then leaves by itself", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "x");
    p.give_all(p.b, p.take(p.a));
    CHECK(p.take(p.b).empty());
    CHECK(p.b.session.next_deadline() == p.now + p.limits.acknowledge_after);
    p.wait(p.limits.acknowledge_after);
    const auto answer = p.take(p.b);
    REQUIRE(answer.size() == 1);
    CHECK_FALSE(answer[0].numbered());
    CHECK(p.b.session.next_deadline() == time_point::never());
    p.give_all(p.a, answer);
    CHECK(p.a.session.idle());
}

TEST_CASE("a packet in the other direction carries the acknowledgement", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "x");
    p.give_all(p.b, p.take(p.a));
    p.say(p.b, "y");
    p.give_all(p.a, p.take(p.b));
    CHECK(p.a.session.idle());
    p.wait(p.limits.acknowledge_after);
    CHECK(p.take(p.b).empty());
    CHECK(p.b.session.counters().acknowledgements == 0);
}

TEST_CASE("half a window unacknowledged is acknowledged at once", "[session]") {
    kernel_limits limits;
    limits.session_packets_max = 8;
    session_pair p{limits};
    p.attach(first_link);
    for (int i = 0; i < 4; ++i) {
        CHECK(p.take(p.b).empty());
        p.say(p.a, "x");
        p.give_all(p.b, p.take(p.a));
    }
    const auto answer = p.take(p.b);
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].header().acknowledged == 4);
}

TEST_CASE("a gap that closes is acknowledged at once", "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    std::vector<packet_out> sent;
    for (int i = 0; i < 3; ++i) {
        p.say(p.a, "x");
        sent.push_back(p.take(p.a).at(0));
    }
    REQUIRE(p.give(p.b, sent[1]).has_value());
    p.take(p.b);
    REQUIRE(p.give(p.b, sent[0]).has_value());
    const auto answer = p.take(p.b);
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].header().acknowledged == 2);
    CHECK(answer[0].header().ahead == 0);
}

TEST_CASE("a peer that claims to hold the very packet it lacks is sent it all the same",
          "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    p.say(p.a, "x");
    p.take(p.a);
    packet_header claim = p.b.session.greeting_header();
    claim.ahead = 1;
    const packet_writer writer{claim};
    p.give_all(p.a, {{first_link, bytes{writer.packet()}}});
    p.wait(p.limits.retransmit_after);
    CHECK(p.take(p.a).size() == 1);
}

TEST_CASE("a few full packets are acknowledged at once, so that their buffers come back",
          "[session]") {
    session_pair p;
    p.attach(first_link);
    for (int i = 0; i < 5; ++i)
        p.say(p.a, long_text(60'000));
    p.give_all(p.b, p.take(p.a));
    CHECK(p.take(p.b).size() == 1);
}

TEST_CASE("an acknowledgement is neither acknowledged nor repeated", "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    p.say(p.a, "x");
    p.settle();
    p.wait(10ms);
    p.settle();
    REQUIRE(p.a.session.idle());
    CHECK(p.a.session.next_deadline() == time_point::never());
    CHECK(p.b.session.next_deadline() == time_point::never());
    p.wait(1h);
    CHECK(p.take(p.a).empty());
    CHECK(p.take(p.b).empty());
}

TEST_CASE("an older acknowledgement that arrives late takes nothing back", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "1");
    p.give_all(p.b, p.take(p.a));
    p.wait(10ms);
    const auto early = p.take(p.b);
    p.say(p.a, "2");
    p.give_all(p.b, p.take(p.a));
    p.wait(10ms);
    p.give_all(p.a, p.take(p.b));
    p.give_all(p.a, early);
    CHECK(p.a.session.idle());
}

TEST_CASE("frames acknowledged are counted by lane, in whole frames", "[session]") {
    session_pair p{small_packets()};
    p.attach(first_link);
    p.say(p.a, "small");
    p.say(p.a, long_text(3000));
    p.say(p.a, "control", lane::control);
    CHECK(p.a.session.frames_reserved(lane::data) == 2);
    CHECK(p.a.session.frames_reserved(lane::control) == 1);
    CHECK(p.a.session.frames_unacknowledged() == 3);
    auto sent = p.take(p.a);
    REQUIRE(sent.size() > 2);
    const packet_out last = sent.back();
    sent.pop_back();
    p.give_all(p.b, sent);
    p.wait(10ms);
    p.give_all(p.a, p.take(p.b));
    CHECK(p.a.session.frames_acknowledged(lane::data) == 1);
    CHECK(p.a.session.frames_acknowledged(lane::control) == 1);
    CHECK_FALSE(p.a.session.idle());
    REQUIRE(p.give(p.b, last).has_value());
    p.wait(10ms);
    p.settle();
    CHECK(p.a.session.frames_acknowledged(lane::data) == 2);
    CHECK(p.a.session.idle());
}

// ---- the window

TEST_CASE("no more packets than the window are under way; the rest waits and then leaves",
          "[session]") {
    kernel_limits limits = small_packets();
    limits.session_packets_max = 4;
    session_pair p{limits};
    p.attach(first_link);
    texts expected;
    for (int i = 0; i < 30; ++i) {
        expected.push_back(std::to_string(i) + long_text(700));
        p.say(p.a, expected.back());
    }
    const auto sent = p.take(p.a);
    CHECK(sent.size() == 4);
    CHECK(p.take(p.a).empty());
    p.give_all(p.b, sent);
    p.settle();
    CHECK(p.b.got == expected);
}
