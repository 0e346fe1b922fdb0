// What buffers and bulk ask of the runtime, untyped (see equus/buffer.hpp and equus/bulk.hpp).
// Implemented in src/runtime; every function acts for the running incarnation.
#pragma once

#include <equus/base/fields.hpp>
#include <equus/core/operation.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace equus {

/// Rows of bytes at equal distances: a part of an area of memory. One row is a range of bytes;
/// several are a rectangle of a larger one, from the byte `offset` on, whose rows begin `stride`
/// bytes apart. Requires stride >= row_bytes when there are several rows.
struct strided {
    std::uint64_t offset = 0;
    std::uint64_t row_bytes = 0;
    std::uint64_t rows = 1;
    std::uint64_t stride = 0;
    constexpr std::uint64_t bytes() const noexcept { return rows * row_bytes; }
    EQUUS_FIELDS(offset, row_bytes, rows, stride)
};

/// A list of such parts, taken one after the other as one sequence of bytes.
using layout = std::vector<strided>;

/// `range(offset, n)`: n bytes in a row.
inline layout range(std::uint64_t offset, std::uint64_t size_bytes) {
    return {{offset, size_bytes, 1, 0}};
}

} // namespace equus

namespace equus::detail {

/// A buffer of the running incarnation: where it lies, and its entry in the incarnation's table.
struct buffer_view {
    reference entry;
    std::byte* data = nullptr;
    std::size_t size = 0;
};

/// Waits until bytes have been moved between this incarnation's memory and a buffer or bulk that
/// may be elsewhere.
struct bulk_operation : operation {
    enum class action : std::uint8_t {
        read,  ///< from the buffer of a handle to `near`
        write, ///< from `near` to the buffer of a handle
        fetch, ///< bulk that came with a message, to `into`, or to a buffer of its own
    };
    bulk_operation() noexcept : operation{operation_kind::bulk} {}
    action what = action::read;
    reference subject;      ///< the handle, or the bulk
    std::byte* base{};      ///< of this incarnation's memory
    std::size_t room = 0;   ///< bytes of it
    layout near;            ///< which of them; empty: all
    layout far;             ///< which of the buffer's
    reference into;         ///< of a fetch: a buffer of this incarnation; empty: a new one
    std::uint64_t at = 0;   ///< where in it
    buffer_view made;       ///< by a fetch
    std::uint64_t id = 0;   ///< of the kernel's, while it is under way
    void* source = nullptr; ///< the bulk whose early bytes it waits for
};
/// Begins the operation. It may have ended at once; whoever awaits it is resumed in a later step
/// all the same.
void begin(bulk_operation& op);

/// Errors: too_large (buffer_bytes_max), out_of_memory.
result<buffer_view> make_buffer(std::size_t size_bytes);
/// A handle on a buffer of this incarnation, with those of its rights. Empty: the table is full.
reference handle_of(reference buffer, std::uint32_t rights);
/// Whether somebody still reads it or writes to it: bulk not yet taken, a copy under way.
bool buffer_in_use(reference buffer) noexcept;
std::uint64_t buffer_handle_size(reference handle) noexcept;

/// Bulk of a part of a buffer, to be put into a message. `give`: the buffer goes with it, whole.
result<reference> make_bulk(reference buffer, std::uint64_t offset, std::uint64_t size_bytes,
                            bool give);
std::uint64_t bulk_size(reference bulk) noexcept;

/// Closes an entry if it is the running incarnation's and still there.
void close_quietly(reference entry) noexcept;

} // namespace equus::detail
