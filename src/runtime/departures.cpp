// An incarnation moves to another node while it is in use [K55-K58]; docs/protocol.md,
// "Migration", numbers the steps:
//
//   source                        destination                    register (the root)
//   reserve ------------------->  has it module and room?
//   <------------------- reserved
//   rests, is sealed, captured
//   install ------------------->  assembled, inert
//                                 claim ----------------------->  owner (source, e)?
//                                 <----------------------------- is (destination, e + 1)
//   <------------------ installed  opens
//   tells whom it concerns
//
// The register decides. Until it has, the incarnation is the source's, which acts no more; what
// goes wrong before lets it go on there, once the register has said that nobody else has it.
#include "runtime/answers.hpp"
#include "runtime/kernel_impl.hpp"
#include "runtime/moving.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

std::optional<answer_frame> kernel_impl::begin_departure(incarnation_record& inc,
                                                         const request_frame& order) {
    migrate_body body;
    if (!read(body, order.body))
        return refuse(errc::malformed, "the request's body");
    const auto target = members.find(body.to);
    if (target == members.end())
        return refuse(errc::no_such_node, "node " + std::to_string(body.to.value));
    const node_boot to = target->second.at;
    if (to == self)
        return answer_frame{};
    if (leaving && options.root)
        return refuse(errc::refused, "the run is ending");
    if (const char* why = why_it_stays(inc))
        return refuse(errc::unsupported, why);
    if (departed_ports.size() >= options.limits.tombstones_max)
        return refuse(errc::limit_reached, "tombstones_max");
    if (departures.size() >= options.limits.departures_max)
        return refuse(errc::limit_reached, "departures_max");
    departure& out = departures[inc.id];
    out.to = to;
    out.rest_within =
        body.rest_within_ns > 0 ? duration{body.rest_within_ns} : options.limits.rest_within;
    reserve_body asked;
    asked.module = inc.module->name;
    asked.memory_bytes = inc.memory().used_bytes;
    asked.interfaces = hash_of_interfaces(*inc.module);
    ask_kernel(to, detail::request_kind::reserve, inc.id, encode_frame(asked));
    return {};
}

/// The destination would take it: it comes to rest, as far as it takes part in that.
void kernel_impl::begin_rest(incarnation_record& inc, departure& out) {
    out.at = departure::stage::resting;
    out.until = deadline_after(now, out.rest_within);
    hold(inc, held::resting);
}

/// It is at rest: from now on it takes nothing and says nothing (rule 3 is kept at the end).
void kernel_impl::ship(incarnation_record& inc) {
    departure& out = departures[inc.id];
    seal(inc);
    auto image = capture_moving(inc);
    if (!image) {
        resume_here(inc, error{image.error().code(), "its image", std::move(image.error())});
        return;
    }
    bytes body = encode_frame(*image);
    if (body.size() > options.limits.image_bytes_max) {
        resume_here(inc, error{errc::too_large, "its image is over image_bytes_max"});
        return;
    }
    out.at = departure::stage::shipped;
    out.age = image->age;
    out.until = deadline_after(now, options.limits.migrate_within);
    for (const moving_port& each : image->ports)
        out.ports.push_back({inc.id, each.counter});
    trace(trace_kind::migration, inc.id, 1, out.to.node.value, image->age.value);
    ask_kernel(out.to, detail::request_kind::install, inc.id, std::move(body));
}

void kernel_impl::seal(incarnation_record& inc) {
    inc.held &= static_cast<std::uint8_t>(~held::resting);
    inc.held |= held::moving;
    for (const port_record* port = inc.ports; port; port = port->next_owned)
        if (port->attached)
            for (const auto& [stream, leg] : port->attached->legs)
                if (leg->local && !EQUUS_MUTANT(sealed_takes_more))
                    leg->local->limit_messages =
                        leg->local->sent; // its sender waits as without credit
}

/// It stays: what was discarded is asked for, and what waited goes on.
void kernel_impl::resume_here(incarnation_record& inc, error why) {
    const auto found = departures.find(inc.id);
    departure out = std::move(found->second);
    departures.erase(found);
    EQUUS_SOMETIMES(migration_given_up);
    trace(trace_kind::migration, inc.id, 2, out.to.node.value,
          static_cast<std::uint64_t>(why.code()));
    inc.held &= static_cast<std::uint8_t>(~(held::resting | held::moving));
    inc.held |= held::interrupted; // looks at what has come meanwhile
    for (port_record* port = inc.ports; port; port = port->next_owned) {
        if (!port->attached)
            continue;
        std::vector<stream_record*> waiting;
        std::vector<stream_leg*> late;
        for (const auto& [stream, leg] : port->attached->legs) {
            if (leg->local) {
                leg->local->limit_messages = leg->limit_messages;
                waiting.push_back(leg->local->stream);
            } else if (leg->from == self) { // a sender that has come, or begun, meanwhile
                if (stream_leg* sender = find_leg(stream, leg->from_slot, port->id()))
                    late.push_back(sender);
            } else if (std::exchange(leg->unanswered, false) &&
                       !EQUUS_MUTANT(given_up_in_silence)) {
                ask_again(*leg);
            }
        }
        for (stream_leg* sender : late)
            meet_halves(*sender);
        for (stream_record* stream : waiting)
            wake_senders(*stream);
    }
    offer_all(inc);
    schedule(inc);
    const incarnation_id id = inc.id;
    order_is_done(inc, refuse(why.code(), why.describe()));
    for (const auto& [from, frame] : out.requests)
        handle_request(from, frame);
    for (event& late : out.events)
        deliver_event(id, std::move(late));
    if (incarnation_record* still = find(id); still && out.to_end)
        request_end(*still, std::move(out.end));
}

/// The register has it elsewhere: here remains who is told where it went.
void kernel_impl::has_departed(incarnation_record& inc, const installed_body& there) {
    const auto found = departures.find(inc.id);
    departure out = std::move(found->second);
    departures.erase(found);
    const incarnation_id id = inc.id;
    learn(id, out.to, epoch{out.age.value + 1});
    const auto [at, age] = whereabouts.find(id)->second; // it may have gone on since
    trace(trace_kind::migration, id, 3, at.node.value, age.value);
    tell_of_departure(inc, out, at == out.to ? there : installed_body{}, age);
    out.to = at;
    if (inc.rest && inc.rest->control) {
        auto orders = std::exchange(inc.rest->control->orders, {});
        bool first = true; // the migration itself
        for (auto& each : orders) {
            answer_frame answer;
            if (!std::exchange(first, false)) {
                answer.moved = id;
                answer.moved_to = out.to;
                answer.moved_age = age;
            }
            answer_later(each.from, each.frame.id, std::move(answer));
        }
    }
    dispose(inc);
    for (const auto& [from, frame] : out.requests) {
        answer_frame answer;
        answer.moved = id;
        answer.moved_to = out.to;
        answer.moved_age = age;
        answer_later(from, frame.id, std::move(answer));
    }
    for (event& late : out.events)
        send_frame(out.to, kind::event, lane::data, event_frame{id, std::move(late), true});
}

void kernel_impl::tell_of_departure(incarnation_record& inc, const departure& out,
                                    const installed_body& there, epoch age) {
    const incarnation_id id = inc.id;
    const node_boot at_last = whereabouts.find(id)->second.at;
    std::set<node_boot> interested;
    moved_frame told;
    told.incarnation = id;
    const auto tell = [&](node_boot at) {
        if (at == self)
            recv_moved(self, told);
        else if (is_member(at))
            send_frame(at, kind::moved, lane::control, told);
    };
    // Those that send to it.
    for (port_record* port = inc.ports; port; port = port->next_owned) {
        if (!port->attached)
            continue;
        std::uint32_t slot = ~0u;
        for (std::size_t i = 0; i < out.ports.size() && i < there.ports.size(); ++i)
            if (out.ports[i].counter == port->counter)
                slot = there.ports[i];
        for (const channel_id channel : port->attached->channels)
            departed_ports[{channel, port->slot}] = port->id();
        told.what = moved_identity::port;
        told.port = port->id();
        told.to = {at_last, slot, age};
        std::vector<std::pair<node_boot, moved_frame>> senders;
        for (const auto& [stream, leg] : port->attached->legs) {
            if (stream.owner == id)
                continue; // its own came with it
            told.stream = stream;
            told.stream_slot = leg->local ? leg->local->slot : leg->from_slot;
            told.next = leg->next;
            if (leg->local || leg->from == self)
                if (stream_leg* sender = find_leg(stream, told.stream_slot, port->id()))
                    sender->limit_messages = std::max(sender->limit_messages, leg->limit_messages);
            senders.emplace_back(leg->local ? self : leg->from, told);
        }
        for (const auto& [at, frame] : senders) {
            told = frame;
            tell(at);
        }
        for (const auto& [channel, at] : port->attached->joined)
            interested.insert(at);
    }
    // Those that it sends to.
    told = {};
    told.incarnation = id;
    told.to = {at_last, ~0u, age};
    told.what = moved_identity::stream_binding;
    for (std::uint32_t i = 0; i < inc.references.size(); ++i) {
        const reference_entry& entry = inc.references[i];
        if (entry.kind != reference_kind::stream || !entry.record)
            continue;
        auto& stream = *static_cast<stream_record*>(entry.record);
        told.stream = stream.id;
        for (stream_leg* leg = stream.legs; leg; leg = leg->next) {
            if (leg->port.owner == id)
                continue;
            told.port = leg->port;
            told.stream_slot = leg->local ? leg->local->slot : leg->remote_leg;
            tell(leg->local ? self : leg->at.at);
        }
        if (stream.routing != channel_kind::unicast)
            interested.insert(stream.channel_at.at);
    }
    // The channels that it has made go with it.
    told.what = moved_identity::channel;
    for (auto at = channels.lower_bound(channel_id{id, 0});
         at != channels.end() && at->first.owner == id;) {
        const channel_record made = std::move(at->second);
        at = channels.erase(at);
        told.channel = made.id;
        told.port = {};
        for (const follow_channel_body& each : made.followers) {
            told.stream = each.stream;
            told.stream_slot = each.stream_slot;
            tell(each.at);
        }
        for (const channel_record::joining& each : made.joins)
            answer_later(each.from, each.request, {});
        told.stream = {};
        for (const channel_member& each : made.members) {
            told.port = each.port;
            tell(each.at.at);
        }
    }
    // Those that care for it.
    if (inc.rest)
        for (const watcher& each : inc.rest->watchers)
            interested.insert(each.at);
    told = {};
    told.what = moved_identity::incarnation;
    told.incarnation = id;
    told.to = {at_last, ~0u, age};
    for (const node_boot at : interested)
        if (at != self)
            tell(at);
    forget_watches_silently(id);
    if (inc.rest && inc.rest->control)
        for (const control_record::bond& each : inc.rest->control->bonds)
            if (const auto bond = dependents_of.find(each.parent); bond != dependents_of.end())
                bond->second.children.erase(id);
    if (dependents_of.contains(id) && is_member(at_last))
        dependents_of[id].parent_at = at_last;
}

/// The destination, or the register, has answered.
void kernel_impl::departure_answered(detail::request_kind asked, incarnation_id who,
                                     answer_frame answer) {
    const auto found = departures.find(who);
    incarnation_record* inc = find(who);
    if (found == departures.end() || !inc)
        return; // given up meanwhile
    departure& out = found->second;
    const error why = error{answer.status, answer.text};
    switch (asked) {
    case detail::request_kind::reserve:
        if (inc->ending)
            departures.erase(found);
        else if (answer.status != errc::ok)
            resume_here(*inc, error{answer.status, std::move(answer.text)});
        else
            begin_rest(*inc, out);
        break;
    case detail::request_kind::install:
        if (answer.status == errc::ok) {
            installed_body there;
            static_cast<void>(read(there, answer.body));
            has_departed(*inc, there);
        } else if (answer.status == errc::maybe_delivered) {
            reclaim(*inc, out, "the destination was lost"); // has it claimed before?
        } else if (out.at != departure::stage::reclaiming) {
            resume_here(*inc, error{answer.status, std::move(answer.text)});
        }
        break;
    case detail::request_kind::reclaim: {
        whereabouts_body owner;
        if (answer.status == errc::ok) {
            if (!read(owner, answer.body))
                return;
            whereabouts[who] = owner; // the next epoch: what was under way is void
            resume_here(*inc, error{errc::timed_out, std::move(out.why)});
        } else if (answer.status == errc::already_exists) {
            // It had been claimed. The destination's own answer is on its way, unless it is lost.
            if (EQUUS_MUTANT(reclaims_what_is_claimed)) {
                resume_here(*inc, error{errc::timed_out, std::move(out.why)});
            } else if (!is_member(out.to)) {
                EQUUS_SOMETIMES(died_after_its_claim);
                departures.erase(found);
                inc->held &= static_cast<std::uint8_t>(~held::moving);
                request_end(*inc, error{errc::evicted, "lost with the node that it had moved to"});
            } else {
                out.at = departure::stage::shipped;
            }
        } else {
            departures.erase(found);
            inc->held &= static_cast<std::uint8_t>(~held::moving);
            request_end(*inc, error{errc::evicted, "the register does not know it"});
        }
        break;
    }
    default:
        break;
    }
}

void kernel_impl::reclaim(incarnation_record& inc, departure& out, const char* why) {
    if (out.at == departure::stage::reclaiming)
        return;
    out.at = departure::stage::reclaiming;
    out.until = time_point::never();
    out.why = why;
    if (EQUUS_MUTANT(source_resumes_unasked)) {
        resume_here(inc, error{errc::timed_out, why});
        return;
    }
    ask_register(detail::request_kind::reclaim, inc.id,
                 encode_frame(claim_body{self, age_of(inc), self}));
}

/// Deadlines of those that leave; a resting one is looked at now and then, since what keeps it may
/// end elsewhere.
void kernel_impl::look_at_departures() {
    if (departures.empty())
        return;
    std::vector<incarnation_id> due;
    for (auto& [id, out] : departures) {
        if (out.at == departure::stage::resting)
            if (incarnation_record* inc = find(id))
                schedule(*inc);
        if (out.until <= now)
            due.push_back(id);
    }
    for (const incarnation_id id : due) {
        departure& out = departures[id];
        incarnation_record* inc = find(id);
        if (!inc) {
            departures.erase(id);
        } else if (out.at == departure::stage::resting) {
            const char* why = why_no_rest(*inc);
            resume_here(*inc, error{errc::refused, std::string{"it does not come to rest: "} +
                                                       (why ? why : "it has no turn")});
        } else {
            reclaim(*inc, out, "migrate_within");
        }
    }
}

time_point kernel_impl::departures_deadline() const noexcept {
    time_point next = time_point::never();
    for (const auto& [id, out] : departures)
        next =
            std::min({next, out.until,
                      out.at == departure::stage::resting ? deadline_after(now, duration{1'000'000})
                                                          : time_point::never()});
    return next;
}

// ---------------------------------------------------------------------- asked of other kernels

void kernel_impl::ask_kernel(node_boot to, detail::request_kind what, incarnation_id about,
                             bytes body) {
    request_frame frame;
    frame.id = next_request++;
    frame.kind = what;
    frame.subject = about;
    frame.body = std::move(body);
    pending_request asked;
    asked.to = to;
    asked.kind = what;
    asked.about = about;
    requests.emplace(frame.id, std::move(asked));
    if (to == self)
        handle_request(self, frame);
    else
        send_frame(to, kind::request, lane::data, frame);
}

void kernel_impl::ask_register(detail::request_kind what, incarnation_id about, bytes body) {
    const auto root = members.find(root_node);
    if (root != members.end())
        ask_kernel(root->second.at, what, about, std::move(body));
}

/// What the kernel itself has asked has been answered.
void kernel_impl::kernel_is_answered(const pending_request& asked, answer_frame answer) {
    switch (asked.kind) {
    case detail::request_kind::locate: {
        whereabouts_body found;
        if (answer.status == errc::ok && read(found, answer.body))
            learn(asked.about, found.at, found.age);
        if (set_aside.contains(asked.about))
            places_due.push_back(asked.about);
        take_set_aside();
        break;
    }
    case detail::request_kind::claim:
        arrival_answered(asked.about, std::move(answer));
        break;
    default:
        departure_answered(asked.kind, asked.about, std::move(answer));
        break;
    }
}

} // namespace equus
