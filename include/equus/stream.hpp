// A stream is the sending end: it numbers its messages, holds the credit its receiver has granted,
// and keeps what has not been consumed. Order and exactly-once are promised per stream for as long
// as both ends live, whatever the path: across reconnects, rewiring and migration. When the other
// end's node dies for good the stream breaks, explicitly (docs/protocol.md, "Streams").
//
//     co_await out.send<cancel>(id);                                      // waits only for credit
//     auto answer = co_await out.invoke<print>(title, body).within(2s);   // result<receipt>
//     co_await out.invoke<cancel>(id);                                    // until it is taken
//     co_await out.asinvoke<cancel>(id);                                  // until it is queued
//     out.dgram<blink>(now);                                              // waits for nothing
//
// The arguments are the fields of the message. (Not `send(print{...})`: GCC 12 destroys aggregate
// temporaries of a co_await expression twice; name the message and pass `equus::moved(message)`
// instead.)
#pragma once

#include <equus/base/assert.hpp>
#include <equus/core/adopt.hpp>
#include <equus/core/calls.hpp>
#include <equus/protocol.hpp>
#include <equus/task.hpp>
#include <equus/wire/references.hpp>

#include <coroutine>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace equus {

/// `moved(x)`: the named object x, to be moved into a message.
template <class T>
struct moved_object {
    T* object;
};
template <class T>
moved_object<T> moved(T& named) noexcept {
    return {&named};
}

namespace detail {

/// True for an argument that GCC 12 would destroy twice: an aggregate temporary with a destructor.
template <class A>
concept fragile_temporary =
    !std::is_lvalue_reference_v<A> && std::is_aggregate_v<std::remove_cvref_t<A>> &&
    !std::is_trivially_destructible_v<std::remove_cvref_t<A>>;

/// An envelope whose message may yet fail to be constructed, for want of memory.
struct unfilled {
    envelope* made;
    ~unfilled() {
        if (!made->type) [[unlikely]]
            free_envelope(made);
    }
};

/// Constructs message M of protocol P in a new envelope; null when memory is out.
template <class P, class M, class... A>
envelope* make_message(A&&... fields) {
    static_assert(P::template has<M>, "this stream's protocol does not have that message");
    static_assert((!fragile_temporary<A> && ...),
                  "name the aggregate first and pass equus::moved(name): GCC 12 destroys aggregate "
                  "temporaries of a co_await expression twice");
    envelope* made = new_envelope(sizeof(M));
    if (!made)
        return nullptr;
    const unfilled guard{made};
    M* object = new (made->payload()) M{std::forward<A>(fields)...};
    made->type = &message_type_of<M>;
    made->ordinal = P::template ordinal_of<M>();
    made->payload_bytes = static_cast<std::uint32_t>(wire::size_bytes(*object));
    return made;
}
template <class P, class M>
envelope* make_message(moved_object<M> named) {
    envelope* made = new_envelope(sizeof(M));
    if (!made)
        return nullptr;
    const unfilled guard{made};
    M* object = new (made->payload()) M(std::move(*named.object));
    made->type = &message_type_of<M>;
    made->ordinal = P::template ordinal_of<M>();
    made->payload_bytes = static_cast<std::uint32_t>(wire::size_bytes(*object));
    return made;
}

/// What `co_await stream.send(...)` awaits. Sends at once when there is credit.
class [[nodiscard]] sending : public awaitable {
public:
    sending(reference stream, envelope* message) noexcept : stream_{stream}, message_{message} {}
    sending(const sending&) = delete;
    sending& operator=(const sending&) = delete;
    ~sending() {
        if (message_)
            free_envelope(message_);
    }

    /// Gives up waiting for credit after `timeout`; the message is then not sent (`timed_out`).
    sending& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }

    bool await_ready() {
        const progress made = try_send(stream_, message_, why_);
        if (made != progress::waiting) {
            message_ = nullptr;
            return true;
        }
        waiting_.emplace();
        waiting_->stream = stream_;
        waiting_->message = std::exchange(message_, nullptr);
        if (begin(*waiting_))
            return true;
        set_timeout(*waiting_, timeout_);
        return false;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(*waiting_, waiter); }
    operation& waited_operation() noexcept { return *waiting_; }
    result<void> await_resume() {
        if (waiting_)
            why_ = std::move(waiting_->outcome);
        if (why_ == errc::ok)
            return {};
        return fail(std::move(why_));
    }

protected:
    reference stream_;
    envelope* message_;
    duration timeout_ = for_ever;
    error why_{errc::ok};
    std::optional<send_operation> waiting_;
};

/// What `co_await stream.forward(message)` awaits. A message that cannot be passed on stays with
/// its delivery; from the first try on it is here, and who waits for its answer is told of a
/// failure.
class [[nodiscard]] forwarding : public sending {
public:
    forwarding(reference stream, envelope*& in_hand) noexcept : sending{stream, nullptr} {
        message_ = copy_to_forward(in_hand, why_);
        if (message_)
            in_hand_ = std::exchange(in_hand, nullptr);
    }
    ~forwarding() {
        if (in_hand_)
            consumed(in_hand_);
    }
    forwarding& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        if (!in_hand_)
            return true;
        if (!sending::await_ready()) {
            waiting_->original = in_hand_;
            return false;
        }
        return true;
    }
    result<void> await_resume() {
        auto outcome = sending::await_resume();
        if (in_hand_) {
            if (outcome)
                in_hand_->answered = true;
            else
                reply_error(*in_hand_, outcome.error());
            consumed(std::exchange(in_hand_, nullptr));
        }
        return outcome;
    }

private:
    envelope* in_hand_ = nullptr;
};

/// What `co_await stream.invoke(...)` awaits. The call starts when it is made; it may be awaited
/// later.
template <class R>
class [[nodiscard]] calling : public awaitable {
public:
    calling(reference stream, envelope* message) noexcept
        : operation_{&message_type_of<R>, &deliver} {
        operation_.stream = stream;
        operation_.message = message;
        operation_.self = this;
        announce(operation_);
    }
    calling(const calling&) = delete;
    calling& operator=(const calling&) = delete;

    /// The call ends after `timeout` at the latest: with `timed_out` when it never left, with
    /// `maybe_delivered` when it did. The receiver is told.
    calling& within(duration timeout) noexcept {
        if (!operation_.has_ended())
            set_timeout(operation_, timeout);
        return *this;
    }
    bool has_ended() const noexcept { return operation_.has_ended(); }

    bool await_ready() {
        if (operation_.owner)
            begin_fresh(*operation_.owner);
        return operation_.has_ended();
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }
    result<R> await_resume() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        EQUUS_ASSERT(answer_.has_value());
        return std::move(*answer_);
    }

private:
    struct typed_operation : call_operation {
        using call_operation::call_operation;
        calling* self = nullptr;
    };
    static result<void*> deliver(call_operation& op, void* object,
                                 std::span<const std::byte> encoded) {
        calling& self = *static_cast<typed_operation&>(op).self;
        if (object) {
            if constexpr (owns_memory<R>) {
                adopt(*static_cast<R*>(object));
                if (!within_limit())
                    return fail(errc::out_of_memory, "the answer is more than its caller may have");
            }
            self.answer_.emplace(std::move(*static_cast<R*>(object)));
        } else {
            auto decoded = wire::decode<R>(encoded);
            if (!decoded)
                return fail(std::move(decoded.error()));
            if constexpr (owns_memory<R>)
                if (!within_limit())
                    return fail(errc::out_of_memory, "the answer is more than its caller may have");
            self.answer_.emplace(std::move(*decoded));
        }
        return static_cast<void*>(&*self.answer_);
    }
    typed_operation operation_;
    std::optional<R> answer_;
};

/// What an invocation without reply is answered with: it has been taken.
struct receipt {
    bool taken = true;
    EQUUS_FIELDS(taken)
};

/// Awaited until the message has been taken.
template <>
class [[nodiscard]] calling<void> : public calling<receipt> {
public:
    using calling<receipt>::calling;
    calling& within(duration timeout) noexcept {
        calling<receipt>::within(timeout);
        return *this;
    }
    result<void> await_resume() {
        if (auto taken = calling<receipt>::await_resume(); !taken)
            return fail(std::move(taken.error()));
        return {};
    }
};

/// What `co_await stream.asinvoke(...)` and `co_await stream.settled()` await.
class [[nodiscard]] queueing : public awaitable {
public:
    queueing(reference stream, envelope* message) noexcept {
        operation_.stream = stream;
        operation_.message = message;
    }
    explicit queueing(reference stream) noexcept {
        operation_.stream = stream;
        operation_.settles = true;
    }
    queueing(const queueing&) = delete;
    queueing& operator=(const queueing&) = delete;
    /// Gives up waiting after `timeout`. `timed_out`: nothing has been queued.
    queueing& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        if (begin(operation_))
            return true;
        set_timeout(operation_, timeout_);
        return operation_.has_ended();
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }
    result<void> await_resume() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return {};
    }

private:
    duration timeout_ = for_ever;
    queueing_operation operation_;
};

} // namespace detail

template <class P>
class delivery;
template <class P>
class stream_handle;

enum class stream_state : std::uint16_t {
    open = 0,
    frozen = 1, ///< by its receiver or a regulator: its sender waits [K41]
    broken = 2,
};

/// Where a stream has got to.
struct stream_standing {
    stream_state state = stream_state::broken;
    std::uint64_t acknowledged = 0; ///< consumed by its receivers, all legs together
    std::uint64_t sent = 0;
    std::uint32_t waiting = 0;   ///< sends and calls that wait for credit
    std::uint32_t unsettled = 0; ///< of asinvoke, queued and not taken
    std::uint32_t in_doubt = 0;  ///< one-way messages of a broken stream that may be sent again
    std::uint32_t given_up = 0;  ///< ports of a multicast channel that were stuck
};
namespace detail {
stream_standing standing_of(reference which) noexcept;
} // namespace detail

/// See the head of this file. A number, valid in the incarnation that holds it; as a field of a
/// message it passes a copy on: a new stream of the receiver's own to the same channel (rule 20).
template <class P>
class stream : public reference {
public:
    using protocol = P;
    constexpr stream() noexcept = default;
    constexpr explicit stream(reference untyped) noexcept : reference{untyped} {}
    /// Declares a stream of the incarnation that is being constructed; the configuration wires
    /// `name`.
    template <class D>
    stream(D&, const char* name) : reference{detail::declare_stream(name, P::type())} {}

    /// Sends a one-way message. result<void>: `ok` means that the stream has it, in order; it waits
    /// for credit. Errors: not_wired, access_denied, closed, broken, too_large, out_of_memory,
    /// timed_out; of a reference inside, no_such_reference and access_denied: nothing is sent then.
    template <class M, class... A>
    detail::sending send(A&&... fields) const {
        static_assert(!detail::replied<M>, "this message has a reply: invoke it");
        return {*this, detail::make_message<P, M>(std::forward<A>(fields)...)};
    }
    template <class M>
    detail::sending send(moved_object<M> named) const {
        static_assert(!detail::replied<M>, "this message has a reply: invoke it");
        return {*this, detail::make_message<P>(named)};
    }

    /// Sends a message and waits for its reply: result<M::reply>; one without a reply until it has
    /// been taken: result<void> [K23]. Within the node's call time-out or the one given by
    /// `.within(t)`. Errors beside those of send: maybe_delivered,
    /// handler_failed, abandoned, unknown_message.
    template <class M, class... A>
    detail::calling<typename detail::reply_of<M>::type> invoke(A&&... fields) const {
        return {*this, detail::make_message<P, M>(std::forward<A>(fields)...)};
    }
    template <class M>
    detail::calling<typename detail::reply_of<M>::type> invoke(moved_object<M> named) const {
        return {*this, detail::make_message<P>(named)};
    }

    /// Invokes a message without reply and waits for it to be queued only: while the stream has as
    /// many that are not taken as its buffer limit says. result<void>, with the errors of invoke
    /// that are known by then; what fails later is heard of by `settled()` [K29].
    template <class M, class... A>
    detail::queueing asinvoke(A&&... fields) const {
        static_assert(!detail::replied<M>, "this message has a reply: invoke it");
        return {*this, detail::make_message<P, M>(std::forward<A>(fields)...)};
    }
    template <class M>
    detail::queueing asinvoke(moved_object<M> named) const {
        static_assert(!detail::replied<M>, "this message has a reply: invoke it");
        return {*this, detail::make_message<P>(named)};
    }
    /// How many calls of asinvoke may be queued and not taken; 0: each waits until it is taken.
    /// asinvoke_limit unless it is said.
    void buffer_limit(std::uint32_t calls) const noexcept { detail::set_queue_limit(*this, calls); }
    /// `co_await settled()`: all that asinvoke has queued has been taken or has failed; the outcome
    /// is the first failure since it was asked last: broken, maybe_delivered, abandoned.
    detail::queueing settled() const { return detail::queueing{*this}; }

    /// Sends a message that may be lost: it has no number, waits for no credit and is dropped
    /// where there is no room [K22]. To a multicast channel too. Errors: as for send, of what is
    /// known here at once; too_large: over dgram_bytes_max.
    template <class M, class... A>
    result<void> dgram(A&&... fields) const {
        static_assert(!detail::replied<M>, "this message has a reply: invoke it");
        static_assert(!wire::contains_references<M>,
                      "a dgram may be lost: it carries no references");
        return detail::send_dgram(*this, detail::make_message<P, M>(std::forward<A>(fields)...));
    }

    /// Passes on a message in hand: its sender goes on waiting and does not notice [K24].
    /// result<void>; waits for credit. `invalid_argument`: its object has been taken out, or it has
    /// been answered; `limit_reached`: passed on too often; then it stays in hand. Any other error
    /// has been told to its sender.
    detail::forwarding forward(delivery<P>& message) const;

    /// A handle of this stream: authority over it, to be passed on (handle.hpp).
    result<stream_handle<P>> handle() const;
    /// Where it has got to.
    stream_standing standing() const noexcept { return detail::standing_of(*this); }

    /// Ends this stream; messages sent stay on their way, and nobody hears what has become of them.
    void close() const noexcept { detail::close(*this); }
    /// Wired, and neither closed nor broken.
    bool is_open() const noexcept { return detail::is_open(*this); }
};

/// Sends again, by `other`, what a broken stream leaves in doubt: the one-way messages that were
/// not known to be consumed. They are marked: `maybe_seen()` at their receiver (rules 1 and 12).
/// The task's value is their number; when it fails, what has not been sent stays in doubt.
template <class P>
task<std::uint64_t> resend_in_doubt(stream<P> broken, stream<P> other) {
    std::uint64_t count = 0;
    for (;;) {
        error why{errc::ok};
        detail::envelope* again = detail::next_in_doubt(broken, why);
        if (!again) {
            if (why != errc::ok)
                co_return fail(std::move(why));
            co_return count;
        }
        detail::sending once{other, again};
        auto sent = co_await once;
        if (!sent)
            co_return fail(std::move(sent.error()));
        detail::drop_in_doubt(broken);
        ++count;
    }
}

/// A reference of any kind and protocol: what stream space holds.
class any_reference : public reference {
public:
    constexpr any_reference() noexcept = default;
    constexpr explicit any_reference(reference untyped) noexcept : reference{untyped} {}
    /// As a stream of protocol P; wrong_protocol when it is another.
    template <class P>
    result<stream<P>> as_stream() const {
        if (auto right = detail::check_protocol(*this, P::type()); !right)
            return fail(std::move(right.error()));
        return stream<P>{*this};
    }
};

} // namespace equus
