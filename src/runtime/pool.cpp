#include "runtime/pool.hpp"

#include <equus/base/assert.hpp>

#include <bit>
#include <new>

namespace equus::runtime {

namespace {

struct block_header {
    account* charged;
    std::uint32_t size_class;
    std::uint32_t bytes; // as charged
};
constexpr std::size_t header_bytes = 16;
static_assert(sizeof(block_header) <= header_bytes);

} // namespace

memory_pool::memory_pool() {
    kernel_.pool = this;
    kernel_.blocks = 1;
}

memory_pool::~memory_pool() {
    for (free_block* list : free_)
        while (list) {
            free_block* next = list->next;
            ::operator delete(list);
            list = next;
        }
}

account* memory_pool::open_account(std::uint64_t limit_bytes) {
    return new account{this, 0, limit_bytes, 1};
}

void memory_pool::close(account* owned) noexcept {
    drop(owned);
}

void memory_pool::drop(account* from) noexcept {
    if (--from->blocks == 0)
        delete from;
}

std::uint32_t memory_pool::class_of(std::size_t bytes) noexcept {
    if (bytes <= small_max)
        return static_cast<std::uint32_t>((bytes - 1) / step_bytes);
    const auto doublings = static_cast<std::uint32_t>(std::bit_width((bytes - 1) / small_max));
    const auto index = static_cast<std::uint32_t>(small_max / step_bytes) + doublings - 1;
    return index < class_count ? index : system_class;
}

std::size_t memory_pool::class_bytes(std::uint32_t index) noexcept {
    constexpr auto small_count = static_cast<std::uint32_t>(small_max / step_bytes);
    return index < small_count ? (index + 1) * step_bytes : small_max << (index - small_count + 1);
}

void* memory_pool::allocate(account& to, std::size_t size_bytes, bool forced) noexcept {
    const std::size_t wanted = size_bytes + header_bytes;
    const std::uint32_t index = class_of(wanted);
    const std::size_t taken = index == system_class ? wanted : class_bytes(index);
    if (!forced && to.used_bytes + taken > to.limit_bytes)
        return nullptr;
    void* raw;
    if (index != system_class && free_[index]) {
        raw = free_[index];
        free_[index] = free_[index]->next;
    } else {
        if (taken > 0xffff'ffffu)
            return nullptr;
        raw = ::operator new(taken, std::nothrow);
        if (!raw)
            return nullptr;
    }
    to.used_bytes += taken;
    ++to.blocks;
    new (raw) block_header{&to, index, static_cast<std::uint32_t>(taken)};
    return static_cast<std::byte*>(raw) + header_bytes;
}

void memory_pool::free(void* block) noexcept {
    if (!block)
        return;
    void* raw = static_cast<std::byte*>(block) - header_bytes;
    const block_header header = *static_cast<block_header*>(raw);
    memory_pool& pool = *header.charged->pool;
    const bool kernels = header.charged == &pool.kernel_;
    header.charged->used_bytes -= header.bytes;
    if (kernels)
        --header.charged->blocks;
    else
        drop(header.charged);
    if (header.size_class == system_class) {
        ::operator delete(raw);
        return;
    }
    auto* freed = new (raw) free_block{pool.free_[header.size_class]};
    pool.free_[header.size_class] = freed;
}

} // namespace equus::runtime
