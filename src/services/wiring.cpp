// The interfaces of a new incarnation, wired by label. Ports first: their channels are deposited
// before anybody is waited for, so that any number of incarnations may wait for each other in any
// order [K34].
#include "services/space_client.hpp"

#include <equus/incarnation.hpp>
#include <equus/wiring.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace equus {

namespace {

using space_stream = stream<space::spacing>;
using services::space_client;

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

space::get request_for(const declared_interface& which, const std::string& label) {
    space::get asked;
    asked.label = label;
    asked.who = own_name();
    asked.interface = which.name;
    asked.where = which.binding->where;
    asked.fresh = which.binding->handle && which.kind == interface_kind::stream; // [K38]
    return asked;
}

/// "label 'pages' for stream 'out' (shop.rdc:21)".
std::string waits_for(const declared_interface& which, const std::string& label) {
    std::string text = "label '" + label + "' for ";
    text.append(which.kind == interface_kind::port ? "port '" : "stream '");
    text.append(which.name).append("'");
    if (!which.binding->where.empty())
        text.append(" (").append(which.binding->where).append(")");
    return text;
}

/// A port joins a channel that has been deposited, or makes its own and deposits it.
task<> wire_port(declared_interface port, const std::string* label, space_stream in,
                 space_client* client) {
    space::describe question;
    question.label = *label;
    auto known = co_await client->ask(in, std::move(question));
    if (!known)
        co_await ok(refuse(port, *label, std::move(known.error())));
    if (known->known && known->protocol != port.protocol) {
        std::string text = "the channel carries " + known->protocol;
        co_await ok(refuse(port, *label, error{errc::wrong_protocol, std::move(text)}));
    }
    if (known->known && known->routing != channel_kind::unicast) {
        space::get asked = request_for(port, *label);
        auto channel = co_await client->ask(in, std::move(asked));
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
    space::put what;
    what.label = *label;
    what.what = *channel;
    what.protocol = port.protocol;
    auto stored = co_await client->ask(in, std::move(what));
    detail::close(*channel);
    if (!stored)
        co_await ok(refuse(port, *label, std::move(stored.error())));
}

/// A stream waits for its label for as long as it takes.
task<> wire_stream(declared_interface out, const std::string* label, space_stream in,
                   space_client* client) {
    any_reference to = label->rfind("system.", 0) == 0 ? born_with(*label) : any_reference{};
    if (!to) {
        space::get asked = request_for(out, *label);
        detail::wiring_waits_for(waits_for(out, *label));
        auto got = co_await client->ask(in, std::move(asked));
        detail::wiring_waits_for({});
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
    space_client client;
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
                co_await wire_port(each, &label, space_stream{space}, &client);
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
            co_await wire_stream(each, &label, space_stream{space}, &client);
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
