#include "bulk_cast.hpp"
#include "runtime/bulk_memory.hpp"

#include <algorithm>

using namespace equus;
using namespace equus::test;
using namespace equus::test::bulky;

namespace {

struct diary {
    std::uint32_t node = 2;
    std::vector<errc> outcomes;
    std::vector<bool> right;
    bool done = false;
};
diary seen;

constexpr std::size_t sizes[] = {0, 1, 7, 8, 4'096, 70'001, 300'000};

task<> copies_all_sizes(visitor& me) {
    const here at = co_await me.meet(seen.node, 300'100);
    std::vector<std::byte> mine(300'000);
    for (const std::size_t size : sizes) {
        const std::span<std::byte> part{mine.data(), size};
        auto read = co_await at.area.copy_from(0, part);
        seen.right.push_back(read && is_filled(part, 1));
        fill(part, size);
        auto wrote = co_await at.area.copy_to(100, part);
        auto back = co_await at.area.copy_from(100, part);
        seen.right.push_back(wrote && back && is_filled(part, size));
        fill(part, 1); // as it was
        for (std::size_t i = 0; i < size; ++i)
            part[i] = filling(i + 100, 1);
        co_await ok(co_await at.area.copy_to(100, part));
    }
    auto whole = co_await at.door.invoke<asked>("size", 1u);
    seen.right.push_back(whole && whole->right && at.area.size() == 300'100);
    seen.done = true;
}

/// A window of 30 x 20 bytes of an area of 100 rows of 97 bytes, to and from another one.
task<> copies_rectangles(visitor& me) {
    const here at = co_await me.meet(seen.node, 97 * 100);
    std::vector<std::byte> mine(64 * 64);
    const layout far{{97 * 5 + 3, 30, 20, 97}};
    const layout near{{64 * 2 + 1, 30, 20, 64}};
    co_await ok(co_await at.area.copy_from(far, mine, near));
    bool right = true;
    for (std::size_t i = 0; i < mine.size(); ++i) {
        const std::size_t row = i / 64, column = i % 64;
        const bool inside = row >= 2 && row < 22 && column >= 1 && column < 31;
        const std::byte wanted =
            inside ? filling((row - 2 + 5) * 97 + column - 1 + 3, 1) : std::byte{0};
        right = right && mine[i] == wanted;
    }
    seen.right.push_back(right);
    // Back to another place, in three parts, as one sequence.
    std::vector<std::byte> dense(600);
    for (std::size_t i = 0; i < dense.size(); ++i)
        dense[i] = filling(i, 9);
    const layout parts{{0, 100, 1, 0}, {1'000, 10, 40, 97}, {9'000, 100, 1, 0}};
    co_await ok(co_await at.area.copy_to(parts, dense));
    std::vector<std::byte> back(600);
    co_await ok(co_await at.area.copy_from(parts, back));
    seen.right.push_back(dense == back);
    std::vector<std::byte> all(97 * 100);
    co_await ok(co_await at.area.copy_from(0, all));
    std::size_t changed = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
        changed += all[i] != filling(i, 1) ? 1u : 0u;
    seen.right.push_back(changed <= 600 && changed > 500);
    seen.done = true;
}

task<> goes_too_far(visitor& me) {
    const here at = co_await me.meet(seen.node, 1'000);
    std::vector<std::byte> mine(2'000);
    const std::span<std::byte> some{mine.data(), 10};
    const layout wrong[] = {
        range(991, 10),   range(~std::uint64_t{0} - 4, 10),
        {{0, 5, 2, 996}}, {{0, 5, ~std::uint64_t{0}, ~std::uint64_t{0}}},
        {{0, 5, 2, 4}},  // rows that overlap
        {{0, 11, 1, 0}}, // of another size
    };
    for (const layout& part : wrong) {
        auto read = co_await at.area.copy_from(part, some);
        seen.outcomes.push_back(code(read));
        auto wrote = co_await at.area.copy_to(part, some);
        seen.outcomes.push_back(code(wrote));
    }
    auto last = co_await at.area.copy_from(990, some);
    seen.right.push_back(static_cast<bool>(last));
    const buffer_handle nothing;
    seen.outcomes.push_back(code(co_await nothing.copy_from(0, some)));
    const buffer_handle no_buffer{static_cast<const reference&>(at.door)};
    seen.outcomes.push_back(code(co_await no_buffer.copy_from(0, some)));
    seen.done = true;
}

task<> has_half_the_rights(visitor& me) {
    const here at = co_await me.meet(seen.node, 1'000);
    std::vector<std::byte> some(100);
    const auto reading = co_await ok(narrowed(at.area, right::read));
    const auto writing = co_await ok(narrowed(at.area, right::write));
    seen.outcomes.push_back(code(co_await reading.copy_from(0, some)));
    seen.outcomes.push_back(code(co_await reading.copy_to(0, some)));
    seen.outcomes.push_back(code(co_await writing.copy_to(0, some)));
    seen.outcomes.push_back(code(co_await writing.copy_from(0, some)));
    const auto again = co_await ok(narrowed(reading, right::all));
    seen.outcomes.push_back(code(co_await again.copy_to(0, some)));
    seen.done = true;
}

task<> finds_it_ended(visitor& me) {
    const here at = co_await me.meet(seen.node, 200'000);
    std::vector<std::byte> mine(200'000);
    co_await ok(co_await at.area.copy_from(0, mine));
    co_await ok(co_await at.door.invoke<asked>("close", 0u));
    seen.outcomes.push_back(code(co_await at.area.copy_from(0, mine)));
    seen.outcomes.push_back(code(co_await at.area.copy_to(0, mine)));
    const here other = co_await me.meet(seen.node, 200'000);
    co_await ok(co_await me.keepers_.back().destroy());
    seen.outcomes.push_back(code(co_await other.area.copy_from(0, mine)));
    const std::span<const std::byte> little{mine.data(), 10};
    seen.outcomes.push_back(code(co_await other.area.copy_to(0, little)));
    seen.done = true;
}

task<> waits(visitor& me) {
    const here at = co_await me.meet(2, 200'000);
    co_await sleep(100ms); // the node is isolated meanwhile
    {
        std::vector<std::byte> mine(200'000);
        seen.outcomes.push_back(code(co_await at.area.copy_from(0, mine).within(20ms)));
        seen.outcomes.push_back(code(co_await at.area.copy_to(0, mine).within(20ms)));
    }
    std::vector<std::byte> more(200'000);
    seen.outcomes.push_back(code(co_await at.area.copy_from(0, more).within(1'000s)));
    seen.outcomes.push_back(code(co_await at.area.copy_to(0, more).within(1'000s)));
    seen.done = true;
}
task<> writes_for_long(visitor& me) {
    const here at = co_await me.meet(2, 200'000);
    co_await sleep(100ms);
    std::vector<std::byte> mine(200'000);
    seen.outcomes.push_back(code(co_await at.area.copy_to(0, mine).within(1'000s)));
    seen.done = true;
}

task<> takes_and_gives(visitor&) {
    constexpr std::size_t much = 300'000;
    for (int i = 0; i < 50; ++i) {
        auto made = buffer::of(much);
        seen.right.push_back(made && reinterpret_cast<std::uintptr_t>(made->data()) % 4096 == 0);
    }
    auto first = buffer::of(much);
    auto second = buffer::of(much);
    auto third = buffer::of(much);
    auto fourth = buffer::of(much);
    seen.outcomes = {code(first), code(second), code(third), code(fourth)};
    auto endless = buffer::of(std::size_t{1} << 31);
    seen.outcomes.push_back(code(endless));
    third->close();
    auto fifth = buffer::of(much);
    seen.outcomes.push_back(code(fifth));
    seen.done = true;
    co_await sleep(1'000s);
}

void play(role which, bool across, bool small, bool gathers) {
    seen = {};
    seen.node = across ? 2 : 1;
    scene on;
    on.gathers = gathers;
    on.play(which, 2, small ? tiny() : kernel_limits{});
    on.advance(5s);
    REQUIRE(seen.done);
}

} // namespace

TEST_CASE("what is copied to and from a buffer is what was there, wherever it is",
          "[kernel][K32][inc_copyto][inc_copyfrom]") {
    const bool across = GENERATE(false, true);
    const bool small = GENERATE(false, true);
    const bool gathers = GENERATE(false, true);
    play(&copies_all_sizes, across, small, gathers);
    REQUIRE(seen.right == std::vector<bool>(15, true));
}

TEST_CASE("parts of a buffer are copied as one sequence of bytes, rectangles too",
          "[kernel][K31]") {
    const bool across = GENERATE(false, true);
    const bool small = GENERATE(false, true);
    play(&copies_rectangles, across, small, true);
    REQUIRE(seen.right == std::vector<bool>(3, true));
}

TEST_CASE("a copy that goes beyond a buffer is refused", "[kernel][K32]") {
    const bool across = GENERATE(false, true);
    play(&goes_too_far, across, false, true);
    std::vector<errc> wanted(12, errc::invalid_argument);
    wanted.push_back(errc::no_such_reference);
    wanted.push_back(errc::no_such_reference);
    REQUIRE(seen.outcomes == wanted);
    REQUIRE(seen.right == std::vector<bool>{true});
}

TEST_CASE("a buffer handle does what its rights say, and a copy has no more",
          "[kernel][K32][K33]") {
    const bool across = GENERATE(false, true);
    play(&has_half_the_rights, across, false, true);
    const errc no = errc::access_denied;
    REQUIRE(seen.outcomes == std::vector<errc>{errc::ok, no, errc::ok, no, no});
}

TEST_CASE("a copy of a buffer that has ended says so", "[kernel][K32]") {
    const bool across = GENERATE(false, true);
    play(&finds_it_ended, across, false, true);
    REQUIRE(seen.outcomes == std::vector<errc>(4, errc::closed));
}

TEST_CASE("a copy ends at its deadline, or when the node of the buffer is lost",
          "[kernel][K32][rule22]") {
    seen = {};
    scene on;
    on.play(&waits, 2);
    on.advance(50ms);
    on.isolate(on[1]);
    on.advance(60s);
    REQUIRE(seen.done);
    REQUIRE(seen.outcomes ==
            std::vector<errc>{errc::timed_out, errc::maybe_delivered, errc::broken, errc::broken});
}

TEST_CASE("whether a write has happened is not known when the buffer's node is lost",
          "[kernel][K32]") {
    seen = {};
    scene on;
    on.play(&writes_for_long, 2);
    on.advance(50ms);
    on.isolate(on[1]);
    on.advance(60s);
    REQUIRE(seen.outcomes == std::vector<errc>{errc::maybe_delivered});
}

TEST_CASE("a buffer begins at a page and is charged to its incarnation until it is closed",
          "[kernel][K28]") {
    seen = {};
    scene on;
    played = &takes_and_gives;
    on.add();
    creation what;
    what.module = "visitor";
    what.memory_bytes = 1'100'000;
    REQUIRE(on.boot(on[0], what));
    on.advance(1s);
    REQUIRE(seen.done);
    REQUIRE(seen.right == std::vector<bool>(50, true));
    REQUIRE(seen.outcomes == std::vector<errc>{errc::ok, errc::ok, errc::ok, errc::out_of_memory,
                                               errc::too_large, errc::ok});
    const auto status = on[0].status();
    REQUIRE(status.incarnations.at(0).memory_bytes > 900'000);
}

TEST_CASE("memory for buffers is used again, and no more of it kept than was said", "[kernel]") {
    runtime::memory_pool accounts;
    auto* account = accounts.open_account(~std::uint64_t{0}, 0);
    {
        runtime::bulk_pool pool{{}, 10'000'000, 1'000'000};
        const std::byte* first = nullptr;
        {
            const auto block = pool.take(*account, 100'000);
            REQUIRE(block);
            first = block->data;
            REQUIRE(account->used_bytes >= 100'000);
        }
        REQUIRE(pool.bytes_in_use() == 0);
        REQUIRE(pool.take(*account, 100'001)->data == first);
        for (std::uint64_t size = 1; size < 2'000'000; size += size / 3 + 1) {
            const auto block = pool.take(*account, size);
            REQUIRE(block->capacity >= size);
            REQUIRE(block->capacity <= std::max<std::uint64_t>(size + size / 4 + 4'096, 4'096));
        }
        REQUIRE(pool.bytes_kept() <= 1'000'000);
        REQUIRE_FALSE(pool.take(*account, 20'000'000));
        const auto half = pool.take(*account, 5'000'000);
        REQUIRE_FALSE(pool.take(*account, 5'000'000)); // classes are rounded up: over the bound
        account->limit_bytes = account->used_bytes;
        REQUIRE_FALSE(pool.take(*account, 1));
        REQUIRE(pool.take(*account, 1, true));
    }
    accounts.close(account);
}
