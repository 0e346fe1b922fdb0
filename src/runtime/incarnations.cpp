#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

namespace {

void life_ended(detail::promise_base& ended, void* context) {
    auto& inc = *static_cast<incarnation_record*>(context);
    inc.life = nullptr;
    const bool failed = ended.failure != errc::ok;
    error reason = std::move(ended.failure);
    std::coroutine_handle<detail::promise<void>>::from_promise(
        static_cast<detail::promise<void>&>(ended))
        .destroy();
    if (failed) {
        inc.state = incarnation_state::faulting;
        inc.kernel->request_end(inc, std::move(reason));
    } else if (inc.state == incarnation_state::starting) {
        inc.state = incarnation_state::running;
    }
}

} // namespace

incarnation_record* kernel_impl::find(incarnation_id id) const noexcept {
    return by_id.find(id, incarnations);
}

result<incarnation_record*> kernel_impl::create(const creation& what, std::vector<capability> given,
                                                incarnation_id launch, node_boot launch_at) {
    const module_type* module = modules.find(what.module);
    if (!module)
        return fail(errc::no_such_module, "'" + what.module + "' on node '" + options.name + "'");
    if (incarnations.size() >= options.limits.incarnations_max)
        return fail(errc::limit_reached, "incarnations_max");
    if (what.priority >= priority_count)
        return fail(errc::invalid_argument, "priority " + std::to_string(what.priority) +
                                                ", outside 0.." +
                                                std::to_string(priority_count - 1));
    for (const auto& [name, binding] : what.interfaces) {
        const bool declared = std::any_of(
            module->description.interfaces.begin(), module->description.interfaces.end(),
            [&](const interface_manifest& i) { return i.name == name; });
        if (!declared)
            return fail(errc::no_such_interface,
                        "module '" + what.module + "' declares no '" + name + "'");
    }

    // One block: the account, the record, the object, the references that it declares.
    constexpr std::size_t record_bytes = incarnation_record::bytes();
    const std::uint64_t limit =
        what.memory_bytes ? what.memory_bytes : options.limits.incarnation_bytes_max;
    const std::size_t object_bytes = (module->size + 15) / 16 * 16;
    const std::size_t declared = module->description.interfaces.size();
    const std::size_t all_bytes = record_bytes + object_bytes + declared * sizeof(reference_entry);
    if (all_bytes > limit)
        return fail(errc::out_of_memory, "the incarnation's memory limit");
    account* memory = pool.open_account(limit, all_bytes);
    if (!memory)
        return fail(errc::out_of_memory, "the node has no memory for an incarnation");
    auto* inc = new (memory_pool::room_of(memory)) incarnation_record;
    void* object = inc->object();
    inc->memory = memory;
    inc->kernel = this;
    inc->id = {self.node, self.boot, next_incarnation++};
    inc->module = module;
    inc->priority = what.priority;
    const incarnation_id launched_by = launch ? launch : inc->id;
    inc->launch =
        &launches.try_emplace(launched_by, launch_info{launched_by, launch ? launch_at : self})
             .first->second;
    ++inc->launch->population;
    if (!what.name.empty())
        inc->more().name = what.name;
    if (!what.interfaces.empty())
        inc->more().interfaces = what.interfaces;
    const auto give_up = [&](error reason) {
        {
            running_scope scope{inc};
            module->destroy(object);
        }
        while (inc->ports)
            close_port(*inc->ports, errc::closed);
        for (std::uint32_t i = 0; i < inc->references.size(); ++i)
            if (inc->references[i].kind == reference_kind::incarnation ||
                (inc->references[i].kind == reference_kind::stream && inc->references[i].record))
                drop_reference(*inc, i);
        forget(*inc);
        return fail(std::move(reason));
    };
    running_scope scope{inc};
    inc->references.begin_in(static_cast<std::byte*>(object) + object_bytes, declared);
    module->construct(object);
    for (const auto& [name, value] : what.parameters)
        if (auto set = module->set_parameter(object, name, value); !set)
            return give_up(error{errc::invalid_argument,
                                 "parameter '" + name + "' of module '" + what.module + "'",
                                 std::move(set.error())});
    for (const auto& [name, which] : what.given)
        if (which && which.index() < given.size())
            inc->more().given[name] = import_capability(*inc, given[which.index()]);

    inc->slot = incarnations.insert(*inc);
    by_id.insert(inc->slot, incarnations);
    trace(trace_kind::created, inc->id, stable_hash(what.module));
    if (options.trace) [[unlikely]]
        options.trace->on_created(inc->id, inc->name(), what.module);
    if (what.depends_on_launch && inc->launch->id != inc->id)
        depend(*inc, inc->launch->id, inc->launch->at);

    auto life = module->live(object);
    if (!life) {
        request_end(*inc, error{errc::out_of_memory, "no memory for its life"});
    } else {
        auto frame = life.release();
        frame.promise().finished = &life_ended;
        frame.promise().context = inc;
        inc->life = &frame.promise();
        schedule(*inc);
    }
    return inc;
}

void kernel_impl::request_end(incarnation_record& inc, error reason) {
    if (inc.ending)
        return;
    inc.ending = true;
    inc.more().reason = std::move(reason);
    schedule(inc);
}

void kernel_impl::end_incarnation(incarnation_record& inc, error reason) {
    inc.state = incarnation_state::ended;
    inc.ending = true;
    inc.more().reason = std::move(reason);
    trace(trace_kind::ended, inc.id, static_cast<std::uint64_t>(inc.rest->reason.code()));
    {
        running_scope scope{&inc};
        // Coroutines first: what they wait for leaves the kernel's lists with their frames.
        if (inc.in_hand)
            fail_call(*inc.in_hand,
                      error{errc::maybe_delivered, "the receiver ended while handling it"});
        if (inc.handling)
            std::exchange(inc.handling, nullptr)->self.destroy();
        if (inc.in_hand)
            consumed(std::exchange(inc.in_hand, nullptr));
        if (inc.life)
            std::exchange(inc.life, nullptr)->self.destroy();
        // Members may hold messages and coroutines too, and these their ports.
        inc.module->destroy(inc.object());
        while (inc.ports)
            close_port(*inc.ports, errc::closed);
        for (std::uint32_t i = 0; i < inc.references.size(); ++i) {
            reference_entry& entry = inc.references[i];
            if (entry.kind == reference_kind::port)
                entry.record = nullptr; // closed above
            if (entry.kind != reference_kind::none)
                drop_reference(inc, i);
        }
    }
    end_channels_of(inc.id);
    tell_watchers(inc);
    for (auto& [parent, them] : dependents_of)
        them.children.erase(inc.id);
    by_id.erase(inc.id, incarnations);
    incarnations.erase(inc.slot);
    if (inc.scheduled)
        scheduled.remove(inc);
    forget(inc);
}

void kernel_impl::forget(incarnation_record& inc) {
    if (--inc.launch->population == 0)
        launches.erase(inc.launch->id);
    account* memory = inc.memory;
    inc.~incarnation_record();
    pool.close(memory); // the memory of the record too, with the last block
}

// ---------------------------------------------------------------------- events and dependencies

void kernel_impl::tell_watchers(incarnation_record& inc) {
    event what;
    what.kind = event_kind::terminated;
    what.subject = inc.id;
    what.node = self;
    what.reason = inc.rest->reason.code();
    what.result = inc.rest->result;
    if (inc.rest->reason != errc::ok)
        what.text = inc.rest->reason.describe();
    for (const watcher& to : inc.rest->watchers)
        send_event(to, what);
    parent_ended(inc.id, what);
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

void kernel_impl::deliver_event(incarnation_id to, event what) {
    incarnation_record* inc = find(to);
    if (!inc || inc->ending)
        return;
    if (what.kind == event_kind::terminated)
        remote_watches.erase({what.subject, what.node, to});
    inc->more().events.push_back(std::move(what));
    if (operation* op = inc->rest->hearers.front()) {
        inc->rest->hearers.remove(*op);
        op->listed = false;
        end(*op);
    }
}

void kernel_impl::member_event(const event& what) {
    std::vector<incarnation_id> interested;
    incarnations.for_each([&](incarnation_record& inc) {
        if (inc.rest && inc.rest->wants_members)
            interested.push_back(inc.id);
    });
    for (incarnation_id id : interested)
        deliver_event(id, what);
}

void kernel_impl::add_watcher(incarnation_id subject, watcher who) {
    incarnation_record* inc = find(subject);
    if (!inc) {
        event what;
        what.kind = event_kind::terminated;
        what.subject = subject;
        what.node = self;
        what.reason = errc::not_found;
        what.text = "it had ended before it was watched";
        send_event(who, what);
        return;
    }
    auto& watchers = inc->more().watchers;
    if (std::find(watchers.begin(), watchers.end(), who) == watchers.end())
        watchers.push_back(who);
}

void kernel_impl::parent_ended(incarnation_id parent, const event& what) {
    const auto found = dependents_of.find(parent);
    if (found == dependents_of.end() || EQUUS_MUTANT(dependents_outlive_their_parent))
        return;
    const auto children = std::move(found->second.children);
    dependents_of.erase(found);
    const auto end_child = [&](incarnation_record& inc) {
        request_end(inc, error{errc::cancelled, "its parent has ended: " + what.text});
    };
    for (incarnation_id child : children)
        if (incarnation_record* inc = find(child))
            end_child(*inc);
    incarnations.for_each([&](incarnation_record& inc) {
        if (inc.bound_to_launch && inc.launch->id == parent)
            end_child(inc);
    });
}

void kernel_impl::depend(incarnation_record& child, incarnation_id parent, node_boot parent_at) {
    const auto [entry, first] = dependents_of.try_emplace(parent);
    auto& them = entry->second;
    them.parent_at = parent_at;
    if (parent == child.launch->id)
        child.bound_to_launch = true;
    else
        them.children.insert(child.id);
    if (parent_at == self) {
        if (!find(parent))
            parent_ended(parent, event{event_kind::terminated, parent, self, errc::not_found, 0,
                                       "it had ended before"});
    } else if (!is_member(parent_at)) {
        parent_ended(parent, event{event_kind::terminated, parent, parent_at, errc::evicted, 0,
                                   "its node is gone"});
    } else if (first) {
        request_frame frame;
        frame.kind = detail::request_kind::watch;
        frame.subject = parent;
        frame.body = encode_frame(watch_body{true});
        send_frame(parent_at, kind::request, lane::data, frame);
    }
}

namespace detail {

using runtime::incarnation_record;

void describe_interfaces(module_type& module) {
    runtime::describing_record describing;
    describing.described = &module;
    runtime::running_scope scope{&describing};
    void* object = ::operator new (module.size, std::align_val_t{module.alignment});
    module.construct(object);
    module.destroy(object);
    ::operator delete (object, std::align_val_t{module.alignment});
}

reference describe_interface(incarnation_record& describing, std::string_view name,
                             interface_kind kind, const protocol_type& protocol) {
    module_type& module = *static_cast<runtime::describing_record&>(describing).described;
    auto& list = module.description.interfaces;
    module.protocols.push_back(&protocol);
    interface_manifest made;
    made.name = name;
    made.kind = kind;
    made.protocol = protocol.name;
    list.push_back(std::move(made));
    return reference{static_cast<std::uint32_t>(list.size() - 1), 1};
}

void open_ports() noexcept {
    auto* inc = static_cast<incarnation_record*>(running());
    inc->state = incarnation_state::running;
    inc->serving = true;
    if (inc->rest) {
        inc->rest->interfaces.clear();
        if (inc->rest->is_empty())
            inc->rest.reset();
    }
}

void begin(event_operation& op) {
    auto* inc = static_cast<incarnation_record*>(running());
    if (inc->fresh)
        begin_fresh(*inc);
    op.owner = inc;
    op.status = operation::state::waiting;
    op.since = detail::ticks_of(inc->kernel->now);
    if (inc->rest && !inc->rest->events.empty()) {
        inc->kernel->end(op);
        return;
    }
    op.listed = true;
    inc->more().hearers.push(op);
}

event take_event() {
    auto* inc = static_cast<incarnation_record*>(running());
    EQUUS_ASSERT(inc->rest && !inc->rest->events.empty());
    auto& events = inc->rest->events;
    event first = std::move(events.front());
    events.erase(events.begin());
    return first;
}

} // namespace detail

void watch_members() noexcept {
    static_cast<incarnation_record*>(detail::running())->more().wants_members = true;
}

// ---------------------------------------------------------------------- interfaces, from inside

std::vector<declared_interface> declared_interfaces() {
    auto* inc = static_cast<incarnation_record*>(detail::running());
    std::vector<declared_interface> out;
    std::uint32_t index = 0;
    for (const interface_manifest& declared : inc->module->description.interfaces) {
        declared_interface made;
        made.name = declared.name;
        made.kind = declared.kind;
        made.which = reference{index, inc->references[index].generation};
        made.protocol = declared.protocol;
        if (inc->rest)
            if (const auto binding = inc->rest->interfaces.find(declared.name);
                binding != inc->rest->interfaces.end())
                made.binding = &binding->second;
        out.push_back(made);
        ++index;
    }
    return out;
}

any_reference born_with(std::string_view name) noexcept {
    auto* inc = static_cast<incarnation_record*>(detail::running());
    if (!inc->rest)
        return {};
    const auto found = inc->rest->given.find(name);
    return found == inc->rest->given.end() ? any_reference{} : any_reference{found->second};
}

result<any_reference> attach_new_channel(reference port, channel_kind routing) {
    auto* inc = static_cast<incarnation_record*>(detail::running());
    kernel_impl& kernel = *inc->kernel;
    auto* entry = kernel.lookup(*inc, port);
    if (!entry || entry->kind != reference_kind::port)
        return fail(errc::no_such_reference);
    auto& record = *static_cast<port_record*>(entry->record);
    capability made;
    made.kind = reference_kind::stream;
    made.protocol = record.protocol->id;
    made.routing = routing;
    made.channel = {inc->id, inc->counter()};
    made.port = record.id();
    made.at = {kernel.self, record.slot, {}};
    made.credit_first = kernel.credit_first_of(record);
    record.attach().channels.push_back(made.channel);
    if (routing != channel_kind::unicast) {
        channel_record& channel = kernel.channels[made.channel];
        channel.id = made.channel;
        channel.routing = routing;
        channel.protocol = made.protocol;
        channel.members.push_back({record.id(), made.at, made.credit_first});
    }
    return any_reference{kernel.import_capability(*inc, made)};
}

any_reference make_channel(std::string_view protocol, channel_kind routing) {
    auto* inc = static_cast<incarnation_record*>(detail::running());
    kernel_impl& kernel = *inc->kernel;
    capability made;
    made.kind = reference_kind::stream;
    made.protocol = stable_hash(protocol);
    made.routing = routing;
    made.channel = {inc->id, inc->counter()};
    made.at = {kernel.self, 0, {}};
    channel_record& channel = kernel.channels[made.channel];
    channel.id = made.channel;
    channel.routing = routing;
    channel.protocol = made.protocol;
    return any_reference{kernel.import_capability(*inc, made)};
}

result<void> bind_stream(reference declared, any_reference to) {
    auto* inc = static_cast<incarnation_record*>(detail::running());
    kernel_impl& kernel = *inc->kernel;
    auto* source = kernel.lookup(*inc, to);
    auto* target = kernel.lookup(*inc, declared);
    if (!source || !target || source->kind != reference_kind::stream || !source->record ||
        target->kind != reference_kind::stream)
        return fail(errc::no_such_reference);
    auto& stream = *static_cast<stream_record*>(source->record);
    if (target->protocol && stream.protocol != target->protocol->id)
        return fail(errc::wrong_protocol,
                    "the channel does not carry " + std::string{target->protocol->name});
    if (target->record)
        kernel.close_stream(*static_cast<stream_record*>(target->record));
    target->record = std::exchange(source->record, nullptr);
    target->rights = source->rights;
    target->domain = source->domain;
    kernel.drop_reference(*inc, to.index());
    return {};
}

} // namespace equus
