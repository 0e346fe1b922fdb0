#include "actors.hpp"

#include <map>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::vector<std::uint32_t> heard;
    std::map<std::string, std::vector<errc>, std::less<>> outcomes;
    std::uint32_t received = 0;
    bool keeper_ended = false;
};
diary seen;

errc code(const result<void>& of) {
    return of ? errc::ok : of.error().code();
}
template <class T>
errc code(const result<T>& of) {
    return of ? errc::ok : of.error().code();
}

/// Hears and answers for ever.
task<> listens(actor& me) {
    while (auto got = co_await me.in.receive()) {
        if (auto said = got->take<say>())
            seen.heard.push_back(said->number);
        if (auto asked = got->take<ask>())
            got->reply<ask>(told{"yes"});
        if (auto lent = got->take<borrow>())
            got->reply<borrow>(given_back{lent->what});
        if (got->is<hand_over>())
            ++seen.received;
    }
}

/// Takes what is handed over and tries everything with it.
task<> tries(actor& me) {
    auto& outcomes = seen.outcomes["tries"];
    auto got = co_await ok(co_await me.in.receive());
    auto over = co_await ok(got.take<hand_over>());
    const auto out = co_await ok(over.first.as_stream<words>());
    auto sent = co_await out.send<say>(1u);
    outcomes.push_back(code(sent));
    auto asked = co_await out.invoke<ask>(1u);
    outcomes.push_back(code(asked));
    const auto more = co_await ok(narrowed(out, right::all));
    auto asked_again = co_await more.invoke<ask>(1u);
    outcomes.push_back(code(asked_again));
}
task<> hands_over_a_sender(actor& me) {
    const auto listener = co_await me.reach("listener");
    const auto other = co_await me.reach("tries");
    const auto less = co_await ok(narrowed(listener, right::send));
    const any_reference first{less};
    co_await ok(co_await other.send<hand_over>(first, "x", any_reference{}));
    const auto invoking = co_await ok(narrowed(listener, right::invoke));
    auto sent = co_await invoking.send<say>(2u);
    seen.outcomes["self"].push_back(code(sent));
    auto asked = co_await invoking.invoke<ask>(2u);
    seen.outcomes["self"].push_back(code(asked));
    REQUIRE(rights_of(invoking) == right::invoke);
}

/// One reference of each reach, to its owner and to another; by message and by reply.
task<> passes_on(actor& me) {
    const auto owner = co_await me.reach("listener");
    const auto other = co_await me.reach("other");
    for (const propagation reach :
         {propagation::free, propagation::same_rdc, propagation::owner, propagation::never}) {
        const any_reference what{co_await ok(narrowed(owner, right::all, reach))};
        auto to_owner = co_await owner.send<hand_over>(what, "x", any_reference{});
        seen.outcomes["owner"].push_back(code(to_owner));
        auto to_other = co_await other.send<hand_over>(what, "x", any_reference{});
        seen.outcomes["other"].push_back(code(to_other));
        // A copy of the copy does not reach farther.
        const auto copy = narrowed(static_cast<const reference&>(what), right::all);
        auto copied = co_await other.send<hand_over>(*copy, "x", any_reference{});
        seen.outcomes["copy"].push_back(code(copied));
    }
    auto after = co_await other.send<say>(5u);
    seen.outcomes["after"].push_back(code(after));
}

/// Replies with what it was lent, for its owner only.
task<> gives_back(actor& me) {
    while (auto got = co_await me.in.receive()) {
        auto lent = co_await ok(got->take<borrow>());
        auto limited = co_await ok(
            narrowed(static_cast<const reference&>(lent.what), right::all, propagation::owner));
        got->reply<borrow>(given_back{limited});
    }
}
task<> lends(actor& me) {
    const auto listener = co_await me.reach("listener");
    const auto lender = co_await me.reach("lender");
    const any_reference own{me.in.open_stream()};
    const any_reference foreign{listener};
    const any_reference nothing;
    auto& outcomes = seen.outcomes["lent"];
    outcomes.push_back(code(co_await lender.invoke<borrow>(own)));
    outcomes.push_back(code(co_await lender.invoke<borrow>(foreign)));
    outcomes.push_back(code(co_await listener.invoke<borrow>(nothing)));
}

task<> sends_two(actor& me) {
    const auto listener = co_await me.reach("listener");
    const auto user = co_await me.reach("user");
    const any_reference first{co_await ok(narrowed(listener, right::send))};
    const any_reference second{co_await ok(narrowed(listener, right::invoke))};
    co_await ok(co_await user.send<hand_over>(first, "both", second));
    // One that may not leave keeps the whole message here.
    const any_reference kept{co_await ok(narrowed(listener, right::all, propagation::never))};
    auto refused = co_await user.send<hand_over>(first, "half", kept);
    seen.outcomes["half"].push_back(code(refused));
    detail::close(second);
    auto stale = co_await user.send<hand_over>(first, "stale", second);
    seen.outcomes["half"].push_back(code(stale));
    co_await ok(co_await user.send<say>(9u));
}
task<> uses_both(actor& me) {
    auto got = co_await ok(co_await me.in.receive());
    auto over = co_await ok(got.take<hand_over>());
    const auto sender = co_await ok(over.first.as_stream<words>());
    const auto invoker = co_await ok(over.second.as_stream<words>());
    REQUIRE(over.text == "both");
    auto& outcomes = seen.outcomes["user"];
    outcomes.push_back(code(co_await sender.send<say>(1u)));
    outcomes.push_back(code(co_await sender.invoke<ask>(1u)));
    outcomes.push_back(code(co_await invoker.send<say>(1u)));
    outcomes.push_back(code(co_await invoker.invoke<ask>(1u)));
    auto next = co_await ok(co_await me.in.receive());
    outcomes.push_back(next.is<say>() ? errc::ok : errc::malformed);
}

/// Says every number near those that it holds.
task<> forges(actor& me) {
    const auto listener = co_await me.reach("listener");
    auto& outcomes = seen.outcomes["forged"];
    for (std::uint32_t index = 0; index < 40; ++index)
        for (std::uint32_t generation = 0; generation < 4; ++generation) {
            const reference number{index, generation};
            if (rights_of(number) != 0)
                continue; // its own
            const stream<words> forged{number};
            outcomes.push_back(code(co_await forged.send<say>(666u)));
            outcomes.push_back(code(co_await forged.invoke<ask>(666u)));
            outcomes.push_back(detail::close(number));
            const incarnation_handle handle{number};
            outcomes.push_back(code(co_await handle.destroy()));
            outcomes.push_back(code(co_await handle.watch()));
            const any_reference untyped{number};
            outcomes.push_back(
                code(co_await listener.send<hand_over>(untyped, "forged", any_reference{})));
            outcomes.push_back(code(narrowed(number, right::all)));
            outcomes.push_back(code(co_await join_channel(me.in, untyped)));
            outcomes.push_back(code(bind_stream(number, any_reference{listener})));
            REQUIRE_FALSE(detail::is_open(number));
        }
    co_await ok(co_await listener.send<say>(1u));
}

task<> lives_on(actor&) {
    co_await sleep(1'000s);
}
task<> has_a_weak_handle(actor& me) {
    const auto full = incarnation_handle{co_await me.find("keeper!")};
    const auto weak = incarnation_handle{
        co_await ok(narrowed(static_cast<const reference&>(full), right::watch))};
    auto& outcomes = seen.outcomes["handle"];
    outcomes.push_back(code(co_await weak.watch()));
    outcomes.push_back(code(co_await weak.depends_on_me(dependency::absolute)));
    outcomes.push_back(code(co_await weak.destroy()));
    co_await sleep(10ms);
    outcomes.push_back(code(co_await next_event().within(1ms)));
    outcomes.push_back(code(co_await full.destroy()));
    auto ended = co_await next_event().within(100ms);
    seen.keeper_ended = ended && ended->kind == event_kind::terminated;
}

task<> joins_without_the_right(actor& me) {
    const any_reference channel = make_channel("test.words", channel_kind::multicast);
    const any_reference foreign = make_channel("test.lobby", channel_kind::multicast);
    const auto less =
        co_await ok(narrowed(static_cast<const reference&>(channel), right::send | right::invoke));
    auto& outcomes = seen.outcomes["join"];
    outcomes.push_back(code(co_await join_channel(me.in, less)));
    outcomes.push_back(code(co_await join_channel(me.in, foreign)));
    const auto out = co_await ok(channel.as_stream<words>());
    outcomes.push_back(code(co_await out.send<say>(1u).within(1ms))); // nobody has joined
    outcomes.push_back(code(co_await join_channel(me.in, channel)));
    outcomes.push_back(code(co_await out.send<say>(1u).within(1ms)));
}

void play_out(stage& on) {
    on.add();
    on.add();
    on.begin();
    on.advance(2s);
}

} // namespace

TEST_CASE("a narrowed reference does less, wherever it is passed to", "[kernel][K33]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("tries", node, &tries);
    on.play("giver", 1, &hands_over_a_sender);
    play_out(on);
    REQUIRE(seen.outcomes["tries"] ==
            std::vector<errc>{errc::ok, errc::access_denied, errc::access_denied});
    REQUIRE(seen.outcomes["self"] == std::vector<errc>{errc::access_denied, errc::ok});
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1});
}

TEST_CASE("a reference goes no farther than it may", "[kernel][K33][K11]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("other", node, &listens).play("giver", 1, &passes_on);
    play_out(on);
    const errc no = errc::access_denied;
    REQUIRE(seen.outcomes["owner"] == std::vector<errc>{errc::ok, errc::ok, errc::ok, no});
    REQUIRE(seen.outcomes["other"] == std::vector<errc>{errc::ok, errc::ok, no, no});
    REQUIRE(seen.outcomes["copy"] == std::vector<errc>{errc::ok, errc::ok, no, no});
    REQUIRE(seen.received == 7);
    REQUIRE(seen.outcomes["after"] == std::vector<errc>{errc::ok}); // the stream goes on
    REQUIRE(seen.heard == std::vector<std::uint32_t>{5});
}

TEST_CASE("a reference in a reply goes no farther than it may", "[kernel][K33]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("lender", node, &gives_back).play("asker", 1, &lends);
    play_out(on);
    REQUIRE(seen.outcomes["lent"] == std::vector<errc>{errc::ok, errc::handler_failed, errc::ok});
}

TEST_CASE("a message carries several references, or none of them", "[kernel][K21]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    seen = {};
    stage on{copied};
    on.play("listener", 1, &listens).play("user", node, &uses_both).play("giver", 1, &sends_two);
    play_out(on);
    const errc no = errc::access_denied;
    REQUIRE(seen.outcomes["user"] == std::vector<errc>{errc::ok, no, no, errc::ok, errc::ok});
    REQUIRE(seen.outcomes["half"] == std::vector<errc>{no, errc::no_such_reference});
}

TEST_CASE("forged numbers do nothing", "[kernel][K9]") {
    seen = {};
    stage on;
    on.play("listener", 1, &listens).play("forger", 1, &forges);
    play_out(on);
    REQUIRE(seen.outcomes["forged"].size() > 1'000);
    for (const errc each : seen.outcomes["forged"])
        REQUIRE(each == errc::no_such_reference);
    REQUIRE(seen.heard == std::vector<std::uint32_t>{1});
    REQUIRE(seen.received == 0);
}

TEST_CASE("a handle without the right does not end its incarnation", "[kernel][K51][inc_destroy]") {
    const std::uint32_t node = GENERATE(1u, 2u);
    seen = {};
    stage on;
    on.play("keeper", node, &lives_on).play("parent", 1, &has_a_weak_handle);
    play_out(on);
    const errc no = errc::access_denied;
    REQUIRE(seen.outcomes["handle"] ==
            std::vector<errc>{errc::ok, no, no, errc::timed_out, errc::ok});
    REQUIRE(seen.keeper_ended);
}

TEST_CASE("a port joins a channel only by a reference that allows it", "[kernel][K33]") {
    seen = {};
    stage on;
    on.play("joiner", 1, &joins_without_the_right);
    play_out(on);
    REQUIRE(seen.outcomes["join"] == std::vector<errc>{errc::access_denied, errc::wrong_protocol,
                                                       errc::timed_out, errc::ok, errc::ok});
}
