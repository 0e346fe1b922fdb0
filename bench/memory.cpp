// What an incarnation costs that waits for messages, and how fast they come and go, against a
// suspended coroutine with a number and a mailbox in a table.
#include "bench/cast.hpp"
#include "bench/lone_node.hpp"
#include "bench/measure.hpp"

#include <malloc.h>

#include <coroutine>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace equus::bench {

namespace {

constexpr std::uint64_t idle_count = 1'000'000;

creation breeder(std::uint64_t count) {
    creation what;
    what.module = "bench.breeder";
    what.parameters["count"] = static_cast<std::int64_t>(count);
    return what;
}

/// What `make` leaves behind, for each of `count`.
template <class Make>
sample resident_each(std::uint64_t count, Make&& make) {
    malloc_trim(0);
    const double before = resident_mb();
    const std::int64_t began = now_ns();
    make();
    const std::int64_t ended = now_ns();
    malloc_trim(0);
    sample out;
    const auto n = static_cast<double>(count);
    out.rss_mb = resident_mb();
    out.bytes_each = (out.rss_mb - before) * 1e6 / n;
    out.ops_per_s = n * 1e9 / static_cast<double>(ended - began);
    out.p50_us = out.p99_us = 1e6 / out.ops_per_s;
    return out;
}

sample idle_incarnations() {
    pin_to_core(0);
    const module_table modules = cast();
    lone_node node{modules};
    return resident_each(idle_count, [&] {
        node.boot(breeder(idle_count));
        node.run_until([] { return seen.created == idle_count; });
    });
}

sample spawn() {
    pin_to_core(0);
    const module_table modules = cast();
    lone_node node{modules};
    node.boot(breeder(0));
    return time_batches(1'000, 0.4, [&](std::uint64_t n) {
        const std::uint64_t target = seen.created + n;
        node.run_until([&] { return seen.created >= target; });
    });
}

/// A coroutine that waits at its first line, a number and an empty list of messages.
struct bare_actor {
    struct promise_type {
        bare_actor get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept {}
    };
    std::coroutine_handle<promise_type> frame;
};
struct bare_mailbox {
    tick* first = nullptr;
    tick* last = nullptr;
    std::uint64_t value = 0;
};
bare_actor wait_for_ever() {
    bare_mailbox mailbox;
    for (;;) {
        keep(mailbox);
        co_await std::suspend_always{};
    }
}

sample idle_limit() {
    pin_to_core(0);
    std::unordered_map<std::uint64_t, std::coroutine_handle<>> table;
    return resident_each(idle_count, [&] {
        for (std::uint64_t i = 0; i < idle_count; ++i) {
            const auto frame = wait_for_ever().frame;
            frame.resume();
            table.emplace(i, frame);
        }
    });
}

sample spawn_limit() {
    pin_to_core(0);
    std::unordered_map<std::uint64_t, std::coroutine_handle<>> table;
    std::uint64_t next = 0;
    return time_batches(1'000, 0.4, [&](std::uint64_t n) {
        for (std::uint64_t i = 0; i < n; ++i) {
            const auto frame = wait_for_ever().frame;
            frame.resume();
            const auto at = table.emplace(next++, frame).first;
            at->second.destroy();
            table.erase(at);
        }
    });
}

} // namespace

void add_memory_rows(row_list& rows) {
    rows.push_back({"limit", "memory.idle", "1000000, one port each", idle_limit});
    rows.push_back({"equus", "memory.idle", "1000000, one port each", idle_incarnations});
    rows.push_back({"limit", "spawn", "create and destroy", spawn_limit});
    rows.push_back({"equus", "spawn", "create and destroy", spawn});
}

} // namespace equus::bench
