// Frames that are said by somebody whom they do not concern do nothing: dgrams, regulation, bulk,
// and what kernels ask of each other.
#include "peers.hpp"

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
struct load {
    using reply = word;
    bulk data;
    EQUUS_FIELDS(data)
};
struct introduction {
    any_reference what;
    EQUUS_FIELDS(what)
};
using chatter = protocol<"test.chatter", word, question, load, introduction>;

std::vector<std::uint32_t> heard;

/// Introduces its port; hears words, and invalidates who says 13. A question takes an hour.
class hearer : public incarnation<hearer> {
public:
    stream<chatter> out{*this, "out"};
    port<chatter> in{*this, "in"};
    task<> start() {
        const any_reference own{in.open_stream()};
        co_await ok(co_await out.send<introduction>(own));
    }
    void on(word w) {
        heard.push_back(w.number);
        if (w.number == 13)
            for (const waiting_messages& each : in.waiting_by_stream())
                static_cast<void>(in.invalidate(each.from));
    }
    task<word> on(question) {
        co_await sleep(1h);
        co_return word{};
    }
    word on(load) { return {}; }
    void on(introduction) {}
};
/// Sends bulk that has to be asked for.
class loader : public incarnation<loader> {
public:
    stream<chatter> out{*this, "out"};
    task<> main() {
        buffer area = co_await ok(buffer::of(1u << 20));
        bulk carried{std::move(area)};
        auto answer = co_await out.invoke<load>(std::move(carried)).within(1'000s);
        co_await sleep(1'000s);
    }
};

const module_table& cast() {
    static const module_table table = [] {
        module_table made;
        made.add<hearer>("hearer");
        made.add<loader>("loader");
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
    std::vector<detail::capability> introduced;
    std::vector<message_header> first;

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
        first = net.messages(home);
        REQUIRE(introduced.size() == 1);
        REQUIRE(first.size() == 1);
    }
    std::uint64_t refused() { return net.root().counters().frames_refused; }
    std::size_t alive() { return net.root().status().incarnations.size(); }
    /// From one of home's incarnations to the port that was introduced.
    message_header message(std::uint64_t number) {
        message_header made;
        made.stream = {port.owner, 7};
        made.stream_slot = 3;
        made.port_slot = introduced[0].at.slot;
        made.channel = introduced[0].channel;
        made.number = number;
        return made;
    }
    template <class Body>
    void ask(std::size_t who, detail::request_kind kind, const Body& body, incarnation_id asker) {
        request_frame frame;
        frame.id = 40;
        frame.kind = kind;
        frame.asker = asker;
        frame.subject = first[0].stream.owner;
        frame.body = bytes(wire::size_bytes(body));
        wire::encode(body, frame.body.span());
        net.say(who, kind::request, lane::data, frame);
    }
    errc answered(std::size_t who) {
        const auto all = net.frames<answer_frame>(who, kind::answer);
        REQUIRE(all.size() == 1);
        return all[0].status;
    }
    incarnation_id of(std::size_t who) const { return {net.at(who).node, net.at(who).boot, 1}; }
};

} // namespace

TEST_CASE("a dgram is taken from its stream's node only", "[kernel][K22]") {
    scene on{"hearer"};
    on.net.say_dgram(on.stranger, on.message(1), word{9});
    CHECK(heard.empty());
    CHECK(on.refused() == 1);
    on.net.say_dgram(on.home, on.message(1), word{1});
    CHECK(heard == std::vector<std::uint32_t>{1});
}

TEST_CASE("a stream that its receiver has invalidated sends no dgrams either", "[kernel][K41]") {
    scene on{"hearer"};
    // A question is in hand, so that what follows it waits and shows whose it is.
    message_header asked = on.message(1);
    asked.stream.counter = 8;
    asked.ordinal = 1;
    asked.flags = message_header::is_call;
    asked.call = {on.of(on.home), 30};
    asked.caller = on.net.at(on.home);
    asked.timeout_ns = 1'000'000'000;
    on.net.say(on.home, asked, question{1});
    on.net.say_dgram(on.home, on.message(1), word{13});
    on.net.say(on.home, on.message(1), word{2});
    on.net.say(on.home, kind::cancel, lane::data, cancel_frame{asked.call});
    on.net.advance(3'700s);
    CHECK(heard == std::vector<std::uint32_t>{13});
    on.net.say_dgram(on.home, on.message(1), word{3});
    CHECK(heard == std::vector<std::uint32_t>{13});
    CHECK(on.net.root().counters().dgrams_dropped == 1);
}

TEST_CASE("a stream is frozen by its receiver's node only", "[kernel][K41]") {
    scene on{"loader"};
    const regulate_frame frame{on.first[0].stream, on.first[0].stream_slot, regulation::freeze, 1};
    const auto frozen = [&] {
        return on.net.root().status().incarnations.at(0).streams.at(0).frozen;
    };
    on.net.say(on.stranger, kind::regulate, lane::control, frame);
    CHECK_FALSE(frozen());
    CHECK(on.refused() == 1);
    on.net.say(on.home, kind::regulate, lane::control, frame);
    CHECK(frozen());
}

TEST_CASE("bulk is sent to who has been given its number, and the number cannot be guessed",
          "[kernel][K9][rule23]") {
    scene on{"loader"};
    REQUIRE(on.introduced[0].kind == reference_kind::bulk);
    const std::uint64_t number = on.introduced[0].bulk;
    const auto asks = [&](std::size_t who, std::uint64_t source) {
        static std::uint64_t pulls = 100;
        pull_frame frame;
        frame.id = ++pulls;
        frame.what = pull_what::bulk;
        frame.source = source;
        frame.upto = 1'000;
        on.net.messages(who);
        on.net.say(who, kind::pull, lane::control, frame);
        const auto no = on.net.frames<copy_end_frame>(who, kind::pull_refused);
        return no.empty() ? errc::ok : no[0].status;
    };
    for (std::uint64_t guess = 0; guess < 200; ++guess)
        CHECK(asks(on.stranger, guess) == errc::closed);
    CHECK(asks(on.stranger, number + 1) == errc::closed);
    CHECK(asks(on.stranger, number ^ (std::uint64_t{1} << 40)) == errc::closed);
    CHECK(asks(on.home, number) == errc::ok);
}

TEST_CASE("a call is given up by its caller's node only", "[kernel][rule-22]") {
    scene on{"hearer"};
    on.net.say(on.stranger, kind::cancel, lane::data, cancel_frame{{on.of(on.home), 30}});
    CHECK(on.refused() == 1);
    on.net.say(on.home, kind::cancel, lane::data, cancel_frame{{on.of(on.home), 30}});
    CHECK(on.refused() == 1);
}

TEST_CASE("nobody makes an incarnation depend on another than his own", "[kernel][K54]") {
    scene on{"hearer"};
    depend_body body{dependency::absolute, on.of(on.home), on.net.at(on.home)};
    on.ask(on.stranger, detail::request_kind::depend, body, on.of(on.stranger));
    CHECK(on.answered(on.stranger) == errc::access_denied);
    // Nor by claiming that his own lives elsewhere.
    body.parent = on.of(on.stranger);
    on.ask(on.stranger, detail::request_kind::depend, body, on.of(on.stranger));
    CHECK(on.refused() == 2);
    on.net.root().evict(on.net.at(on.home));
    on.net.advance(100ms);
    CHECK(on.alive() == 1);
}

TEST_CASE("nobody asks in the name of an incarnation of another node", "[kernel][K53]") {
    scene on{"hearer"};
    const watch_body body{};
    on.ask(on.stranger, detail::request_kind::watch, body, on.of(on.home));
    CHECK(on.answered(on.stranger) == errc::access_denied);
    CHECK(on.refused() == 1);
    on.ask(on.home, detail::request_kind::watch, body, on.of(on.home));
    CHECK(on.answered(on.home) == errc::ok);
    CHECK(on.refused() == 1);
}
