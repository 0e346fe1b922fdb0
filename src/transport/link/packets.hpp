// The two directions of one link over a byte stream. The writer collects packets until its driver
// sends them in one write; the reader gives them back one by one. What one write carries is a
// batch: the unit on which a guard works, because sealing a batch costs little more than sealing
// one small packet.
//
// Without a guard a batch leaves no trace in the stream. With one, the stream is a sequence of
// sealed batches, each framed like a packet, and whatever a guard does not open ends the link.
#pragma once

#include "transport/link/framing.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace equus::transport {

/// Protects batches on their way: the place of encryption. One object serves one link, both
/// directions; it counts the batches itself, so that none can be left out, repeated or exchanged.
class batch_guard {
public:
    virtual ~batch_guard() = default;
    /// How much longer a batch becomes by being sealed. Constant.
    virtual std::size_t overhead_bytes() const noexcept = 0;
    /// Seals in place. The plain bytes are all but the last `overhead_bytes()` of `batch`.
    virtual void seal(std::span<std::byte> batch) noexcept = 0;
    /// Opens in place; the plain bytes are then all but the last `overhead_bytes()`. False: not
    /// what the other side sealed. Requires batch.size() >= overhead_bytes().
    virtual bool open(std::span<std::byte> batch) noexcept = 0;
};

/// The plain bytes of one sealed batch at most, headers included: one packet of the greatest size.
constexpr std::uint32_t batch_bytes_max(std::uint32_t packet_bytes_max) noexcept {
    return packet_bytes_max + static_cast<std::uint32_t>(packet_header_bytes);
}

/// Collects packets for one write.
class packet_writer {
public:
    /// Borrows `guard`, which may be null.
    packet_writer(std::uint32_t packet_bytes_max, batch_guard* guard) noexcept
        : guard_{guard}, packet_bytes_max_{packet_bytes_max} {}

    /// Copies the packet, which lies in two pieces. Requires 0 < its size <= packet_bytes_max.
    void append(std::span<const std::byte> packet, std::span<const std::byte> tail = {});
    /// Bytes waiting.
    std::size_t size() const noexcept { return bytes_.size(); }
    bool empty() const noexcept { return bytes_.empty(); }
    /// Ends the batch and exchanges what waits for `emptied`, whose memory is used again.
    void take(std::vector<std::byte>& emptied);

private:
    void end_batch();

    std::vector<std::byte> bytes_;
    std::size_t batch_begin_ = 0; ///< of the batch not yet sealed, its outer header included
    batch_guard* guard_;
    std::uint32_t packet_bytes_max_;
};

/// Gives back the packets of a stream written by a packet_writer with the same limit and the peer
/// guard.
class packet_reader {
public:
    /// Borrows `buffer` and `guard`, which may be null. Requires
    /// buffer.size() >= buffer_bytes_min(packet_bytes_max, guard).
    packet_reader(std::span<std::byte> buffer, std::uint32_t packet_bytes_max,
                  batch_guard* guard) noexcept;
    static std::size_t buffer_bytes_min(std::uint32_t packet_bytes_max,
                                        const batch_guard* guard) noexcept;

    std::span<std::byte> room() noexcept { return parser_.room(); }
    void filled(std::size_t size_bytes) noexcept { parser_.filled(size_bytes); }
    /// As packet_parser::next; `refused` also for a batch that the guard does not open.
    packet_parser::status next(std::span<const std::byte>& packet) noexcept;
    bool at_border() const noexcept { return parser_.at_border() && batch_.empty(); }
    /// As those of packet_parser; nothing of a packet that is sealed.
    std::span<const std::byte> partial() const noexcept {
        return guard_ ? std::span<const std::byte>{} : parser_.partial();
    }
    std::uint32_t partial_size() const noexcept { return parser_.partial_size(); }
    void drop_partial() noexcept { parser_.drop_partial(); }

private:
    packet_parser parser_;
    std::span<const std::byte> batch_; ///< what is left of an opened batch
    batch_guard* guard_;
    std::uint32_t packet_bytes_max_;
};

} // namespace equus::transport
