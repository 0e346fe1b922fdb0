// Memory for buffers: blocks that begin at a page, in size classes (four to a doubling), recycled,
// because a fresh page costs more than copying what is put into it. A block is charged to one
// account and kept for as long as somebody uses it: its owner, bulk that lies in it, a packet that
// is sent from it. What nobody uses is kept for the next one, up to a bound.
#pragma once

#include "runtime/pool.hpp"

#include <equus/kernel/kernel.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace equus::runtime {

class bulk_pool;

struct bulk_block {
    bulk_pool* pool = nullptr;
    account* charged = nullptr;
    std::byte* data = nullptr;
    std::uint64_t capacity = 0;
    std::uint32_t users = 0;
    bulk_block* next = nullptr; ///< in the pool's list of free ones
};
void keep(bulk_block& block) noexcept;
void let_go(bulk_block& block) noexcept;

/// Keeps a block.
class kept_block {
public:
    kept_block() noexcept = default;
    explicit kept_block(bulk_block& block) noexcept : block_{&block} { keep(block); }
    kept_block(const kept_block& other) noexcept : block_{other.block_} {
        if (block_)
            keep(*block_);
    }
    kept_block(kept_block&& other) noexcept : block_{other.block_} { other.block_ = nullptr; }
    kept_block& operator=(kept_block other) noexcept {
        bulk_block* mine = block_;
        block_ = other.block_;
        other.block_ = mine;
        return *this;
    }
    ~kept_block() {
        if (block_)
            let_go(*block_);
    }
    bulk_block* get() const noexcept { return block_; }
    bulk_block* operator->() const noexcept { return block_; }
    bulk_block& operator*() const noexcept { return *block_; }
    explicit operator bool() const noexcept { return block_ != nullptr; }

private:
    bulk_block* block_ = nullptr;
};

class bulk_pool {
public:
    bulk_pool(bulk_memory memory, std::uint64_t bytes_max, std::uint64_t kept_max) noexcept
        : memory_{memory}, bytes_max_{bytes_max}, kept_max_{kept_max} {}
    /// Nobody uses a block any more.
    ~bulk_pool();
    bulk_pool(const bulk_pool&) = delete;
    bulk_pool& operator=(const bulk_pool&) = delete;

    /// A block of at least that size, charged to the account; empty when the account's limit, the
    /// node's, or the system does not allow it. `forced`: the account's limit is not looked at.
    kept_block take(account& to, std::uint64_t size_bytes, bool forced = false) noexcept;
    /// From now on another account is charged; false, and nothing changes: its limit.
    static bool charge_to(bulk_block& block, account& to) noexcept;

    std::uint64_t bytes_in_use() const noexcept { return in_use_; }
    std::uint64_t bytes_kept() const noexcept { return kept_; }

private:
    friend void let_go(bulk_block& block) noexcept;
    void give_back(bulk_block& block) noexcept;
    void release(bulk_block& block) noexcept;

    static constexpr std::size_t class_count = 112; ///< up to 2^40 bytes
    bulk_memory memory_;
    std::uint64_t bytes_max_;
    std::uint64_t kept_max_;
    std::uint64_t in_use_ = 0;
    std::uint64_t kept_ = 0;
    std::array<bulk_block*, class_count> free_{};
};

} // namespace equus::runtime
