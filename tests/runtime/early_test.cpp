// News that take different ways: an event before the answer that says what it is of, and a port
// that joins a channel before those who send to it have heard of it.
#include "peers.hpp"

#include <equus/channel.hpp>
#include <equus/creation.hpp>

using namespace equus;
using namespace equus::test;
using namespace equus::runtime;
using namespace equus::literals;

namespace {

struct word {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
struct introduction {
    any_reference what;
    EQUUS_FIELDS(what)
};
using chatter = protocol<"test.chatter", word, introduction>;

std::vector<std::string> heard;

/// Copies a blueprint of node 2 to node 3, watched, while a task waits for events.
class copier : public incarnation<copier> {
public:
    stream<chatter> out{*this, "out"};
    task<> main() {
        task_group beside;
        beside.start(listen());
        creation pattern;
        pattern.module = "child";
        pattern.inchoate = true;
        const incarnation_handle blueprint =
            co_await ok(co_await create(pattern, node_id{2}).within(1'000s));
        creation what;
        what.watched = true;
        auto copy = co_await create_from(blueprint, what, node_id{3}).within(1'000s);
        heard.push_back(copy ? "made" : copy.error().describe());
        co_await sleep(1'000s);
    }
    task<> listen() {
        while (auto next = co_await next_event())
            heard.push_back("ended: " + next->text);
    }
};

/// Has a multicast channel, tells of it, and joins it a second later.
class joiner : public incarnation<joiner> {
public:
    stream<chatter> out{*this, "out"};
    task<> main() {
        const auto all = co_await ok(make_channel<chatter>(channel_kind::multicast));
        const any_reference passed_on{all};
        co_await ok(co_await out.send<introduction>(passed_on));
        co_await sleep(1s);
        auto mine = co_await make_port<chatter>(all).within(1'000s);
        heard.push_back(mine ? "joined" : mine.error().describe());
        co_await sleep(1'000s);
    }
};

const module_table& cast() {
    static const module_table table = [] {
        module_table made;
        made.add<copier>("copier");
        made.add<joiner>("joiner");
        return made;
    }();
    return table;
}

/// The root with one incarnation of that module, which was given a stream to the home's port.
struct scene {
    peers net{cast()};
    std::size_t home = net.join();
    std::size_t other = net.join();

    explicit scene(const std::string& module) {
        heard.clear();
        const incarnation_id owner{net.at(home).node, net.at(home).boot, 1};
        detail::capability to;
        to.kind = reference_kind::stream;
        to.protocol = chatter::type().id;
        to.channel = {owner, 9};
        to.port = {owner, 5};
        to.at = {net.at(home), 0, {}};
        net.ask_for(home, module, "out", to);
    }
    /// The last request of that kind.
    request_frame asked(detail::request_kind kind) {
        request_frame out;
        for (const request_frame& each : net.frames<request_frame>(home, kind::request))
            if (each.kind == kind)
                out = each;
        REQUIRE(out.id != 0);
        return out;
    }
    void answer(const request_frame& asked, incarnation_id made, std::size_t at) {
        answer_frame frame;
        frame.id = asked.id;
        detail::capability handle;
        handle.kind = reference_kind::incarnation;
        handle.incarnation = made;
        handle.at = {net.at(at), 0, {}};
        frame.capabilities.push_back(handle);
        net.say(home, kind::answer, lane::data, frame);
    }
    incarnation_id somebody(std::size_t at, std::uint32_t counter) const {
        return {net.at(at).node, net.at(at).boot, counter};
    }
    std::uint64_t refused() { return net.root().counters().frames_refused; }
};

} // namespace

TEST_CASE("no event of a copy overtakes the answer that says which it is", "[kernel][K6][K53]") {
    scene on{"copier"};
    on.answer(on.asked(detail::request_kind::create), on.somebody(on.home, 77), on.home);
    const request_frame asked = on.asked(detail::request_kind::copy);
    const incarnation_id copy = on.somebody(on.other, 8);
    event_frame told;
    told.to = asked.asker;
    told.what = event{event_kind::terminated, copy, on.net.at(on.other), errc::ok, 0, "early"};
    on.net.say(on.other, kind::event, lane::data, told);
    CHECK(heard.empty());
    on.answer(asked, copy, on.other);
    CHECK(heard == std::vector<std::string>{"made", "ended: early"});
    // And it was the end of the watch: its node may go unnoticed.
    on.net.root().evict(on.net.at(on.other));
    on.net.advance(100ms);
    CHECK(heard.size() == 2);
}

TEST_CASE("an event whose answer never comes is heard all the same", "[kernel][K53]") {
    scene on{"copier"};
    on.answer(on.asked(detail::request_kind::create), on.somebody(on.home, 77), on.home);
    event_frame told;
    told.to = on.asked(detail::request_kind::copy).asker;
    told.what = event{event_kind::terminated,
                      on.somebody(on.other, 8),
                      on.net.at(on.other),
                      errc::ok,
                      0,
                      "early"};
    on.net.say(on.other, kind::event, lane::data, told);
    CHECK(heard.empty());
    on.net.root().evict(on.net.at(on.home));
    on.net.advance(100ms);
    REQUIRE(heard.size() == 2);
    CHECK(heard[1] == "ended: early");
}

TEST_CASE("who joins a channel has joined when all who send to it know", "[kernel][K25]") {
    scene on{"joiner"};
    const auto channel = on.net.capabilities(on.home).at(0).channel;
    follow_channel_body body{channel, {on.somebody(on.home, 1), 7}, 3, on.net.at(on.home)};
    request_frame frame;
    frame.kind = detail::request_kind::follow_channel;
    frame.body = bytes(wire::size_bytes(body));
    wire::encode(body, frame.body.span());
    on.net.say(on.home, kind::request, lane::data, frame);
    on.net.messages(on.home);
    on.net.advance(2s);
    const auto news = on.net.frames<channel_members_frame>(on.home, kind::channel_members);
    REQUIRE(news.size() == 1);
    REQUIRE(news[0].asks);
    CHECK(heard.empty());
    members_known_frame known{channel, body.stream, news[0].version, false};
    SECTION("it says so") {
        on.net.say(on.other, kind::members_known, lane::control, known);
        CHECK(on.refused() == 1); // not its stream
        --known.version;
        on.net.say(on.home, kind::members_known, lane::control, known);
        CHECK(heard.empty()); // that was the version before
        ++known.version;
        on.net.say(on.home, kind::members_known, lane::control, known);
    }
    SECTION("it has ended") {
        known.ended = true;
        known.version = 0;
        on.net.say(on.home, kind::members_known, lane::control, known);
    }
    SECTION("its node is lost") {
        on.net.root().evict(on.net.at(on.home));
        on.net.advance(100ms);
    }
    CHECK(heard == std::vector<std::string>{"joined"});
}
