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
