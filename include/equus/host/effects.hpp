// What the effects of a node do. An incarnation asks for an effect by name and gets a reply
// (equus/effect.hpp); here stands the function behind the name. It runs on a thread of the node's
// blocking pool, so it may block, and several may run at once: a function guards what it shares.
//
//     effects.add<typeset>("doc.typeset", [](typeset request) -> equus::result<pages> { ... });
//
// An effect that waits for something to happen (the next order of the launcher) would only occupy
// a thread: such a one is begun on the node's own thread and answers through a completion, later.
//
// Whatever a function does, its asker gets an answer: the reply, its error, errc::io_failed with
// the text of what it threw, errc::abandoned if the completion was dropped, or errc::not_found for
// a name that nobody registered.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/result.hpp>
#include <equus/wire/codec.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace equus {

/// The encoded form of a message. errc::too_large: it has none.
template <class Message>
result<bytes> encoded(const Message& message) {
    const std::size_t size_bytes = wire::size_bytes(message);
    if (size_bytes == 0)
        return fail(errc::too_large, "the message has no encoding of legal size");
    bytes out(size_bytes);
    wire::encode(message, out.span());
    return out;
}

/// How an effect that waits is answered: once, later, from any thread. Copies answer the same
/// effect; answers after the first, and answers to a node whose life is over, are ignored.
class effect_completion {
public:
    explicit effect_completion(std::function<void(result<bytes>)> deliver);
    void operator()(result<bytes> outcome) const;

private:
    struct once;
    std::shared_ptr<once> once_;
};

class effect_registry {
public:
    using function = std::function<result<bytes>(bytes request)>;
    /// Must not block.
    using waiting_function = std::function<void(bytes request, effect_completion done)>;

    /// Later registrations of a name replace earlier ones.
    void add(std::string name, function does) {
        effects_.insert_or_assign(std::move(name), effect{std::move(does), nullptr});
    }
    /// For an effect whose request and reply are messages.
    template <class Request>
    void add(std::string name, std::function<result<typename Request::reply>(Request)> does) {
        add(std::move(name), function{[does = std::move(does)](bytes request) -> result<bytes> {
                auto decoded = wire::decode<Request>(request.span());
                if (!decoded)
                    return fail(std::move(decoded.error()));
                auto reply = does(std::move(*decoded));
                if (!reply)
                    return fail(std::move(reply.error()));
                return encoded(*reply);
            }});
    }
    /// For an effect that waits.
    void add_waiting(std::string name, waiting_function begins) {
        effects_.insert_or_assign(std::move(name), effect{nullptr, std::move(begins)});
    }

    bool contains(std::string_view name) const { return effects_.count(name) != 0; }
    /// Whether `name` is one that waits: then `begin` it, otherwise `perform` it on a thread that
    /// may block.
    bool waits(std::string_view name) const;
    /// Does it, on the calling thread. Several threads may call at once, as long as nobody adds.
    result<bytes> perform(std::string_view name, bytes request) const noexcept;
    /// Begins one that waits. The answer may come before this returns.
    void begin(std::string_view name, bytes request, effect_completion done) const noexcept;

private:
    struct effect {
        function does; ///< or:
        waiting_function begins;
    };
    std::map<std::string, effect, std::less<>> effects_;
};

} // namespace equus
