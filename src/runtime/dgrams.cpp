// Messages without number, credit or promise [K22]. They leave at once or not at all, and are
// dropped wherever there is no room; each drop is counted.
#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

void kernel_impl::send_dgram(stream_record& stream, envelope* message) {
    if (!stream.legs) {
        ++counters.dgrams_dropped;
    } else if (stream.routing == channel_kind::anycast) {
        stream_leg* leg = stream.anycast_next ? stream.anycast_next : stream.legs;
        stream.anycast_next = leg->next ? leg->next : stream.legs;
        dgram_to(*leg, *message);
    } else {
        for (const stream_leg* leg = stream.legs; leg; leg = leg->next)
            dgram_to(*leg, *message);
    }
    detail::free_envelope(message);
}

void kernel_impl::dgram_to(const stream_leg& leg, envelope& message) {
    ++counters.dgrams_sent;
    if (leg.at.at == self) {
        port_record* port = ports.at(leg.at.slot);
        if (!port || port->id() != leg.port || !has_room_for_dgram(*port)) {
            ++counters.dgrams_dropped;
            return;
        }
        // As if it had travelled: the object itself may go to many.
        if (envelope* copy = encoded_copy(message, pool.kernel_account()))
            enqueue(*port, copy);
        else
            ++counters.dgrams_dropped;
        return;
    }
    session* to = session_to(leg.at.at);
    if (!to || !to->has_link() ||
        to->frames_reserved(lane::data) - to->frames_acknowledged(lane::data) >=
            options.limits.dgrams_under_way_max) {
        ++counters.dgrams_dropped;
        return;
    }
    message_header header;
    header.stream = leg.stream->id;
    header.port_slot = leg.at.slot;
    header.channel = leg.stream->channel;
    header.number = 1; // it has none, and zero is none that a frame may have
    header.ordinal = message.ordinal;
    header.body_bytes = message.payload_bytes;
    auto out = to->reserve(kind::dgram, lane::data, header.bytes() + header.body_bytes);
    store(header, out.data());
    message.type->encode(message.payload(), out.subspan(header.bytes()));
}

bool kernel_impl::has_room_for_dgram(const port_record& port) const noexcept {
    return port.queued < options.limits.dgram_queue_max && !(port.owner->held & held::moving);
}

void kernel_impl::recv_dgram(node_boot from, std::span<const std::byte> payload) {
    message_header header;
    if (!load(header, payload) || !lives_at(header.stream.owner, from) || header.flags != 0 ||
        header.capability_count != 0 || header.capability_bytes != 0 ||
        header.body_bytes > options.limits.dgram_bytes_max) {
        ++counters.frames_refused;
        return;
    }
    port_record* port = ports.at(header.port_slot);
    const auto* at = port ? port->attached.get() : nullptr;
    const bool attached =
        at &&
        std::find(at->channels.begin(), at->channels.end(), header.channel) != at->channels.end() &&
        std::find(at->refused.begin(), at->refused.end(), header.stream) == at->refused.end();
    void* block = nullptr;
    if (attached && has_room_for_dgram(*port))
        block = pool.allocate(port->owner->memory(), sizeof(envelope) + header.body_bytes);
    if (!block) {
        ++counters.dgrams_dropped;
        return;
    }
    auto* message = new (block) envelope;
    const auto body = payload.subspan(header.bytes());
    std::memcpy(message->payload(), body.data(), body.size());
    message->payload_bytes = header.body_bytes;
    message->ordinal = header.ordinal;
    enqueue(*port, message);
}

namespace detail {

using runtime::incarnation_record;
using runtime::stream_record;

result<void> send_dgram(reference stream, envelope* message) {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    if (!message)
        return fail(errc::out_of_memory, "no memory for the message");
    kernel_impl& kernel = *inc->kernel;
    error why{errc::ok};
    auto* entry = kernel.lookup(*inc, stream);
    if (!entry || entry->kind != reference_kind::stream)
        why = errc::no_such_reference;
    else if (!entry->record)
        why = errc::not_wired;
    else if (!(entry->rights & right::send))
        why = error{errc::access_denied, "the reference does not allow sending"};
    else if (static_cast<stream_record*>(entry->record)->broken != errc::ok)
        why = static_cast<stream_record*>(entry->record)->broken;
    else if (message->payload_bytes == 0 ||
             message->payload_bytes > kernel.options.limits.dgram_bytes_max)
        why = error{errc::too_large, "dgram_bytes_max"};
    if (why != errc::ok) {
        free_envelope(message);
        return fail(std::move(why));
    }
    kernel.send_dgram(*static_cast<stream_record*>(entry->record), message);
    return {};
}

} // namespace detail

} // namespace equus
