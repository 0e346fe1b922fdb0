#include "runtime/image.hpp"

#include "runtime/answers.hpp"
#include "runtime/kernel_impl.hpp"
#include "runtime/moving.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

namespace {

/// A reference that names nothing is empty in the image: its number may be another's by now.
void drop_stale_references(kernel_impl& kernel, incarnation_record& inc) {
    const message_type* type = inc.module->state_type;
    if (!type || !type->for_each_reference)
        return;
    struct walk {
        kernel_impl& kernel;
        incarnation_record& inc;
    } context{kernel, inc};
    type->for_each_reference(
        inc.module->state(inc.object()),
        [](void* opaque, reference& found) {
            const auto& at = *static_cast<walk*>(opaque);
            if (found && !at.kernel.lookup(at.inc, found))
                found = reference{};
        },
        &context);
}

/// A protocol that the module's class declares an interface of: what another node knows of what a
/// port carries. Null: none; `served`: it has to be a port, whose handlers are known then.
const protocol_type* protocol_in(const module_type& module, std::uint64_t id,
                                 bool served) noexcept {
    for (std::size_t i = 0; i < module.protocols.size(); ++i)
        if (module.protocols[i]->id == id &&
            (!served || module.description.interfaces[i].kind == interface_kind::port))
            return module.protocols[i];
    return nullptr;
}

} // namespace

/// Replaces the object; one that cannot be read leaves a fresh one.
result<void> kernel_impl::decode_over(const message_type& type, void* object, const bytes& from) {
    type.destroy(object);
    auto done = type.decode(object, from.span());
    if (!done) {
        const bytes fresh = type.schema().fresh();
        const auto again = type.decode(object, fresh.span());
        EQUUS_ASSERT(again.has_value() && "a fresh object can be read");
    }
    return done;
}

// ---------------------------------------------------------------------- capture

result<incarnation_image> kernel_impl::capture(incarnation_record& inc,
                                               std::span<const reference> listed, bool moving) {
    for (const reference each : listed) {
        const auto* entry = lookup(inc, each);
        if (!entry || entry->kind != reference_kind::port)
            return fail(errc::no_such_reference, "what is listed is no port of this incarnation");
        const auto& port = *static_cast<const port_record*>(entry->record);
        if (!protocol_in(*inc.module, port.protocol->id, port.handlers != nullptr))
            return fail(errc::unsupported, "a port of '" + std::string{port.protocol->name} +
                                               "' was made while running, and module '" +
                                               inc.module->name + "' declares no " +
                                               (port.handlers ? "port" : "interface") +
                                               " of that protocol: its copy would not know it");
    }
    incarnation_image out;
    out.module = inc.module->name;
    out.name = inc.name();
    out.source = inc.id;
    out.launch = inc.launch->id;
    out.launch_at = inc.launch->at;
    out.bound_to_launch = inc.bound_to_launch;
    out.view = view;
    out.memory_bytes = inc.memory().limit_bytes;
    out.priority = inc.priority;
    drop_stale_references(*this, inc);
    out.state = encoded_part(inc.module->state_type, inc.module->state, inc);
    out.parameters = encoded_part(inc.module->parameters_type, inc.module->parameters, inc);
    if ((inc.module->state_type && out.state.size() == 0) ||
        out.state.size() > options.limits.message_bytes_max)
        return fail(errc::too_large, "the state is over message_bytes_max");
    for (std::uint32_t i = 0; i < inc.references.size(); ++i) {
        const reference_entry& entry = inc.references[i];
        out.generations.push_back(entry.generation);
        if (entry.kind == reference_kind::port)
            out.ports.push_back(
                image_of(*static_cast<port_record*>(entry.record), i,
                         std::find(listed.begin(), listed.end(), reference{i, entry.generation}) !=
                             listed.end()));
        else if (entry.kind != reference_kind::none)
            capture_reference(inc, i, out, moving);
    }
    if (inc.rest) {
        out.interfaces = inc.rest->interfaces;
        for (const auto& [name, which] : inc.rest->given)
            if (lookup(inc, which))
                out.given[name] = which.index();
        if (inc.rest->control)
            for (const control_record::bond& each : inc.rest->control->bonds)
                if (const auto parent = dependents_of.find(each.parent);
                    parent != dependents_of.end() && !EQUUS_MUTANT(copies_depend_on_nobody))
                    out.bonds.push_back({each.parent, parent->second.parent_at, each.kind});
    }
    return out;
}

image_port kernel_impl::image_of(const port_record& port, std::uint32_t index, bool listed) const {
    image_port out;
    out.index = index;
    out.protocol = port.protocol->id;
    out.window_messages = port.window_messages;
    if (port.window_messages == 0) {
        out.window_messages = port.attached->stream_max;
        out.queue_max = port.attached->queue_max;
    }
    out.listed = listed;
    out.served = port.handlers != nullptr;
    out.opens = listed && (!port.attached || port.attached->channels.empty());
    if (!listed || !port.attached)
        return out;
    for (const channel_id channel : port.attached->channels) {
        if (const auto joined = port.attached->joined.find(channel);
            joined != port.attached->joined.end())
            out.joins.push_back({channel, joined->second});
        else if (channels.find(channel) != channels.end())
            out.joins.push_back({channel, self}); // made here, with many ports
        else
            out.opens = true;
    }
    return out;
}

/// What may not be passed on is not in the image of a copy; who moves keeps it. Streams that move
/// are in an image of their own.
void kernel_impl::capture_reference(incarnation_record& inc, std::uint32_t index,
                                    incarnation_image& into, bool moving) {
    const reference_entry& entry = inc.references[index];
    if (moving && entry.kind == reference_kind::stream && entry.record)
        return;
    image_reference made;
    made.index = index;
    if (entry.kind == reference_kind::stream && !entry.record) {
        made.wired = false;
        made.what.kind = reference_kind::stream;
        into.references.push_back(std::move(made));
        return;
    }
    auto described = describe_reference(inc, reference{index, entry.generation});
    if (!described || (!moving && described->domain > propagation::same_rdc &&
                       !EQUUS_MUTANT(copies_have_everything)))
        return;
    made.what = std::move(*described);
    if (entry.kind == reference_kind::stream) {
        made.under_way_max = static_cast<stream_record*>(entry.record)->under_way_max;
        made.calls_max = static_cast<stream_record*>(entry.record)->calls_max;
        if (const auto& extra = static_cast<stream_record*>(entry.record)->extra)
            made.queue_max = extra->queue_max;
    }
    into.references.push_back(std::move(made));
}

// ---------------------------------------------------------------------- restore

result<incarnation_record*> kernel_impl::restore(const incarnation_image& image, bool forked_child,
                                                 const creation& what,
                                                 std::span<const capability> given,
                                                 std::vector<capability>& opened,
                                                 std::vector<std::uint32_t>& streams) {
    const module_type* module = modules.find(image.module);
    if (!module)
        return fail(errc::no_such_module, "'" + image.module + "' on node '" + options.name + "'");
    if (forked_child && !module->live_forked)
        return fail(errc::unsupported, "module '" + image.module + "' has no on(forked)");
    if (image.generations.size() > options.limits.references_max ||
        image.generations.size() < module->description.interfaces.size())
        return fail(errc::malformed, "the image's references");
    auto made =
        assemble(*module, image.memory_bytes, image.priority, image.launch, image.launch_at);
    if (!made)
        return made;
    incarnation_record& inc = **made;
    if (const std::string& name = what.name.empty() ? image.name : what.name; !name.empty())
        inc.more().name = name;
    publish(inc); // handles on itself need its place
    const auto give_up = [&](error why) {
        by_id.erase(inc.id, incarnations);
        incarnations.erase(inc.slot);
        disassemble(inc);
        return fail(std::move(why));
    };
    result<void> done;
    if (module->state_type)
        done = decode_over(*module->state_type, module->state(inc.object()), image.state);
    if (done && module->parameters_type)
        done = decode_over(*module->parameters_type, module->parameters(inc.object()),
                           image.parameters);
    if (done)
        done = set_parameters(inc, what.parameters);
    if (!done)
        return give_up(std::move(done.error()));
    running_scope scope{&inc};
    restore_references(inc, image, given, what);
    for (const image_port& each : image.ports)
        attach_restored(inc, each, opened, streams);
    if (image.bound_to_launch)
        depend(inc, inc.launch->id, inc.launch->at);
    for (const image_bond& each : image.bonds)
        depend(inc, each.parent, each.parent_at, each.kind);
    if (forked_child) {
        begin_life(inc, module->live_forked(inc.object(), forked{image.source}));
    } else {
        if (!image.interfaces.empty())
            inc.more().interfaces = image.interfaces;
        if (what.inchoate) {
            inc.state = incarnation_state::inchoate;
            inc.held |= held::inchoate;
        } else {
            begin_life(inc, module->live(inc.object()));
        }
    }
    return made;
}

/// At their old numbers. What the class declares is there already; what else there is comes in at
/// the end of the table and is moved to its place.
bool kernel_impl::restore_references(incarnation_record& inc, const incarnation_image& image,
                                     std::span<const capability> given, const creation& what,
                                     const std::vector<moving_stream>* moving) {
    reference_table& table = inc.references;
    const auto declared = static_cast<std::uint32_t>(table.size());
    const auto size = static_cast<std::uint32_t>(image.generations.size());
    while (table.size() < size)
        table.push_back(reference_entry{});
    std::vector<bool> alive(size, false);
    const auto put = [&](std::uint32_t index, reference_entry entry) {
        entry.generation = image.generations[index];
        if (index < declared && inc.module->protocols[index])
            entry.protocol = entry.protocol ? entry.protocol : inc.module->protocols[index];
        table[index] = entry;
        alive[index] = true;
    };
    for (const image_reference& each : image.references) {
        if (each.index >= size || alive[each.index] ||
            (each.index < declared && table[each.index].kind == reference_kind::port))
            continue;
        if (!each.wired) {
            reference_entry entry;
            entry.kind = reference_kind::stream;
            if (each.index < declared)
                put(each.index, entry);
            continue;
        }
        capability seen = each.what;
        if (seen.kind == reference_kind::incarnation && seen.incarnation == image.source &&
            !EQUUS_MUTANT(copies_are_their_original)) {
            seen.incarnation = inc.id;
            seen.at = {self, inc.slot, {}};
        }
        const reference at = import_capability(inc, seen);
        if (!at)
            continue;
        const reference_entry entry = table[at.index()];
        table[at.index()] = reference_entry{};
        table[at.index()].rights = ~0u; // the one free entry
        inc.free_reference = at.index();
        put(each.index, entry);
        if (entry.kind == reference_kind::stream) {
            static_cast<stream_record*>(entry.record)->under_way_max = each.under_way_max;
            static_cast<stream_record*>(entry.record)->calls_max = each.calls_max;
            if (each.queue_max != ~0u)
                static_cast<stream_record*>(entry.record)->more().queue_max = each.queue_max;
        }
    }
    bool well = true;
    for (const moving_stream& each : moving ? *moving : std::vector<moving_stream>{}) {
        reference_entry entry;
        if (each.index >= size || alive[each.index] ||
            (each.index < declared && table[each.index].kind == reference_kind::port)) {
            well = false;
            continue;
        }
        well = install_stream(inc, each, entry) && well;
        put(each.index, entry);
    }
    for (const image_port& each : image.ports) {
        if (each.index >= size || alive[each.index])
            continue;
        if (each.index >= declared)
            table[each.index] = restored_port(inc, each, declared);
        if (table[each.index].kind != reference_kind::port)
            continue;
        auto& port = *static_cast<port_record*>(table[each.index].record);
        if (port.protocol->id != each.protocol)
            continue;
        port.window_messages = std::max(each.window_messages, 1u);
        if (each.queue_max != 0)
            bound_queue(port, each.queue_max);
        put(each.index, table[each.index]);
    }
    inc.free_reference = ~0u;
    for (auto i = static_cast<std::uint32_t>(table.size()); i-- > 0;) {
        reference_entry& entry = table[i];
        if (i < size && alive[i])
            continue;
        if (entry.kind == reference_kind::port)
            close_port(*static_cast<port_record*>(entry.record), errc::closed);
        // Whoever still has the original's number has nothing.
        const std::uint32_t generation = i < size ? image.generations[i] + 1 : 1;
        entry = reference_entry{};
        entry.generation = generation;
        entry.rights = inc.free_reference;
        inc.free_reference = i;
    }
    for (const auto& [name, index] : image.given)
        if (index < size && alive[index])
            inc.more().given[name] = reference{index, image.generations[index]};
    for (const auto& [name, which] : what.given)
        if (which && which.index() < given.size())
            inc.more().given[name] = import_capability(inc, given[which.index()]);
    const message_type* type = inc.module->state_type;
    if (!type || !type->for_each_reference)
        return well;
    struct walk {
        const incarnation_image& image;
        const std::vector<bool>& alive;
    } context{image, alive};
    type->for_each_reference(
        inc.module->state(inc.object()),
        [](void* opaque, reference& found) {
            const auto& at = *static_cast<walk*>(opaque);
            const std::uint32_t i = found.index();
            found = i < at.alive.size() && at.alive[i] ? reference{i, at.image.generations[i]}
                                                       : reference{};
        },
        &context);
    return well;
}

/// One that was made while the original ran. Nothing: its protocol is not known here.
reference_entry kernel_impl::restored_port(incarnation_record& inc, const image_port& from,
                                           std::uint32_t declared) {
    reference_entry made;
    const protocol_type* protocol = protocol_in(*inc.module, from.protocol, from.served);
    if (!protocol)
        return made;
    const detail::handler* handlers = nullptr;
    for (std::uint32_t i = 0; i < declared && from.served && !handlers; ++i)
        if (inc.references[i].kind == reference_kind::port &&
            inc.references[i].protocol->id == from.protocol)
            handlers = static_cast<port_record*>(inc.references[i].record)->handlers;
    made.kind = reference_kind::port;
    made.domain = propagation::never;
    made.protocol = protocol;
    made.record = make_port(inc, *protocol, handlers);
    return made;
}

void kernel_impl::attach_restored(incarnation_record& inc, const image_port& from,
                                  std::vector<capability>& opened,
                                  std::vector<std::uint32_t>& streams) {
    if (!from.listed || from.index >= inc.references.size())
        return;
    streams.push_back(from.index);
    streams.push_back(reference::none);
    const reference_entry& entry = inc.references[from.index];
    if (entry.kind != reference_kind::port)
        return;
    auto& port = *static_cast<port_record*>(entry.record);
    for (const image_channel& each : from.joins) {
        auto& attached = port.attach();
        attached.channels.push_back(each.channel);
        attached.joined[each.channel] = each.at;
        request_frame frame;
        frame.kind = detail::request_kind::join_channel;
        frame.body = encode_frame(
            join_channel_body{each.channel, {port.id(), place_here(port), credit_first_of(port)}});
        if (each.at == self)
            static_cast<void>(perform(self, frame));
        else if (is_member(each.at))
            send_frame(each.at, kind::request, lane::data, frame);
    }
    if (!from.opens)
        return;
    capability made;
    made.kind = reference_kind::stream;
    made.protocol = port.protocol->id;
    made.channel = {inc.id, inc.counter()};
    made.port = port.id();
    made.at = place_here(port);
    made.credit_first = credit_first_of(port);
    port.attach().channels.push_back(made.channel);
    streams.back() = static_cast<std::uint32_t>(opened.size()) + 1; // the handle is the first
    opened.push_back(made);
}

// ---------------------------------------------------------------------- the requests

std::optional<answer_frame> kernel_impl::copy_or_fork(node_boot from, const request_frame& frame) {
    restore_body body;
    body.asker_at = from;
    node_id to;
    std::vector<reference> listed;
    incarnation_record* inc = nullptr;
    if (frame.kind == detail::request_kind::copy) {
        copy_body asked;
        if (!read(asked, frame))
            return refuse({errc::malformed, "the request's body"});
        inc = find(frame.subject);
        if (!inc || inc->ending)
            return refuse({errc::not_found, "the incarnation has ended"});
        if (!(inc->held & held::inchoate))
            return refuse({errc::refused, "only an INCHOATE incarnation is copied by others"});
        body.what = std::move(asked.what);
        to = asked.to;
    } else {
        fork_body asked;
        inc = find(frame.asker);
        if (from != self || !inc || !read(asked, frame) || asked.ports.size() % 2 != 0)
            return refuse({errc::malformed, "the request's body"});
        if (!inc->module->live_forked)
            return refuse(
                {errc::unsupported, "module '" + inc->module->name + "' has no on(forked)"});
        for (std::size_t i = 0; i < asked.ports.size(); i += 2)
            listed.emplace_back(asked.ports[i], asked.ports[i + 1]);
        body.forked = true;
        body.what.events = asked.events;
        to = asked.to;
    }
    const auto target = members.find(to ? to : self.node);
    if (target == members.end())
        return refuse({errc::no_such_node, "node " + std::to_string(to.value)});
    auto image = capture(*inc, listed);
    if (!image)
        return refuse(image.error());
    body.image = std::move(*image);
    request_frame onward;
    onward.kind = detail::request_kind::restore;
    onward.asker = frame.asker;
    onward.capabilities = frame.capabilities;
    if (target->second.at == self)
        return restored(onward, body);
    onward.id = next_request++;
    onward.body = encode_frame(body);
    requests.emplace(
        onward.id, pending_request{nullptr, target->second.at, from, frame.id, {}, {}, {}, {}, 0});
    send_frame(target->second.at, kind::request, lane::data, onward);
    return {};
}

std::optional<answer_frame> kernel_impl::restore_request(node_boot from,
                                                         const request_frame& frame) {
    restore_body body;
    if (!read(body, frame))
        return refuse({errc::malformed, "the request's body"});
    if (leaving)
        return refuse({errc::refused, "the node is leaving"});
    if (body.image.view.value > view.value) {
        EQUUS_SOMETIMES(image_waits_for_the_view);
        waiting_for_view.push_back({from, frame});
        return {};
    }
    return restored(frame, body);
}

void kernel_impl::look_at_waiting_images() {
    auto waiting = std::exchange(waiting_for_view, {});
    for (auto& [from, frame] : waiting)
        if (is_member(from))
            handle_request(from, frame);
}

answer_frame kernel_impl::restored(const request_frame& frame, const restore_body& body) {
    answer_frame out;
    forked_body streams;
    std::vector<std::uint32_t> opened; // index of the port, number of the capability
    std::vector<capability> more;
    auto made = restore(body.image, body.forked, body.what, frame.capabilities, more, opened);
    if (!made)
        return refuse(made.error());
    event_kinds kinds{body.what.events};
    if (body.what.watched)
        kinds = kinds | event_kind::terminated;
    if (kinds != event_kinds{})
        add_watcher((*made)->id, watcher{frame.asker, body.asker_at, kinds});
    capability handle;
    handle.kind = reference_kind::incarnation;
    handle.incarnation = (*made)->id;
    handle.at = {self, (*made)->slot, {}};
    out.capabilities.push_back(handle);
    out.capabilities.insert(out.capabilities.end(), more.begin(), more.end());
    if (body.forked) {
        streams.streams = std::move(opened);
        out.body = encode_frame(streams);
    }
    return out;
}

/// The streams to a child's ports, with the ports that they lead to: now the parent's references.
void kernel_impl::redeem_forked(incarnation_record& inc, answer_frame& frame) {
    auto body = wire::decode<forked_body>(frame.body.span());
    if (!body)
        return;
    for (std::size_t i = 1; i < body->streams.size(); i += 2) {
        const std::uint32_t number = std::exchange(body->streams[i], reference::none);
        reference made;
        if (number > 0 && number < frame.capabilities.size())
            made = import_capability(inc, frame.capabilities[number]);
        body->streams[i] = made.index();
        body->generations.push_back(made.generation());
    }
    frame.body = encode_frame(*body);
}

namespace detail {

bytes fork_request(node_id to, std::span<const reference> ports, std::uint16_t events) {
    runtime::fork_body body;
    body.to = to;
    for (const reference each : ports) {
        body.ports.push_back(each.index());
        body.ports.push_back(each.generation());
    }
    body.events = events;
    return runtime::encode_frame(body);
}

result<forked_child> forking::await_resume() {
    if (auto ended = outcome(); !ended)
        return fail(std::move(ended.error()));
    auto body = wire::decode<runtime::forked_body>(operation_.answer.span());
    if (!body)
        return fail(std::move(body.error()));
    forked_child out;
    out.child = incarnation_handle{operation_.made};
    for (const reference port : references_) {
        any_reference found;
        for (std::size_t i = 0; i + 1 < body->streams.size(); i += 2)
            if (body->streams[i] == port.index() && i / 2 < body->generations.size())
                found = any_reference{reference{body->streams[i + 1], body->generations[i / 2]}};
        out.streams.push_back(found);
    }
    return out;
}

} // namespace detail

} // namespace equus
