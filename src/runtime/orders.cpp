// What parents order [K51]. Orders to one incarnation are carried out one after the other; only a
// freeze takes its time: until the message in hand is done.
#include "runtime/answers.hpp"
#include "runtime/kernel_impl.hpp"
#include "runtime/moving.hpp"

namespace equus {

using namespace runtime;

namespace {

/// What only looks waits for nobody.
bool takes_its_turn(detail::request_kind kind) noexcept {
    return kind == detail::request_kind::freeze || kind == detail::request_kind::unfreeze ||
           kind == detail::request_kind::migrate;
}

} // namespace

std::optional<answer_frame> kernel_impl::order(node_boot from, const request_frame& frame) {
    incarnation_record* inc = find(frame.subject);
    if (!inc || inc->ending)
        return refuse(errc::not_found, "the incarnation has ended");
    if (!takes_its_turn(frame.kind))
        return carry_out(*inc, frame);
    auto& orders = inc->control().orders;
    if (orders.size() > options.limits.orders_max)
        return refuse(errc::limit_reached, "orders_max");
    const bool first = orders.empty() || EQUUS_MUTANT(orders_overtake);
    orders.push_back({from, frame});
    if (!first) {
        EQUUS_SOMETIMES(order_waits_behind_another);
        return {};
    }
    auto answer = carry_out(*inc, frame);
    if (answer)
        orders.pop_back();
    return answer;
}

std::optional<answer_frame> kernel_impl::carry_out(incarnation_record& inc,
                                                   const request_frame& frame) {
    switch (frame.kind) {
    case detail::request_kind::freeze:
        if (inc.held & held::stopped)
            return answer_frame{};
        hold(inc, held::freezing);
        return {};
    case detail::request_kind::unfreeze: {
        unfreeze_body body;
        if (!read(body, frame))
            return refuse(errc::malformed, "the request's body");
        return unfreeze(inc, body.priority);
    }
    case detail::request_kind::migrate:
        return begin_departure(inc, frame);
    case detail::request_kind::report:
        return report_of(inc);
    case detail::request_kind::inspect:
        return inspect(inc);
    case detail::request_kind::open_control: {
        open_control_body body;
        if (!read(body, frame))
            return refuse(errc::malformed, "the request's body");
        return open_control(inc, body.protocol);
    }
    default:
        return refuse(errc::unsupported, "an order that this version does not know");
    }
}

/// The first order is done; those behind it follow until one takes its time.
void kernel_impl::order_is_done(incarnation_record& inc, answer_frame answer) {
    if (!inc.rest || !inc.rest->control)
        return;
    auto& orders = inc.rest->control->orders;
    while (!orders.empty()) {
        const control_record::waiting_order done = std::move(orders.front());
        orders.pop_front();
        answer_later(done.from, done.frame.id, std::move(answer));
        if (orders.empty())
            return;
        const request_frame next = orders.front().frame;
        auto following = carry_out(inc, next);
        if (!following)
            return;
        answer = std::move(*following);
    }
}

void kernel_impl::refuse_orders(incarnation_record& inc) {
    if (!inc.rest->control)
        return;
    for (const control_record::waiting_order& each : inc.rest->control->orders)
        answer_later(each.from, each.frame.id,
                     refuse(errc::not_found, "the incarnation has ended"));
    inc.rest->control->orders.clear();
}

void kernel_impl::now_frozen(incarnation_record& inc) {
    inc.held &= static_cast<std::uint8_t>(~held::freezing);
    inc.held |= held::frozen;
    inc.state = incarnation_state::frozen;
    order_is_done(inc, {});
}

answer_frame kernel_impl::unfreeze(incarnation_record& inc, priority_level priority) {
    if (priority != detail::same_priority) {
        if (priority >= priority_count)
            return refuse(errc::invalid_argument, "priority " + std::to_string(priority) +
                                                      ", outside 0.." +
                                                      std::to_string(priority_count - 1));
        if (inc.scheduled)
            scheduled.remove(inc);
        inc.priority = priority;
        if (inc.scheduled)
            scheduled.push(inc);
    }
    if (inc.held & held::faulting) {
        request_end(inc, std::move(inc.rest->control->fault));
    } else if (inc.held & held::inchoate) {
        inc.held &= static_cast<std::uint8_t>(~held::inchoate);
        running_scope scope{&inc};
        begin_life(inc, inc.module->live(inc.object()));
    } else if (inc.held & held::frozen) {
        inc.held &= static_cast<std::uint8_t>(~held::frozen);
        inc.held |= held::interrupted; // what came meanwhile
        inc.state = inc.serving ? incarnation_state::running : incarnation_state::starting;
        schedule(inc);
    }
    return {};
}

answer_frame kernel_impl::report_of(incarnation_record& inc) {
    detail::report_body body;
    body.what = status(inc);
    body.node = self;
    body.node_name = options.name;
    body.load = scheduled.size();
    body.node_time = duration{now.ns};
    answer_frame out;
    out.body = encode_frame(body);
    return out;
}

answer_frame kernel_impl::inspect(incarnation_record& inc) {
    inspection seen;
    seen.id = inc.id;
    seen.module = inc.module->name;
    seen.state = inc.state;
    if (inc.held & held::faulting) {
        seen.reason = inc.rest->control->fault.code();
        seen.text = inc.rest->control->fault.describe();
    }
    seen.value = encoded_part(inc.module->state_type, inc.module->state, inc);
    seen.parameters = encoded_part(inc.module->parameters_type, inc.module->parameters, inc);
    answer_frame out;
    out.body = encode_frame(seen);
    return out;
}

bytes kernel_impl::encoded_part(const message_type* type, void* (*part)(void*) noexcept,
                                incarnation_record& inc) {
    if (!type)
        return {};
    void* object = part(inc.object());
    bytes out(type->size_bytes(object));
    if (out.size() != 0)
        type->encode(object, out.span());
    return out;
}

answer_frame kernel_impl::open_control(incarnation_record& inc, std::uint64_t protocol) {
    port_record* port = inc.rest && inc.rest->control ? inc.rest->control->port : nullptr;
    if (!port)
        return refuse(errc::no_such_interface,
                      "module '" + inc.module->name + "' has no control port");
    if (port->protocol->id != protocol)
        return refuse(errc::wrong_protocol,
                      "the control port takes " + std::string{port->protocol->name});
    control_record& control = *inc.rest->control;
    if (!control.channel) {
        control.channel = {inc.id, inc.counter()};
        port->attach().channels.push_back(control.channel);
    }
    capability made;
    made.kind = reference_kind::stream;
    made.protocol = protocol;
    made.channel = control.channel;
    made.port = port->id();
    made.at = place_here(*port);
    answer_frame out;
    out.capabilities.push_back(made);
    return out;
}

namespace detail {

using runtime::incarnation_record;

/// Nobody wires it and nobody names it: it has no entry among the references.
void declare_control_port(const protocol_type& protocol, const handler* handlers) {
    const runtime::kernel_entry inc;
    if (!inc->kernel)
        return;
    runtime::port_record* port = inc->kernel->make_port(*inc, protocol, handlers);
    port->is_control = true;
    port->watched = true;
    EQUUS_ASSERT(!inc->control().port && "an incarnation has one control port");
    inc->control().port = port;
}

bytes control_request(std::uint64_t protocol) {
    return runtime::encode_frame(runtime::open_control_body{protocol});
}

node_boot place_of(reference handle) noexcept {
    const runtime::kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, handle);
    return entry && entry->kind == runtime::reference_kind::incarnation && entry->record
               ? static_cast<runtime::handle_record*>(entry->record)->at.at
               : node_boot{};
}

bool is_present(node_boot which) noexcept {
    const runtime::kernel_entry inc;
    return inc->kernel->is_member(which);
}

} // namespace detail

incarnation_handle self_handle() {
    const runtime::kernel_entry inc;
    kernel_impl& kernel = *inc->kernel;
    return incarnation_handle{kernel.make_handle(*inc, inc->id, {kernel.self, inc->slot, {}})};
}

detail::requesting_nothing incarnation_handle::destroy() const {
    return {detail::request_kind::destroy, node_id{}, *this, bytes{}};
}

detail::requesting_nothing incarnation_handle::watch(event_kinds kinds) const {
    return {detail::request_kind::watch, node_id{}, *this,
            encode_frame(watch_body{false, kinds.bits()})};
}

detail::requesting_nothing incarnation_handle::unwatch(event_kinds kinds) const {
    return {detail::request_kind::unwatch, node_id{}, *this,
            encode_frame(watch_body{false, kinds.bits()})};
}

detail::requesting_nothing incarnation_handle::depends_on_me(dependency kind) const {
    const runtime::kernel_entry inc;
    return {detail::request_kind::depend, node_id{}, *this,
            encode_frame(depend_body{kind, inc->id, inc->kernel->self})};
}

detail::requesting_nothing incarnation_handle::freeze() const {
    return {detail::request_kind::freeze, node_id{}, *this, bytes{}};
}

detail::requesting_nothing
incarnation_handle::unfreeze(std::optional<priority_level> priority) const {
    return {detail::request_kind::unfreeze, node_id{}, *this,
            encode_frame(unfreeze_body{priority.value_or(detail::same_priority)})};
}

detail::requesting_nothing incarnation_handle::migrate(node_id to, duration rest_within) const {
    return {detail::request_kind::migrate, node_id{}, *this,
            encode_frame(migrate_body{to, rest_within.count()})};
}

incarnation_id incarnation_handle::id() const noexcept {
    const runtime::kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, *this);
    return entry && entry->kind == reference_kind::incarnation
               ? static_cast<handle_record*>(entry->record)->id
               : incarnation_id{};
}

} // namespace equus
