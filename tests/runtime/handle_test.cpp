// Handles on streams and ports, references that say what they are or are given away, and ports and
// channels made while an incarnation runs.
#include "actors.hpp"

#include <map>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::vector<errc> outcomes;
    std::vector<std::uint32_t> heard;
    std::vector<reference_kind> kinds;
    stream_id named, own;
    std::uint32_t received = 0;
    bool finished = false;
};
diary seen;

template <class T>
errc code(const result<T>& of) {
    return of ? errc::ok : of.error().code();
}
task<> listens(actor& me) {
    while (auto got = co_await me.in.receive())
        if (auto said = got->take<say>())
            seen.heard.push_back(said->number);
}

// ---- handles

/// Has two handles and passes them on, one of them narrowed.
task<> passes_handles_on(actor& me) {
    const auto out = co_await me.reach("listener");
    const auto to = co_await me.reach("user");
    // [handles]
    const auto of_stream = co_await ok(out.handle()); // stream_handle<words>
    const auto of_port = co_await ok(me.in.handle()); // port_handle<words>
    // [/handles]
    seen.own = of_stream.id();
    REQUIRE(of_port.id());
    const any_reference first{of_stream};
    const any_reference second{of_port};
    co_await ok(co_await to.send<hand_over>(first, "x", second));
    const any_reference weak{co_await ok(
        narrowed(static_cast<const reference&>(of_stream), right::all & ~right::regulate))};
    co_await ok(co_await to.send<hand_over>(weak, "x", any_reference{}));
    co_await sleep(20ms);
    auto sent = co_await out.send<say>(1u).within(30ms);
    seen.outcomes.push_back(code(sent));
    auto later = co_await out.send<say>(2u).within(100ms);
    seen.outcomes.push_back(code(later));
    co_await sleep(100ms);
    auto broken = co_await out.send<say>(3u).within(100ms);
    seen.outcomes.push_back(code(broken));
}
task<> uses_handles(actor& me) {
    auto got = co_await ok(co_await me.in.receive());
    auto over = co_await ok(got.take<hand_over>());
    got.done();
    const auto brake = co_await ok(as_stream_handle<words>(over.first));
    seen.named = brake.id();
    seen.outcomes.push_back(code(as_port_handle<words>(over.first)));
    seen.outcomes.push_back(code(as_stream_handle<lobbying>(over.first)));
    seen.outcomes.push_back(code(as_stream_handle<words>(over.second)));
    const auto at = co_await ok(as_port_handle<words>(over.second));
    REQUIRE(at.id());
    // A handle is not the thing itself.
    seen.outcomes.push_back(code(over.first.as_stream<words>()));
    auto next = co_await ok(co_await me.in.receive());
    auto weaker = co_await ok(next.take<hand_over>());
    next.done();
    const auto weak = co_await ok(as_stream_handle<words>(weaker.first));
    seen.outcomes.push_back(code(co_await weak.freeze()));
    seen.outcomes.push_back(code(co_await brake.freeze()));
    co_await sleep(80ms);
    seen.outcomes.push_back(code(co_await brake.unfreeze()));
    co_await sleep(50ms);
    seen.outcomes.push_back(code(co_await brake.invalidate()));
    seen.outcomes.push_back(code(co_await brake.freeze()));
    seen.finished = true;
}

// ---- test

task<> tests_all_kinds(actor& me) {
    const auto out = co_await me.reach("listener");
    const auto handle = incarnation_handle{co_await me.find("listener!")};
    const auto of_stream = co_await ok(out.handle());
    const auto of_port = co_await ok(me.in.handle());
    const reference forged{99, 3};
    for (const reference each : {static_cast<reference>(out), static_cast<reference>(me.in),
                                 static_cast<reference>(handle), static_cast<reference>(of_stream),
                                 static_cast<reference>(of_port), forged, reference{}})
        seen.kinds.push_back(test_reference(each).kind);
    const auto less = co_await ok(narrowed(out, right::send, propagation::owner));
    const reference_info info = test_reference(less);
    REQUIRE(info.allowed == right::send);
    REQUIRE(info.reach == propagation::owner);
    REQUIRE(info.protocol_id == words::type().id);
    REQUIRE(info.protocol == "test.words");
    REQUIRE(info.is_open);
    REQUIRE(test_reference(of_stream).protocol_id == words::type().id);
    REQUIRE(test_reference(me.in).reach == propagation::never);
    less.close();
    REQUIRE(test_reference(less).kind == reference_kind::none); // stale
    REQUIRE(test_reference(less).allowed == 0);
    seen.finished = true;
}

/// Each kind with each reach, to somebody who is not the owner.
task<> passes_every_kind(actor& me) {
    const auto other = co_await me.reach("receiver");
    const auto handle = incarnation_handle{co_await me.find("listener!")};
    const auto of_stream = co_await ok(other.handle());
    const auto of_port = co_await ok(me.in.handle());
    for (const reference which :
         {static_cast<reference>(other), static_cast<reference>(handle),
          static_cast<reference>(of_stream), static_cast<reference>(of_port)})
        for (const propagation reach :
             {propagation::free, propagation::same_rdc, propagation::owner, propagation::never}) {
            const any_reference what{co_await ok(narrowed(which, right::all, reach))};
            auto sent = co_await other.send<hand_over>(what, "x", any_reference{});
            seen.outcomes.push_back(code(sent));
        }
    const any_reference port{me.in};
    auto sent = co_await other.send<hand_over>(port, "x", any_reference{});
    seen.outcomes.push_back(code(sent));
}
task<> counts(actor& me) {
    while (auto got = co_await me.in.receive())
        if (got->is<hand_over>())
            ++seen.received;
}

// ---- given away

task<> gives_away(actor& me) {
    const auto out = co_await me.reach("listener");
    const auto to = co_await me.reach("taker");
    co_await ok(co_await out.send<say>(1u));
    const any_reference kept{co_await ok(narrowed(out, right::all, propagation::never))};
    // A message that is refused leaves all here.
    // [given_away]
    const any_reference given{transferred(out)};
    REQUIRE(test_reference(out).transferred);
    // [/given_away]
    auto refused = co_await to.send<hand_over>(given, "x", kept);
    seen.outcomes.push_back(code(refused));
    seen.outcomes.push_back(code(co_await out.send<say>(2u)));
    // The mark is still there; named twice, it is given once.
    auto sent = co_await to.send<hand_over>(given, "x", given);
    seen.outcomes.push_back(code(sent));
    seen.outcomes.push_back(code(co_await out.send<say>(9u)));
    REQUIRE(test_reference(given).kind == reference_kind::none);
    // By itself, on the very stream that leaves.
    const auto last = transferred(to);
    const any_reference itself{last};
    auto own = co_await to.send<hand_over>(itself, "x", any_reference{});
    seen.outcomes.push_back(code(own));
    seen.outcomes.push_back(code(co_await to.send<say>(9u)));
}
task<> takes(actor& me) {
    auto got = co_await ok(co_await me.in.receive());
    auto over = co_await ok(got.take<hand_over>());
    const auto mine = co_await ok(over.first.as_stream<words>());
    const auto again = co_await ok(over.second.as_stream<words>());
    co_await ok(co_await mine.send<say>(3u));
    co_await ok(co_await again.send<say>(4u));
    got.done();
    auto own = co_await ok(co_await me.in.receive());
    auto itself = co_await ok(own.take<hand_over>());
    REQUIRE(itself.first);
    ++seen.received;
}
task<> replies_with_what_it_gives_away(actor& me) {
    const auto out = co_await me.reach("listener");
    auto got = co_await ok(co_await me.in.receive());
    const any_reference given{transferred(out)};
    got.reply<borrow>(given_back{given});
    seen.outcomes.push_back(code(co_await out.send<say>(9u)));
}
task<> borrows(actor& me) {
    const auto lender = co_await me.reach("lender");
    const any_reference nothing;
    auto got = co_await ok(co_await lender.invoke<borrow>(nothing));
    const auto mine = co_await ok(got.what.as_stream<words>());
    co_await ok(co_await mine.send<say>(1u));
}

// ---- the copy that a caller has

/// Lends a stream, and has a handle of what the borrower got.
task<> lends_and_holds_on(actor& me) {
    const auto out = co_await me.reach("listener");
    auto got = co_await ok(co_await me.in.receive());
    // [handle_of_copy]
    handle_of_copy<words> theirs{out};
    got.reply<borrow>(given_back{any_reference{out}});
    auto brake = co_await theirs.within(1s); // result<stream_handle<words>>
    // [/handle_of_copy]
    seen.outcomes.push_back(code(brake));
    seen.named = brake->id();
    got.done();
    seen.outcomes.push_back(code(co_await brake->freeze()));
    co_await sleep(100ms);
    seen.outcomes.push_back(code(co_await brake->unfreeze()));
    seen.outcomes.push_back(code(co_await out.send<say>(3u))); // its own is another
}
task<> borrows_under_a_brake(actor& me) {
    const auto lender = co_await me.reach("lender");
    const any_reference nothing;
    auto got = co_await ok(co_await lender.invoke<borrow>(nothing));
    const auto mine = co_await ok(got.what.as_stream<words>());
    seen.own = (co_await ok(mine.handle())).id();
    co_await sleep(20ms);
    seen.outcomes.push_back(code(co_await mine.send<say>(1u).within(30ms)));
    seen.outcomes.push_back(code(co_await mine.send<say>(2u).within(1s)));
}
/// Gives up before the answer comes.
task<> borrows_and_leaves(actor& me) {
    const auto lender = co_await me.reach("lender");
    const any_reference nothing;
    auto got = co_await lender.invoke<borrow>(nothing).within(5ms);
    seen.outcomes.push_back(code(got));
    co_await sleep(1s);
}
task<> lends_in_vain(actor& me) {
    const auto out = co_await me.reach("listener");
    auto got = co_await ok(co_await me.in.receive());
    handle_of_copy<words> theirs{out};
    co_await sleep(20ms);
    got.reply<borrow>(given_back{any_reference{out}});
    seen.outcomes.push_back(code(co_await theirs.within(100ms)));
    // Sent on with a message: whose it will be is not known.
    handle_of_copy<words> again{out};
    const any_reference sent{out};
    co_await ok(co_await out.send<hand_over>(sent, "x", any_reference{}));
    seen.outcomes.push_back(code(co_await again));
    const stream<words> forged{reference{33, 7}};
    handle_of_copy<words> of_nothing{forged};
    seen.outcomes.push_back(code(co_await of_nothing));
    handle_of_copy<words> never{out};
    seen.outcomes.push_back(code(co_await never.within(5ms)));
    seen.finished = true;
}

// ---- made while running

/// Makes a channel and ports of it, and a port of its own.
task<> makes_ports(actor& me) {
    seen.outcomes.push_back(code(make_channel<words>(channel_kind::unicast)));
    const auto all = co_await ok(make_channel<words>(channel_kind::multicast));
    const any_reference passed_on{all};
    co_await me.offer("channel", passed_on);
    auto first = co_await make_port<words>(all);
    auto second = co_await make_port<words>(all);
    const port<words> a = co_await ok(std::move(first));
    const port<words> b = co_await ok(std::move(second));
    co_await ok(co_await all.send<say>(1u));
    for (const port<words>& each : {a, b}) {
        auto got = co_await ok(co_await each.receive());
        auto said = co_await ok(got.take<say>());
        seen.heard.push_back(said.number);
    }
    const port<words> own = co_await ok(make_port<words>());
    const auto to_self = own.open_stream();
    co_await ok(co_await to_self.send<say>(2u));
    auto got = co_await ok(co_await own.receive());
    // Closed with a message in hand, and with somebody who sends.
    own.close();
    seen.outcomes.push_back(code(co_await to_self.send<say>(3u)));
    seen.outcomes.push_back(code(co_await own.receive()));
    got.done();
    seen.outcomes.push_back(code(own.try_receive()));
    // Without the right there is no port.
    const auto weak = co_await ok(narrowed(all, right::send));
    auto refused = co_await make_port<words>(weak);
    seen.outcomes.push_back(code(refused));
    seen.finished = true;
}
task<> waits_at_a_port_that_is_closed(actor& me) {
    const port<words> own = co_await ok(make_port<words>());
    task_group others;
    others.start([](port<words> which) -> task<> {
        co_await sleep(10ms);
        which.close();
    }(own));
    auto got = co_await own.receive();
    seen.outcomes.push_back(code(got));
    static_cast<void>(me);
}

void play_out(stage& on) {
    on.add();
    on.add();
    on.begin();
    on.advance(3s);
}

} // namespace

TEST_CASE("the handle of a stream freezes it and breaks it, wherever its holder is",
          "[kernel][inc_hanCreate][K10][K41]") {
    const std::uint32_t user = GENERATE(1u, 2u);
    const std::uint32_t owner = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("user", user, &uses_handles);
    on.play("owner", owner, &passes_handles_on);
    play_out(on);
    REQUIRE(seen.finished);
    const errc wrong = errc::wrong_protocol;
    REQUIRE(seen.outcomes == std::vector<errc>{wrong, wrong, wrong, wrong, errc::access_denied,
                                               errc::ok, errc::timed_out, errc::ok, errc::ok,
                                               errc::ok, errc::broken, errc::broken});
    REQUIRE(seen.named == seen.own);
    REQUIRE(seen.heard == std::vector<std::uint32_t>{2});
}

TEST_CASE("a reference says of what kind it is and what it may do; a stale one says nothing",
          "[kernel][inc_testReference][K9][K10]") {
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("tester", 1, &tests_all_kinds);
    play_out(on);
    REQUIRE(seen.finished);
    using k = reference_kind;
    REQUIRE(seen.kinds == std::vector<k>{k::stream, k::port, k::incarnation, k::stream_handle,
                                         k::port_handle, k::none, k::none});
}

TEST_CASE("references of every kind go no farther than they may", "[kernel][K33]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("receiver", node, &counts);
    on.play("giver", 1, &passes_every_kind);
    play_out(on);
    const errc yes = errc::ok;
    const errc no = errc::access_denied;
    REQUIRE(seen.outcomes ==
            std::vector<errc>{yes, yes, yes, no, // a stream to the receiver: its owner
                              yes, yes, no, no,  // the others are not the receiver's
                              yes, yes, no, no, yes, yes, no, no, errc::unsupported});
    REQUIRE(seen.received == 9);
}

TEST_CASE("a reference that is given away leaves with the message that carries it, once",
          "[kernel][K33]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("taker", node, &takes).play("giver", 1, &gives_away);
    play_out(on);
    const errc gone = errc::no_such_reference;
    REQUIRE(seen.outcomes ==
            std::vector<errc>{errc::access_denied, errc::ok, errc::ok, gone, errc::ok, gone});
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1, 2, 3, 4});
    REQUIRE(seen.received == 1);
}

TEST_CASE("a reference is given away with a reply too", "[kernel][K33]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("borrower", 1, &borrows);
    on.play("lender", node, &replies_with_what_it_gives_away);
    play_out(on);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::no_such_reference});
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1});
}

TEST_CASE("ports and channels are made while an incarnation runs, and end when they are closed",
          "[kernel][inc_chanCreate][inc_portCreate][K22]") {
    const bool copied = GENERATE(false, true);
    seen = {};
    stage on{copied};
    on.play("maker", 1, &makes_ports);
    play_out(on);
    REQUIRE(seen.finished);
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1, 1});
    REQUIRE(seen.outcomes == std::vector<errc>{errc::invalid_argument, errc::broken,
                                               errc::no_such_reference, errc::would_block,
                                               errc::access_denied});
}

TEST_CASE("who waits at a port that is closed is told", "[kernel][K27]") {
    seen = {};
    stage on;
    on.play("waiter", 1, &waits_at_a_port_that_is_closed);
    play_out(on);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::closed});
}

TEST_CASE("who replies with a stream has a handle of the copy that its caller got, if it wants one",
          "[kernel][inc_reply][inc_hanCreate][K33]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    seen = {};
    stage on{copied};
    on.play("listener", 1, &listens).play("borrower", 1, &borrows_under_a_brake);
    on.play("lender", node, &lends_and_holds_on);
    play_out(on);
    REQUIRE(seen.named == seen.own);
    REQUIRE(seen.outcomes ==
            std::vector<errc>{errc::ok, errc::ok, errc::timed_out, errc::ok, errc::ok, errc::ok});
    REQUIRE(seen.heard.size() == 2);
}

TEST_CASE("a handle of a copy that nobody got says why there is none", "[kernel][inc_reply][K33]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("borrower", 1, &borrows_and_leaves);
    on.play("lender", node, &lends_in_vain);
    play_out(on);
    REQUIRE(seen.finished);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::maybe_delivered, errc::not_found,
                                               errc::unsupported, errc::no_such_reference,
                                               errc::maybe_delivered});
}
