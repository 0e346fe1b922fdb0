#include "runtime/packet.hpp"

namespace equus::runtime {

namespace {

void store_node(std::byte* to, node_boot who) noexcept {
    store_little_endian(to, who.node.value);
    store_little_endian(to + 4, who.boot.value);
}

node_boot load_node(const std::byte* from) noexcept {
    return {node_id{load_little_endian<std::uint32_t>(from)},
            boot_number{load_little_endian<std::uint32_t>(from + 4)}};
}

} // namespace

void encode_header(const packet_header& header, std::byte* to) noexcept {
    store_little_endian(to, packet_magic);
    store_little_endian(to + 4, std::uint32_t{0});
    store_little_endian(to + 8, header.run.value);
    store_node(to + 16, header.from);
    store_node(to + 24, header.to);
    store_little_endian(to + 32, header.sequence);
    refresh_acknowledgement(to, header.acknowledged, header.ahead);
}

void refresh_acknowledgement(std::byte* packet, std::uint64_t acknowledged,
                             std::uint64_t ahead) noexcept {
    store_little_endian(packet + 40, acknowledged);
    store_little_endian(packet + 48, ahead);
}

result<packet_header> parse_header(std::span<const std::byte> packet) {
    if (packet.size() < packet_header_bytes)
        return fail(errc::malformed, "packet shorter than its header");
    if (packet.size() % 8 != 0)
        return fail(errc::malformed, "packet not a whole number of words");
    const std::byte* from = packet.data();
    if (load_little_endian<std::uint32_t>(from) != packet_magic)
        return fail(errc::malformed, "packet of another protocol or version");
    if (load_little_endian<std::uint32_t>(from + 4) != 0)
        return fail(errc::malformed, "packet header: reserved field set");
    packet_header header;
    header.run = rdc_id{load_little_endian<std::uint64_t>(from + 8)};
    header.from = load_node(from + 16);
    header.to = load_node(from + 24);
    header.sequence = load_little_endian<std::uint64_t>(from + 32);
    header.acknowledged = load_little_endian<std::uint64_t>(from + 40);
    header.ahead = load_little_endian<std::uint64_t>(from + 48);
    return header;
}

packet_writer::packet_writer(const packet_header& header) : packet_(packet_header_bytes) {
    encode_header(header, packet_.data());
}

std::span<std::byte> packet_writer::append(frame_kind kind, std::size_t payload_bytes,
                                           std::uint8_t flags) {
    const std::size_t at = packet_.size();
    packet_.resize(at + frame_bytes(payload_bytes));
    return write_frame(packet_.data() + at, kind, flags, payload_bytes);
}

} // namespace equus::runtime
