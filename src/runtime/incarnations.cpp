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
    if (failed)
        inc.kernel->fault(inc, std::move(reason));
    else if (inc.state == incarnation_state::starting)
        inc.state = incarnation_state::running;
}

} // namespace

incarnation_record* kernel_impl::find(incarnation_id id) const noexcept {
    return by_id.find(id, incarnations);
}

/// One block: the account, the record, the object, the references that it declares.
result<incarnation_record*> kernel_impl::assemble(const module_type& module,
                                                  std::uint64_t memory_bytes,
                                                  priority_level priority, incarnation_id launch,
                                                  node_boot launch_at) {
    if (incarnations.size() >= options.limits.incarnations_max)
        return fail(errc::limit_reached, "incarnations_max");
    if (priority >= priority_count)
        return fail(errc::invalid_argument, "priority " + std::to_string(priority) +
                                                ", outside 0.." +
                                                std::to_string(priority_count - 1));
    constexpr std::size_t record_bytes = incarnation_record::bytes();
    const std::uint64_t limit = memory_bytes ? memory_bytes : options.limits.incarnation_bytes_max;
    const std::size_t object_bytes = (module.size + 15) / 16 * 16;
    const std::size_t declared = module.description.interfaces.size();
    const std::size_t all_bytes = record_bytes + object_bytes + declared * sizeof(reference_entry);
    if (all_bytes > limit)
        return fail(errc::out_of_memory, "the incarnation's memory limit");
    account* memory = pool.open_account(limit, all_bytes);
    if (!memory)
        return fail(errc::out_of_memory, "the node has no memory for an incarnation");
    auto* inc = new (memory_pool::room_of(memory)) incarnation_record;
    void* object = inc->object();
    inc->kernel = this;
    inc->id = {self.node, self.boot, next_incarnation++};
    inc->module = &module;
    inc->priority = priority;
    const incarnation_id launched_by = launch ? launch : inc->id;
    inc->launch =
        &launches.try_emplace(launched_by, launch_info{launched_by, launch ? launch_at : self})
             .first->second;
    ++inc->launch->population;
    running_scope scope{inc};
    inc->references.begin_in(static_cast<std::byte*>(object) + object_bytes, declared);
    result<void> constructed;
    {
        detail::allocating_scope allocating{inc, module.allocating};
        constructed = module.construct(object);
    }
    if (!constructed) {
        disassemble(*inc, false);
        return fail(error{constructed.error().code(),
                          "an incarnation of module '" + module.name + "'",
                          std::move(constructed.error())});
    }
    return inc;
}

/// What has been assembled is taken apart again; nobody has heard of it.
void kernel_impl::disassemble(incarnation_record& inc, bool with_object) {
    {
        running_scope scope{&inc};
        if (with_object)
            inc.module->destroy(inc.object());
        while (inc.ports)
            close_port(*inc.ports, errc::closed);
        for (std::uint32_t i = 0; i < inc.references.size(); ++i) {
            reference_entry& entry = inc.references[i];
            if (entry.kind == reference_kind::port)
                entry.record = nullptr; // closed above
            if (entry.kind != reference_kind::none && entry.record)
                drop_reference(inc, i);
        }
    }
    forget(inc);
}

void kernel_impl::publish(incarnation_record& inc) {
    inc.slot = incarnations.insert(inc);
    by_id.insert(inc.slot, incarnations);
    trace(trace_kind::created, inc.id, stable_hash(inc.module->name));
    if (options.trace) [[unlikely]]
        options.trace->on_created(inc.id, inc.name(), inc.module->name);
}

void kernel_impl::begin_life(incarnation_record& inc, task<> life) {
    if (!life) {
        request_end(inc, error{errc::out_of_memory, "no memory for its life"});
        return;
    }
    auto frame = life.release();
    frame.promise().finished = &life_ended;
    frame.promise().context = &inc;
    inc.life = &frame.promise();
    inc.state = incarnation_state::starting;
    schedule(inc);
}

result<void> kernel_impl::set_parameters(incarnation_record& inc, const rdc_values& values) {
    running_scope scope{&inc};
    for (const auto& [name, value] : values)
        if (auto set = inc.module->set_parameter(inc.object(), name, value); !set)
            return fail(error{errc::invalid_argument,
                              "parameter '" + name + "' of module '" + inc.module->name + "'",
                              std::move(set.error())});
    return {};
}

result<incarnation_record*> kernel_impl::create(const creation& what, std::vector<capability> given,
                                                incarnation_id launch, node_boot launch_at) {
    const module_type* module = modules.find(what.module);
    if (!module)
        return fail(errc::no_such_module, "'" + what.module + "' on node '" + options.name + "'");
    for (const auto& [name, binding] : what.interfaces) {
        const bool declared = std::any_of(
            module->description.interfaces.begin(), module->description.interfaces.end(),
            [&](const interface_manifest& i) { return i.name == name; });
        if (!declared)
            return fail(errc::no_such_interface,
                        "module '" + what.module + "' declares no '" + name + "'");
    }
    auto made = assemble(*module, what.memory_bytes, what.priority, launch, launch_at);
    if (!made)
        return made;
    incarnation_record& inc = **made;
    if (!what.name.empty())
        inc.more().name = what.name;
    if (!what.interfaces.empty())
        inc.more().interfaces = what.interfaces;
    if (auto set = set_parameters(inc, what.parameters); !set) {
        disassemble(inc);
        return fail(std::move(set.error()));
    }
    running_scope scope{&inc};
    for (const auto& [name, which] : what.given)
        if (which && which.index() < given.size())
            inc.more().given[name] = import_capability(inc, given[which.index()]);
    publish(inc);
    if (what.depends_on_launch && inc.launch->id != inc.id)
        depend(inc, inc.launch->id, inc.launch->at);
    if (what.inchoate) {
        inc.state = incarnation_state::inchoate;
        inc.held |= held::inchoate;
    } else {
        begin_life(inc, module->live(inc.object()));
    }
    return made;
}

void kernel_impl::serves(incarnation_record& inc) {
    inc.state = incarnation_state::running;
    inc.serving = true;
    if (!inc.rest)
        return;
    inc.rest->interfaces.clear();
    if (came_from.contains(inc.id))
        return; // it was created long ago
    event what;
    what.kind = event_kind::created;
    what.subject = inc.id;
    what.node = self;
    tell_watchers(inc, std::move(what));
    if (inc.rest->control && inc.rest->control->port)
        port_changed(*inc.rest->control->port);
    if (inc.rest->is_empty())
        inc.rest.reset();
}

void kernel_impl::request_end(incarnation_record& inc, error reason) {
    if (inc.ending)
        return;
    if (inc.held & held::moving) { // its end is its owner's, once it is clear who that is
        if (const auto out = departures.find(inc.id); out != departures.end()) {
            out->second.to_end = true;
            out->second.end = std::move(reason);
        } else if (const auto in = arrivals.find(inc.id); in != arrivals.end()) {
            in->second.to_end = true;
            in->second.end = std::move(reason);
        }
        return;
    }
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
        // Coroutines first: what they wait for leaves the kernel's lists with their frames. Those
        // that interrupted others before these.
        if (inc.rest->events)
            end_interrupts(inc);
        end_handler(inc);
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
    refuse_orders(inc);
    departures.erase(inc.id);
    came_from.erase(inc.id);
    event what;
    what.kind = event_kind::terminated;
    what.subject = inc.id;
    what.node = self;
    what.reason = inc.rest->reason.code();
    what.result = inc.rest->result;
    if (inc.rest->reason != errc::ok)
        what.text = inc.rest->reason.describe();
    tell_watchers(inc, what);
    parent_ended(inc.id, what);
    forget_watches_of(inc.id);
    if (inc.rest->control)
        for (const control_record::bond& each : inc.rest->control->bonds)
            if (const auto found = dependents_of.find(each.parent); found != dependents_of.end())
                found->second.children.erase(inc.id);
    by_id.erase(inc.id, incarnations);
    incarnations.erase(inc.slot);
    if (inc.scheduled)
        scheduled.remove(inc);
    forget(inc);
}

/// The handler that runs on, and the message in hand.
void kernel_impl::end_handler(incarnation_record& inc) {
    if (inc.in_hand)
        fail_call(*inc.in_hand,
                  error{errc::maybe_delivered, "the receiver ended while handling it"});
    if (inc.handling)
        std::exchange(inc.handling, nullptr)->self.destroy();
    if (inc.in_hand)
        consumed(std::exchange(inc.in_hand, nullptr));
}

void kernel_impl::check_heap(incarnation_record& inc) {
    inc.heap->exceeded = false;
    detail::settle_heap(inc);
    const account& has = inc.memory();
    if (has.used_bytes > has.limit_bytes)
        request_end(inc, error{errc::out_of_memory, std::to_string(has.used_bytes) + " bytes of " +
                                                        std::to_string(has.limit_bytes)});
}

void kernel_impl::forget(incarnation_record& inc) {
    if (--inc.launch->population == 0)
        launches.erase(inc.launch->id);
    account& memory = inc.memory();
    if (inc.heap)
        detail::close_heap(inc);
    inc.~incarnation_record();
    pool.close(&memory); // the memory of the record too, with the last block
}

namespace detail {

using runtime::incarnation_record;

memory_use& memory_of(incarnation_core& which) noexcept {
    return static_cast<incarnation_record&>(which).memory();
}

bool within_limit() noexcept {
    const runtime::kernel_entry inc;
    const memory_use& has = inc->memory();
    if (has.used_bytes <= has.limit_bytes)
        return true;
    settle_heap(*inc);
    return has.used_bytes <= has.limit_bytes;
}

void open_ports() noexcept {
    const runtime::kernel_entry inc;
    inc->kernel->serves(*inc);
}

void wiring_waits_for(std::string what) {
    const runtime::kernel_entry inc;
    if (!what.empty() || inc->rest)
        inc->more().waits_for = std::move(what);
}

} // namespace detail

bool watch_source(stream_id source) {
    const kernel_entry inc;
    kernel_impl& kernel = *inc->kernel;
    for (const port_record* port = inc->ports; port; port = port->next_owned) {
        if (!port->attached)
            continue;
        const auto leg = port->attached->legs.find(source);
        if (leg == port->attached->legs.end())
            continue;
        const node_boot at = leg->second->from;
        kernel.note_watch(inc->id, source.owner, at, event_kind::terminated);
        if (at == kernel.self) {
            kernel.add_watcher(source.owner, watcher{inc->id, kernel.self});
        } else {
            request_frame frame;
            frame.kind = detail::request_kind::watch;
            frame.asker = inc->id;
            frame.subject = source.owner;
            frame.body = encode_frame(watch_body{});
            kernel.send_frame(at, kind::request, lane::data, frame);
        }
        return true;
    }
    return false;
}

std::uint64_t under_way(reference to, incarnation_id sender) noexcept {
    const kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, to);
    if (!entry || entry->kind != reference_kind::stream || !entry->record)
        return 0;
    const channel_id channel = static_cast<const stream_record*>(entry->record)->channel;
    std::uint64_t count = 0;
    inc->kernel->stream_legs.for_each([&](const stream_leg& leg) {
        if (leg.stream->channel == channel && leg.stream->id.owner == sender)
            count += leg.sent - leg.consumed;
    });
    return count;
}

} // namespace equus
