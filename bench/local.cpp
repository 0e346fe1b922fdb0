// Messages between two incarnations of one node, against what cannot be less: a ring of messages
// that one thread fills and drains, and the switch between two coroutines.
#include "bench/cast.hpp"
#include "bench/lone_node.hpp"
#include "bench/measure.hpp"

#include <array>
#include <coroutine>
#include <memory>

namespace equus::bench {

namespace {

constexpr double seconds = 0.4;
constexpr std::uint64_t batch = 20'000;

creation director(std::uint32_t users, bool tells) {
    creation what;
    what.module = "bench.director";
    what.parameters["users"] = users;
    what.parameters["tells"] = tells;
    return what;
}

sample tell() {
    pin_to_core(0);
    const module_table modules = cast();
    lone_node node{modules};
    node.boot(director(1, true));
    return time_batches(
        batch, seconds,
        [&](std::uint64_t n) {
            const std::uint64_t target = seen.received + n;
            node.run_until([&] { return seen.received >= target; });
        },
        sizeof(tick));
}

sample ask(std::uint32_t clients) {
    pin_to_core(0);
    const module_table modules = cast();
    lone_node node{modules};
    node.boot(director(clients, false));
    return time_batches(
        batch, seconds,
        [&](std::uint64_t n) {
            const std::uint64_t target = seen.answered + n;
            node.run_until([&] { return seen.answered >= target; });
        },
        sizeof(question) + sizeof(answer));
}

// ---------------------------------------------------------------------- limits

/// A mailbox of one thread: what a message costs when nothing is promised.
class ring {
public:
    bool push(const tick& one) noexcept {
        if (head_ - tail_ == slots_.size())
            return false;
        slots_[head_++ % slots_.size()] = one;
        return true;
    }
    bool pop(tick& one) noexcept {
        if (head_ == tail_)
            return false;
        one = slots_[tail_++ % slots_.size()];
        return true;
    }

private:
    std::array<tick, 256> slots_;
    std::uint64_t head_ = 0;
    std::uint64_t tail_ = 0;
};

using ring_handler = void (*)(void* object, const tick& one);

void count(void* object, const tick& one) {
    *static_cast<std::uint64_t*>(object) += one.a;
}

/// Fills the ring and drains it into a handler, like sender and receiver in turn.
sample tell_limit() {
    pin_to_core(0);
    auto mailbox = std::make_unique<ring>();
    std::uint64_t sum = 0;
    ring_handler handle = &count;
    keep(handle); // which handler it is, is known at run time only
    return time_batches(
        batch, seconds,
        [&](std::uint64_t n) {
            for (std::uint64_t sent = 0; sent < n;) {
                while (sent < n && mailbox->push({sent, sent, sent, sent}))
                    ++sent;
                for (tick one; mailbox->pop(one);)
                    handle(&sum, one);
            }
            keep(sum);
        },
        sizeof(tick));
}

/// A request and its answer through two rings, each side a handler known at run time only.
struct asked {
    std::unique_ptr<ring> requests = std::make_unique<ring>();
    std::unique_ptr<ring> answers = std::make_unique<ring>();
    std::uint64_t sum = 0;
    static void serve(void* object, const tick& one) {
        static_cast<asked*>(object)->answers->push({one.a, one.b, one.c, one.d});
    }
    static void take(void* object, const tick& one) { static_cast<asked*>(object)->sum += one.a; }
};

sample ask_limit(std::uint64_t outstanding) {
    pin_to_core(0);
    asked both;
    ring_handler serve = &asked::serve;
    ring_handler take = &asked::take;
    keep(serve);
    keep(take);
    return time_batches(
        batch, seconds,
        [&](std::uint64_t n) {
            for (std::uint64_t done = 0; done < n; done += outstanding) {
                for (std::uint64_t i = 0; i < outstanding; ++i)
                    both.requests->push({i, i, i, i});
                for (tick one; both.requests->pop(one);)
                    serve(&both, one);
                for (tick one; both.answers->pop(one);)
                    take(&both, one);
            }
            keep(both.sum);
        },
        2 * sizeof(tick));
}

struct bare_coroutine {
    struct promise_type {
        bare_coroutine get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept {}
    };
    std::coroutine_handle<promise_type> frame;
};

bare_coroutine counting(std::uint64_t& steps) {
    for (;;) {
        ++steps;
        co_await std::suspend_always{};
    }
}

sample coroutine_switch() {
    pin_to_core(0);
    std::uint64_t steps = 0;
    const auto made = counting(steps);
    std::coroutine_handle<> frame = made.frame;
    keep(frame);
    const sample out = time_batches(batch, seconds, [&](std::uint64_t n) {
        for (std::uint64_t i = 0; i < n; ++i)
            frame.resume();
        keep(steps);
    });
    made.frame.destroy();
    return out;
}

} // namespace

void add_local_rows(row_list& rows) {
    rows.push_back({"limit", "local.switch", "bare coroutine", coroutine_switch});
    rows.push_back({"limit", "local.tell", "32 B", tell_limit});
    rows.push_back({"equus", "local.tell", "32 B", tell});
    rows.push_back({"limit", "local.ask", "32 B, 1 outstanding", [] { return ask_limit(1); }});
    rows.push_back({"equus", "local.ask", "32 B, 1 outstanding", [] { return ask(1); }});
    rows.push_back({"limit", "local.ask", "32 B, 64 outstanding", [] { return ask_limit(64); }});
    rows.push_back({"equus", "local.ask", "32 B, 64 outstanding", [] { return ask(64); }});
}

} // namespace equus::bench
