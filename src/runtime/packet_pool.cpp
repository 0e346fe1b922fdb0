#include "runtime/packet_pool.hpp"

#include <equus/base/assert.hpp>

#include <bit>
#include <new>

namespace equus::runtime {

namespace {

constexpr std::size_t smallest_bytes = 1024;
constexpr std::size_t alignment = 64;

struct size_class {
    std::size_t index;
    std::size_t bytes;
};

/// Classes are 1024, then 1280, 1536, 1792, 2048, 2560, ...: at most a quarter is wasted.
size_class class_of(std::size_t bytes) noexcept {
    if (bytes <= smallest_bytes)
        return {0, smallest_bytes};
    const auto shift = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 3;
    const std::size_t quarters = ((bytes - 1) >> shift) + 1;
    return {(shift - 8) * 4 + quarters - 4, quarters << shift};
}

} // namespace

packet_pool::~packet_pool() {
    EQUUS_ASSERT(bytes_in_use_ == 0);
    for (packet_buffer* buffer : free_) {
        while (buffer != nullptr) {
            packet_buffer* next = buffer->next;
            buffer->~packet_buffer();
            ::operator delete(static_cast<void*>(buffer));
            buffer = next;
        }
    }
}

packet_buffer* packet_pool::take(std::size_t bytes) {
    EQUUS_ASSERT(bytes <= std::size_t{1} << 31);
    const size_class wanted = class_of(bytes);
    packet_buffer* buffer = free_[wanted.index];
    if (buffer != nullptr) {
        free_[wanted.index] = buffer->next;
        bytes_free_ -= wanted.bytes;
        std::byte* data = buffer->data;
        *buffer = packet_buffer{};
        buffer->data = data;
    } else {
        ++allocations_;
        void* block = ::operator new(sizeof(packet_buffer) + alignment + wanted.bytes);
        buffer = ::new (block) packet_buffer{};
        // Aligned by hand: the aligned operator new is not on every target's list.
        auto* after = reinterpret_cast<std::byte*>(buffer + 1);
        const auto past = reinterpret_cast<std::uintptr_t>(after) % alignment;
        buffer->data = after + (past == 0 ? 0 : alignment - past);
    }
    buffer->capacity = static_cast<std::uint32_t>(wanted.bytes);
    buffer->limit = buffer->capacity;
    bytes_in_use_ += wanted.bytes;
    return buffer;
}

void packet_pool::give(packet_buffer* buffer) noexcept {
    if (buffer == nullptr)
        return;
    if (buffer->tail_of != nullptr) {
        let_go(*buffer->tail_of);
        buffer->tail_of = nullptr;
    }
    const std::size_t bytes = buffer->capacity;
    bytes_in_use_ -= bytes;
    if (bytes_free_ + bytes > free_bytes_max_) {
        buffer->~packet_buffer();
        ::operator delete(static_cast<void*>(buffer));
        return;
    }
    packet_buffer*& first = free_[class_of(bytes).index];
    buffer->next = first;
    first = buffer;
    bytes_free_ += bytes;
}

} // namespace equus::runtime
