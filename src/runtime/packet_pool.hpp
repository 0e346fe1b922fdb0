// Packets are built, kept until acknowledged, and forgotten, thousands of times a second; fresh
// memory costs more than filling it. The pool hands out byte buffers in size classes (four to a
// doubling) and keeps what comes back, most recently used first, up to a bound; what exceeds the
// bound goes back to the system. In a steady state nothing is allocated. One pool serves all the
// sessions of a node.
#pragma once

#include "runtime/packet.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace equus::runtime {

struct bulk_block;
void keep(bulk_block& block) noexcept;
void let_go(bulk_block& block) noexcept;

/// A block of bytes, aligned to 64, and its bookkeeping in whichever queue holds it.
struct packet_buffer {
    packet_buffer* next = nullptr;
    std::byte* data = nullptr;
    std::uint32_t capacity = 0; ///< of `data`; a multiple of 8
    std::uint32_t begin = 0;    ///< what is used: [begin, end)
    std::uint32_t end = 0;
    std::uint32_t limit = 0; ///< where a packet that grows has to stop; at most `capacity`
    /// Frames whose last byte is in this buffer, by lane.
    std::array<std::uint32_t, 2> frames{};
    /// For a frame that is larger than a packet and waits to be cut: its kind and flags.
    frame_kind kind{};
    std::uint8_t flags = 0;
    bool oversize = false;
    /// What follows, where it lies in somebody's buffer: the end of the last frame.
    const std::byte* tail = nullptr;
    std::uint32_t tail_bytes = 0;
    bulk_block* tail_of = nullptr; ///< kept until the packet is given back

    std::span<const std::byte> used() const noexcept { return {data + begin, end - begin}; }
    std::size_t size() const noexcept { return end - begin + tail_bytes; }
};

class packet_pool {
public:
    /// Keeps at most `free_bytes_max` bytes of returned buffers.
    explicit packet_pool(std::size_t free_bytes_max = std::size_t{32} << 20) noexcept
        : free_bytes_max_{free_bytes_max} {}
    /// Every buffer has been given back.
    ~packet_pool();
    packet_pool(const packet_pool&) = delete;
    packet_pool& operator=(const packet_pool&) = delete;

    /// A buffer of at least `bytes` bytes, contents unspecified, bookkeeping empty; `limit` is
    /// its capacity. `bytes` is at most 2^31.
    packet_buffer* take(std::size_t bytes);
    /// Takes the buffer back; null is allowed.
    void give(packet_buffer* buffer) noexcept;

    std::size_t bytes_in_use() const noexcept { return bytes_in_use_; }
    std::size_t bytes_free() const noexcept { return bytes_free_; }
    /// How often memory was asked of the system.
    std::uint64_t allocations() const noexcept { return allocations_; }

private:
    static constexpr std::size_t class_count = 85;

    std::array<packet_buffer*, class_count> free_{};
    std::size_t free_bytes_max_;
    std::size_t bytes_in_use_ = 0;
    std::size_t bytes_free_ = 0;
    std::uint64_t allocations_ = 0;
};

} // namespace equus::runtime
