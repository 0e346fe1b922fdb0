// A server looks at what waits at its ports and regulates its clients [K41]: their streams are
// frozen, go on, or break. A frozen stream has no credit until it goes on; nothing else changes.
#include "runtime/kernel_impl.hpp"

#include <equus/handle.hpp>

#include <algorithm>

namespace equus {

using namespace runtime;

/// At the sender.
void kernel_impl::regulate_stream(stream_record& stream, regulation what) {
    if (stream.broken != errc::ok)
        return;
    stream_extra& extra = stream.more();
    switch (what) {
    case regulation::freeze:
        if (std::exchange(extra.frozen, true))
            break;
        extra.under_way_before = stream.under_way_max;
        if (!EQUUS_MUTANT(frozen_streams_send))
            stream.under_way_max = 0;
        break;
    case regulation::unfreeze:
        if (std::exchange(extra.frozen, false)) {
            stream.under_way_max = extra.under_way_before;
            if (!EQUUS_MUTANT(unfreezing_wakes_nobody))
                wake_senders(stream);
        }
        break;
    case regulation::invalidate:
        for (stream_leg* leg = stream.legs; leg; leg = leg->next)
            finish_leg(*leg);
        break_stream(stream, errc::broken);
        break;
    }
}

/// At the receiver, for one of the streams into its port.
result<void> kernel_impl::regulate_client(port_record& port, stream_id client, regulation what) {
    if (!port.attached)
        return fail(errc::not_found, "no such stream has sent to this port");
    const auto found = port.attached->legs.find(client);
    if (found == port.attached->legs.end())
        return fail(errc::not_found, "no such stream has sent to this port");
    leg_entry& leg = *found->second;
    if (what == regulation::invalidate) {
        invalidate_client(port, leg);
        return {};
    }
    for (const channel_id channel : port.attached->channels)
        if (port.attached->joined.contains(channel) || channels.contains(channel))
            return fail(errc::unsupported,
                        "a channel with many ports is not frozen by one of them");
    if (leg.local) {
        regulate_stream(*leg.local->stream, what);
    } else {
        const std::uint32_t version = ++port.attached->regulated[client];
        send_frame(leg.from, kind::regulate, lane::control,
                   regulate_frame{client, leg.from_slot, what, version});
    }
    return {};
}

/// What it has queued goes, and nothing of it is taken any more.
void kernel_impl::invalidate_client(port_record& port, leg_entry& leg) {
    fifo<envelope, &envelope::next> others;
    while (envelope* message = port.queue.pop()) {
        if (message->leg != &leg) {
            others.push(*message);
            continue;
        }
        --port.queued;
        port.queued_bytes -= message->payload_bytes;
        return_undelivered(message, "the receiver has invalidated the stream");
    }
    port.queue = others;
    auto& refused = port.attached->refused;
    if (refused.size() >= refused_streams_max)
        refused.erase(refused.begin());
    refused.push_back(leg.stream);
    break_entry(leg);
}

/// A queued message whose receiver will not take it: its call fails, what was sent one way is in
/// doubt at its sender.
void kernel_impl::return_undelivered(envelope* message, const char* why) {
    ++counters.undeliverable;
    if (message->leg) {
        --message->leg->next; // the cursor's half ends: it counts what is out from now on
        if (message->leg->local && !message->call.call)
            retain(*message->leg->local, *message);
    }
    fail_call(*message, error{errc::broken, why});
    detail::free_envelope(message);
}

/// The receiving half ends while its sender may go on: it is told.
void kernel_impl::break_entry(leg_entry& leg) {
    stream_leg* local = leg.local;
    const node_boot from = leg.from;
    const broken_frame frame{leg.stream, leg.from_slot, leg.consumed, errc::broken};
    retire(leg);
    if (local)
        leg_is_broken(*local, frame.consumed);
    else if (is_member(from) && !EQUUS_MUTANT(ends_in_silence))
        send_frame(from, kind::broken, lane::control, frame);
}

/// Ends the entry of a port; one with messages that somebody still has in hand when the last of
/// them is consumed.
void kernel_impl::retire(leg_entry& leg) {
    const std::uint64_t out = leg.next - 1 - leg.consumed - leg.ahead.size();
    if (out == 0) {
        end_entry(leg);
        return;
    }
    auto kept = std::move(leg.port->attached->legs.find(leg.stream)->second);
    end_entry(leg);
    leg.local = nullptr;
    leg.port = nullptr;
    leg.last = out;
    retired.push_back(std::move(kept));
}

/// A message that was in hand when its port was closed has been consumed.
void kernel_impl::consumed_late(leg_entry& leg) noexcept {
    if (--leg.last == 0)
        std::erase_if(retired, [&](const auto& each) { return each.get() == &leg; });
}

void kernel_impl::recv_regulate(node_boot from, const regulate_frame& frame) {
    stream_leg* leg = stream_legs.at(frame.stream_slot);
    if (!leg || leg->stream->id != frame.stream)
        return; // it has ended meanwhile
    stream_record& stream = *leg->stream;
    if (leg->at.at != from || stream.routing != channel_kind::unicast) {
        ++counters.frames_refused; // only its receiver regulates a stream
        return;
    }
    stream_extra& extra = stream.more();
    if (frame.version <= extra.regulated)
        return;
    extra.regulated = frame.version;
    regulate_stream(stream, frame.what);
}

namespace detail {

using runtime::incarnation_record;
using runtime::port_record;

namespace {
port_record* port_of(incarnation_record& inc, reference which) noexcept {
    const auto* entry = inc.kernel->lookup(inc, which);
    return entry && entry->kind == reference_kind::port ? static_cast<port_record*>(entry->record)
                                                        : nullptr;
}
} // namespace

result<void> regulate_client(reference port, stream_id client, regulation what) {
    const runtime::kernel_entry inc;
    port_record* record = port_of(*inc, port);
    if (!record)
        return fail(errc::no_such_reference);
    return inc->kernel->regulate_client(*record, client, what);
}

requesting_nothing regulate(reference handle, regulation what) {
    return {request_kind::regulate, node_id{}, handle,
            runtime::encode_frame(runtime::regulate_body{stream_named_by(handle).counter, what})};
}

std::vector<message_info> headers(reference port, std::size_t most) {
    const runtime::kernel_entry inc;
    std::vector<message_info> out;
    const port_record* record = port_of(*inc, port);
    for (const envelope* at = record ? record->queue.front() : nullptr; at && out.size() < most;
         at = at->next)
        if (!at->cancelled)
            out.push_back({at->leg ? at->leg->stream : stream_id{}, at->ordinal, at->payload_bytes,
                           static_cast<bool>(at->call.call), at->maybe_seen});
    return out;
}

std::vector<waiting_messages> waiting_by_stream(reference port) {
    const runtime::kernel_entry inc;
    std::vector<waiting_messages> out;
    const port_record* record = port_of(*inc, port);
    for (const envelope* at = record ? record->queue.front() : nullptr; at; at = at->next) {
        const stream_id from = at->leg ? at->leg->stream : stream_id{};
        const auto place = std::lower_bound(
            out.begin(), out.end(), from,
            [](const waiting_messages& row, stream_id id) { return row.from < id; });
        if (place != out.end() && place->from == from)
            ++place->count;
        else
            out.insert(place, {from, 1});
    }
    return out;
}

} // namespace detail

} // namespace equus
