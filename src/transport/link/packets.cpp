#include "transport/link/packets.hpp"

#include <equus/base/assert.hpp>

namespace equus::transport {

void packet_writer::append(std::span<const std::byte> packet, std::span<const std::byte> tail) {
    const std::size_t size = packet.size() + tail.size();
    EQUUS_ASSERT(size != 0 && size <= packet_bytes_max_);
    const std::size_t framed = packet_header_bytes + size;
    if (guard_) {
        const std::size_t batched = bytes_.size() - batch_begin_;
        if (batched != 0 &&
            batched - packet_header_bytes + framed > batch_bytes_max(packet_bytes_max_))
            end_batch();
        if (bytes_.size() == batch_begin_)
            bytes_.resize(batch_begin_ + packet_header_bytes);
    }
    std::byte header[packet_header_bytes];
    write_packet_header(header, static_cast<std::uint32_t>(size));
    bytes_.insert(bytes_.end(), header, header + packet_header_bytes);
    bytes_.insert(bytes_.end(), packet.begin(), packet.end());
    bytes_.insert(bytes_.end(), tail.begin(), tail.end());
}

void packet_writer::end_batch() {
    if (guard_ && bytes_.size() != batch_begin_) {
        bytes_.resize(bytes_.size() + guard_->overhead_bytes());
        const std::span<std::byte> framed = std::span{bytes_}.subspan(batch_begin_);
        const std::span<std::byte> sealed = framed.subspan(packet_header_bytes);
        guard_->seal(sealed);
        write_packet_header(framed.first<packet_header_bytes>(),
                            static_cast<std::uint32_t>(sealed.size()));
    }
    batch_begin_ = bytes_.size();
}

void packet_writer::take(std::vector<std::byte>& emptied) {
    end_batch();
    emptied.clear();
    bytes_.swap(emptied);
    batch_begin_ = 0;
}

namespace {

std::uint32_t framed_bytes_max(std::uint32_t packet_bytes_max, const batch_guard* guard) noexcept {
    return guard ? batch_bytes_max(packet_bytes_max) +
                       static_cast<std::uint32_t>(guard->overhead_bytes())
                 : packet_bytes_max;
}

} // namespace

packet_reader::packet_reader(std::span<std::byte> buffer, std::uint32_t packet_bytes_max,
                             batch_guard* guard) noexcept
    : parser_{buffer, framed_bytes_max(packet_bytes_max, guard)}, guard_{guard},
      packet_bytes_max_{packet_bytes_max} {}

std::size_t packet_reader::buffer_bytes_min(std::uint32_t packet_bytes_max,
                                            const batch_guard* guard) noexcept {
    return packet_header_bytes + framed_bytes_max(packet_bytes_max, guard);
}

packet_parser::status packet_reader::next(std::span<const std::byte>& packet) noexcept {
    using status = packet_parser::status;
    std::span<std::byte> framed;
    if (!guard_) {
        const status found = parser_.next(framed);
        packet = framed;
        return found;
    }
    while (batch_.empty()) {
        if (const status found = parser_.next(framed); found != status::packet)
            return found;
        const std::size_t overhead = guard_->overhead_bytes();
        if (framed.size() <= overhead || !guard_->open(framed))
            return status::refused;
        batch_ = framed.first(framed.size() - overhead);
    }
    return take_packet(batch_, packet_bytes_max_, packet) ? status::packet : status::refused;
}

} // namespace equus::transport
