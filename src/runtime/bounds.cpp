// The limits that a configuration sets for an interface: `limit NAME credit`, `queue`, `calls`.
#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

/// The streams share the queue from now on; what they were granted before is counted.
void kernel_impl::bound_queue(port_record& port, std::uint32_t messages) noexcept {
    port_record::attachments& at = port.attach();
    if (port.window_messages != 0) {
        at.stream_max = port.window_messages;
        port.window_messages = 0;
    }
    at.queue_max = messages;
    at.granted = 0;
    for (const auto& [stream, leg] : at.legs)
        at.granted += granted_to(*leg);
}

/// A stream gets its share of a queue as far as there is room. A stream that has nothing gets one
/// message all the same (rule 17), so at most queue_max and one for each stream are ever granted.
/// What another was granted is not taken back: its share comes as it consumes.
void kernel_impl::grant_of_queue(leg_entry& leg) noexcept {
    port_record::attachments& at = *leg.port->attached;
    // One that had not heard of the limit may have sent more than it was granted.
    leg.limit_messages = std::max(leg.limit_messages, leg.consumed);
    const std::uint64_t has = granted_to(leg);
    const std::uint64_t streams = std::max<std::uint64_t>(at.legs.size(), 1);
    const std::uint64_t share =
        std::min<std::uint64_t>(std::max<std::uint64_t>(at.queue_max / streams, 1), at.stream_max);
    const std::uint64_t room = EQUUS_MUTANT(queue_has_no_end) ? share
                               : at.queue_max > at.granted    ? at.queue_max - at.granted
                                                              : 0;
    std::uint64_t more = share > has ? std::min(share - has, room) : 0;
    if (has + more == 0 && !EQUUS_MUTANT(a_full_queue_shuts_out))
        more = 1;
    leg.limit_messages += more;
    at.granted += more;
}

/// Before it has heard from a port with a limit of its own, a stream does not send past it.
std::uint16_t kernel_impl::credit_first_of(const port_record& port) const noexcept {
    const std::uint32_t usual = options.limits.credit_initial;
    if (port.window_messages == 0)
        return 1;
    return static_cast<std::uint16_t>(port.window_messages < usual ? port.window_messages : 0);
}

void kernel_impl::count_call(stream_record& stream, detail::call_operation& op) noexcept {
    if (stream.calls_max == stream_record::no_limit) [[likely]]
        return;
    if (op.has_ended())
        return;
    op.counted = true;
    ++stream.calls_out;
}

/// One of the calls of a stream with a limit is over: the next may leave.
void kernel_impl::uncount_call(detail::call_operation& op) noexcept {
    op.counted = false;
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    auto* entry = lookup(inc, op.stream);
    if (!entry || entry->kind != reference_kind::stream || !entry->record)
        return;
    auto& stream = *static_cast<stream_record*>(entry->record);
    if (stream.calls_out != 0)
        --stream.calls_out;
    if (inc.state != incarnation_state::ended && !stream.waiting.empty() &&
        !EQUUS_MUTANT(calls_end_unnoticed))
        wake_senders(stream);
}

void set_credit(reference which, std::uint32_t messages) noexcept {
    const kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, which);
    if (!entry || !entry->record || messages == 0)
        return;
    if (entry->kind == reference_kind::stream) {
        auto& stream = *static_cast<stream_record*>(entry->record);
        const bool frozen = stream.extra && stream.extra->frozen;
        (frozen ? stream.extra->under_way_before : stream.under_way_max) = messages;
    } else if (entry->kind == reference_kind::port) {
        auto& port = *static_cast<port_record*>(entry->record);
        if (port.window_messages == 0)
            port.attach().stream_max = messages;
        else
            port.window_messages = messages;
    }
}

void set_queue(reference which, std::uint32_t messages) noexcept {
    const kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, which);
    if (entry && entry->kind == reference_kind::port && messages != 0)
        inc->kernel->bound_queue(*static_cast<port_record*>(entry->record), messages);
}

void set_calls(reference which, std::uint32_t calls) noexcept {
    const kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, which);
    if (!entry || entry->kind != reference_kind::stream || !entry->record)
        return;
    auto& stream = *static_cast<stream_record*>(entry->record);
    constexpr std::uint32_t most = stream_record::no_limit - 1;
    stream.calls_max = static_cast<std::uint16_t>(std::clamp(calls, std::uint32_t{1}, most));
    stream.more().queue_max = calls; // the same limit, for those who do not wait [K29]
    inc->kernel->fill_queue(stream);
}

} // namespace equus
