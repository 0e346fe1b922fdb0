// What a kernel makes of frames that only a test would send, and when.
#include "nodes.hpp"
#include "peers.hpp"

using namespace equus;
using namespace equus::test;
using namespace equus::runtime;

namespace {

struct word {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
struct question {
    using reply = word;
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
using chatter = protocol<"test.chatter", word, question>;

class talker : public incarnation<talker> {
public:
    stream<chatter> out{*this, "out"};
    task<> main() {
        for (std::uint32_t i = 1; i <= 3; ++i)
            co_await ok(co_await out.send<word>(i));
        co_await sleep(1'000s);
    }
};
class asker : public incarnation<asker> {
public:
    stream<chatter> out{*this, "out"};
    task<> main() {
        auto given_up = co_await out.invoke<question>(1u).within(50ms);
        co_await sleep(1'000s);
    }
};

const module_table& cast() {
    static const module_table table = [] {
        module_table made;
        made.add<talker>("talker");
        made.add<asker>("asker");
        return made;
    }();
    return table;
}

detail::capability stream_to(port_id port, node_boot at) {
    detail::capability made;
    made.kind = reference_kind::stream;
    made.protocol = chatter::type().id;
    made.channel = {port.owner, 9};
    made.port = port;
    made.at = {at, 0, {}};
    return made;
}

std::vector<std::uint64_t> numbers(const std::vector<message_header>& of) {
    std::vector<std::uint64_t> out;
    for (const message_header& each : of)
        out.push_back(each.number);
    return out;
}

} // namespace

TEST_CASE("a sender that is told MOVED sends the rest to the new place",
          "[kernel][rule-2][K62][K63]") {
    peers net{cast()};
    const auto old_home = net.join();
    const auto new_home = net.join();
    const port_id port{{net.at(old_home).node, net.at(old_home).boot, 1}, 5};
    net.ask_for(old_home, "talker", "out", stream_to(port, net.at(old_home)));
    const auto first = net.messages(old_home);
    REQUIRE(numbers(first) == std::vector<std::uint64_t>{1, 2, 3});

    moved_frame moved;
    moved.stream = first[0].stream;
    moved.stream_slot = first[0].stream_slot;
    moved.port = {port.owner, 6};
    moved.incarnation = port.owner;
    moved.to = {net.at(new_home), 7, epoch{1}};
    moved.next = 2;
    net.say(old_home, kind::moved, lane::control, moved);
    REQUIRE(net.messages(new_home).empty()); // another identity's news

    moved.port = port;
    net.say(old_home, kind::moved, lane::control, moved);
    const auto again = net.messages(new_home);
    REQUIRE(numbers(again) == std::vector<std::uint64_t>{2, 3, 1}); // an old one says hello
    REQUIRE(again[0].port_slot == 7);
    REQUIRE(again[0].leg_slot == ~0u);
    REQUIRE(net.root().counters().messages_resent == 2);

    moved.to = {net.at(old_home), 0, epoch{1}};
    net.say(old_home, kind::moved, lane::control, moved);
    REQUIRE(net.messages(old_home).empty()); // no news: rule 8

    net.say(new_home, credit_header{first[0].stream, first[0].stream_slot, 3, 3, 259, 1u << 20});
    const node_status status = net.root().status();
    REQUIRE(status.incarnations.at(0).streams.at(0).consumed == 3);
    REQUIRE(status.incarnations.at(0).streams.at(0).to == net.at(new_home));
}

TEST_CASE("a node that is told MOVED to a life that is over breaks the stream",
          "[kernel][rule-25]") {
    peers net{cast()};
    const auto home = net.join();
    const auto gone = net.join();
    net.root().evict(net.at(gone));
    const port_id port{{net.at(home).node, net.at(home).boot, 1}, 5};
    net.ask_for(home, "talker", "out", stream_to(port, net.at(home)));
    const auto first = net.messages(home);
    moved_frame moved;
    moved.stream = first.at(0).stream;
    moved.stream_slot = first[0].stream_slot;
    moved.port = port;
    moved.incarnation = port.owner;
    moved.to = {net.at(gone), 0, epoch{1}};
    moved.next = 1;
    net.say(home, kind::moved, lane::control, moved);
    REQUIRE(net.root().status().incarnations.at(0).streams.at(0).broken);
}

TEST_CASE("only a leg's receiver says what is consumed and what is to be sent again",
          "[kernel][rule-3]") {
    peers net{cast()};
    const auto home = net.join();
    const auto stranger = net.join();
    const port_id port{{net.at(home).node, net.at(home).boot, 1}, 5};
    net.ask_for(home, "talker", "out", stream_to(port, net.at(home)));
    const auto first = net.messages(home);
    REQUIRE(first.size() == 3);
    const auto say_next = [&](std::size_t who, std::uint64_t number) {
        net.say(who, kind::next, lane::control,
                next_frame{first[0].stream, first[0].stream_slot, number});
        return numbers(net.messages(home));
    };
    const auto consumed = [&] {
        return net.root().status().incarnations.at(0).streams.at(0).consumed;
    };
    net.say(stranger, credit_header{first[0].stream, first[0].stream_slot, 3, 2, 259, 1u << 20});
    REQUIRE(consumed() == 0);
    REQUIRE(say_next(stranger, 1).empty());
    REQUIRE(net.root().counters().frames_refused == 2);

    REQUIRE(say_next(home, 2) == std::vector<std::uint64_t>{2, 3});
    net.say(home, credit_header{first[0].stream, first[0].stream_slot, 3, 2, 259, 1u << 20});
    REQUIRE(consumed() == 2);
    // It was consumed: that the rest comes again would help nobody, and be answered like this.
    REQUIRE(say_next(home, 1).empty());
    REQUIRE(say_next(home, 3) == std::vector<std::uint64_t>{3});
}

TEST_CASE("CANCEL goes to whoever holds the call, behind its message", "[kernel][rule-22]") {
    const bool forwarded = GENERATE(false, true);
    peers net{cast()};
    const auto receiver = net.join();
    const auto holder = net.join();
    const port_id port{{net.at(receiver).node, net.at(receiver).boot, 1}, 5};
    net.ask_for(receiver, "asker", "out", stream_to(port, net.at(receiver)));
    const auto asked = net.messages(receiver);
    REQUIRE(asked.size() == 1);
    REQUIRE((asked[0].flags & message_header::is_call) != 0);
    REQUIRE(asked[0].timeout_ns == 50'000'000);
    if (forwarded) {
        net.say(
            holder, kind::call_held, lane::control,
            call_held_frame{asked[0].call, asked[0].call_slot, net.at(holder), 2, asked[0].proof});
        // The news of an earlier holder, overtaken.
        net.say(receiver, kind::call_held, lane::control,
                call_held_frame{asked[0].call, asked[0].call_slot, net.at(receiver), 1,
                                asked[0].proof});
    }
    net.advance(100ms);
    const auto at_receiver = net.frames<cancel_frame>(receiver, kind::cancel);
    const auto at_holder = net.frames<cancel_frame>(holder, kind::cancel);
    REQUIRE(at_receiver.size() == (forwarded ? 0 : 1));
    REQUIRE(at_holder.size() == (forwarded ? 1 : 0));
    REQUIRE((forwarded ? at_holder : at_receiver).at(0).call == asked[0].call);
}

TEST_CASE("no output leaves after the lease has run out", "[kernel][rule-25]") {
    nodes net{cast()};
    net.add();
    kernel& second = net.add();
    second.leave(error{errc::ok}); // there is something to be said
    second.tick(net.now() + kernel_limits{}.lease + 1ms);
    output out;
    REQUIRE(second.next_output(out));
    REQUIRE(out.what == output::kind::stopped);
    REQUIRE(out.reason == errc::evicted);
    REQUIRE_FALSE(second.next_output(out));
}
