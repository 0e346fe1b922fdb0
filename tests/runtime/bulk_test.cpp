#include "bulk_cast.hpp"

using namespace equus;
using namespace equus::test;
using namespace equus::test::bulky;

namespace {

struct diary {
    std::uint32_t node = 2;
    std::vector<errc> outcomes;
    std::vector<bool> right;
    std::vector<std::string> said;
    bool done = false;
};
diary seen;

task<buffer> filled(std::size_t size, std::uint64_t seed) {
    auto made = co_await ok(buffer::of(size));
    fill(made.span(), seed);
    co_return made;
}

constexpr std::size_t sizes[] = {0, 1, 9, 2'999, 4'096, 65'536, 65'537, 500'000};

task<> sends_all_sizes(visitor& me) {
    const here at = co_await me.meet(seen.node, 0);
    for (const std::size_t size : sizes) {
        for (const char* how : {"", "late", "into"}) {
            auto given = co_await filled(size, size);
            bulk body{std::move(given)};
            auto answer = co_await ok(
                co_await at.door.invoke<parcel>(std::uint64_t{size}, how, std::move(body)));
            seen.right.push_back(answer.right && answer.size == size);
            seen.said.push_back(answer.text);
        }
        // A part of one that stays here.
        auto lent = co_await filled(size + 100, size);
        auto answer = co_await ok(
            co_await at.door.invoke<parcel>(std::uint64_t{size}, "", bulk::of(lent, 0, size)));
        seen.right.push_back(answer.right && answer.size == size && !lent.in_use() &&
                             is_filled(lent.span(), size));
        auto got = co_await ok(co_await at.door.invoke<order>(std::uint64_t{size}, 3u));
        auto body = co_await got.body.fetch();
        seen.right.push_back(body && body->size() == size && is_filled(body->span(), 3));
    }
    seen.done = true;
}

task<> sends_notes(visitor& me) {
    creation slow;
    slow.parameters["nap_ms"] = 50;
    const here at = co_await me.meet(seen.node, 0, &slow);
    for (std::uint64_t i = 0; i < 8; ++i) {
        auto given = co_await filled(200'000, i);
        bulk body{std::move(given)};
        co_await ok(co_await at.door.send<note>(i, std::move(body)));
    }
    seen.done = true;
    co_await sleep(500ms);
    auto answer = co_await ok(co_await at.door.invoke<asked>("notes", 0u));
    seen.right.push_back(answer.right && answer.size == 1'600'000);
    co_await sleep(1'000s);
}
task<> sends_and_ends(visitor& me) {
    const here at = co_await me.meet(seen.node, 0);
    const auto mine = at.door;
    for (std::uint64_t i = 0; i < 3; ++i) {
        auto given = co_await filled(200'000, i);
        bulk body{std::move(given)};
        co_await ok(co_await mine.send<note>(i, std::move(body)));
    }
    co_await me.keepers_.back().depends_on_me(dependency::none);
    seen.done = true;
}

task<> sends_what_stays(visitor& me) {
    const here at = co_await me.meet(seen.node, 0);
    auto lent = co_await filled(100'000, 5);
    auto left = co_await at.door.invoke<parcel>(5u, "leave", bulk::of(lent));
    seen.outcomes.push_back(code(left));
    seen.right.push_back(!lent.in_use());
    // Outside of it, twice over, and of nothing.
    const bulk beyond = bulk::of(lent, 99'999, 2);
    seen.right.push_back(!beyond);
    auto answer = co_await ok(co_await at.door.invoke<parcel>(5u, "", bulk{}));
    seen.said.push_back(answer.text);
    {
        const bulk unsent = bulk::of(lent);
        seen.right.push_back(lent.in_use() && unsent.size() == 100'000);
    }
    seen.right.push_back(!lent.in_use());
    seen.done = true;
}

task<> asks_beside_bulk(visitor& me) {
    const here at = co_await me.meet(2, 0);
    auto given = co_await filled(2'000'000, 7);
    bulk body{std::move(given)};
    auto sending = at.door.invoke<parcel>(7u, "", std::move(body));
    const here other = co_await me.meet(2, 0);
    co_await sleep(10ms); // the link becomes full here
    auto answer = co_await ok(co_await other.door.invoke<asked>("size", 0u));
    seen.right.push_back(!sending.has_ended());
    seen.said.push_back("answered");
    auto taken = co_await sending;
    seen.right.push_back(taken && taken->right);
    seen.done = true;
}

/// Bulk goes by one who passes it on.
class middleman : public incarnation<middleman> {
public:
    port<post> in{*this, "in"};
    stream<announcing> home{*this, "home"};
    stream<post> next{*this, "next"};
    task<> main() {
        co_await ok(co_await home.send<here>(in.open_stream(), buffer_handle{}));
        while (auto got = co_await in.receive()) {
            auto passed = co_await next.forward(*got);
            seen.outcomes.push_back(code(passed));
        }
    }
};
task<> sends_by_another(visitor& me) {
    const here last = co_await me.meet(3, 0);
    creation between;
    between.module = "middleman";
    between.given["home"] = any_reference{me.in.open_stream()};
    between.given["next"] = any_reference{last.door};
    co_await ok(co_await create(between, node_id{seen.node}));
    auto came = co_await ok(co_await me.in.receive());
    const here by = co_await ok(came.take<here>());
    for (const std::size_t size : {std::size_t{100}, std::size_t{300'000}}) {
        auto given = co_await filled(size, size);
        bulk body{std::move(given)};
        auto answer =
            co_await ok(co_await by.door.invoke<parcel>(std::uint64_t{size}, "", std::move(body)));
        seen.right.push_back(answer.right && answer.size == size);
    }
    auto given = co_await filled(1'000, 4);
    bulk body{std::move(given)};
    co_await ok(co_await by.door.send<note>(4u, std::move(body)));
    co_await sleep(100ms);
    auto notes = co_await ok(co_await last.door.invoke<asked>("notes", 0u));
    seen.said.push_back(notes.text);
    seen.done = true;
}

task<> sends_to_many(visitor& me) {
    const any_reference channel = make_channel("test.post", channel_kind::multicast);
    std::vector<here> all;
    for (const std::uint32_t node : {1u, 2u, 2u, 3u}) {
        creation what;
        what.given["many"] = channel;
        all.push_back(co_await me.meet(node, 0, &what));
    }
    const auto out = co_await ok(channel.as_stream<post>());
    for (const std::size_t size : {std::size_t{1'000}, std::size_t{300'000}}) {
        auto given = co_await filled(size, size);
        bulk body{std::move(given)};
        co_await ok(co_await out.send<note>(std::uint64_t{size}, std::move(body)));
    }
    co_await sleep(200ms);
    for (const here& each : all) {
        auto notes = co_await ok(co_await each.door.invoke<asked>("notes", 0u));
        seen.right.push_back(notes.right && notes.size == 301'000);
        seen.said.push_back(notes.text);
    }
    seen.done = true;
}

task<> is_lost(visitor& me) {
    creation outliving;
    outliving.depends_on_launch = false;
    outliving.parameters["nap_ms"] = 50;
    const here at = co_await me.meet(2, 0, &outliving);
    auto given = co_await filled(1'000'000, 6);
    bulk body{std::move(given)};
    co_await ok(co_await at.door.send<note>(6u, std::move(body)));
    seen.done = true;
    co_await sleep(1'000s);
}

/// The first node and its kernels' modules, with the one who passes on.
class long_scene : public nodes {
public:
    explicit long_scene(bool copy_local) : nodes{modules(), copy_local} {}
    void play(role which, std::uint32_t count, kernel_limits limits = {}) {
        played = which;
        for (std::uint32_t i = 0; i < count; ++i)
            add(limits);
        creation what;
        what.module = "visitor";
        REQUIRE(boot((*this)[0], what));
    }

private:
    static const module_table& modules() {
        static const module_table table = [] {
            module_table made;
            made.add<keeper>("keeper");
            made.add<visitor>("visitor");
            made.add<middleman>("middleman");
            return made;
        }();
        return table;
    }
};

} // namespace

TEST_CASE("bulk of any size arrives as it was, early or asked for, in a request or a reply",
          "[kernel][K21]") {
    const bool across = GENERATE(false, true);
    const bool small = GENERATE(false, true);
    const bool gathers = GENERATE(false, true);
    const bool copied = GENERATE(false, true);
    seen = {};
    seen.node = across ? 2 : 1;
    scene on{copied};
    on.gathers = on.places = gathers;
    on.play(&sends_all_sizes, 2, small ? tiny() : kernel_limits{});
    on.advance(10s);
    REQUIRE(seen.done);
    REQUIRE((on.placed_packets > 0) == (across && gathers));
    REQUIRE(seen.right == std::vector<bool>(40, true));
    // Each is taken once; into a buffer that is too small it does not go.
    for (std::size_t i = 0; i < seen.said.size(); ++i)
        REQUIRE(seen.said[i] == "closed");
}

TEST_CASE("bulk waits with its sender until it is taken", "[kernel][K21][rule23]") {
    seen = {};
    seen.node = GENERATE(1u, 2u);
    scene on;
    on.play(&sends_notes, 2);
    on.advance(20ms);
    REQUIRE(seen.done); // nobody waited for the keeper
    REQUIRE(on[0].counters().bulk_bytes_sent == 0);
    const auto memory = [&](std::size_t node, std::size_t index) {
        return on[node].status().incarnations.at(index).memory_bytes;
    };
    REQUIRE(memory(0, 0) > 1'600'000);
    if (seen.node == 2)
        REQUIRE(memory(1, 0) < 100'000);
    on.advance(2s);
    REQUIRE(seen.right == std::vector<bool>{true});
    REQUIRE(memory(0, 0) < 100'000);
}

TEST_CASE("bulk that was sent outlives its sender until it is taken", "[kernel][K21]") {
    seen = {};
    seen.node = GENERATE(1u, 2u);
    scene on;
    on.play(&sends_and_ends, 2);
    on.advance(1s);
    REQUIRE(seen.done);
    const kernel& far = on[seen.node - 1];
    REQUIRE(far.status().incarnations.at(0).module == "keeper");
    REQUIRE(far.status().incarnations.at(0).ports.at(0).consumed == 3);
    if (seen.node == 2)
        REQUIRE(far.counters().bulk_bytes_received == 600'000);
}

TEST_CASE("bulk that is not taken, not sent, or nothing, is let go", "[kernel][K21]") {
    seen = {};
    seen.node = GENERATE(1u, 2u);
    scene on;
    on.play(&sends_what_stays, 2);
    on.advance(2s);
    REQUIRE(seen.done);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::ok});
    REQUIRE(seen.right == std::vector<bool>{true, true, true, true});
    REQUIRE(seen.said.at(0).find("no such reference") == 0);
}

TEST_CASE("calls and messages do not wait for bulk on a link that is full", "[kernel][rule23]") {
    seen = {};
    scene on;
    on.play(&asks_beside_bulk, 2);
    on.set_full(on[0], true);
    on.advance(1s);
    REQUIRE(seen.said == std::vector<std::string>{"answered"});
    REQUIRE(seen.right == std::vector<bool>{true});
    REQUIRE(on[0].counters().bulk_bytes_sent == 0);
    on.set_full(on[0], false);
    on.advance(1s);
    REQUIRE(seen.right == std::vector<bool>{true, true});
    REQUIRE(seen.done);
}

TEST_CASE("the bulk of an invocation that is passed on comes from its caller's node",
          "[kernel][K24]") {
    seen = {};
    seen.node = GENERATE(1u, 2u, 3u);
    const bool copied = GENERATE(false, true);
    long_scene on{copied};
    on.play(&sends_by_another, 3);
    on.advance(5s);
    REQUIRE(seen.done);
    REQUIRE(seen.right == std::vector<bool>{true, true});
    // One-way: nothing would keep it.
    const bool local = seen.node == 1;
    REQUIRE(seen.outcomes ==
            std::vector<errc>{errc::ok, errc::ok, local ? errc::ok : errc::unsupported});
    REQUIRE(seen.said.at(0) == (local ? "." : ""));
}

TEST_CASE("every port of a multicast channel gets the bulk", "[kernel][K22]") {
    const bool small = GENERATE(false, true);
    seen = {};
    scene on;
    on.play(&sends_to_many, 3, small ? tiny() : kernel_limits{});
    on.advance(5s);
    REQUIRE(seen.done);
    REQUIRE(seen.right == std::vector<bool>(4, true));
    REQUIRE(seen.said == std::vector<std::string>(4, ".."));
}

TEST_CASE("bulk whose sender's node is lost is said to be broken", "[kernel][K30]") {
    seen = {};
    scene on;
    kernel_limits limits;
    limits.bulk_window_bytes = 100'000;
    limits.lease = 8s;
    played = &is_lost;
    on.add(limits);
    on.add(limits);
    on.add(limits);
    creation what;
    what.module = "visitor";
    what.depends_on_launch = false;
    REQUIRE(on.boot(on[2], what)); // the sender on the third, the keeper on the second
    on.advance(20ms);
    REQUIRE(seen.done);
    on.set_full(on[2], true);
    on.advance(1s);
    on.isolate(on[2]);
    on.advance(60s);
    REQUIRE(on[1].status().incarnations.at(0).module == "keeper");
    REQUIRE(on[1].counters().bulk_bytes_received == 0);
    REQUIRE(on[1].status().incarnations.at(0).ports.at(0).consumed == 1);
}

TEST_CASE("a broken link costs no bulk", "[kernel][K21]") {
    seen = {};
    seen.node = 2;
    scene on;
    kernel_limits limits = tiny();
    on.play(&sends_notes, 2, limits);
    for (int i = 0; i < 40; ++i) {
        on.advance(11ms);
        on.cut(on[0], on[1]);
    }
    on.advance(5s);
    REQUIRE(seen.right == std::vector<bool>{true});
}
