#include "runtime/bulk_memory.hpp"

#include <equus/base/assert.hpp>

#include <bit>
#include <limits>
#include <new>

namespace equus::runtime {

namespace {

constexpr std::uint64_t page_bytes = 4096;

struct size_class {
    std::size_t index;
    std::uint64_t bytes;
};

/// Whole pages: 1, 2, 3 and 4 of them, then four classes to a doubling.
size_class class_of(std::uint64_t size_bytes) noexcept {
    const std::uint64_t pages = size_bytes == 0 ? 1 : (size_bytes + page_bytes - 1) / page_bytes;
    if (pages <= 4)
        return {static_cast<std::size_t>(pages - 1), pages * page_bytes};
    const auto shift = static_cast<std::size_t>(std::bit_width(pages - 1)) - 3;
    const std::uint64_t quarters = ((pages - 1) >> shift) + 1;
    return {4 * shift + static_cast<std::size_t>(quarters) - 1, (quarters << shift) * page_bytes};
}

} // namespace

void keep(bulk_block& block) noexcept {
    ++block.users;
}

void let_go(bulk_block& block) noexcept {
    if (--block.users == 0)
        block.pool->give_back(block);
}

bulk_pool::~bulk_pool() {
    EQUUS_ASSERT(in_use_ == 0);
    for (bulk_block* list : free_)
        while (list != nullptr) {
            bulk_block* next = list->next;
            release(*list);
            list = next;
        }
}

kept_block bulk_pool::take(account& to, std::uint64_t size_bytes, bool forced) noexcept {
    if (size_bytes > bytes_max_)
        return {};
    const size_class wanted = class_of(size_bytes);
    if (wanted.index >= class_count || wanted.bytes > std::numeric_limits<std::size_t>::max() / 2 ||
        in_use_ + wanted.bytes > bytes_max_)
        return {};
    if (!forced && to.used_bytes + wanted.bytes > to.limit_bytes)
        return {};
    bulk_block* block = free_[wanted.index];
    if (block != nullptr) {
        free_[wanted.index] = block->next;
        kept_ -= wanted.bytes;
    } else {
        const auto size = static_cast<std::size_t>(wanted.bytes);
        void* data = memory_.take
                         ? memory_.take(size)
                         : ::operator new (size, std::align_val_t{page_bytes}, std::nothrow);
        if (data == nullptr)
            return {};
        block = new bulk_block;
        block->pool = this;
        block->data = static_cast<std::byte*>(data);
        block->capacity = wanted.bytes;
    }
    block->next = nullptr;
    block->charged = &to;
    memory_pool::charge(to, wanted.bytes);
    in_use_ += wanted.bytes;
    return kept_block{*block};
}

bool bulk_pool::charge_to(bulk_block& block, account& to) noexcept {
    if (block.charged == &to)
        return true;
    if (to.used_bytes + block.capacity > to.limit_bytes)
        return false;
    memory_pool::charge(to, block.capacity);
    memory_pool::discharge(*block.charged, block.capacity);
    block.charged = &to;
    return true;
}

void bulk_pool::give_back(bulk_block& block) noexcept {
    in_use_ -= block.capacity;
    memory_pool::discharge(*block.charged, block.capacity);
    block.charged = nullptr;
    if (kept_ + block.capacity > kept_max_) {
        release(block);
        return;
    }
    kept_ += block.capacity;
    bulk_block*& first = free_[class_of(block.capacity).index];
    block.next = first;
    first = &block;
}

void bulk_pool::release(bulk_block& block) noexcept {
    if (memory_.give)
        memory_.give(block.data, static_cast<std::size_t>(block.capacity));
    else
        ::operator delete (block.data, std::align_val_t{page_bytes});
    delete &block;
}

} // namespace equus::runtime
