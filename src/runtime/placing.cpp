// Bulk that is read from the link to where it belongs: a packet that is one chunk, and is due,
// needs no memory but that of the buffer it is for.
#include "runtime/kernel_impl.hpp"

#include <cstring>

namespace equus {

using namespace runtime;

namespace {

constexpr std::size_t frame_at = packet_header_bytes;
constexpr std::size_t chunk_at = frame_at + frame_header_bytes;
constexpr std::size_t bytes_at = chunk_at + chunk_header::fixed_bytes;

} // namespace

/// The copy that a packet is a chunk of, by its first bytes, when its bytes come next and lie
/// together there; null otherwise.
inbound* kernel_impl::placeable(std::span<const std::byte> head, std::size_t size_bytes,
                                packet_header& header, chunk_header& chunk) {
    if (head.size() < bytes_at || size_bytes <= bytes_at || size_bytes % 8 != 0)
        return nullptr;
    auto parsed = parse_header(head.first(packet_header_bytes));
    const auto frame = load_little_endian<std::uint64_t>(head.data() + frame_at);
    const auto payload = static_cast<std::uint32_t>(frame);
    if (!parsed || static_cast<frame_kind>(static_cast<std::uint8_t>(frame >> 32)) != kind::chunk ||
        frame >> 40 != 0 || payload != size_bytes - chunk_at || payload % 8 != 0 ||
        !load(chunk, head.subspan(chunk_at)))
        return nullptr;
    header = *parsed;
    const auto found = bulk.inbounds.find(chunk.id);
    if (found == bulk.inbounds.end() || found->second->from != header.from)
        return nullptr;
    inbound& in = *found->second;
    const std::uint64_t count = size_bytes - bytes_at + chunk.odd_count;
    return chunk.position == in.received && count <= in.allowed - in.received ? &in : nullptr;
}

std::span<std::byte> kernel_impl::place_for(link_id link, std::span<const std::byte> head,
                                            std::size_t read, std::size_t size_bytes) {
    packet_header header;
    chunk_header chunk;
    inbound* in = placeable(head, size_bytes, header, chunk);
    const auto at = links.find(link);
    if (!in || ended || at == links.end() || at->second.peer != header.from ||
        header.run != options.run || header.to != self)
        return {};
    const auto peer = peers.find(header.from);
    if (peer == peers.end() || peer->second.session->due() != header.sequence)
        return {};
    const std::span<std::byte> whole = in->to.peek(size_bytes - bytes_at + chunk.odd_count);
    if (whole.empty())
        return {};
    return whole.subspan(head.size() - bytes_at + read, size_bytes - head.size() - read);
}

void kernel_impl::placed_packet_came(link_id link, std::span<const std::byte> head,
                                     std::size_t size_bytes) {
    const auto at = links.find(link);
    packet_header header;
    chunk_header chunk;
    inbound* in = placeable(head, size_bytes, header, chunk);
    if (!in) {
        // It was a chunk when its reading began: what it is for has ended since.
        auto parsed = parse_header(head.first(packet_header_bytes));
        if (!parsed)
            return;
        header = *parsed;
    }
    if (at == links.end() || ended || at->second.peer != header.from)
        return;
    ++counters.packets_received;
    const auto peer = peers.find(header.from);
    if (peer == peers.end())
        return;
    const node_boot from = header.from;
    auto taken = peer->second.session->receive_placed(
        header, size_bytes - packet_header_bytes, now,
        [&] {
            if (!in) {
                ++counters.chunks_dropped;
                return;
            }
            EQUUS_SOMETIMES(chunk_was_placed);
            const std::uint64_t count = size_bytes - bytes_at + chunk.odd_count;
            const std::span<std::byte> whole = in->to.next(count);
            const auto before = head.subspan(bytes_at);
            std::memcpy(whole.data(), before.data(), before.size());
            std::memcpy(whole.data() + whole.size() - chunk.odd_count, chunk.odd, chunk.odd_count);
            chunk_has_come(*in, count);
        },
        [&](const runtime::frame& frame) { frame_came(from, frame); });
    if (!taken)
        ++counters.packets_refused;
    for (const node_boot gone : gone_peers)
        peers.erase(gone);
    gone_peers.clear();
}

std::span<std::byte> kernel::place(link_id link, std::span<const std::byte> head, std::size_t read,
                                   std::size_t size_bytes) {
    return impl_->place_for(link, head, read, size_bytes);
}

void kernel::placed(link_id link, std::span<const std::byte> head, std::size_t size_bytes) {
    impl_->placed_packet_came(link, head, size_bytes);
}

} // namespace equus
