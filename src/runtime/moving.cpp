// An incarnation with all that it has under way, as a value, and an incarnation again: what
// departures.cpp sends from one node to another. Nobody else is told anything here.
#include "runtime/moving.hpp"

#include "runtime/kernel_impl.hpp"

#include <algorithm>
#include <cstring>

namespace equus {

using namespace runtime;

// ---------------------------------------------------------------------- capture

namespace {

moving_message value_of(const envelope& message, time_point now) {
    moving_message out;
    if (message.leg)
        out.stream = message.leg->stream;
    out.number = message.number;
    out.ordinal = message.ordinal;
    out.maybe_seen = message.maybe_seen;
    out.cancelled = message.cancelled;
    out.answered = message.answered;
    out.call = message.call.call;
    out.caller = message.call.at;
    out.call_slot = message.call.slot;
    out.forwards = message.call.forwards;
    out.proof = message.call.proof;
    out.timeout_ns = message.deadline == time_point::never()
                         ? for_ever.count()
                         : std::max<std::int64_t>((message.deadline - now).count(), 0);
    out.capabilities.assign(message.capabilities, message.capabilities + message.capability_count);
    out.body = bytes(message.payload_bytes);
    if (message.type)
        message.type->encode(const_cast<envelope&>(message).payload(), out.body.span());
    else
        std::memcpy(out.body.data(), message.encoded().data(), message.payload_bytes);
    return out;
}

moving_cursor value_of(const leg_entry& leg, node_boot self) {
    moving_cursor out;
    out.stream = leg.stream;
    out.from = leg.local ? self : leg.from;
    out.from_slot = leg.from_slot;
    out.finished = leg.finished;
    out.next = leg.next;
    out.consumed = leg.consumed;
    out.last = leg.last;
    out.consumed_bytes = leg.consumed_bytes;
    out.limit_messages = leg.limit_messages;
    out.limit_bytes = leg.limit_bytes;
    out.ahead = leg.ahead;
    return out;
}

bytes frame_of(retained_message& kept) {
    bytes out(kept.frame_bytes);
    std::memcpy(out.data(), kept.frame(), kept.frame_bytes);
    return out;
}

} // namespace

moving_port kernel_impl::value_of_port(const port_record& port) const {
    moving_port out;
    out.counter = port.counter;
    out.slot = port.slot;
    out.window_messages = port.window_messages;
    out.consumed = port.consumed;
    for (const envelope* at = port.queue.front(); at; at = at->next) {
        out.queue.push_back(value_of(*at, now));
        if (at->call.call && at->call.at == self)
            out.queue.back().proof = proof_of(at->call.call);
    }
    if (!port.attached)
        return out;
    const auto& from = *port.attached;
    out.queue_max = from.queue_max;
    out.stream_max = from.stream_max;
    out.channels = from.channels;
    for (const auto& [channel, at] : from.joined)
        out.joined.push_back({channel, at});
    for (const channel_id channel : from.channels)
        if (!from.joined.contains(channel) && channels.contains(channel))
            out.joined.push_back({channel, self}); // made here
    for (const auto& [stream, leg] : from.legs)
        out.cursors.push_back(value_of(*leg, self));
    for (const auto& [stream, version] : from.regulated)
        out.regulated.push_back({stream, version});
    out.refused = from.refused;
    return out;
}

/// What is not consumed goes with the sender: of a leg within the node the receiver's queue has it.
moving_leg kernel_impl::value_of_leg(stream_leg& leg) {
    moving_leg out;
    out.port = leg.port;
    out.at = leg.at;
    out.remote_leg = leg.remote_leg;
    out.sent = leg.sent;
    out.consumed = leg.consumed;
    out.limit_messages = leg.limit_messages;
    out.sent_bytes = leg.sent_bytes;
    out.limit_bytes = leg.limit_bytes;
    out.own_port = leg.port.owner == leg.stream->id.owner;
    if (leg.local && !out.own_port) {
        out.remote_leg = leg.local->slot;
        for (const envelope* at = leg.local->port->queue.front(); at; at = at->next)
            if (at->leg == leg.local) {
                out.retained.push_back(frame_of(*retain(leg, *at)));
                memory_pool::free(leg.retained.pop());
            }
    }
    for (retained_message* kept = leg.retained.front(); kept; kept = kept->next)
        out.retained.push_back(frame_of(*kept));
    return out;
}

moving_stream kernel_impl::value_of_stream(const reference_entry& entry, std::uint32_t index) {
    auto& stream = *static_cast<stream_record*>(entry.record);
    moving_stream out;
    out.index = index;
    out.counter = stream.id.counter;
    out.protocol = stream.protocol;
    out.rights = entry.rights;
    out.domain = entry.domain;
    out.reported = entry.reported;
    out.channel = stream.channel;
    out.routing = stream.routing;
    out.broken = stream.broken;
    out.credit_first = stream.credit_first;
    out.calls_max = stream.calls_max;
    out.under_way_max = stream.under_way_max;
    out.rebinds = stream.rebinds;
    out.members_known = stream.members_known;
    out.members_version = stream.members_version;
    out.channel_at = stream.channel_at;
    for (stream_leg* leg = stream.legs; leg; leg = leg->next)
        out.legs.push_back(value_of_leg(*leg));
    if (const stream_extra* extra = stream.extra.get()) {
        out.has_extra = true;
        out.queue_max = extra->queue_max;
        out.frozen = extra->frozen;
        out.under_way_before = extra->under_way_before;
        out.regulated = extra->regulated;
        out.acknowledged = extra->acknowledged;
        out.sent = extra->sent;
        for (retained_message* kept = extra->in_doubt.front(); kept; kept = kept->next)
            out.in_doubt.push_back(frame_of(*kept));
        out.given_up = extra->given_up;
    }
    return out;
}

/// Requires: it is at rest. Changes nothing.
result<moving_incarnation> kernel_impl::capture_moving(incarnation_record& inc) {
    auto image = capture(inc, {}, true);
    if (!image)
        return fail(std::move(image.error()));
    moving_incarnation out;
    out.what = std::move(*image);
    out.from = self;
    out.age = age_of(inc);
    if (const auto past = came_from.find(inc.id); past != came_from.end())
        out.past = past->second;
    out.inchoate = (inc.held & held::inchoate) != 0;
    out.frozen = (inc.held & held::frozen) != 0;
    out.next_counter = inc.next_counter;
    out.steps = inc.steps;
    for (std::uint32_t i = 0; i < inc.references.size(); ++i)
        if (inc.references[i].kind == reference_kind::stream && inc.references[i].record)
            out.streams.push_back(value_of_stream(inc.references[i], i));
    for (const port_record* port = inc.ports; port; port = port->next_owned)
        out.ports.push_back(value_of_port(*port));
    for (auto at = channels.lower_bound(channel_id{inc.id, 0});
         at != channels.end() && at->first.owner == inc.id; ++at)
        out.channels.push_back({at->first,
                                at->second.routing,
                                at->second.protocol,
                                at->second.version,
                                at->second.members,
                                {at->second.followers.begin(), at->second.followers.end()}});
    for (auto at = watches.lower_bound({inc.id, {}, {}});
         at != watches.end() && at->first.who == inc.id; ++at)
        out.watches.push_back({at->first.subject, at->first.at, at->second.bits()});
    // Those here that depend on it need not have watched it.
    if (const auto found = dependents_of.find(inc.id); found != dependents_of.end())
        out.watchers.push_back({{}, self, event_kinds{event_kind::terminated}.bits()});
    if (!inc.rest)
        return out;
    out.steps += std::uint64_t{inc.rest->steps_high} << 32;
    for (const watcher& each : inc.rest->watchers)
        out.watchers.push_back({each.who, each.at, each.kinds.bits()});
    if (inc.rest->control)
        out.control_channel = inc.rest->control->channel;
    if (const event_record* ev = inc.rest->events.get()) {
        out.wants_members = ev->wants_members;
        for (const detail::queued_event* at = ev->kept.front(); at; at = at->next)
            if (!at->what.which) // one of a stream or port is looked at anew
                out.events.push_back(at->what);
        for (const auto& each : ev->interests)
            if (!each.handler.start)
                out.interests.push_back({each.what.of.index(), each.what.of.generation(),
                                         each.what.kinds.bits(), each.subject});
    }
    return out;
}

// ---------------------------------------------------------------------- install

namespace {

/// A frame of the sender's former place says where answers go: it is the present one's now.
void adopt_frame(retained_message& kept, std::uint32_t slot, node_boot self,
                 const kernel_impl& kernel) {
    message_header header;
    std::span<std::byte> frame{kept.frame(), kept.frame_bytes};
    if (!load(header, frame))
        return;
    header.stream_slot = slot;
    if ((header.flags & message_header::is_call) && header.forwards == 0) {
        header.caller = self; // nobody waits for its answer any more
        header.proof = kernel.proof_of(header.call);
        header.call_slot = ~0u;
    }
    store(header, frame.data());
}

retained_message* adopted(const bytes& frame, account& to, memory_pool& pool) {
    message_header header;
    if (!load(header, frame.span()))
        return nullptr;
    void* block = pool.allocate(to, sizeof(retained_message) + frame.size(), true);
    if (!block)
        return nullptr;
    auto* kept =
        new (block) retained_message{nullptr, header.number, header.body_bytes & 0x7fff'ffffu,
                                     false, static_cast<std::uint32_t>(frame.size())};
    std::memcpy(kept->frame(), frame.data(), frame.size());
    return kept;
}

} // namespace

/// False: a frame in it is malformed, or there is no memory.
bool kernel_impl::install_stream(incarnation_record& inc, const moving_stream& from,
                                 reference_entry& into) {
    auto* stream = new stream_record;
    stream->owner = &inc;
    stream->kernel = this;
    stream->id = {inc.id, from.counter};
    stream->protocol = from.protocol;
    stream->channel = from.channel;
    stream->routing = from.routing;
    stream->broken = from.broken;
    stream->credit_first = from.credit_first;
    stream->calls_max = from.calls_max;
    stream->under_way_max = from.under_way_max;
    stream->rebinds = from.rebinds;
    stream->members_known = from.members_known;
    stream->members_version = from.members_version;
    stream->channel_at = from.channel_at;
    into.kind = reference_kind::stream;
    into.rights = from.rights;
    into.domain = from.domain;
    into.reported = from.reported;
    into.record = stream;
    bool well = true;
    stream_leg** last = &stream->legs;
    for (const moving_leg& each : from.legs) {
        auto* leg = new stream_leg;
        leg->stream = stream;
        leg->port = each.port;
        leg->at = each.at;
        leg->remote_leg = each.remote_leg;
        leg->sent = each.sent;
        leg->consumed = each.consumed;
        leg->limit_messages = each.limit_messages;
        leg->sent_bytes = each.sent_bytes;
        leg->limit_bytes = each.limit_bytes;
        leg->slot = stream_legs.insert(*leg);
        *last = leg;
        last = &leg->next;
        for (const bytes& frame : each.retained) {
            retained_message* kept = adopted(frame, inc.memory(), pool);
            if (!kept) {
                well = false;
                continue;
            }
            adopt_frame(*kept, leg->slot, self, *this);
            leg->retained.push(*kept);
        }
    }
    if (from.has_extra) {
        stream_extra& extra = stream->more();
        extra.queue_max = from.queue_max;
        extra.frozen = from.frozen;
        extra.under_way_before = from.under_way_before;
        extra.regulated = from.regulated;
        extra.acknowledged = from.acknowledged;
        extra.sent = from.sent;
        extra.given_up = from.given_up;
        for (const bytes& frame : from.in_doubt)
            if (retained_message* kept = adopted(frame, inc.memory(), pool))
                extra.in_doubt.push(*kept);
    }
    return well;
}

bool kernel_impl::install_port(port_record& port, const moving_port& from) {
    port.window_messages = from.window_messages;
    port.consumed = from.consumed;
    auto& to = port.attach();
    to.queue_max = from.queue_max;
    to.stream_max = from.stream_max;
    to.channels = from.channels;
    for (const image_channel& each : from.joined)
        to.joined[each.channel] = each.at;
    for (const moving_regulated& each : from.regulated)
        to.regulated[each.stream] = each.version;
    to.refused = from.refused;
    to.granted = 0;
    for (const moving_cursor& each : from.cursors) {
        auto& entry = to.legs[each.stream];
        entry = std::make_unique<leg_entry>();
        entry->port = &port;
        entry->stream = each.stream;
        entry->from = each.from;
        entry->from_slot = each.from_slot;
        entry->finished = each.finished;
        entry->next = each.next;
        entry->consumed = each.consumed;
        entry->last = each.last;
        entry->consumed_bytes = each.consumed_bytes;
        entry->limit_messages = each.limit_messages;
        entry->limit_bytes = each.limit_bytes;
        entry->ahead = each.ahead;
        entry->slot = port_legs.insert(*entry);
        to.granted += granted_to(*entry);
    }
    for (const moving_message& each : from.queue) {
        void* block =
            pool.allocate(port.owner->memory(), sizeof(envelope) + each.body.size(), true);
        if (!block)
            return false;
        auto* message = new (block) envelope;
        std::memcpy(message->payload(), each.body.data(), each.body.size());
        message->payload_bytes = static_cast<std::uint32_t>(each.body.size());
        message->number = each.number;
        message->ordinal = each.ordinal;
        message->maybe_seen = each.maybe_seen;
        message->cancelled = each.cancelled;
        message->answered = each.answered;
        message->call = {each.call, each.caller, each.call_slot, each.forwards, each.proof};
        if (each.call)
            message->deadline = deadline_after(now, duration{each.timeout_ns});
        if (const auto leg = to.legs.find(each.stream); leg != to.legs.end())
            message->leg = leg->second.get();
        if (!each.capabilities.empty()) {
            message->capability_count = static_cast<std::uint16_t>(each.capabilities.size());
            message->capabilities = new capability[each.capabilities.size()];
            std::copy(each.capabilities.begin(), each.capabilities.end(), message->capabilities);
        }
        port.queue.push(*message);
        ++port.queued;
        port.queued_bytes += message->payload_bytes;
    }
    if (port.handlers && !port.is_control && port.queued != 0) {
        port.ready = true;
        port.owner->ready_ports.push(port);
    }
    return true;
}

/// Assembled, and inert: it runs, and anybody is told, when it is opened.
result<incarnation_record*> kernel_impl::install(const moving_incarnation& image) {
    const module_type* module = modules.find(image.what.module);
    if (!module)
        return fail(errc::no_such_module,
                    "'" + image.what.module + "' on node '" + options.name + "'");
    if (find(image.what.source))
        return fail(errc::already_exists, "the incarnation is here");
    const std::size_t declared = module->description.interfaces.size();
    if (image.what.generations.size() > options.limits.references_max ||
        image.what.generations.size() < declared)
        return fail(errc::malformed, "the image's references");
    auto made = assemble(*module, image.what.memory_bytes, image.what.priority, image.what.launch,
                         image.what.launch_at);
    if (!made)
        return made;
    incarnation_record& inc = **made;
    inc.id = image.what.source;
    inc.held |= held::moving;
    if (!image.what.name.empty())
        inc.more().name = image.what.name;
    publish(inc);
    running_scope scope{&inc};
    result<void> done;
    if (module->state_type)
        done = decode_over(*module->state_type, module->state(inc.object()), image.what.state);
    if (done && module->parameters_type)
        done = decode_over(*module->parameters_type, module->parameters(inc.object()),
                           image.what.parameters);
    if (done && !restore_references(inc, image.what, {}, creation{}, &image.streams))
        done = fail(errc::malformed, "the image's streams");
    for (const moving_port& each : image.ports) {
        if (!done)
            break;
        port_record* port = inc.ports;
        while (port && port->counter != each.counter)
            port = port->next_owned;
        if (!port)
            done = fail(errc::malformed, "the image's ports");
        else if (!install_port(*port, each))
            done = fail(errc::out_of_memory, "the messages that wait at its ports");
    }
    if (done && inc.memory().used_bytes > inc.memory().limit_bytes)
        done = fail(errc::out_of_memory, "the incarnation's memory limit");
    if (!done) {
        dispose(inc);
        return fail(std::move(done.error()));
    }
    inc.next_counter = std::max(inc.next_counter, image.next_counter);
    inc.steps = static_cast<std::uint32_t>(image.steps);
    if (image.steps >> 32)
        inc.more().steps_high = static_cast<std::uint32_t>(image.steps >> 32);
    if (inc.rest && inc.rest->control)
        inc.rest->control->channel = image.control_channel;
    if (!image.what.interfaces.empty())
        inc.more().interfaces = image.what.interfaces;
    return made;
}

// ---------------------------------------------------------------------- dispose

namespace {

void free_retained(fifo<retained_message, &retained_message::next>& kept) noexcept {
    while (retained_message* each = kept.pop())
        memory_pool::free(each);
}

} // namespace

/// The record goes, and nobody is told: the incarnation is elsewhere, or was never opened.
void kernel_impl::dispose(incarnation_record& inc) {
    {
        running_scope scope{&inc};
        if (inc.life)
            std::exchange(inc.life, nullptr)->self.destroy();
        inc.module->destroy(inc.object());
        for (std::uint32_t i = 0; i < inc.references.size(); ++i) {
            reference_entry& entry = inc.references[i];
            if (entry.kind == reference_kind::port) {
                entry.record = nullptr;
            } else if (entry.kind == reference_kind::stream && entry.record) {
                auto* stream = static_cast<stream_record*>(std::exchange(entry.record, nullptr));
                while (stream_leg* leg = stream->legs) {
                    stream->legs = leg->next;
                    if (leg->local)
                        leg->local->local = nullptr;
                    free_retained(leg->retained);
                    stream_legs.erase(leg->slot);
                    delete leg;
                }
                if (stream->extra) {
                    free_retained(stream->extra->in_doubt);
                    timers.remove(stream->extra->patience);
                    stream->extra->patience.owner = nullptr;
                }
                if (stream->followed_slot != ~0u)
                    followed.erase(stream->followed_slot);
                delete stream;
            }
            if (entry.kind != reference_kind::none)
                drop_reference(inc, i);
        }
        while (port_record* port = inc.ports) {
            inc.ports = port->next_owned;
            while (envelope* message = port->queue.pop()) {
                if (message->call.call && message->call.at != self)
                    if (const auto found = foreign_calls.find(message->call.call);
                        found != foreign_calls.end() && found->second == message)
                        foreign_calls.erase(found);
                detail::free_envelope(message);
            }
            port->queued = 0;
            while (port->attached && !port->attached->legs.empty())
                end_entry(*port->attached->legs.begin()->second);
            ports.erase(port->slot);
            pool.destroy_record(port);
        }
    }
    by_id.erase(inc.id, incarnations);
    incarnations.erase(inc.slot);
    if (inc.scheduled)
        scheduled.remove(inc);
    forget(inc);
}

} // namespace equus
