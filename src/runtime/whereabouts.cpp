// Where incarnations are that have moved, and what that means to those who deal with them: legs
// change from one place to another, or from a node's own memory to the wire and back.
//
// What nobody has told is taken to be at its birthplace (rule 15). A kernel believes the place
// where it knows an incarnation to be, when that says where it has gone, and the register. What
// comes in its name from anywhere else is set aside until the register has been asked.
#include "runtime/kernel_impl.hpp"
#include "runtime/moving.hpp"

#include <algorithm>
#include <cstring>

namespace equus {

using namespace runtime;

// ---------------------------------------------------------------------- what is known

node_boot kernel_impl::place_of(incarnation_id who, node_boot hint) const noexcept {
    if (const auto found = whereabouts.find(who); found != whereabouts.end())
        return found->second.at;
    return hint;
}

epoch kernel_impl::age_of(const incarnation_record& inc) const noexcept {
    const auto found = whereabouts.find(inc.id);
    return found == whereabouts.end() ? epoch{} : found->second.age;
}

/// Whether what `who` says may come from there: from where it is, or from where it was born, for
/// what it sent from there is its own.
bool kernel_impl::lives_at(incarnation_id who, node_boot at) const noexcept {
    if (who.node == at.node && who.boot == at.boot)
        return true;
    if (whereabouts.empty())
        return false;
    const auto found = whereabouts.find(who);
    return found != whereabouts.end() && found->second.at == at;
}

/// Older news never overwrites newer (rule 8).
bool kernel_impl::learn(incarnation_id who, node_boot at, epoch age) {
    const node_boot birthplace = birthplace_of(who);
    const auto entry = whereabouts.find(who);
    const whereabouts_body known =
        entry != whereabouts.end() ? entry->second : whereabouts_body{birthplace, {}};
    if (age <= known.age && !EQUUS_MUTANT(old_news_is_news))
        return age == known.age && at == known.at;
    whereabouts[who] = {at, age};
    trace(trace_kind::moved, who, at.node.value, age.value);
    for (auto& [parent, them] : dependents_of)
        if (parent == who)
            them.parent_at = at;
    std::vector<std::pair<watch_key, event_kinds>> moved_watches;
    for (const auto& [key, kinds] : watches)
        if (key.subject == who && key.at != at)
            moved_watches.emplace_back(key, kinds);
    for (const auto& [key, kinds] : moved_watches) {
        forget_watch(key.who, key.subject, key.at, kinds);
        note_watch(key.who, key.subject, at, kinds);
    }
    if (set_aside.contains(who) || (at != self && departures.contains(who)))
        places_due.push_back(who);
    return true;
}

// ---------------------------------------------------------------------- frames of strangers

/// A frame in the name of an incarnation that is not known to be there waits until the register has
/// said where it is.
void kernel_impl::put_aside(incarnation_id who, node_boot from, frame_kind what,
                            std::span<const std::byte> payload) {
    auto [at, first] = set_aside.try_emplace(who);
    if (at->second.size() >= options.limits.set_aside_max) {
        ++counters.frames_refused; // what it was part of is sent again when asked for
        return;
    }
    EQUUS_SOMETIMES(frame_of_a_stranger);
    at->second.push_back({from, what, bytes{payload}});
    if (first)
        ask_register(detail::request_kind::locate, who, {});
}

/// Who asked for something waits for an answer.
void kernel_impl::refuse_stranger(const stranger_frame& of) {
    if (of.what != kind::request)
        return;
    if (const auto asked = wire::decode<request_frame>(of.payload.span())) {
        answer_frame out;
        out.status = errc::access_denied;
        out.text = "it lives at another node";
        answer_later(of.from, asked->id, std::move(out));
    }
}

/// Now that places are known: those frames that are right are taken, the others refused.
void kernel_impl::take_set_aside() {
    while (!places_due.empty()) {
        const incarnation_id who = places_due.back();
        places_due.pop_back();
        // Who is heard of elsewhere has left, though its destination's word is not here yet.
        if (incarnation_record* inc = find(who);
            inc && departures.contains(who) && place_of(who, self) != self)
            has_departed(*inc, {});
        auto waiting = set_aside.extract(who);
        if (waiting.empty())
            continue;
        for (const stranger_frame& each : waiting.mapped()) {
            const bool is_right = each.what == kind::message // others may be older
                                      ? place_of(who, birthplace_of(who)) == each.from
                                      : lives_at(who, each.from);
            if (!is_right || !is_member(each.from)) {
                ++counters.frames_refused;
                refuse_stranger(each);
                continue;
            }
            frame next;
            next.kind = each.what;
            next.payload = each.payload.span();
            frame_came(each.from, next);
        }
        // Of what was too much to be kept.
        port_legs.for_each([&](leg_entry& leg) {
            if (leg.stream.owner == who && !leg.local && is_member(leg.from))
                ask_again(leg);
        });
    }
}

// ---------------------------------------------------------------------- moved

/// A slot is a hint: a leg is found by its identity too.
stream_leg* kernel_impl::find_leg(stream_id stream, std::uint32_t slot, port_id port) noexcept {
    if (stream_leg* leg = stream_legs.at(slot);
        leg && leg->stream->id == stream && (!port || leg->port == port))
        return leg;
    if (whereabouts.empty())
        return nullptr;
    stream_record* at = find_stream(stream);
    for (stream_leg* leg = at ? at->legs : nullptr; leg; leg = leg->next)
        if (leg->port == port || (!port && at->routing == channel_kind::unicast))
            return leg;
    return nullptr;
}

void kernel_impl::recv_moved(node_boot from, const moved_frame& told) {
    if (told.to.at != self && !is_member(told.to.at) && !was_written_off(told.to.at)) {
        if (news_before_view.size() < options.limits.set_aside_max)
            news_before_view.emplace_back(from, told); // the register's word of it is on its way
        else
            ++counters.frames_refused;
        return;
    }
    if (from != self && !lives_at(told.incarnation, from)) {
        const auto known = whereabouts.find(told.incarnation);
        if (known == whereabouts.end() || known->second.age < told.to.age) {
            put_aside(told.incarnation, from, kind::moved, encode_frame(told).span());
            return;
        }
    }
    moved_frame frame = told;
    if (!learn(frame.incarnation, frame.to.at, frame.to.age)) {
        const auto known = whereabouts.find(frame.incarnation); // it has gone on since
        if (known == whereabouts.end())
            return;
        frame.to = {known->second.at, ~0u, known->second.age};
    }
    switch (frame.what) {
    case moved_identity::port:
        if (stream_leg* leg = find_leg(frame.stream, frame.stream_slot, frame.port);
            leg && leg->port.owner == frame.incarnation && (!frame.port || leg->port == frame.port))
            leg_moves(*leg, frame.to, frame.next);
        break;
    case moved_identity::stream_binding:
        if (leg_entry* entry = port_legs.at(frame.stream_slot);
            entry && entry->stream == frame.stream)
            sender_moves(*entry, frame.to.at);
        else
            port_legs.for_each([&](leg_entry& each) {
                if (each.stream == frame.stream)
                    sender_moves(each, frame.to.at);
            });
        break;
    case moved_identity::channel:
        if (stream_record* stream = find_stream(frame.stream);
            stream && stream->channel == frame.channel && stream->channel_at.at != frame.to.at) {
            stream->channel_at.at = frame.to.at;
            ask_to_follow(*stream);
        }
        if (port_record* port = find_port(frame.port); port && port->attached)
            if (const auto joined = port->attached->joined.find(frame.channel);
                joined != port->attached->joined.end())
                joined->second = frame.to.at;
        break;
    case moved_identity::incarnation:
        break;
    }
    take_set_aside();
}

/// The sending half of a leg whose port has moved.
void kernel_impl::leg_moves(stream_leg& leg, place to, std::uint64_t next) {
    const bool found = to.age == leg.at.age && to.at == leg.at.at && leg.at.slot == ~0u;
    if (to.age <= leg.at.age && !found && !EQUUS_MUTANT(old_news_is_news))
        return;
    if (leg.local)
        part_halves(leg);
    leg.at = to;
    leg.remote_leg = ~0u;
    for (retained_message* kept = leg.retained.front(); kept; kept = kept->next) {
        readdress(kept->frame(), to.slot, ~0u);
        message_header header;
        if (load(header, {kept->frame(), kept->frame_bytes}) &&
            (header.flags & message_header::is_call) && header.caller == self &&
            header.call_slot < calls.size() && calls[header.call_slot].op &&
            calls[header.call_slot].call == header.call) {
            calls[header.call_slot].to = to.at; // who has the message has the call
            calls[header.call_slot].held = nullptr;
        }
    }
    if (to.at == self) {
        meet_halves(leg);
        return;
    }
    if (!is_member(to.at)) {
        leg_is_broken(leg, leg.consumed);
        return;
    }
    if (to.slot == ~0u) {
        seek(leg);
        return;
    }
    resend(leg, std::max(next, leg.consumed + 1) + (EQUUS_MUTANT(moved_skips_one) ? 1 : 0));
    say_hello(leg);
    if (!leg.stream->waiting.empty())
        wake_senders(*leg.stream);
}

/// An old number without its message: it is answered with how far the receiver is and how far the
/// sender may go, and tells it where the sender is. Comes behind what is sent again.
void kernel_impl::say_hello(const stream_leg& leg) {
    session* to = session_to(leg.at.at);
    if (!to || leg.sent == 0)
        return; // the receiver need not know it yet
    message_header header;
    header.stream = leg.stream->id;
    header.stream_slot = leg.slot;
    header.port_slot = leg.at.slot;
    header.leg_slot = leg.remote_leg;
    header.rebinds = leg.stream->rebinds;
    header.channel = leg.stream->channel;
    header.number = std::max<std::uint64_t>(leg.consumed, 1);
    auto out = to->reserve(kind::message, lane::data, header.bytes());
    store(header, out.data());
}

void kernel_impl::seek(const stream_leg& leg) {
    if (leg.at.at != self)
        send_frame(leg.at.at, kind::seek, lane::control,
                   seek_frame{leg.stream->id, leg.slot, leg.port});
}

void kernel_impl::recv_seek(node_boot from, const seek_frame& frame) {
    moved_frame told;
    told.what = moved_identity::port;
    told.stream = frame.stream;
    told.stream_slot = frame.stream_slot;
    told.port = frame.port;
    told.incarnation = frame.port.owner;
    if (const port_record* port = find_port(frame.port)) {
        told.to = place_here(*port);
        if (port->attached)
            if (const auto leg = port->attached->legs.find(frame.stream);
                leg != port->attached->legs.end())
                told.next = leg->second->next;
        told.next = std::max<std::uint64_t>(told.next, 1);
    } else if (const auto known = whereabouts.find(frame.port.owner);
               known != whereabouts.end() && known->second.at != self) {
        told.to = {known->second.at, ~0u, known->second.age};
    } else {
        send_frame(from, kind::broken, lane::control,
                   broken_frame{frame.stream, frame.stream_slot, 0, errc::broken});
        return;
    }
    send_frame(from, kind::moved, lane::control, told);
}

/// The receiving half of a leg whose stream has moved.
void kernel_impl::sender_moves(leg_entry& entry, node_boot to) {
    if (entry.local && to == self)
        return; // they have met already
    if (entry.local) {
        entry.local->local = nullptr;
        entry.local = nullptr;
    }
    if (entry.from != to)
        entry.from_slot = ~0u;
    entry.from = to;
    if (to == self)
        return; // its sending half will find it
    credit_is_due(entry);
}

/// A leg within the node becomes one to another: what its receiver has queued is what its sender
/// keeps.
void kernel_impl::part_halves(stream_leg& leg) {
    leg_entry& entry = *leg.local;
    for (const envelope* at = entry.port->queue.front(); at; at = at->next)
        if (at->leg == &entry && at->number > leg.consumed && !EQUUS_MUTANT(parting_keeps_nothing))
            retain(leg, *at);
    leg.limit_messages = std::max(leg.limit_messages, entry.limit_messages);
    leg.limit_bytes = std::max(leg.limit_bytes, entry.limit_bytes);
    leg.local = nullptr;
    entry.local = nullptr;
}

/// The receiver is here now: what it has not accepted is given to it, the rest is in its queue.
void kernel_impl::meet_halves(stream_leg& leg) {
    port_record* port = find_port(leg.port);
    if (!port) {
        const auto known = whereabouts.find(leg.port.owner); // has it gone on?
        if (known != whereabouts.end() && known->second.at != self &&
            leg.at.age < known->second.age)
            leg_moves(leg, {known->second.at, ~0u, known->second.age}, leg.consumed + 1);
        else
            leg_is_broken(leg, leg.consumed);
        return;
    }
    leg_entry& entry = entry_for(*port, leg.stream->id);
    if (port->owner->held & held::moving) { // later, here or elsewhere
        entry.from = self;
        entry.from_slot = leg.slot;
        return;
    }
    if (leg.consumed > entry.consumed)
        entry.consumed = leg.consumed; // nothing of it is here
    entry.next = std::max(entry.next, entry.consumed + 1);
    leg.at.slot = port->slot;
    entry.from = self;
    entry.from_slot = leg.slot;
    auto kept = std::exchange(leg.retained, {});
    while (retained_message* each = kept.pop()) {
        if (each->number == entry.next) {
            readdress(each->frame(), port->slot, entry.slot);
            recv_message(self, {each->frame(), each->frame_bytes});
        }
        memory_pool::free(each);
    }
    if (entry.next != leg.sent + 1) {
        leg_is_broken(leg, entry.consumed); // there was no memory for a message
        return;
    }
    stream_record& stream = *leg.stream;
    entry.local = &leg;
    leg.local = &entry;
    leg.consumed = entry.consumed;
    leg.limit_messages = std::max<std::uint64_t>(entry.limit_messages, leg.sent);
    leg.limit_bytes = std::max(entry.limit_bytes, leg.sent_bytes);
    if (!stream.waiting.empty())
        wake_senders(stream);
}

// ---------------------------------------------------------------------- ports and their senders

port_record* kernel_impl::find_port(port_id id) noexcept {
    incarnation_record* inc = find(id.owner);
    port_record* port = inc ? inc->ports : nullptr;
    while (port && port->counter != id.counter)
        port = port->next_owned;
    return port;
}

/// The port that a message is for whose sender does not know the slot, or has an old one: that of a
/// unicast channel is its owner's, others are remembered by the slot they had.
port_record* kernel_impl::port_of_channel(const message_header& header) noexcept {
    if (const auto gone = departed_ports.find({header.channel, header.port_slot});
        gone != departed_ports.end())
        return find_port(gone->second);
    incarnation_record* inc = find(header.channel.owner);
    if (!inc || channels.contains(header.channel))
        return nullptr;
    for (port_record* port = inc->ports; port; port = port->next_owned)
        if (port->attached &&
            std::find(port->attached->channels.begin(), port->attached->channels.end(),
                      header.channel) != port->attached->channels.end())
            return port;
    return nullptr;
}

/// A leg within the node that was not used yet. When the port is on its way the sender waits, as
/// without credit; when it has gone the leg goes after it.
bool kernel_impl::waits_for_move(stream_leg& leg) {
    if (whereabouts.empty() && departures.empty())
        return false;
    port_record* port = find_port(leg.port);
    if (!port) {
        // It was here when its place was learnt, and nobody here had sent to it.
        if (const auto known = whereabouts.find(leg.port.owner);
            known != whereabouts.end() && known->second.at != self && is_member(known->second.at))
            leg_moves(leg, {known->second.at, ~0u, known->second.age}, leg.consumed + 1);
        return false;
    }
    if (!(port->owner->held & held::moving))
        return false;
    leg_entry& entry = entry_for(*port, leg.stream->id);
    entry.from = self;
    entry.from_slot = leg.slot;
    return true;
}

// ---------------------------------------------------------------------- requests

/// What is asked of an incarnation that is on its way waits until it is clear where it is, `held`;
/// what is asked of one that has left is to be asked there.
std::optional<answer_frame> kernel_impl::redirect(node_boot from, const request_frame& frame,
                                                  bool& held_back) {
    incarnation_id about = frame.subject;
    switch (frame.kind) {
    case detail::request_kind::reserve:
    case detail::request_kind::install:
    case detail::request_kind::claim:
    case detail::request_kind::reclaim:
    case detail::request_kind::locate:
        return {};
    case detail::request_kind::join_channel:
    case detail::request_kind::leave_channel:
        if (const auto body = wire::decode<join_channel_body>(frame.body.span()))
            about = body->channel.owner;
        break;
    case detail::request_kind::follow_channel:
        if (const auto body = wire::decode<follow_channel_body>(frame.body.span()))
            about = body->channel.owner;
        break;
    default:
        break;
    }
    if (!about)
        return {};
    if (incarnation_record* inc = find(about)) {
        if (!(inc->held & held::moving))
            return {};
        if (const auto out = departures.find(about); out != departures.end())
            out->second.requests.emplace_back(from, frame);
        else if (const auto in = arrivals.find(about); in != arrivals.end())
            in->second.requests.emplace_back(from, frame);
        held_back = true;
        return {};
    }
    const auto known = whereabouts.find(about);
    if (known == whereabouts.end() || known->second.at == self)
        return {};
    answer_frame out;
    out.status = errc::not_found;
    out.text = "it has moved";
    out.moved = about;
    out.moved_to = known->second.at;
    out.moved_age = known->second.age;
    if (frame.kind == detail::request_kind::follow_channel) {
        // Nobody waits for an answer: the stream is told, and follows it there.
        const auto body = wire::decode<follow_channel_body>(frame.body.span());
        moved_frame told;
        told.what = moved_identity::channel;
        told.stream = body->stream;
        told.stream_slot = body->stream_slot;
        told.channel = body->channel;
        told.incarnation = about;
        told.to = {known->second.at, ~0u, known->second.age};
        if (from != self)
            send_frame(from, kind::moved, lane::control, told);
        else
            recv_moved(self, told);
        out.status = errc::ok;
    }
    return out;
}

/// Its subject is elsewhere: it is asked there (rule 2).
void kernel_impl::ask_again(std::uint64_t id, pending_request asked, const answer_frame& frame) {
    constexpr std::uint32_t hops_max = 32;
    learn(frame.moved, frame.moved_to, frame.moved_age);
    take_set_aside();
    const node_boot to = place_of(frame.moved, frame.moved_to);
    if (++asked.hops > hops_max || (to != self && !is_member(to))) {
        end(*asked.op, error{errc::not_found, "it has moved to a node that is gone"});
        return;
    }
    asked.to = to;
    const request_frame onward = *asked.again;
    requests.emplace(id, std::move(asked));
    if (to == self)
        handle_request(self, onward);
    else
        send_frame(to, kind::request, lane::data, onward);
}

// ---------------------------------------------------------------------- tombstones

/// A message for a port that has left is discarded, and answered with where it went (rules 2, 6).
bool kernel_impl::answer_moved(node_boot from, const message_header& header) {
    port_id port;
    incarnation_id who = header.channel.owner; // of a unicast channel
    if (const auto gone = departed_ports.find({header.channel, header.port_slot});
        gone != departed_ports.end()) {
        port = gone->second;
        who = port.owner;
    }
    const auto known = whereabouts.find(who);
    if (known == whereabouts.end() || known->second.at == self)
        return false;
    EQUUS_SOMETIMES(tombstone_answered);
    ++counters.discards_answered;
    trace(trace_kind::discarded, header.stream.owner, header.number, 4);
    if (EQUUS_MUTANT(tombstones_are_silent))
        return true;
    moved_frame frame;
    frame.what = moved_identity::port;
    frame.stream = header.stream;
    frame.stream_slot = header.stream_slot;
    frame.port = port;
    frame.incarnation = who;
    frame.to = {known->second.at, ~0u, known->second.age};
    frame.next = 1;
    send_frame(from, kind::moved, lane::control, frame);
    return true;
}

/// What a receiver says to a stream that has left: where it went.
bool kernel_impl::answer_stream_moved(node_boot from, stream_id stream, std::uint32_t leg_slot) {
    const auto known = whereabouts.find(stream.owner);
    if (known == whereabouts.end() || known->second.at == self)
        return false;
    moved_frame frame;
    frame.what = moved_identity::stream_binding;
    frame.stream = stream;
    frame.stream_slot = leg_slot;
    frame.incarnation = stream.owner;
    frame.to = {known->second.at, ~0u, known->second.age};
    send_frame(from, kind::moved, lane::control, frame);
    return true;
}

} // namespace equus
