// Bulk of messages and replies: kept where it lies for as long as somebody may ask for it, sent
// unasked when it is small, fetched when it is taken.
#include "runtime/kernel_impl.hpp"

#include <algorithm>
#include <cstring>

namespace equus {

using namespace runtime;

namespace runtime {

held_bulk::held_bulk(bulk_source& source) noexcept : source_{&source} {
    ++source.users;
}
held_bulk::held_bulk(const held_bulk& other) noexcept : source_{other.source_} {
    if (source_)
        ++source_->users;
}
void held_bulk::let_go() noexcept {
    if (--source_->users == 0)
        source_->kernel->forget_bulk(*source_);
}

} // namespace runtime

void kernel_impl::forget_bulk(bulk_source& source) noexcept {
    if (source.holder == self) {
        bulk.here.erase(source.id);
    } else {
        bulk.elsewhere.erase({source.holder, source.id});
        early_is_gone(source);
        if (source.tell_holder) {
            copy_end_frame frame;
            frame.id = source.id;
            frame.is_bulk = true;
            send_frame(source.holder, kind::stop_pull, lane::control, frame);
        }
    }
    delete &source;
}

/// What came early counts no longer: it has been taken, or nobody wants it.
void kernel_impl::early_is_gone(bulk_source& source) noexcept {
    if (source.holder != self && source.block) {
        const auto counted = bulk.early_in.find(source.holder);
        if (counted != bulk.early_in.end() && (counted->second -= source.size) == 0)
            bulk.early_in.erase(counted);
    }
    source.block = {};
    // Another message may bring the same bulk to this node: it is to be asked for.
    source.arrived = 0;
    source.early = false;
}

// ---------------------------------------------------------------------- at the sender

/// Says of each bulk in the list whether it leaves with its message.
void kernel_impl::choose_early(capability* items, std::size_t count, node_boot to) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        capability& each = items[i];
        if (each.kind != reference_kind::bulk)
            continue;
        each.early = false;
        if (!each.held || each.held->holder != self ||
            each.held->size > options.limits.bulk_early_bytes)
            continue;
        const auto out = bulk.early_out.find(to);
        each.early = (out == bulk.early_out.end() ? 0 : out->second) + each.held->size <=
                     options.limits.bulk_early_max;
        if (each.early)
            bulk.early_out[to] += each.held->size;
    }
}

void kernel_impl::send_early(bulk_source& source, session& with) {
    const std::uint64_t room = with.tail_frame_max() - chunk_header::fixed_bytes;
    const std::uint64_t chunk = room >= 4096 ? room / 4096 * 4096 : room & ~std::uint64_t{7};
    for (std::uint64_t sent = 0; sent < source.size;) {
        const std::uint64_t count = std::min(chunk, source.size - sent);
        send_piece(with, kind::early, source.id, sent,
                   {source.block->data + source.offset + sent, static_cast<std::size_t>(count)},
                   source.block.get());
        sent += count;
        counters.bulk_bytes_sent += count;
    }
}

/// The message has been put into the session: its bulk is kept as long as the message is, and that
/// of an invocation as long as the call.
bool kernel_impl::keep_bulk(stream_leg& leg, const envelope& message, session* with) {
    std::vector<bulk_tables::kept> kept;
    std::vector<held_bulk> of_call;
    for (std::uint16_t i = 0; i < message.capability_count; ++i) {
        const capability& each = message.capabilities[i];
        if (each.kind != reference_kind::bulk || !each.held || each.held->holder != self)
            continue;
        kept.push_back({each.held, each.early ? leg.at.at : node_boot{}});
        of_call.push_back(each.held);
        if (each.early && with)
            send_early(*each.held.get(), *with);
    }
    if (kept.empty())
        return false;
    const detail::call_origin& call = message.call;
    if (call.call && call.at == self && call.slot < calls.size() && calls[call.slot].op &&
        calls[call.slot].call == call.call)
        bulk.calls[call.call] = std::move(of_call);
    if (!EQUUS_MUTANT(bulk_is_not_kept))
        bulk.retained[{leg.slot, message.number}] = std::move(kept);
    return true;
}

void kernel_impl::early_was_taken(const bulk_tables::kept& kept) noexcept {
    if (!kept.early_to.node)
        return;
    const auto out = bulk.early_out.find(kept.early_to);
    if (out != bulk.early_out.end() && (out->second -= kept.source->size) == 0)
        bulk.early_out.erase(out);
}

void kernel_impl::let_bulk_go(const stream_leg& leg, std::uint64_t number) noexcept {
    const auto found = bulk.retained.find({leg.slot, number});
    if (found == bulk.retained.end())
        return;
    for (const bulk_tables::kept& each : found->second)
        early_was_taken(each);
    const auto last = std::move(found->second);
    bulk.retained.erase(found);
}

/// The message is sent again: what left with it is not there either.
void kernel_impl::resend_early(const stream_leg& leg, std::uint64_t number, session& with) {
    const auto found = bulk.retained.find({leg.slot, number});
    if (found == bulk.retained.end())
        return;
    for (const bulk_tables::kept& each : found->second)
        if (each.early_to.node && !EQUUS_MUTANT(early_bulk_is_not_repeated))
            send_early(*each.source.get(), with);
}

/// The reply has been put into the session; its bulk is kept until the caller's node has it.
void kernel_impl::keep_reply_bulk(const std::vector<capability>& items, node_boot to,
                                  session& with) {
    for (const capability& each : items) {
        if (each.kind != reference_kind::bulk || !each.held)
            continue;
        bulk.replies[{to, each.held->id}] = {each.held, each.early ? to : node_boot{}};
        if (each.early)
            send_early(*each.held.get(), with);
    }
}

void kernel_impl::bulk_is_taken(node_boot by, std::uint64_t id) noexcept {
    const auto found = bulk.replies.find({by, id});
    if (found == bulk.replies.end() || EQUUS_MUTANT(bulk_of_replies_stays))
        return;
    early_was_taken(found->second);
    const auto last = std::move(found->second);
    bulk.replies.erase(found);
}

// ---------------------------------------------------------------------- at the receiver

/// A message or reply has brought these: whatever is said of their bulk has a record to go to.
void kernel_impl::bulk_has_come(std::vector<capability>& items, bool in_reply) {
    for (capability& each : items) {
        if (each.kind != reference_kind::bulk)
            continue;
        if (each.at.at == self) { // a call that comes back to its caller's node
            if (const auto found = bulk.here.find(each.bulk); found != bulk.here.end())
                each.held = held_bulk{*found->second};
            continue;
        }
        bulk_source*& source = bulk.elsewhere[{each.at.at, each.bulk}];
        if (!source) {
            source = new bulk_source;
            source->kernel = this;
            source->holder = each.at.at;
            source->id = each.bulk;
            source->size = each.bulk_bytes;
            source->early = each.early;
            source->tell_holder = in_reply;
        }
        each.held = held_bulk{*source};
    }
}

void kernel_impl::recv_early(node_boot from, std::span<const std::byte> payload) {
    chunk_header header;
    if (!load(header, payload)) {
        ++counters.frames_refused;
        return;
    }
    const auto found = bulk.elsewhere.find({from, header.id});
    if (found == bulk.elsewhere.end() || !found->second->early) {
        ++counters.chunks_dropped; // its message was not taken, or comes again, or has gone
        return;
    }
    bulk_source& source = *found->second;
    const auto inside = payload.subspan(chunk_header::fixed_bytes);
    const std::uint64_t count = inside.size() + header.odd_count;
    if (header.position != source.arrived || count > source.size - source.arrived) {
        ++counters.chunks_dropped;
        return;
    }
    if (!source.block) {
        std::uint64_t& counted = bulk.early_in[from];
        if (counted + source.size <= options.limits.bulk_early_max &&
            !EQUUS_BUGGIFY(no_room_for_early_bulk, 100))
            source.block =
                bulk_memory.take(pool.kernel_account(), source.size); // until it is taken
        if (!source.block) {
            if (counted == 0)
                bulk.early_in.erase(from);
            EQUUS_SOMETIMES(early_bulk_had_no_room);
            ++counters.chunks_dropped;
            source.early = false; // it stays where it is, to be asked for
            const held_bulk guard{source};
            for (detail::bulk_operation* op : std::exchange(source.waiting, {})) {
                op->source = nullptr;
                pull_bulk(*op, guard);
            }
            return;
        }
        counted += source.size;
    }
    std::byte* to = source.block->data + source.arrived;
    std::memcpy(to, inside.data(), inside.size());
    std::memcpy(to + inside.size(), header.odd, header.odd_count);
    source.arrived += count;
    counters.bulk_bytes_received += count;
    if (source.arrived != source.size || source.waiting.empty())
        return;
    const bool alone = source.users <= users_of_one_message;
    const held_bulk guard{source};
    for (detail::bulk_operation* op : std::exchange(source.waiting, {})) {
        op->source = nullptr;
        take_here(*op, source, alone);
    }
}

// ---------------------------------------------------------------------- taking

/// The bulk that the operation takes, or null.
bulk_reference* kernel_impl::taken_by(const detail::bulk_operation& op) noexcept {
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    const reference_entry* entry = lookup(inc, op.subject);
    return entry && entry->kind == reference_kind::bulk
               ? static_cast<bulk_reference*>(entry->record)
               : nullptr;
}

/// Another fetch may begin anew.
void kernel_impl::not_taken(const detail::bulk_operation& op) noexcept {
    if (bulk_reference* bulk_of_message = taken_by(op))
        bulk_of_message->taken = false;
}

void kernel_impl::begin_fetch(incarnation_record& inc, detail::bulk_operation& op) {
    bulk_reference* which = taken_by(op);
    if (!which) {
        end(op, error{errc::no_such_reference, "no bulk"});
        return;
    }
    if (which->taken) {
        end(op, error{errc::closed, "the bulk has been taken"});
        return;
    }
    bulk_source& source = *which->source.get();
    if (source.size > options.limits.buffer_bytes_max) {
        end(op, error{errc::too_large, "buffer_bytes_max"});
        return;
    }
    if (op.into) {
        const buffer_record* into = own_buffer(inc, op.into);
        if (!into || op.at > into->size || source.size > into->size - op.at) {
            end(op, into ? error{errc::invalid_argument, "the bulk does not fit into the buffer"}
                         : error{errc::no_such_reference, "no buffer"});
            return;
        }
    }
    which->taken = true; // one fetch at a time
    const bool is_here = source.holder == self;
    if (is_here || source.size == 0 ||
        (source.block && (source.arrived == source.size || EQUUS_MUTANT(early_bulk_is_half)))) {
        // Nobody else is to have it: what the sender gave away, or what came for this message.
        const bool alone = (!is_here || source.given) && source.users <= users_of_one_message;
        take_here(op, source, alone);
    } else if (source.early) {
        EQUUS_SOMETIMES(taken_before_early_bulk_came);
        source.waiting.push_back(&op);
        op.source = &source;
    } else {
        pull_bulk(op, which->source);
    }
}

/// The data is on this node. `alone`: its memory becomes the taker's.
void kernel_impl::take_here(detail::bulk_operation& op, bulk_source& source, bool alone) {
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    if (source.size != 0 && !source.block) {
        end_fetch(op, source.size, {}, error{errc::closed, "the sender has taken the bulk back"});
        return;
    }
    const auto size = static_cast<std::size_t>(source.size);
    const std::byte* data = size == 0 ? nullptr : source.block->data + source.offset;
    kept_block block;
    if (op.into) {
        const buffer_record* into = own_buffer(inc, op.into);
        if (!into) {
            end_fetch(op, size, {}, error{errc::closed, "the buffer has ended"});
            return;
        }
        if (size != 0)
            std::memmove(into->block->data + op.at, data, size);
    } else if (alone && size != 0 && source.offset == 0 &&
               bulk_pool::charge_to(*source.block, inc.memory())) {
        block = source.block;
    } else {
        block = bulk_memory.take(inc.memory(), size);
        if (!block) {
            end_fetch(op, size, {}, error{errc::out_of_memory, "no memory for the bulk"});
            return;
        }
        if (size != 0)
            std::memcpy(block->data, data, size);
    }
    trace(trace_kind::copied, inc.id, source.id, size);
    if (alone)
        early_is_gone(source);
    end_fetch(op, size, std::move(block), errc::ok);
}

void kernel_impl::pull_bulk(detail::bulk_operation& op, held_bulk source) {
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    const std::uint64_t size = source->size;
    if (!session_to(source->holder)) {
        end_fetch(op, size, {}, error{errc::broken, "the sender's node is gone"});
        return;
    }
    if (bulk.inbounds.size() + bulk.writes.size() >= options.limits.copies_max) {
        end_fetch(op, size, {}, error{errc::limit_reached, "copies_max"});
        return;
    }
    kept_block block;
    if (!op.into)
        block = bulk_memory.take(inc.memory(), size);
    else if (const buffer_record* into = own_buffer(inc, op.into))
        block = into->block;
    if (!block) {
        end_fetch(op, size, {},
                  op.into ? error{errc::closed, "the buffer has ended"}
                          : error{errc::out_of_memory, "no memory for the bulk"});
        return;
    }
    inbound& in = begin_inbound(source->holder, size);
    in.op = &op;
    in.to = part_cursor{block->data, range(op.into ? op.at : 0, size)};
    in.block = std::move(block);
    in.source = std::move(source);
    op.id = in.id;
    pull_frame frame;
    frame.what = pull_what::bulk;
    frame.source = in.source->id;
    pull(in, std::move(frame));
}

/// `block`: what a fetch without a buffer of its own has got.
void kernel_impl::end_fetch(detail::bulk_operation& op, std::uint64_t size, kept_block block,
                            error outcome) {
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    if (outcome == errc::ok && !op.into) {
        if (auto made = add_buffer(inc, std::move(block), size))
            op.made = *made;
        else
            outcome = std::move(made.error());
    }
    if (outcome != errc::ok)
        not_taken(op);
    end(op, std::move(outcome));
}

void kernel_impl::bulk_loses_node(node_boot who) {
    for (auto at = bulk.replies.lower_bound({who, 0});
         at != bulk.replies.end() && at->first.first == who;)
        at = bulk.replies.erase(at);
    bulk.early_out.erase(who);
    std::vector<held_bulk> cut_off;
    for (auto at = bulk.elsewhere.lower_bound({who, 0});
         at != bulk.elsewhere.end() && at->first.first == who; ++at)
        cut_off.emplace_back(*at->second);
    for (const held_bulk& source : cut_off)
        for (detail::bulk_operation* op : std::exchange(source->waiting, {})) {
            op->source = nullptr;
            end_fetch(*op, source->size, {}, error{errc::broken, "the sender's node was lost"});
        }
}

namespace detail {

using runtime::incarnation_record;

result<reference> make_bulk(reference buffer, std::uint64_t offset, std::uint64_t size_bytes,
                            bool give) {
    const runtime::kernel_entry entered;
    incarnation_record& inc = *entered;
    kernel_impl& kernel = *inc.kernel;
    const runtime::buffer_record* record = kernel.own_buffer(inc, buffer);
    if (!record)
        return fail(errc::no_such_reference);
    if (offset > record->size || size_bytes > record->size - offset)
        return fail(errc::invalid_argument, "a part outside of the buffer");
    auto* source = new runtime::bulk_source;
    source->kernel = &kernel;
    source->holder = kernel.self;
    // Whoever knows the number has been given the bulk: it shows what only this kernel can make.
    const std::uint64_t number = kernel.bulk.next_id++ & 0xffff'ffff;
    source->id =
        std::uint64_t{kernel.proof_of({{}, static_cast<std::uint32_t>(number)})} << 32 | number;
    source->size = size_bytes;
    source->offset = offset;
    source->given = give;
    source->block = record->block;
    kernel.bulk.here.emplace(source->id, source);
    runtime::reference_entry entry;
    entry.kind = runtime::reference_kind::bulk;
    entry.record = new runtime::bulk_reference{runtime::held_bulk{*source}, false};
    const reference made = kernel.add_reference(inc, entry);
    if (!made) {
        kernel.drop_bulk_reference(entry.kind, entry.record);
        return fail(errc::limit_reached, "references_max");
    }
    if (give)
        kernel.drop_reference(inc, buffer.index());
    return made;
}

std::uint64_t bulk_size(reference bulk) noexcept {
    const runtime::kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, bulk);
    return entry && entry->kind == runtime::reference_kind::bulk
               ? static_cast<const runtime::bulk_reference*>(entry->record)->source->size
               : 0;
}

} // namespace detail

} // namespace equus
