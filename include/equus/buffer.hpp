// A buffer is an area of memory of an incarnation that others may read and write, and that bulk
// lies in. It begins at a page and is made of recycled memory, because a fresh page costs more than
// copying what is put into it. Who holds its buffer handle with the right moves bytes to and fro,
// from wherever it runs [K32]:
//
//     auto picture = co_await ok(buffer::of(width * height));
//     co_await out.send<job>(picture.handle(right::read));
//     ...
//     co_await ok(co_await job.picture.copy_from(0, rows));
//
// A copy on the same node is a copy; to or from another node it travels in chunks of one packet,
// behind all messages and control, as far ahead as `bulk_window_bytes` allows. Nothing is
// synchronised: whoever writes while others read, or reads what others write, sees bytes of both.
// An operation that has begun ends within its deadline; one that fails may have moved a part.
#pragma once

#include <equus/core/bulk.hpp>
#include <equus/rights.hpp>

#include <algorithm>
#include <utility>

namespace equus {

namespace detail {

class copying : public awaitable {
public:
    copying(bulk_operation::action what, reference handle, std::byte* base, std::size_t room,
            layout near, layout far) noexcept {
        operation_.what = what;
        operation_.subject = handle;
        operation_.base = base;
        operation_.room = room;
        operation_.near = std::move(near);
        operation_.far = std::move(far);
    }
    copying(const copying&) = delete;
    copying& operator=(const copying&) = delete;
    /// Ends after `timeout`: `timed_out` when reading, `maybe_delivered` when writing.
    copying& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        begin(operation_);
        if (!operation_.has_ended())
            set_timeout(operation_, timeout_);
        return false;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }
    result<void> await_resume() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return {};
    }

private:
    duration timeout_ = std::chrono::seconds{30};
    bulk_operation operation_;
};

} // namespace detail

/// Authority over a buffer, wherever it is. As a field of a message it passes a copy on.
class buffer_handle : public reference {
public:
    constexpr buffer_handle() noexcept = default;
    constexpr explicit buffer_handle(reference untyped) noexcept : reference{untyped} {}

    /// Bytes of the whole buffer; 0 for an empty handle.
    std::uint64_t size() const noexcept { return detail::buffer_handle_size(*this); }

    /// Writes `from` into the buffer from the byte `offset` on: result<void>. Errors:
    /// no_such_reference, access_denied, invalid_argument (outside the buffer), closed (the buffer
    /// has ended), broken or maybe_delivered (its node is gone), limit_reached, and the deadline's.
    /// What is read or written stays alone until this has ended.
    detail::copying copy_to(std::uint64_t offset, std::span<const std::byte> from) const {
        return copy_to(range(offset, from.size()), from);
    }
    /// The same to several parts of the buffer, one after the other.
    detail::copying copy_to(layout to, std::span<const std::byte> from) const {
        return copy_to(std::move(to), from, {});
    }
    /// The same from several parts of `from`; both have equally many bytes.
    detail::copying copy_to(layout to, std::span<const std::byte> from, layout of_from) const {
        return {detail::bulk_operation::action::write,
                *this,
                const_cast<std::byte*>(from.data()), // only read by a write
                from.size(),
                std::move(of_from),
                std::move(to)};
    }
    /// Reads from the buffer into `to`: result<void>, errors as those of `copy_to`.
    detail::copying copy_from(std::uint64_t offset, std::span<std::byte> to) const {
        return copy_from(range(offset, to.size()), to);
    }
    detail::copying copy_from(layout from, std::span<std::byte> to) const {
        return copy_from(std::move(from), to, {});
    }
    detail::copying copy_from(layout from, std::span<std::byte> to, layout of_to) const {
        return {detail::bulk_operation::action::read,
                *this,
                to.data(),
                to.size(),
                std::move(of_to),
                std::move(from)};
    }
};

/// A copy of a handle with less: `narrowed(handle, right::read)`.
inline result<buffer_handle> narrowed(const buffer_handle& original, rights kept,
                                      propagation reach = propagation::free) {
    auto made = narrowed(static_cast<const reference&>(original), kept, reach);
    if (!made)
        return fail(std::move(made.error()));
    return buffer_handle{*made};
}

/// Owns the area; ends it. No field of a message: pass a handle on, or the buffer itself as bulk.
class buffer {
public:
    buffer() noexcept = default;
    explicit buffer(const detail::buffer_view& made) noexcept : view_{made} {}
    buffer(buffer&& other) noexcept : view_{std::exchange(other.view_, {})} {}
    buffer& operator=(buffer&& other) noexcept {
        if (this != &other) {
            close();
            view_ = std::exchange(other.view_, {});
        }
        return *this;
    }
    ~buffer() { close(); }

    /// Page-aligned, its contents unspecified, charged to the running incarnation until nobody uses
    /// it any more. Errors: too_large (buffer_bytes_max), out_of_memory, limit_reached.
    static result<buffer> of(std::size_t size_bytes) {
        auto made = detail::make_buffer(size_bytes);
        if (!made)
            return fail(std::move(made.error()));
        return buffer{*made};
    }

    std::size_t size() const noexcept { return view_.size; }
    bool empty() const noexcept { return view_.size == 0; }
    std::byte* data() noexcept { return view_.data; }
    const std::byte* data() const noexcept { return view_.data; }
    std::span<std::byte> span() noexcept { return {view_.data, view_.size}; }
    std::span<const std::byte> span() const noexcept { return {view_.data, view_.size}; }

    /// Authority over it, to be passed on. Empty when the table of references is full.
    buffer_handle handle(rights allowed = right::read | right::write) const {
        return buffer_handle{detail::handle_of(view_.entry, allowed)};
    }
    /// Bulk of it has not been taken yet, or a copy is under way: leave the contents alone.
    bool in_use() const noexcept { return detail::buffer_in_use(view_.entry); }
    /// Ends it: its handles find nothing any more, what is under way ends as if it were there.
    void close() noexcept {
        if (view_.entry)
            detail::close_quietly(std::exchange(view_, {}).entry);
    }
    /// Its entry in the incarnation's table, for bulk.
    reference entry() const noexcept { return view_.entry; }
    /// Lets it go without ending it.
    void release() noexcept { view_ = {}; }

private:
    detail::buffer_view view_;
};

} // namespace equus
