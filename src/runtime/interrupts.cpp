// Turns of an incarnation that does not simply run: it is INCHOATE or frozen, waits at a fault, has
// a freeze to come to, or handlers of events and of its control port that interrupt its other code.
//
// Handlers nest. Each raises `level`; an operation remembers the level at which it was awaited, and
// is resumed when no handler above that level is left. A handler begins between two steps only.
#include "runtime/going_on.hpp"

namespace equus {

using namespace runtime;
using detail::queued_event;

namespace {

/// Above every handler of an event.
constexpr interrupt_priority control_priority = interrupt_priority_max + 1;
/// As `level` can count.
constexpr std::size_t interrupts_max = 200;
constexpr std::uint8_t begins_nothing = held::stopped | held::freezing | held::resting;

void interrupt_task_ended(detail::promise_base& ended, void* context) {
    auto& inc = *static_cast<incarnation_record*>(context);
    error reason = std::move(ended.failure);
    std::coroutine_handle<detail::promise<void>>::from_promise(
        static_cast<detail::promise<void>&>(ended))
        .destroy();
    inc.kernel->interrupt_ended(inc);
    if (reason != errc::ok)
        inc.kernel->fault(inc, std::move(reason));
}

operation* first_at_level(const incarnation_record& inc) noexcept {
    operation* op = inc.ready.front();
    while (op && op->level < inc.level)
        op = op->ready_next;
    return op;
}

port_record* waiting_control(const incarnation_record& inc) noexcept {
    port_record* port = inc.rest && inc.rest->control ? inc.rest->control->port : nullptr;
    const bool ready = inc.serving || (inc.held & held::faulting);
    if (EQUUS_MUTANT(frozen_is_deaf) && (inc.held & held::frozen))
        return nullptr;
    return port && ready && port->queued != 0 ? port : nullptr;
}

/// The handler to begin next: of the highest priority, and of these the first.
queued_event* first_interrupt(const event_record& ev) noexcept {
    queued_event* best = nullptr;
    for (queued_event* at = ev.interrupts.front(); at; at = at->next)
        if (!best || at->priority > best->priority)
            best = at;
    return best && best->priority > ev.priority ? best : nullptr;
}

bool in_control(const event_record* ev) noexcept {
    return ev && ev->priority == control_priority;
}

} // namespace

void kernel_impl::hold(incarnation_record& inc, std::uint8_t why) noexcept {
    inc.held |= why;
    if (detail::running() == &inc)
        budget = 0;
    schedule(inc);
}

void kernel_impl::run_held(incarnation_record& inc, std::size_t& steps) {
    while (budget > 0 && steps > 0 && !inc.ending) {
        --budget;
        if (!held_step(inc))
            break;
        --steps;
    }
}

bool kernel_impl::held_has_work(incarnation_record& inc) noexcept {
    if (inc.held & held::moving)
        return false;
    if ((inc.held & held::resting) && !why_no_rest(inc))
        return true;
    const event_record* ev = inc.rest ? inc.rest->events.get() : nullptr;
    if (!in_control(ev) && waiting_control(inc))
        return true;
    if (inc.level > 0)
        return first_at_level(inc) || (!(inc.held & begins_nothing) && ev && first_interrupt(*ev) &&
                                       ev->begun.size() < interrupts_max);
    if (inc.held & held::stopped)
        return false;
    if ((inc.held & held::freezing) && !inc.in_hand)
        return true;
    return !inc.begun || !inc.ready.empty() ||
           (!(inc.held & begins_nothing) && ev && first_interrupt(*ev)) ||
           (!(inc.held & begins_nothing) && !inc.in_hand && inc.serving &&
            !inc.ready_ports.empty());
}

bool kernel_impl::held_step(incarnation_record& inc) {
    if (inc.held & held::moving)
        return false;
    if ((inc.held & held::resting) && (!why_no_rest(inc) || EQUUS_MUTANT(leaves_in_a_handler))) {
        ship(inc);
        return true;
    }
    if (begin_control(inc))
        return true;
    const bool may_begin = !(inc.held & begins_nothing);
    if (may_begin && begin_interrupt(inc))
        return true;
    if (inc.level > 0) {
        operation* op =
            EQUUS_MUTANT(interrupts_do_not_wait) ? inc.ready.front() : first_at_level(inc);
        if (!op)
            return false;
        inc.ready.remove(*op);
        go_on(*this, inc, *op);
        const auto& begun = inc.rest->events->begun;
        if (!begun.empty() && !begun.back().task && !inc.in_hand)
            interrupt_ended(inc); // of the control port
        return true;
    }
    if ((inc.held & held::freezing) && (!inc.in_hand || EQUUS_MUTANT(freezes_in_a_handler))) {
        now_frozen(inc);
        return true;
    }
    if ((inc.held & held::stopped) && !EQUUS_MUTANT(frozen_runs_on))
        return false;
    const event_record* ev = inc.rest ? inc.rest->events.get() : nullptr;
    if (inc.held == held::interrupted && (!ev || ev->interrupts.empty()))
        inc.held = 0; // the next turn is an ordinary one
    return step(inc, !(inc.held & begins_nothing));
}

/// A message of the control port is handled above everything else.
bool kernel_impl::begin_control(incarnation_record& inc) {
    port_record* port = waiting_control(inc);
    if (!port || in_control(inc.rest->events.get()) || !has_message(*port))
        return false;
    event_record& ev = inc.events();
    ev.begun.push_back({nullptr, inc.handling, inc.in_hand, ev.priority});
    ev.priority = control_priority;
    ++inc.level;
    inc.handling = nullptr;
    handle(inc, *port, take_first(*port));
    if (!inc.in_hand)
        interrupt_ended(inc);
    return true;
}

bool kernel_impl::begin_interrupt(incarnation_record& inc) {
    event_record* ev = inc.rest ? inc.rest->events.get() : nullptr;
    queued_event* next = ev ? first_interrupt(*ev) : nullptr;
    if (!next || ev->begun.size() >= interrupts_max)
        return false;
    ev->interrupts.remove(*next);
    --ev->count;
    was_taken(inc, next->what);
    event what = std::move(next->what);
    what.lost = std::exchange(ev->lost, 0);
    const detail::event_handler handler = next->handler;
    const interrupt_priority priority = next->priority;
    detail::free_event(next);
    task<> started = handler.start(handler.object, handler, std::move(what));
    if (!started) {
        fault(inc, error{errc::out_of_memory, "no memory for a handler of an event"});
        return true;
    }
    auto frame = started.release();
    frame.promise().finished = &interrupt_task_ended;
    frame.promise().context = &inc;
    ev->begun.push_back({&frame.promise(), inc.handling, inc.in_hand, ev->priority});
    ev->priority = priority;
    ++inc.level;
    inc.in_handler = false;
    resume(inc, frame);
    return true;
}

/// What it has interrupted goes on.
void kernel_impl::interrupt_ended(incarnation_record& inc) noexcept {
    event_record& ev = *inc.rest->events;
    const event_record::interrupt_frame top = ev.begun.back();
    ev.begun.pop_back();
    ev.priority = top.priority;
    --inc.level;
    inc.handling = top.handling;
    inc.in_hand = top.in_hand;
    // A port that still has messages is news again for its handler.
    for (std::size_t i = 0; i < ev.interests.size(); ++i) {
        auto& each = ev.interests[i];
        constexpr event_kind news = event_kind::port_has_message;
        if (each.handler.start && !each.kept.has(news) && each.what.kinds.has(news) &&
            is_there(inc, each.what.of, news)) {
            each.kept = each.kept | news;
            event again;
            again.kind = event_kind::port_has_message;
            again.which = each.what.of;
            raise(inc, std::move(again));
        }
    }
}

/// The incarnation ends: those that began last go first.
void kernel_impl::end_interrupts(incarnation_record& inc) noexcept {
    event_record& ev = *inc.rest->events;
    while (!ev.begun.empty()) {
        const event_record::interrupt_frame top = ev.begun.back();
        ev.begun.pop_back();
        if (top.task)
            top.task->self.destroy();
        else
            end_handler(inc);
        inc.handling = top.handling;
        inc.in_hand = top.in_hand;
    }
    inc.level = 0;
}

void kernel_impl::fault(incarnation_record& inc, error reason) {
    if (inc.ending)
        return;
    inc.state = incarnation_state::faulting;
    inc.control().fault = std::move(reason);
    if (!tell_of_fault(inc) || EQUUS_MUTANT(faults_are_final)) {
        request_end(inc, std::move(inc.rest->control->fault));
        return;
    }
    EQUUS_SOMETIMES(fault_waits_for_a_parent);
    inc.held &= static_cast<std::uint8_t>(~held::freezing);
    hold(inc, held::faulting);
    order_is_done(inc, {}); // a freeze under way has nothing to wait for
}

interrupt_priority set_interrupt_priority(interrupt_priority now) noexcept {
    const runtime::kernel_entry inc;
    event_record& ev = inc->events();
    const interrupt_priority before = ev.priority;
    ev.priority =
        ev.priority == control_priority ? control_priority : std::min(now, interrupt_priority_max);
    if (first_interrupt(ev))
        inc->kernel->hold(*inc, held::interrupted);
    return before;
}

} // namespace equus
