// What a session sends again, and on which link.
#include "runtime/session_pair.hpp"

#include <algorithm>

using namespace equus;
using namespace equus::runtime;
using namespace equus::runtime::test;

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
