// Who waits for what: every operation that a coroutine waits for, found where it waits. Nothing is
// kept for this while nobody asks; an operation knows its kind, its deadline and when it began.
#include "runtime/kernel_impl.hpp"

#include <map>
#include <set>

namespace equus {

using namespace runtime;

namespace {

class collector {
public:
    collector(const kernel_impl& kernel, node_status& to) : kernel_{kernel}, to_{to} {
        for (std::size_t i = 0; i < to.incarnations.size(); ++i)
            rows_.emplace(to.incarnations[i].id, i);
    }
    void run() {
        calls_that_left();
        kernel_.incarnations.for_each([&](const incarnation_record& inc) {
            senders(inc);
            receivers(inc);
            queued_calls(inc);
        });
        timers();
        others();
        calls_in_hand();
    }

private:
    incarnation_status* row(incarnation_id who) {
        const auto found = rows_.find(who);
        return found == rows_.end() ? nullptr : &to_.incarnations[found->second];
    }
    static const incarnation_record& owner(const operation& op) {
        return *static_cast<const incarnation_record*>(op.owner);
    }
    /// A coroutine stands still because of it.
    static bool is_waited_for(const operation& op) noexcept {
        return op.owner && op.waiter && op.status == operation::state::waiting && !op.ready;
    }

    wait_status begun(const operation& op, wait_kind kind) const {
        wait_status made;
        made.kind = kind;
        const std::uint32_t ticks = detail::ticks_of(kernel_.now) - op.since;
        made.waited = duration{static_cast<std::int64_t>(std::uint64_t{ticks} << 20)};
        if (op.deadline != time_point::never())
            made.left = std::max(op.deadline - kernel_.now, duration::zero());
        return made;
    }
    void add(const operation& op, wait_status what) {
        incarnation_status* to = row(owner(op).id);
        if (!to)
            return;
        if (to->waits.size() < incarnation_status::rows_max)
            to->waits.push_back(std::move(what));
        else
            ++to->unlisted;
    }
    void add(incarnation_id holder, held_call what) {
        incarnation_status* to = row(holder);
        if (!to)
            return;
        if (to->holds.size() < incarnation_status::rows_max)
            to->holds.push_back(std::move(what));
        else
            ++to->unlisted;
    }

    static std::string name_of(const incarnation_record& inc, std::uint32_t index) {
        const auto& declared = inc.module->description.interfaces;
        return index < declared.size() ? declared[index].name : std::string{};
    }
    static std::string name_of(const port_record& port) {
        const incarnation_record& inc = *port.owner;
        for (std::uint32_t i = 0; i < inc.references.size(); ++i)
            if (inc.references[i].record == &port)
                return name_of(inc, i);
        return {};
    }
    static const reference_entry* entry_of(const incarnation_record& inc, reference which) {
        if (which.index() >= inc.references.size())
            return nullptr;
        const reference_entry& entry = inc.references[which.index()];
        return entry.generation == which.generation() ? &entry : nullptr;
    }
    static void name_stream(wait_status& to, const incarnation_record& inc, reference which) {
        to.name = name_of(inc, which.index());
        if (const reference_entry* entry = entry_of(inc, which); entry && entry->protocol)
            to.protocol = entry->protocol->name;
    }

    void calls_that_left() {
        for (const kernel_impl::call_slot& slot : kernel_.calls) {
            if (!slot.op || !slot.op->sent || !is_waited_for(*slot.op))
                continue;
            const incarnation_record& inc = owner(*slot.op);
            wait_status made = begun(*slot.op, wait_kind::call);
            name_stream(made, inc, slot.op->stream);
            made.call = slot.call;
            made.at = slot.to;
            made.label = label_wanted(inc);
            add(*slot.op, std::move(made));
        }
    }
    /// What an incarnation that is being wired asks stream space for: the first interface that the
    /// configuration names and that has no channel yet. Ports go first, as in wiring.
    static std::string label_wanted(const incarnation_record& inc) {
        if (inc.state != incarnation_state::starting || !inc.rest)
            return {};
        const auto& declared = inc.module->description.interfaces;
        for (const interface_kind kind : {interface_kind::port, interface_kind::stream})
            for (std::uint32_t i = 0; i < declared.size() && i < inc.references.size(); ++i) {
                const auto bound = inc.rest->interfaces.find(declared[i].name);
                if (declared[i].kind != kind || bound == inc.rest->interfaces.end() ||
                    inc.rest->given.count(declared[i].name) != 0)
                    continue;
                std::size_t wired = 0;
                if (const void* record = inc.references[i].record) {
                    const auto* port = static_cast<const port_record*>(record);
                    wired = kind == interface_kind::stream ? 1
                            : port->attached               ? port->attached->channels.size()
                                                           : 0;
                }
                if (wired < bound->second.channels.size())
                    return bound->second.channels[wired];
            }
        return {};
    }

    void senders(const incarnation_record& inc) {
        for (std::uint32_t i = 0; i < inc.references.size(); ++i) {
            const reference_entry& entry = inc.references[i];
            if (entry.kind != reference_kind::stream || !entry.record)
                continue;
            const auto& stream = *static_cast<const stream_record*>(entry.record);
            for (const operation* op = stream.waiting.front(); op; op = op->next) {
                if (!is_waited_for(*op))
                    continue;
                wait_status made = begun(*op, wait_kind::credit);
                made.name = name_of(inc, i);
                if (entry.protocol)
                    made.protocol = entry.protocol->name;
                if (!stream.legs)
                    made.kind = wait_kind::port;
                else if (op->kind == detail::operation_kind::call && stream.has_its_calls())
                    made.kind = wait_kind::calls;
                for (const stream_leg* leg = stream.legs; leg; leg = leg->next) {
                    made.sent += leg->sent;
                    made.consumed += leg->consumed;
                    if (made.kind == wait_kind::calls || !leg->has_credit(1))
                        made.on.push_back(leg->port.owner);
                }
                add(*op, std::move(made));
            }
        }
    }

    void receivers(const incarnation_record& inc) {
        for (const operation* at = inc.receivers.front(); at; at = at->next) {
            if (!is_waited_for(*at))
                continue;
            const auto& op = static_cast<const detail::receive_operation&>(*at);
            wait_status made = begun(op, wait_kind::message);
            for (std::uint8_t i = 0; i < op.port_count; ++i) {
                made.name += (i ? ", " : "") + name_of(inc, op.ports[i].index());
                if (const reference_entry* entry = entry_of(inc, op.ports[i]);
                    i == 0 && entry && entry->protocol)
                    made.protocol = entry->protocol->name;
            }
            if (op.filter.from)
                made.on.push_back(op.filter.from.owner);
            add(op, std::move(made));
        }
        if (!inc.rest || !inc.rest->events)
            return;
        for (const operation* op = inc.rest->events->hearers.front(); op; op = op->next)
            if (is_waited_for(*op))
                add(*op, begun(*op, wait_kind::event));
    }

    void timers() {
        for (const operation* op : kernel_.timers.all())
            if (op->kind == detail::operation_kind::sleep && is_waited_for(*op))
                add(*op, begun(*op, wait_kind::instant));
    }

    void others() {
        for (const auto& [id, op] : kernel_.effects)
            if (is_waited_for(*op))
                add(*op, begun(*op, wait_kind::effect));
        for (const auto& [id, asked] : kernel_.requests)
            if (asked.op && is_waited_for(*asked.op)) {
                wait_status made = begun(*asked.op, wait_kind::kernel);
                made.at = asked.to;
                add(*asked.op, std::move(made));
            }
        const auto copy = [&](const operation& op, node_boot with) {
            if (!is_waited_for(op))
                return;
            wait_status made = begun(op, wait_kind::bytes);
            made.at = with;
            add(op, std::move(made));
        };
        for (const auto& [id, in] : kernel_.bulk.inbounds)
            if (in->op)
                copy(*in->op, in->from);
        for (const auto& [id, write] : kernel_.bulk.writes)
            copy(*write.op, write.to);
    }

    static held_call held(const port_record& port, const envelope& message) {
        held_call made;
        made.call = message.call.call;
        made.port = name_of(port);
        if (message.ordinal < port.protocol->methods.size())
            made.message = port.protocol->methods[message.ordinal].name;
        return made;
    }
    void queued_calls(const incarnation_record& inc) {
        for (const port_record* port = inc.ports; port; port = port->next_owned)
            for (const envelope* at = port->queue.front(); at; at = at->next)
                if (at->call.call && !at->answered) {
                    held_call made = held(*port, *at);
                    made.queued = true;
                    queued_.insert(made.call);
                    add(inc.id, std::move(made));
                }
    }
    /// Those that are here and in no queue: in the hand of a handler, or kept for a later answer.
    void calls_in_hand() {
        const auto take = [&](const envelope& message) {
            if (!message.leg || message.answered || queued_.count(message.call.call) != 0)
                return;
            const port_record& port = *message.leg->port;
            add(port.owner->id, held(port, message));
        };
        for (const kernel_impl::call_slot& slot : kernel_.calls)
            if (slot.op && slot.held)
                take(*slot.held);
        for (const auto& [call, message] : kernel_.foreign_calls)
            take(*message);
    }

    const kernel_impl& kernel_;
    node_status& to_;
    std::map<incarnation_id, std::size_t> rows_;
    std::set<call_id> queued_;
};

} // namespace

void kernel_impl::add_waits(node_status& to) const {
    collector{*this, to}.run();
}

} // namespace equus
