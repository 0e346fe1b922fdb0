#include "transport/link/framing.hpp"

#include <equus/base/assert.hpp>

#include <cstring>

namespace equus::transport {

namespace {

std::uint32_t read_length(std::span<const std::byte> from) noexcept {
    std::uint32_t length = 0;
    for (std::size_t i = packet_header_bytes; i-- > 0;)
        length = length << 8 | std::to_integer<std::uint32_t>(from[i]);
    return length;
}

} // namespace

void write_packet_header(std::span<std::byte, packet_header_bytes> out,
                         std::uint32_t size_bytes) noexcept {
    for (std::byte& digit : out) {
        digit = static_cast<std::byte>(size_bytes & 0xff);
        size_bytes >>= 8;
    }
}

packet_parser::packet_parser(std::span<std::byte> buffer, std::uint32_t packet_bytes_max) noexcept
    : buffer_{buffer}, packet_bytes_max_{packet_bytes_max} {
    EQUUS_ASSERT(buffer.size() >= packet_header_bytes &&
                 buffer.size() - packet_header_bytes >= packet_bytes_max);
}

void packet_parser::filled(std::size_t size_bytes) noexcept {
    EQUUS_ASSERT(size_bytes <= buffer_.size() - end_);
    end_ += size_bytes;
}

packet_parser::status packet_parser::next(std::span<std::byte>& packet) noexcept {
    const std::size_t held = end_ - begin_;
    std::size_t wanted = packet_header_bytes;
    if (held >= packet_header_bytes) {
        const std::uint32_t length = read_length(buffer_.subspan(begin_, packet_header_bytes));
        if (length == 0 || length > packet_bytes_max_)
            return status::refused;
        wanted += length;
        if (held >= wanted) {
            packet = buffer_.subspan(begin_ + packet_header_bytes, length);
            begin_ += wanted;
            return status::packet;
        }
    }
    if (held == 0) {
        begin_ = end_ = 0;
    } else if (wanted > buffer_.size() - begin_) {
        // The rest would not fit behind the part that is here.
        std::memmove(buffer_.data(), buffer_.data() + begin_, held);
        bytes_moved_ += held;
        begin_ = 0;
        end_ = held;
    }
    return status::more;
}

std::span<const std::byte> packet_parser::partial() const noexcept {
    const std::size_t held = end_ - begin_;
    if (held < packet_header_bytes)
        return {};
    return std::span{buffer_}.subspan(begin_ + packet_header_bytes, held - packet_header_bytes);
}

std::uint32_t packet_parser::partial_size() const noexcept {
    return read_length(buffer_.subspan(begin_, packet_header_bytes));
}

bool take_packet(std::span<const std::byte>& stream, std::uint32_t packet_bytes_max,
                 std::span<const std::byte>& packet) noexcept {
    if (stream.size() < packet_header_bytes)
        return false;
    const std::uint32_t length = read_length(stream.first(packet_header_bytes));
    if (length == 0 || length > packet_bytes_max || length > stream.size() - packet_header_bytes)
        return false;
    packet = stream.subspan(packet_header_bytes, length);
    stream = stream.subspan(packet_header_bytes + length);
    return true;
}

} // namespace equus::transport
