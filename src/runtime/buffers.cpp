// Buffers of incarnations, the handles that lead to them, and copies within the node.
#include "runtime/kernel_impl.hpp"

#include <cstring>

namespace equus {

using namespace runtime;

namespace {

/// The bytes of all parts, when each of them lies within `size` bytes.
result<std::uint64_t> bytes_of(const layout& parts, std::uint64_t size, std::uint32_t parts_max) {
    if (parts.size() > parts_max)
        return fail(errc::too_large, "bulk_parts_max");
    std::uint64_t sum = 0;
    for (const strided& part : parts) {
        if (part.rows == 0 || part.row_bytes == 0)
            continue;
        if (part.rows > 1 && part.stride < part.row_bytes)
            return fail(errc::invalid_argument, "rows that overlap: stride below row_bytes");
        // Each step compared before it is made: nothing overflows.
        const bool fits = part.offset <= size && part.row_bytes <= size - part.offset &&
                          (part.rows == 1 ||
                           part.rows - 1 <= (size - part.offset - part.row_bytes) / part.stride);
        if (!fits)
            return fail(errc::invalid_argument, "a part outside of the buffer or the memory");
        sum += part.bytes();
    }
    return sum;
}

/// Both have `total` bytes, and may overlap.
void copy_parts(part_cursor from, part_cursor to, std::uint64_t total) noexcept {
    while (total != 0) {
        std::span<std::byte> piece = from.next(total);
        total -= piece.size();
        while (!piece.empty()) {
            const std::span<std::byte> room = to.next(piece.size());
            std::memmove(room.data(), piece.data(), room.size());
            piece = piece.subspan(room.size());
        }
    }
}

} // namespace

buffer_record* kernel_impl::find_buffer(buffer_id id, std::uint32_t slot) const noexcept {
    buffer_record* buffer = buffers.at(slot);
    return buffer && buffer->id == id ? buffer : nullptr;
}

buffer_record* kernel_impl::own_buffer(incarnation_record& inc, reference entry) noexcept {
    const reference_entry* found = lookup(inc, entry);
    return found && found->kind == reference_kind::area ? static_cast<buffer_record*>(found->record)
                                                        : nullptr;
}

result<detail::buffer_view> kernel_impl::add_buffer(incarnation_record& inc, kept_block block,
                                                    std::uint64_t size) {
    auto* made = new buffer_record;
    made->owner = &inc;
    made->id = {inc.id, inc.counter()};
    made->size = size;
    reference_entry entry;
    entry.kind = reference_kind::area;
    entry.domain = propagation::never;
    entry.record = made;
    const reference which = add_reference(inc, entry);
    if (!which) {
        delete made;
        return fail(errc::limit_reached, "references_max");
    }
    made->block = std::move(block);
    made->slot = buffers.insert(*made);
    return detail::buffer_view{which, made->block->data, static_cast<std::size_t>(size)};
}

void kernel_impl::drop_bulk_reference(reference_kind what, void* record) noexcept {
    if (what == reference_kind::buffer) {
        delete static_cast<buffer_handle_record*>(record);
    } else if (what == reference_kind::bulk) {
        delete static_cast<bulk_reference*>(record);
    } else if (what == reference_kind::area) {
        auto* buffer = static_cast<buffer_record*>(record);
        buffers.erase(buffer->slot);
        delete buffer;
    }
}

result<void> kernel_impl::describe_bulk(const reference_entry& entry, capability& out) {
    if (entry.kind == reference_kind::buffer) {
        const auto& handle = *static_cast<const buffer_handle_record*>(entry.record);
        out.incarnation = handle.id.owner;
        out.counter = handle.id.counter;
        out.at = handle.at;
        out.bulk_bytes = handle.size;
        return {};
    }
    if (entry.kind == reference_kind::bulk) {
        const auto& which = *static_cast<const bulk_reference*>(entry.record);
        if (which.came)
            return fail(errc::unsupported, "bulk that came is not passed on: fetch it");
        out.at = {self, 0, {}};
        out.bulk = which.source->id;
        out.bulk_bytes = which.source->size;
        out.held = which.source;
        return {};
    }
    return fail(errc::unsupported,
                entry.kind == reference_kind::area
                    ? "a buffer is not passed on: its handle, or bulk of it, is"
                    : "a port is not passed on: its handle, or a stream to it, is");
}

reference kernel_impl::import_bulk(incarnation_record& inc, const capability& from) {
    reference_entry entry;
    entry.kind = from.kind;
    entry.domain = from.domain;
    entry.rights = from.rights;
    if (from.kind == reference_kind::buffer)
        entry.record =
            new buffer_handle_record{{from.incarnation, from.counter}, from.at, from.bulk_bytes};
    else if (from.kind == reference_kind::bulk && from.held)
        entry.record = new bulk_reference{from.held, true};
    else
        return {};
    const reference made = add_reference(inc, entry);
    if (!made)
        drop_bulk_reference(entry.kind, entry.record);
    return made;
}

/// What a pull of a buffer or a put to one may touch; the error is the asker's.
result<std::uint64_t> kernel_impl::check_parts(const layout& parts, std::uint64_t size) const {
    return bytes_of(parts, size, options.limits.bulk_parts_max);
}

void kernel_impl::begin_copy(incarnation_record& inc, detail::bulk_operation& op) {
    using action = detail::bulk_operation::action;
    const reference_entry* entry = lookup(inc, op.subject);
    if (!entry || entry->kind != reference_kind::buffer) {
        end(op, errc::no_such_reference);
        return;
    }
    const bool writes = op.what == action::write;
    if (!(entry->rights & (writes ? right::write : right::read)) &&
        !EQUUS_MUTANT(buffer_rights_are_ignored)) {
        end(op, error{errc::access_denied, writes ? "the handle does not allow writing"
                                                  : "the handle does not allow reading"});
        return;
    }
    const auto& handle = *static_cast<const buffer_handle_record*>(entry->record);
    if (op.near.empty())
        op.near = range(0, op.room);
    auto here = check_parts(op.near, op.room);
    auto there = check_parts(op.far, handle.size);
    if (!here || !there) {
        end(op, std::move(here ? there.error() : here.error()));
        return;
    }
    if (*here != *there) {
        end(op, error{errc::invalid_argument, "the two sides have different sizes"});
        return;
    }
    if (*here == 0) {
        end(op);
        return;
    }
    if (handle.at.at != self) {
        copy_across(op, handle, *here);
        return;
    }
    const buffer_record* buffer = find_buffer(handle.id, handle.at.slot);
    if (!buffer) {
        end(op, error{errc::closed, "the buffer has ended"});
        return;
    }
    part_cursor mine{op.base, op.near};
    part_cursor theirs{buffer->block->data, op.far};
    if (writes)
        copy_parts(std::move(mine), std::move(theirs), *here);
    else
        copy_parts(std::move(theirs), std::move(mine), *here);
    trace(trace_kind::copied, inc.id, 0, *here);
    end(op);
}

namespace detail {

using runtime::incarnation_record;

namespace {

/// The running incarnation, after what it has announced has begun.
incarnation_record& settled(const runtime::kernel_entry& entered) {
    if (entered->fresh)
        begin_fresh(*entered);
    return *entered;
}

} // namespace

void begin(bulk_operation& op) {
    const runtime::kernel_entry entered;
    incarnation_record& inc = settled(entered);
    op.owner = &inc;
    op.status = operation::state::waiting;
    op.since = ticks_of(inc.kernel->now);
    if (op.what == bulk_operation::action::fetch)
        inc.kernel->begin_fetch(inc, op);
    else
        inc.kernel->begin_copy(inc, op);
}

result<buffer_view> make_buffer(std::size_t size_bytes) {
    const runtime::kernel_entry entered;
    incarnation_record& inc = settled(entered);
    kernel_impl& kernel = *inc.kernel;
    if (size_bytes > kernel.options.limits.buffer_bytes_max)
        return fail(errc::too_large, "buffer_bytes_max");
    runtime::kept_block block = kernel.bulk_memory.take(inc.memory(), size_bytes);
    if (!block)
        return fail(errc::out_of_memory, "no memory for the buffer");
    return kernel.add_buffer(inc, std::move(block), size_bytes);
}

reference handle_of(reference buffer, std::uint32_t rights) {
    const runtime::kernel_entry entered;
    incarnation_record& inc = settled(entered);
    kernel_impl& kernel = *inc.kernel;
    const runtime::buffer_record* record = kernel.own_buffer(inc, buffer);
    if (!record)
        return {};
    capability made;
    made.kind = runtime::reference_kind::buffer;
    made.rights = rights & (right::read | right::write);
    made.incarnation = record->id.owner;
    made.counter = record->id.counter;
    made.bulk_bytes = record->size;
    made.at = {kernel.self, record->slot, {}};
    return kernel.import_bulk(inc, made);
}

bool buffer_in_use(reference buffer) noexcept {
    const runtime::kernel_entry entered;
    incarnation_record& inc = *entered;
    const runtime::buffer_record* record = inc.kernel->own_buffer(inc, buffer);
    return record && record->block->users > 1;
}

std::uint64_t buffer_handle_size(reference handle) noexcept {
    const runtime::kernel_entry entered;
    incarnation_record& inc = *entered;
    const auto* entry = inc.kernel->lookup(inc, handle);
    return entry && entry->kind == runtime::reference_kind::buffer
               ? static_cast<const runtime::buffer_handle_record*>(entry->record)->size
               : 0;
}

void close_quietly(reference entry) noexcept {
    const runtime::kernel_entry inc;
    if (inc && inc->kernel && inc->kernel->lookup(*inc, entry))
        inc->kernel->drop_reference(*inc, entry.index());
}

} // namespace detail

} // namespace equus
