// Something that happened to what an incarnation cares for [K53]: another incarnation, a stream or
// port of its own, a node. It hears of it in one of three ways.
//
//     auto next = co_await next_event();                          // what was watched, in order
//     auto first = co_await wait_any(interest{child, event_kind::terminated},
//                                    interest{in, event_kind::port_has_message}).within(1s);
//     on_event(*this, {child, event_kind::faulting}, 3, &boss::look_at);  // as an interrupt
//
// An event of another incarnation comes only after `handle.watch(kinds)`. Events are kept in order
// until somebody takes them, at most `events_max` of them; what comes beyond is dropped, and the
// next event that is taken says how many were `lost`. A port or stream is looked at, not
// remembered: an event of one that has a message is there for as long as the message is.
//
// A handler is a task that begins where the incarnation's other code is suspended, when its
// priority is above the present one, which is 0 outside of handlers; until it ends, only it runs.
// So it must not wait for what the code below it is to do.
#pragma once

#include <equus/base/ids.hpp>
#include <equus/core/operation.hpp>
#include <equus/task.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace equus {

enum class event_kind : std::uint16_t {
    terminated = 1,  ///< an incarnation has ended, or is gone with its node
    unreachable = 2, ///< its node is silent; it may come back
    node_joined = 4,
    node_left = 8,           ///< left or was evicted: `reason` says which
    faulting = 16,           ///< its main() or start() has failed; it waits for a parent
    created = 32,            ///< it is wired and serves
    migrated = 64,           ///< it has moved to `node`
    stream_closed = 128,     ///< a stream of one's own has broken
    stream_usable = 256,     ///< it takes a message without waiting
    port_has_message = 512,  ///< of one's own
    propagated = 1024,       ///< a reference to one's own has been passed on [K41]
    delivery_failed = 2'048, ///< what asinvoke or send gave to a stream of one's own; see below
};

/// `delivery_failed` [K30]: a call that asinvoke has queued has failed after it was queued, or the
/// stream, or one of an anycast channel's ports, has ended with one-way messages that are not known
/// to have been consumed. `reason` is broken, maybe_delivered or abandoned. It is there until
/// `settled()` has told of the calls and `resend_in_doubt` has sent the messages again, or the
/// stream is closed.

/// Several kinds at once: `event_kind::terminated | event_kind::faulting`.
class event_kinds {
public:
    constexpr event_kinds() noexcept = default;
    constexpr event_kinds(event_kind one) noexcept : bits_{static_cast<std::uint16_t>(one)} {}
    constexpr explicit event_kinds(std::uint16_t bits) noexcept : bits_{bits} {}
    constexpr bool has(event_kind one) const noexcept {
        return (bits_ & static_cast<std::uint16_t>(one)) != 0;
    }
    constexpr event_kinds without(event_kinds those) const noexcept {
        return event_kinds{static_cast<std::uint16_t>(bits_ & ~those.bits_)};
    }
    constexpr std::uint16_t bits() const noexcept { return bits_; }
    friend constexpr event_kinds operator|(event_kinds a, event_kinds b) noexcept {
        return event_kinds{static_cast<std::uint16_t>(a.bits_ | b.bits_)};
    }
    friend constexpr bool operator==(event_kinds, event_kinds) = default;

private:
    std::uint16_t bits_ = 0;
};
constexpr event_kinds operator|(event_kind a, event_kind b) noexcept {
    return event_kinds{a} | event_kinds{b};
}

struct event {
    event_kind kind = event_kind::terminated;
    incarnation_id subject; ///< empty for events of nodes, streams and ports
    node_boot node;
    errc reason = errc::ok; ///< ok: it ended by itself
    std::int32_t result = 0;
    std::string text;       ///< of the error that ended it, for people
    std::uint32_t lost = 0; ///< events dropped before this one, since the queue was full
    incarnation_id other;   ///< propagated: to whom, where that is known
    /// The stream or port of this incarnation; stays here when the event is passed on.
    reference which = {};
    EQUUS_FIELDS(kind, subject, node, reason, result, text, lost, other)
};

/// Events of `of`: an incarnation's handle, a stream or a port. Empty: of anything, nodes too.
struct interest {
    reference of;
    event_kinds kinds;
};

/// From now on members that join and leave are events of the running incarnation.
void watch_members() noexcept;

/// From now on these events of a stream or port of its own are kept for `next_event`, each at most
/// once until it is taken. (A handle is watched by `co_await handle.watch(kinds)`.)
/// no_such_reference; limit_reached: interests_max.
result<void> watch(reference of, event_kinds kinds);
/// No longer. Those that wait stay.
void unwatch(reference of, event_kinds kinds) noexcept;

// ---------------------------------------------------------------------- waiting

namespace detail {

/// Begins the operation; when an event waits it has ended, and is resumed in a later step.
void begin(event_operation& op, std::span<const interest> wanted);
/// Requires: it has ended well.
event take_event(event_operation& op);

class hearing : public awaitable {
public:
    hearing() noexcept = default;
    hearing(const hearing&) = delete;
    hearing& operator=(const hearing&) = delete;
    /// `timed_out` after that time; zero polls.
    hearing& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        begin(operation_, {});
        if (!operation_.has_ended())
            set_timeout(operation_, timeout_);
        return false;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }
    result<event> await_resume() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return take_event(operation_);
    }

protected:
    duration timeout_ = for_ever;
    event_operation operation_;
};

class hearing_any : public awaitable {
public:
    static constexpr std::size_t interests_max = 16;
    template <std::same_as<interest>... Interests>
    explicit hearing_any(Interests... wanted) noexcept
        : wanted_{wanted...}, count_{sizeof...(Interests)} {
        static_assert(sizeof...(Interests) <= interests_max);
    }
    hearing_any(const hearing_any&) = delete;
    hearing_any& operator=(const hearing_any&) = delete;
    /// `timed_out` after that time; zero polls.
    hearing_any& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        begin(operation_, {wanted_, count_});
        if (!operation_.has_ended())
            set_timeout(operation_, timeout_);
        return false;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }
    result<event> await_resume() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return take_event(operation_);
    }

private:
    interest wanted_[interests_max];
    std::size_t count_ = 0;
    duration timeout_ = for_ever;
    event_operation operation_;
};

} // namespace detail

/// `co_await next_event()`: result<event>, the first that was kept. One that is there already is
/// taken in a later step: no event overtakes an answer that came before it.
inline detail::hearing next_event() noexcept {
    return {};
}

/// `co_await wait_any(interest{...}, interest{...})`: result<event>, the first of these; at most 16
/// of them. Others that were kept stay where they are. Errors: timed_out, no_such_reference.
template <std::same_as<interest>... Interests>
detail::hearing_any wait_any(Interests... wanted) noexcept {
    return detail::hearing_any{wanted...};
}

// ---------------------------------------------------------------------- interrupts

/// From 1; a handler begins when its own is above the present one.
using interrupt_priority = std::uint8_t;
inline constexpr interrupt_priority interrupt_priority_max = 15;

namespace detail {
/// A member function `task<> D::handler(event)`, without its type.
struct event_handler {
    static constexpr std::size_t member_bytes_max = 2 * sizeof(void*);
    task<> (*start)(void* object, const event_handler& self, event what) = nullptr;
    void* object = nullptr;
    std::byte member[member_bytes_max] = {};
};
result<void> set_event_handler(interest what, interrupt_priority priority, event_handler handler);
} // namespace detail

/// From now on `(self.*handler)(event)` is run for such an event, present ones too. A handler that
/// fails is a fault of the incarnation. Errors: no_such_reference; invalid_argument: a priority
/// outside 1..15; limit_reached: interests_max.
template <class D>
result<void> on_event(D& self, interest what, interrupt_priority priority,
                      task<> (D::*handler)(event)) {
    detail::event_handler made;
    static_assert(sizeof(handler) <= sizeof(made.member));
    made.object = &self;
    std::memcpy(made.member, &handler, sizeof(handler));
    made.start = [](void* object, const detail::event_handler& from, event happened) {
        task<> (D::*member)(event) = nullptr;
        std::memcpy(&member, from.member, sizeof(member));
        return (static_cast<D*>(object)->*member)(std::move(happened));
    };
    return detail::set_event_handler(what, priority, made);
}
/// No longer; those that wait for their handler are kept for `next_event`.
void ignore_event(interest what) noexcept;

/// Sets the present priority, and says what it was: no handler of this priority or a lower one
/// begins. Over with the handler that sets it.
interrupt_priority set_interrupt_priority(interrupt_priority now) noexcept;

} // namespace equus
