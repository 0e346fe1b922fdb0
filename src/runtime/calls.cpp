#include "runtime/kernel_impl.hpp"

#include <algorithm>
#include <optional>

namespace equus {

using namespace runtime;

namespace {

/// For the trace: call counters are the caller's own.
std::uint64_t caller_of(const envelope& message) noexcept {
    const incarnation_id& caller = message.call.call.owner;
    return std::uint64_t{caller.node.value} << 32 | caller.counter;
}

} // namespace

bool kernel_impl::begin_call(detail::call_operation& op) {
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    op.status = operation::state::waiting;
    op.since = detail::ticks_of(now);
    if (!op.message) {
        end(op, error{errc::out_of_memory, "no memory for the message"});
        return true;
    }
    auto* entry = lookup(inc, op.stream);
    if (!entry || entry->kind != reference_kind::stream) {
        end(op, errc::no_such_reference);
        return true;
    }
    if (!entry->record) {
        end(op, errc::not_wired);
        return true;
    }
    if (!(entry->rights & right::invoke)) {
        end(op, error{errc::access_denied, "the reference does not allow invocations"});
        return true;
    }
    auto& stream = *static_cast<stream_record*>(entry->record);
    if (stream.routing == channel_kind::multicast) {
        end(op, error{errc::unsupported, "a multicast channel takes no invocations [K22]"});
        return true;
    }
    if (op.slot == ~0u) {
        if (calls_waiting >= options.limits.calls_max) {
            end(op, error{errc::limit_reached, "calls_max"});
            return true;
        }
        if (free_call == ~0u) {
            free_call = static_cast<std::uint32_t>(calls.size());
            calls.emplace_back();
        }
        op.slot = std::exchange(free_call, calls[free_call].next_free);
        ++calls_waiting;
        ++inc.calls_waiting;
        call_slot& slot = calls[op.slot];
        slot.op = &op;
        slot.call = call_id{inc.id, inc.counter()};
        slot.to = {};
        slot.forwards = 0;
        slot.held = nullptr;
        op.message->call = {slot.call, self, op.slot, 0};
        if (!op.timed) {
            time_point deadline = deadline_after(now, options.limits.call_timeout);
            if (inc.in_handler && inc.in_hand)
                deadline = std::min(deadline, inc.in_hand->deadline);
            timers.set(op, deadline);
        }
        op.message->deadline = op.deadline;
    }
    if (!stream.waiting.empty() || (stream.has_its_calls() && stream.broken == errc::ok)) {
        op.listed = true;
        stream.waiting.push(op);
        return false;
    }
    error why{errc::ok};
    switch (transmit(stream, op.message, why)) {
    case detail::progress::done:
        op.message = nullptr;
        op.sent = true;
        count_call(stream, op);
        return op.has_ended();
    case detail::progress::failed:
        op.message = nullptr;
        drop_call(op);
        end(op, std::move(why));
        return true;
    case detail::progress::waiting:
        op.listed = true;
        stream.waiting.push(op);
        return false;
    }
    return false;
}

void kernel_impl::drop_call(detail::call_operation& op) noexcept {
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    if (inc.fresh == &op)
        inc.fresh = nullptr;
    if (op.listed) {
        if (auto* entry = lookup(inc, op.stream); entry && entry->record)
            static_cast<stream_record*>(entry->record)->waiting.remove(op);
        op.listed = false;
    }
    if (op.slot != ~0u)
        free_call_slot(op);
    if (op.counted) [[unlikely]]
        uncount_call(op);
}

namespace {

void nobody_waits(envelope& message) noexcept {
    message.cancelled = true;
    message.answered = true;
}

} // namespace

/// The caller waits no longer, and the receiver may as well stop.
void kernel_impl::give_up_call(detail::call_operation& op) noexcept {
    if (op.sent && op.slot != ~0u) {
        const call_slot& slot = calls[op.slot];
        if (slot.held)
            nobody_waits(*slot.held);
        else if (slot.to != self && is_member(slot.to))
            // Behind the message in its lane, so that it does not overtake it.
            send_frame(slot.to, kind::cancel, lane::data, cancel_frame{slot.call});
    }
    drop_call(op);
}

/// The call is in this message now: whoever gives it up finds it.
void kernel_impl::call_is_here(envelope& message) {
    if (message.call.at != self) {
        foreign_calls[message.call.call] = &message;
        return;
    }
    if (message.call.slot >= calls.size() || calls[message.call.slot].call != message.call.call)
        return;
    call_slot& slot = calls[message.call.slot];
    slot.held = &message;
    slot.to = self;
    slot.forwards = message.call.forwards;
}

/// The call leaves in this message: for the caller's own kernel that is the news, for others its
/// holder will tell.
void kernel_impl::call_is_elsewhere(const envelope& message, node_boot holder) noexcept {
    if (message.call.at != self) {
        foreign_calls.erase(message.call.call);
        return;
    }
    if (message.call.slot >= calls.size() || calls[message.call.slot].call != message.call.call)
        return;
    call_slot& slot = calls[message.call.slot];
    slot.held = nullptr;
    slot.to = holder;
    slot.forwards = message.call.forwards;
}

void kernel_impl::call_is_held(node_boot from, const call_held_frame& frame) {
    if (frame.holder != from || frame.proof != proof_of(frame.call)) {
        ++counters.frames_refused; // says so of another, or has never seen the call
        return;
    }
    if (frame.call_slot >= calls.size() || !calls[frame.call_slot].op ||
        calls[frame.call_slot].call != frame.call)
        return;
    call_slot& slot = calls[frame.call_slot];
    if (frame.forwards < slot.forwards)
        return; // overtaken by the one that it was passed on to
    slot.to = frame.holder;
    slot.forwards = frame.forwards;
    if (!is_member(frame.holder))
        complete_call(frame.call_slot, frame.call,
                      error{errc::maybe_delivered, "the node that held the call was lost"}, nullptr,
                      nullptr, {}, nullptr);
}

void kernel_impl::cancel_call(call_id call) noexcept {
    const auto found = foreign_calls.find(call);
    if (found == foreign_calls.end())
        return; // answered meanwhile, or passed on
    nobody_waits(*found->second);
    foreign_calls.erase(found);
}

/// What was passed on to a node that is lost, and not known to have arrived, is answered by us: the
/// caller's kernel has not heard of that node.
void kernel_impl::fail_retained_calls(stream_leg& leg) {
    for (retained_message* kept = leg.retained.front(); kept; kept = kept->next) {
        message_header header;
        if (!load(header, {kept->frame(), kept->frame_bytes}) ||
            !(header.flags & message_header::is_call) || header.caller == self)
            continue;
        envelope lost;
        lost.call = {header.call, header.caller, header.call_slot, header.forwards, header.proof};
        fail_call(lost, error{errc::maybe_delivered, "the node it was forwarded to was lost"});
    }
}

namespace {

/// The answer is the caller's, and so is the memory that it takes.
result<void*> deliver(detail::call_operation& op, void* object,
                      std::span<const std::byte> encoded) {
    detail::allocating_scope scope{op.owner, detail::heap_use::counted};
    return op.deliver(op, object, encoded);
}

} // namespace

void kernel_impl::complete_call(std::uint32_t slot, call_id call, error outcome,
                                const message_type* type, void* object,
                                std::span<const std::byte> encoded,
                                std::vector<capability>* capabilities) {
    if (slot >= calls.size() || !calls[slot].op ||
        (calls[slot].call != call && !EQUUS_MUTANT(answer_of_another_call))) {
        EQUUS_SOMETIMES(answer_after_the_end);
        ++counters.replies_dropped;
        if (capabilities)
            no_copies(*capabilities);
        return;
    }
    detail::call_operation& op = *calls[slot].op;
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    trace(trace_kind::call_ended, inc.id, call.counter, static_cast<std::uint64_t>(outcome.code()));
    if (outcome == errc::ok) {
        running_scope scope{&inc};
        std::optional<bytes> again;
        if (object && type != op.reply_type) [[unlikely]] {
            // The same message, compiled twice: only its encoding is common.
            again.emplace(type->size_bytes(object));
            type->encode(object, again->span());
            encoded = again->span();
            object = nullptr;
        }
        if (result<void*> answer = deliver(op, object, encoded); !answer) {
            outcome = std::move(answer.error());
            if (capabilities)
                no_copies(*capabilities);
        } else if (op.reply_type->for_each_reference)
            redeem(inc, *op.reply_type, *answer, capabilities ? capabilities->data() : nullptr,
                   capabilities ? capabilities->size() : 0);
    }
    drop_call(op);
    end(op, std::move(outcome));
}

void kernel_impl::fail_call(envelope& message, error reason) {
    if (!message.call.call || message.answered)
        return;
    message.answered = true;
    if (message.call.at != self)
        foreign_calls.erase(message.call.call);
    trace(trace_kind::reply_sent, {}, message.call.call.counter,
          static_cast<std::uint64_t>(reason.code()), caller_of(message));
    if (message.call.at == self) {
        complete_call(message.call.slot, message.call.call, std::move(reason), nullptr, nullptr, {},
                      nullptr);
        return;
    }
    session* to = session_to(message.call.at);
    if (!to) {
        ++counters.replies_dropped;
        return;
    }
    error_chain chain;
    if (!reason.text().empty() || reason.cause())
        chain = chain_of(reason);
    reply_header header;
    header.call = message.call.call;
    header.call_slot = message.call.slot;
    header.proof = message.call.proof;
    header.status = reason.code();
    header.text_bytes =
        chain.links.empty() ? 0 : static_cast<std::uint32_t>(wire::size_bytes(chain));
    auto out = to->reserve(kind::reply, lane::data, reply_header::fixed_bytes + header.text_bytes);
    store(header, out.data());
    if (header.text_bytes)
        wire::encode(chain, out.subspan(reply_header::fixed_bytes));
}

/// Moves the reply into the hands of a caller on this node. False: it is no such simple case, and
/// nothing has been done.
bool kernel_impl::answer_here(const incarnation_record& by, envelope& message,
                              const message_type& type, void* object) {
    if (type.for_each_reference || message.call.at != self || options.copy_local_messages ||
        message.call.slot >= calls.size())
        return false;
    const call_slot& slot = calls[message.call.slot];
    if (!slot.op || slot.call != message.call.call || slot.op->reply_type != &type)
        return false;
    detail::call_operation& op = *slot.op;
    message.answered = true;
    trace(trace_kind::reply_sent, by.id, message.call.call.counter, 0, caller_of(message));
    trace(trace_kind::call_ended, static_cast<incarnation_record*>(op.owner)->id,
          slot.call.counter);
    error outcome{errc::ok};
    {
        running_scope scope{static_cast<incarnation_record*>(op.owner)};
        if (result<void*> answer = deliver(op, object, {}); !answer)
            outcome = std::move(answer.error()); // more than the caller may have
    }
    free_call_slot(op);
    if (op.counted) [[unlikely]]
        uncount_call(op);
    end(op, std::move(outcome));
    return true;
}

void kernel_impl::answer_call(incarnation_record* by, envelope& message, const message_type& type,
                              void* object) {
    if (!message.call.call || message.answered) {
        if (message.cancelled && type.for_each_reference)
            reply_is_dropped(*by, type, object);
        return;
    }
    if (answer_here(*by, message, type, object)) [[likely]]
        return;
    capability_list carried;
    if (type.for_each_reference) {
        auto exported =
            export_references(*by, type, object, message.call.call.owner, message.call.at);
        if (!exported) {
            fail_call(message, error{errc::handler_failed, "a reference in the reply",
                                     std::move(exported.error())});
            return;
        }
        carried.items = std::move(*exported);
        for (capability& each : carried.items)
            each.wanted_by = self;
    }
    message.answered = true;
    trace(trace_kind::reply_sent, by->id, message.call.call.counter, 0, caller_of(message));
    const bool here = message.call.at == self;
    if (!here)
        foreign_calls.erase(message.call.call);
    if (here && !options.copy_local_messages) {
        complete_call(message.call.slot, message.call.call, errc::ok, &type, object, {},
                      &carried.items);
        return;
    }
    const std::size_t body = type.size_bytes(object);
    if (body == 0 || body > options.limits.message_bytes_max) {
        message.answered = false;
        no_copies(carried.items);
        fail_call(message, error{errc::too_large, "the reply is over message_bytes_max"});
        return;
    }
    if (here) {
        bytes copy(body);
        type.encode(object, copy.span());
        complete_call(message.call.slot, message.call.call, errc::ok, nullptr, nullptr, copy.span(),
                      &carried.items);
        return;
    }
    session* to = session_to(message.call.at);
    if (!to) {
        ++counters.replies_dropped;
        no_copies(carried.items);
        return;
    }
    reply_header header;
    header.call = message.call.call;
    header.call_slot = message.call.slot;
    header.proof = message.call.proof;
    header.capability_count = static_cast<std::uint16_t>(carried.items.size());
    choose_early(carried.items.data(), carried.items.size(), message.call.at);
    header.capability_bytes =
        carried.items.empty() ? 0 : static_cast<std::uint32_t>(wire::size_bytes(carried));
    header.body_bytes = static_cast<std::uint32_t>(body);
    auto out = to->reserve(kind::reply, lane::data,
                           reply_header::fixed_bytes + header.capability_bytes + body);
    store(header, out.data());
    auto rest = out.subspan(reply_header::fixed_bytes);
    if (header.capability_bytes)
        wire::encode(carried, rest.first(header.capability_bytes));
    type.encode(object, rest.subspan(header.capability_bytes));
    keep_reply_bulk(carried.items, message.call.at, *to);
}

namespace detail {

using runtime::incarnation_record;

void announce(call_operation& op) {
    const runtime::kernel_entry inc;
    EQUUS_ASSERT(inc && "only incarnations invoke");
    if (inc->fresh)
        begin_fresh(*inc);
    op.owner = inc;
    op.status = operation::state::fresh;
    inc->fresh = &op;
}

void begin_fresh(incarnation_core& core) {
    auto& inc = static_cast<incarnation_record&>(core);
    if (!inc.fresh)
        return;
    call_operation& op = *inc.fresh;
    inc.fresh = nullptr;
    inc.kernel->begin_call(op);
}

void reply(envelope& message, const message_type& type, void* object) noexcept {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    inc->kernel->answer_call(inc, message, type, object);
}

void reply_error(envelope& message, error reason) noexcept {
    const runtime::kernel_entry inc;
    inc->kernel->fail_call(message, std::move(reason));
}

bool begin(effect_operation& op, std::string_view name, bytes request) {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    kernel_impl& kernel = *inc->kernel;
    op.owner = inc;
    op.status = operation::state::waiting;
    op.since = detail::ticks_of(kernel.now);
    bool allowed = false;
    for (const std::string& granted : inc->module->effects)
        allowed = allowed || granted == name;
    if (!allowed) {
        kernel.end(op, error{errc::access_denied, "module '" + inc->module->name +
                                                      "' was not given the effect '" +
                                                      std::string{name} + "'"});
        return true;
    }
    if (kernel.effects.size() >= kernel.options.limits.effects_max) {
        kernel.end(op, error{errc::limit_reached, "effects_max"});
        return true;
    }
    op.id = kernel.next_effect++;
    kernel.effects.emplace(op.id, &op);
    kernel.trace(trace_kind::effect, inc->id, op.id, stable_hash(name));
    output out;
    out.what = output::kind::effect;
    out.effect = effect_id{op.id};
    out.body = std::move(request);
    kernel.queue_output(std::move(out), std::string{name});
    return false;
}

} // namespace detail

} // namespace equus
