// Messages from a program's own code, which is no incarnation, to a computation that its node runs:
//
//     auto jobs = n.open<printing>("doc/submit");           // an export of the configuration
//     jobs.invoke<print>(title, body).within(2s).then([](equus::result<receipt> done) { ... });
//     jobs.send<cancel>(id).then(asio::detached);
//
// `then` takes any completion token of Asio for the signature void(result<...>): a callback,
// asio::use_future, asio::use_awaitable. What completes does so on the token's executor, or on the
// node's loop, never from inside a call of the session. (No coroutine of Asio's is needed for it:
// a call costs two turns of the loop and no frame.)
//
// Guarantee: messages of a session leave in the order of their `then`, each is consumed once, and
// each `then` ends within its deadline, with a value or a named reason, as in stream.hpp. While
// nobody has the channel's port they wait. Overload: beyond `calls_max` not yet answered, a call
// ends with `limit_reached` at once.
// Limit: messages and replies that hold references do not pass.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/result.hpp>
#include <equus/base/time.hpp>
#include <equus/host/effects.hpp>
#include <equus/protocol.hpp>
#include <equus/wire/references.hpp>

#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace equus {

namespace host {

class session_core;

struct session_call {
    std::string_view name; ///< of the message
    message_ordinal ordinal = 0;
    bool invoked = false;
    std::optional<duration> within; ///< empty: an invocation's usual time, or for ever
    result<bytes> body{bytes{}};
    std::function<void(result<bytes>)> done; ///< called once, from the node's loop
};
void submit(const std::shared_ptr<session_core>& to, session_call call);
asio::io_context& loop_of(const session_core& session) noexcept;

} // namespace host

/// A message that `then` sends. Without a `then` nothing is sent.
template <class R>
class [[nodiscard]] outside_call {
public:
    outside_call(std::shared_ptr<host::session_core> to, host::session_call call) noexcept
        : to_{std::move(to)}, call_{std::move(call)} {}

    /// Ends after `timeout` at the latest. Otherwise an invocation has the node's call time-out,
    /// and a message waits for credit as long as it takes.
    outside_call&& within(duration timeout) && noexcept {
        call_.within = timeout;
        return std::move(*this);
    }
    template <class Token>
    auto then(Token&& token) && {
        return asio::async_initiate<Token, void(result<R>)>(
            [](auto handler, std::shared_ptr<host::session_core> to, host::session_call call) {
                using handler_type = std::decay_t<decltype(handler)>;
                const auto executor =
                    asio::get_associated_executor(handler, host::loop_of(*to).get_executor());
                // A handler may be movable only; what is called once is shared until then.
                auto kept = std::make_shared<handler_type>(std::move(handler));
                call.done = [kept, executor](result<bytes> answer) {
                    asio::post(executor, [kept, answer = std::move(answer)]() mutable {
                        auto last = std::move(*kept);
                        std::move(last)(decoded(std::move(answer)));
                    });
                };
                host::submit(to, std::move(call));
            },
            token, std::move(to_), std::move(call_));
    }

private:
    static result<R> decoded(result<bytes> answer) {
        if (!answer)
            return fail(std::move(answer.error()));
        if constexpr (std::is_void_v<R>)
            return {};
        else
            return wire::decode<R>(answer->span());
    }
    std::shared_ptr<host::session_core> to_;
    host::session_call call_;
};

/// See the head of this file. Copies are the same session; it ends with the last of them. On the
/// node's thread; other threads come by `node::post`.
template <class P>
class session {
public:
    using protocol = P;
    session() noexcept = default;
    explicit session(std::shared_ptr<host::session_core> core) noexcept : core_{std::move(core)} {}
    explicit operator bool() const noexcept { return core_ != nullptr; }

    /// result<M::reply>. Errors: those of stream::invoke; not_found, wrong_protocol: there is no
    /// such export; access_denied: it does not admit the message; limit_reached.
    template <class M, class... A>
    outside_call<typename M::reply> invoke(A&&... fields) const {
        static_assert(!wire::contains_references<typename M::reply>,
                      "references do not pass between a computation and code outside of it");
        return {core_, make<M>(true, std::forward<A>(fields)...)};
    }
    /// result<void>: the computation has it, in order. Errors likewise.
    template <class M, class... A>
    outside_call<void> send(A&&... fields) const {
        static_assert(!detail::replied<M>, "this message has a reply: invoke it");
        return {core_, make<M>(false, std::forward<A>(fields)...)};
    }

private:
    template <class M, class... A>
    static host::session_call make(bool invoked, A&&... fields) {
        static_assert(P::template has<M>, "this session's protocol does not have that message");
        static_assert(!wire::contains_references<M>,
                      "references do not pass between a computation and code outside of it");
        const M message{std::forward<A>(fields)...};
        host::session_call call;
        call.name = detail::short_name<M>();
        call.ordinal = P::template ordinal_of<M>();
        call.invoked = invoked;
        call.body = encoded(message);
        return call;
    }
    std::shared_ptr<host::session_core> core_;
};

} // namespace equus
