#include "runtime/kernel_impl.hpp"

namespace equus {

using namespace runtime;

void kernel_impl::record(trace_kind what, incarnation_id who, std::uint64_t a, std::uint64_t b,
                         std::uint64_t c) noexcept {
    const std::uint64_t fields[] = {static_cast<std::uint64_t>(now.ns),
                                    static_cast<std::uint64_t>(what),
                                    self.node.value,
                                    std::uint64_t{who.node.value} << 32 | who.boot.value,
                                    who.counter,
                                    a,
                                    b,
                                    c};
    for (const std::uint64_t field : fields) {
        hash ^= field;
        hash *= 0x9e37'79b9'7f4a'7c15u;
        hash ^= hash >> 29;
    }
    if (options.trace)
        options.trace->on_trace(trace_record{now, what, self.node, who, a, b, c});
}

void kernel_impl::record_queued(const port_record& port, const envelope& message) noexcept {
    const stream_id by = message.leg ? message.leg->stream : stream_id{};
    record(trace_kind::queued, by.owner, by.counter, message.number, port.slot);
    if (!options.trace)
        return;
    traced_message told{by, message.number, message.ordinal, port.owner->id, message.call.call, {},
                        {}};
    if (port.protocol && message.ordinal < port.protocol->methods.size()) {
        told.name = port.protocol->methods[message.ordinal].name;
        told.reply_name = port.protocol->methods[message.ordinal].reply_name;
    }
    options.trace->on_queued(told);
}

node_status kernel_impl::status() const {
    node_status out;
    out.self = self;
    out.name = options.name;
    out.view = view;
    for (const auto& [node, info] : members)
        out.members.push_back(info);
    out.ready = scheduled.size();
    out.streams_lingering = static_cast<std::uint32_t>(lingering.size());
    out.buffer_bytes = bulk_memory.bytes_in_use();
    out.messages_sent = counters.messages_sent;
    out.messages_consumed = counters.messages_consumed;
    incarnations.for_each(
        [&](incarnation_record& inc) { out.incarnations.push_back(status(inc)); });
    add_waits(out);
    return out;
}

incarnation_status kernel_impl::status(incarnation_record& inc) const {
    incarnation_status row;
    row.id = inc.id;
    row.name = inc.name();
    row.module = inc.module->name;
    row.state = inc.state;
    detail::settle_heap(inc);
    row.memory_bytes = inc.memory().used_bytes;
    for (const port_record* port = inc.ports; port; port = port->next_owned) {
        row.handled += port->consumed;
        row.queued += port->queued;
    }
    row.steps = inc.steps;
    if (inc.rest) {
        row.steps += std::uint64_t{inc.rest->steps_high} << 32;
        row.events = inc.rest->events ? inc.rest->events->count : 0;
    }
    row.calls_waiting = inc.calls_waiting;
    row.priority = inc.priority;
    row.runnable = inc.scheduled;
    row.handling = inc.in_hand != nullptr;
    const auto& declared = inc.module->description.interfaces;
    for (std::uint32_t i = 0; i < inc.references.size(); ++i) {
        const reference_entry& entry = inc.references[i];
        const std::string name = i < declared.size() ? declared[i].name : std::string{};
        if (entry.kind == reference_kind::port) {
            const auto& port = *static_cast<const port_record*>(entry.record);
            port_status made;
            made.id = port.id();
            made.name = name;
            made.protocol = port.protocol->name;
            if (port.attached) {
                made.channels = port.attached->channels;
                made.streams = static_cast<std::uint32_t>(port.attached->legs.size());
            }
            made.queued = port.queued;
            made.queued_bytes = port.queued_bytes;
            made.consumed = port.consumed;
            row.ports.push_back(std::move(made));
        } else if (entry.kind == reference_kind::stream) {
            stream_status made;
            made.name = name;
            if (entry.protocol)
                made.protocol = entry.protocol->name;
            if (const auto* stream = static_cast<const stream_record*>(entry.record)) {
                made.id = stream->id;
                made.channel = stream->channel;
                made.broken = stream->broken != errc::ok;
                made.frozen = stream->extra && stream->extra->frozen;
                for (const operation* op = stream->waiting.front(); op; op = op->next)
                    ++made.waiting;
                for (const stream_leg* leg = stream->legs; leg; leg = leg->next) {
                    made.to = leg->at.at;
                    made.receiver = leg->port.owner;
                    made.sent += leg->sent;
                    made.consumed += leg->consumed;
                    made.credit_limit += leg->limit_messages;
                    made.legs.push_back(
                        {leg->port, leg->at.at, leg->sent, leg->consumed, leg->limit_messages});
                }
            }
            row.streams.push_back(std::move(made));
        }
    }
    if (inc.rest)
        row.waits_for = inc.rest->waits_for;
    return row;
}

running_code running_now() noexcept {
    const incarnation_record* inc = kernel_impl::running();
    if (!inc)
        return {};
    running_code out{
        inc->id, inc->name(), inc->module ? inc->module->name : std::string_view{}, {}};
    const envelope* message = inc->in_handler ? inc->in_hand : nullptr;
    if (message && message->leg) {
        const auto methods = message->leg->port->protocol->methods;
        if (message->ordinal < methods.size())
            out.message = methods[message->ordinal].name;
    }
    return out;
}

namespace {

std::string text_of_stream(stream_id id) {
    return std::to_string(id.owner.node.value) + "." + std::to_string(id.owner.boot.value) + "." +
           std::to_string(id.owner.counter) + ":" + std::to_string(id.counter);
}

} // namespace

std::string kernel_impl::check_invariants() const {
    std::string broken;
    const auto say = [&](std::string text) {
        if (broken.empty())
            broken = std::move(text);
    };
    // I1: a leg has consumed no more than it has sent, and what lies between is retained or queued.
    stream_legs.for_each([&](const stream_leg& leg) {
        const std::string name = "stream " + text_of_stream(leg.stream->id);
        if (leg.consumed > leg.sent)
            say("I1: " + name + " has consumed more than it sent");
        std::uint64_t retained = 0;
        std::uint64_t number = leg.consumed;
        // Who parted from a receiver with a message in hand does not have that one.
        const bool parted = leg.at.age.value != 0 || !whereabouts.empty() || !arrivals.empty();
        for (auto* kept = leg.retained.front(); kept; kept = kept->next) {
            ++retained;
            if (parted ? kept->number <= number : kept->number != number + 1)
                say("I1: " + name + " retains numbers with a gap");
            number = kept->number;
        }
        if (leg.at.at != self && !parted && retained != leg.sent - leg.consumed)
            say("I1: " + name + " does not retain what is not consumed");
        if (leg.local && retained != 0)
            say("I1: " + name + " retains messages for its own node");
        // I2: both halves of a local leg agree.
        if (leg.local && (leg.local->local != &leg || leg.local->next != leg.sent + 1 ||
                          leg.local->consumed != leg.consumed))
            say("I2: the halves of " + name + " differ");
    });
    // I3: a cursor is past what was consumed, and the queue holds what lies between.
    incarnations.for_each([&](const incarnation_record& inc) {
        for (const port_record* port = inc.ports; port; port = port->next_owned) {
            std::uint64_t queued = 0;
            std::uint64_t queued_bytes = 0;
            std::map<stream_id, std::uint64_t> last;
            for (const envelope* at = port->queue.front(); at; at = at->next) {
                ++queued;
                queued_bytes += at->payload_bytes;
                if (!at->leg)
                    continue;
                if (at->leg->port != port)
                    say("I3: a queued message belongs to another port");
                auto& before = last[at->leg->stream];
                if (at->number <= before)
                    say("I3: stream " + text_of_stream(at->leg->stream) + " is out of order");
                before = at->number;
            }
            if (queued != port->queued || queued_bytes != port->queued_bytes)
                say("I3: a queue's counts are wrong");
            if (!port->attached)
                continue;
            std::uint64_t granted = 0;
            for (const auto& [stream, leg] : port->attached->legs)
                granted += granted_to(*leg);
            if (port->window_messages == 0 && granted != port->attached->granted)
                say("I9: what a port has granted is miscounted");
            if (port->window_messages == 0 &&
                granted > port->attached->queue_max + port->attached->legs.size())
                say("I9: a port has granted more than its queue");
            for (const auto& [stream, leg] : port->attached->legs) {
                if (leg->next <= leg->consumed)
                    say("I3: the cursor of " + text_of_stream(stream) + " lies behind");
                // I4: nothing was accepted beyond what was granted.
                if (leg->next > leg->limit_messages + options.limits.credit_initial + 1)
                    say("I4: " + text_of_stream(stream) + " exceeds its credit");
            }
        }
        // I5: one message in hand at most, and then a handler that runs on.
        if (inc.handling && !inc.in_hand)
            say("I5: a handler runs without a message");
        if (find(inc.id) != &inc)
            say("I6: an incarnation is not in the index");
    });
    // I7: a call that is waited for is in the table once.
    std::uint32_t waiting = 0;
    for (const call_slot& slot : calls)
        waiting += slot.op ? 1 : 0;
    if (waiting != calls_waiting)
        say("I7: the table of calls is miscounted");
    // I10: copies move as far as they may.
    if (std::string text = check_bulk(); !text.empty())
        say(text);
    // I8: sessions keep their own rules.
    for (const auto& [who, peer] : peers)
        if (std::string text = peer.session->check_invariants(); !text.empty())
            say("I8: session with node " + std::to_string(who.node.value) + ": " + text);
    return broken;
}

} // namespace equus
