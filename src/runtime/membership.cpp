#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

member_info kernel_impl::own_info() const {
    member_info out;
    out.at = self;
    out.name = options.name;
    out.address = options.address;
    for (const auto& [name, value] : options.traits) {
        if (value.empty())
            out.facts.tags.push_back(name);
        else
            out.facts.attributes[name] = rdc_value{value};
    }
    for (const auto& [name, module] : modules.all())
        out.modules.push_back(name);
    return out;
}

bool kernel_impl::is_member(node_boot who) const noexcept {
    const auto found = members.find(who.node);
    return found != members.end() && found->second.at == who;
}

void kernel_impl::start_membership() {
    join_redial = options.limits.redial_after;
    if (!options.root)
        return; // join_at is due at the first tick
    self = {root_node, boot_number{1}};
    next_node = 2;
    next_boot = 2;
    view = view_version{1};
    members[self.node] = own_info();
}

void kernel_impl::asked_to_join(link_id link, const greeting_frame& greeting) {
    const auto known = boots_by_instance.find(greeting.instance);
    if (known == boots_by_instance.end() || EQUUS_MUTANT(newcomer_is_forgotten)) {
        for (const auto& [node, info] : members)
            if (info.name == greeting.self.name) {
                refuse_link(link, errc::already_exists,
                            "a node named '" + info.name + "' is a member of this run");
                return;
            }
        if (members.size() >= options.limits.nodes_max) {
            refuse_link(link, errc::limit_reached, "nodes_max");
            return;
        }
        if (leaving) {
            refuse_link(link, errc::refused, "the run is ending");
            return;
        }
        member_info member = greeting.self;
        member.at = {node_id{next_node++}, boot_number{next_boot++}};
        next_boot -= EQUUS_MUTANT(boot_is_given_again) ? 1 : 0;
        member.reachable = true;
        boots_by_instance[greeting.instance] = member.at;
        write_view(view_change::joined, std::move(member));
    }
    const node_boot who = boots_by_instance[greeting.instance];
    if (was_written_off(who)) {
        refuse_link(link, errc::evicted, "this life has been written off by the run");
        return;
    }
    welcome_frame welcome;
    welcome.instance = greeting.instance;
    welcome.you = who;
    welcome.view = view;
    for (const auto& [node, info] : members)
        welcome.members.push_back(info);
    send_greeting(link, kind::welcome, welcome);
    if (!links[link].peer.node)
        admit(link, who);
}

void kernel_impl::welcomed(const welcome_frame& frame) {
    self = frame.you;
    view = frame.view;
    members.clear();
    for (const member_info& info : frame.members)
        members[info.at.node] = info;
    join_at = time_point::never();
    lease_until = now + options.limits.lease;
    next_renewal = now;
    trace(trace_kind::view, {}, view.value, self.node.value, 0);
    std::vector<link_id> to_root;
    for (const auto& [id, record] : links)
        if (record.traits.dialled && !record.peer.node)
            to_root.push_back(id);
    const node_boot root{root_node, members[root_node].at.boot};
    for (const link_id id : to_root)
        admit(id, root);
    for (const auto& [id, record] : links)
        if (!record.peer.node)
            greet_once(id); // those that dialled us before we had a name
}

void kernel_impl::write_view(view_change change, member_info member) {
    view_frame frame;
    frame.version = view_version{view.value + 1};
    frame.change = change;
    frame.member = std::move(member);
    if (change == view_change::left || change == view_change::evicted)
        frame.elsewhere = moved_away_from(frame.member.at);
    std::vector<node_boot> others;
    for (const auto& [node, info] : members)
        if (info.at != self)
            others.push_back(info.at);
    // The one that leaves is told too: its own leaving is what it waits for.
    for (const node_boot other : others)
        if (!(change == view_change::evicted && other == frame.member.at) &&
            !(EQUUS_MUTANT(view_skips_one) && other == others.back()))
            send_frame(other, kind::view, lane::control, frame);
    apply_view(frame);
}

void kernel_impl::apply_view(const view_frame& frame) {
    if (frame.version.value <= view.value)
        return;
    view = frame.version;
    const node_boot who = frame.member.at;
    trace(trace_kind::view, {}, view.value, who.node.value,
          static_cast<std::uint64_t>(frame.change));
    switch (frame.change) {
    case view_change::joined: {
        members[who.node] = frame.member;
        event what;
        what.kind = event_kind::node_joined;
        what.node = who;
        what.text = frame.member.name;
        member_event(what);
        look_at_waiting_links();
        break;
    }
    case view_change::left:
    case view_change::evicted:
        if (who == self) {
            stop(frame.change == view_change::left
                     ? leave_reason
                     : error{errc::evicted, "the run has written this node off"});
            return;
        }
        for (const relocated& each : frame.elsewhere)
            learn(each.who, each.at, each.age);
        if (is_member(who))
            member_is_gone(who, frame.change == view_change::evicted);
        take_set_aside();
        break;
    case view_change::silent:
    case view_change::heard:
        if (const auto found = members.find(who.node); found != members.end()) {
            found->second.reachable = frame.change == view_change::heard;
            if (frame.change == view_change::silent) {
                event what;
                what.kind = event_kind::unreachable;
                what.node = who;
                what.text = found->second.name;
                member_event(what);
            }
        }
        break;
    }
    if (!waiting_for_view.empty())
        look_at_waiting_images();
    for (const auto& [from, told] : std::exchange(news_before_view, {}))
        recv_moved(from, told);
}

void kernel_impl::evict(node_boot dead) {
    if (!options.root || !is_member(dead) || dead == self)
        return;
    write_view(view_change::evicted, members[dead.node]);
}

void kernel_impl::member_is_gone(node_boot who, bool by_eviction) {
    const std::string name = members[who.node].name;
    members.erase(who.node);
    written_off.insert(who);
    const errc reason = by_eviction ? errc::evicted : errc::closed;

    std::vector<stream_leg*> moved_on;
    std::vector<stream_record*> follow_again;
    stream_legs.for_each([&](stream_leg& leg) {
        if (leg.at.at != who)
            return;
        // Its port may have gone on from there before.
        if (const auto known = whereabouts.find(leg.port.owner);
            known != whereabouts.end() && known->second.at != who) {
            EQUUS_SOMETIMES(receiver_had_left_the_dead);
            moved_on.push_back(&leg);
        } else if (!EQUUS_MUTANT(streams_outlive_their_node)) {
            fail_retained_calls(leg);
            leg_is_broken(leg, leg.consumed);
        }
    });
    for (stream_leg* leg : moved_on) {
        const whereabouts_body& known = whereabouts.find(leg->port.owner)->second;
        leg_moves(*leg, {known.at, ~0u, known.age}, leg->consumed + 1);
    }
    followed.for_each([&](stream_record& stream) {
        if (stream.channel_at.at != who)
            return;
        stream.channel_at.at = place_of(stream.channel.owner, who);
        if (stream.channel_at.at == who)
            break_stream(stream, errc::broken);
        else
            follow_again.push_back(&stream);
    });
    for (stream_record* stream : follow_again)
        ask_to_follow(*stream);
    port_legs.for_each([&](leg_entry& leg) {
        if (leg.from != who || leg.local)
            return;
        if (const node_boot now_at = place_of(leg.stream.owner, who); now_at != who) {
            sender_moves(leg, now_at);
            return;
        }
        leg.finished = true;
        leg.last = leg.next - 1;
        if (leg.consumed >= leg.last)
            end_entry(leg);
    });
    for (auto& [id, channel] : channels) {
        const auto gone = std::erase_if(channel.members, [&](const channel_member& m) {
            return m.at.at == who && place_of(m.port.owner, who) == who;
        });
        if (gone != 0) {
            ++channel.version;
            tell_members(channel);
        }
        std::erase_if(channel.followers, [&](const follow_channel_body& f) {
            return f.at == who && place_of(f.stream.owner, who) == who;
        });
        settle_joins(channel);
    }
    for (std::uint32_t slot = 0; slot < calls.size(); ++slot)
        if (calls[slot].op && calls[slot].op->sent && calls[slot].to == who &&
            !EQUUS_MUTANT(calls_outlive_their_node))
            complete_call(slot, calls[slot].call,
                          error{errc::maybe_delivered, "node '" + name + "' was lost"}, nullptr,
                          nullptr, {}, nullptr);
    std::vector<call_id> orphaned;
    for (const auto& [call, message] : foreign_calls)
        if (message->call.at == who)
            orphaned.push_back(call);
    for (const call_id call : orphaned)
        cancel_call(call);
    std::vector<std::uint64_t> cut_off;
    for (const auto& [id, request] : requests)
        if (request.to == who && !EQUUS_MUTANT(requests_outlive_their_node))
            cut_off.push_back(id);
    for (const std::uint64_t id : cut_off) {
        request_was_cut_off(id, "node '" + name + "' was lost");
    }
    copies_lose_node(who);
    if (options.root)
        forget_owners();
    watched_node_is_gone(who, reason, name);
    std::vector<incarnation_id> parents;
    for (const auto& [parent, them] : dependents_of)
        if (them.parent_at == who)
            parents.push_back(parent);
    for (const incarnation_id parent : parents)
        parent_ended(parent, event{event_kind::terminated, parent, who, reason, 0,
                                   "its node '" + name + "' was lost"});
    if (const auto peer = peers.find(who); peer != peers.end() && !by_eviction && options.root)
        peer->second.farewell_until = now + options.limits.give_up;
    else
        drop_peer(who);

    event what;
    what.kind = event_kind::node_left;
    what.node = who;
    what.reason = reason;
    what.text = name;
    member_event(what);
}

void kernel_impl::membership_tick() {
    if (ended)
        return;
    if (!self.node) {
        if (join_at == time_point{} || join_at <= now) {
            join_at = now + options.limits.redial_max;
            bool link_is_there = false;
            for (const auto& [id, record] : links)
                link_is_there = link_is_there || record.traits.dialled;
            if (!link_is_there && dials.empty())
                dial(node_boot{});
        }
    } else if (!options.root) {
        if (lease_until <= now && !EQUUS_MUTANT(lease_is_ignored)) {
            EQUUS_SOMETIMES(lease_ran_out);
            stop(error{errc::evicted, "the lease has run out: the root has not been heard for " +
                                          std::to_string(options.limits.lease.count() / 1'000'000) +
                                          " ms"});
            return;
        }
        if (next_renewal <= now) {
            next_renewal = now + options.limits.heartbeat_every;
            send_frame(members[root_node].at, kind::renew, lane::control, renew_frame{now.ns});
        }
    } else if (next_watch <= now || next_watch == time_point::never()) {
        watch_members_now();
    }
    if (next_probe <= now)
        probe_watched_nodes();
    std::vector<link_id> refused;
    for (auto& [id, record] : links) {
        if (!record.peer.node && record.greet_at <= now)
            greet(id);
        if (record.hang_up_at <= now)
            refused.push_back(id);
    }
    for (const link_id id : refused)
        hang_up(id);
    std::vector<node_boot> due;
    std::vector<node_boot> departed;
    for (const auto& [who, peer] : peers) {
        if (peer.redial_at <= now)
            due.push_back(who);
        if (peer.farewell_until <= now)
            departed.push_back(who);
    }
    for (const node_boot who : departed)
        drop_peer(who);
    for (const node_boot who : due) {
        peers[who].redial_at = time_point::never();
        if (!peers[who].session->has_link() && !peers[who].dialling)
            dial(who);
    }
    if (leaving)
        leave_when_flushed();
}

void kernel_impl::watch_members_now() {
    const kernel_limits& limits = options.limits;
    // A root that was itself asleep has heard nobody: it gives everyone a whole term.
    // Shorter sleeps are within what eviction comes later than the end of a lease.
    const bool was_asleep =
        last_watch != time_point{} && now - last_watch > (limits.evict_after - limits.lease) / 2;
    if (was_asleep && !EQUUS_MUTANT(root_is_impatient)) {
        EQUUS_SOMETIMES(root_was_asleep);
        patience_until = now + limits.evict_after;
    }
    last_watch = now;
    next_watch = now + limits.heartbeat_every;
    if (now < patience_until)
        return;
    std::vector<std::pair<member_info, view_change>> news;
    for (const auto& [node, info] : members) {
        if (info.at == self)
            continue;
        const session* with_it = session_to(info.at);
        const duration silence = now - with_it->last_heard();
        if (silence > (EQUUS_MUTANT(evicts_too_early) ? limits.suspect_after : limits.evict_after))
            news.emplace_back(info, view_change::evicted);
        else if (silence > limits.suspect_after && info.reachable)
            news.emplace_back(info, view_change::silent);
        else if (silence <= limits.suspect_after && !info.reachable)
            news.emplace_back(info, view_change::heard);
    }
    for (auto& [info, change] : news)
        write_view(change, std::move(info));
}

void kernel_impl::leave(error reason) {
    if (leaving || ended)
        return;
    leaving = true;
    leave_reason = std::move(reason);
    stop_at = now + options.limits.give_up;
    if (!self.node) {
        stop(leave_reason);
        return;
    }
    incarnations.for_each([&](incarnation_record& inc) {
        request_end(inc, error{errc::cancelled, "the node is leaving"});
    });
}

void kernel_impl::leave_when_flushed() {
    const bool late = stop_at <= now;
    if (incarnations.size() > 0 && !late)
        return;
    if (!departure_told) {
        departure_told = true;
        stop_at = now + options.limits.give_up;
        const ended_frame frame{leave_reason.code(), std::string{leave_reason.text()}};
        if (!options.root) {
            send_frame(members[root_node].at, kind::depart, lane::control, frame);
        } else {
            for (const auto& [node, info] : members)
                if (info.at != self)
                    send_frame(info.at, kind::run_ended, lane::control, frame);
        }
        return;
    }
    if (!options.root && !late)
        return; // until the register says that we have left
    bool flushed = true;
    for (const auto& [who, peer] : peers)
        flushed = flushed && (peer.session->idle() || !peer.session->has_link());
    if (flushed || late)
        stop(leave_reason);
}

void kernel_impl::stop(error reason) {
    if (ended)
        return;
    ended = true;
    stop_reason = std::move(reason);
    pending_outputs.clear();
    greetings.clear();
}

time_point kernel_impl::membership_deadline() const noexcept {
    if (ended)
        return time_point::never();
    time_point next = time_point::never();
    if (!self.node)
        next = std::min(next, join_at);
    else if (options.root)
        next = std::min(next, next_watch == time_point::never() ? now : next_watch);
    else
        next = std::min({next, next_renewal, lease_until});
    for (const auto& [id, record] : links)
        next = std::min(
            {next, record.hang_up_at, record.peer.node ? time_point::never() : record.greet_at});
    for (const auto& [who, peer] : peers)
        next = std::min({next, peer.redial_at, peer.farewell_until, peer.session->next_deadline()});
    if (leaving)
        next = std::min(next, stop_at);
    return std::min(next, next_probe);
}

std::vector<member_info> members() {
    const kernel_entry inc;
    std::vector<member_info> out;
    for (const auto& [node, info] : inc->kernel->members)
        out.push_back(info);
    return out;
}

} // namespace equus
