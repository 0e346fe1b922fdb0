#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

stream_record* kernel_impl::make_stream(incarnation_record& owner, std::uint64_t protocol) {
    auto* stream = new stream_record;
    stream->owner = &owner;
    stream->kernel = this;
    stream->id = {owner.id, owner.counter()};
    stream->protocol = protocol;
    return stream;
}

void kernel_impl::bind(stream_record& stream, const capability& to) {
    stream.channel = to.channel;
    stream.routing = to.routing;
    stream.credit_first = to.credit_first;
    if (to.routing == channel_kind::unicast) {
        place at = to.at;
        if (const auto known = whereabouts.find(to.port.owner);
            known != whereabouts.end() && known->second.age > at.age)
            at = {known->second.at, ~0u, known->second.age};
        stream_leg& leg = add_leg(stream, to.port, at, to.credit_first);
        if (at.at != self && !is_member(at.at))
            break_stream(stream, errc::broken);
        else if (at.slot == ~0u)
            seek(leg);
        return;
    }
    stream.channel_at = to.at;
    stream.channel_at.at = place_of(to.channel.owner, to.at.at);
    follow_channel(stream);
}

stream_leg& kernel_impl::add_leg(stream_record& stream, port_id port, place at,
                                 std::uint16_t credit_first) {
    auto* leg = new stream_leg;
    leg->stream = &stream;
    leg->port = port;
    leg->at = at;
    leg->limit_messages = options.limits.credit_initial;
    if (credit_first != 0 && credit_first < leg->limit_messages)
        leg->limit_messages = credit_first;
    leg->limit_bytes = options.limits.credit_bytes;
    leg->slot = stream_legs.insert(*leg);
    leg->next = stream.legs;
    stream.legs = leg;
    return *leg;
}

void kernel_impl::remove_leg(stream_record& stream, stream_leg& leg) noexcept {
    if (leg.local) {
        leg.local->local = nullptr;
        leg.local->finished = true;
        leg.local->last = leg.sent;
        if (leg.local->consumed == leg.sent)
            end_entry(*leg.local);
    }
    while (retained_message* kept = leg.retained.pop()) {
        if (kept->has_bulk)
            let_bulk_go(leg, kept->number);
        memory_pool::free(kept);
    }
    stream_leg** link = &stream.legs;
    while (*link != &leg)
        link = &(*link)->next;
    *link = leg.next;
    if (stream.anycast_next == &leg)
        stream.anycast_next = nullptr;
    stream_legs.erase(leg.slot);
    delete &leg;
}

detail::progress kernel_impl::transmit(stream_record& stream, envelope* message, error& why) {
    if (stream.broken != errc::ok) {
        why = stream.broken;
    } else if (message->payload_bytes == 0 ||
               message->payload_bytes > options.limits.message_bytes_max) {
        why = error{errc::too_large, "message_bytes_max"};
    } else if (stream.routing == channel_kind::unicast) [[likely]] {
        if (stream.legs)
            return transmit_unicast(stream, *stream.legs, message, why);
        why = errc::closed;
    } else {
        switch (stream.routing) {
        case channel_kind::anycast: {
            if (!stream.legs)
                return detail::progress::waiting;
            stream_leg* first = stream.anycast_next ? stream.anycast_next : stream.legs;
            stream_leg* leg = first;
            do {
                stream_leg* after = leg->next ? leg->next : stream.legs;
                if (leg->has_credit(message->payload_bytes)) {
                    stream.anycast_next = after;
                    return transmit_unicast(stream, *leg, message, why);
                }
                leg = after;
            } while (leg != first);
            return detail::progress::waiting;
        }
        default:
            return transmit_multicast(stream, message, why);
        }
    }
    detail::free_envelope(message);
    return detail::progress::failed;
}

detail::progress kernel_impl::transmit_unicast(stream_record& stream, stream_leg& leg,
                                               envelope* message, error& why) {
    if (!leg.local && leg.at.at == self && waits_for_move(leg)) [[unlikely]]
        return detail::progress::waiting;
    if (!leg.has_credit(message->payload_bytes) && !EQUUS_MUTANT(credit_is_ignored)) {
        EQUUS_SOMETIMES(credit_exhausted);
        if (stream.watched)
            stream_is_exhausted(stream);
        return detail::progress::waiting;
    }
    if (message->type && message->type->for_each_reference && !message->capabilities) {
        if (auto exported = export_message(*stream.owner, *message, leg.port.owner); !exported) {
            why = std::move(exported.error());
            detail::free_envelope(message);
            return detail::progress::failed;
        }
    }
    ++counters.messages_sent;
    ++leg.sent;
    leg.sent_bytes += message->payload_bytes;
    message->number = leg.sent;
    trace(trace_kind::sent, stream.id.owner, stream.id.counter, leg.sent, message->ordinal);
    if (leg.local || leg.at.at == self) {
        send_local(leg, message);
    } else {
        if (message->call.call)
            call_is_elsewhere(*message, leg.at.at);
        send_remote(leg, message);
    }
    return detail::progress::done;
}

detail::progress kernel_impl::transmit_multicast(stream_record& stream, envelope* message,
                                                 error& why) {
    if (!stream.legs)
        return detail::progress::waiting; // reliable: at least one port [K22]
    for (stream_leg* leg = stream.legs; leg; leg = leg->next)
        if (!leg->local && leg->at.at == self && waits_for_move(*leg))
            return detail::progress::waiting;
    for (stream_leg* leg = stream.legs; leg; leg = leg->next)
        if (!leg->has_credit(message->payload_bytes)) {
            some_are_stuck(stream, message->payload_bytes);
            return detail::progress::waiting;
        }
    if (message->type && message->type->for_each_reference && !message->capabilities) {
        if (auto exported = export_message(*stream.owner, *message, {}); !exported) {
            why = std::move(exported.error());
            detail::free_envelope(message);
            return detail::progress::failed;
        }
    }
    ++counters.messages_sent;
    for (stream_leg* leg = stream.legs; leg; leg = leg->next) {
        if (EQUUS_MUTANT(multicast_leaves_one_out) && leg->next)
            continue;
        ++leg->sent;
        leg->sent_bytes += message->payload_bytes;
        message->number = leg->sent;
        trace(trace_kind::sent, stream.id.owner, stream.id.counter, leg->sent, message->ordinal);
        if (leg->at.at != self) {
            send_remote(*leg, message, /*keep=*/true);
        } else if (envelope* copy = encoded_copy(*message, pool.kernel_account())) {
            copy->number = leg->sent;
            send_local(*leg, copy);
        }
    }
    detail::free_envelope(message);
    return detail::progress::done;
}

leg_entry* kernel_impl::join_halves(stream_leg& leg) {
    port_record* port = ports.at(leg.at.slot);
    if (!port || port->id() != leg.port) {
        port = whereabouts.empty() ? nullptr : find_port(leg.port);
        if (!port)
            return nullptr;
        leg.at.slot = port->slot;
    }
    leg_entry& entry = entry_for(*port, leg.stream->id);
    entry.local = &leg;
    entry.from = self;
    entry.from_slot = leg.slot;
    leg.local = &entry;
    leg.limit_messages = std::max<std::uint64_t>(entry.limit_messages, leg.sent);
    leg.limit_bytes = std::max(entry.limit_bytes, leg.sent_bytes);
    return &entry;
}

void kernel_impl::send_local(stream_leg& leg, envelope* message) {
    leg_entry* entry = leg.local ? leg.local : join_halves(leg);
    if (!entry) {
        // The port is gone; a channel with many members is told so by its creator.
        fail_call(*message, errc::broken);
        detail::free_envelope(message);
        ++counters.undeliverable;
        if (leg.stream->routing == channel_kind::unicast)
            break_stream(*leg.stream, errc::broken);
        return;
    }
    if (options.copy_local_messages && message->type) {
        if (envelope* copy = encoded_copy(*message, pool.kernel_account())) {
            detail::free_envelope(message);
            message = copy;
        }
    }
    if (message->call.call)
        message->call.forwards == 0 ? own_call_is_here(*message) : call_is_here(*message);
    message->leg = entry;
    ++entry->next;
    enqueue(*entry->port, message);
}

envelope* kernel_impl::encoded_copy(const envelope& message, account& to) {
    void* block = pool.allocate(to, sizeof(envelope) + message.payload_bytes, true);
    if (!block)
        return nullptr;
    auto* copy = new (block) envelope(message);
    copy->next = nullptr;
    copy->type = nullptr;
    std::span<std::byte> out{static_cast<std::byte*>(copy->payload()), message.payload_bytes};
    if (message.type)
        message.type->encode(const_cast<envelope&>(message).payload(), out);
    else
        std::memcpy(out.data(), message.encoded().data(), out.size());
    if (message.capability_count) {
        copy->capabilities = new capability[message.capability_count];
        std::copy_n(message.capabilities, message.capability_count, copy->capabilities);
    }
    return copy;
}

/// Keeps the message as it is sent: what is retained is the frame.
retained_message* kernel_impl::retain(stream_leg& leg, const envelope& message) {
    const stream_record& stream = *leg.stream;
    message_header header;
    header.stream = stream.id;
    header.stream_slot = leg.slot;
    header.port_slot = leg.at.slot;
    header.leg_slot = leg.remote_leg;
    header.rebinds = stream.rebinds;
    header.channel = stream.channel;
    header.number = message.number;
    header.ordinal = message.ordinal;
    header.body_bytes = message.payload_bytes;
    if (message.maybe_seen)
        header.flags |= message_header::maybe_seen;
    capability_list carried;
    if (message.capability_count) {
        choose_early(message.capabilities, message.capability_count, leg.at.at);
        carried.items.assign(message.capabilities, message.capabilities + message.capability_count);
        header.capability_count = static_cast<std::uint8_t>(message.capability_count);
        header.capability_bytes = static_cast<std::uint32_t>(wire::size_bytes(carried));
    }
    if (message.call.call) {
        header.flags |= message_header::is_call;
        header.call = message.call.call;
        header.caller = message.call.at;
        header.call_slot = message.call.slot;
        header.forwards = message.call.forwards;
        header.proof = message.call.at == self ? proof_of(message.call.call) : message.call.proof;
        header.timeout_ns = message.deadline == time_point::never()
                                ? for_ever.count()
                                : std::max<std::int64_t>((message.deadline - now).count(), 0);
    }
    const std::size_t size = header.bytes() + header.capability_bytes + header.body_bytes;
    auto* kept = static_cast<retained_message*>(
        pool.allocate(stream.owner ? stream.owner->memory() : pool.kernel_account(),
                      sizeof(retained_message) + size, true));
    EQUUS_ASSERT(kept != nullptr && "credit bounds what is retained");
    new (kept) retained_message{nullptr, message.number, header.body_bytes & 0x7fff'ffffu, false,
                                static_cast<std::uint32_t>(size)};
    std::span<std::byte> frame{kept->frame(), size};
    store(header, frame.data());
    auto rest = frame.subspan(header.bytes());
    if (header.capability_bytes)
        wire::encode(carried, rest.first(header.capability_bytes));
    rest = rest.subspan(header.capability_bytes);
    if (message.type)
        message.type->encode(const_cast<envelope&>(message).payload(), rest);
    else
        std::memcpy(rest.data(), message.encoded().data(), rest.size());
    leg.retained.push(*kept);
    return kept;
}

void kernel_impl::send_remote(stream_leg& leg, envelope* message, bool keep) {
    retained_message* kept = retain(leg, *message);
    // One whose port is being looked for keeps it until then.
    session* to = leg.at.slot != ~0u ? session_to(leg.at.at) : nullptr;
    if (to) {
        auto out = to->reserve(kind::message, lane::data, kept->frame_bytes);
        std::memcpy(out.data(), kept->frame(), kept->frame_bytes);
    }
    if (message->capability_count)
        kept->has_bulk = keep_bulk(leg, *message, to);
    if (!keep)
        detail::free_envelope(message);
}

void kernel_impl::resend(stream_leg& leg, std::uint64_t from) {
    session* to = session_to(leg.at.at);
    if (!to)
        return;
    for (retained_message* kept = leg.retained.front(); kept; kept = kept->next) {
        if (kept->number < from + (EQUUS_MUTANT(repeats_too_little) ? 1 : 0))
            continue;
        ++counters.messages_resent;
        auto out = to->reserve(kind::message, lane::data, kept->frame_bytes);
        std::memcpy(out.data(), kept->frame(), kept->frame_bytes);
        if (kept->has_bulk)
            resend_early(leg, kept->number, *to);
    }
}

void kernel_impl::wake_senders(stream_record& stream) {
    while (operation* op = stream.waiting.front()) {
        const bool is_call = op->kind == detail::operation_kind::call;
        if (is_call && stream.has_its_calls() && stream.broken == errc::ok)
            return;
        envelope*& message = is_call ? static_cast<detail::call_operation*>(op)->message
                                     : static_cast<detail::send_operation*>(op)->message;
        error why{errc::ok};
        stream.waiting.remove(*op);
        op->listed = false;
        const std::uint32_t slot = is_call ? static_cast<detail::call_operation*>(op)->slot : ~0u;
        envelope* original = is_call ? nullptr : static_cast<detail::send_operation*>(op)->original;
        const auto made = transmit(stream, message, why);
        if (made == detail::progress::waiting) {
            op->listed = true;
            stream.waiting.push_front(*op);
            return;
        }
        message = nullptr;
        if (!is_call) {
            if (original && made == detail::progress::done)
                original->answered = true; // whoever has the copy answers
            end(*op, std::move(why));
        } else if (made == detail::progress::failed) {
            drop_call(static_cast<detail::call_operation&>(*op));
            end(*op, std::move(why));
        } else if (calls[slot].op == op) {
            auto& call = static_cast<detail::call_operation&>(*op);
            call.sent = true;
            count_call(stream, call);
        }
        if (stream.broken != errc::ok && !stream.waiting.empty())
            continue;
    }
}

void kernel_impl::credit_came(stream_leg& leg, std::uint64_t consumed_to,
                              std::uint64_t limit_messages, std::uint64_t limit_bytes) {
    if (consumed_to > leg.sent)
        return; // acknowledges what was never sent: a peer's mistake
    leg.consumed = std::max(leg.consumed, consumed_to);
    leg.limit_messages = std::max(leg.limit_messages, limit_messages);
    leg.limit_bytes = std::max(leg.limit_bytes, limit_bytes);
    while (retained_message* kept = leg.retained.front()) {
        if (kept->number > leg.consumed + (EQUUS_MUTANT(retention_ends_early) ? 1 : 0))
            break;
        if (kept->has_bulk)
            let_bulk_go(leg, kept->number);
        memory_pool::free(leg.retained.pop());
    }
    stream_record& stream = *leg.stream;
    trace(trace_kind::credit, stream.id.owner, stream.id.counter, leg.consumed, leg.limit_messages);
    if (!stream.waiting.empty() && !EQUUS_MUTANT(credit_wakes_nobody))
        wake_senders(stream);
    if (stream.closing)
        finish_if_drained(stream);
    else if (stream.watched)
        stream_changed(stream);
}

void kernel_impl::break_stream(stream_record& stream, errc reason) {
    if (stream.broken != errc::ok)
        return;
    stream.broken = reason;
    std::uint64_t sent = 0;
    std::uint64_t consumed_to = 0;
    bool failed = false;
    while (stream_leg* leg = stream.legs) {
        sent += leg->sent;
        consumed_to += leg->consumed;
        if (stream.owner && keep_in_doubt(stream, *leg))
            failed = true;
        remove_leg(stream, *leg);
    }
    trace(trace_kind::broken, stream.id.owner, stream.id.counter, consumed_to, sent);
    if (!stream.waiting.empty()) {
        EQUUS_SOMETIMES(broken_while_senders_waited);
        wake_senders(stream);
    }
    if (stream.closing) {
        free_stream(stream);
        return;
    }
    if (failed)
        stream_failed(stream);
    if (stream.watched)
        stream_changed(stream);
}

void kernel_impl::end_waiting(stream_record& stream) noexcept {
    while (operation* op = stream.waiting.front()) {
        stream.waiting.remove(*op);
        op->listed = false;
        if (op->kind == detail::operation_kind::call)
            drop_call(static_cast<detail::call_operation&>(*op));
        end(*op, errc::closed);
    }
}

void kernel_impl::close_stream(stream_record& stream) noexcept {
    end_waiting(stream);
    if (stream.extra) {
        forget_queued_calls(stream);
        timers.remove(stream.extra->patience);
        stream.extra->patience.owner = nullptr;
    }
    stream.owner = nullptr;
    stream.closing = true;
    lingering.insert(&stream);
    finish_if_drained(stream);
}

/// Nothing more is sent on the leg: the cursor at its other end may go when it has caught up.
void kernel_impl::finish_leg(stream_leg& leg) {
    const stream_record& stream = *leg.stream;
    if (!leg.local && leg.sent > 0)
        send_frame(leg.at.at, kind::finish, lane::control,
                   finish_frame{stream.id, stream.channel, leg.at.slot, leg.remote_leg, leg.sent});
}

void kernel_impl::finish_if_drained(stream_record& stream) {
    for (stream_leg* leg = stream.legs; leg; leg = leg->next)
        if (leg->consumed < leg->sent)
            return;
    for (stream_leg* leg = stream.legs; leg; leg = leg->next)
        finish_leg(*leg);
    free_stream(stream);
}

void kernel_impl::free_stream(stream_record& stream) noexcept {
    while (stream.legs)
        remove_leg(stream, *stream.legs);
    lingering.erase(&stream);
    if (stream.followed_slot != ~0u)
        followed.erase(stream.followed_slot);
    delete &stream;
}

void kernel_impl::set_members(stream_record& stream, std::uint32_t version,
                              const std::vector<channel_member>& list) {
    if (stream.members_known && version <= stream.members_version)
        return;
    stream.members_known = true;
    stream.members_version = version;
    bool lost = false;
    for (stream_leg* leg = stream.legs; leg;) {
        stream_leg* after = leg->next;
        const bool stays = std::any_of(
            list.begin(), list.end(), [&](const channel_member& m) { return m.port == leg->port; });
        if (!stays) {
            finish_leg(*leg);
            if (stream.routing == channel_kind::anycast && stream.owner)
                lost = keep_in_doubt(stream, *leg) || lost;
            remove_leg(stream, *leg);
        }
        leg = after;
    }
    for (const channel_member& member : list) {
        bool known = false;
        for (stream_leg* leg = stream.legs; leg; leg = leg->next)
            if (leg->port == member.port) {
                known = true;
                leg_moves(*leg, member.at, leg->consumed + 1);
                break;
            }
        if (stream.broken != errc::ok)
            return;
        if (!known && is_member(member.at.at) && !is_given_up(stream, member.port))
            add_leg(stream, member.port, member.at, member.credit_first);
    }
    if (lost)
        stream_failed(stream);
    if (!stream.waiting.empty())
        wake_senders(stream);
}

namespace detail {

using runtime::incarnation_record;

progress try_send(reference stream, envelope* message, error& why) noexcept {
    const runtime::kernel_entry inc;
    EQUUS_ASSERT(inc && "only incarnations send");
    if (inc->fresh)
        begin_fresh(*inc);
    if (!message) {
        why = error{errc::out_of_memory, "no memory for the message"};
        return progress::failed;
    }
    auto* entry = inc->kernel->lookup(*inc, stream);
    if (!entry || entry->kind != runtime::reference_kind::stream) {
        why = errc::no_such_reference;
    } else if (!entry->record) {
        why = errc::not_wired;
    } else if (!(entry->rights & (message->call.call ? right::invoke : right::send))) [[unlikely]] {
        why = error{errc::access_denied, "the reference does not allow sending"};
    } else {
        auto& record = *static_cast<runtime::stream_record*>(entry->record);
        if (!record.waiting.empty())
            return progress::waiting;
        return inc->kernel->transmit(record, message, why);
    }
    free_envelope(message);
    return progress::failed;
}

bool begin(send_operation& op) {
    const runtime::kernel_entry inc;
    op.owner = inc;
    op.status = operation::state::waiting;
    op.since = detail::ticks_of(inc->kernel->now);
    auto* entry = inc->kernel->lookup(*inc, op.stream);
    op.listed = true;
    static_cast<runtime::stream_record*>(entry->record)->waiting.push(op);
    return false;
}

envelope* copy_to_forward(const envelope* message, error& why) noexcept {
    const runtime::kernel_entry inc;
    if (!message) {
        why = error{errc::invalid_argument, "no message is in hand"};
        return nullptr;
    }
    if (message->taken || (message->call.call && message->answered && !message->cancelled)) {
        why = error{errc::invalid_argument, message->taken
                                                ? "the message has been taken out: nothing is left"
                                                : "the message has been answered"};
        return nullptr;
    }
    for (std::uint16_t i = 0; i < message->capability_count; ++i)
        if (message->capabilities[i].domain == propagation::owner) {
            why = error{errc::access_denied, "a reference in the message is for this owner only"};
            return nullptr;
        }
    kernel_impl& kernel = *inc->kernel;
    for (std::uint16_t i = 0; i < message->capability_count; ++i)
        if (const auto& held = message->capabilities[i].held;
            held && held->holder != kernel.self && !message->call.call) {
            why = error{errc::unsupported, "bulk of another node in a one-way message: fetch it"};
            return nullptr;
        }
    if (message->call.forwards >= kernel.options.limits.forwards_max) {
        why = error{errc::limit_reached, "forwards_max"};
        return nullptr;
    }
    envelope* onward = kernel.encoded_copy(*message, inc->memory());
    if (!onward) {
        why = errc::out_of_memory;
        return nullptr;
    }
    onward->leg = nullptr;
    ++onward->call.forwards;
    return onward;
}

} // namespace detail

} // namespace equus
