// Who is told of an incarnation's fate, here and on other nodes; and the silence of nodes that
// somebody cares for.
#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

namespace {

constexpr event_kinds all_kinds{0xffff};

} // namespace

void kernel_impl::tell_watchers(incarnation_record& inc, event what) {
    const std::vector<watcher> those = inc.rest->watchers; // telling may change them
    for (const watcher& to : those)
        if (to.kinds.has(what.kind) && to.who)
            send_event(to, what);
        else if (what.kind == event_kind::terminated && !to.who && to.at != self)
            send_event(to, what);
}

/// False: nobody wants to look at it.
bool kernel_impl::tell_of_fault(incarnation_record& inc) {
    event what;
    what.kind = event_kind::faulting;
    what.subject = inc.id;
    what.node = self;
    what.reason = inc.rest->control->fault.code();
    what.text = inc.rest->control->fault.describe();
    tell_watchers(inc, std::move(what));
    return std::any_of(inc.rest->watchers.begin(), inc.rest->watchers.end(),
                       [](const watcher& w) { return w.kinds.has(event_kind::faulting); });
}

void kernel_impl::send_event(const watcher& to, const event& what) {
    if (to.at == self) {
        if (to.who)
            deliver_event(to.who, what);
        else
            parent_ended(what.subject, what);
    } else if (is_member(to.at)) {
        send_frame(to.at, kind::event, lane::data, event_frame{to.who, what});
    }
}

/// Whether `to` has asked for an incarnation whose events it wants, and has not heard which it is:
/// the answer comes over another node than the event. No event overtakes the answer.
bool kernel_impl::answer_is_due(incarnation_id to, const event& what) const noexcept {
    if (watches.contains({to, what.subject, what.node}))
        return false;
    return std::any_of(requests.begin(), requests.end(), [&](const auto& each) {
        const detail::request_operation* op = each.second.op;
        return op && static_cast<const incarnation_record*>(op->owner)->id == to &&
               event_kinds{op->watched}.has(what.kind);
    });
}

/// One that somebody was to hear of: what came early comes now, or still waits for another.
void kernel_impl::request_is_over() noexcept {
    if (!early_events.empty())
        is_deferred = true;
}

void kernel_impl::deliver_event(incarnation_id to, event what) {
    if (!requests.empty() && answer_is_due(to, what)) {
        EQUUS_SOMETIMES(event_before_its_answer);
        early_events.emplace_back(to, std::move(what));
        return;
    }
    incarnation_record* inc = find(to);
    if (!inc && place_of(to, self) != self) {
        send_frame(place_of(to, self), kind::event, lane::data,
                   event_frame{to, std::move(what), true});
        return;
    }
    if (inc && (inc->held & held::moving)) {
        if (const auto leaving_soon = departures.find(to); leaving_soon != departures.end())
            leaving_soon->second.events.push_back(std::move(what));
        return;
    }
    if (what.kind == event_kind::terminated && what.reason == errc::not_found &&
        watches.lower_bound({to, what.subject, {}}) == watches.end())
        return;
    if (!inc || inc->ending) {
        if (what.kind == event_kind::faulting) // it must not wait for who is not there
            end_watch(to, what.subject, what.node);
        return;
    }
    if (what.kind == event_kind::terminated)
        forget_watch(to, what.subject, what.node, all_kinds);
    raise(*inc, std::move(what));
}

void kernel_impl::member_event(const event& what) {
    std::vector<incarnation_id> interested;
    incarnations.for_each([&](incarnation_record& inc) {
        if (inc.rest && inc.rest->events && inc.rest->events->wants_members)
            interested.push_back(inc.id);
    });
    for (incarnation_id id : interested)
        deliver_event(id, what);
}

void kernel_impl::add_watcher(incarnation_id subject, watcher who) {
    incarnation_record* inc = find(subject);
    event what;
    what.subject = subject;
    what.node = self;
    if (!inc) {
        what.reason = errc::not_found;
        what.text = "it had ended before it was watched";
        if (who.kinds.has(event_kind::terminated))
            send_event(who, what);
        return;
    }
    auto& watchers = inc->more().watchers;
    const auto known = std::find_if(watchers.begin(), watchers.end(), [&](const watcher& each) {
        return each.who == who.who && (each.who || each.at == who.at);
    });
    if (known != watchers.end())
        known->at = who.at; // it may have moved
    if (known == watchers.end())
        watchers.push_back(who);
    else
        known->kinds = known->kinds | who.kinds;
    if (who.kinds.has(event_kind::created) && inc->serving) {
        what.kind = event_kind::created;
        send_event(who, what);
    }
    if (who.kinds.has(event_kind::faulting) && (inc->held & held::faulting)) {
        what.kind = event_kind::faulting;
        what.reason = inc->rest->control->fault.code();
        what.text = inc->rest->control->fault.describe();
        send_event(who, what);
    }
}

void kernel_impl::remove_watcher(incarnation_id subject, const watcher& who) {
    incarnation_record* inc = find(subject);
    if (!inc || !inc->rest)
        return;
    for (watcher& each : inc->rest->watchers)
        if (each.who == who.who && each.at == who.at)
            each.kinds = each.kinds.without(who.kinds);
    std::erase_if(inc->rest->watchers,
                  [](const watcher& each) { return each.kinds == event_kinds{}; });
    go_on_unwatched(*inc);
}

/// One that waits at its fault for a parent goes on to its end when there is none.
void kernel_impl::go_on_unwatched(incarnation_record& inc) {
    if (!(inc.held & held::faulting) || EQUUS_MUTANT(fault_waits_for_nobody))
        return;
    const auto& watchers = inc.rest->watchers;
    const bool watched = std::any_of(watchers.begin(), watchers.end(), [](const watcher& w) {
        return w.kinds.has(event_kind::faulting);
    });
    if (!watched)
        request_end(inc, std::move(inc.rest->control->fault));
}

void kernel_impl::note_watch(incarnation_id who, incarnation_id subject, node_boot at,
                             event_kinds kinds) {
    event_kinds& noted = watches[{who, subject, at}];
    if (kinds.has(event_kind::unreachable) && !noted.has(event_kind::unreachable) && at != self) {
        ++probed[at].watches;
        if (next_probe == time_point::never())
            next_probe = now + options.limits.heartbeat_every;
    }
    noted = noted | kinds;
}

void kernel_impl::watch_is_asked(incarnation_record& inc, const handle_record& handle,
                                 const request_frame& frame) {
    const auto body = wire::decode<watch_body>(frame.body.span());
    if (!body)
        return;
    if (frame.kind == detail::request_kind::watch)
        note_watch(inc.id, handle.id, handle.at.at, event_kinds{body->kinds});
    else
        forget_watch(inc.id, handle.id, handle.at.at, event_kinds{body->kinds});
}

void kernel_impl::forget_watch(incarnation_id who, incarnation_id subject, node_boot at,
                               event_kinds kinds) {
    const auto found = watches.find({who, subject, at});
    if (found == watches.end())
        return;
    if (kinds.has(event_kind::unreachable) && found->second.has(event_kind::unreachable))
        if (const auto probe = probed.find(at);
            probe != probed.end() && --probe->second.watches == 0)
            probed.erase(probe);
    if (probed.empty())
        next_probe = time_point::never();
    found->second = found->second.without(kinds);
    if (found->second == event_kinds{})
        watches.erase(found);
}

/// It is watched from elsewhere now.
void kernel_impl::forget_watches_silently(incarnation_id who) {
    for (auto at = watches.lower_bound({who, {}, {}}); at != watches.end() && at->first.who == who;
         at = watches.lower_bound({who, {}, {}})) {
        const watch_key key = at->first;
        forget_watch(key.who, key.subject, key.at, all_kinds);
    }
}

/// One that has arrived goes on watching.
void kernel_impl::watch_again(incarnation_record& inc, incarnation_id subject, node_boot last_at,
                              event_kinds kinds) {
    const node_boot at = place_of(subject, last_at);
    note_watch(inc.id, subject, at, kinds);
    if (at == self) {
        add_watcher(subject, watcher{inc.id, self, kinds});
        return;
    }
    if (!is_member(at)) {
        forget_watch(inc.id, subject, at, all_kinds);
        if (kinds.has(event_kind::terminated))
            deliver_event(inc.id, event{event_kind::terminated, subject, at, errc::evicted, 0,
                                        "its node was lost"});
        return;
    }
    request_frame frame;
    frame.kind = detail::request_kind::watch;
    frame.asker = inc.id;
    frame.subject = subject;
    frame.body = encode_frame(watch_body{false, kinds.bits()});
    send_frame(at, kind::request, lane::data, frame);
}

/// Tells the subject's kernel that `who` is not there any more.
void kernel_impl::end_watch(incarnation_id who, incarnation_id subject, node_boot at) {
    if (at == self) {
        remove_watcher(subject, watcher{who, self, all_kinds});
        return;
    }
    request_frame frame;
    frame.kind = detail::request_kind::unwatch;
    frame.asker = who;
    frame.subject = subject;
    frame.body = encode_frame(watch_body{false, all_kinds.bits()});
    send_frame(at, kind::request, lane::data, frame);
}

void kernel_impl::forget_watches_of(incarnation_id who) {
    for (auto at = watches.lower_bound({who, {}, {}}); at != watches.end() && at->first.who == who;
         at = watches.lower_bound({who, {}, {}})) {
        const watch_key key = at->first;
        const bool holds_it = at->second.has(event_kind::faulting);
        forget_watch(key.who, key.subject, key.at, all_kinds);
        if (holds_it)
            end_watch(key.who, key.subject, key.at);
    }
}

void kernel_impl::watched_node_is_gone(node_boot who, errc reason, const std::string& name) {
    incarnations.for_each([&](incarnation_record& inc) {
        if (!inc.rest || inc.rest->watchers.empty())
            return;
        std::erase_if(inc.rest->watchers, [&](const watcher& w) { return w.at == who; });
        go_on_unwatched(inc);
    });
    std::vector<std::pair<watch_key, event_kinds>> over;
    for (const auto& [key, kinds] : watches)
        if (key.at == who)
            over.emplace_back(key, kinds);
    for (const auto& [key, kinds] : over) {
        if (kinds.has(event_kind::terminated) && !EQUUS_MUTANT(evictions_are_no_events))
            deliver_event(key.who, event{event_kind::terminated, key.subject, who, reason, 0,
                                         "node '" + name + "' was lost"});
        forget_watch(key.who, key.subject, key.at, all_kinds);
    }
}

void kernel_impl::probe_watched_nodes() {
    next_probe = now + options.limits.heartbeat_every;
    std::vector<node_boot> fell_silent;
    for (auto& [node, state] : probed) {
        session* with = session_to(node);
        if (!with)
            continue;
        const duration silence = now - with->last_heard();
        if (silence <= options.limits.suspect_after) {
            state.silent = false;
        } else if (!state.silent) {
            state.silent = true;
            fell_silent.push_back(node);
        }
        if (with->idle()) // what is under way is a probe too
            send_frame(node, kind::probe, lane::control,
                       probe_frame{static_cast<std::uint32_t>(silence.count() / 1'000'000)});
    }
    std::vector<watch_key> to_tell;
    for (const auto& [key, kinds] : watches)
        if (kinds.has(event_kind::unreachable) &&
            std::find(fell_silent.begin(), fell_silent.end(), key.at) != fell_silent.end())
            to_tell.push_back(key);
    for (const watch_key& key : to_tell)
        deliver_event(key.who, event{event_kind::unreachable, key.subject, key.at});
}

} // namespace equus
