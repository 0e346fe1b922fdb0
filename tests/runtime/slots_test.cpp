// Places in the kernel's tables are used again, and their names in frames are not: what is late for
// a leg does not meet the one that has its place since.
#include "peers.hpp"
#include "runtime/slots.hpp"

#include <set>

using namespace equus;
using namespace equus::test;
using namespace equus::runtime;
using namespace equus::literals;

namespace {

struct word {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
using chatter = protocol<"test.chatter", word>;

/// Says a word a second.
class talker : public incarnation<talker> {
public:
    stream<chatter> out{*this, "out"};
    task<> main() {
        for (std::uint32_t i = 1;; ++i) {
            co_await ok(co_await out.send<word>(i));
            co_await sleep(1s);
        }
    }
};

const module_table& cast() {
    static const module_table table = [] {
        module_table made;
        made.add<talker>("talker");
        return made;
    }();
    return table;
}

/// The root with a talker to a multicast channel of a peer, which says who its members are.
struct broadcast {
    peers net{cast()};
    std::size_t home = net.join();
    incarnation_id creator{net.at(home).node, net.at(home).boot, 1};
    channel_members_frame members;

    broadcast() {
        detail::capability to;
        to.kind = reference_kind::stream;
        to.protocol = chatter::type().id;
        to.routing = channel_kind::multicast;
        to.channel = {creator, 9};
        to.at = {net.at(home), 0, {}};
        net.ask_for(home, "talker", "out", to);
        for (const request_frame& each : net.frames<request_frame>(home, kind::request))
            if (each.kind == detail::request_kind::follow_channel) {
                auto body = wire::decode<follow_channel_body>(each.body.span());
                REQUIRE(body);
                members.channel = body->channel;
                members.stream = body->stream;
                members.stream_slot = body->stream_slot;
            }
        REQUIRE(members.stream);
    }
    /// From now on that port is the only member; what is sent to it next.
    message_header goes_to(std::uint32_t port) {
        ++members.version;
        members.members = {{{creator, port}, {net.at(home), port, {}}, 0}};
        net.say(home, kind::channel_members, lane::control, members);
        net.messages(home);
        net.advance(1s);
        const auto sent = net.messages(home);
        REQUIRE(sent.size() == 1);
        return sent[0];
    }
    leg_status leg() {
        const node_status status = net.root().status();
        const auto& legs = status.incarnations.at(0).streams.at(0).legs;
        REQUIRE(legs.size() == 1);
        return legs[0];
    }
};

} // namespace

TEST_CASE("a place is used again under another name", "[kernel]") {
    slot_table<int> table;
    int first = 1;
    int second = 2;
    const std::uint32_t old = table.insert(first);
    table.erase(old);
    CHECK(table.at(old) == nullptr);
    const std::uint32_t present = table.insert(second);
    CHECK(present != old);
    CHECK(table.at(old) == nullptr);
    CHECK(table.at(present) == &second);
    CHECK(table.size() == 1);
    std::vector<int*> all;
    table.for_each([&](int& each) { all.push_back(&each); });
    CHECK(all == std::vector<int*>{&second}); // the place itself was used again
}

TEST_CASE("a name comes again after all other free places had 256 each", "[kernel]") {
    slot_table<int> table;
    int object = 0;
    std::vector<std::uint32_t> free;
    for (int i = 0; i < 3; ++i)
        free.push_back(table.insert(object));
    for (const std::uint32_t each : free)
        table.erase(each);
    std::set<std::uint32_t> given{free.begin(), free.end()};
    for (int i = 0; i < 3 * 255; ++i) {
        const std::uint32_t name = table.insert(object);
        CHECK(name != table.none);
        CHECK(given.insert(name).second);
        table.erase(name);
    }
    CHECK(table.insert(object) == free[0]);
}

TEST_CASE("what is late for a leg does nothing to the leg that has its place since",
          "[kernel][rule-1][K25]") {
    broadcast on;
    const message_header old = on.goes_to(1);
    const message_header present = on.goes_to(2);
    REQUIRE(old.stream == present.stream);
    const bool late = GENERATE(true, false);
    const message_header& of = late ? old : present;
    SECTION("its end") {
        on.net.say(on.home, kind::broken, lane::control,
                   broken_frame{of.stream, of.stream_slot, 0, errc::broken});
        CHECK(on.net.root().status().incarnations.at(0).streams.at(0).legs.empty() == !late);
    }
    SECTION("credit") {
        on.net.say(on.home, credit_header{of.stream, of.stream_slot, 3, 1, 77, 1u << 20});
        CHECK(on.leg().consumed == (late ? 0 : 1));
        CHECK((on.leg().credit_limit == 77) == !late);
    }
    SECTION("a number to send again") {
        on.net.say(on.home, kind::next, lane::control, next_frame{of.stream, of.stream_slot, 1});
        CHECK(on.net.messages(on.home).empty() == late);
    }
}
