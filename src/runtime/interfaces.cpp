// The interfaces of an incarnation: what its class declares, and how they are wired from inside.
#include "runtime/kernel_impl.hpp"

namespace equus {

using namespace runtime;

namespace detail {

using runtime::incarnation_record;

void describe_interfaces(module_type& module) {
    runtime::describing_record describing;
    describing.described = &module;
    runtime::running_scope scope{&describing};
    void* object = ::operator new (module.size, std::align_val_t{module.alignment});
    const auto made = module.construct(object);
    EQUUS_ASSERT(made && "an incarnation can be made outside of a node");
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

} // namespace detail

std::vector<declared_interface> declared_interfaces() {
    const runtime::kernel_entry inc;
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
    const runtime::kernel_entry inc;
    if (!inc->rest)
        return {};
    const auto found = inc->rest->given.find(name);
    return found == inc->rest->given.end() ? any_reference{} : any_reference{found->second};
}

result<any_reference> attach_new_channel(reference port, channel_kind routing) {
    const runtime::kernel_entry inc;
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
    const runtime::kernel_entry inc;
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
    const runtime::kernel_entry inc;
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
    target->reported = source->reported;
    kernel.drop_reference(*inc, to.index());
    return {};
}

} // namespace equus
