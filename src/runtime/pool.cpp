#include "runtime/pool.hpp"

#include <equus/base/assert.hpp>
#include <equus/core/operation.hpp>

#include <bit>
#include <new>
#include <utility>

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
    constexpr std::size_t small_count = small_max / step_bytes;
    for (std::size_t i = small_count; i < free_.size(); ++i)
        while (free_block* list = free_[i]) {
            free_[i] = list->next;
            ::operator delete(list);
        }
    while (free_block* slab = slabs_) {
        slabs_ = slab->next;
        ::operator delete(slab);
    }
}

account* memory_pool::open_account(std::uint64_t limit_bytes, std::size_t room_bytes) {
    const std::size_t wanted = account_bytes + room_bytes;
    const std::uint32_t index = class_of(wanted);
    const std::size_t taken = index == system_class ? wanted : class_bytes(index);
    void* raw = raw_block(index, taken);
    return raw ? new (raw) account{{taken, limit_bytes}, this, 1, index} : nullptr;
}

void memory_pool::close(account* owned) noexcept {
    drop(owned);
}

void memory_pool::drop(account* from) noexcept {
    if (--from->blocks == 0)
        from->pool->give_back(from, from->size_class);
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

void* memory_pool::cut_small(std::size_t taken) noexcept {
    if (slab_left_ < taken) {
        void* raw = ::operator new(slab_bytes, std::nothrow);
        if (!raw)
            return nullptr;
        slabs_ = new (raw) free_block{slabs_};
        slab_at_ = static_cast<std::byte*>(raw) + step_bytes;
        slab_left_ = slab_bytes - step_bytes;
    }
    slab_left_ -= taken;
    return std::exchange(slab_at_, slab_at_ + taken);
}

void* memory_pool::raw_block(std::uint32_t index, std::size_t taken) noexcept {
    if (index != system_class && free_[index]) [[likely]]
        return std::exchange(free_[index], free_[index]->next);
    // The pool's own: what is cut from it is charged, in its account.
    const detail::allocating_scope scope{detail::running(), detail::heap_use::kernel};
    return taken <= small_max ? cut_small(taken) : ::operator new(taken, std::nothrow);
}

void memory_pool::give_back(void* raw, std::uint32_t index) noexcept {
    if (index == system_class) [[unlikely]]
        ::operator delete(raw);
    else
        free_[index] = new (raw) free_block{free_[index]};
}

void* memory_pool::allocate(account& to, std::size_t size_bytes, bool forced) noexcept {
    const std::size_t wanted = size_bytes + header_bytes;
    const std::uint32_t index = class_of(wanted);
    const std::size_t taken = index == system_class ? wanted : class_bytes(index);
    if (!forced && to.used_bytes + taken > to.limit_bytes)
        return nullptr;
    if (taken > 0xffff'ffffu)
        return nullptr;
    void* raw = raw_block(index, taken);
    if (!raw)
        return nullptr;
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
    header.charged->used_bytes -= header.bytes;
    drop(header.charged); // the kernel's own never has none
    pool.give_back(raw, header.size_class);
}

} // namespace equus::runtime
