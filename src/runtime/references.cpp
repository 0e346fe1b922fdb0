#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

reference kernel_impl::add_reference(incarnation_record& inc, reference_entry entry) {
    std::uint32_t index;
    if (inc.free_reference != ~0u) {
        index = inc.free_reference;
        inc.free_reference = inc.references[index].rights;
        entry.generation = inc.references[index].generation;
        inc.references[index] = entry;
    } else {
        if (inc.references.size() >= options.limits.references_max)
            return {};
        index = static_cast<std::uint32_t>(inc.references.size());
        entry.generation = 1;
        inc.references.push_back(entry);
    }
    trace(trace_kind::reference, inc.id, index, static_cast<std::uint64_t>(entry.kind), 1);
    return reference{index, inc.references[index].generation};
}

reference_entry* kernel_impl::lookup(incarnation_record& inc, reference which) noexcept {
    if (which.index() >= inc.references.size())
        return nullptr;
    reference_entry& entry = inc.references[which.index()];
    return entry.kind != reference_kind::none && entry.generation == which.generation() ? &entry
                                                                                        : nullptr;
}

void kernel_impl::drop_reference(incarnation_record& inc, std::uint32_t index) noexcept {
    reference_entry& entry = inc.references[index];
    trace(trace_kind::reference, inc.id, index, static_cast<std::uint64_t>(entry.kind), 0);
    void* record = std::exchange(entry.record, nullptr);
    const reference_kind what = std::exchange(entry.kind, reference_kind::none);
    entry.protocol = nullptr;
    entry.generation +=
        EQUUS_MUTANT(generation_stays) ? 0 : 1; // whoever still has the number has nothing
    entry.rights = std::exchange(inc.free_reference, index);
    if (!record)
        return;
    switch (what) {
    case reference_kind::stream:
        close_stream(*static_cast<stream_record*>(record));
        break;
    case reference_kind::port:
        close_port(*static_cast<port_record*>(record), errc::closed);
        break;
    case reference_kind::incarnation:
    case reference_kind::stream_handle:
    case reference_kind::port_handle:
        delete static_cast<handle_record*>(record);
        break;
    default:
        drop_bulk_reference(what, record);
        break;
    }
}

reference kernel_impl::make_handle(incarnation_record& inc, incarnation_id id, place at) {
    capability named;
    named.kind = reference_kind::incarnation;
    named.incarnation = id;
    named.at = at;
    return make_named(inc, named);
}

namespace {

incarnation_id owner_of(const capability& which) noexcept {
    if (which.kind != reference_kind::stream)
        return which.incarnation;
    return which.routing == channel_kind::unicast ? which.port.owner : which.channel.owner;
}

} // namespace

/// `receiver`: who is to have it; empty: several, or one that does not exist yet.
result<capability> kernel_impl::export_reference(incarnation_record& inc, reference which,
                                                 incarnation_id receiver) {
    auto described = describe_reference(inc, which);
    if (!described)
        return described;
    switch (described->domain) {
    case propagation::free:
    case propagation::same_rdc: // every kernel that would take the message is of this run
        return described;
    case propagation::owner:
        if (receiver && receiver == owner_of(*described))
            return described;
        return fail(errc::access_denied, "the reference may only be given back to its owner");
    default:
        return fail(errc::access_denied, "the reference may not be passed on");
    }
}

result<capability> kernel_impl::describe_reference(incarnation_record& inc, reference which) {
    reference_entry* entry = lookup(inc, which);
    if (!entry)
        return fail(errc::no_such_reference, "a reference in the message is stale or forged");
    capability out;
    out.kind = entry->kind;
    out.domain = entry->domain;
    out.rights = entry->rights;
    out.reported = entry->reported;
    switch (entry->kind) {
    case reference_kind::stream: {
        auto* stream = static_cast<stream_record*>(entry->record);
        if (!stream)
            return fail(errc::not_wired, "a stream in the message is not wired");
        out.protocol = stream->protocol;
        out.routing = stream->routing;
        out.channel = stream->channel;
        out.credit_first = stream->credit_first;
        if (stream->routing == channel_kind::unicast && stream->legs) {
            out.port = stream->legs->port;
            out.at = stream->legs->at;
        } else {
            out.at = stream->channel_at;
        }
        return out;
    }
    case reference_kind::incarnation:
    case reference_kind::stream_handle:
    case reference_kind::port_handle: {
        const auto& handle = *static_cast<handle_record*>(entry->record);
        out.incarnation = handle.id;
        out.at = handle.at;
        out.counter = handle.counter;
        out.protocol = handle.protocol;
        return out;
    }
    default:
        if (auto described = describe_bulk(*entry, out); !described)
            return fail(std::move(described.error()));
        return out;
    }
}

reference kernel_impl::import_capability(incarnation_record& inc, const capability& from) {
    switch (from.kind) {
    case reference_kind::stream: {
        stream_record* stream = make_stream(inc, from.protocol);
        reference_entry entry;
        entry.kind = reference_kind::stream;
        entry.domain = from.domain;
        entry.rights = from.rights;
        entry.reported = from.reported;
        entry.record = stream;
        const reference made = add_reference(inc, entry);
        if (!made) {
            free_stream(*stream);
            no_copies({&from, 1});
            return {};
        }
        bind(*stream, from);
        if (from.wanted && from.wanted_by.node) [[unlikely]]
            copy_is_made(from, stream);
        return made;
    }
    case reference_kind::incarnation:
    case reference_kind::stream_handle:
    case reference_kind::port_handle:
        return make_named(inc, from);
    default:
        return import_bulk(inc, from);
    }
}

namespace {

struct export_walk {
    kernel_impl& kernel;
    incarnation_record& from;
    incarnation_id receiver;
    node_boot answered;
    std::vector<capability> made;
    std::vector<reference> marked; ///< to be given away
    error why{errc::ok};
};

/// The message's frame counts them in one byte.
constexpr std::size_t capabilities_countable = 255;

} // namespace

/// Writes indices into the object's references, and returns what they stand for: all of them or, if
/// one is refused, none. `answered`: where the receiver of a reply is.
result<std::vector<capability>>
kernel_impl::export_references(incarnation_record& inc, const message_type& type, void* object,
                               incarnation_id receiver, node_boot answered) {
    export_walk walk{*this, inc, receiver, answered, {}, {}};
    type.for_each_reference(
        object,
        [](void* opaque, reference& found) {
            auto& at = *static_cast<export_walk*>(opaque);
            if (!found || at.why != errc::ok)
                return; // one that names nothing arrives as one that names nothing
            auto exported = at.kernel.export_reference(at.from, found, at.receiver);
            if (!exported) {
                at.why = std::move(exported.error());
                return;
            }
            const reference_entry& entry = at.from.references[found.index()];
            if (entry.followed) [[unlikely]]
                exported->wanted = at.kernel.wanted_of(at.from, found, at.answered);
            if (entry.given_away) [[unlikely]]
                at.marked.push_back(found);
            if (exported->kind == reference_kind::bulk) // it is the message's from now on
                at.kernel.drop_reference(at.from, found.index());
            found = reference{static_cast<std::uint32_t>(at.made.size()), 0};
            at.made.push_back(std::move(*exported));
        },
        &walk);
    if (walk.why != errc::ok)
        return fail(std::move(walk.why));
    if (walk.made.size() > options.limits.capabilities_max ||
        walk.made.size() > capabilities_countable)
        return fail(errc::too_large, "capabilities_max");
    for (const capability& each : walk.made)
        if (each.reported) [[unlikely]]
            tell_of_propagation(inc, each, receiver);
    give_away_marked(inc, walk.marked);
    return std::move(walk.made);
}

/// To the owner of what it refers to, unless that is who passes it on.
void kernel_impl::tell_of_propagation(const incarnation_record& by, const capability& what,
                                      incarnation_id receiver) {
    const incarnation_id owner = owner_of(what);
    if (owner == by.id)
        return;
    event told;
    told.kind = event_kind::propagated;
    told.subject = by.id;
    told.node = self;
    told.other = receiver;
    send_event(watcher{owner, what.at.at, event_kind::propagated}, told);
}

result<void> kernel_impl::export_message(incarnation_record& inc, envelope& message,
                                         incarnation_id receiver) {
    auto made = export_references(inc, *message.type, message.payload(), receiver);
    if (!made)
        return fail(std::move(made.error()));
    if (!made->empty()) {
        message.capability_count = static_cast<std::uint16_t>(made->size());
        message.capabilities = new capability[made->size()];
        std::move(made->begin(), made->end(), message.capabilities);
    }
    return {};
}

void kernel_impl::redeem(incarnation_record& inc, const message_type& type, void* object,
                         const capability* capabilities, std::size_t count) {
    struct walk {
        kernel_impl& kernel;
        incarnation_record& to;
        const capability* from;
        std::size_t count;
    } context{*this, inc, capabilities, count};
    type.for_each_reference(
        object,
        [](void* opaque, reference& found) {
            const auto& at = *static_cast<walk*>(opaque);
            found = found.index() < at.count
                        ? at.kernel.import_capability(at.to, at.from[found.index()])
                        : reference{};
        },
        &context);
}

namespace detail {

using runtime::incarnation_record;

void redeem_references(envelope& message, const message_type& type, void* object) {
    const runtime::kernel_entry inc;
    inc->kernel->redeem(*inc, type, object, message.capabilities, message.capability_count);
}

errc close(reference which) noexcept {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    if (!inc->kernel->lookup(*inc, which))
        return errc::no_such_reference;
    inc->kernel->drop_reference(*inc, which.index());
    return errc::ok;
}

bool is_open(reference which) noexcept {
    const runtime::kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, which);
    if (!entry || !entry->record)
        return false;
    return entry->kind != reference_kind::stream ||
           static_cast<stream_record*>(entry->record)->broken == errc::ok;
}

const protocol_type* protocol_of(reference which) noexcept {
    const runtime::kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, which);
    return entry ? entry->protocol : nullptr;
}

result<void> check_protocol(reference which, const protocol_type& protocol) {
    const runtime::kernel_entry inc;
    auto* entry = inc->kernel->lookup(*inc, which);
    if (!entry)
        return fail(errc::no_such_reference);
    const bool right = entry->kind == reference_kind::stream && entry->record &&
                       static_cast<stream_record*>(entry->record)->protocol == protocol.id;
    if (!right)
        return fail(errc::wrong_protocol,
                    "the reference is not a stream of " + std::string{protocol.name});
    entry->protocol = &protocol;
    return {};
}

} // namespace detail

result<any_reference> narrowed(reference original, rights kept, propagation reach) {
    const kernel_entry inc;
    kernel_impl& kernel = *inc->kernel;
    auto described = kernel.describe_reference(*inc, original);
    if (!described)
        return fail(std::move(described.error()));
    if (described->kind == reference_kind::bulk)
        return fail(errc::unsupported, "bulk has no rights");
    described->rights &= kept;
    described->domain = std::max(described->domain, reach); // from free to never
    const reference made = kernel.import_capability(*inc, *described);
    if (!made)
        return fail(errc::limit_reached, "references_max");
    return any_reference{made};
}

result<any_reference> reported(reference original) {
    const runtime::kernel_entry inc;
    kernel_impl& kernel = *inc->kernel;
    auto described = kernel.describe_reference(*inc, original);
    if (!described)
        return fail(std::move(described.error()));
    described->reported = true;
    const reference made = kernel.import_capability(*inc, *described);
    if (!made)
        return fail(errc::limit_reached, "references_max");
    return any_reference{made};
}

rights rights_of(reference which) noexcept {
    const kernel_entry inc;
    const auto* entry = inc->kernel->lookup(*inc, which);
    return entry ? entry->rights : 0;
}

} // namespace equus
