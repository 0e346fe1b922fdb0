// An effect is the only way to the outside: a file, a device, a blocking library, the launcher. The
// runtime numbers the request and hands it out; the node's driver does it (on a pool of threads on
// Linux), and the completion is one more input of the kernel. A simulation answers the same
// requests from its model.
//
// Only modules that were registered with the effect's name may ask for it; everybody else reaches
// the outside through a stream to such a service [K5], so that what an incarnation may do is what
// it was given.
#pragma once

#include <equus/core/operation.hpp>
#include <equus/wire/codec.hpp>

#include <string_view>

namespace equus {

namespace detail {
/// Asks for the effect; ends with the driver's answer. Errors at once: access_denied,
/// limit_reached.
bool begin(effect_operation& op, std::string_view name, bytes request);

template <class Request>
class effecting : public awaitable {
public:
    using reply = typename Request::reply;
    effecting(std::string_view name, const Request& request)
        : name_{name}, request_(wire::size_bytes(request)) {
        wire::encode(request, request_.span());
    }
    effecting(const effecting&) = delete;
    effecting& operator=(const effecting&) = delete;
    /// Stops waiting after `timeout` (`maybe_delivered`).
    effecting& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        if (begin(operation_, name_, std::move(request_)))
            return true;
        set_timeout(operation_, timeout_);
        return operation_.has_ended();
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }
    result<reply> await_resume() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return wire::decode<reply>(operation_.answer.span());
    }

private:
    std::string_view name_;
    bytes request_;
    duration timeout_ = for_ever;
    effect_operation operation_;
};
} // namespace detail

/// `co_await effect("doc.typeset", request)`: result<Request::reply>. `name` outlives the await.
template <class Request>
detail::effecting<Request> effect(std::string_view name, const Request& request) {
    return {name, request};
}

} // namespace equus
