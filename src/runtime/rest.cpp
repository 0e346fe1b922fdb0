// An incarnation at rest: nothing that it has begun is under way, so what it is can be written down
// (rule 10).
#include "runtime/kernel_impl.hpp"

namespace equus {

using namespace runtime;

/// What keeps an incarnation where it is, whatever it does; null: nothing.
const char* kernel_impl::why_it_stays(incarnation_record& inc) const noexcept {
    if (inc.launch->id == inc.id)
        return "it is the root of a computation";
    if (!inc.module->live_again)
        return "its module has no life after the first";
    const std::size_t declared = inc.module->description.interfaces.size();
    for (std::uint32_t i = 0; i < inc.references.size(); ++i) {
        const reference_entry& entry = inc.references[i];
        if (entry.kind == reference_kind::port && i >= declared)
            return "it has a port that was made at run time";
        if (entry.kind == reference_kind::area)
            return "it owns a buffer";
        if (entry.kind == reference_kind::bulk)
            return "it has the data of a message";
    }
    if (inc.rest && inc.rest->events && !inc.module->sets_handlers_again)
        for (const auto& each : inc.rest->events->interests)
            if (each.handler.start)
                return "it has handlers of events, and its class has no on(arrived) to set them "
                       "again";
    return nullptr;
}

namespace {

/// Messages that have been taken from the port and not been consumed.
bool holds_messages(const port_record& port) noexcept {
    if (!port.attached)
        return false;
    std::uint64_t accepted = 0;
    for (const auto& [stream, leg] : port.attached->legs)
        accepted += leg->next - 1 - leg->consumed - leg->ahead.size();
    std::uint64_t queued = 0;
    for (const envelope* at = port.queue.front(); at; at = at->next)
        queued += at->leg ? 1 : 0;
    return accepted != queued;
}

bool has_bulk(const envelope& message) noexcept {
    for (std::uint16_t i = 0; i < message.capability_count; ++i)
        if (message.capabilities[i].kind == reference_kind::bulk)
            return true;
    return false;
}

} // namespace

/// What has to end first (rule 10); null: it is at rest.
const char* kernel_impl::why_no_rest(incarnation_record& inc) const noexcept {
    if (inc.held & held::faulting)
        return "it waits at a fault";
    if (inc.held & held::inchoate)
        return nullptr;
    if (!inc.serving)
        return "it has not begun to serve";
    if (inc.in_hand || inc.handling)
        return "a message is in hand";
    if (inc.level > 0)
        return "a handler of an event is under way";
    if (inc.rest && inc.rest->tasks != 0)
        return "it has child tasks";
    if (inc.calls_waiting != 0)
        return "it waits for the answer of an invocation";
    if (!inc.ready.empty())
        return "it has something to do";
    for (const auto& [id, asked] : requests)
        if (asked.op && asked.op->owner == &inc)
            return "it waits for the answer of a kernel";
    for (const auto& [id, op] : effects)
        if (op->owner == &inc)
            return "it waits for an effect";
    for (const auto& [id, in] : bulk.inbounds)
        if (in->op && in->op->owner == &inc)
            return "it waits for bytes";
    for (const auto& [id, write] : bulk.writes)
        if (write.op && write.op->owner == &inc)
            return "it waits for bytes to be written";
    for (const stream_record* stream : lingering)
        if (stream->id.owner == inc.id)
            return "messages of a stream that it has closed are under way";
    for (std::uint32_t i = 0; i < inc.references.size(); ++i) {
        const reference_entry& entry = inc.references[i];
        if (entry.kind != reference_kind::stream || !entry.record)
            continue;
        const auto& stream = *static_cast<const stream_record*>(entry.record);
        if (!stream.waiting.empty())
            return "it waits for credit";
        if (stream.extra && (!stream.extra->calls.empty() || !stream.extra->waiting.empty() ||
                             !stream.extra->settling.empty()))
            return "invocations that it has queued are not settled";
        for (const stream_leg* leg = stream.legs; leg; leg = leg->next)
            for (const retained_message* kept = leg->retained.front(); kept; kept = kept->next)
                if (kept->has_bulk)
                    return "bulk that it has sent has not been taken";
    }
    for (const port_record* port = inc.ports; port; port = port->next_owned) {
        if (holds_messages(*port))
            return "it holds a message";
        for (const envelope* at = port->queue.front(); at; at = at->next)
            if (has_bulk(*at))
                return "a message with bulk waits at its port";
    }
    return nullptr;
}

/// Those that wait look again: messages came while nobody was to begin anything.
void kernel_impl::offer_all(incarnation_record& inc) {
    for (operation* at = inc.receivers.front(); at;) {
        auto& op = static_cast<detail::receive_operation&>(*at);
        at = at->next;
        for (std::uint8_t i = 0; i < op.port_count; ++i) {
            const auto* entry = lookup(inc, op.ports[i]);
            if (!entry || entry->kind != reference_kind::port)
                continue;
            auto& port = *static_cast<port_record*>(entry->record);
            if (!has_message(port))
                continue;
            if (op.take && !(op.message = take(port, op.filter)))
                continue;
            op.chosen = i;
            inc.receivers.remove(op);
            op.listed = false;
            end(op);
            break;
        }
    }
}

} // namespace equus
