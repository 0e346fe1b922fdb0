// Channels and ports made while an incarnation runs. What a class declares is wired by the
// configuration; what is made here is passed on by whoever made it.
//
//     auto all = make_channel<news>(channel_kind::multicast);      // result<stream<news>>
//     auto mine = co_await make_port<news>(*all);                  // result<port<news>>: it joins
//     auto served = co_await make_port<news>(*this, *all);         // messages go to on(...)
//
// A unicast channel is made with its port: `make_port<P>()`, and its `open_stream()`. A port made
// here ends when it is closed, or with its incarnation.
#pragma once

#include <equus/control.hpp>
#include <equus/port.hpp>
#include <equus/rdc.hpp>
#include <equus/stream.hpp>

#include <concepts>
#include <utility>

namespace equus {

namespace detail {

result<reference> make_channel(const protocol_type& protocol, channel_kind kind);
/// A port of the running incarnation, attached to nothing.
result<reference> make_port(const protocol_type& protocol, const handler* handlers);
/// What join_channel asks of the channel's kernel; and, when it does not agree, takes back.
requesting_nothing join(reference port, reference channel);

/// Makes a port and, if it is to, attaches it to a channel.
template <class P>
class making_port : public awaitable {
public:
    making_port(const handler* handlers, reference channel)
        : made_{make_port(P::type(), handlers)}, asked_{join(port(), channel)} {}
    making_port(const making_port&) = delete;
    making_port& operator=(const making_port&) = delete;
    making_port& within(duration timeout) noexcept {
        asked_.within(timeout);
        return *this;
    }
    bool await_ready() { return !made_ || asked_.await_ready(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { asked_.await_suspend(waiter); }
    operation& waited_operation() noexcept { return asked_.waited_operation(); }
    result<equus::port<P>> await_resume() {
        if (!made_)
            return fail(std::move(made_.error()));
        if (auto joined = asked_.await_resume(); !joined) {
            close(*made_);
            return fail(std::move(joined.error()));
        }
        return equus::port<P>{*made_};
    }

private:
    reference port() const noexcept { return made_ ? *made_ : reference{}; }
    result<reference> made_;
    requesting_nothing asked_;
};

} // namespace detail

/// A multicast or anycast channel without ports yet, of the running incarnation, which it ends
/// with; the stream serves to send to it, and whoever it is passed on to may attach a port.
/// `invalid_argument`: unicast, see the head of this file; `limit_reached`: references_max.
template <class P>
result<stream<P>> make_channel(channel_kind kind) {
    auto made = detail::make_channel(P::type(), kind);
    if (!made)
        return fail(std::move(made.error()));
    return stream<P>{*made};
}

/// A port that is read by receive(). Pass on what its open_stream() gives.
template <class P>
result<port<P>> make_port() {
    auto made = detail::make_port(P::type(), nullptr);
    if (!made)
        return fail(std::move(made.error()));
    return port<P>{*made};
}
/// A port whose messages go to the handlers of the incarnation.
template <class P, class D>
requires(!std::derived_from<D, reference>) result<port<P>> make_port(D&) {
    static_assert(detail::handlers_of<D, P>::all,
                  "the incarnation has no on(message) for some message of this protocol");
    auto made = detail::make_port(P::type(), detail::handlers_of<D, P>::table());
    if (!made)
        return fail(std::move(made.error()));
    return port<P>{*made};
}
/// `co_await make_port<P>(channel)`: a port attached to the multicast or anycast channel that the
/// stream leads to, once all who send to the channel know of it: what they send from then on comes
/// to it. Who cannot be reached is waited for until his node is written off. access_denied without
/// `right::attach`; closed: the channel has ended. On an error there is no port.
template <class P>
detail::making_port<P> make_port(const stream<P>& channel) {
    return {nullptr, channel};
}
template <class P, class D>
requires(!std::derived_from<D, reference>) detail::making_port<P> make_port(
    D&, const stream<P>& channel) {
    static_assert(detail::handlers_of<D, P>::all,
                  "the incarnation has no on(message) for some message of this protocol");
    return {detail::handlers_of<D, P>::table(), channel};
}

} // namespace equus
