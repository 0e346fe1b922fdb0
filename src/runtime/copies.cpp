// Copies between nodes. Whoever has the memory for the bytes asks for them and says how far they
// may come; whoever has the bytes sends a chunk when nothing else waits on the link. So control
// waits for one chunk at most, and neither side holds more than the window (rule 23).
#include "runtime/kernel_impl.hpp"

#include <algorithm>
#include <cstring>

namespace equus {

using namespace runtime;

namespace {

constexpr std::uint64_t page_bytes = 4096;
/// Bytes of a row that are sent from where they lie; fewer are gathered in the packet.
constexpr std::uint64_t row_bytes_min = 2048;

copy_end_frame end_of(std::uint64_t id, const error& why) {
    copy_end_frame made;
    made.id = id;
    made.status = why.code();
    if (!why.text().empty())
        made.text = why.text();
    return made;
}

error error_of(const copy_end_frame& frame) {
    return frame.text.empty() ? error{frame.status} : error{frame.status, frame.text};
}

/// Bytes of one chunk: whole pages where a packet has room for them.
std::uint64_t chunk_max(const session& to) noexcept {
    const std::uint64_t room = to.tail_frame_max() - chunk_header::fixed_bytes;
    return room >= page_bytes ? room / page_bytes * page_bytes : room & ~std::uint64_t{7};
}

} // namespace

// ---------------------------------------------------------------------- asked for here

void kernel_impl::copy_across(detail::bulk_operation& op, const buffer_handle_record& handle,
                              std::uint64_t total) {
    session* to = session_to(handle.at.at);
    if (!to) {
        end(op, error{errc::broken, "the buffer's node is gone"});
        return;
    }
    if (bulk.inbounds.size() + bulk.writes.size() >= options.limits.copies_max) {
        end(op, error{errc::limit_reached, "copies_max"});
        return;
    }
    if (op.what == detail::bulk_operation::action::read) {
        inbound& in = begin_inbound(handle.at.at, total);
        in.op = &op;
        in.to = part_cursor{op.base, op.near};
        op.id = in.id;
        pull_frame frame;
        frame.what = pull_what::buffer;
        frame.buffer = handle.id;
        frame.slot = handle.at.slot;
        frame.parts = op.far;
        pull(in, std::move(frame));
        return;
    }
    op.id = bulk.next_id++;
    put_frame frame;
    frame.id = op.id;
    frame.buffer = handle.id;
    frame.slot = handle.at.slot;
    frame.parts = op.far;
    frame.offered = total > chunk_max(*to);
    bulk.writes.emplace(op.id, bulk_tables::write{&op, handle.at.at, frame.offered});
    const std::size_t head = wire::size_bytes(frame);
    const std::size_t inside = frame.offered ? 0 : static_cast<std::size_t>(total);
    auto out = to->reserve(kind::put, lane::data, sizeof(std::uint64_t) + head + inside);
    store_little_endian(out.data(), static_cast<std::uint64_t>(head));
    wire::encode(frame, out.subspan(sizeof(std::uint64_t), head));
    if (inside != 0) {
        part_cursor from{op.base, op.near};
        gather(from, out.subspan(sizeof(std::uint64_t) + head));
    }
}

inbound& kernel_impl::begin_inbound(node_boot from, std::uint64_t total) {
    auto made = std::make_unique<inbound>();
    made->id = bulk.next_id++;
    made->from = from;
    made->total = total;
    inbound& in = *made;
    bulk.inbounds.emplace(in.id, std::move(made));
    return in;
}

void kernel_impl::pull(inbound& in, pull_frame frame) {
    in.allowed = std::min<std::uint64_t>(
        in.total, in.received + std::max(options.limits.bulk_window_bytes, 1u));
    frame.id = in.id;
    frame.upto = in.allowed;
    send_frame(in.from, kind::pull, lane::control, frame);
}

void kernel_impl::recv_chunk(node_boot from, std::span<const std::byte> payload) {
    chunk_header header;
    if (!load(header, payload)) {
        ++counters.frames_refused;
        return;
    }
    const auto found = bulk.inbounds.find(header.id);
    if (found == bulk.inbounds.end() || found->second->from != from) {
        ++counters.chunks_dropped; // given up meanwhile
        return;
    }
    inbound& in = *found->second;
    const auto bytes_here = payload.subspan(chunk_header::fixed_bytes);
    const std::uint64_t count = bytes_here.size() + header.odd_count;
    if (header.position != in.received || count > in.allowed - in.received) {
        ++counters.frames_refused;
        end_inbound(in, error{errc::malformed, "a chunk that nobody asked for"});
        return;
    }
    scatter(in.to, bytes_here);
    scatter(in.to, std::span{header.odd}.first(header.odd_count));
    chunk_has_come(in, count);
}

void kernel_impl::chunk_has_come(inbound& in, std::uint64_t count) {
    in.received += count;
    counters.bulk_bytes_received += count;
    if (in.received == in.total) {
        end_inbound(in, errc::ok);
    } else if (in.allowed < in.total &&
               in.allowed - in.received <= options.limits.bulk_window_bytes / 2 &&
               !EQUUS_MUTANT(window_is_not_moved)) {
        pull(in, {});
    }
}

void kernel_impl::end_inbound(inbound& in, error outcome) {
    const auto found = bulk.inbounds.find(in.id);
    const std::unique_ptr<inbound> ended_one = std::move(found->second);
    bulk.inbounds.erase(found);
    if (in.op) {
        in.op->id = 0;
        trace(trace_kind::copied, static_cast<incarnation_record*>(in.op->owner)->id, in.id,
              in.received, static_cast<std::uint64_t>(outcome.code()));
        if (in.source)
            end_fetch(*in.op, in.total, std::move(in.block), std::move(outcome));
        else
            end(*in.op, std::move(outcome));
    } else {
        send_frame(in.from, kind::put_done, lane::control, end_of(in.put, outcome));
    }
}

void kernel_impl::recv_pull_refused(node_boot from, const copy_end_frame& frame) {
    const auto found = bulk.inbounds.find(frame.id);
    if (found != bulk.inbounds.end() && found->second->from == from && frame.status != errc::ok)
        end_inbound(*found->second, error_of(frame));
}

void kernel_impl::recv_put_done(node_boot from, const copy_end_frame& frame) {
    const auto found = bulk.writes.find(frame.id);
    if (found == bulk.writes.end() || found->second.to != from)
        return;
    const bulk_tables::write write = found->second;
    bulk.writes.erase(found);
    if (write.offered)
        drop_offer(frame.id);
    detail::bulk_operation& op = *write.op;
    op.id = 0;
    end(op, error_of(frame));
}

/// Nobody waits for the operation any more.
void kernel_impl::give_up_copy(detail::bulk_operation& op) noexcept {
    if (auto* source = static_cast<bulk_source*>(std::exchange(op.source, nullptr))) {
        std::erase(source->waiting, &op);
        not_taken(op);
    }
    if (op.id == 0)
        return;
    if (const auto found = bulk.inbounds.find(op.id); found != bulk.inbounds.end()) {
        const std::unique_ptr<inbound> in = std::move(found->second);
        bulk.inbounds.erase(found);
        if (in->source)
            not_taken(op);
        send_frame(in->from, kind::stop_pull, lane::control, end_of(in->id, errc::cancelled));
    }
    if (bulk.writes.erase(op.id) != 0)
        drop_offer(op.id);
    op.id = 0;
}

// ---------------------------------------------------------------------- asked for by others

void kernel_impl::recv_put(node_boot from, std::span<const std::byte> payload) {
    std::uint64_t head = 0;
    if (payload.size() >= sizeof head)
        head = load_little_endian<std::uint64_t>(payload.data());
    if (head == 0 || head > payload.size() - sizeof head) {
        ++counters.frames_refused;
        return;
    }
    auto frame =
        wire::decode<put_frame>(payload.subspan(sizeof head, static_cast<std::size_t>(head)));
    if (!frame) {
        ++counters.frames_refused;
        return;
    }
    const auto refuse = [&](const error& why) {
        send_frame(from, kind::put_done, lane::control, end_of(frame->id, why));
    };
    const buffer_record* buffer = find_buffer(frame->buffer, frame->slot);
    if (!buffer)
        return refuse(error{errc::closed, "the buffer has ended"});
    const auto total = check_parts(frame->parts, buffer->size);
    if (!total)
        return refuse(total.error());
    part_cursor to{buffer->block->data, std::move(frame->parts)};
    if (frame->offered) {
        if (bulk.inbounds.size() + bulk.writes.size() >= options.limits.copies_max)
            return refuse(error{errc::limit_reached, "copies_max of the buffer's node"});
        inbound& in = begin_inbound(from, *total);
        in.put = frame->id;
        in.block = buffer->block;
        in.to = std::move(to);
        pull_frame asked;
        asked.what = pull_what::offer;
        asked.source = frame->id;
        pull(in, std::move(asked));
        return;
    }
    const auto inside = payload.subspan(sizeof head + static_cast<std::size_t>(head));
    if (inside.size() != *total)
        return refuse(error{errc::malformed, "a put of another size than its parts"});
    scatter(to, inside);
    counters.bulk_bytes_received += inside.size();
    refuse(errc::ok);
}

void kernel_impl::recv_pull(node_boot from, pull_frame& frame) {
    const std::pair key{from, frame.id};
    const auto known = bulk.outbounds.find(key);
    if (frame.what == pull_what::more) {
        if (known != bulk.outbounds.end()) {
            outbound& out = *known->second;
            out.allowed = std::max(out.allowed, std::min(frame.upto, out.total));
            has_chunks(out);
        }
        return;
    }
    const auto refuse = [&](error why) {
        send_frame(from, kind::pull_refused, lane::control, end_of(frame.id, why));
    };
    if (known != bulk.outbounds.end())
        return refuse(error{errc::malformed, "a pull of a number that is in use"});
    if (bulk.outbounds.size() >= options.limits.copies_max)
        return refuse(error{errc::limit_reached, "copies_max of the node that has the data"});
    auto out = std::make_unique<outbound>();
    out->to = from;
    out->id = frame.id;
    if (frame.what == pull_what::buffer) {
        const buffer_record* buffer = find_buffer(frame.buffer, frame.slot);
        if (!buffer)
            return refuse(error{errc::closed, "the buffer has ended"});
        const auto total = check_parts(frame.parts, buffer->size);
        if (!total)
            return refuse(total.error());
        out->total = *total;
        out->block = buffer->block;
        out->from = part_cursor{buffer->block->data, std::move(frame.parts)};
    } else if (frame.what == pull_what::bulk) {
        const auto found = bulk.here.find(frame.source);
        if (found == bulk.here.end() || !found->second->block)
            return refuse(error{errc::closed, "the sender has taken the bulk back"});
        bulk_source& source = *found->second;
        out->total = source.size;
        out->block = source.block;
        out->source = held_bulk{source};
        out->from = part_cursor{source.block->data, range(source.offset, source.size)};
    } else {
        const auto found = bulk.writes.find(frame.source);
        if (found == bulk.writes.end() || found->second.to != from)
            return refuse(error{errc::cancelled, "the writer has given up"});
        detail::bulk_operation& op = *found->second.op;
        for (const strided& part : op.near)
            out->total += part.bytes();
        out->offer = frame.source;
        out->from = part_cursor{op.base, op.near};
    }
    out->allowed = std::min(frame.upto, out->total);
    outbound& made = *out;
    bulk.outbounds.emplace(key, std::move(out));
    has_chunks(made);
}

void kernel_impl::has_chunks(outbound& out) {
    if (out.queued || out.sent >= out.allowed)
        return;
    out.queued = true;
    bulk.turns[out.to].push_back(&out);
}

/// The next chunk for that node, if somebody there may have one.
void kernel_impl::send_chunk(node_boot to, session& with) {
    const auto turn = bulk.turns.find(to);
    if (turn == bulk.turns.end())
        return;
    outbound& out = *turn->second.front();
    turn->second.pop_front();
    if (turn->second.empty())
        bulk.turns.erase(turn);
    out.queued = false;
    std::uint64_t count = std::min(chunk_max(with), out.allowed - out.sent);
    const std::span<std::byte> first = out.from.next(count);
    if (first.size() == count || (out.block && first.size() >= row_bytes_min)) {
        count = first.size();
        send_piece(with, kind::chunk, out.id, out.sent, first, out.block.get());
    } else {
        auto payload = with.reserve(kind::chunk, lane::data,
                                    chunk_header::fixed_bytes + static_cast<std::size_t>(count));
        store(chunk_header{out.id, out.sent}, payload.data());
        payload = payload.subspan(chunk_header::fixed_bytes);
        std::memcpy(payload.data(), first.data(), first.size());
        gather(out.from, payload.subspan(first.size()));
    }
    out.sent += count;
    counters.bulk_bytes_sent += count;
    if (out.sent == out.total)
        bulk.outbounds.erase({out.to, out.id});
    else
        has_chunks(out);
}

/// Bytes that lie together, from where they lie if that is a block and the driver gathers.
void kernel_impl::send_piece(session& with, frame_kind what, std::uint64_t id,
                             std::uint64_t position, std::span<const std::byte> piece,
                             bulk_block* block) {
    chunk_header header{id, position};
    if (!block || !options.gathers) {
        auto payload = with.reserve(what, lane::data, chunk_header::fixed_bytes + piece.size());
        store(header, payload.data());
        std::memcpy(payload.data() + chunk_header::fixed_bytes, piece.data(), piece.size());
        return;
    }
    const std::size_t odd = piece.size() % 8;
    header.odd_count = static_cast<std::uint8_t>(odd);
    if (!EQUUS_MUTANT(odd_bytes_are_forgotten))
        std::memcpy(header.odd, piece.data() + piece.size() - odd, odd);
    auto head = with.reserve_with_tail(what, chunk_header::fixed_bytes,
                                       piece.first(piece.size() - odd), *block);
    store(header, head.data());
}

void kernel_impl::drop_outbound(const outbound& out) noexcept {
    if (out.queued) {
        const auto turn = bulk.turns.find(out.to);
        std::erase(turn->second, &out);
        if (turn->second.empty())
            bulk.turns.erase(turn);
    }
    bulk.outbounds.erase({out.to, out.id});
}

/// The memory of that put is its writer's again.
void kernel_impl::drop_offer(std::uint64_t put) noexcept {
    for (const auto& [key, out] : bulk.outbounds)
        if (out->offer == put) {
            send_frame(out->to, kind::pull_refused, lane::control,
                       end_of(out->id, error{errc::cancelled, "the writer has given up"}));
            drop_outbound(*out);
            return;
        }
}

void kernel_impl::recv_stop_pull(node_boot from, const copy_end_frame& frame) {
    if (frame.is_bulk) {
        bulk_is_taken(from, frame.id);
        return;
    }
    if (const auto found = bulk.outbounds.find({from, frame.id}); found != bulk.outbounds.end())
        drop_outbound(*found->second);
}

// ---------------------------------------------------------------------- ends

void kernel_impl::copies_lose_node(node_boot who) {
    bulk.turns.erase(who);
    for (auto at = bulk.outbounds.lower_bound({who, 0});
         at != bulk.outbounds.end() && at->first.first == who;)
        at = bulk.outbounds.erase(at);
    std::vector<std::uint64_t> cut_off;
    for (const auto& [id, in] : bulk.inbounds)
        if (in->from == who && !EQUUS_MUTANT(copies_outlive_their_node))
            cut_off.push_back(id);
    for (const std::uint64_t id : cut_off)
        end_inbound(*bulk.inbounds[id], error{errc::broken, "the node of the data was lost"});
    cut_off.clear();
    for (const auto& [id, write] : bulk.writes)
        if (write.to == who && !EQUUS_MUTANT(copies_outlive_their_node))
            cut_off.push_back(id);
    for (const std::uint64_t id : cut_off) {
        detail::bulk_operation& op = *bulk.writes[id].op;
        bulk.writes.erase(id);
        op.id = 0;
        end(op, error{errc::maybe_delivered, "the buffer's node was lost"});
    }
    bulk_loses_node(who);
}

std::string kernel_impl::check_bulk() const {
    for (const auto& [id, in] : bulk.inbounds)
        if (in->received > in->allowed || in->allowed > in->total || in->received == in->total ||
            (in->op && in->op->id != id))
            return "I10: a copy that comes has other bytes than it was allowed";
    std::size_t queued = 0;
    for (const auto& [key, out] : bulk.outbounds) {
        if (out->sent > out->allowed || out->allowed > out->total ||
            out->queued != (out->sent < out->allowed))
            return "I10: a copy that goes has sent other bytes than it may, or waits for nothing";
        queued += out->queued ? 1 : 0;
    }
    for (const auto& [to, those] : bulk.turns) {
        if (those.empty())
            return "I10: a node without copies has a turn";
        queued -= those.size();
    }
    if (queued != 0)
        return "I10: a copy that has something to send has no turn";
    for (const auto& [id, source] : bulk.here)
        if (source->users == 0)
            return "I10: bulk that nobody needs is kept";
    return {};
}

} // namespace equus
