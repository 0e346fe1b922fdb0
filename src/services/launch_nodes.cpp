#include "services/launch.hpp"

#include <algorithm>
#include <utility>

namespace equus::services {

using launching::ending;

bool has_module(const member_info& member, std::string_view module) {
    return std::find(member.modules.begin(), member.modules.end(), module) != member.modules.end();
}

namespace {

/// Creations under way at once.
constexpr std::size_t creating_max = 64;
/// For a service to be made and to say where it is.
constexpr duration service_within = std::chrono::seconds{20};

/// A node's own service is found in stream space under a label that no other life of a node has.
std::string service_label(std::string_view name, node_boot at) {
    return "system." + std::string{name} + "@" + std::to_string(at.node.value) + "." +
           std::to_string(at.boot.value);
}

std::string service_name(std::string_view name, node_boot at) {
    return "system." + std::string{name} + "@" + std::to_string(at.node.value);
}

interface_binding bound_to(interface_kind kind, std::string label) {
    interface_binding binding;
    binding.kind = kind;
    binding.channels.push_back(std::move(label));
    return binding;
}

} // namespace

std::uint32_t launch_service::ready_nodes() const noexcept {
    std::uint32_t count = 0;
    for (const auto& [node, entry] : nodes_)
        count += entry.ready ? 1 : 0;
    return count;
}

task<> launch_service::set_up() {
    auto space_made = co_await as_result(make_space());
    if (!space_made) {
        finish(ending::not_established, space_made.error().code(), 1,
               "stream space: " + space_made.error().describe());
        co_return;
    }
    auto channels_made = co_await as_result(make_channels());
    if (!channels_made) {
        finish(ending::not_established, channels_made.error().code(), 1,
               channels_made.error().describe());
        co_return;
    }
    for (member_info& member : members())
        tasks_.start(take_in(std::move(member)));
    co_await wait_for_nodes();
    if (!outcome_)
        co_await create_all();
}

/// Channels with many ports belong to the launch: they are there before any port [K36].
task<> launch_service::make_channels() {
    for (const auto& [label, declared] : order_.configuration.channels) {
        if (declared.kind == channel_kind::unicast)
            continue;
        const std::string whom = "channel '" + label + "'";
        if (declared.kind == channel_kind::group)
            co_await ok(fail(errc::unsupported, whom + ": group channels"));
        const any_reference channel = make_channel(declared.protocol, declared.kind);
        space::put what;
        what.label = label;
        what.what = channel;
        what.protocol = declared.protocol;
        what.routing = declared.kind;
        auto stored = co_await in_space_.ask(space_, std::move(what));
        detail::close(channel);
        if (!stored)
            co_await ok(fail(error{stored.error().code(), whom, stored.error()}));
    }
}

task<> launch_service::wait_for_nodes() {
    const time_point until = deadline_after(now(), order_.nodes_within);
    while (!outcome_ && ready_nodes() < order_.nodes_wanted) {
        const duration left = until == time_point::never() ? for_ever : until - now();
        bool in_time = left > duration::zero();
        if (in_time)
            in_time = co_await changed_.wait().within(left);
        if (!in_time) {
            finish(ending::not_established, errc::timed_out, 1,
                   std::to_string(ready_nodes()) + " of " + std::to_string(order_.nodes_wanted) +
                       " nodes were there in time");
            co_return;
        }
    }
}

task<> launch_service::take_in(member_info member) {
    const node_boot at = member.at;
    if (!nodes_.try_emplace(at.node).second)
        co_return; // heard of twice
    nodes_[at.node].member = std::move(member);
    auto made = co_await as_result(make_services(at));
    const auto found = nodes_.find(at.node);
    if (found == nodes_.end() || found->second.member.at != at)
        co_return; // lost meanwhile
    launching::progress told;
    told.name = found->second.member.name;
    told.node = at;
    if (!made) {
        told.kind = launching::progress_kind::failed;
        told.reason = made.error().code();
        told.text = made.error().describe();
        if (!established_)
            finish(ending::not_established, told.reason, 1,
                   "node '" + told.name + "': " + told.text);
    } else {
        found->second.ready = true;
        placement_.add_node(found->second.member);
        if (at != where())
            tasks_.start(keep_space());
        tell(launching::notice_kind::allocated, found->second, duration{0}, {});
        told.kind = launching::progress_kind::node_ready;
        told.done = ready_nodes();
        told.total = order_.nodes_wanted;
    }
    report(std::move(told));
    changed_.notify();
}

task<> launch_service::make_services(node_boot at) {
    const std::string cache_label = service_label("space", at);
    creation cache;
    cache.module = "equus.space_cache";
    cache.name = service_name("space", at);
    cache.interfaces["requests"] = bound_to(interface_kind::port, cache_label);
    const any_reference space{space_};
    cache.given["gets"] = space;
    cache.given["others"] = space;
    cache.given["system.space"] = space;
    co_await make_service(at, "space", std::move(cache), cache_label);

    const std::vector<service_manifest> wanted = order_.services;
    for (const service_manifest& each : wanted) {
        const auto found = nodes_.find(at.node);
        if (found == nodes_.end() || found->second.member.at != at)
            co_await ok(fail(errc::no_such_node, "the node was lost"));
        if (each.name == "space" || each.name == "launch" ||
            !has_module(found->second.member, each.module))
            continue;
        const std::string label = service_label(each.name, at);
        creation what;
        what.module = each.module;
        what.name = service_name(each.name, at);
        what.interfaces[each.port] = bound_to(interface_kind::port, label);
        what.given["system.space"] = found->second.services["space"];
        co_await make_service(at, each.name, std::move(what), label);
    }
}

task<> launch_service::make_service(node_boot at, std::string name, creation what,
                                    std::string label) {
    const std::string whom = "service 'system." + name + "'";
    what.watched = true;
    auto made = co_await create(what, at.node);
    if (!made)
        co_await ok(fail(error{made.error().code(), whom, made.error()}));
    const incarnation_handle handle = *made;
    service_ids_[handle.id()] = {name, at};
    space::get asked;
    asked.label = label;
    asked.who = own_name();
    auto got = co_await in_space_.ask(gets_, std::move(asked), service_within);
    if (!got)
        co_await ok(fail(error{got.error().code(), whom + " did not begin", got.error()}));
    const auto found = nodes_.find(at.node);
    if (found == nodes_.end() || found->second.member.at != at)
        co_await ok(fail(errc::no_such_node, "the node was lost"));
    found->second.made.push_back(handle);
    found->second.services[name] = got->what;
}

// ---------------------------------------------------------------------- the incarnations

task<> launch_service::create_all() {
    const rdc& configuration = order_.configuration;
    if (!configuration.primary()) {
        finish(ending::not_established, errc::invalid_argument, 1,
               "the configuration has no primary incarnation [K2]");
        co_return;
    }
    for (const incarnation_name& name : placement_table::order_of(configuration.incarnations)) {
        const incarnation_declaration& what = configuration.incarnations.at(name);
        auto node = place(name, what, node_id{});
        if (!node) {
            finish(ending::not_established, node.error().code(), 1,
                   std::string{node.error().text()});
            co_return;
        }
        residents_[name].what = &what;
        if (what.primary)
            to_create_.push_front(name);
        else
            to_create_.push_back(name);
    }
    const std::size_t tasks = std::min(creating_max, to_create_.size());
    task_group creating;
    for (std::size_t i = 0; i < tasks; ++i)
        creating.start(create_some());
    co_await creating.all_ended();
    if (outcome_)
        co_return;
    established_ = true;
    changed_.notify();
    launching::progress told;
    told.kind = launching::progress_kind::running;
    told.name = configuration.name;
    told.done = created_;
    told.total = created_;
    report(std::move(told));
}

task<> launch_service::create_some() {
    const auto total = static_cast<std::uint32_t>(order_.configuration.incarnations.size());
    while (!to_create_.empty() && !outcome_) {
        const incarnation_name name = std::move(to_create_.front());
        to_create_.pop_front();
        auto made = co_await as_result(create_resident(name, node_id{}));
        if (!made) {
            finish(ending::not_established, made.error().code(), 1, made.error().describe());
            co_return;
        }
        ++created_;
        launching::progress told;
        told.kind = launching::progress_kind::creating;
        told.name = name.text();
        told.done = created_;
        told.total = total;
        report(std::move(told));
    }
}

} // namespace equus::services
