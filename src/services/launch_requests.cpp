#include "services/launch.hpp"

#include <algorithm>
#include <utility>

namespace equus::services {

namespace {

/// How often an incarnation is placed again because its node was lost while it was made.
constexpr int attempts_max = 4;

/// "system.files" -> "files"; empty for a label of the configuration.
std::string_view service_in(std::string_view label) {
    constexpr std::string_view prefix = "system.";
    return label.substr(0, prefix.size()) == prefix ? label.substr(prefix.size())
                                                    : std::string_view{};
}

} // namespace

result<creation> launch_service::assemble(const incarnation_name& name,
                                          const incarnation_declaration& what,
                                          const node_entry& at) {
    creation made;
    made.module = what.module;
    made.name = name.text();
    made.parameters = what.parameters;
    made.interfaces = what.interfaces;
    made.memory_bytes = what.memory_bytes;
    made.priority = what.priority;
    bool space_needed = false;
    for (const auto& [interface, binding] : what.interfaces) {
        if (binding.channels.empty())
            continue;
        const std::string_view service = service_in(binding.channels.front());
        if (service.empty() || binding.kind == interface_kind::port) {
            space_needed = true;
        } else if (service == "launch") {
            made.given[interface] = own_requests_;
        } else if (const auto found = at.services.find(service); found != at.services.end()) {
            made.given[interface] = found->second;
        } else {
            return fail(errc::not_found, "stream '" + interface + "': node '" + at.member.name +
                                             "' has no service 'system." + std::string{service} +
                                             "'");
        }
    }
    if (space_needed)
        if (const auto found = at.services.find("space"); found != at.services.end())
            made.given["system.space"] = found->second;
    if (what.primary)
        made.given["system.launch"] = own_requests_;
    return made;
}

/// Where nothing is heard of a node it is not said that it is lost; another one is the better
/// place.
result<node_id> launch_service::place(const incarnation_name& name,
                                      const incarnation_declaration& what, node_id on) {
    if (std::any_of(nodes_.begin(), nodes_.end(),
                    [](const auto& each) { return each.second.silent; }))
        for (const member_info& member : members())
            if (const auto found = nodes_.find(member.at.node);
                found != nodes_.end() && member.reachable) {
                found->second.silent = false;
                placement_.set_silent(member.at.node, false);
            }
    return placement_.place(name, what, order_.configuration.places, on);
}

bool launch_service::is_forgetting(const incarnation_declaration& what) const {
    const auto labels = labels_of(what);
    return std::any_of(labels.begin(), labels.end(),
                       [&](const std::string& label) { return forgetting_.count(label) != 0; });
}

/// Requires: the name is among the residents and has been placed.
task<> launch_service::create_resident(incarnation_name name, node_id on) {
    const std::string whom = "incarnation '" + name.text() + "'";
    for (int attempt = 1;; ++attempt) {
        const incarnation_declaration& what = *residents_.at(name).what;
        // Otherwise what is removed may be the label of the new one.
        while (is_forgetting(what) && !outcome_)
            co_await changed_.wait();
        if (!placement_.node_of(name)) {
            auto again = place(name, what, on);
            if (!again)
                co_await ok(fail(std::move(again.error())));
        }
        const auto at = nodes_.find(placement_.node_of(name));
        if (at == nodes_.end())
            co_await ok(fail(errc::no_such_node, whom + ": its node was lost"));
        const node_boot node = at->second.member.at;
        auto assembled = assemble(name, what, at->second);
        if (!assembled)
            co_await ok(fail(error{assembled.error().code(), whom, assembled.error()}));
        creation birth = std::move(*assembled);
        birth.watched = true;
        auto made = co_await create(birth, node.node);
        if (!made && attempt < attempts_max && !is_member(node)) {
            drop_node(node, made.error().code());
            continue;
        }
        if (!made)
            co_await ok(fail(error{made.error().code(), whom + " of module '" + what.module + "'",
                                   made.error()}));
        resident& who = residents_.at(name);
        who.handle = *made;
        who.node = node;
        names_[made->id()] = name;
        changed_.notify();
        co_return;
    }
}

task<> launch_service::forget_label(std::string label) {
    space::remove asked;
    asked.label = std::move(label);
    const std::string forgotten = asked.label;
    auto done = co_await in_space_.ask(space_, std::move(asked));
    static_cast<void>(done);
    forgetting_.erase(forgetting_.find(forgotten));
    changed_.notify();
}

// ---------------------------------------------------------------------- requests

task<> launch_service::serve() {
    for (;;) {
        auto got = co_await requests.receive();
        if (!got)
            co_return;
        if (got->is<launching::instantiate>()) {
            tasks_.start(instantiate(std::move(*got)));
        } else if (got->is<launching::nodes>()) {
            tasks_.start(nodes(std::move(*got)));
        } else if (got->is<launching::find>()) {
            tasks_.start(find(std::move(*got)));
        } else if (got->is<launching::next_notice>()) {
            wait_for_notice(std::move(*got));
        } else if (got->is<launching::more_nodes>()) {
            ask_for_nodes(std::move(*got));
        } else if (got->is<launching::release_node>()) {
            release(std::move(*got));
        } else if (got->is<launching::rdc_exit>()) {
            if (auto asked = got->take<launching::rdc_exit>())
                finish(launching::ending::completed, errc::ok, asked->result,
                       std::move(asked->text));
        } else if (got->is<launching::get_handle>()) {
            launching::launch_handle own;
            own.handle = self_handle();
            got->reply<launching::get_handle>(own);
            detail::close(own.handle);
        } else {
            got->reply_error(errc::unknown_message);
        }
    }
}

launching::ended launch_service::on(launching::end_rdc asked) {
    launching::ended told;
    told.first = !outcome_;
    finish(launching::ending::completed, errc::ok, asked.result, std::move(asked.text));
    return told;
}

task<> launch_service::instantiate(request message) {
    auto asked = message.take<launching::instantiate>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    if (asked->count == 0 || asked->count > launching::batch_max) {
        message.reply_error(
            {errc::invalid_argument, "count: 1 to " + std::to_string(launching::batch_max)});
        co_return;
    }
    launching::instances told;
    std::vector<incarnation_name> names;
    for (std::uint32_t i = 0; i < asked->count && !outcome_; ++i) {
        auto name = next_of(*asked);
        if (!name) {
            told.reason = name.error().code();
            told.text = name.error().text();
            break;
        }
        names.push_back(std::move(*name));
    }
    {
        task_group creating;
        told.made.resize(names.size());
        for (std::size_t i = 0; i < names.size(); ++i)
            creating.start(instantiate_one(names[i], asked->on, &told, i));
        co_await creating.all_ended();
    }
    // One that was not made, or has ended again, has no handle to give.
    std::erase_if(told.made,
                  [](const launching::instance& each) { return !detail::is_open(each.handle); });
    if (told.made.empty() && told.reason != errc::ok)
        message.reply_error({told.reason, told.text});
    else
        message.reply<launching::instantiate>(std::move(told));
}

/// Places one more of what was asked for, and takes it among the residents.
result<incarnation_name> launch_service::next_of(const launching::instantiate& asked) {
    const rdc& configuration = order_.configuration;
    incarnation_name name;
    const incarnation_declaration* what = nullptr;
    if (const auto found = configuration.blueprints.find(asked.blueprint);
        found != configuration.blueprints.end()) {
        const std::uint32_t limit = found->second.instances_max;
        if (limit != 0 && instances_[asked.blueprint] >= limit)
            return fail(errc::limit_reached, "blueprint '" + asked.blueprint + "' has its " +
                                                 std::to_string(limit) + " instances");
        name.family = asked.blueprint;
        name.index = next_index_[asked.blueprint];
        what = &found->second.pattern;
    } else {
        for (const auto& [declared, declaration] : configuration.incarnations)
            if (declared.text() == asked.blueprint) {
                name = declared;
                what = &declaration;
            }
        if (!what)
            return fail(errc::not_found, "no blueprint '" + asked.blueprint + "'");
        // Whoever asks may have heard of a node's end before this launch has.
        if (const auto alive = residents_.find(name);
            alive != residents_.end() && alive->second.handle && !is_member(alive->second.node))
            drop_node(alive->second.node, errc::evicted);
        if (residents_.count(name) != 0)
            return fail(errc::already_exists, "'" + asked.blueprint + "' is alive");
    }
    auto placed = place(name, *what, asked.on);
    if (!placed)
        return fail(std::move(placed.error()));
    if (configuration.blueprints.count(name.family) != 0)
        ++next_index_[name.family];
    ++instances_[name.family];
    residents_[name].what = what;
    return name;
}

task<> launch_service::instantiate_one(incarnation_name name, node_id on,
                                       launching::instances* into, std::size_t index) {
    auto made = co_await as_result(create_resident(name, on));
    const auto found = residents_.find(name);
    if (!made) {
        if (found != residents_.end())
            residents_.erase(found);
        placement_.remove(name);
        --instances_[name.family];
        if (into->reason == errc::ok) {
            into->reason = made.error().code();
            into->text = made.error().describe();
        }
        co_return;
    }
    if (found == residents_.end())
        co_return; // ended, and reported, already
    launching::instance instance;
    instance.name = name.text();
    instance.node = found->second.node;
    instance.handle = found->second.handle;
    launching::progress told;
    told.kind = launching::progress_kind::created;
    told.name = instance.name;
    told.subject = instance.handle.id();
    told.node = instance.node;
    into->made[index] = std::move(instance);
    report(std::move(told));
}

task<> launch_service::find(request message) {
    auto asked = message.take<launching::find>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    launching::instances told;
    for (const auto& [name, declared] : order_.configuration.incarnations) {
        if (name.family != asked->family)
            continue;
        if (told.made.size() == launching::batch_max) {
            told.reason = errc::limit_reached;
            break;
        }
        // One that is being made is about to have a handle.
        auto found = residents_.find(name);
        while (!established_ && !outcome_ && (found == residents_.end() || !found->second.handle)) {
            co_await changed_.wait();
            found = residents_.find(name);
        }
        launching::instance each;
        each.name = name.text();
        if (found != residents_.end()) {
            each.node = found->second.node;
            each.handle = found->second.handle;
        }
        told.made.push_back(std::move(each));
    }
    if (told.made.empty())
        message.reply_error({errc::not_found, "no incarnation '" + asked->family + "'"});
    else
        message.reply<launching::find>(std::move(told));
}

task<> launch_service::nodes(request message) {
    auto asked = message.take<launching::nodes>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    launching::allocation told;
    told.notices = last_notice_;
    for (const member_info& member : members()) {
        if (!placement_.has_node(member.at.node))
            continue; // it has no services yet, or is to leave
        launching::allocated_node node;
        node.at = member.at;
        node.name = member.name;
        node.facts = member.facts;
        node.reachable = member.reachable;
        node.incarnations = placement_.count(member.at.node);
        told.nodes.push_back(std::move(node));
    }
    if (asked->with_load)
        for (launching::allocated_node& node : told.nodes) {
            auto status = co_await status_of(node.at.node).within(std::chrono::seconds{2});
            if (status)
                node.ready = status->ready;
            else
                node.reachable = false;
        }
    message.reply<launching::nodes>(std::move(told));
}

// ---------------------------------------------------------------------- the driver's own messages

result<creation> launch_service::gateway_to(const launching::order& asked) const {
    const auto& exports = order_.configuration.exports;
    const auto found = exports.find(asked.name);
    if (found == exports.end()) {
        std::string there;
        for (const auto& [name, exported] : exports)
            there += (there.empty() ? "; it exports '" : ", '") + name + "'";
        return fail(errc::not_found, "the computation exports no '" + asked.name + "'" + there);
    }
    const auto channel = order_.configuration.channels.find(found->second.channel);
    if (channel == order_.configuration.channels.end() ||
        channel->second.protocol != asked.protocol)
        return fail(errc::wrong_protocol, "'" + asked.name + "' carries " +
                                              (channel == order_.configuration.channels.end()
                                                   ? std::string{"nothing"}
                                                   : channel->second.protocol) +
                                              ", not " + asked.protocol);
    creation what;
    what.module = "equus.gateway";
    what.name = "export." + asked.name;
    what.parameters["session"] = rdc_value{asked.session};
    what.parameters["label"] = rdc_value{found->second.channel};
    rdc_value::list only;
    for (const std::string& message : found->second.only)
        only.emplace_back(message.substr(message.rfind('.') + 1));
    what.parameters["only"] = rdc_value{std::move(only)};
    return what;
}

/// Once there is a stream space; who uses the gateway hears of anything else by its messages.
task<> launch_service::open(launching::order asked) {
    while (!space_ && !outcome_)
        co_await changed_.wait();
    error reason{errc::closed, "the computation has ended"};
    if (!outcome_) {
        auto what = gateway_to(asked);
        if (what) {
            what->given["space"] = any_reference{space_};
            auto made = co_await create(*what);
            if (made) {
                detail::close(*made);
                co_return;
            }
            reason = std::move(made.error());
        } else {
            reason = std::move(what.error());
        }
    }
    gateway::answer refused;
    refused.session = asked.session;
    refused.reason = reason.code();
    refused.text = std::string{reason.text()};
    static_cast<void>(co_await effect(gateway::answer_effect, refused));
}

} // namespace equus::services
