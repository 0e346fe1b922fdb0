// An operation is what a coroutine waits for: credit, a reply, a message, an instant, an effect. It
// lives in the frame of the coroutine that waits, is linked into the kernel's lists while it waits,
// and unlinks itself when the frame is destroyed first. Whatever ends it - success, error,
// deadline, the end of the incarnation - ends it once, and the coroutine is resumed by the
// scheduler, never from inside the event that ended it: one order of resumption, in every build
// (rule 24).
#pragma once

#include <equus/base/reference.hpp>
#include <equus/base/result.hpp>
#include <equus/base/time.hpp>
#include <equus/core/envelope.hpp>
#include <equus/core/memory.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace equus::detail {

/// The part of an incarnation that application code is compiled against: everything else is the
/// kernel's.
struct incarnation_core {
    /// The coroutine to go on with when the present one suspends: the one slot by which control
    /// passes between the coroutines of an incarnation.
    std::coroutine_handle<> next_to_resume;
    /// An operation that was made and not yet begun: it begins at the next call into the runtime,
    /// so that `invoke(...).within(2s)` can still change it.
    struct call_operation* fresh = nullptr;
    heap_ledger* heap = nullptr; ///< null until it has allocated anything
    heap_use allocating = heap_use::kernel;
    bool in_handler = false; ///< the code that runs is that of the message in hand
    /// How many handlers have interrupted its other code: what waits now goes on when no more have.
    std::uint8_t level = 0;
};

/// Tasks of the running incarnation beside its handler and its life: one more, or one less.
void task_begins() noexcept;
void task_ends() noexcept;

/// To whom operator new charges for as long as this lives. Null: nobody is running.
class allocating_scope {
public:
    allocating_scope(incarnation_core* running_now, heap_use how) noexcept
        : core_{running_now}, before_{core_ ? std::exchange(core_->allocating, how) : how} {}
    ~allocating_scope() {
        if (core_)
            core_->allocating = before_;
    }
    allocating_scope(const allocating_scope&) = delete;
    allocating_scope& operator=(const allocating_scope&) = delete;

private:
    incarnation_core* core_;
    heap_use before_;
};

/// The incarnation whose code runs on this thread; null outside. One per target: a thread-local on
/// Linux, a plain variable on a card.
incarnation_core*& running() noexcept;

enum class operation_kind : std::uint8_t {
    send,
    call,
    receive,
    sleep,
    effect,
    request,
    event,
    queueing,
    patience, ///< the kernel's own: a stream's, with ports that are stuck
    bulk,
};

/// An instant in units of 2^20 ns, of which the low 32 bits are kept: what an operation remembers
/// of its beginning, for people. It comes round after 52 days.
constexpr std::uint32_t ticks_of(time_point instant) noexcept {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(instant.ns) >> 20);
}

struct operation {
    enum class state : std::uint8_t { made, fresh, waiting, ended };

    operation(operation_kind k) noexcept : kind{k} {}
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
    ~operation() {
        if (owner)
            withdraw(*this);
    }

    bool has_ended() const noexcept { return status == state::ended; }

    incarnation_core* owner = nullptr; ///< set while the kernel knows of it
    std::coroutine_handle<> waiter;    ///< who is resumed; null until awaited
    operation* previous = nullptr;     ///< in the list of what it waits for
    operation* next = nullptr;
    operation* ready_next = nullptr; ///< in its incarnation's list of coroutines to resume
    time_point deadline = time_point::never();
    std::uint64_t timer_order = 0;   ///< breaks ties between equal deadlines
    std::uint32_t timer_index = ~0u; ///< in the timer heap
    std::uint32_t since = 0;         ///< when it began, as ticks_of(instant)
    operation_kind kind;
    state status = state::made;
    bool listed = false;     ///< in the list of what it waits for
    bool ready = false;      ///< in its incarnation's list of coroutines to resume
    bool timed = false;      ///< somebody said how long to wait, and be it for ever
    bool of_handler = false; ///< the handler of the message in hand awaits it
    std::uint8_t level = 0;  ///< incarnation_core::level when it was awaited
    error outcome{errc::ok};

    /// Takes the operation out of every list of the kernel; who holds the call is told that nobody
    /// waits any more, a message not yet sent is dropped.
    static void withdraw(operation& self) noexcept;
};

/// A message that waits for credit.
struct send_operation : operation {
    send_operation() noexcept : operation{operation_kind::send} {}
    ~send_operation() { free_envelope(message); }
    reference stream;
    envelope* message = nullptr;
    envelope* original = nullptr; ///< in hand, of which `message` is the copy that goes on [K24]
};

/// An invocation: first sent like any message, then answered.
struct call_operation : operation {
    /// Keeps the answer, moved from an object of `reply_type` or decoded, and says where it is.
    using deliver_function = result<void*> (*)(call_operation& self, void* object,
                                               std::span<const std::byte> encoded);
    call_operation(const message_type* type, deliver_function function) noexcept
        : operation{operation_kind::call}, reply_type{type}, deliver{function} {}
    ~call_operation() { free_envelope(message); }

    reference stream;
    envelope* message = nullptr; ///< until it is sent
    const message_type* reply_type;
    deliver_function deliver;
    std::uint32_t slot = ~0u; ///< in the table of calls, while sent and not answered
    bool sent = false;
    bool counted = false; ///< among the calls of a stream that has a limit
    bool queued = false;  ///< nobody awaits it: its stream is told of its end
};

/// Waits for room among the invocations that a stream has queued, or until all are settled [K29].
struct queueing_operation : operation {
    queueing_operation() noexcept : operation{operation_kind::queueing} {}
    ~queueing_operation() { free_envelope(message); }
    reference stream;
    envelope* message = nullptr;        ///< until it is queued
    struct queued_call* sent = nullptr; ///< the call whose end it waits for
    bool settles = false;               ///< waits for all that is queued
    void* listed_at = nullptr;          ///< the stream whose lists it is in
};

/// Which messages of a port are wanted [K27].
struct message_filter {
    static constexpr message_ordinal any_message = 0xffff;
    stream_id from; ///< empty: of any stream
    message_ordinal only = any_message;
    bool takes_all() const noexcept { return !from && only == any_message; }
};

/// Waits for a message at one of several ports.
struct receive_operation : operation {
    receive_operation() noexcept : operation{operation_kind::receive} {}
    ~receive_operation() {
        if (message)
            consumed(message);
    }
    static constexpr std::size_t ports_max = 8;
    reference ports[ports_max];
    std::uint8_t port_count = 0;
    bool take = true;        ///< take the message out; otherwise only tell which port has one
    std::uint8_t chosen = 0; ///< index of the port
    message_filter filter;
    envelope* message = nullptr;
};

/// Waits for an instant.
struct sleep_operation : operation {
    sleep_operation() noexcept : operation{operation_kind::sleep} {}
};

/// Waits for the outside.
struct effect_operation : operation {
    effect_operation() noexcept : operation{operation_kind::effect} {}
    std::uint64_t id = 0;
    bytes answer;
};

/// Waits for an answer of a kernel (this node's or another's): creation, status, control.
struct request_operation : operation {
    request_operation() noexcept : operation{operation_kind::request} {}
    std::uint64_t id = 0;
    bytes answer;
    reference made;            ///< a reference that came with the answer
    std::uint16_t watched = 0; ///< kinds of events of what it leads to, from its creation on
};

struct queued_event;
void free_event(queued_event* waiting) noexcept;

/// Waits for an event of interest.
struct event_operation : operation {
    event_operation() noexcept : operation{operation_kind::event} {}
    ~event_operation() {
        if (owner)
            withdraw(*this);
        if (taken)
            free_event(taken);
    }
    const void* wanted = nullptr; ///< array of interests; of nothing: the first that is kept
    std::uint32_t wanted_count = 0;
    queued_event* taken = nullptr; ///< what it has ended with
};

/// Begins the operation. True: it has ended already, and `outcome` says how.
bool begin(send_operation& op);
bool begin(receive_operation& op);
bool begin(sleep_operation& op);
bool begin(queueing_operation& op);
/// Notes the call; it begins with the next call into the runtime, or when the coroutine suspends.
void announce(call_operation& op);
/// Begins an announced operation now.
void begin_fresh(incarnation_core& core);
/// Sets a new deadline, counted from now. Requires: not ended.
void set_timeout(operation& op, duration timeout);
/// Ends it with `cancelled`; whoever holds what it asked for is told. Requires: not ended.
void cancel(operation& op);

/// A task of a group, as its coroutines know it: whether it was asked to end, and what it waits
/// for.
struct task_scope {
    bool asked_to_end = false;
    operation* waits_for = nullptr;
    void cancel() {
        if (std::exchange(asked_to_end, true) || !waits_for || waits_for->has_ended())
            return;
        detail::cancel(*waits_for);
    }
};

/// What an application awaits: an object that owns an operation and lives in the awaiting frame.
/// The compiler sees only a pointer to it, so that `co_await object` and `co_await
/// make().within(t)` work alike and nothing is copied (GCC 12 copies an awaiter that an expression
/// refers to).
struct awaitable {};

template <class Awaited>
struct awaiter_of {
    Awaited* awaited;
    task_scope* scope = nullptr;
    bool await_ready() { return awaited->await_ready(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
        if constexpr (requires {
                          waiter.promise().scope;
                          awaited->waited_operation();
                      }) {
            scope = waiter.promise().scope;
            if (scope) [[unlikely]]
                scope->waits_for = &awaited->waited_operation();
        }
        awaited->await_suspend(waiter);
    }
    decltype(auto) await_resume() {
        if (scope) [[unlikely]]
            scope->waits_for = nullptr;
        return awaited->await_resume();
    }
};

template <class Awaited>
requires std::is_base_of_v<awaitable, std::remove_cvref_t<Awaited>>
    awaiter_of<std::remove_cvref_t<Awaited>>
operator co_await(Awaited&& object) noexcept {
    return {&object};
}

/// Gives an operation that has ended its turn in the incarnation's list.
void resume_in_turn(operation& ended) noexcept;

/// Suspends `waiter` until the operation has ended; when it has already, until its next turn.
/// Requires: begun, or announced.
inline void wait_for(operation& op, std::coroutine_handle<> waiter) noexcept {
    op.waiter = waiter;
    op.level = op.owner->level;
    op.of_handler = op.owner->in_handler;
    if (op.has_ended())
        resume_in_turn(op);
}

} // namespace equus::detail
