// The interfaces of a new incarnation, wired by label. Ports first: their channels are deposited
// before anybody is waited for, so that any number of incarnations may wait for each other in any
// order [K34].
#include <equus/incarnation.hpp>
#include <equus/services/space.hpp>
#include <equus/wiring.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace equus {

namespace {

using space_stream = stream<space::spacing>;

/// "port 'jobs', label 'pages': already exists".
tl::unexpected<error> refuse(const declared_interface& about, std::string_view label, error why) {
    std::string text = about.kind == interface_kind::port ? "port '" : "stream '";
    text.append(about.name).append("'");
    if (!label.empty())
        text.append(", label '").append(label).append("'");
    const errc code = why.code();
    return fail(error{code, std::move(text), std::move(why)});
}

/// What the configuration says of an interface that is there: a port's before anybody can send to
/// it, a stream's when it is bound.
void limit(const declared_interface& which) {
    if (!which.binding)
        return;
    set_credit(which.which, which.binding->credit);
    set_queue(which.which, which.binding->queue);
    if (which.binding->calls)
        set_calls(which.which, *which.binding->calls);
}

/// A port joins a channel that has been deposited, or makes its own and deposits it.
task<> wire_port(declared_interface port, const std::string* label, space_stream in) {
    auto known = co_await in.invoke<space::describe>(*label);
    if (!known)
        co_await ok(refuse(port, *label, std::move(known.error())));
    if (known->known && known->protocol != port.protocol) {
        std::string text = "the channel carries " + known->protocol;
        co_await ok(refuse(port, *label, error{errc::wrong_protocol, std::move(text)}));
    }
    if (known->known && known->routing != channel_kind::unicast) {
        const std::string who{own_name()};
        auto channel = co_await in.invoke<space::get>(*label, who).within(space::patience);
        if (!channel)
            co_await ok(refuse(port, *label, std::move(channel.error())));
        auto joined = co_await join_channel(port.which, channel->what);
        detail::close(channel->what);
        if (!joined)
            co_await ok(refuse(port, *label, std::move(joined.error())));
        co_return;
    }
    auto channel = attach_new_channel(port.which, channel_kind::unicast);
    if (!channel)
        co_await ok(refuse(port, *label, std::move(channel.error())));
    const std::string protocol{port.protocol};
    auto stored = co_await in.invoke<space::put>(*label, *channel, protocol);
    detail::close(*channel);
    if (!stored)
        co_await ok(refuse(port, *label, std::move(stored.error())));
}

/// A stream waits for its label for as long as it takes.
task<> wire_stream(declared_interface out, const std::string* label, space_stream in) {
    any_reference to = label->rfind("system.", 0) == 0 ? born_with(*label) : any_reference{};
    if (!to) {
        const std::string who{own_name()};
        const bool fresh = out.binding->handle; // [K38]
        auto got = co_await in.invoke<space::get>(*label, who, fresh).within(space::patience);
        if (!got)
            co_await ok(refuse(out, *label, std::move(got.error())));
        to = got->what;
    }
    if (auto bound = bind_stream(out.which, to); !bound)
        co_await ok(refuse(out, *label, std::move(bound.error())));
    limit(out);
}

} // namespace

task<> detail::wire_interfaces() {
    const auto interfaces = declared_interfaces();
    // What has a label needs stream space; one that was made without it keeps what it was given.
    const any_reference space = born_with("system.space");

    for (const declared_interface& each : interfaces) {
        const any_reference given = born_with(each.name);
        if (each.kind != interface_kind::port) {
            if (!given)
                continue;
            if (auto bound = bind_stream(each.which, given); !bound)
                co_await ok(refuse(each, {}, std::move(bound.error())));
            limit(each);
            continue;
        }
        limit(each);
        if (given) {
            auto joined = co_await join_channel(each.which, given);
            if (!joined)
                co_await ok(refuse(each, {}, std::move(joined.error())));
        }
        if (each.binding && space)
            for (const std::string& label : each.binding->channels)
                co_await wire_port(each, &label, space_stream{space});
    }
    const declared_interface* keeps_space = nullptr;
    for (const declared_interface& each : interfaces) {
        if (each.kind == interface_kind::port || !each.binding || !space ||
            each.binding->channels.empty() || born_with(each.name))
            continue;
        const std::string& label = each.binding->channels.front();
        if (label == "system.space")
            keeps_space = &each;
        else
            co_await wire_stream(each, &label, space_stream{space});
    }
    if (keeps_space) {
        if (auto bound = bind_stream(keeps_space->which, space); !bound)
            co_await ok(refuse(*keeps_space, "system.space", std::move(bound.error())));
        limit(*keeps_space);
        co_return;
    }
    // Wiring was its only use: an incarnation reaches what its declaration names, no more.
    if (space)
        detail::close(space);
}

} // namespace equus
