// The destination of a migration: an incarnation is assembled from its image, inert, and opened
// when the register says that it is here (departures.cpp has the steps).
#include "runtime/answers.hpp"
#include "runtime/kernel_impl.hpp"
#include "runtime/moving.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

/// Of what a class declares: whether two programs mean the same module.
std::uint64_t kernel_impl::hash_of_interfaces(const module_type& module) {
    std::string text;
    for (const interface_manifest& each : module.description.interfaces) {
        text += each.name;
        text += each.kind == interface_kind::port ? '<' : '>';
        text += each.protocol;
        text += ';';
    }
    return stable_hash(text);
}

answer_frame kernel_impl::reserve(const request_frame& frame) const {
    reserve_body body;
    if (!read(body, frame.body))
        return refuse(errc::malformed, "the request's body");
    if (leaving)
        return refuse(errc::refused, "the node is leaving");
    const module_type* module = modules.find(body.module);
    if (!module)
        return refuse(errc::no_such_module, "'" + body.module + "' on node '" + options.name + "'");
    if (hash_of_interfaces(*module) != body.interfaces)
        return refuse(errc::unsupported, "module '" + body.module + "' on node '" + options.name +
                                             "' has other interfaces");
    if (incarnations.size() >= options.limits.incarnations_max)
        return refuse(errc::limit_reached, "incarnations_max");
    if (arrivals.size() >= options.limits.departures_max)
        return refuse(errc::limit_reached, "departures_max");
    return {};
}

std::optional<answer_frame> kernel_impl::arrive(node_boot from, const request_frame& frame) {
    arrival in;
    in.image = std::make_unique<moving_incarnation>();
    moving_incarnation& image = *in.image;
    if (!read(image, frame.body) || image.from != from || image.what.source != frame.subject)
        return refuse(errc::malformed, "the image");
    if (leaving)
        return refuse(errc::refused, "the node is leaving");
    if (image.what.view.value > view.value && !EQUUS_MUTANT(opens_before_the_view)) {
        EQUUS_SOMETIMES(image_waits_for_the_view);
        waiting_for_view.push_back({from, frame}); // who has joined is not known here yet (rule 14)
        return {};
    }
    if (arrivals.contains(frame.subject))
        return refuse(errc::already_exists, "it is arriving");
    if (departures.contains(frame.subject)) { // it left, went on, and is back before we have heard
        put_aside(frame.subject, from, kind::request, encode_frame(frame).span());
        return {};
    }
    auto made = install(image);
    if (!made)
        return refuse(made.error().code(), made.error().describe());
    in.from = from;
    in.request = frame.id;
    image.what.state = {};
    const epoch age = image.age;
    arrivals[frame.subject] = std::move(in);
    trace(trace_kind::migration, frame.subject, 4, from.node.value, age.value);
    if (EQUUS_MUTANT(opens_before_the_claim)) {
        answer_frame answer;
        answer.status = errc::ok;
        arrival_answered(frame.subject, std::move(answer));
        return {};
    }
    ask_register(detail::request_kind::claim, frame.subject,
                 encode_frame(claim_body{from, age, self}));
    return {};
}

/// The register has decided.
void kernel_impl::arrival_answered(incarnation_id who, answer_frame answer) {
    const auto found = arrivals.find(who);
    incarnation_record* inc = find(who);
    if (found == arrivals.end() || !inc)
        return;
    arrival in = std::move(found->second);
    arrivals.erase(found);
    if (answer.status != errc::ok) {
        EQUUS_SOMETIMES(claim_refused);
        dispose(*inc);
        answer_later(in.from, in.request, refuse(errc::refused, std::move(answer.text)));
        for (const auto& [from, frame] : in.requests)
            answer_later(from, frame.id, refuse(errc::not_found, "it has not come"));
        return;
    }
    installed_body there;
    there.slot = inc->slot;
    for (const moving_port& each : in.image->ports)
        for (const port_record* port = inc->ports; port; port = port->next_owned)
            if (port->counter == each.counter)
                there.ports.push_back(port->slot);
    answer_frame done;
    done.body = encode_frame(there);
    answer_later(in.from, in.request, std::move(done)); // before what it says itself
    open(*inc, *in.image);
    for (const auto& [from, frame] : in.requests)
        handle_request(from, frame);
    if (in.to_end && find(who))
        request_end(*find(who), std::move(in.end));
}

/// It is here, and goes on. What has changed since its image was made is looked at (rule 14).
void kernel_impl::open(incarnation_record& inc, const moving_incarnation& image) {
    const epoch age{image.age.value + 1};
    trace(trace_kind::migration, inc.id, 5, image.from.node.value, age.value);
    inc.held &= static_cast<std::uint8_t>(~held::moving);
    learn(inc.id, self, age);
    auto& past = came_from[inc.id];
    past = image.past;
    past.push_back(image.from);
    open_channels(inc, image, age);
    {
        running_scope scope{&inc};
        if (image.inchoate) {
            inc.state = incarnation_state::inchoate;
            inc.held |= held::inchoate;
        } else {
            inc.held |= image.frozen ? held::frozen : 0;
            begin_life(inc, inc.module->live_again(inc.object(), arrived{image.from}));
            if (image.frozen)
                inc.state = incarnation_state::frozen;
        }
    }
    open_streams(inc);
    open_ports_of(inc, age);
    for (const moving_watcher& each : image.watchers)
        if (is_member(each.at) && (each.who || each.at != self))
            inc.more().watchers.push_back({each.who, each.at, event_kinds{each.kinds}});
    for (const moving_watch& each : image.watches)
        watch_again(inc, each.subject, each.at, event_kinds{each.kinds});
    if (image.wants_members || !image.events.empty() || !image.interests.empty()) {
        inc.events().wants_members = image.wants_members;
        for (const moving_interest& each : image.interests) {
            event_record::interest_record again;
            again.what = {reference{each.index, each.generation}, event_kinds{each.kinds}};
            again.subject = each.subject;
            inc.events().interests.push_back(again);
        }
        for (const event& each : image.events)
            raise(inc, each);
    }
    event what;
    what.kind = event_kind::migrated;
    what.subject = inc.id;
    what.node = self;
    if (inc.rest)
        tell_watchers(inc, what);
    // Those on whom it depends may have ended meanwhile.
    if (image.what.bound_to_launch)
        depend(inc, inc.launch->id, inc.launch->at);
    for (const image_bond& each : image.what.bonds)
        depend(inc, each.parent, place_of(each.parent, each.parent_at), each.kind);
    take_set_aside();
}

/// The channels that it has made, and those that its ports have joined, know where it is now.
void kernel_impl::open_channels(incarnation_record& inc, const moving_incarnation& image,
                                epoch age) {
    for (const moving_channel& each : image.channels) {
        channel_record& made = channels[each.channel];
        made.id = each.channel;
        made.routing = each.routing;
        made.protocol = each.protocol;
        made.version = each.version;
        made.members = each.members;
        for (const follow_channel_body& follower : each.followers)
            made.followers.push_back({follower, each.version});
        std::erase_if(made.members, [&](const channel_member& m) {
            return m.port.owner != inc.id && !is_member(place_of(m.port.owner, m.at.at));
        });
        for (channel_member& member : made.members)
            if (const port_record* port = find_port(member.port); port && port->owner == &inc)
                member.at = {self, port->slot, age};
        std::erase_if(made.followers, [&](const follow_channel_body& f) {
            return f.stream.owner == inc.id; // those of its own follow anew
        });
        ++made.version;
        tell_members(made);
    }
    for (port_record* port = inc.ports; port; port = port->next_owned) {
        if (!port->attached)
            continue;
        for (auto& [channel, at] : port->attached->joined) {
            if (channel.owner == inc.id)
                continue;
            at = place_of(channel.owner, at);
            request_frame frame;
            frame.kind = detail::request_kind::join_channel;
            frame.body = encode_frame(join_channel_body{
                channel, {port->id(), place_here(*port), credit_first_of(*port)}});
            if (at == self)
                static_cast<void>(perform(self, frame));
            else if (is_member(at))
                send_frame(at, kind::request, lane::data, frame);
        }
    }
}

void kernel_impl::open_streams(incarnation_record& inc) {
    std::vector<stream_record*> streams;
    for (std::uint32_t i = 0; i < inc.references.size(); ++i)
        if (inc.references[i].kind == reference_kind::stream && inc.references[i].record)
            streams.push_back(static_cast<stream_record*>(inc.references[i].record));
    for (stream_record* stream : streams) {
        for (stream_leg* leg = stream->legs; leg;) {
            stream_leg* after = leg->next;
            open_leg(*leg);
            if (stream->broken != errc::ok)
                break;
            leg = after;
        }
        if (stream->broken == errc::ok && stream->routing != channel_kind::unicast) {
            stream->channel_at.at = place_of(stream->channel.owner, stream->channel_at.at);
            follow_channel(*stream);
        }
    }
}

void kernel_impl::open_leg(stream_leg& leg) {
    if (leg.port.owner == leg.stream->id.owner) {
        leg.at.at = self;
        meet_halves(leg);
        return;
    }
    if (const node_boot at = place_of(leg.port.owner, leg.at.at); at != leg.at.at)
        leg.at = {at, ~0u, whereabouts.find(leg.port.owner)->second.age};
    if (leg.at.at == self) {
        meet_halves(leg);
    } else if (!is_member(leg.at.at)) {
        leg_is_broken(leg, leg.consumed);
    } else if (leg.at.slot == ~0u) {
        seek(leg);
    } else {
        if (!EQUUS_MUTANT(sender_arrives_with_nothing))
            resend(leg, leg.consumed + 1);
        say_hello(leg);
    }
}

void kernel_impl::open_ports_of(incarnation_record& inc, epoch age) {
    for (port_record* port = inc.ports; port; port = port->next_owned) {
        for (envelope* at = port->queue.front(); at; at = at->next)
            if (at->call.call && !at->answered) {
                call_is_here(*at);
                if (at->call.at != self && is_member(at->call.at))
                    send_frame(at->call.at, kind::call_held, lane::control,
                               call_held_frame{at->call.call, at->call.slot, self,
                                               at->call.forwards, at->call.proof});
            }
        if (!port->attached)
            continue;
        std::vector<leg_entry*> legs;
        for (const auto& [stream, leg] : port->attached->legs)
            legs.push_back(leg.get());
        for (leg_entry* leg : legs) {
            if (leg->stream.owner == inc.id)
                continue;
            leg->from = place_of(leg->stream.owner, leg->from);
            if (leg->from == self) {
                if (stream_leg* sender = find_leg(leg->stream, leg->from_slot, port->id())) {
                    sender->at.age = {};
                    leg_moves(*sender, {self, port->slot, age}, leg->next);
                    continue;
                }
            }
            if (leg->from == self || !is_member(leg->from)) {
                leg->finished = true;
                leg->last = leg->next - 1;
                if (leg->consumed >= leg->last)
                    end_entry(*leg);
                continue;
            }
            leg->unanswered = false;
            credit_is_due(*leg);
        }
        if (port->is_control)
            port_changed(*port);
    }
}

} // namespace equus
