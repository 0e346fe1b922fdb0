// Invocations that nobody awaits [K29]: their stream waits for their receipts. It lets so many be
// queued and not taken at once, remembers the first that failed, and says when all are settled.
#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

namespace {

/// A receipt says nothing but that it has come.
result<void*> note_receipt(detail::call_operation&, void*, std::span<const std::byte>) {
    static detail::receipt taken;
    return static_cast<void*>(&taken);
}

} // namespace

detail::queued_call::queued_call() noexcept
    : call_operation{&detail::message_type_of<detail::receipt>, &note_receipt} {
    queued = true;
}

stream_extra::~stream_extra() {
    while (retained_message* kept = in_doubt.pop())
        memory_pool::free(kept);
}

/// Requires: the stream has an owner, and there is room. The message is taken.
queued_call* kernel_impl::queue_call(stream_record& stream, detail::queueing_operation& by) {
    stream_extra& extra = stream.more();
    auto* call = new queued_call;
    call->owner = stream.owner;
    call->of = &stream;
    call->stream = by.stream;
    call->message = std::exchange(by.message, nullptr);
    call->timed = true; // it is over when it is taken, or its receiver or node is
    extra.calls.push(*call);
    ++extra.queued;
    begin_call(*call);
    return call;
}

/// From `end`: the stream looks at it when the code that ended it has done its work.
void kernel_impl::queued_call_ended(queued_call& call) {
    call.next_ended = ended_calls;
    ended_calls = &call;
    is_deferred = true;
}

void kernel_impl::settle_queued_calls() {
    // In the order in which they ended.
    queued_call* in_order = nullptr;
    for (queued_call* call = std::exchange(ended_calls, nullptr); call;) {
        queued_call* after = std::exchange(call->next_ended, in_order);
        in_order = std::exchange(call, after);
    }
    while (queued_call* call = in_order) {
        in_order = call->next_ended;
        if (call->of)
            call_is_settled(*call->of, *call);
        call->owner = nullptr; // in no list of the kernel's
        delete call;
    }
}

void kernel_impl::call_is_settled(stream_record& stream, queued_call& call) {
    stream_extra& extra = *stream.extra;
    extra.calls.remove(call);
    if (!EQUUS_MUTANT(queue_limit_is_not_lifted))
        --extra.queued;
    if (detail::queueing_operation* by = call.awaited_by) {
        by->sent = nullptr;
        end(*by, std::move(call.outcome));
    } else if (call.outcome != errc::ok && !EQUUS_MUTANT(late_failures_are_dropped)) {
        ++counters.deliveries_failed;
        if (extra.failure == errc::ok)
            extra.failure = std::move(call.outcome);
        stream_failed(stream);
    }
    fill_queue(stream);
    while (extra.queued == 0 && !extra.settling.empty()) {
        operation* op = extra.settling.front();
        extra.settling.remove(*op);
        op->listed = false;
        end(*op, std::exchange(extra.failure, error{errc::ok}));
    }
}

/// Those who waited for room go on as far as there is some.
void kernel_impl::fill_queue(stream_record& stream) {
    stream_extra& extra = *stream.extra;
    while (!extra.waiting.empty() && extra.queued < std::max(extra.queue_max, 1u)) {
        auto& op = static_cast<detail::queueing_operation&>(*extra.waiting.front());
        extra.waiting.remove(op);
        op.listed = false;
        queue_now(stream, op);
    }
}

/// Queues the message of an operation; ends it, unless it waits for the call itself.
void kernel_impl::queue_now(stream_record& stream, detail::queueing_operation& op) {
    queued_call* call = queue_call(stream, op);
    if (call->has_ended() || stream.more().queue_max == 0) {
        op.sent = call; // a failure that is known at once is the operation's, not the stream's
        call->awaited_by = &op;
        return;
    }
    end(op);
}

/// The stream is closed: nobody asks for what has been queued, and it stays on its way.
void kernel_impl::forget_queued_calls(stream_record& stream) noexcept {
    stream_extra& extra = *stream.extra;
    for (auto* list : {&extra.waiting, &extra.settling})
        while (operation* op = list->front()) {
            list->remove(*op);
            op->listed = false;
            end(*op, errc::closed);
        }
    while (queued_call* call = extra.calls.pop()) {
        if (call->awaited_by) {
            call->awaited_by->sent = nullptr;
            end(*call->awaited_by, errc::closed);
        }
        call->of = nullptr;
        if (call->has_ended())
            continue; // settle_queued_calls deletes it
        timers.remove(*call);
        drop_call(*call);
        call->owner = nullptr;
        delete call;
    }
}

/// Nobody waits for its receipt any more.
void kernel_impl::withdraw_queueing(detail::queueing_operation& op) noexcept {
    if (op.sent) {
        op.sent->awaited_by = nullptr;
        op.sent = nullptr;
    }
    if (op.listed) {
        stream_extra& extra = *static_cast<stream_record*>(op.listed_at)->extra;
        (op.settles ? extra.settling : extra.waiting).remove(op);
    }
}

namespace detail {

using runtime::incarnation_record;
using runtime::stream_record;

namespace {

/// The stream, or why it takes no such call.
stream_record* stream_for_calls(incarnation_record& inc, reference which, error& why) {
    auto* entry = inc.kernel->lookup(inc, which);
    if (!entry || entry->kind != reference_kind::stream)
        why = errc::no_such_reference;
    else if (!entry->record)
        why = errc::not_wired;
    else if (!(entry->rights & right::invoke))
        why = error{errc::access_denied, "the reference does not allow invocations"};
    else if (static_cast<stream_record*>(entry->record)->routing == channel_kind::multicast)
        why = error{errc::unsupported, "a multicast channel takes no invocations [K22]"};
    else
        return static_cast<stream_record*>(entry->record);
    return nullptr;
}

} // namespace

bool begin(queueing_operation& op) {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    kernel_impl& kernel = *inc->kernel;
    op.owner = inc;
    op.status = operation::state::waiting;
    op.since = ticks_of(kernel.now);
    error why{errc::ok};
    stream_record* stream = stream_for_calls(*inc, op.stream, why);
    if (stream && !op.settles && !op.message)
        why = error{errc::out_of_memory, "no memory for the message"};
    if (why != errc::ok) {
        kernel.end(op, std::move(why));
        return true;
    }
    runtime::stream_extra& extra = stream->more();
    if (op.settles) {
        if (extra.queued == 0) {
            kernel.end(op, std::exchange(extra.failure, error{errc::ok}));
            return true;
        }
        op.listed = true;
        op.listed_at = stream;
        extra.settling.push(op);
        return false;
    }
    if (extra.queued >= std::max(extra.queue_max, 1u) || !extra.waiting.empty()) {
        op.listed = true;
        op.listed_at = stream;
        extra.waiting.push(op);
        return false;
    }
    kernel.queue_now(*stream, op);
    return op.has_ended();
}

void set_queue_limit(reference which, std::uint32_t calls) noexcept {
    const runtime::kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, which);
    if (!entry || entry->kind != reference_kind::stream || !entry->record)
        return;
    auto& stream = *static_cast<stream_record*>(entry->record);
    stream.more().queue_max = calls;
    inc->kernel->fill_queue(stream);
}

void taken(envelope& message) noexcept {
    const runtime::kernel_entry inc;
    if (!message.call.call)
        return;
    receipt made;
    inc->kernel->answer_call(inc, message, message_type_of<receipt>, &made);
    message.call = {}; // like one that was sent from now on: it may be forwarded
    message.answered = false;
}

bool is_invoked(const envelope& message) noexcept {
    return static_cast<bool>(message.call.call);
}

} // namespace detail

} // namespace equus
