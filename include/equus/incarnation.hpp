// An incarnation is an actor with a life: it is created from a module, owns ports, streams and
// references, handles one message at a time, and can be moved, saved and copied because all that it
// is lies in its `state_` and in the kernel's tables, never in a suspended stack.
//
//     class counter : public equus::incarnation<counter> {
//     public:
//         struct state { std::int64_t total = 0; EQUUS_FIELDS(total) };
//         state state_;
//         equus::port<counting> in{*this, "in"};
//         std::int64_t on(add a) { return state_.total += a.amount; }
//     };
//
// What the runtime looks for in the class, all optional:
//   state state_;            moved, saved, shown
//   parameters parameters_;  filled from the configuration before start()
//   on(message)              a handler for each message of each port; returns nothing, the reply, a
//                            result of it, or a task of it
//   void or task<> start()   once, after the interfaces have been wired
//   task<> main()            after start(); when it returns, the incarnation ends. task<int>: with
//   a result
#pragma once

#include <equus/core/calls.hpp>
#include <equus/port.hpp>
#include <equus/stream.hpp>
#include <equus/task.hpp>

namespace equus {

/// Base of every incarnation; made by the runtime only.
template <class D>
class incarnation {
public:
    incarnation(const incarnation&) = delete;
    incarnation& operator=(const incarnation&) = delete;

protected:
    incarnation() noexcept {
        EQUUS_ASSERT(detail::running() != nullptr && "an incarnation is created by the runtime");
    }
    ~incarnation() = default;
};

/// Who and where one is.
incarnation_id self() noexcept;
node_boot where() noexcept;
/// The name given at creation: "worker[2]".
std::string_view own_name() noexcept;
/// The run that the running incarnation belongs to: inherited, read only, and not given again [K12,
/// K13]. What has to be told apart outside of the run (a job in a queue, a key of a store) is named
/// by it.
rdc_id own_rdc() noexcept;
/// The instant of the present turn.
time_point now() noexcept;
/// The invocation whose handler runs has been given up by its caller: whatever it returns is
/// dropped.
bool cancelled() noexcept;
/// What is left of the deadline of the invocation whose handler runs; for_ever when it has none. An
/// invocation made by that handler has no more, unless it says `within`.
duration deadline_left() noexcept;

/// The message whose handler runs was sent again after a break, by its sender's choice: it may have
/// been consumed before (rule 12).
inline bool maybe_seen() noexcept {
    return detail::was_maybe_seen();
}

/// Ends the running incarnation after the present turn: its ports close, its streams end when what
/// they carry has been consumed. `result` is what its parents are told.
void end_self(std::int32_t result = 0) noexcept;

namespace detail {
class sleeping : public awaitable {
public:
    explicit sleeping(duration d) noexcept : duration_{d} {}
    sleeping(const sleeping&) = delete;
    sleeping& operator=(const sleeping&) = delete;
    bool await_ready() {
        if (begin(operation_))
            return true;
        set_timeout(operation_, duration_);
        return operation_.has_ended();
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    void await_resume() const noexcept {}
    operation& waited_operation() noexcept { return operation_; }

private:
    duration duration_;
    sleep_operation operation_;
};
} // namespace detail

/// `co_await sleep(20ms)`. Zero or less: lets the others of the node run first.
inline detail::sleeping sleep(duration d) noexcept {
    return detail::sleeping{d};
}

} // namespace equus
