// Memory for bulk: it begins at a page, from where copying is fastest, and a page of it costs
// nothing before its first use. Recycle it: a fresh page costs more than copying what is read into
// it.
#pragma once

#include <equus/base/assert.hpp>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>

namespace equus::transport {

inline constexpr std::size_t page_bytes = 4096;

class page_buffer {
public:
    page_buffer() noexcept = default;
    /// Requires a multiple of `page_bytes`. The contents are indeterminate.
    explicit page_buffer(std::size_t size_bytes)
        : memory_{static_cast<std::byte*>(std::aligned_alloc(page_bytes, size_bytes))},
          size_bytes_{size_bytes} {
        EQUUS_ASSERT(memory_ != nullptr);
    }

    std::span<std::byte> span() noexcept { return {memory_.get(), size_bytes_}; }
    explicit operator bool() const noexcept { return memory_ != nullptr; }

private:
    struct release {
        void operator()(std::byte* memory) const noexcept { std::free(memory); }
    };
    std::unique_ptr<std::byte, release> memory_;
    std::size_t size_bytes_ = 0;
};

} // namespace equus::transport
