// Memory of a node: blocks of a few sizes, recycled, each charged to an account. An incarnation has
// an account with a limit, the kernel has one without. A block remembers its account, so it may be
// freed by anyone and after the incarnation has ended: the account lives as long as its last block.
// Small blocks are cut from slabs and carry nothing but that memory of their account.
#pragma once

#include <equus/core/memory.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace equus::runtime {

class memory_pool;

/// What operator new gave to an incarnation's code is in its account too (core/memory.hpp); those
/// blocks name a ledger instead, which outlives the pool.
struct account : detail::memory_use {
    memory_pool* pool = nullptr;
    std::uint32_t blocks = 0;     ///< live ones, and one for the owner
    std::uint32_t size_class = 0; ///< of the block that it heads
};

class memory_pool {
public:
    memory_pool();
    ~memory_pool();
    memory_pool(const memory_pool&) = delete;
    memory_pool& operator=(const memory_pool&) = delete;

    account& kernel_account() noexcept { return kernel_; }
    /// An account with one owner, who ends it with close(), and `room_bytes` behind it for the
    /// owner's own record, 16-aligned, charged to it; see room_of. Null when there is no memory.
    account* open_account(std::uint64_t limit_bytes, std::size_t room_bytes);
    static void* room_of(account* owned) noexcept {
        return reinterpret_cast<std::byte*>(owned) + account_bytes;
    }
    static account* account_of(void* room) noexcept {
        return reinterpret_cast<account*>(static_cast<std::byte*>(room) - account_bytes);
    }
    void close(account* owned) noexcept;

    /// A 16-aligned block; null when the account's limit or the system does not allow it. `forced`:
    /// the limit is not looked at (what credit has already promised).
    void* allocate(account& to, std::size_t size_bytes, bool forced = false) noexcept;
    static void free(void* block) noexcept;

    /// Memory from elsewhere that counts as the account's, and keeps it alive like a block.
    static void charge(account& to, std::uint64_t size_bytes) noexcept {
        to.used_bytes += size_bytes;
        ++to.blocks;
    }
    static void discharge(account& from, std::uint64_t size_bytes) noexcept {
        from.used_bytes -= size_bytes;
        drop(&from);
    }

    /// A record of the kernel's own, made in a block without a header: who destroys it knows its
    /// type. Null when there is no memory.
    template <class T>
    T* make_record() noexcept {
        static_assert(sizeof(T) <= small_max && alignof(T) <= 16);
        void* raw = raw_block(class_of(sizeof(T)), class_bytes(class_of(sizeof(T))));
        return raw ? new (raw) T : nullptr;
    }
    template <class T>
    void destroy_record(T* record) noexcept {
        record->~T();
        give_back(record, class_of(sizeof(T)));
    }

private:
    struct free_block {
        free_block* next;
    };
    // 16-byte steps up to 1 KiB, then doubling up to 64 KiB; larger ones go to the system each
    // time.
    static constexpr std::size_t step_bytes = 16;
    static constexpr std::size_t small_max = 1024;
    static constexpr std::size_t slab_bytes = 16 * 1024;
    static constexpr std::size_t account_bytes = (sizeof(account) + 15) / 16 * 16;
    static constexpr std::size_t class_count = small_max / step_bytes + 6;
    static constexpr std::uint32_t system_class = ~0u;
    static std::uint32_t class_of(std::size_t bytes) noexcept;
    static std::size_t class_bytes(std::uint32_t index) noexcept;
    static void drop(account* from) noexcept;
    void* cut_small(std::size_t taken) noexcept;
    /// A block of that class, or of `taken` bytes from the system; null when there is none.
    void* raw_block(std::uint32_t index, std::size_t taken) noexcept;
    void give_back(void* raw, std::uint32_t index) noexcept;

    account kernel_;
    std::array<free_block*, class_count> free_{};
    std::byte* slab_at_ = nullptr; ///< what is left of the newest slab
    std::size_t slab_left_ = 0;
    free_block* slabs_ = nullptr;
};

} // namespace equus::runtime
