// Events inside of an incarnation: on their way to who waits for them, to their handlers or into
// the queue; and those of its own streams and ports.
#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;
using detail::queued_event;

event_record::~event_record() {
    while (queued_event* each = kept.pop())
        detail::free_event(each);
    while (queued_event* each = interrupts.pop())
        detail::free_event(each);
}

namespace {

incarnation_id subject_of(kernel_impl& kernel, incarnation_record& inc, reference of) noexcept {
    const auto* entry = kernel.lookup(inc, of);
    return entry && entry->kind == reference_kind::incarnation && entry->record
               ? static_cast<handle_record*>(entry->record)->id
               : incarnation_id{};
}

bool matches(const interest& what, incarnation_id subject, const event& happened) noexcept {
    if (!what.kinds.has(happened.kind))
        return false;
    if (!what.of)
        return true;
    return happened.which ? happened.which == what.of : subject && subject == happened.subject;
}

std::span<const interest> wanted_by(const detail::event_operation& op) noexcept {
    return {static_cast<const interest*>(op.wanted), op.wanted_count};
}

bool is_wanted(kernel_impl& kernel, incarnation_record& inc, const detail::event_operation& op,
               const event& happened) {
    const auto wanted = wanted_by(op);
    return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const interest& each) {
               return matches(each, subject_of(kernel, inc, each.of), happened);
           });
}

const void* record_of(kernel_impl& kernel, incarnation_record& inc, reference which) noexcept {
    const auto* entry = kernel.lookup(inc, which);
    return entry ? entry->record : nullptr;
}

constexpr event_kind local_kinds[] = {event_kind::stream_closed, event_kind::delivery_failed,
                                      event_kind::port_has_message, event_kind::stream_usable};

/// Of what was sent by the stream and nobody waits for; ok: nothing has failed.
errc failure_of(const stream_record& stream) noexcept {
    if (!stream.extra)
        return errc::ok;
    if (stream.extra->failure != errc::ok)
        return stream.extra->failure.code();
    return stream.extra->in_doubt.front() ? errc::broken : errc::ok;
}

event local_event_of(reference which, const void* record, event_kind kind) {
    event out;
    out.kind = kind;
    out.which = which;
    if (kind == event_kind::delivery_failed) {
        out.reason = failure_of(*static_cast<const stream_record*>(record));
        if (out.reason == errc::ok)
            out.reason = errc::broken; // one of several ports has ended with what it was given
    }
    return out;
}

void give(kernel_impl& kernel, incarnation_record& inc, detail::event_operation& op,
          queued_event* what) {
    if (op.listed) {
        inc.rest->events->hearers.remove(op);
        op.listed = false;
    }
    op.taken = what;
    kernel.end(op);
}

} // namespace

// ---------------------------------------------------------------------- on their way inside

void kernel_impl::raise(incarnation_record& inc, event what) {
    event_record& ev = inc.events();
    for (const event_record::interest_record& each : ev.interests) {
        if (!each.handler.start || !matches(each.what, each.subject, what))
            continue;
        if (ev.count >= options.limits.events_max)
            break;
        auto* made = new queued_event{std::move(what), nullptr, each.handler, each.priority};
        ev.interrupts.push(*made);
        ++ev.count;
        hold(inc, held::interrupted);
        return;
    }
    for (operation* at = ev.hearers.front(); at; at = at->next) {
        auto& op = static_cast<detail::event_operation&>(*at);
        if (!is_wanted(*this, inc, op, what))
            continue;
        give(*this, inc, op, new queued_event{std::move(what), nullptr, {}, 0});
        return;
    }
    if (ev.count >= options.limits.events_max) {
        EQUUS_SOMETIMES(event_was_lost);
        ++ev.lost;
        ++counters.events_lost;
        return;
    }
    ev.kept.push(*new queued_event{std::move(what), nullptr, {}, 0});
    ++ev.count;
}

/// The operation is withdrawn: what it was given goes to the next who wants it.
void kernel_impl::stop_hearing(detail::event_operation& op) noexcept {
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    if (op.listed) {
        inc.rest->events->hearers.remove(op);
        op.listed = false;
    }
    queued_event* back = std::exchange(op.taken, nullptr);
    if (!back)
        return;
    event_record& ev = *inc.rest->events;
    if (back->what.which && !back->counted) {
        detail::free_event(back); // whoever looks at the stream or port sees it again
        return;
    }
    for (operation* at = ev.hearers.front(); at; at = at->next) {
        auto& next = static_cast<detail::event_operation&>(*at);
        if (is_wanted(*this, inc, next, back->what)) {
            give(*this, inc, next, back);
            return;
        }
    }
    ev.kept.push_front(*back);
    ++ev.count;
}

// ---------------------------------------------------------------------- of streams and ports

namespace {

bool is_usable(const stream_record& stream) noexcept {
    constexpr std::uint32_t small = 8;
    if (stream.broken != errc::ok || !stream.legs || !stream.waiting.empty())
        return false;
    bool any = false;
    bool all = true;
    for (const stream_leg* leg = stream.legs; leg; leg = leg->next) {
        const bool has = leg->has_credit(small);
        any = any || has;
        all = all && has;
    }
    return stream.routing == channel_kind::anycast ? any : all;
}

} // namespace

bool kernel_impl::is_there(incarnation_record& inc, reference which, event_kind kind) {
    const auto* entry = lookup(inc, which);
    if (!entry || !entry->record)
        return false;
    if (entry->kind == reference_kind::port)
        return kind == event_kind::port_has_message &&
               has_message(*static_cast<port_record*>(entry->record));
    if (entry->kind != reference_kind::stream)
        return false;
    const auto& stream = *static_cast<stream_record*>(entry->record);
    return (kind == event_kind::stream_closed && stream.broken != errc::ok) ||
           (kind == event_kind::delivery_failed && failure_of(stream) != errc::ok) ||
           (kind == event_kind::stream_usable && is_usable(stream));
}

void kernel_impl::port_changed(port_record& port) {
    incarnation_record& inc = *port.owner;
    if (port.is_control) {
        if (port.queued != 0)
            hold(inc, held::interrupted);
        return;
    }
    if (!local_event(inc, &port, event_kind::port_has_message))
        port.watched = false;
}

void kernel_impl::stream_changed(stream_record& stream) {
    if (!stream.owner)
        return;
    const bool closed = stream.broken != errc::ok;
    const event_kind kind = closed ? event_kind::stream_closed : event_kind::stream_usable;
    if (!closed && !is_usable(stream))
        return;
    if (!local_event(*stream.owner, &stream, kind))
        stream.watched = false;
}

/// What was queued or sent by it has not arrived, and nobody waits for it [K30].
void kernel_impl::stream_failed(stream_record& stream) {
    if (stream.watched && stream.owner &&
        !local_event(*stream.owner, &stream, event_kind::delivery_failed))
        stream.watched = false;
}

/// A sender has found no credit: that there is some again will be news.
void kernel_impl::stream_is_exhausted(stream_record& stream) {
    if (!stream.owner || !stream.owner->rest || !stream.owner->rest->events)
        return;
    for (auto& each : stream.owner->rest->events->interests)
        if (record_of(*this, *stream.owner, each.what.of) == &stream)
            each.news = true;
}

/// Tells all who are interested in that stream or port. False: nobody is, whatever happens to it.
bool kernel_impl::local_event(incarnation_record& inc, const void* record, event_kind kind) {
    if (!inc.rest || !inc.rest->events || inc.ending)
        return false;
    event_record& ev = *inc.rest->events;
    bool anybody = false;
    for (operation* at = ev.hearers.front(); at;) {
        auto& op = static_cast<detail::event_operation&>(*at);
        at = at->next;
        for (const interest& each : wanted_by(op)) {
            if (!each.of || record_of(*this, inc, each.of) != record)
                continue;
            anybody = true;
            if (!each.kinds.has(kind))
                continue;
            give(*this, inc, op,
                 new queued_event{local_event_of(each.of, record, kind), nullptr, {}, 0, false});
            break;
        }
    }
    for (std::size_t i = 0; i < ev.interests.size(); ++i) {
        auto& each = ev.interests[i];
        if (!each.what.of || record_of(*this, inc, each.what.of) != record)
            continue;
        anybody = true;
        if (!each.what.kinds.has(kind) || each.kept.has(kind) ||
            (kind == event_kind::stream_usable && !each.news))
            continue;
        each.kept = each.kept | kind;
        each.news = false;
        raise(inc, local_event_of(each.what.of, record, kind));
    }
    return anybody;
}

/// One of a stream or port has been taken: the next may come.
void kernel_impl::was_taken(incarnation_record& inc, const event& what) {
    if (!what.which || !inc.rest || !inc.rest->events)
        return;
    for (auto& each : inc.rest->events->interests)
        if (each.what.of == what.which && each.what.kinds.has(what.kind)) {
            each.kept = each.kept.without(what.kind);
            each.news = each.news || (what.kind == event_kind::stream_usable &&
                                      !is_there(inc, what.which, what.kind));
        }
}

namespace detail {

using runtime::incarnation_record;

void free_event(queued_event* waiting) noexcept {
    delete waiting;
}

namespace {

/// Streams and ports tell of themselves from now on.
void mark_as_watched(kernel_impl& kernel, incarnation_record& inc, reference of) noexcept {
    auto* entry = kernel.lookup(inc, of);
    if (!entry || !entry->record)
        return;
    if (entry->kind == runtime::reference_kind::port)
        static_cast<runtime::port_record*>(entry->record)->watched = true;
    else if (entry->kind == runtime::reference_kind::stream)
        static_cast<runtime::stream_record*>(entry->record)->watched = true;
}

} // namespace

void begin(event_operation& op, std::span<const interest> wanted) {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    kernel_impl& kernel = *inc->kernel;
    op.owner = inc;
    op.status = operation::state::waiting;
    op.since = ticks_of(kernel.now);
    op.wanted = wanted.data();
    op.wanted_count = static_cast<std::uint32_t>(wanted.size());
    for (const interest& each : wanted)
        if (each.of && !kernel.lookup(*inc, each.of)) {
            kernel.end(op, errc::no_such_reference);
            return;
        }
    if (inc->rest && inc->rest->events) {
        runtime::event_record& ev = *inc->rest->events;
        for (queued_event* at = ev.kept.front(); at; at = at->next) {
            if (!is_wanted(kernel, *inc, op, at->what))
                continue;
            ev.kept.remove(*at);
            --ev.count;
            give(kernel, *inc, op, at);
            return;
        }
    }
    for (const interest& each : wanted)
        for (const event_kind kind : local_kinds)
            if (each.of && each.kinds.has(kind) && kernel.is_there(*inc, each.of, kind)) {
                give(kernel, *inc, op,
                     new queued_event{
                         local_event_of(each.of, record_of(kernel, *inc, each.of), kind),
                         nullptr,
                         {},
                         0,
                         false});
                return;
            }
    for (const interest& each : wanted)
        mark_as_watched(kernel, *inc, each.of);
    op.listed = true;
    inc->events().hearers.push(op);
}

event take_event(event_operation& op) {
    const runtime::kernel_entry inc;
    EQUUS_ASSERT(op.taken && inc->rest);
    event first = std::move(op.taken->what);
    if (op.taken->counted)
        inc->kernel->was_taken(*inc, first);
    free_event(std::exchange(op.taken, nullptr));
    if (inc->rest->events)
        first.lost = std::exchange(inc->rest->events->lost, 0);
    return first;
}

namespace {

result<void> add_interest(interest what, interrupt_priority priority, event_handler how) {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    kernel_impl& kernel = *inc->kernel;
    if (what.of && !kernel.lookup(*inc, what.of))
        return fail(errc::no_such_reference);
    runtime::event_record& ev = inc->events();
    if (ev.interests.size() >= kernel.options.limits.interests_max)
        return fail(errc::limit_reached, "interests_max");
    runtime::event_record::interest_record made;
    made.what = what;
    made.subject = subject_of(kernel, *inc, what.of);
    made.priority = priority;
    made.handler = how;
    made.news = true;
    ev.interests.push_back(made);
    mark_as_watched(kernel, *inc, what.of);
    // What is there already is told first.
    if (how.start)
        for (queued_event* at = ev.kept.front(); at;) {
            queued_event* after = at->next;
            if (matches(what, made.subject, at->what)) {
                ev.kept.remove(*at);
                at->handler = how;
                at->priority = priority;
                ev.interrupts.push(*at);
                kernel.hold(*inc, runtime::held::interrupted);
            }
            at = after;
        }
    for (const event_kind kind : local_kinds)
        if (what.of && what.kinds.has(kind) && kernel.is_there(*inc, what.of, kind))
            kernel.local_event(*inc, record_of(kernel, *inc, what.of), kind);
    return {};
}

} // namespace

result<void> set_event_handler(interest what, interrupt_priority priority, event_handler how) {
    if (priority == 0 || priority > interrupt_priority_max)
        return fail(errc::invalid_argument, "an interrupt's priority is 1 to 15");
    return add_interest(what, priority, how);
}

} // namespace detail

result<void> watch(reference of, event_kinds kinds) {
    if (!of)
        return fail(errc::no_such_reference);
    return detail::add_interest({of, kinds}, 0, {});
}

void unwatch(reference of, event_kinds kinds) noexcept {
    const runtime::kernel_entry inc;
    if (!inc->rest || !inc->rest->events)
        return;
    for (auto& each : inc->rest->events->interests)
        if (!each.handler.start && each.what.of == of)
            each.what.kinds = each.what.kinds.without(kinds);
    std::erase_if(inc->rest->events->interests,
                  [](const auto& each) { return each.what.kinds == event_kinds{}; });
}

void ignore_event(interest what) noexcept {
    const runtime::kernel_entry inc;
    if (!inc->rest || !inc->rest->events)
        return;
    event_record& ev = *inc->rest->events;
    for (auto& each : ev.interests) {
        if (!each.handler.start || each.what.of != what.of)
            continue;
        for (queued_event* at = ev.interrupts.front(); at;) {
            queued_event* after = at->next;
            if (matches(what, each.subject, at->what)) {
                ev.interrupts.remove(*at);
                at->handler = {};
                ev.kept.push(*at);
            }
            at = after;
        }
        each.what.kinds = each.what.kinds.without(what.kinds);
    }
    std::erase_if(ev.interests, [](const auto& each) { return each.what.kinds == event_kinds{}; });
}

void watch_members() noexcept {
    const runtime::kernel_entry inc;
    inc->events().wants_members = true;
}

} // namespace equus
