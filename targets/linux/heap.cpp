// The program's operator new and delete. A block of the application's code is charged to the
// incarnation that runs and says so in a header, so that whoever frees it, on whatever thread and
// after whatever end, gives the bytes back to the right account. Below lies malloc: what watches
// that (a sanitizer, a profiler) watches these blocks.
#include "platform.hpp"

#include <equus/core/memory.hpp>
#include <equus/core/operation.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define EQUUS_HEAP_IS_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EQUUS_HEAP_IS_WATCHED 1
#endif
#endif
#if defined(EQUUS_HEAP_IS_WATCHED)
#include <sanitizer/asan_interface.h>
#endif

namespace equus::detail {

/// Programs without a kernel have no incarnations, and need not have this.
memory_use& memory_of(incarnation_core& which) noexcept __attribute__((weak));

namespace {

/// Code that cannot be refused anything may have twice its limit, and this much at least.
constexpr std::uint64_t heap_reserve_bytes = 256u << 20;

/// Charged by the incarnation's own thread, given back to by any. While its incarnation lives
/// `freed` counts up from zero and is emptied into `outstanding`; when it ends, what is outstanding
/// is taken off it, and the block that brings it back to zero was the last.
struct ledger : heap_ledger {
    std::atomic<std::int64_t> freed{0};
};

struct header {
    ledger* payer;     ///< null: nobody
    std::size_t bytes; ///< as charged: of the block and of what lies before it
};
constexpr std::size_t header_bytes = 16;
static_assert(sizeof(header) <= header_bytes);
static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ <= header_bytes);

void end(ledger* which) noexcept {
    which->~ledger();
    std::free(which);
}

void give_back(ledger& to, std::size_t bytes) noexcept {
    const auto amount = static_cast<std::int64_t>(bytes);
    if (to.freed.fetch_add(amount, std::memory_order_acq_rel) + amount == 0)
        end(&to);
}

/// The running incarnation's, or null when there is no memory even for that.
ledger* open_ledger(incarnation_core& of) noexcept {
    void* raw = std::malloc(sizeof(ledger));
    if (!raw)
        return nullptr;
    auto* made = new (raw) ledger;
    made->use = &memory_of(of);
    of.heap = made;
    return made;
}

/// Whether the incarnation may have so many bytes more, apart from what must be given all the same.
bool has_room(incarnation_core& of, std::size_t bytes) noexcept {
    const memory_use& use = *of.heap->use;
    const auto fits = [&] {
        return use.used_bytes <= use.limit_bytes && bytes <= use.limit_bytes - use.used_bytes;
    };
    if (fits()) [[likely]]
        return true;
    settle_heap(of);
    return fits();
}

/// Code that cannot be refused anything and never ends its step: nobody else can be saved from it.
[[noreturn]] void end_process(const memory_use& use) noexcept {
    std::fprintf(stderr,
                 "an incarnation has %llu bytes of %llu, in code that no exception can end; the "
                 "node ends\n",
                 static_cast<unsigned long long>(use.used_bytes),
                 static_cast<unsigned long long>(use.limit_bytes));
    std::_Exit(platform::exit_out_of_memory);
}

/// Who pays for a new block; `refused`: its code gets none.
ledger* payer_of(std::size_t bytes, bool& refused) noexcept {
    incarnation_core* core = running();
    if (!core || core->allocating == heap_use::kernel)
        return nullptr;
    auto* payer = static_cast<ledger*>(core->heap);
    if (!payer && !(payer = open_ledger(*core)))
        return nullptr;
    if (!has_room(*core, bytes)) [[unlikely]] {
        if (core->allocating == heap_use::limited) {
            refused = true;
            return nullptr;
        }
        payer->exceeded = true;
        const memory_use& use = *payer->use;
        if (use.used_bytes / 2 > use.limit_bytes && use.used_bytes > heap_reserve_bytes)
            end_process(use);
    }
    payer->use->used_bytes += bytes;
    payer->outstanding += static_cast<std::int64_t>(bytes);
    return payer;
}

/// `alignment`: at least header_bytes.
void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (size > std::numeric_limits<std::size_t>::max() - 2 * alignment)
        return nullptr;
    const std::size_t bytes = (size + 2 * alignment - 1) / alignment * alignment;
    const std::size_t exact = size + alignment; // a sanitizer sees the first byte behind it
    bool refused = false;
    ledger* payer = payer_of(exact, refused);
    if (refused)
        return nullptr;
    void* raw =
        alignment == header_bytes ? std::malloc(exact) : std::aligned_alloc(alignment, bytes);
    if (!raw) {
        if (payer)
            give_back(*payer, exact);
        return nullptr;
    }
    auto* block = static_cast<std::byte*>(raw) + alignment;
    new (block - header_bytes) header{payer, exact};
#if defined(EQUUS_HEAP_IS_WATCHED)
    ASAN_POISON_MEMORY_REGION(raw, alignment);
#endif
    return block;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
    while (true) {
        if (void* block = allocate(size, alignment)) [[likely]]
            return block;
        const std::new_handler handler = std::get_new_handler();
        if (!handler)
            throw std::bad_alloc{};
        handler();
    }
}

// Headers are poisoned, so that code which runs out of the front of its block is found.
header* header_of(const void* block) noexcept {
    return reinterpret_cast<header*>(
        const_cast<std::byte*>(static_cast<const std::byte*>(block) - header_bytes));
}
__attribute__((no_sanitize_address)) header read_header(const void* block) noexcept {
    const header* at = header_of(block);
    return {at->payer, at->bytes};
}
__attribute__((no_sanitize_address)) void write_payer(const void* block, ledger* payer) noexcept {
    header_of(block)->payer = payer;
}

void free_at(void* block, std::size_t alignment) noexcept {
    if (!block)
        return;
    const header was = read_header(block);
    std::free(static_cast<std::byte*>(block) - alignment); // first: it knows what is no block
    if (was.payer)
        give_back(*was.payer, was.bytes);
}

std::size_t at_least_header(std::align_val_t alignment) noexcept {
    const auto wanted = static_cast<std::size_t>(alignment);
    return wanted < header_bytes ? header_bytes : wanted;
}

} // namespace

void settle_heap(incarnation_core& which) noexcept {
    auto* own = static_cast<ledger*>(which.heap);
    if (!own)
        return;
    const std::int64_t freed = own->freed.exchange(0, std::memory_order_acq_rel);
    own->outstanding -= freed;
    own->use->used_bytes -= static_cast<std::uint64_t>(freed);
}

void close_heap(incarnation_core& which) noexcept {
    settle_heap(which);
    auto* own = static_cast<ledger*>(which.heap);
    which.heap = nullptr;
    own->use = nullptr;
    const std::int64_t outstanding = own->outstanding;
    if (own->freed.fetch_sub(outstanding, std::memory_order_acq_rel) == outstanding)
        end(own);
}

void adopt_block(const void* block) noexcept {
    incarnation_core* core = running();
    if (!core)
        return;
    const header was = read_header(block);
    auto* own = static_cast<ledger*>(core->heap);
    if (!own)
        own = open_ledger(*core);
    if (was.payer == own || !own)
        return;
    own->use->used_bytes += was.bytes;
    own->outstanding += static_cast<std::int64_t>(was.bytes);
    write_payer(block, own);
    if (was.payer)
        give_back(*was.payer, was.bytes);
}

} // namespace equus::detail

// ---------------------------------------------------------------------- what the language calls

using equus::detail::allocate;
using equus::detail::allocate_or_throw;
using equus::detail::at_least_header;
using equus::detail::free_at;
using equus::detail::header_bytes;

void* operator new(std::size_t size) {
    return allocate_or_throw(size, header_bytes);
}
void* operator new[](std::size_t size) {
    return allocate_or_throw(size, header_bytes);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return allocate(size, header_bytes);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return allocate(size, header_bytes);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, at_least_header(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, at_least_header(alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate(size, at_least_header(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate(size, at_least_header(alignment));
}

void operator delete(void* block) noexcept {
    free_at(block, header_bytes);
}
void operator delete[](void* block) noexcept {
    free_at(block, header_bytes);
}
void operator delete(void* block, std::size_t) noexcept {
    free_at(block, header_bytes);
}
void operator delete[](void* block, std::size_t) noexcept {
    free_at(block, header_bytes);
}
void operator delete(void* block, const std::nothrow_t&) noexcept {
    free_at(block, header_bytes);
}
void operator delete[](void* block, const std::nothrow_t&) noexcept {
    free_at(block, header_bytes);
}
void operator delete(void* block, std::align_val_t alignment) noexcept {
    free_at(block, at_least_header(alignment));
}
void operator delete[](void* block, std::align_val_t alignment) noexcept {
    free_at(block, at_least_header(alignment));
}
void operator delete(void* block, std::size_t, std::align_val_t alignment) noexcept {
    free_at(block, at_least_header(alignment));
}
void operator delete[](void* block, std::size_t, std::align_val_t alignment) noexcept {
    free_at(block, at_least_header(alignment));
}
void operator delete(void* block, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    free_at(block, at_least_header(alignment));
}
void operator delete[](void* block, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    free_at(block, at_least_header(alignment));
}
