#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

session* kernel_impl::session_to(node_boot who) {
    if (who == self || !is_member(who) || ended)
        return nullptr;
    auto [at, fresh] = peers.try_emplace(who);
    peer_record& peer = at->second;
    if (fresh) {
        peer.session =
            std::make_unique<session>(options.limits, packets, options.run, self, who, now);
        peer.redial_delay = options.limits.redial_after;
    }
    if (!peer.session->has_link() && !peer.dialling && peer.redial_at == time_point::never())
        dial(who);
    return peer.session.get();
}

void kernel_impl::dial(node_boot who) {
    const bool to_root = who.node.value == 0 || who.node == root_node;
    std::string address = to_root ? options.root_address : std::string{};
    if (const auto member = members.find(who.node); member != members.end())
        address = member->second.address.empty() ? address : member->second.address;
    if (address.empty())
        return; // it dials us
    const dial_id id{next_dial++};
    dials[id] = who;
    if (const auto found = peers.find(who); found != peers.end()) {
        found->second.dialling = id;
        found->second.redial_at = time_point::never();
    }
    output out;
    out.what = output::kind::dial;
    out.dial = id;
    queue_output(std::move(out), std::move(address));
}

void kernel_impl::dial_has_failed(dial_id which) {
    const auto found = dials.find(which);
    if (found == dials.end())
        return;
    const node_boot who = found->second;
    dials.erase(found);
    if (who.node.value == 0) {
        join_at = now + join_redial;
        join_redial = std::min(join_redial * 2, options.limits.redial_max);
        return;
    }
    if (const auto at = peers.find(who); at != peers.end()) {
        peer_record& peer = at->second;
        peer.dialling = {};
        peer.redial_at = now + peer.redial_delay;
        peer.redial_delay = std::min(peer.redial_delay * 2, options.limits.redial_max);
    }
}

void kernel_impl::greet(link_id link) {
    greeting_frame frame;
    frame.instance = options.instance;
    frame.self = own_info();
    frame.view = view;
    frame.known = static_cast<bool>(links[link].peer.node);
    send_greeting(link, kind::greeting, frame);
    links[link].greet_at = now + options.limits.retransmit_after;
}

void kernel_impl::link_is_up(link_id link, const link_traits& traits) {
    if (ended)
        return;
    link_record& record = links[link];
    record.traits = traits;
    if (traits.dialled)
        if (const auto found = dials.find(traits.dialled); found != dials.end()) {
            const node_boot who = found->second;
            if (who.node.value != 0)
                record.dialled_to = who;
        }
    trace(trace_kind::session, {}, 0, 1, link.value);
    greet(link);
}

void kernel_impl::link_is_down(link_id link) {
    const auto found = links.find(link);
    if (found == links.end())
        return;
    const link_record record = found->second;
    links.erase(found);
    if (record.traits.dialled)
        dials.erase(record.traits.dialled);
    if (!self.node) {
        if (record.traits.dialled)
            join_at = now + join_redial;
        return;
    }
    const node_boot who = record.peer.node ? record.peer : record.dialled_to;
    const auto at = peers.find(who);
    if (at == peers.end())
        return;
    peer_record& peer = at->second;
    if (record.traits.dialled == peer.dialling)
        peer.dialling = {};
    peer.session->detach(link, now);
    trace(trace_kind::session, {}, who.node.value, 2);
    if (peer.farewell_until != time_point::never()) {
        drop_peer(who);
        return;
    }
    if (!peer.session->has_link() && !peer.dialling && !EQUUS_MUTANT(dials_once)) {
        // The one that dialled dials again soon; the other gives it time.
        peer.redial_at =
            now + (record.traits.dialled ? peer.redial_delay
                                         : peer.redial_delay + options.limits.redial_max);
        peer.redial_delay = std::min(peer.redial_delay * 2, options.limits.redial_max);
    }
}

void kernel_impl::hang_up(link_id link) {
    link_is_down(link);
    output out;
    out.what = output::kind::hang_up;
    out.link = link;
    queue_output(std::move(out));
}

void kernel_impl::refuse_link(link_id link, errc reason, std::string text) {
    send_greeting(link, kind::refusal, refusal_frame{reason, std::move(text)});
    link_record& record = links[link];
    record.greet_at = time_point::never();
    record.waiting_for_view = false;
    record.hang_up_at = std::min(record.hang_up_at, now + options.limits.give_up);
}

void kernel_impl::admit(link_id link, node_boot who) {
    link_record& record = links[link];
    if (record.peer.node)
        return;
    session* to = session_to(who);
    if (!to)
        return;
    record.peer = who;
    record.waiting_for_view = false;
    record.greet_at = time_point::never();
    peer_record& peer = peers[who];
    peer.redial_at = time_point::never();
    peer.redial_delay = options.limits.redial_after;
    if (record.traits.dialled == peer.dialling)
        peer.dialling = {};
    if (record.traits.dialled)
        dials.erase(record.traits.dialled);
    to->attach(link, record.traits, now);
    trace(trace_kind::session, {}, who.node.value, 3);

    // Both ends may have dialled at once. The link that the lower node dialled stays; its dialler
    // hangs the other up, so that no link is closed by both.
    const bool we_are_lower = self.node < who.node;
    const link_id stays = [&] {
        link_id best{};
        for (const auto& [id, other] : links)
            if (other.peer == who && (other.traits.dialled.value != 0) == we_are_lower)
                best = id; // of several, the youngest
        return best;
    }();
    if (!stays)
        return;
    to->set_preferred(stays, now);
    if (!we_are_lower)
        return;
    std::vector<link_id> redundant;
    for (const auto& [id, other] : links)
        if (other.peer == who && id != stays)
            redundant.push_back(id);
    if (!redundant.empty())
        EQUUS_SOMETIMES(two_links_to_one_node);
    for (const link_id id : redundant)
        hang_up(id);
}

void kernel_impl::greeting_came(link_id link, std::span<const std::byte> packet) {
    frame_reader frames{packet.subspan(packet_header_bytes)};
    frame first;
    if (!frames.next(first)) {
        ++counters.packets_refused;
        return;
    }
    link_record& record = links[link];
    if (first.kind == kind::welcome) {
        auto frame = wire::decode<welcome_frame>(first.payload);
        if (!frame)
            ++counters.packets_refused;
        else if (!self.node && frame->instance == options.instance)
            welcomed(*frame);
        return;
    }
    if (first.kind == kind::refusal) {
        auto frame = wire::decode<refusal_frame>(first.payload);
        if (!frame) {
            ++counters.packets_refused;
            return;
        }
        const bool final_word = frame->reason == errc::evicted || frame->reason == errc::refused;
        hang_up(link);
        if (final_word) // who has told that it leaves has left, whoever is the first to say so
            stop(departure_told && frame->reason == errc::evicted
                     ? leave_reason
                     : error{frame->reason, std::move(frame->text)});
        return;
    }
    auto greeting = first.kind == kind::greeting ? wire::decode<greeting_frame>(first.payload)
                                                 : fail(errc::malformed);
    if (!greeting) {
        ++counters.packets_refused;
        return;
    }
    if (greeting->version != protocol_version) {
        refuse_link(link, errc::refused,
                    "protocol version " + std::to_string(greeting->version) + ", here " +
                        std::to_string(protocol_version));
        return;
    }
    const node_boot who = greeting->self.at;
    if (!who.node) {
        if (options.root && self.node == root_node)
            asked_to_join(link, *greeting);
        return; // others do not admit; the newcomer greets again when it has joined
    }
    if (!self.node)
        return; // it will hear from us once we have joined
    if (who == self) {
        hang_up(link); // the address of a former life is our own
        return;
    }
    if (record.peer == who) {
        if (!greeting->known && !EQUUS_MUTANT(greeting_is_not_answered))
            greet_once(link); // what it should have heard of us was lost
        return;
    }
    if (is_member(who)) {
        // Whoever got its name after the link was up has not heard what we said before.
        const bool answer = !record.traits.dialled || !greeting->known;
        admit(link, who);
        if (answer && links.find(link) != links.end()) // not given up for another one
            greet_once(link);
    } else if (was_written_off(who)) {
        refuse_link(link, errc::evicted, "this life has been written off by the run");
    } else {
        record.claimed = greeting->self;
        record.waiting_for_view = true; // the register's news of it is on its way
    }
}

void kernel_impl::look_at_waiting_links() {
    std::vector<std::pair<link_id, node_boot>> due;
    for (const auto& [id, record] : links)
        if (record.waiting_for_view)
            due.emplace_back(id, record.claimed.at);
    for (const auto& [id, who] : due)
        if (is_member(who)) {
            admit(id, who);
            greet_once(id);
        } else if (was_written_off(who)) {
            refuse_link(id, errc::evicted, "this life has been written off by the run");
        }
}

void kernel_impl::greet_once(link_id link) {
    greet(link);
    links[link].greet_at = time_point::never();
}

void kernel_impl::packet_came(link_id link, std::span<const std::byte> packet) {
    const auto at = links.find(link);
    if (at == links.end() || ended)
        return;
    auto header = parse_header(packet);
    if (!header || header->run != options.run) {
        ++counters.packets_refused;
        return;
    }
    ++counters.packets_received;
    if (!header->to.node) {
        greeting_came(link, packet);
        return;
    }
    if (header->to != self) {
        ++counters.packets_refused;
        if (self.node)
            refuse_link(link, errc::no_such_node, "that life is over");
        return;
    }
    if (!at->second.peer.node) {
        // A session's packet proves who is there as well as a greeting does, which may have been
        // lost.
        if (!is_member(header->from)) {
            ++counters.packets_refused;
            if (was_written_off(header->from))
                refuse_link(link, errc::evicted, "this life has been written off by the run");
            return;
        }
        admit(link, header->from);
    }
    if (links.find(link) == links.end() || links[link].peer != header->from) {
        ++counters.packets_refused;
        return;
    }
    const auto peer = peers.find(header->from);
    if (peer == peers.end())
        return;
    const node_boot from = header->from;
    auto taken = peer->second.session->receive(
        *header, packet, now, [&](const runtime::frame& frame) { frame_came(from, frame); });
    if (!taken)
        ++counters.packets_refused;
    for (const node_boot gone : gone_peers)
        peers.erase(gone);
    gone_peers.clear();
}

void kernel_impl::drop_peer(node_boot who) {
    const auto at = peers.find(who);
    if (at == peers.end())
        return;
    at->second.session->close();
    gone_peers.push_back(who);
    std::vector<link_id> theirs;
    for (const auto& [id, record] : links)
        if (record.peer == who || record.claimed.at == who)
            theirs.push_back(id);
    for (const link_id id : theirs) {
        links.erase(id);
        output out;
        out.what = output::kind::hang_up;
        out.link = id;
        queue_output(std::move(out));
    }
}

namespace {

template <class Frame, class Then>
void with(const runtime::frame& from, std::uint64_t& refused, Then&& then) {
    auto frame = wire::decode<Frame>(from.payload);
    if (frame)
        then(*frame);
    else
        ++refused;
}

} // namespace

void kernel_impl::frame_came(node_boot from, const runtime::frame& f) {
    std::uint64_t& refused = counters.frames_refused;
    switch (static_cast<std::uint8_t>(f.kind)) {
    case static_cast<std::uint8_t>(kind::message):
        recv_message(from, f.payload);
        break;
    case static_cast<std::uint8_t>(kind::reply):
        recv_reply(from, f.payload);
        break;
    case static_cast<std::uint8_t>(kind::credit):
        recv_credit(from, f.payload);
        break;
    case static_cast<std::uint8_t>(kind::dgram):
        recv_dgram(from, f.payload);
        break;
    case static_cast<std::uint8_t>(kind::regulate):
        with<regulate_frame>(f, refused, [&](regulate_frame& r) { recv_regulate(from, r); });
        break;
    case static_cast<std::uint8_t>(kind::request):
        with<request_frame>(f, refused, [&](request_frame& r) { handle_request(from, r); });
        break;
    case static_cast<std::uint8_t>(kind::answer):
        with<answer_frame>(f, refused, [&](answer_frame& a) { handle_answer(from, std::move(a)); });
        break;
    case static_cast<std::uint8_t>(kind::event):
        with<event_frame>(f, refused, [&](event_frame& e) { recv_event(from, e); });
        break;
    case static_cast<std::uint8_t>(kind::next):
        with<next_frame>(f, refused, [&](next_frame& n) { recv_next(from, n); });
        break;
    case static_cast<std::uint8_t>(kind::moved):
        with<moved_frame>(f, refused, [&](moved_frame& m) { recv_moved(from, m); });
        break;
    case static_cast<std::uint8_t>(kind::seek):
        with<seek_frame>(f, refused, [&](seek_frame& s) { recv_seek(from, s); });
        break;
    case static_cast<std::uint8_t>(kind::finish):
        with<finish_frame>(f, refused, [&](finish_frame& end_of) { recv_finish(from, end_of); });
        break;
    case static_cast<std::uint8_t>(kind::broken):
        with<broken_frame>(f, refused, [&](broken_frame& b) { recv_broken(from, b); });
        break;
    case static_cast<std::uint8_t>(kind::call_held):
        with<call_held_frame>(f, refused, [&](call_held_frame& held) { call_is_held(from, held); });
        break;
    case static_cast<std::uint8_t>(kind::cancel):
        with<cancel_frame>(f, refused, [&](cancel_frame& given_up) {
            if (lives_at(given_up.call.owner, from))
                cancel_call(given_up.call);
            else
                ++refused;
        });
        break;
    case static_cast<std::uint8_t>(kind::probe):
        break; // its session has heard it, and will say so
    case static_cast<std::uint8_t>(kind::chunk):
        recv_chunk(from, f.payload);
        break;
    case static_cast<std::uint8_t>(kind::early):
        recv_early(from, f.payload);
        break;
    case static_cast<std::uint8_t>(kind::put):
        recv_put(from, f.payload);
        break;
    case static_cast<std::uint8_t>(kind::pull):
        with<pull_frame>(f, refused, [&](pull_frame& p) { recv_pull(from, p); });
        break;
    case static_cast<std::uint8_t>(kind::stop_pull):
        with<copy_end_frame>(f, refused, [&](copy_end_frame& e) { recv_stop_pull(from, e); });
        break;
    case static_cast<std::uint8_t>(kind::put_done):
        with<copy_end_frame>(f, refused, [&](copy_end_frame& e) { recv_put_done(from, e); });
        break;
    case static_cast<std::uint8_t>(kind::pull_refused):
        with<copy_end_frame>(f, refused, [&](copy_end_frame& e) { recv_pull_refused(from, e); });
        break;
    case static_cast<std::uint8_t>(kind::channel_members):
        with<channel_members_frame>(f, refused,
                                    [&](channel_members_frame& m) { recv_members(from, m); });
        break;
    case static_cast<std::uint8_t>(kind::members_known):
        with<members_known_frame>(f, refused,
                                  [&](members_known_frame& m) { recv_members_known(from, m); });
        break;
    case static_cast<std::uint8_t>(kind::view):
        with<view_frame>(f, refused, [&](view_frame& v) {
            if (from.node == root_node)
                apply_view(v);
            else
                ++refused;
        });
        break;
    case static_cast<std::uint8_t>(kind::renew):
        with<renew_frame>(f, refused, [&](renew_frame& r) {
            if (options.root)
                send_frame(from, kind::renewed, lane::control, r);
        });
        break;
    case static_cast<std::uint8_t>(kind::renewed):
        with<renew_frame>(f, refused, [&](renew_frame& r) {
            if (from.node == root_node)
                lease_until = std::max(
                    lease_until,
                    (EQUUS_MUTANT(lease_counts_from_answer) ? now : time_point{r.sent_ns}) +
                        options.limits.lease);
        });
        break;
    case static_cast<std::uint8_t>(kind::depart):
        with<ended_frame>(f, refused, [&](ended_frame&) {
            if (options.root && is_member(from))
                write_view(view_change::left, members[from.node]);
        });
        break;
    case static_cast<std::uint8_t>(kind::run_ended):
        with<ended_frame>(f, refused, [&](ended_frame& e) {
            if (from.node == root_node)
                stop(e.text.empty() ? error{e.reason} : error{e.reason, e.text});
        });
        break;
    default:
        ++refused;
        break;
    }
}

} // namespace equus
