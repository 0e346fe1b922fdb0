// Links over TCP for one driver. A link begins when both sides have proved the run's secret
// (handshake.hpp) and carries whole packets, in order, until it breaks; making a new one is the
// kernel's business, which dials again and repeats what was not acknowledged.
//
// Sending is cheap and never blocks: `send` puts a packet into the link's buffer, `flush` writes
// each buffer once. A buffer that reaches `flush_bytes` is written at once, and a big packet is
// written from where it lies. Only what the system does not take waits for it to be ready, one wait
// per link.
//
// A driver must take the kernel's outputs, so a slow peer cannot stop them; the kernel's session
// window bounds what can pile up here (session_packets_max x packet_bytes_max), and a link that
// exceeds `unsent_bytes_max` is broken: the packets are repeated when there is a better one.
#pragma once

#include "transport/link/packets.hpp"

#include <equus/base/result.hpp>
#include <equus/base/time.hpp>
#include <equus/host/secret.hpp>
#include <equus/kernel/kernel.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace asio {
class io_context;
}

namespace equus::transport {

struct tcp_options {
    run_secret secret;
    rdc_id run{1};
    /// Both ends of a link must have the same.
    std::uint32_t packet_bytes_max = 64u << 10;
    /// A link's buffer is written without waiting for `flush` from here on.
    std::size_t flush_bytes = 64u << 10;
    /// Most bytes taken by one read; at least four packets fit.
    std::size_t read_bytes = 256u << 10;
    /// A link with more unsent bytes than this is broken. More than the kernel's session window.
    std::size_t unsent_bytes_max = 128u << 20;
    /// Time for connecting and the handshake together.
    duration handshake_within{5'000'000'000};
    /// How long a link that was hung up may take to send the rest.
    duration linger{1'000'000'000};
    std::uint32_t links_max = 2'048;
    /// Connections that have not proved anything yet. One more, and the oldest of them is closed:
    /// silent peers cannot keep honest ones out.
    std::uint32_t pending_max = 256;
    std::uint32_t pending_per_address_max = 128;
    /// Makes the guard of a link whose handshake is done; null: packets travel plainly.
    std::function<std::unique_ptr<batch_guard>(bool dialled)> make_guard;
};

/// Since the beginning.
struct tcp_counters {
    std::uint64_t links = 0;   ///< handshakes completed
    std::uint64_t refused = 0; ///< connections closed for what they said, or did not say in time
    std::uint64_t crowded_out = 0; ///< connections closed for want of room
    std::uint64_t reads = 0, writes = 0;
    std::uint64_t bytes_read = 0, bytes_written = 0;
};

/// What a driver is told. Called from the io_context only, never from inside a function of
/// `tcp_links`.
class tcp_receiver {
public:
    /// `dialled` is empty for a link that the other side dialled.
    virtual void link_up(link_id link, dial_id dialled) = 0;
    virtual void dial_failed(dial_id dial, error reason) = 0;
    /// One packet. It lies in the read buffer until this returns.
    virtual void packet(link_id link, std::span<const std::byte> packet) = 0;
    /// Where the rest of a packet may be read to at once; empty: nowhere. See kernel::place.
    virtual std::span<std::byte> place(link_id link, std::span<const std::byte> head,
                                       std::size_t read, std::size_t size_bytes) {
        static_cast<void>(link), static_cast<void>(head);
        static_cast<void>(read), static_cast<void>(size_bytes);
        return {};
    }
    /// One packet, all of whose bytes behind `head` were read to there, or thrown away.
    virtual void placed_packet(link_id link, std::span<const std::byte> head,
                               std::size_t size_bytes) {
        static_cast<void>(link), static_cast<void>(head), static_cast<void>(size_bytes);
    }
    /// All packets of one read have been given: time for a turn.
    virtual void packets_end() = 0;
    virtual void link_down(link_id link, error reason) = 0;
    /// `send` said that the link was full; it is no longer.
    virtual void link_has_room(link_id link) { static_cast<void>(link); }

protected:
    ~tcp_receiver() = default;
};

class tcp_links {
public:
    /// Borrows both; they outlive this. One thread runs `context`, and the same one calls this.
    tcp_links(asio::io_context& context, tcp_options options, tcp_receiver& receiver);
    /// Closes everything; the receiver hears nothing more.
    ~tcp_links();
    tcp_links(const tcp_links&) = delete;
    tcp_links& operator=(const tcp_links&) = delete;

    /// Listens at a loopback address and returns it with its port (0 picks one). errc::io_failed:
    /// taken.
    result<std::string> listen(std::string_view address);
    /// Answered by link_up or dial_failed, once, later.
    void dial(dial_id dial, std::string_view address);
    /// A packet in two pieces, the second of which may be empty; what is not written at once is
    /// copied. False: the link is full, more than this waits for the system to take it. A link that
    /// is gone is ignored: its link_down has been, or is on its way.
    bool send(link_id link, std::span<const std::byte> packet,
              std::span<const std::byte> tail = {});
    /// Writes what has been sent since the last time.
    void flush();
    /// Sends what is left, then closes. The receiver hears nothing more of this link.
    void hang_up(link_id link);
    /// Hangs up every link, stops listening and dialling. The receiver hears nothing more.
    void close();

    const tcp_counters& counters() const noexcept;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace equus::transport
