// A port is a queue in order of arrival. A port whose incarnation has handlers hands each message
// to `on(message)`, one at a time; one of an incarnation with `main()` is read with `receive()`:
//
//     while (auto got = co_await jobs.receive()) {
//         if (auto* p = got->get<print>()) co_await got->reply<print>(receipt{...});
//     }
//
// A message is consumed when its handler ends, or when its delivery ends (rule 11); only then does
// its sender get the credit back. Who has invoked a message without reply waits until it is taken:
// until its handler begins or receive() hands it out, or, with `receive().holding()`, until done().
// A queued invocation whose caller has given up is consumed unseen.
#pragma once

#include <equus/stream.hpp>
#include <equus/task.hpp>

#include <array>
#include <vector>

namespace equus {

namespace detail {

template <class T>
struct task_value {
    static constexpr bool is_task = false;
    using type = T;
};
template <class T>
struct task_value<task<T>> {
    static constexpr bool is_task = true;
    using type = T;
};
template <class T>
struct result_value {
    using type = T;
};
template <class T>
struct result_value<result<T>> {
    using type = T;
};

/// Without an exception when that is more than its receiver may have: whoever decodes asks
/// afterwards.
template <class M>
result<M> decode_counted(std::span<const std::byte> from) {
    const allocating_scope scope{running(), heap_use::counted};
    return wire::decode<M>(from);
}

/// Takes the message out of its envelope as an M.
template <class M>
result<M> take(envelope& message) {
    message.taken = true;
    if (message.type) {
        M* object = static_cast<M*>(message.payload());
        if constexpr (wire::contains_references<M>)
            redeem_references(message, message_type_of<M>, object);
        if constexpr (owns_memory<M>) {
            adopt(*object);
            if (!within_limit()) {
                const M dropped(std::move(*object));
                return fail(errc::out_of_memory);
            }
        }
        return result<M>{std::move(*object)};
    }
    auto decoded = decode_counted<M>(message.encoded());
    if constexpr (wire::contains_references<M>)
        if (decoded)
            redeem_references(message, message_type_of<M>, &*decoded);
    if constexpr (owns_memory<M>)
        if (decoded && !within_limit())
            return fail(errc::out_of_memory);
    return decoded;
}

/// The kernel's note of a handler whose coroutine runs on.
void handler_runs(envelope& message, promise_base& frame) noexcept;
/// Every handler ends here, at once or later.
void handler_ended(envelope& message) noexcept;

/// Answers with the value of a handler, of whatever form.
template <class M, class R>
void answer(envelope& message, R&& value) {
    using plain = std::remove_cvref_t<R>;
    using inner = typename result_value<plain>::type;
    if constexpr (!std::is_same_v<inner, plain>) {
        if (!value) {
            handler_failed(message, std::move(value.error()));
            return;
        }
        if constexpr (std::is_void_v<inner>)
            return;
        else
            answer<M>(message, std::move(*value));
    } else if constexpr (replied<M>) {
        static_assert(std::is_convertible_v<plain, typename M::reply>,
                      "the handler's value is not the message's reply");
        typename M::reply reply_object(std::forward<R>(value));
        reply(message, message_type_of<typename M::reply>, &reply_object);
    }
}

template <class M, class T>
void handler_task_ended(promise_base& ended, void* context) {
    auto& message = *static_cast<envelope*>(context);
    auto& typed = static_cast<promise<T>&>(ended);
    if (ended.failure != errc::ok)
        handler_failed(message, std::move(ended.failure));
    else if constexpr (!std::is_void_v<T>)
        answer<M>(message, std::move(*typed.value));
    std::coroutine_handle<promise<T>>::from_promise(typed).destroy();
    handler_ended(message);
}

template <class D, class M>
void run_handler(D& object, envelope& message) {
    auto got = take<M>(message);
    if (!got) {
        handler_failed(message, std::move(got.error()));
        handler_ended(message);
        return;
    }
    using returned = decltype(object.on(std::move(*got)));
    if constexpr (task_value<returned>::is_task) {
        using value = typename task_value<returned>::type;
        static_assert(!replied<M> || !std::is_void_v<value>,
                      "this message has a reply: its handler must return it");
        auto started = object.on(std::move(*got));
        if (!started) {
            handler_failed(message, error{errc::out_of_memory, "no memory for the handler"});
            handler_ended(message);
            return;
        }
        auto frame = started.release();
        frame.promise().finished = &handler_task_ended<M, value>;
        frame.promise().context = &message;
        handler_runs(message, frame.promise());
    } else {
        if constexpr (std::is_void_v<returned>) {
            static_assert(!replied<M>, "this message has a reply: its handler must return it");
            object.on(std::move(*got));
        } else {
            answer<M>(message, object.on(std::move(*got)));
        }
        handler_ended(message);
    }
}

template <class D, class M>
void handle(void* object, envelope& message) {
#if defined(__cpp_exceptions)
    try {
        run_handler<D, M>(*static_cast<D*>(object), message);
    } catch (...) {
        handler_failed(message, capture_exception());
        handler_ended(message);
    }
#else
    run_handler<D, M>(*static_cast<D*>(object), message);
#endif
}

template <class D, class M>
concept handles = requires(D& object, M&& message) {
    object.on(std::move(message));
};

template <class D, class... M>
inline constexpr std::array<handler, sizeof...(M)> handler_functions{&handle<D, M>...};

template <class D, class P>
struct handlers_of;
template <class D, fixed_text Name, class... M>
struct handlers_of<D, protocol<Name, M...>> {
    static constexpr bool all = (handles<D, M> && ...);
    static constexpr bool any = (handles<D, M> || ...);
    static constexpr const handler* table() noexcept {
        if constexpr (all) {
            return handler_functions<D, M...>.data();
        } else {
            return nullptr;
        }
    }
};

template <class D>
concept has_main = requires(D& object) {
    object.main();
};

class receiving_base : public awaitable {
public:
    receiving_base() noexcept = default;
    receiving_base(const receiving_base&) = delete;
    receiving_base& operator=(const receiving_base&) = delete;
    bool await_ready() { return begin(operation_); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }

protected:
    receive_operation operation_;
};

} // namespace detail

template <class P>
class port;
template <class P>
class port_handle;

/// A message that waits at a port.
struct message_info {
    stream_id from; ///< empty: a dgram
    message_ordinal ordinal = 0;
    std::uint32_t bytes = 0; ///< of its encoding
    bool is_call = false;    ///< somebody waits for it to be answered or taken
    bool maybe_seen = false;
};
struct waiting_messages {
    stream_id from;
    std::uint32_t count = 0;
};

/// What a regulator does to a stream [K41].
enum class regulation : std::uint16_t {
    freeze = 0,     ///< its sender waits as without credit
    unfreeze = 1,   ///< it goes on
    invalidate = 2, ///< it breaks
};

namespace detail {
std::vector<message_info> headers(reference port, std::size_t most);
std::vector<waiting_messages> waiting_by_stream(reference port);
result<void> regulate_client(reference port, stream_id client, regulation what);
} // namespace detail

/// A message received and not yet consumed. Move only; consuming it gives the credit back.
template <class P>
class delivery {
public:
    explicit delivery(detail::envelope* message) noexcept : message_{message} {}
    delivery(delivery&& other) noexcept : message_{std::exchange(other.message_, nullptr)} {}
    delivery& operator=(delivery&& other) noexcept {
        if (this != &other) {
            drop();
            message_ = std::exchange(other.message_, nullptr);
        }
        return *this;
    }
    ~delivery() { drop(); }

    template <class M>
    bool is() const noexcept {
        static_assert(P::template has<M>, "this port's protocol does not have that message");
        return message_ && message_->ordinal == P::template ordinal_of<M>();
    }
    /// Takes the message out; unknown_message when it is another, malformed when it cannot be read.
    template <class M>
    result<M> take() {
        if (!is<M>())
            return fail(errc::unknown_message);
        return detail::take<M>(*message_);
    }
    /// Answers the invocation. Does nothing when it was sent one way or has been answered.
    template <class M>
    void reply(typename M::reply value) {
        if (message_)
            detail::reply(*message_, detail::message_type_of<typename M::reply>, &value);
    }
    void reply_error(error reason) {
        if (message_)
            detail::reply_error(*message_, std::move(reason));
    }
    /// Lets go who has invoked a message without reply and is held; the message stays in hand.
    void reply() {
        if (message_)
            detail::taken(*message_);
    }
    /// It was sent again after a break and may have been consumed before (rule 12).
    bool maybe_seen() const noexcept { return message_ && message_->maybe_seen; }
    /// Somebody waits for it to be taken or answered.
    bool is_invoked() const noexcept { return message_ && detail::is_invoked(*message_); }
    /// The stream that it came by: what selective receive names. Empty for a dgram.
    stream_id source() const noexcept {
        return message_ ? detail::source_of(*message_) : stream_id{};
    }
    /// Its caller has given up: nobody waits for a reply.
    bool cancelled() const noexcept { return message_ && message_->cancelled; }
    /// What is left of its caller's deadline; for_ever when it has none.
    duration deadline_left() const noexcept {
        return message_ ? detail::time_left(message_->deadline) : for_ever;
    }
    /// Consumes the message now, and lets go who is held. A held message that is dropped without
    /// it is `abandoned`, like an unanswered one with a reply.
    void done() noexcept {
        if (message_ && !has_reply())
            detail::taken(*message_);
        drop();
    }

private:
    friend class stream<P>;
    bool has_reply() const noexcept {
        const auto methods = P::type().methods;
        return message_->ordinal < methods.size() && methods[message_->ordinal].reply;
    }
    friend class port<P>;
    void hand_out() noexcept {
        if (!has_reply())
            detail::taken(*message_);
    }
    void drop() noexcept {
        if (message_)
            detail::consumed(std::exchange(message_, nullptr));
    }
    detail::envelope* message_;
};

template <class P>
detail::forwarding stream<P>::forward(delivery<P>& message) const {
    return {*this, message.message_};
}

/// See the head of this file.
template <class P>
class port : public reference {
public:
    using protocol = P;
    constexpr port() noexcept = default;
    constexpr explicit port(reference untyped) noexcept : reference{untyped} {}
    /// Declares a port of the incarnation that is being constructed; the configuration wires
    /// `name`.
    template <class D>
    port(D&, const char* name)
        : reference{detail::declare_port(name, P::type(), detail::handlers_of<D, P>::table())} {
        using handlers = detail::handlers_of<D, P>;
        static_assert(
            handlers::all || detail::has_main<D>,
            "the incarnation has no on(message) for some message of this port's protocol, "
            "and no main() that receives it");
    }

    /// The next message, when there is one: result<delivery<P>>.
    class receiving : public detail::receiving_base {
    public:
        explicit receiving(reference from_port) noexcept {
            operation_.ports[0] = from_port;
            operation_.port_count = 1;
        }
        /// Only messages that came by that stream; the others wait [K27].
        receiving& from(stream_id source) noexcept {
            operation_.filter.from = source;
            return *this;
        }
        /// Only messages of type M; the others wait.
        template <class M>
        receiving& only() noexcept {
            operation_.filter.only = P::template ordinal_of<M>();
            return *this;
        }
        /// Who has invoked a message without reply is not let go by its being handed out, but by
        /// `reply()` or `done()` of the delivery [K23].
        receiving& holding() noexcept {
            holding_ = true;
            return *this;
        }
        /// `timed_out` after t; zero polls.
        receiving& within(duration timeout) noexcept {
            timeout_ = timeout;
            return *this;
        }
        bool await_ready() {
            if (begin(operation_))
                return true;
            set_timeout(operation_, timeout_);
            return operation_.has_ended();
        }
        result<delivery<P>> await_resume() {
            if (operation_.outcome != errc::ok)
                return fail(std::move(operation_.outcome));
            delivery<P> out{std::exchange(operation_.message, nullptr)};
            if (!holding_ && out.is_invoked())
                out.hand_out();
            return out;
        }

    private:
        bool holding_ = false;
        duration timeout_ = for_ever;
    };
    receiving receive() const { return receiving{*this}; }
    /// A message that is there already, or would_block.
    result<delivery<P>> try_receive() const {
        detail::envelope* message = detail::try_receive(*this, {});
        if (!message)
            return fail(errc::would_block);
        delivery<P> out{message};
        if (out.is_invoked())
            out.hand_out();
        return out;
    }
    /// Messages waiting.
    std::uint32_t size() const noexcept { return detail::queued(*this); }
    /// The first `most` of them, in order, without taking any.
    std::vector<message_info> headers(std::size_t most) const {
        return detail::headers(*this, most);
    }
    /// How many wait of each stream, by its identity.
    std::vector<waiting_messages> waiting_by_stream() const {
        return detail::waiting_by_stream(*this);
    }

    /// Regulates a client, by the stream that its messages came by [K41]. `freeze`: it waits as
    /// without credit from now on; what it has sent is received. `invalidate`: its stream breaks,
    /// and what it has sent and nobody has taken is not received. not_found: no such stream has
    /// sent to this port; unsupported: a stream of a channel with many ports is not frozen.
    result<void> freeze(stream_id client) const {
        return detail::regulate_client(*this, client, regulation::freeze);
    }
    result<void> unfreeze(stream_id client) const {
        return detail::regulate_client(*this, client, regulation::unfreeze);
    }
    result<void> invalidate(stream_id client) const {
        return detail::regulate_client(*this, client, regulation::invalidate);
    }

    /// A handle of this port: authority over it, to be passed on (handle.hpp).
    result<port_handle<P>> handle() const;
    /// Ends the port: the streams to it break. Messages in hand stay so.
    void close() const noexcept { detail::close(*this); }
    /// A new stream to this port, to be passed on.
    stream<P> open_stream() const { return stream<P>{detail::stream_to(*this)}; }
};

/// `co_await select(a, b)`: the index of a port that has a message: result<std::size_t>.
class selecting : public detail::receiving_base {
public:
    template <class... Ports>
    explicit selecting(const Ports&... ports) noexcept {
        static_assert(sizeof...(Ports) <= detail::receive_operation::ports_max);
        (add(ports), ...);
        operation_.take = false;
    }
    selecting& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        if (begin(operation_))
            return true;
        set_timeout(operation_, timeout_);
        return operation_.has_ended();
    }
    result<std::size_t> await_resume() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return operation_.chosen;
    }

private:
    void add(reference which) noexcept { operation_.ports[operation_.port_count++] = which; }
    duration timeout_ = for_ever;
};
template <class... Ports>
selecting select(const Ports&... ports) noexcept {
    return selecting{ports...};
}

} // namespace equus
