// What buffers and bulk are to a kernel (docs/protocol.md, "Buffers and bulk").
//
//   buffer_record   an area of memory of an incarnation of this node
//   bulk_source     bulk that lies here, or that a message here brings
//   inbound         bytes on their way into memory of this node, asked for by it
//   outbound        bytes that another node has asked for
//
// All bytes between nodes are pulled by who has the memory for them, as far ahead as its window
// allows; only bulk that is small leaves unasked, with its message.
#pragma once

#include "runtime/bulk_memory.hpp"
#include "runtime/frames.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace equus {
struct kernel_impl;
}

namespace equus::runtime {

using detail::bulk_operation;

struct incarnation_record;

struct buffer_record {
    incarnation_record* owner = nullptr;
    buffer_id id;
    std::uint32_t slot = ~0u;
    kept_block block;
    std::uint64_t size = 0;
};

/// What a buffer handle leads to.
struct buffer_handle_record {
    buffer_id id;
    place at;
    std::uint64_t size = 0;
};

/// The bytes of some parts of an area, as one sequence.
class part_cursor {
public:
    part_cursor() noexcept = default;
    part_cursor(std::byte* base, layout parts) noexcept : base_{base}, parts_{std::move(parts)} {}

    /// The next bytes that lie together, at most `most`, and moves behind them. Empty at the end.
    std::span<std::byte> next(std::uint64_t most) noexcept {
        while (part_ < parts_.size()) {
            const strided& at = parts_[part_];
            if (at.row_bytes != 0 && row_ < at.rows) {
                const std::uint64_t count = std::min(most, at.row_bytes - column_);
                std::byte* from =
                    base_ + static_cast<std::size_t>(at.offset + row_ * at.stride + column_);
                column_ += count;
                if (column_ == at.row_bytes) {
                    column_ = 0;
                    ++row_;
                }
                return {from, static_cast<std::size_t>(count)};
            }
            ++part_;
            row_ = column_ = 0;
        }
        return {};
    }
    /// The next `count` bytes, when they lie together; otherwise empty.
    std::span<std::byte> peek(std::uint64_t count) const noexcept {
        part_cursor ahead_of_it{*this};
        const std::span<std::byte> piece = ahead_of_it.next(count);
        return piece.size() == count ? piece : std::span<std::byte>{};
    }

private:
    std::byte* base_ = nullptr;
    layout parts_;
    std::size_t part_ = 0;
    std::uint64_t row_ = 0;
    std::uint64_t column_ = 0;
};

/// Writes the bytes to where the cursor stands.
inline void scatter(part_cursor& to, std::span<const std::byte> from) noexcept {
    while (!from.empty()) {
        const std::span<std::byte> piece = to.next(from.size());
        std::copy_n(from.data(), piece.size(), piece.data());
        from = from.subspan(piece.size());
    }
}
/// Fills `to` from where the cursor stands.
inline void gather(part_cursor& from, std::span<std::byte> to) noexcept {
    while (!to.empty()) {
        const std::span<std::byte> piece = from.next(to.size());
        std::copy_n(piece.data(), piece.size(), to.data());
        to = to.subspan(piece.size());
    }
}

/// Some bulk, as one node knows it. Counted: it lives as long as a message here brings it, or a
/// reference leads to it.
struct bulk_source {
    kernel_impl* kernel = nullptr;
    node_boot holder; ///< where the data is
    std::uint64_t id = 0;
    std::uint64_t size = 0;
    std::uint32_t users = 0;
    bool given = false;       ///< the buffer went with the message: its taker may have it
    bool early = false;       ///< it comes by itself, behind its message
    bool tell_holder = false; ///< it came in a reply: its holder waits to hear that it may go
    kept_block block;         ///< the data, when it is here, or as much as has come early
    std::uint64_t offset = 0;
    std::uint64_t arrived = 0;            ///< of it, early
    std::vector<bulk_operation*> waiting; ///< for what comes early
};

/// What a reference to bulk leads to.
struct bulk_reference {
    held_bulk source;
    bool came = false;  ///< with a message
    bool taken = false; ///< or being taken
};

struct inbound {
    std::uint64_t id = 0;
    node_boot from;
    bulk_operation* op = nullptr; ///< of this node, or else the put of another:
    std::uint64_t put = 0;
    kept_block block; ///< where the bytes go, when it is a buffer
    part_cursor to;
    std::uint64_t total = 0;
    std::uint64_t received = 0;
    std::uint64_t allowed = 0;
    held_bulk source; ///< of a fetch
};

struct outbound {
    node_boot to;
    std::uint64_t id = 0;
    kept_block block; ///< empty: the memory of who offers a put
    std::uint64_t offer = 0;
    held_bulk source;
    part_cursor from;
    std::uint64_t total = 0;
    std::uint64_t sent = 0;
    std::uint64_t allowed = 0;
    bool queued = false; ///< among those that have something to send
};

struct bulk_tables {
    std::uint64_t next_id = 1;
    std::map<std::uint64_t, bulk_source*> here;                            ///< by id
    std::map<std::pair<node_boot, std::uint64_t>, bulk_source*> elsewhere; ///< by holder and id
    std::map<std::uint64_t, std::unique_ptr<inbound>> inbounds;
    std::map<std::pair<node_boot, std::uint64_t>, std::unique_ptr<outbound>> outbounds;
    /// Of each node, in turn: those that have something to send.
    std::map<node_boot, std::deque<outbound*>> turns;
    struct write {
        bulk_operation* op = nullptr;
        node_boot to;
        bool offered = false; ///< it is pulled
    };
    std::map<std::uint64_t, write> writes; ///< puts of this node that have left
    /// Kept with a message that is retained (leg's slot, number), with calls, and with replies.
    struct kept {
        held_bulk source;
        node_boot early_to; ///< empty: it waits to be asked for
    };
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<kept>> retained;
    std::map<call_id, std::vector<held_bulk>> calls;
    std::map<std::pair<node_boot, std::uint64_t>, kept> replies;
    std::map<node_boot, std::uint64_t> early_out; ///< bytes sent unasked and not known to be taken
    std::map<node_boot, std::uint64_t> early_in;  ///< bytes that came unasked and lie here
};

} // namespace equus::runtime
