// A packet is what a link carries: whole or not at all. It says which life of which node sent it to
// which, its place in their session and what has arrived in the other direction; frames follow.
//
//   packet                                      frame
//   offset  bytes  field                        offset  bytes  field
//        0      4  magic and version                 0      4  payload length
//        4      4  zero                              4      1  kind
//        8      8  run                               5      1  flags
//       16      8  from: node, boot                  6      2  zero
//       24      8  to: node, boot                    8      n  payload, then zeros up to a
//       32      8  sequence, 0: not numbered                   multiple of 8
//       40      8  acknowledged
//       48      8  ahead
//       56      .  frames
//
// All numbers are little endian and read byte by byte, so neither alignment nor byte order of the
// machine matters. Payloads stand at multiples of 8 from the packet's start, the first one at 64.
// Nothing here trusts its input: parsing refuses, and never looks outside of the bytes given.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/ids.hpp>
#include <equus/base/result.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace equus::runtime {

/// Writes `value` little endian to `to`, at any alignment.
template <std::unsigned_integral T>
inline void store_little_endian(std::byte* to, T value) noexcept {
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(to, &value, sizeof value);
    } else {
        for (std::size_t i = 0; i < sizeof value; ++i)
            to[i] = static_cast<std::byte>(value >> (8 * i));
    }
}

/// Reads a little-endian T from `from`, at any alignment.
template <std::unsigned_integral T>
inline T load_little_endian(const std::byte* from) noexcept {
    T value = 0;
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(&value, from, sizeof value);
    } else {
        for (std::size_t i = 0; i < sizeof value; ++i)
            value |= static_cast<T>(static_cast<T>(from[i]) << (8 * i));
    }
    return value;
}

/// What a frame means. The kernel names its own kinds; those from `session_first` on belong to the
/// session and never reach the kernel.
enum class frame_kind : std::uint8_t {
    session_first = 0xf0,
    fragment = 0xf0, ///< a piece of a frame that is larger than a packet; see session.hpp
};

inline constexpr bool reserved_for_session(frame_kind kind) noexcept {
    return kind >= frame_kind::session_first;
}

struct packet_header {
    rdc_id run;
    node_boot from;
    node_boot to;
    /// The packet's number in the session, from 1. 0: its frames, if any, are none of the
    /// session's (a pure acknowledgement, the greeting on a new link).
    std::uint64_t sequence = 0;
    /// Every packet of the other direction up to this one has arrived.
    std::uint64_t acknowledged = 0;
    /// Bit i: packet `acknowledged + 1 + i` has arrived too, ahead of a gap.
    std::uint64_t ahead = 0;
    friend bool operator==(const packet_header&, const packet_header&) = default;
};

inline constexpr std::size_t packet_header_bytes = 56;
inline constexpr std::size_t frame_header_bytes = 8;
/// "EQP" and the version of this layout.
inline constexpr std::uint32_t packet_magic = 0x01'50'51'45;

// A fragment's flags. The first one begins with a prefix: the length of the whole payload (4
// bytes), its kind, its flags, and two zeros.
inline constexpr unsigned fragment_lane = 1;
inline constexpr unsigned fragment_is_first = 2;
inline constexpr std::size_t fragment_prefix_bytes = 8;

/// What a frame with so large a payload takes in a packet.
constexpr std::size_t frame_bytes(std::size_t payload_bytes) noexcept {
    return frame_header_bytes + ((payload_bytes + 7) & ~std::size_t{7});
}

/// Writes the header to the first `packet_header_bytes` bytes of `to`.
void encode_header(const packet_header& header, std::byte* to) noexcept;
/// Renews what the header says about the other direction.
void refresh_acknowledgement(std::byte* packet, std::uint64_t acknowledged,
                             std::uint64_t ahead) noexcept;
/// Reads the header of `packet`; the frames are not looked at. `errc::malformed`: too short, of
/// another protocol or version, or not a whole number of 8-byte words.
result<packet_header> parse_header(std::span<const std::byte> packet);

/// A frame inside of a packet that somebody else owns.
struct frame {
    frame_kind kind{};
    std::uint8_t flags = 0;
    std::span<const std::byte> payload;
};

/// Writes the frame's header at `to` and clears the padding behind the payload, which is returned
/// for the caller to fill. `to` has room for frame_bytes(payload_bytes).
inline std::span<std::byte> write_frame(std::byte* to, frame_kind kind, std::uint8_t flags,
                                        std::size_t payload_bytes) noexcept {
    // The last word first: with an empty payload it is the header itself.
    store_little_endian(to + frame_bytes(payload_bytes) - 8, std::uint64_t{0});
    store_little_endian(to, static_cast<std::uint64_t>(static_cast<std::uint32_t>(payload_bytes)) |
                                static_cast<std::uint64_t>(kind) << 32 |
                                static_cast<std::uint64_t>(flags) << 40);
    return {to + frame_header_bytes, payload_bytes};
}

/// Builds a packet outside of a session (a greeting): header, then frames, in a buffer that grows.
class packet_writer {
public:
    explicit packet_writer(const packet_header& header);
    /// The payload to fill, valid until the next append.
    std::span<std::byte> append(frame_kind kind, std::size_t payload_bytes, std::uint8_t flags = 0);
    std::span<const std::byte> packet() const noexcept { return packet_.span(); }

private:
    bytes packet_;
};

/// Walks the frames of a packet.
///
///     frame_reader frames{packet.subspan(packet_header_bytes)};
///     for (frame f; frames.next(f);) ...
///     if (frames.malformed()) ...
class frame_reader {
public:
    explicit frame_reader(std::span<const std::byte> frames) noexcept : rest_{frames} {}

    /// The next frame; false at the end, and at the first frame that is malformed.
    bool next(frame& out) noexcept {
        if (rest_.size() < frame_header_bytes) {
            malformed_ = malformed_ || !rest_.empty();
            return false;
        }
        const auto word = load_little_endian<std::uint64_t>(rest_.data());
        const auto payload_bytes = static_cast<std::uint32_t>(word);
        // Compared before the sum is made: a length near 2^32 would overflow a 32-bit size_t.
        if (payload_bytes > rest_.size() - frame_header_bytes || (word >> 48) != 0 ||
            frame_bytes(payload_bytes) > rest_.size()) {
            malformed_ = true;
            return false;
        }
        out.kind = static_cast<frame_kind>(static_cast<std::uint8_t>(word >> 32));
        out.flags = static_cast<std::uint8_t>(word >> 40);
        out.payload = rest_.subspan(frame_header_bytes, payload_bytes);
        rest_ = rest_.subspan(frame_bytes(payload_bytes));
        return true;
    }
    bool malformed() const noexcept { return malformed_; }

private:
    std::span<const std::byte> rest_;
    bool malformed_ = false;
};

} // namespace equus::runtime
