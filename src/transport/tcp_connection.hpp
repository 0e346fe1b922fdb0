// One connection of tcp.hpp, and what all of them share. Private to tcp*.cpp: the only header
// beside equus/host/asio.hpp that names Asio.
#pragma once

#include "transport/handshake.hpp"
#include "transport/page_buffer.hpp"
#include "transport/tcp.hpp"

#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace equus::transport {

inline constexpr std::size_t spare_read_buffers_max = 16;

inline error io_error(std::string text, const asio::error_code& cause) {
    return {errc::io_failed, std::move(text) + ": " + cause.message()};
}

class connection;

/// What the connections of one `tcp_links` share.
struct tcp_shared {
    tcp_shared(asio::io_context& c, tcp_options o, tcp_receiver& r)
        : context{c}, options{std::move(o)}, receiver{r}, acceptor{c}, accept_timer{c} {
        const std::size_t packets = 4 * (std::size_t{options.packet_bytes_max} + page_bytes);
        read_buffer_bytes = std::max(options.read_bytes, packets) / page_bytes * page_bytes;
    }

    page_buffer take_read_buffer() {
        if (spare_read_buffers.empty())
            return page_buffer{read_buffer_bytes};
        page_buffer spare = std::move(spare_read_buffers.back());
        spare_read_buffers.pop_back();
        return spare;
    }
    void give_back(page_buffer buffer) {
        if (buffer && spare_read_buffers.size() < spare_read_buffers_max)
            spare_read_buffers.push_back(std::move(buffer));
    }

    asio::io_context& context;
    tcp_options options;
    tcp_receiver& receiver;
    tcp_counters counters;
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer accept_timer;
    std::size_t read_buffer_bytes = 0;
    std::vector<page_buffer> spare_read_buffers;
    std::uint64_t last_link = 0;

    std::unordered_map<std::uint64_t, std::shared_ptr<connection>> links;
    std::vector<std::shared_ptr<connection>> pending; ///< oldest first; not yet links
    std::vector<connection*> unflushed;               ///< of `links`
};

/// One socket from connect or accept to its end. Its handlers hold it; `shared_` becomes null when
/// the owner has no more interest in it.
class connection : public std::enable_shared_from_this<connection> {
public:
    connection(tcp_shared& shared, asio::ip::tcp::socket socket, dial_id dialled)
        : shared_{&shared}, socket_{std::move(socket)}, timer_{shared.context}, dialled_{dialled} {}

    void connect(const asio::ip::tcp::endpoint& to);
    void accepted();
    bool send(std::span<const std::byte> packet, std::span<const std::byte> tail);
    void flush();
    void hang_up();
    /// Closes without a word to anybody.
    void drop();

    bool is_dial() const noexcept { return static_cast<bool>(dialled_); }
    const asio::ip::address& peer() const noexcept { return peer_; }

private:
    void limit_handshake();
    void begin_handshake();
    void read_handshake();
    bool send_handshake();
    void refuse(error reason);
    void become_link();
    void read();
    void read_some(std::size_t size_bytes);
    void take_packets();
    bool read_in_place();
    void read_placed();
    void read_placed_soon();
    void write();
    void write_in_place(std::span<const std::byte> packet, std::span<const std::byte> tail);
    void wait_writable();
    void check_unsent();
    void end(error reason);
    void end_later(error reason);
    void drain();
    void forget();

    tcp_shared* shared_;
    asio::ip::tcp::socket socket_;
    asio::steady_timer timer_;
    asio::ip::address peer_;
    dial_id dialled_;
    link_id link_;

    std::optional<handshake> handshake_;
    std::array<std::byte, handshake::received_bytes_max> handshake_in_{};

    std::unique_ptr<batch_guard> guard_;
    page_buffer read_buffer_;
    std::optional<packet_reader> reader_;
    std::optional<packet_writer> writer_;
    std::size_t placed_ = 0; ///< bytes of the present packet that were read to where they belong
    std::vector<std::byte> writing_; ///< taken from the writer
    std::size_t written_ = 0;        ///< of `writing_`
    bool waiting_ = false;           ///< for the socket to take more
    bool unflushed_ = false;         ///< listed in tcp_shared::unflushed
    bool broken_ = false;            ///< its end has been posted
    bool closing_ = false;           ///< hung up: sends the rest, then closes
};

} // namespace equus::transport
