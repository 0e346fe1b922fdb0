#include "runtime/session_pair.hpp"

#include <algorithm>
#include <limits>

namespace {

using namespace equus;
using namespace equus::runtime;
using namespace equus::runtime::test;

using texts = std::vector<std::string>;

kernel_limits small_packets() {
    kernel_limits limits;
    limits.packet_bytes_max = 1024;
    return limits;
}

std::string long_text(std::size_t size) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
    return text;
}

} // namespace

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

// ---- repetition on links that lose

TEST_CASE("on a link that loses, the oldest packet is sent again by time, ever less often",
          "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    for (int i = 0; i < 3; ++i) {
        p.say(p.a, "x");
        p.take(p.a);
    }
    duration expected = p.limits.retransmit_after;
    for (int i = 0; i < 10; ++i) {
        const time_point due = p.a.session.next_deadline();
        CHECK(due - p.now == expected);
        p.now = due - duration{1};
        CHECK(p.take(p.a).empty());
        p.now = due;
        const auto again = p.take(p.a);
        REQUIRE(again.size() == 1);
        CHECK(again[0].header().sequence == 1);
        expected = std::min(2 * expected, p.limits.retransmit_max);
    }
    CHECK(p.a.session.counters().packets_resent == 10);
}

TEST_CASE("once the peer answers, the packets behind the lost one follow without waiting",
          "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    texts expected;
    for (int i = 0; i < 40; ++i) {
        expected.push_back(std::to_string(i));
        p.say(p.a, expected.back());
        p.take(p.a);
    }
    p.wait(p.limits.retransmit_after);
    p.settle();
    CHECK(p.b.got.size() == 1);
    p.wait(p.limits.acknowledge_after);
    for (int round = 0; round < 8; ++round) {
        p.settle();
        p.wait(p.limits.acknowledge_after);
    }
    CHECK(p.b.got == expected);
    CHECK(p.a.session.counters().packets_resent == 40);
}

TEST_CASE("a packet that three later ones have overtaken is sent again without waiting",
          "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    std::vector<packet_out> sent;
    for (int i = 0; i < 5; ++i) {
        p.say(p.a, std::to_string(i));
        sent.push_back(p.take(p.a).at(0));
    }
    for (std::size_t i = 1; i < 3; ++i)
        REQUIRE(p.give(p.b, sent[i]).has_value());
    p.give_all(p.a, p.take(p.b));
    CHECK(p.take(p.a).empty());
    REQUIRE(p.give(p.b, sent[3]).has_value());
    p.give_all(p.a, p.take(p.b));
    const auto again = p.take(p.a);
    REQUIRE(again.size() == 1);
    CHECK(again[0].header().sequence == 1);
    p.give_all(p.b, again);
    CHECK(p.b.got == texts{"0", "1", "2", "3"});
}

TEST_CASE("what the peer holds ahead of a gap is not sent again", "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    std::vector<packet_out> sent;
    for (int i = 0; i < 3; ++i) {
        p.say(p.a, "x");
        sent.push_back(p.take(p.a).at(0));
    }
    REQUIRE(p.give(p.b, sent[1]).has_value());
    p.give_all(p.a, p.take(p.b));
    p.detach(first_link);
    p.attach(second_link);
    const auto again = p.take(p.a);
    REQUIRE(again.size() == 2);
    CHECK(again[0].header().sequence == 1);
    CHECK(again[1].header().sequence == 3);
}

TEST_CASE("a packet sent again is the same but for the acknowledgement, which is fresh",
          "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    p.say(p.a, "x");
    const auto before = p.take(p.a);
    p.say(p.b, "y");
    p.give_all(p.a, p.take(p.b));
    p.wait(p.limits.retransmit_after);
    auto after = p.take(p.a);
    REQUIRE(after.size() == 1);
    CHECK(before[0].header().acknowledged == 0);
    CHECK(after[0].header().acknowledged == 1);
    refresh_acknowledgement(after[0].data.data(), 0, 0);
    CHECK(before[0].data == after[0].data);
}

TEST_CASE("on ordered links nothing is sent again by time", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "x");
    CHECK(p.take(p.a).size() == 1);
    CHECK(p.a.session.next_deadline() == time_point::never());
    p.wait(1h);
    CHECK(p.take(p.a).empty());
}

TEST_CASE("acknowledgements may be lost on one link while packets leave on an ordered one",
          "[session]") {
    session_pair p;
    p.attach(first_link, lossy);
    p.a.session.attach(second_link, ordered, p.now);
    p.say(p.a, "x");
    const auto sent = p.take(p.a);
    REQUIRE(sent.at(0).link == second_link);
    p.give_all(p.b, sent);
    p.wait(10ms);
    CHECK(p.take(p.b).at(0).link == first_link); // and lost
    p.wait(p.limits.retransmit_after);
    p.settle();
    CHECK(p.a.session.idle());
}

// ---- links

TEST_CASE("without a link nothing is sent and nothing is due; a link sends all that waited",
          "[session]") {
    session_pair p;
    p.say(p.a, "x");
    CHECK(p.take(p.a).empty());
    CHECK(p.a.session.next_deadline() == time_point::never());
    CHECK_FALSE(p.a.session.has_link());
    p.attach(first_link);
    CHECK(p.a.session.has_link());
    p.settle();
    CHECK(p.b.got == texts{"x"});
}

TEST_CASE("after a break everything unacknowledged is sent again on the fresh link, in order",
          "[session]") {
    session_pair p;
    p.attach(first_link);
    texts expected;
    std::vector<packet_out> sent;
    for (int i = 0; i < 5; ++i) {
        expected.push_back(std::to_string(i));
        p.say(p.a, expected.back());
        sent.push_back(p.take(p.a).at(0));
    }
    REQUIRE(p.give(p.b, sent[0]).has_value());
    REQUIRE(p.give(p.b, sent[1]).has_value());
    p.detach(first_link);
    CHECK(p.take(p.a).empty());
    p.say(p.a, "5");
    expected.push_back("5");
    p.attach(second_link);
    const auto again = p.take(p.a);
    REQUIRE(again.size() == 6);
    for (std::size_t i = 0; i < again.size(); ++i) {
        CHECK(again[i].header().sequence == i + 1);
        CHECK(again[i].link == second_link);
    }
    p.give_all(p.b, again);
    CHECK(p.b.got == expected);
    CHECK(p.b.session.counters().duplicates_dropped == 2);
}

TEST_CASE("an acknowledgement lost with its link is repeated on the next one", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "x");
    p.give_all(p.b, p.take(p.a));
    p.wait(10ms);
    CHECK(p.take(p.b).size() == 1); // lost
    p.b.session.detach(first_link, p.now);
    p.b.session.attach(second_link, ordered, p.now);
    p.give_all(p.a, p.take(p.b));
    CHECK(p.a.session.idle());
}

TEST_CASE("of several links the last one attached is used, unless another is preferred",
          "[session]") {
    session_pair p;
    p.attach(first_link);
    p.attach(second_link);
    CHECK(p.a.session.link_in_use() == second_link);
    p.a.session.set_preferred(first_link, p.now);
    CHECK(p.a.session.link_in_use() == first_link);
    p.say(p.a, "x");
    CHECK(p.take(p.a).at(0).link == first_link);
    p.a.session.detach(first_link, p.now);
    CHECK(p.a.session.link_in_use() == second_link);
    p.a.session.attach(first_link, ordered, p.now);
    CHECK(p.a.session.link_in_use() == first_link);
}

TEST_CASE("a link may be preferred before it is attached", "[session]") {
    session_pair p;
    p.a.session.set_preferred(first_link, p.now);
    CHECK_FALSE(p.a.session.has_link());
    p.attach(first_link);
    p.attach(second_link);
    CHECK(p.a.session.link_in_use() == first_link);
}

TEST_CASE("a change of links repeats everything on the new one, so that the old one may be slow",
          "[session]") {
    kernel_limits limits;
    limits.session_reorder_max = 2;
    session_pair p{limits};
    p.attach(first_link);
    p.attach(second_link);
    p.a.session.set_preferred(first_link, p.now);
    texts expected;
    for (int i = 0; i < 20; ++i) {
        expected.push_back(std::to_string(i));
        p.say(p.a, expected.back());
        p.take(p.a); // still on its way on the first link
    }
    p.a.session.set_preferred(second_link, p.now);
    p.say(p.a, "last");
    expected.push_back("last");
    p.settle();
    CHECK(p.b.got == expected);
}

TEST_CASE("losing a link that is not in use repeats nothing", "[session]") {
    session_pair p;
    p.attach(first_link);
    p.attach(second_link);
    p.say(p.a, "x");
    p.take(p.a);
    p.a.session.detach(first_link, p.now);
    CHECK(p.take(p.a).empty());
    p.a.session.detach(link_id{99}, p.now);
    CHECK(p.take(p.a).empty());
}

TEST_CASE("packets are accepted from links that are not in use", "[session]") {
    session_pair p;
    p.a.session.attach(first_link, ordered, p.now);
    p.say(p.a, "x");
    p.give_all(p.b, p.take(p.a));
    CHECK(p.b.got == texts{"x"});
}

TEST_CASE("the packets of a greeting carry what has arrived, and their frames are not delivered",
          "[session]") {
    session_pair p;
    p.attach(first_link);
    p.say(p.a, "x");
    p.give_all(p.b, p.take(p.a));
    packet_writer greeting{p.b.session.greeting_header()};
    greeting.append(frame_kind{0x40}, 24);
    p.give_all(p.a, {{first_link, bytes{greeting.packet()}}});
    CHECK(p.a.got.empty());
    CHECK(p.a.session.idle());
}

TEST_CASE("silence is counted from the last packet that was not refused", "[session]") {
    session_pair p;
    p.attach(first_link);
    CHECK(p.a.session.last_heard() == time_point{});
    p.say(p.b, "x");
    const auto sent = p.take(p.b);
    p.wait(1s);
    p.give_all(p.a, sent);
    CHECK(p.a.session.last_heard() == p.now);
    const time_point heard = p.now;
    p.wait(1s);
    packet_header foreign = sent[0].header();
    foreign.run = rdc_id{10};
    CHECK_FALSE(p.a.session.receive(foreign, sent[0].data.span(), p.now, [](const frame&) {}));
    CHECK(p.a.session.last_heard() == heard);
    p.give_all(p.a, sent);
    CHECK(p.a.session.last_heard() == p.now);
}

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
    const auto first = p.take(p.a);
    p.say(p.a, "2");
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
