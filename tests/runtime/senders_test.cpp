// Who may say what: a member that says of another's stream, call or incarnation what it likes is
// not believed, and who is concerned is.
#include "peers.hpp"

#include <equus/kernel/mutants.hpp>

using namespace equus;
using namespace equus::test;
using namespace equus::runtime;
using namespace equus::literals;

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
struct introduction {
    any_reference port;
    EQUUS_FIELDS(port)
};
using chatter = protocol<"test.chatter", word, question, introduction>;

std::vector<std::string> heard;

/// Says two words and asks once.
class talker : public incarnation<talker> {
public:
    stream<chatter> out{*this, "out"};
    task<> main() {
        co_await ok(co_await out.send<word>(1u));
        co_await ok(co_await out.send<word>(2u));
        auto answer = co_await out.invoke<question>(3u).within(1'000s);
        heard.push_back(answer ? std::to_string(answer->number) : answer.error().describe());
        co_await sleep(1'000s);
    }
};
/// Introduces its port and hears words and questions there.
class hearer : public incarnation<hearer> {
public:
    stream<chatter> out{*this, "out"};
    port<chatter> in{*this, "in"};
    task<> start() {
        const any_reference own{in.open_stream()};
        co_await ok(co_await out.send<introduction>(own));
    }
    void on(word w) { heard.push_back(std::to_string(w.number)); }
    word on(question q) { return {q.number + 1}; }
    void on(introduction) {}
};
/// Introduces its port and asks there itself: its call comes back to it.
class echo : public incarnation<echo> {
public:
    stream<chatter> out{*this, "out"};
    port<chatter> in{*this, "in"};
    task<> main() {
        const any_reference own{in.open_stream()};
        co_await ok(co_await out.send<introduction>(own));
        auto answer = co_await out.invoke<question>(1u).within(1'000s);
        heard.push_back(answer ? std::to_string(answer->number) : answer.error().describe());
    }
    void on(word) {}
    word on(question q) { return {q.number + 1}; }
    void on(introduction) {}
};
/// Makes a child on node 2 and watches it.
class parent : public incarnation<parent> {
public:
    stream<chatter> out{*this, "out"};
    task<> main() {
        creation what;
        what.module = "child";
        what.watched = true;
        auto made = co_await create(what, node_id{2});
        auto next = co_await next_event();
        heard.push_back(next ? "ended: " + next->text : next.error().describe());
        co_await sleep(1'000s);
    }
};

const module_table& cast() {
    static const module_table table = [] {
        module_table made;
        made.add<talker>("talker");
        made.add<hearer>("hearer");
        made.add<echo>("echo");
        made.add<parent>("parent");
        return made;
    }();
    return table;
}

/// The root with one incarnation of that module, which was given a stream to the home's port, and
/// somebody whom nothing of it concerns.
struct scene {
    peers net{cast()};
    std::size_t home = net.join();
    std::size_t stranger = net.join();
    port_id port{{net.at(home).node, net.at(home).boot, 1}, 5};
    std::vector<message_header> first;
    std::vector<detail::capability> introduced;
    std::vector<request_frame> asked;

    explicit scene(const std::string& module) {
        heard.clear();
        detail::capability to;
        to.kind = reference_kind::stream;
        to.protocol = chatter::type().id;
        to.channel = {port.owner, 9};
        to.port = port;
        to.at = {net.at(home), 0, {}};
        net.ask_for(home, module, "out", to);
        introduced = net.capabilities(home);
        asked = net.frames<request_frame>(home, kind::request);
        first = net.messages(home);
    }
    std::uint64_t refused() { return net.root().counters().frames_refused; }
    stream_status out() {
        for (const incarnation_status& each : net.root().status().incarnations)
            if (!each.streams.empty())
                return each.streams.front();
        return {};
    }
    port_status in() { return net.root().status().incarnations.at(0).ports.at(0); }
    template <class Frame>
    void say(std::size_t who, frame_kind what, const Frame& frame) {
        net.say(who, what, lane::control, frame);
    }
    /// A message of that number from one of home's incarnations to the port that was introduced.
    message_header message(std::uint64_t number) {
        message_header made;
        made.stream = {port.owner, 7};
        made.stream_slot = 3;
        made.port_slot = introduced.at(0).at.slot;
        made.channel = introduced.at(0).channel;
        made.number = number;
        return made;
    }
};

} // namespace

TEST_CASE("who was dialled before it had a name, and has heard nothing, is greeted again",
          "[kernel][membership]") {
    const module_table modules;
    peers others{modules};
    const std::size_t member = others.join();
    const auto answers = others.greet_on_dialled_link(member, false);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].known); // and that is the last of it
    CHECK(others.greet_on_dialled_link(others.join(), true).empty());
}

TEST_CASE("a stream breaks when its receiver's node says so, and at no other's word",
          "[kernel][rule-25]") {
    scene on{"talker"};
    REQUIRE(on.first.size() == 3);
    const broken_frame frame{on.first[0].stream, on.first[0].stream_slot, 0, errc::broken};
    on.say(on.stranger, kind::broken, frame);
    CHECK_FALSE(on.out().broken);
    CHECK(on.refused() == 1);
    on.say(on.home, kind::broken, frame);
    CHECK(on.out().broken);
    CHECK(on.refused() == 1);
}

TEST_CASE("a sender believes MOVED of the node it sends to only", "[kernel][rule-2]") {
    scene on{"talker"};
    moved_frame moved;
    moved.stream = on.first.at(0).stream;
    moved.stream_slot = on.first[0].stream_slot;
    moved.port = on.port;
    moved.incarnation = on.port.owner;
    moved.to = {on.net.at(on.stranger), 7, epoch{1}};
    moved.next = 1;
    on.say(on.stranger, kind::moved, moved); // the register does not know of it
    CHECK(on.net.messages(on.stranger).empty());
    CHECK(on.refused() == 1);
    on.say(on.home, kind::moved, moved);
    CHECK(on.net.messages(on.stranger).size() == 4); // the last one says hello
    CHECK(on.refused() == 1);
}

namespace {

/// Whether a sender stays where it is when news of another identity has a higher epoch.
bool keeps_to_its_port(moved_identity what) {
    scene on{"talker"};
    moved_frame moved;
    moved.what = what;
    moved.stream = on.first.at(0).stream;
    moved.stream_slot = on.first[0].stream_slot;
    moved.port = on.port;
    moved.incarnation = {on.port.owner.node, on.port.owner.boot, 77};
    moved.to = {on.net.at(on.stranger), 7, epoch{9}};
    moved.next = 1;
    on.say(on.home, kind::moved, moved);
    const bool stayed = on.out().to == on.net.at(on.home);
    // Nor is what the port's own epoch says later measured by it.
    moved.what = moved_identity::port;
    moved.incarnation = on.port.owner;
    moved.to.age = epoch{1};
    on.say(on.home, kind::moved, moved);
    return stayed && on.net.messages(on.stranger).size() == 4; // the last one says hello
}

/// Whether a sender that was told of epoch 5 stays there when it is told of that one.
bool stays_after_news_of(std::uint32_t age) {
    scene on{"talker"};
    moved_frame moved;
    moved.stream = on.first.at(0).stream;
    moved.stream_slot = on.first[0].stream_slot;
    moved.port = on.port;
    moved.incarnation = on.port.owner;
    moved.to = {on.net.at(on.stranger), 7, epoch{5}};
    moved.next = 1;
    on.say(on.home, kind::moved, moved);
    REQUIRE(on.out().to == on.net.at(on.stranger));
    moved.to = {on.net.at(on.home), 0, epoch{age}};
    on.say(on.stranger, kind::moved, moved);
    REQUIRE(on.refused() == 0);
    return on.out().to == on.net.at(on.stranger);
}

} // namespace

TEST_CASE("the epoch of another identity says nothing of a port", "[kernel][rule-8]") {
    CHECK(keeps_to_its_port(moved_identity::stream_binding));
    CHECK(keeps_to_its_port(moved_identity::channel));
    CHECK(keeps_to_its_port(moved_identity::incarnation));
}

TEST_CASE("older news of a port never overwrites newer", "[kernel][rule-8]") {
    CHECK(stays_after_news_of(0));
    CHECK(stays_after_news_of(4));
    CHECK(stays_after_news_of(5));
    CHECK_FALSE(stays_after_news_of(6));
}

#if defined(EQUUS_MUTANTS) && EQUUS_MUTANTS
TEST_CASE("a fault planted in the news of a move does not pass these tests", "[kernel][rule-8]") {
    class one_fault final : public mutation {
    public:
        explicit one_fault(std::string_view name) : name_{name} { active_mutation = this; }
        ~one_fault() { active_mutation = nullptr; }
        bool mutant(std::string_view name) noexcept override { return name == name_; }
        bool buggify(std::string_view, unsigned) noexcept override { return false; }
        void sometimes(std::string_view) noexcept override {}

    private:
        std::string_view name_;
    };
    const one_fault planted{"old_news_is_news"};
    CHECK_FALSE(stays_after_news_of(4));
}
#endif

TEST_CASE("a call is answered by who has seen it, wherever it was passed on to",
          "[kernel][rule-22][K24]") {
    scene on{"talker"};
    const message_header asked = on.first.at(2);
    REQUIRE((asked.flags & message_header::is_call) != 0);
    reply_header reply;
    reply.call = asked.call;
    reply.call_slot = asked.call_slot;
    for (const std::uint32_t guessed : {0u, asked.proof + 1, asked.proof ^ 0x8000'0000u}) {
        reply.proof = guessed;
        on.net.say(on.stranger, reply, word{13});
        on.net.say(on.home, reply, word{13});
    }
    CHECK(heard.empty());
    CHECK(on.refused() == 6);
    const bool passed_on = GENERATE(false, true);
    reply.proof = asked.proof;
    on.net.say(passed_on ? on.stranger : on.home, reply, word{4});
    CHECK(heard == std::vector<std::string>{"4"});
    CHECK(on.refused() == 6);
}

TEST_CASE("the proof of a call is of no use for another one", "[kernel][rule-22]") {
    scene on{"talker"};
    const message_header asked = on.first.at(2);
    // A second one asks too; whoever has seen only its call cannot answer the first.
    detail::capability to;
    to.kind = reference_kind::stream;
    to.protocol = chatter::type().id;
    to.channel = {on.port.owner, 9};
    to.port = on.port;
    to.at = {on.net.at(on.home), 0, {}};
    on.net.ask_for(on.home, "talker", "out", to);
    const auto others = on.net.messages(on.home);
    REQUIRE(others.size() == 3);
    reply_header reply;
    reply.call = asked.call;
    reply.call_slot = asked.call_slot;
    reply.proof = others[2].proof;
    on.net.say(on.home, reply, word{13});
    CHECK(heard.empty());
}

TEST_CASE("a call is held by who has seen it and says so itself", "[kernel][rule-22]") {
    scene on{"talker"};
    const message_header asked = on.first.at(2);
    call_held_frame held{asked.call, asked.call_slot, on.net.at(on.stranger), 1, asked.proof};
    held.proof += 1;
    on.say(on.stranger, kind::call_held, held);
    held.proof -= 1;
    on.say(on.home, kind::call_held, held);
    CHECK(on.refused() == 2);
    // Neither counted: the loss of the stranger's node is no matter to the call.
    const bool true_holder = GENERATE(false, true);
    if (true_holder)
        on.say(on.stranger, kind::call_held, held);
    on.net.root().evict(on.net.at(on.stranger));
    on.net.advance(100ms);
    CHECK(heard.size() == (true_holder ? 1 : 0));
}

TEST_CASE("a call that comes back to its caller's node has to be one", "[kernel][rule-22]") {
    scene on{"echo"};
    REQUIRE(on.first.size() == 2);
    message_header forged = on.message(1);
    forged.ordinal = 1;
    forged.flags = message_header::is_call;
    forged.call = on.first[1].call;
    forged.caller = on.net.root().self();
    forged.call_slot = on.first[1].call_slot;
    forged.forwards = 1;
    forged.timeout_ns = 1'000'000'000;
    on.net.say(on.home, forged, question{13});
    CHECK(heard.empty());
    CHECK(on.refused() == 1);
    forged.proof = on.first[1].proof;
    on.net.say(on.home, forged, question{13});
    CHECK(heard == std::vector<std::string>{"14"});
}

TEST_CASE("a stream is sent on by its owner's node only", "[kernel][rule-4]") {
    scene on{"hearer"};
    REQUIRE(on.introduced.size() == 1);
    on.net.say(on.stranger, on.message(1), word{13});
    CHECK(heard.empty());
    CHECK(on.refused() == 1);
    on.net.say(on.home, on.message(1), word{1});
    on.net.say(on.stranger, on.message(2), word{13});
    on.net.say(on.home, on.message(2), word{2});
    CHECK(heard == std::vector<std::string>{"1", "2"});
    CHECK(on.refused() == 2);
    // A call that was not passed on is the sender's own.
    message_header asked = on.message(3);
    asked.ordinal = 1;
    asked.flags = message_header::is_call;
    asked.call = {{on.net.at(on.stranger).node, on.net.at(on.stranger).boot, 1}, 8};
    asked.caller = on.net.at(on.stranger);
    on.net.say(on.home, asked, question{1});
    CHECK(on.refused() == 3);
}

TEST_CASE("a stream ends when its owner's node says its last number", "[kernel][rule-4]") {
    scene on{"hearer"};
    on.net.say(on.home, on.message(1), word{1});
    const auto credits = on.net.credits(on.home);
    REQUIRE(credits.size() == 1);
    REQUIRE(on.in().streams == 1);
    const finish_frame frame{on.message(1).stream, on.message(1).channel, on.message(1).port_slot,
                             credits[0].leg_slot, 1};
    on.say(on.stranger, kind::finish, frame);
    CHECK(on.in().streams == 1);
    CHECK(on.refused() == 1);
    on.say(on.home, kind::finish, frame);
    CHECK(on.in().streams == 0);
    CHECK(on.refused() == 1);
}

TEST_CASE("the end of an incarnation is told by the node where it was", "[kernel][K53]") {
    scene on{"parent"};
    REQUIRE(on.asked.size() == 1);
    const incarnation_id child{on.net.at(on.home).node, on.net.at(on.home).boot, 77};
    answer_frame made;
    made.id = on.asked[0].id;
    detail::capability handle;
    handle.kind = reference_kind::incarnation;
    handle.incarnation = child;
    handle.at = {on.net.at(on.home), 0, {}};
    made.capabilities.push_back(handle);
    on.say(on.stranger, kind::answer, made);
    CHECK(on.refused() == 1);
    on.say(on.home, kind::answer, made);
    event_frame told;
    told.to = on.asked[0].asker;
    told.what = event{event_kind::terminated, child, on.net.at(on.home), errc::ok, 0, "false"};
    on.say(on.stranger, kind::event, told);
    told.what.node = on.net.at(on.stranger);
    on.say(on.stranger, kind::event, told);
    CHECK(heard.empty());
    CHECK(on.refused() == 3);
    told.what.node = on.net.at(on.home);
    told.what.text = "true";
    on.say(on.home, kind::event, told);
    CHECK(heard == std::vector<std::string>{"ended: true"});
    CHECK(on.refused() == 3);
}

TEST_CASE("of several messages beyond a gap the first is answered, until the gap is closed",
          "[kernel][rule-3]") {
    scene on{"hearer"};
    const auto asked_from = [&] {
        std::vector<std::uint64_t> out;
        for (const next_frame& each : on.net.frames<next_frame>(on.home, kind::next))
            out.push_back(each.next);
        on.net.messages(on.home);
        return out;
    };
    on.net.say(on.home, on.message(1), word{1});
    for (const std::uint64_t number : {3u, 4u, 5u, 6u})
        on.net.say(on.home, on.message(number), word{9});
    CHECK(asked_from() == std::vector<std::uint64_t>{2});
    on.net.say(on.home, on.message(2), word{2});
    CHECK(asked_from().empty());
    for (const std::uint64_t number : {5u, 6u}) // another gap
        on.net.say(on.home, on.message(number), word{9});
    CHECK(asked_from() == std::vector<std::uint64_t>{3});
    for (const std::uint64_t number : {3u, 4u, 5u})
        on.net.say(on.home, on.message(number), word{static_cast<std::uint32_t>(number)});
    CHECK(asked_from().empty());
    CHECK(heard == std::vector<std::string>{"1", "2", "3", "4", "5"});
    CHECK(on.refused() == 0);
}
