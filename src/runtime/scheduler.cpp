#include "runtime/going_on.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

void kernel_impl::schedule(incarnation_record& inc) noexcept {
    if (inc.scheduled)
        return;
    inc.scheduled = true;
    scheduled.push(inc);
}

void kernel_impl::resume(incarnation_record& inc, std::coroutine_handle<> coroutine) {
    inc.next_to_resume = coroutine;
    {
        detail::allocating_scope scope{&inc, inc.module->allocating};
        while (inc.next_to_resume) {
            const auto next = std::exchange(inc.next_to_resume, nullptr);
            next.resume();
        }
    }
    settle_finished(inc);
    if (inc.fresh)
        detail::begin_fresh(inc);
}

void kernel_impl::settle_finished(incarnation_record& inc) {
    while (finished_task) {
        detail::allocating_scope scope{&inc, detail::heap_use::counted};
        detail::promise_base* ended_task = std::exchange(finished_task, nullptr);
        ended_task->finished(*ended_task, ended_task->context);
    }
}

void kernel_impl::dispatch(incarnation_record& inc, port_record& port) {
    handle(inc, port, take_first(port));
}

void kernel_impl::handle(incarnation_record& inc, port_record& port, envelope* message) {
    inc.in_hand = message;
    if (message->ordinal >= port.protocol->methods.size()) {
        detail::handler_failed(*message, error{errc::unknown_message});
        detail::handler_ended(*message);
        return;
    }
    if (message->call.call && !port.protocol->methods[message->ordinal].reply &&
        !EQUUS_MUTANT(invokers_are_not_let_go))
        detail::taken(*message); // who invoked a one-way message is let go as its handler begins
    inc.in_handler = true;
    {
        detail::allocating_scope scope{&inc, inc.module->allocating};
        port.handlers[message->ordinal](inc.object(), *message);
    }
    if (inc.next_to_resume)
        resume(inc, std::exchange(inc.next_to_resume, nullptr));
    else if (inc.fresh)
        detail::begin_fresh(inc);
}

namespace {

/// One message handled or coroutine resumed; inlined into the loop of an ordinary turn.
[[gnu::always_inline]] inline bool one_step(kernel_impl& kernel, incarnation_record& inc,
                                            bool may_dispatch) {
    if (!inc.begun) {
        inc.begun = true;
        inc.in_handler = false;
        kernel.resume(inc, inc.life->self);
    } else if (operation* op = inc.ready.pop()) {
        go_on(kernel, inc, *op);
    } else if (may_dispatch && !inc.in_hand && inc.serving && !inc.ready_ports.empty()) {
        port_record& port = *inc.ready_ports.front();
        if (!kernel.has_message(port)) {
            inc.ready_ports.pop();
            port.ready = false;
            return true;
        }
        kernel.dispatch(inc, port);
        if (inc.ending || inc.ready_ports.front() != &port) {
            // the port may be gone
        } else if (port.queued == 0) {
            inc.ready_ports.pop();
            port.ready = false;
        } else if (port.next_ready) {
            // The next port has its turn before this one's next message.
            inc.ready_ports.pop();
            inc.ready_ports.push(port);
        }
    } else {
        return false;
    }
    return true;
}

} // namespace

bool kernel_impl::step(incarnation_record& inc, bool may_dispatch) {
    return one_step(*this, inc, may_dispatch);
}

void kernel_impl::fail_handler(incarnation_record& inc, error reason) {
    envelope* message = inc.in_hand;
    std::exchange(inc.handling, nullptr)->self.destroy();
    detail::handler_failed(*message, std::move(reason));
    detail::handler_ended(*message);
}

/// Four times in handler_time_max; a handler that is seen a fifth time has had it.
void kernel_impl::look_at_handlers() {
    if (options.limits.handler_time_max == for_ever ||
        now < deadline_after(handlers_looked_at, options.limits.handler_time_max / 4))
        return;
    handlers_looked_at = now;
    incarnations.for_each([&](incarnation_record& inc) {
        if (!inc.handling || inc.ending || ++inc.handler_looks < 5)
            return;
        running_scope scope{&inc};
        fail_handler(inc, error{errc::limit_reached, "handler_time_max"});
        if (!inc.ready_ports.empty())
            schedule(inc);
    });
}

void kernel_impl::run_turn(incarnation_record& inc, std::size_t& steps) {
    running_scope scope{&inc};
    budget = EQUUS_BUGGIFY(turn_ends_early, 100) ? 1 : options.limits.turn_steps;
    const std::size_t before = steps;
    if (inc.held) [[unlikely]] {
        run_held(inc, steps);
    } else {
        while (budget > 0 && steps > 0 && !inc.ending) {
            --budget;
            if (!one_step(*this, inc, true))
                break;
            --steps;
        }
    }
    count_steps(inc, before - steps);
}

void kernel_impl::count_steps(incarnation_record& inc, std::size_t steps) {
    inc.steps += static_cast<std::uint32_t>(steps);
    if (inc.steps < steps)
        ++inc.more().steps_high;
}

void kernel_impl::end(operation& op, error outcome) {
    if (op.status == operation::state::ended)
        return;
    op.outcome = std::move(outcome);
    end(op);
}

void kernel_impl::end(operation& op) {
    if (op.status == operation::state::ended)
        return;
    op.status = operation::state::ended;
    timers.remove(op);
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    if (!op.waiter) {
        if (op.kind == detail::operation_kind::call &&
            static_cast<detail::call_operation&>(op).queued)
            queued_call_ended(static_cast<queued_call&>(op));
        return; // nobody awaits it yet; whoever does finds it ended
    }
    op.ready = true;
    inc.ready.push(op);
    schedule(inc);
}

void kernel_impl::set_deadline(operation& op, duration timeout) {
    op.timed = true;
    if (op.ready)
        return; // what it waited for is there, only its turn is not
    timers.set(op, deadline_after(now, timeout));
}

void kernel_impl::time_out(operation& op) {
    trace(trace_kind::timer, static_cast<incarnation_record*>(op.owner)->id, op.timer_order,
          static_cast<std::uint64_t>(op.kind));
    if (op.kind == detail::operation_kind::sleep) {
        end(op);
        return;
    }
    if (op.kind == detail::operation_kind::call) {
        EQUUS_SOMETIMES(call_timed_out);
        if (EQUUS_MUTANT(deadline_is_ignored))
            return;
    }
    cut_off(op, errc::timed_out, errc::maybe_delivered);
}

/// Ends an operation before what it waits for: `not_begun` when nothing has left, `maybe` when it
/// may have had its effect.
void kernel_impl::cut_off(operation& op, errc not_begun, errc maybe) {
    switch (op.kind) {
    case detail::operation_kind::call: {
        auto& call = static_cast<detail::call_operation&>(op);
        error reason{call.sent ? maybe : not_begun};
        if (reason == errc::timed_out)
            reason = error{errc::timed_out, why_it_waits(op, call.stream)};
        else if (reason == errc::maybe_delivered)
            reason = error{errc::maybe_delivered, "no reply within the deadline"};
        trace(trace_kind::call_ended, static_cast<incarnation_record*>(op.owner)->id,
              call.slot == ~0u ? 0 : calls[call.slot].call.counter,
              static_cast<std::uint64_t>(reason.code()));
        give_up_call(call);
        end(op, std::move(reason));
        break;
    }
    case detail::operation_kind::patience:
        patience_is_over(*static_cast<stream_extra::stuck_timer&>(op).stream);
        break;
    case detail::operation_kind::effect:
        effects.erase(static_cast<detail::effect_operation&>(op).id);
        end(op, maybe);
        break;
    case detail::operation_kind::request:
        requests.erase(static_cast<detail::request_operation&>(op).id);
        request_is_over();
        end(op, maybe);
        break;
    case detail::operation_kind::bulk: {
        auto& copy = static_cast<detail::bulk_operation&>(op);
        give_up_copy(copy);
        end(op, copy.what == detail::bulk_operation::action::write ? errc::maybe_delivered
                                                                   : errc::timed_out);
        break;
    }
    default: {
        error reason{not_begun};
        if (op.kind == detail::operation_kind::queueing &&
            static_cast<detail::queueing_operation&>(op).sent)
            reason = maybe == errc::maybe_delivered ? error{maybe, "not taken within the deadline"}
                                                    : error{maybe};
        else if (op.kind == detail::operation_kind::send && reason == errc::timed_out)
            reason = error{errc::timed_out,
                           why_it_waits(op, static_cast<detail::send_operation&>(op).stream)};
        const auto waiter = op.waiter;
        auto* owner = op.owner;
        operation::withdraw(op);
        op.owner = owner;
        op.waiter = waiter;
        op.status = operation::state::waiting;
        end(op, std::move(reason));
        break;
    }
    }
}

/// What a message that never left has waited for.
const char* kernel_impl::why_it_waits(operation& op, reference by) noexcept {
    const auto* entry = lookup(*static_cast<incarnation_record*>(op.owner), by);
    const auto* stream = entry && entry->kind == reference_kind::stream
                             ? static_cast<const stream_record*>(entry->record)
                             : nullptr;
    if (!stream)
        return "the stream was closed";
    if (stream->extra && stream->extra->frozen)
        return "the stream is frozen";
    return stream->legs ? "no credit within the deadline" : "no port has joined the channel";
}

namespace detail {

using runtime::incarnation_record;

namespace {
kernel_impl& kernel_of(operation& op) noexcept {
    return *static_cast<incarnation_record*>(op.owner)->kernel;
}
} // namespace

void top_task_ended(promise_base& ended) noexcept {
    const runtime::kernel_entry inc;
    inc->kernel->finished_task = &ended;
}

void handler_runs(envelope&, promise_base& frame) noexcept {
    const runtime::kernel_entry inc;
    inc->handling = &frame;
    inc->handler_looks = 0;
    inc->next_to_resume = frame.self;
}

void handler_ended(envelope& message) noexcept {
    const runtime::kernel_entry inc;
    inc->handling = nullptr;
    inc->in_hand = nullptr;
    inc->kernel->consumed(&message);
}

void handler_failed(envelope& message, error reason) noexcept {
    const runtime::kernel_entry inc;
    ++inc->kernel->counters.handlers_failed;
    const errc code = reason.code();
    const bool by_us = code == errc::unknown_message || code == errc::malformed;
    std::string where{inc->name()};
    if (where.empty())
        where = inc->module->name;
    reply_error(message, by_us ? std::move(reason)
                               : error{errc::handler_failed, std::move(where), std::move(reason)});
}

bool begin(sleep_operation& op) {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    op.owner = inc;
    op.status = operation::state::waiting;
    op.since = detail::ticks_of(inc->kernel->now);
    return false;
}

void task_begins() noexcept {
    const runtime::kernel_entry inc;
    ++inc->more().tasks;
}

void task_ends() noexcept {
    const runtime::kernel_entry inc;
    --inc->more().tasks;
}

void resume_in_turn(operation& ended) noexcept {
    auto& inc = *static_cast<incarnation_record*>(ended.owner);
    ended.ready = true;
    inc.ready.push(ended);
    inc.kernel->schedule(inc);
}

void set_timeout(operation& op, duration timeout) {
    kernel_of(op).set_deadline(op, timeout);
}

void cancel(operation& op) {
    const runtime::kernel_entry entered;
    if (op.ready)
        return; // what it waited for is there
    kernel_of(op).cut_off(op, errc::cancelled, errc::cancelled);
}

duration time_left(time_point deadline) noexcept {
    if (deadline == time_point::never())
        return for_ever;
    return std::max(deadline - equus::now(), duration::zero());
}

void operation::withdraw(operation& self) noexcept {
    if (!self.owner)
        return;
    auto& inc = *static_cast<incarnation_record*>(self.owner);
    kernel_impl& kernel = *inc.kernel;
    kernel.timers.remove(self);
    if (self.ready) {
        inc.ready.remove(self);
        self.ready = false;
    }
    switch (self.kind) {
    case operation_kind::send:
        if (self.listed) {
            auto& op = static_cast<send_operation&>(self);
            if (auto* entry = kernel.lookup(inc, op.stream); entry && entry->record)
                static_cast<runtime::stream_record*>(entry->record)->waiting.remove(self);
        }
        break;
    case operation_kind::call:
        kernel.give_up_call(static_cast<call_operation&>(self));
        break;
    case operation_kind::receive:
        if (self.listed)
            inc.receivers.remove(self);
        break;
    case operation_kind::event:
        kernel.stop_hearing(static_cast<event_operation&>(self));
        break;
    case operation_kind::queueing:
        kernel.withdraw_queueing(static_cast<queueing_operation&>(self));
        break;
    case operation_kind::patience:
        break;
    case operation_kind::effect:
        kernel.effects.erase(static_cast<effect_operation&>(self).id);
        break;
    case operation_kind::request:
        kernel.requests.erase(static_cast<request_operation&>(self).id);
        kernel.request_is_over();
        break;
    case operation_kind::bulk:
        kernel.give_up_copy(static_cast<bulk_operation&>(self));
        break;
    case operation_kind::sleep:
        break;
    }
    self.listed = false;
    self.owner = nullptr;
}

} // namespace detail

// ---------------------------------------------------------------------- what incarnations ask of
// themselves

incarnation_id self() noexcept {
    return kernel_entry { } -> id; }

node_boot where() noexcept {
    return kernel_entry { } -> kernel->self; }

std::string_view own_name() noexcept {
    const kernel_entry inc;
    return inc->name();
}

rdc_id own_rdc() noexcept {
    const runtime::kernel_entry inc;
    return inc->kernel->options.run;
}

time_point now() noexcept {
    return kernel_entry { } -> kernel->now; }

duration deadline_left() noexcept {
    const kernel_entry inc;
    return detail::time_left(inc->in_hand && inc->in_handler ? inc->in_hand->deadline
                                                             : time_point::never());
}

bool cancelled() noexcept {
    const kernel_entry inc;
    return inc->in_hand && inc->in_hand->cancelled;
}

void end_self(std::int32_t result) noexcept {
    const kernel_entry inc;
    if (!inc->ending) // the first result stands
        inc->more().result = result;
    inc->kernel->request_end(*inc, error{errc::ok});
}

} // namespace equus
