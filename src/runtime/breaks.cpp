// What is left of a stream that has broken: how far it got, and the messages in doubt, which its
// owner may send again by another (rules 1 and 12). And the legs that are given up because their
// receivers keep everybody else waiting.
#include "runtime/kernel_impl.hpp"

#include <equus/stream.hpp>

#include <algorithm>

namespace equus {

using namespace runtime;

/// Requires: the stream is about to lose the leg. True: with one-way messages that are not known to
/// have been consumed.
bool kernel_impl::keep_in_doubt(stream_record& stream, stream_leg& leg) {
    stream_extra& extra = stream.more();
    extra.acknowledged += leg.consumed;
    extra.sent += leg.sent;
    bool any = false;
    while (retained_message* kept = leg.retained.pop()) {
        if (kept->has_bulk)
            let_bulk_go(leg, kept->number); // what is sent again comes without
        message_header header;
        const bool lost = kept->number > leg.consumed &&
                          load(header, {kept->frame(), kept->frame_bytes}) &&
                          !(header.flags & message_header::is_call); // its caller hears of a call
        any = any || lost;
        if (lost && stream.routing == channel_kind::unicast)
            extra.in_doubt.push(*kept);
        else
            memory_pool::free(kept); // each of several ports has had its own part
    }
    return any;
}

// ---------------------------------------------------------------------- stuck receivers

/// A message for all waits because some have no credit: they have so much time.
void kernel_impl::some_are_stuck(stream_record& stream, std::uint32_t bytes) {
    stream_extra& extra = stream.more();
    if (extra.patience.owner || !stream.owner || extra.frozen)
        return;
    extra.stuck.clear();
    for (const stream_leg* leg = stream.legs; leg; leg = leg->next)
        if (!leg->has_credit(bytes))
            extra.stuck.push_back({leg->slot, leg->consumed});
    extra.patience.owner = stream.owner;
    extra.patience.stream = &stream;
    timers.set(extra.patience, deadline_after(now, options.limits.stuck_after));
}

void kernel_impl::patience_is_over(stream_record& stream) {
    stream_extra& extra = *stream.extra;
    extra.patience.owner = nullptr;
    if (stream.waiting.empty() || extra.frozen)
        return;
    for (const stream_extra::stuck_leg& each : std::exchange(extra.stuck, {})) {
        stream_leg* leg = stream_legs.at(each.slot);
        if (!leg || leg->stream != &stream || leg->consumed != each.consumed ||
            leg->consumed == leg->sent || EQUUS_MUTANT(stuck_legs_are_waited_for))
            continue;
        EQUUS_SOMETIMES(leg_given_up);
        ++counters.legs_given_up;
        trace(trace_kind::broken, stream.id.owner, stream.id.counter, leg->consumed, leg->sent);
        extra.given_up.push_back(leg->port);
        finish_leg(*leg);
        remove_leg(stream, *leg);
    }
    wake_senders(stream); // waits anew if some are still without credit
}

bool kernel_impl::is_given_up(const stream_record& stream, port_id port) noexcept {
    return stream.extra && std::find(stream.extra->given_up.begin(), stream.extra->given_up.end(),
                                     port) != stream.extra->given_up.end();
}

namespace detail {

using runtime::incarnation_record;
using runtime::stream_record;

namespace {
stream_record* stream_of(incarnation_record& inc, reference which) noexcept {
    const auto* entry = inc.kernel->lookup(inc, which);
    return entry && entry->kind == reference_kind::stream
               ? static_cast<stream_record*>(entry->record)
               : nullptr;
}
} // namespace

stream_standing standing_of(reference which) noexcept {
    const runtime::kernel_entry inc;
    stream_standing out;
    const stream_record* stream = stream_of(*inc, which);
    if (!stream)
        return out;
    out.state = stream->broken != errc::ok ? stream_state::broken : stream_state::open;
    for (const runtime::stream_leg* leg = stream->legs; leg; leg = leg->next) {
        out.sent += leg->sent;
        out.acknowledged += leg->consumed;
    }
    for (const operation* op = stream->waiting.front(); op; op = op->next)
        ++out.waiting;
    if (const auto* extra = stream->extra.get()) {
        if (extra->frozen && out.state == stream_state::open)
            out.state = stream_state::frozen;
        out.sent += extra->sent;
        out.acknowledged += extra->acknowledged;
        out.given_up = static_cast<std::uint32_t>(extra->given_up.size());
        out.unsettled = extra->queued;
        for (auto* kept = extra->in_doubt.front(); kept; kept = kept->next)
            ++out.in_doubt;
    }
    return out;
}

envelope* next_in_doubt(reference broken, error& why) noexcept {
    const runtime::kernel_entry inc;
    stream_record* stream = stream_of(*inc, broken);
    if (!stream) {
        why = errc::no_such_reference;
        return nullptr;
    }
    if (stream->broken == errc::ok) {
        why = error{errc::invalid_argument, "the stream has not broken: nothing is in doubt"};
        return nullptr;
    }
    runtime::retained_message* kept = stream->extra ? stream->extra->in_doubt.front() : nullptr;
    if (!kept)
        return nullptr;
    runtime::message_header header;
    const std::span<const std::byte> frame{kept->frame(), kept->frame_bytes};
    load(header, frame);
    const auto rest = frame.subspan(header.bytes());
    runtime::capability_list carried;
    if (header.capability_bytes) {
        auto decoded = wire::decode<runtime::capability_list>(rest.first(header.capability_bytes));
        EQUUS_ASSERT(decoded.has_value() && "it was encoded here");
        carried = std::move(*decoded);
    }
    for (const capability& each : carried.items)
        if (each.domain == propagation::owner) {
            why =
                error{errc::access_denied, "a reference in the message was for its receiver only"};
            return nullptr;
        }
    envelope* again = new_envelope(header.body_bytes);
    if (!again) {
        why = error{errc::out_of_memory, "no memory for the message"};
        return nullptr;
    }
    const auto body = rest.subspan(header.capability_bytes);
    std::memcpy(again->payload(), body.data(), body.size());
    again->payload_bytes = header.body_bytes;
    again->ordinal = header.ordinal;
    again->maybe_seen = !EQUUS_MUTANT(resent_as_new);
    if (!carried.items.empty()) {
        again->capability_count = header.capability_count;
        again->capabilities = new capability[carried.items.size()];
        std::move(carried.items.begin(), carried.items.end(), again->capabilities);
    }
    return again;
}

void drop_in_doubt(reference broken) noexcept {
    const runtime::kernel_entry inc;
    if (stream_record* stream = stream_of(*inc, broken); stream && stream->extra)
        if (runtime::retained_message* kept = stream->extra->in_doubt.pop())
            runtime::memory_pool::free(kept);
}

bool was_maybe_seen() noexcept {
    const runtime::kernel_entry inc;
    return inc->in_hand && inc->in_hand->maybe_seen;
}

} // namespace detail

} // namespace equus
