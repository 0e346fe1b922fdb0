// A handle is authority over a stream or a port, not its use: who holds the handle of a stream can
// stop its sender, who holds the stream can send. Handles are references like others: they travel
// in messages, are narrowed, tested and closed. A handle names an identity and where it was last
// known to be, so it does not follow a copy: the copy of a stream is another stream [K33].
//
//     auto brake = out.handle();                        // result<stream_handle<printing>>
//     co_await brake->freeze();                         // its sender waits as without credit
//
// The limit: an operation by a handle reaches its object at the node that the handle names; it is
// `not_found` when the stream has been closed there.
#pragma once

#include <equus/control.hpp>
#include <equus/port.hpp>
#include <equus/rights.hpp>
#include <equus/stream.hpp>

#include <cstdint>

namespace equus {

namespace detail {
result<reference> handle_of(reference which);
result<void> check_kind(reference which, reference_kind kind, const protocol_type& protocol);
requesting_nothing regulate(reference handle, regulation what);
stream_id stream_named_by(reference handle) noexcept;
port_id port_named_by(reference handle) noexcept;

/// Notes that a handle of the next copy of `which` is wanted.
void begin_following(request_operation& op, reference which);

class following : public awaitable {
public:
    explicit following(reference which) { begin_following(operation_, which); }
    following(const following&) = delete;
    following& operator=(const following&) = delete;
    bool await_ready() {
        if (!operation_.has_ended())
            set_timeout(operation_, timeout_);
        return false;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }

protected:
    result<reference> outcome() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return operation_.made;
    }
    duration timeout_ = std::chrono::seconds{30};

private:
    request_operation operation_;
};
} // namespace detail

/// Authority over a stream that carries P. See the head of this file.
template <class P>
class stream_handle : public reference {
public:
    using protocol = P;
    constexpr stream_handle() noexcept = default;
    constexpr explicit stream_handle(reference untyped) noexcept : reference{untyped} {}

    /// Which stream; empty for an empty handle.
    stream_id id() const noexcept { return detail::stream_named_by(*this); }
    /// The sender waits from now on; what has left stays on its way. Awaited until the stream's
    /// node has done it: result<void>. access_denied without `right::regulate`.
    detail::requesting_nothing freeze() const {
        return detail::regulate(*this, regulation::freeze);
    }
    detail::requesting_nothing unfreeze() const {
        return detail::regulate(*this, regulation::unfreeze);
    }
    /// Breaks the stream: what its owner sends from then on is `broken`.
    detail::requesting_nothing invalidate() const {
        return detail::regulate(*this, regulation::invalidate);
    }
    void close() const noexcept { detail::close(*this); }
};

/// Authority over a port that receives P.
template <class P>
class port_handle : public reference {
public:
    using protocol = P;
    constexpr port_handle() noexcept = default;
    constexpr explicit port_handle(reference untyped) noexcept : reference{untyped} {}

    /// Which port; empty for an empty handle.
    port_id id() const noexcept { return detail::port_named_by(*this); }
    void close() const noexcept { detail::close(*this); }
};

/// A handle of the stream that the caller of an invocation gets with the reply [K33]: the
/// original's reply with a handle to the propagated reference. Made before the reply that carries
/// the stream:
///
///     handle_of_copy<talk> theirs{given};
///     got.reply<borrow>(loan{given});
///     auto brake = co_await theirs.within(1s);          // result<stream_handle<talk>>
///
/// A handler begins a task for it and returns the reply. Errors: not_found, the reply came to
/// nobody; unsupported, the stream was passed on with a message that is no reply;
/// no_such_reference; maybe_delivered, after that time or when the caller's node was lost.
template <class P>
class [[nodiscard]] handle_of_copy : public detail::following {
public:
    explicit handle_of_copy(const stream<P>& given) : following{given} {}
    handle_of_copy& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<stream_handle<P>> await_resume() {
        auto made = outcome();
        if (!made)
            return fail(std::move(made.error()));
        if (auto right = detail::check_kind(*made, reference_kind::stream_handle, P::type());
            !right)
            return fail(std::move(right.error()));
        return stream_handle<P>{*made};
    }
};

template <class P>
result<stream_handle<P>> stream<P>::handle() const {
    auto made = detail::handle_of(*this);
    if (!made)
        return fail(std::move(made.error()));
    return stream_handle<P>{*made};
}

template <class P>
result<port_handle<P>> port<P>::handle() const {
    auto made = detail::handle_of(*this);
    if (!made)
        return fail(std::move(made.error()));
    return port_handle<P>{*made};
}

/// An untyped reference as a handle of a stream of P; wrong_protocol when it is anything else.
template <class P>
result<stream_handle<P>> as_stream_handle(const any_reference& which) {
    if (auto right = detail::check_kind(which, reference_kind::stream_handle, P::type()); !right)
        return fail(std::move(right.error()));
    return stream_handle<P>{which};
}
template <class P>
result<port_handle<P>> as_port_handle(const any_reference& which) {
    if (auto right = detail::check_kind(which, reference_kind::port_handle, P::type()); !right)
        return fail(std::move(right.error()));
    return port_handle<P>{which};
}

} // namespace equus
