// A byte stream has no borders and may be cut anywhere; the kernel wants whole packets. Each packet
// travels behind its length: four bytes, least significant first. Whole packets are looked at where
// the stream's bytes were read; only a packet cut off by the end of the buffer is moved, once.
//
// The length comes from the other side and is believed only within a limit that both sides know: a
// longer packet, or an empty one, ends the stream. The parser holds no memory but the borrowed
// buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace equus::transport {

inline constexpr std::size_t packet_header_bytes = 4;

/// Writes the header of a packet of `size_bytes` bytes.
void write_packet_header(std::span<std::byte, packet_header_bytes> out,
                         std::uint32_t size_bytes) noexcept;

/// Cuts a byte stream into packets. Use: read into `room()`, say how much with `filled()`, then
/// call `next()` until it does not return `packet`.
class packet_parser {
public:
    enum class status : std::uint8_t {
        packet,  ///< one whole packet
        more,    ///< none until more bytes have been read
        refused, ///< a length outside the limit: the stream is of no more use
    };

    /// Borrows `buffer`. Requires room for one packet of `packet_bytes_max` and its header; a
    /// buffer of several times that size moves fewer bytes.
    packet_parser(std::span<std::byte> buffer, std::uint32_t packet_bytes_max) noexcept;

    /// Where to read to. Never empty after `next()` has returned `more`.
    std::span<std::byte> room() noexcept { return buffer_.subspan(end_); }
    /// `size_bytes` bytes at the beginning of `room()` are from the stream now.
    void filled(std::size_t size_bytes) noexcept;
    /// The next packet; its bytes stay where they are until `next()` returns something else, and
    /// may be changed (decryption in place).
    status next(std::span<std::byte>& packet) noexcept;
    /// After `next()` has returned `more`: what has come of the packet that is not whole yet, and
    /// its size; empty while that is not known.
    std::span<const std::byte> partial() const noexcept;
    std::uint32_t partial_size() const noexcept;
    /// The rest of that packet has been read to somewhere else: what is filled in next begins
    /// another one.
    void drop_partial() noexcept { begin_ = end_; }
    /// Whether the stream may end here: no part of a packet is held.
    bool at_border() const noexcept { return begin_ == end_; }
    /// Bytes moved inside the buffer so far.
    std::uint64_t bytes_moved() const noexcept { return bytes_moved_; }

private:
    std::span<std::byte> buffer_;
    std::size_t begin_ = 0; ///< first byte not given out
    std::size_t end_ = 0;   ///< first byte not read
    std::uint64_t bytes_moved_ = 0;
    std::uint32_t packet_bytes_max_;
};

/// Takes the first packet off `stream`, which holds whole packets only: the inside of a batch.
/// False at the end, and then `stream` is empty unless the bytes are no such sequence.
bool take_packet(std::span<const std::byte>& stream, std::uint32_t packet_bytes_max,
                 std::span<const std::byte>& packet) noexcept;

} // namespace equus::transport
