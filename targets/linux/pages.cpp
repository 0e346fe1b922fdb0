#include "platform.hpp"

#include <sys/mman.h>

#include <cstdint>

namespace equus::platform {

namespace {

constexpr std::size_t huge_bytes = std::size_t{2} << 20;

} // namespace

void* take_pages(std::size_t size_bytes) noexcept {
    const bool huge = size_bytes >= huge_bytes;
    // Huge pages begin at multiples of their size: map more, and give the ends back.
    const std::size_t mapped = size_bytes + (huge ? huge_bytes : 0);
    void* raw = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED)
        return nullptr;
    if (!huge)
        return raw;
    auto* from = static_cast<std::byte*>(raw);
    const std::size_t past = reinterpret_cast<std::uintptr_t>(from) % huge_bytes;
    const std::size_t before = past == 0 ? 0 : huge_bytes - past;
    if (before != 0)
        munmap(from, before);
    munmap(from + before + size_bytes, huge_bytes - before);
    // Only advice: without huge pages it is ordinary memory.
    static_cast<void>(madvise(from + before, size_bytes, MADV_HUGEPAGE));
    return from + before;
}

void give_pages(void* block, std::size_t size_bytes) noexcept {
    munmap(block, size_bytes);
}

} // namespace equus::platform
