#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

namespace {

bool lets_through(const detail::message_filter& wanted, const envelope& message) noexcept {
    return (!wanted.from || (message.leg && message.leg->stream == wanted.from)) &&
           (wanted.only == wanted.any_message || message.ordinal == wanted.only);
}

} // namespace

port_record* kernel_impl::make_port(incarnation_record& owner, const protocol_type& protocol,
                                    const detail::handler* handlers) {
    auto* port = pool.make_record<port_record>();
    EQUUS_ASSERT(port != nullptr && "memory for a port");
    port->owner = &owner;
    port->counter = owner.counter();
    port->protocol = &protocol;
    port->handlers = handlers;
    port->window_messages = options.limits.credit_messages;
    port->slot = ports.insert(*port);
    port->next_owned = owner.ports;
    owner.ports = port;
    return port;
}

leg_entry& kernel_impl::entry_for(port_record& port, stream_id stream) {
    auto& entry = port.attach().legs[stream];
    if (!entry) {
        entry = std::make_unique<leg_entry>();
        entry->port = &port;
        entry->stream = stream;
        entry->limit_messages = EQUUS_BUGGIFY(credit_starts_small, 500) ? 1 : port.window_messages;
        if (port.window_messages == 0) [[unlikely]] {
            entry->limit_messages = 0;
            grant_of_queue(*entry);
        }
        entry->limit_bytes = options.limits.credit_bytes;
        entry->slot = port_legs.insert(*entry);
    }
    return *entry;
}

void kernel_impl::enqueue(port_record& port, envelope* message) {
    if (tracing) [[unlikely]]
        record_queued(port, *message);
    ++port.queued;
    port.queued_bytes += message->payload_bytes;
    port.queue.push(*message);
    incarnation_record& inc = *port.owner;
    if (!inc.receivers.empty() && offer(port, *message))
        return;
    if (port.watched) [[unlikely]] {
        port_changed(port);
        if (port.is_control)
            return;
    }
    if (port.handlers) {
        if (!port.ready) {
            port.ready = true;
            inc.ready_ports.push(port);
        }
        if (inc.serving && !inc.in_hand)
            schedule(inc);
    }
}

/// Hands a message that has just been queued to a coroutine that waits for it.
bool kernel_impl::offer(port_record& port, const envelope& arrived) {
    incarnation_record& inc = *port.owner;
    if (inc.held & held::resting) [[unlikely]]
        return false;
    for (operation* at = inc.receivers.front(); at; at = at->next) {
        auto& op = static_cast<detail::receive_operation&>(*at);
        for (std::uint8_t i = 0; i < op.port_count; ++i) {
            const auto* entry = lookup(inc, op.ports[i]);
            if (!entry || entry->record != &port)
                continue;
            if (!lets_through(op.filter, arrived))
                continue; // nor any before it: they were looked at when the wait began
            if (op.take)
                op.message = take(port, op.filter);
            op.chosen = i;
            inc.receivers.remove(op);
            op.listed = false;
            end(op);
            return op.take;
        }
    }
    return false;
}

/// Consumes what its callers have given up, as far as it is in front; false: nothing is left.
bool kernel_impl::drop_given_up(port_record& port) noexcept {
    while (port.queued != 0 && port.queue.front()->cancelled) {
        envelope* given_up = port.queue.pop();
        --port.queued;
        port.queued_bytes -= given_up->payload_bytes;
        consumed(given_up);
    }
    return port.queued != 0;
}

envelope* kernel_impl::take_first(port_record& port) noexcept {
    envelope* message = port.queue.pop();
    --port.queued;
    port.queued_bytes -= message->payload_bytes;
    return message;
}

envelope* kernel_impl::take(port_record& port, const detail::message_filter& wanted) noexcept {
    if (!has_message(port))
        return nullptr;
    if (wanted.takes_all())
        return take_first(port);
    envelope* message = port.queue.front();
    while (message && (message->cancelled || !lets_through(wanted, *message)))
        message = message->next;
    if (message) {
        port.queue.remove(*message);
        --port.queued;
        port.queued_bytes -= message->payload_bytes;
    }
    return message;
}

void kernel_impl::consumed(envelope* message) noexcept {
    if (message->call.call && !message->answered && !EQUUS_MUTANT(abandons_in_silence))
        fail_call(*message, errc::abandoned);
    leg_entry* leg = message->leg;
    if (leg && !leg->port) [[unlikely]] {
        consumed_late(*leg);
    } else if (leg) {
        port_record& port = *leg->port;
        ++counters.messages_consumed;
        ++port.consumed;
        trace(trace_kind::consumed, leg->stream.owner, leg->stream.counter, message->number,
              port.slot);
        leg->consumed_bytes += message->payload_bytes;
        if (port.window_messages == 0) [[unlikely]]
            port.attached->granted -= granted_to(*leg);
        if (message->number == leg->consumed + 1) {
            ++leg->consumed;
            while (!leg->ahead.empty() && leg->ahead.front() == leg->consumed + 1 &&
                   !EQUUS_MUTANT(consumption_stays_behind)) {
                ++leg->consumed;
                leg->ahead.erase(leg->ahead.begin());
            }
        } else {
            EQUUS_SOMETIMES(consumed_out_of_order);
            leg->ahead.insert(
                std::lower_bound(leg->ahead.begin(), leg->ahead.end(), message->number),
                message->number);
        }
        if (port.window_messages == 0) [[unlikely]]
            port.attached->granted += granted_to(*leg);
        grant(*leg);
    }
    detail::free_envelope(message);
}

void kernel_impl::grant(leg_entry& leg) noexcept {
    if (leg.port->window_messages != 0) [[likely]]
        leg.limit_messages = std::max(leg.limit_messages, leg.consumed + leg.port->window_messages);
    else
        grant_of_queue(leg);
    leg.limit_bytes = std::max(leg.limit_bytes, leg.consumed_bytes + options.limits.credit_bytes);
    if (leg.finished && leg.consumed >= leg.last) {
        end_entry(leg);
        return;
    }
    if (stream_leg* sender = leg.local) {
        // Both halves are here and nothing is retained: the same as credit_came, without a frame.
        sender->consumed = leg.consumed;
        sender->limit_messages = leg.limit_messages;
        sender->limit_bytes = leg.limit_bytes;
        stream_record& stream = *sender->stream;
        trace(trace_kind::credit, stream.id.owner, stream.id.counter, leg.consumed,
              leg.limit_messages);
        if (!stream.waiting.empty())
            wake_senders(stream);
        if (stream.closing)
            finish_if_drained(stream);
        else if (stream.watched)
            stream_changed(stream);
        return;
    }
    credit_is_due(leg);
}

void kernel_impl::credit_is_due(leg_entry& leg) noexcept {
    if (leg.credit_due || EQUUS_MUTANT(credit_is_not_returned))
        return;
    leg.credit_due = true;
    leg.due_next = credit_due_first;
    credit_due_first = &leg;
}

void kernel_impl::send_credits() {
    while (leg_entry* leg = credit_due_first) {
        credit_due_first = leg->due_next;
        leg->credit_due = false;
        leg->due_next = nullptr;
        leg->told_consumed = leg->consumed;
        session* to = session_to(leg->from);
        if (!to)
            continue;
        auto out = to->reserve(kind::credit, lane::control, credit_header::fixed_bytes);
        store(credit_header{leg->stream, leg->from_slot, leg->slot, leg->consumed,
                            leg->limit_messages, leg->limit_bytes},
              out.data());
    }
}

/// A discard is answered once (rule 3): sessions lose no frame, so the answer arrives, and what it
/// asks for comes behind all that is under way. Only that can need another answer.
void kernel_impl::ask_again(leg_entry& leg) {
    leg.asked = leg.next;
    if (!EQUUS_MUTANT(discards_in_silence))
        send_frame(leg.from, kind::next, lane::control,
                   next_frame{leg.stream, leg.from_slot, leg.next});
}

/// Those for whose messages there was no memory, after a while: there may be some now (rule 3).
void kernel_impl::tell_starved() {
    starved_until = time_point::never();
    for (leg_entry* leg : std::exchange(starved, {})) {
        leg->starved = false;
        if (!EQUUS_MUTANT(starved_are_forgotten))
            ask_again(*leg);
    }
}

void kernel_impl::end_entry(leg_entry& leg) noexcept {
    if (leg.starved)
        std::erase(starved, &leg);
    if (leg.credit_due) {
        leg_entry** link = &credit_due_first;
        while (*link != &leg)
            link = &(*link)->due_next;
        *link = leg.due_next;
    }
    if (leg.local)
        leg.local->local = nullptr;
    port_legs.erase(leg.slot);
    if (leg.port->window_messages == 0) [[unlikely]]
        leg.port->attached->granted -= granted_to(leg);
    leg.port->attached->legs.erase(leg.stream); // destroys it
}

void kernel_impl::close_port(port_record& port, errc reason) {
    incarnation_record& inc = *port.owner;
    while (envelope* message = take(port, {}))
        return_undelivered(message, "the receiver ended before it took the message");
    while (port.attached && !port.attached->legs.empty())
        break_entry(*port.attached->legs.begin()->second);
    leave_channels(port); // who sends has heard by now what was not consumed
    static_cast<void>(reason);
    if (port.ready)
        inc.ready_ports.remove(port);
    port_record** link = &inc.ports;
    while (*link != &port)
        link = &(*link)->next_owned;
    *link = port.next_owned;
    ports.erase(port.slot);
    pool.destroy_record(&port);
    if (!inc.ending && !inc.receivers.empty())
        end_receivers(inc);
}

/// Those whose ports are all closed.
void kernel_impl::end_receivers(incarnation_record& inc) {
    for (operation* at = inc.receivers.front(); at;) {
        auto& op = static_cast<detail::receive_operation&>(*at);
        at = at->next;
        bool open = false;
        for (std::uint8_t i = 0; i < op.port_count; ++i) {
            const auto* entry = lookup(inc, op.ports[i]);
            open = open || (entry && entry->kind == reference_kind::port);
        }
        if (open)
            continue;
        inc.receivers.remove(op);
        op.listed = false;
        end(op, errc::closed);
    }
}

void kernel_impl::leg_is_broken(stream_leg& leg, std::uint64_t consumed_to) {
    stream_record& stream = *leg.stream;
    leg.consumed = std::max(leg.consumed, std::min(consumed_to, leg.sent));
    if (stream.routing == channel_kind::unicast) {
        break_stream(stream, errc::broken);
        return;
    }
    const bool lost = stream.owner && keep_in_doubt(stream, leg);
    remove_leg(stream, leg); // the others go on
    if (lost && (stream.routing == channel_kind::anycast || !stream.legs))
        stream_failed(stream);
    if (!stream.waiting.empty())
        wake_senders(stream);
    if (stream.closing)
        finish_if_drained(stream);
}

void kernel_impl::recv_message(node_boot from, std::span<const std::byte> payload) {
    message_header header;
    if (!load(header, payload)) {
        ++counters.frames_refused;
        return;
    }
    if (!whereabouts.empty() || !lives_at(header.stream.owner, from)) [[unlikely]]
        if (place_of(header.stream.owner, birthplace_of(header.stream.owner)) != from) {
            put_aside(header.stream.owner, from, kind::message, payload);
            return;
        }
    if (!may_send(from, header)) {
        ++counters.frames_refused;
        return;
    }
    port_record* port = ports.at(header.port_slot);
    leg_entry* leg = port_legs.at(header.leg_slot);
    if (leg && leg->stream != header.stream)
        leg = nullptr;
    if (leg)
        port = leg->port;
    const auto leads_to = [&](const port_record& which) {
        const auto* at = which.attached.get();
        return at && std::find(at->channels.begin(), at->channels.end(), header.channel) !=
                         at->channels.end();
    };
    if (!leg && port && !leads_to(*port))
        port = nullptr;
    if (!port && !whereabouts.empty()) [[unlikely]] {
        port = port_of_channel(header);
        if (!port && answer_moved(from, header))
            return;
    }
    if (!leg && port) {
        auto* at = port->attached.get();
        if (const auto known = at->legs.find(header.stream); known != at->legs.end()) {
            leg = known->second.get();
        } else if (header.number == 1 && std::find(at->refused.begin(), at->refused.end(),
                                                   header.stream) == at->refused.end()) {
            leg = &entry_for(*port, header.stream);
        }
    }
    if (!port || !leg) {
        // Whoever discards answers (rule 3): the port is not here and, as nothing moves away yet
        // without telling, it is nowhere.
        ++counters.discards_answered;
        trace(trace_kind::discarded, header.stream.owner, header.number, 1);
        if (header.flags & message_header::is_call) {
            envelope lost;
            lost.call = {header.call, header.caller, header.call_slot, header.forwards,
                         header.proof};
            fail_call(lost, error{errc::broken, "the receiver has ended"});
        }
        send_frame(from, kind::broken, lane::control,
                   broken_frame{header.stream, header.stream_slot, 0, errc::broken});
        return;
    }
    if (leg->local && from != self) [[unlikely]]
        sender_moves(*leg, from); // its other half here has left
    leg->from = from;
    leg->from_slot = header.stream_slot;
    if (port->owner->held & held::moving) [[unlikely]] {
        leg->unanswered = true; // until it is clear where it is
        EQUUS_SOMETIMES(discarded_on_the_way);
        ++counters.discards_answered;
        return;
    }
    if (EQUUS_MUTANT(cursor_skips_gaps) && header.number > leg->next)
        leg->next = header.number;
    if (header.number != leg->next &&
        !(EQUUS_MUTANT(cursor_takes_duplicates) && header.number < leg->next)) {
        const bool old = header.number < leg->next;
        old ? ++counters.duplicates_dropped : ++counters.discards_answered;
        EQUUS_SOMETIMES(discarded_at_the_cursor);
        trace(trace_kind::discarded, header.stream.owner, header.number, old ? 2 : 3);
        if (old)
            credit_is_due(*leg);
        else if (leg->asked != leg->next)
            ask_again(*leg);
        return;
    }
    if (header.body_bytes == 0) { // who says hello must have been heard before
        ask_again(*leg);
        return;
    }
    if (header.number > leg->limit_messages + options.limits.credit_initial) {
        ++counters.frames_refused; // beyond any credit that was ever given
        return;
    }
    auto rest = payload.subspan(header.bytes());
    capability_list carried;
    if (header.capability_bytes) {
        auto decoded = wire::decode<capability_list>(rest.first(header.capability_bytes));
        if (!decoded || decoded->items.size() != header.capability_count) {
            ++counters.frames_refused;
            return;
        }
        carried = std::move(*decoded);
    }
    rest = rest.subspan(header.capability_bytes);
    void* block = nullptr;
    if (from == self || !EQUUS_BUGGIFY(no_memory_for_message, 20))
        block = pool.allocate(port->owner->memory(), sizeof(envelope) + rest.size(), true);
    if (!block) {
        ++counters.discards_answered;
        leg->asked = leg->next; // what follows under way needs no answer of its own
        if (!std::exchange(leg->starved, true))
            starved.push_back(leg);
        if (starved_until == time_point::never())
            starved_until = now + options.limits.retransmit_after;
        return;
    }
    auto* message = new (block) envelope;
    std::memcpy(message->payload(), rest.data(), rest.size());
    message->payload_bytes = header.body_bytes;
    message->leg = leg;
    message->number = header.number;
    message->ordinal = header.ordinal;
    message->maybe_seen = (header.flags & message_header::maybe_seen) != 0;
    if (!carried.items.empty()) {
        bulk_has_come(carried.items, false);
        message->capability_count = header.capability_count;
        message->capabilities = new capability[carried.items.size()];
        std::move(carried.items.begin(), carried.items.end(), message->capabilities);
    }
    if (header.flags & message_header::is_call) {
        message->call = {header.call, header.caller, header.call_slot, header.forwards,
                         header.proof};
        message->deadline = deadline_after(now, duration{header.timeout_ns});
        call_is_here(*message);
        if (header.caller != from && header.caller != self && is_member(header.caller))
            send_frame(header.caller, kind::call_held, lane::control,
                       call_held_frame{header.call, header.call_slot, self, header.forwards,
                                       header.proof}); // rule 22
    }
    ++leg->next;
    if (leg->told_consumed == 0 && header.number == 1)
        credit_is_due(*leg); // the sender learns the window and the cursor's slot
    enqueue(*port, message);
}

namespace detail {

using runtime::incarnation_record;

void* allocate_block(std::size_t size_bytes) noexcept {
    auto* inc = kernel_impl::running(); // no guard: only the pool allocates here, and has its own
    if (!inc)
        return nullptr;
    runtime::memory_pool& pool = inc->kernel->pool;
    if (void* block = pool.allocate(inc->memory(), size_bytes)) [[likely]]
        return block;
    settle_heap(*inc);
    return pool.allocate(inc->memory(), size_bytes);
}

void free_block(void* block) noexcept {
    runtime::memory_pool::free(block);
}

envelope* new_envelope(std::size_t size) noexcept {
    void* block = allocate_block(sizeof(envelope) + size);
    return block ? new (block) envelope : nullptr;
}

void free_envelope(envelope* message) noexcept {
    if (!message)
        return;
    if (message->type)
        message->type->destroy(message->payload());
    delete[] message->capabilities;
    message->~envelope();
    runtime::memory_pool::free(message);
}

reference declare_port(std::string_view name, const protocol_type& protocol,
                       const handler* handlers) {
    const runtime::kernel_entry inc;
    if (!inc->kernel)
        return describe_interface(*inc, name, interface_kind::port, protocol);
    runtime::port_record* port = inc->kernel->make_port(*inc, protocol, handlers);
    runtime::reference_entry entry;
    entry.kind = runtime::reference_kind::port;
    entry.domain = propagation::never;
    entry.record = port;
    entry.protocol = &protocol;
    const reference made = inc->kernel->add_reference(*inc, entry);
    return made;
}

reference declare_stream(std::string_view name, const protocol_type& protocol) {
    const runtime::kernel_entry inc;
    if (!inc->kernel)
        return describe_interface(*inc, name, interface_kind::stream, protocol);
    runtime::reference_entry entry;
    entry.kind = runtime::reference_kind::stream;
    entry.protocol = &protocol;
    return inc->kernel->add_reference(*inc, entry);
}

reference stream_to(reference port) {
    const auto made = attach_new_channel(port, channel_kind::unicast);
    return made ? static_cast<reference>(*made) : reference{};
}

std::uint32_t queued(reference port) noexcept {
    const runtime::kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, port);
    return entry && entry->kind == runtime::reference_kind::port
               ? static_cast<runtime::port_record*>(entry->record)->queued
               : 0;
}

envelope* try_receive(reference port, const message_filter& wanted) noexcept {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    const auto* entry = inc->kernel->lookup(*inc, port);
    if (!entry || entry->kind != runtime::reference_kind::port)
        return nullptr;
    return inc->kernel->take(*static_cast<runtime::port_record*>(entry->record), wanted);
}

stream_id source_of(const envelope& message) noexcept {
    return message.leg ? message.leg->stream : stream_id{};
}

bool begin(receive_operation& op) {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    kernel_impl& kernel = *inc->kernel;
    op.owner = inc;
    op.status = operation::state::waiting;
    op.since = detail::ticks_of(kernel.now);
    for (std::uint8_t i = 0; i < op.port_count; ++i) {
        const auto* entry = kernel.lookup(*inc, op.ports[i]);
        if (!entry || entry->kind != runtime::reference_kind::port) {
            kernel.end(op, errc::no_such_reference);
            return true;
        }
        if (inc->held & runtime::held::resting) [[unlikely]]
            continue;
        auto& port = *static_cast<runtime::port_record*>(entry->record);
        if (!kernel.has_message(port))
            continue;
        if (op.take) {
            op.message = kernel.take(port, op.filter);
            if (!op.message)
                continue;
        }
        op.chosen = i;
        if (kernel.budget == 0) { // others first, however much waits here
            op.ready = true;
            inc->ready.push(op);
            return false;
        }
        --kernel.budget;
        kernel.end(op);
        return true;
    }
    op.listed = true;
    inc->receivers.push(op);
    return false;
}

void consumed(envelope* message) noexcept {
    const runtime::kernel_entry inc;
    inc->kernel->consumed(message);
}

} // namespace detail

} // namespace equus
