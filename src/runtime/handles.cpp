// Handles on streams and ports, what a reference says of itself, and what is given away with a
// message.
#include "runtime/kernel_impl.hpp"

#include <equus/channel.hpp>
#include <equus/handle.hpp>

#include <algorithm>

namespace equus {

using namespace runtime;

/// An entry that leads to an identity and where it was last known to be.
reference kernel_impl::make_named(incarnation_record& inc, const capability& of) {
    reference_entry entry;
    entry.kind = of.kind;
    entry.domain = of.domain;
    entry.rights = of.rights;
    entry.reported = of.reported;
    entry.record = new handle_record{of.incarnation, of.at, of.counter, of.protocol};
    const reference made = add_reference(inc, entry);
    if (!made)
        delete static_cast<handle_record*>(entry.record);
    return made;
}

/// The stream of that identity, if its owner lives here and has not closed it.
stream_record* kernel_impl::find_stream(stream_id id) noexcept {
    incarnation_record* inc = find(id.owner);
    if (!inc)
        return nullptr;
    for (std::uint32_t i = 0; i < inc->references.size(); ++i) {
        const reference_entry& entry = inc->references[i];
        if (entry.kind != reference_kind::stream || !entry.record)
            continue;
        auto* stream = static_cast<stream_record*>(entry.record);
        if (stream->id == id)
            return stream;
    }
    return nullptr;
}

/// The request for a handle of the copy that leaves for that node with an answer; 0: none. A copy
/// that leaves otherwise has no handle for its giver: whose it will be is not known.
std::uint64_t kernel_impl::wanted_of(incarnation_record& inc, reference original,
                                     node_boot copied_to) {
    if (!copied_to.node) {
        end_following(inc, original,
                      error{errc::unsupported, "a handle of a copy is given for replies only"});
        return 0;
    }
    inc.references[original.index()].followed = false;
    for (auto& [id, asked] : requests)
        if (asked.op && asked.op->owner == &inc && asked.follows == original) {
            asked.follows = {};
            asked.to = copied_to;
            return id;
        }
    return 0; // nobody waits for it any more
}

void kernel_impl::end_following(incarnation_record& inc, reference original, error why) {
    inc.references[original.index()].followed = false;
    for (auto at = requests.begin(); at != requests.end(); ++at)
        if (at->second.op && at->second.op->owner == &inc && at->second.follows == original) {
            detail::request_operation& op = *at->second.op;
            requests.erase(at);
            end(op, std::move(why));
            return;
        }
}

/// The caller has given up: nothing of the reply is copied.
void kernel_impl::reply_is_dropped(incarnation_record& inc, const message_type& type,
                                   void* object) {
    struct walk {
        kernel_impl& kernel;
        incarnation_record& inc;
    } context{*this, inc};
    type.for_each_reference(
        object,
        [](void* opaque, reference& found) {
            const auto& at = *static_cast<walk*>(opaque);
            if (const auto* entry = at.kernel.lookup(at.inc, found); entry && entry->followed)
                at.kernel.end_following(at.inc, found,
                                        error{errc::not_found, "nobody waits for the reply"});
        },
        &context);
}

/// At the receiver of a reply: who has passed it on gets a handle of the copy, or hears that there
/// is none.
void kernel_impl::copy_is_made(const capability& from, const stream_record* copy) {
    if (const auto mine = requests.find(from.wanted);
        from.wanted_by == self && mine != requests.end())
        mine->second.to = self; // it has not left
    answer_frame out;
    if (copy) {
        capability handle;
        handle.kind = reference_kind::stream_handle;
        handle.incarnation = copy->owner->id;
        handle.counter = copy->id.counter;
        handle.protocol = copy->protocol;
        handle.at = {self, copy->owner->slot, {}};
        out.capabilities.push_back(handle);
    } else {
        out.status = errc::not_found;
        out.text = "the reply did not reach its caller";
    }
    answer_later(from.wanted_by, from.wanted, std::move(out));
}

void kernel_impl::no_copies(std::span<const capability> wanted) {
    for (const capability& each : wanted)
        if (each.wanted && each.wanted_by.node) [[unlikely]]
            copy_is_made(each, nullptr);
}

/// What was marked to be given away and has left with a message is the incarnation's no more. Its
/// stream is closed when the code that sends has done its work: it may be the one it sends on.
void kernel_impl::give_away(incarnation_record& inc, std::uint32_t index) {
    reference_entry& entry = inc.references[index];
    if (entry.kind == reference_kind::stream && entry.record) {
        auto* stream = static_cast<stream_record*>(std::exchange(entry.record, nullptr));
        end_waiting(*stream);
        given_away.push_back(stream);
        is_deferred = true;
    }
    drop_reference(inc, index);
}

void kernel_impl::give_away_marked(incarnation_record& inc, std::vector<reference>& marked) {
    for (const reference each : marked)
        if (lookup(inc, each) && !EQUUS_MUTANT(what_is_given_away_stays))
            give_away(inc, each.index()); // once, however often the message names it
}

void kernel_impl::settle_deferred() {
    is_deferred = false;
    for (stream_record* stream : std::exchange(given_away, {}))
        close_stream(*stream);
    settle_queued_calls();
    for (auto& [to, what] : std::exchange(early_events, {}))
        deliver_event(to, std::move(what));
}

namespace detail {

using runtime::incarnation_record;

namespace {
runtime::handle_record* named_by(reference which, reference_kind kind) noexcept {
    const runtime::kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, which);
    return entry && entry->kind == kind ? static_cast<runtime::handle_record*>(entry->record)
                                        : nullptr;
}
} // namespace

result<reference> handle_of(reference which) {
    const runtime::kernel_entry inc;
    kernel_impl& kernel = *inc->kernel;
    const auto* entry = kernel.lookup(*inc, which);
    if (!entry || (entry->kind != reference_kind::stream && entry->kind != reference_kind::port))
        return fail(errc::no_such_reference);
    if (!entry->record)
        return fail(errc::not_wired);
    capability named;
    named.incarnation = inc->id;
    named.at = {kernel.self, inc->slot, {}};
    if (entry->kind == reference_kind::stream) {
        const auto& stream = *static_cast<runtime::stream_record*>(entry->record);
        named.kind = reference_kind::stream_handle;
        named.counter = stream.id.counter;
        named.protocol = stream.protocol;
    } else {
        const auto& port = *static_cast<runtime::port_record*>(entry->record);
        named.kind = reference_kind::port_handle;
        named.counter = port.counter;
        named.protocol = port.protocol->id;
        named.at.slot = port.slot;
    }
    const reference made = kernel.make_named(*inc, named);
    if (!made)
        return fail(errc::limit_reached, "references_max");
    return made;
}

stream_id stream_named_by(reference handle) noexcept {
    const auto* named = named_by(handle, reference_kind::stream_handle);
    return named ? stream_id{named->id, named->counter} : stream_id{};
}

port_id port_named_by(reference handle) noexcept {
    const auto* named = named_by(handle, reference_kind::port_handle);
    return named ? port_id{named->id, named->counter} : port_id{};
}

result<void> check_kind(reference which, reference_kind kind, const protocol_type& protocol) {
    const auto* named = named_by(which, kind);
    if (!named)
        return fail(errc::wrong_protocol, "the reference is no such handle");
    if (named->protocol != protocol.id)
        return fail(errc::wrong_protocol,
                    "the handle is not one for " + std::string{protocol.name});
    return {};
}

void mark_transferred(reference which) noexcept {
    const runtime::kernel_entry inc;
    if (auto* entry = inc->kernel->lookup(*inc, which))
        entry->given_away = true;
}

result<reference> make_channel(const protocol_type& protocol, channel_kind kind) {
    if (kind == channel_kind::unicast)
        return fail(errc::invalid_argument, "a unicast channel is made with its port");
    const reference made = equus::make_channel(protocol.name, kind);
    if (!made)
        return fail(errc::limit_reached, "references_max");
    return made;
}

result<reference> make_port(const protocol_type& protocol, const handler* handlers) {
    const runtime::kernel_entry inc;
    runtime::port_record* port = inc->kernel->make_port(*inc, protocol, handlers);
    runtime::reference_entry entry;
    entry.kind = reference_kind::port;
    entry.domain = propagation::never;
    entry.record = port;
    entry.protocol = &protocol;
    const reference made = inc->kernel->add_reference(*inc, entry);
    if (!made) {
        inc->kernel->close_port(*port, errc::closed);
        return fail(errc::limit_reached, "references_max");
    }
    return made;
}

void begin_following(request_operation& op, reference which) {
    const runtime::kernel_entry inc;
    kernel_impl& kernel = *inc->kernel;
    op.owner = inc;
    op.status = operation::state::waiting;
    op.since = ticks_of(kernel.now);
    auto* entry = kernel.lookup(*inc, which);
    if (!entry || entry->kind != reference_kind::stream) {
        kernel.end(op, errc::no_such_reference);
        return;
    }
    entry->followed = true;
    op.id = kernel.next_request++;
    kernel_impl::pending_request asked;
    asked.op = &op;
    asked.follows = which;
    kernel.requests.emplace(op.id, std::move(asked));
}

} // namespace detail

reference_info test_reference(reference which) noexcept {
    const runtime::kernel_entry inc;
    reference_info out;
    const auto* entry = inc->kernel->lookup(*inc, which);
    if (!entry)
        return out;
    out.kind = entry->kind;
    out.allowed = entry->rights;
    out.reach = entry->domain;
    out.transferred = entry->given_away;
    out.is_open = detail::is_open(which);
    if (entry->protocol)
        out.protocol = entry->protocol->name;
    switch (entry->kind) {
    case reference_kind::stream:
        if (entry->record)
            out.protocol_id = static_cast<stream_record*>(entry->record)->protocol;
        else if (entry->protocol)
            out.protocol_id = entry->protocol->id;
        break;
    case reference_kind::port:
        out.protocol_id = entry->protocol->id;
        break;
    case reference_kind::stream_handle:
    case reference_kind::port_handle:
        out.protocol_id = static_cast<handle_record*>(entry->record)->protocol;
        break;
    default:
        break;
    }
    return out;
}

} // namespace equus
