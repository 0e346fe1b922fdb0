#include "services/launch.hpp"

#include <algorithm>
#include <utility>

namespace equus::services {

using launching::ending;

bool is_member(node_boot which) {
    const auto present = members();
    return std::any_of(present.begin(), present.end(),
                       [&](const member_info& member) { return member.at == which; });
}

namespace {
constexpr duration destroy_within = std::chrono::seconds{5};
constexpr duration reports_within = std::chrono::seconds{10};
} // namespace

std::vector<std::string> launch_service::effects() {
    return {std::string{launching::next_effect}, std::string{launching::report_effect},
            std::string{gateway::answer_effect}};
}

task<std::int32_t> launch_service::main() {
    launching::next_order first;
    auto got = co_await effect(launching::next_effect, first);
    if (!got)
        co_await ok(fail(std::move(got.error())));
    order_ = std::move(*got);
    if (order_.kind != launching::order_kind::establish)
        co_return order_.result;

    own_requests_ = any_reference{requests.open_stream()};
    watch_members();
    tasks_.start(hear());
    tasks_.start(take_orders());
    tasks_.start(serve());
    tasks_.start(set_up());
    while (!outcome_)
        co_await changed_.wait();

    co_await take_down();
    launching::progress last;
    last.kind = launching::progress_kind::finished;
    last.name = order_.configuration.name;
    last.how = outcome_->how;
    last.reason = outcome_->reason;
    last.result = outcome_->result;
    last.text = outcome_->text;
    report(std::move(last));
    while (reporting_) {
        const bool in_time = co_await changed_.wait().within(reports_within);
        if (!in_time)
            break; // nobody listens any more
    }
    co_return outcome_->result;
}

/// The first outcome stands.
void launch_service::finish(ending how, errc reason, std::int32_t result, std::string text) {
    if (outcome_)
        return;
    outcome_.emplace();
    outcome_->how = how;
    outcome_->reason = reason;
    outcome_->result = reason != errc::ok && result == 0 ? 1 : result;
    outcome_->text = std::move(text);
    changed_.notify();
}

// ---------------------------------------------------------------------- events

task<> launch_service::hear() {
    for (;;) {
        auto heard = co_await next_event();
        if (!heard)
            co_return;
        happened(std::move(*heard));
    }
}

void launch_service::happened(event what) {
    switch (what.kind) {
    case event_kind::terminated:
        if (!is_member(what.node))
            drop_node(what.node, what.reason); // one report for all that was there
        if (const auto found = names_.find(what.subject); found != names_.end()) {
            resident_ended(found->second, what);
        } else if (const auto service = service_ids_.find(what.subject);
                   service != service_ids_.end()) {
            launching::progress failed;
            failed.kind = launching::progress_kind::failed;
            failed.name = "system." + service->second.name;
            failed.node = service->second.node;
            failed.subject = what.subject;
            failed.reason = what.reason;
            failed.text = what.text;
            const bool expected = is_withdrawn(failed.node);
            service_ids_.erase(service);
            if (!outcome_ && !expected)
                report(std::move(failed));
            if (is_space(what.subject))
                space_has_ended(what.subject, what.text);
        }
        break;
    case event_kind::unreachable:
        node_is_silent(what.node);
        break;
    case event_kind::node_left:
        drop_node(what.node, what.reason);
        break;
    case event_kind::node_joined:
        for (member_info& member : members())
            if (member.at == what.node && space_ && !outcome_)
                tasks_.start(take_in(std::move(member)));
        break;
    default:
        break;
    }
}

void launch_service::resident_ended(incarnation_name name, const event& what) {
    const auto found = residents_.find(name);
    if (found == residents_.end())
        return;
    const incarnation_declaration& declared = *found->second.what;
    launching::progress told;
    told.kind = what.reason == errc::ok ? launching::progress_kind::ended
                                        : launching::progress_kind::failed;
    told.name = name.text();
    told.subject = what.subject;
    told.node = found->second.node;
    told.reason = what.reason;
    told.result = what.result;
    told.text = what.text;
    const node_boot node = found->second.node;
    detail::close(found->second.handle);
    residents_.erase(found);
    names_.erase(what.subject);
    placement_.remove(name);
    changed_.notify();
    if (const auto alive = instances_.find(name.family); alive != instances_.end())
        --alive->second;
    if (outcome_)
        return;
    free_labels(declared);
    if (declared.primary && what.reason == errc::ok)
        finish(ending::completed, errc::ok, what.result, what.text);
    else if (declared.primary)
        finish(ending::failed, what.reason, what.result,
               "primary '" + told.name + "': " + what.text);
    if (!outcome_ || what.reason == errc::ok) // of a failed primary the last report tells
        report(std::move(told));
    free_if_empty(node);
}

bool launch_service::is_withdrawn(node_boot which) const noexcept {
    const auto found = nodes_.find(which.node);
    return found != nodes_.end() && found->second.member.at == which && found->second.withdrawn;
}

/// The labels that an incarnation deposits: of its ports' own channels.
std::vector<std::string> launch_service::labels_of(const incarnation_declaration& what) const {
    std::vector<std::string> labels;
    for (const auto& [interface, binding] : what.interfaces)
        if (binding.kind == interface_kind::port)
            for (const std::string& label : binding.channels)
                if (const auto channel = order_.configuration.channels.find(label);
                    channel == order_.configuration.channels.end() ||
                    channel->second.kind == channel_kind::unicast)
                    labels.push_back(label);
    return labels;
}

/// Whoever takes its place may have its labels [K36].
void launch_service::free_labels(const incarnation_declaration& of) {
    for (const std::string& label : labels_of(of)) {
        forgetting_.insert(label);
        tasks_.start(forget_label(label));
    }
}

void launch_service::node_is_silent(node_boot which) {
    const auto found = nodes_.find(which.node);
    if (found == nodes_.end() || found->second.silent || outcome_)
        return;
    found->second.silent = true;
    placement_.set_silent(which.node, true);
    launching::progress told;
    told.kind = launching::progress_kind::node_silent;
    told.name = found->second.member.name;
    told.node = which;
    report(std::move(told));
}

void launch_service::drop_node(node_boot which, errc reason) {
    const auto found = nodes_.find(which.node);
    if (found == nodes_.end() || found->second.member.at != which)
        return;
    launching::progress told;
    told.kind = found->second.withdrawn ? launching::progress_kind::node_left
                                        : launching::progress_kind::node_lost;
    told.name = found->second.member.name;
    told.node = which;
    told.reason = reason;
    for (auto& [name, service] : found->second.services)
        detail::close(service);
    const node_entry gone = std::move(found->second);
    nodes_.erase(found);
    placement_.remove_node(which.node);
    std::erase_if(service_ids_, [&](const auto& entry) { return entry.second.node == which; });

    std::string primary;
    for (auto entry = residents_.begin(); entry != residents_.end();) {
        resident& who = entry->second;
        if (who.node != which || !who.handle) {
            ++entry;
            continue;
        }
        ++told.done;
        told.text.append(told.text.empty() ? "" : ", ").append(entry->first.text());
        if (who.what->primary)
            primary = entry->first.text();
        if (const auto alive = instances_.find(entry->first.family); alive != instances_.end())
            --alive->second;
        names_.erase(who.handle.id());
        detail::close(who.handle);
        if (!outcome_)
            free_labels(*who.what);
        entry = residents_.erase(entry);
    }
    if (!primary.empty())
        finish(ending::cut_off, errc::broken, 1,
               "the primary '" + primary + "' was on node '" + told.name + "', which was lost");
    else if (!outcome_ && !established_ && ready_nodes() < order_.nodes_wanted)
        finish(ending::not_established, errc::no_such_node, 1,
               "node '" + told.name + "' was lost before the computation was established");
    tell(launching::notice_kind::gone, gone, duration{0},
         gone.withdrawn ? std::string{} : std::string{text_of(reason)});
    const std::string lost = "node '" + told.name + "' was lost";
    report(std::move(told));
    for (const space_instance* each : {&standby_, &leader_})
        if (each->handle && each->at == which)
            space_has_ended(each->handle.id(), lost);
    changed_.notify();
}

// ---------------------------------------------------------------------- the driver

task<> launch_service::take_orders() {
    launching::next_order next;
    for (;;) {
        ++next.number;
        auto got = co_await effect(launching::next_effect, next);
        if (!got)
            co_return; // the driver has no more to say
        if (got->kind == launching::order_kind::stop)
            finish(ending::stopped, errc::cancelled, got->result, std::move(got->text));
        else if (got->kind == launching::order_kind::open)
            tasks_.start(open(std::move(*got)));
        else if (got->kind == launching::order_kind::withdraw)
            static_cast<void>(withdraw(got->node, got->notice)); // what is wrong is reported
        else if (got->kind == launching::order_kind::no_nodes)
            tell(launching::notice_kind::refused, {}, duration{0}, std::move(got->text));
    }
}

void launch_service::report(launching::progress what) {
    // Who is told slowly is told less often.
    const bool repeats = what.kind == launching::progress_kind::creating && !reports_.empty() &&
                         reports_.back().kind == launching::progress_kind::creating;
    if (repeats)
        reports_.back() = std::move(what);
    else
        reports_.push_back(std::move(what));
    if (!reporting_) {
        reporting_ = true;
        tasks_.start(send_reports());
    }
}

task<> launch_service::send_reports() {
    while (!reports_.empty()) {
        const launching::progress next = std::move(reports_.front());
        reports_.pop_front();
        static_cast<void>(co_await effect(launching::report_effect, next));
    }
    reporting_ = false;
    changed_.notify();
}

// ---------------------------------------------------------------------- the end

task<> launch_service::destroy(incarnation_handle which) {
    static_cast<void>(co_await which.destroy().within(destroy_within));
}

task<> launch_service::take_down() {
    to_create_.clear();
    notice_waits_.clear();
    task_group ending;
    for (const auto& [name, who] : residents_)
        if (who.handle)
            ending.start(destroy(who.handle));
    co_await ending.all_ended();
}

} // namespace equus::services
