// Whole messages over a local stream socket. A malformed or oversized one, and the end of the other
// side, end the pipe: `on_closed` is called once, from the event loop.
#pragma once

#include "host/launch/messages.hpp"

#include <equus/base/result.hpp>
#include <equus/host/effects.hpp>

#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>

#include <deque>
#include <functional>
#include <memory>

namespace equus::launcher {

class pipe : public std::enable_shared_from_this<pipe> {
public:
    using socket = asio::local::stream_protocol::socket;
    /// Largest message: a configuration or the status of a large run.
    static constexpr std::uint32_t message_bytes_max = 64u << 20;

    static std::shared_ptr<pipe> make(socket connected) {
        return std::shared_ptr<pipe>(new pipe{std::move(connected)});
    }
    std::function<void(message)> on_message;
    std::function<void()> on_closed;

    /// Begins to read. The callbacks are set before.
    void start() { read_length(); }
    /// Queues a message. Dropped after the end.
    void send(message_kind kind, bytes body);
    template <class Body>
    void send(message_kind kind, const Body& body) {
        if (auto encoded_body = encoded(body))
            send(kind, std::move(*encoded_body));
    }
    void close();
    bool closed() const noexcept { return closed_; }
    /// Everything queued has left.
    bool flushed() const noexcept { return outgoing_.empty(); }
    int native_handle() { return socket_.native_handle(); }

private:
    explicit pipe(socket connected) : socket_{std::move(connected)} {}
    void read_length();
    void read_body(std::uint32_t length);
    void write();

    socket socket_;
    bool closed_ = false;
    std::array<std::byte, 4> length_{};
    bytes incoming_;
    std::deque<bytes> outgoing_;
};

} // namespace equus::launcher
