#include "services/launch.hpp"

#include <algorithm>
#include <utility>

namespace equus::services {

namespace {

/// Calls that wait for a notice at once.
constexpr std::size_t notice_waits_max = 1'024;

} // namespace

/// From now on nothing is placed there; whoever holds incarnations there has `within` to end them.
result<void> launch_service::withdraw(node_id which, duration within) {
    const auto found = nodes_.find(which);
    launching::progress kept;
    kept.kind = launching::progress_kind::node_kept;
    kept.node.node = which;
    if (found == nodes_.end() || !found->second.ready) {
        kept.reason = errc::no_such_node;
        kept.text = "node " + std::to_string(which.value) + " is not there";
    } else {
        kept.name = found->second.member.name;
        kept.node = found->second.member.at;
        if (which == where().node) {
            kept.reason = errc::refused;
            kept.text = "node '" + kept.name + "' is the root";
        }
        for (const auto& [name, who] : residents_)
            if (kept.reason == errc::ok && who.what != nullptr && who.what->primary &&
                who.node == kept.node) {
                kept.reason = errc::refused;
                kept.text = "node '" + kept.name + "' holds the primary '" + name.text() + "'";
            }
    }
    if (kept.reason != errc::ok) {
        error why{kept.reason, kept.text};
        report(std::move(kept));
        return fail(std::move(why));
    }
    if (found->second.withdrawn)
        return {};
    const node_boot at = found->second.member.at;
    found->second.withdrawn = true;
    placement_.remove_node(which);
    tell(launching::notice_kind::withdrawal, found->second, within, {});
    free_if_empty(at);
    if (within != for_ever)
        tasks_.start(end_notice(at, within));
    return {};
}

task<> launch_service::end_notice(node_boot which, duration within) {
    co_await sleep(within);
    set_free(which);
}

void launch_service::free_if_empty(node_boot which) {
    for (const auto& [name, who] : residents_)
        if (who.handle && who.node == which)
            return;
    set_free(which);
}

/// A withdrawn node may leave from now on.
void launch_service::set_free(node_boot which) {
    if (!is_withdrawn(which) || nodes_.at(which.node).free || outcome_)
        return;
    node_entry& node = nodes_.at(which.node);
    node.free = true;
    launching::progress told;
    told.kind = launching::progress_kind::node_free;
    told.name = node.member.name;
    told.node = which;
    report(std::move(told));
}

// ---------------------------------------------------------------------- notices

void launch_service::tell(launching::notice_kind kind, const node_entry& about, duration within,
                          std::string text) {
    launching::notice said;
    said.number = ++last_notice_;
    said.kind = kind;
    said.node = about.member.at;
    said.name = about.member.name;
    said.within = within;
    said.text = std::move(text);
    notices_.push_back(std::move(said));
    if (notices_.size() > launching::notices_max)
        notices_.pop_front();
    answer_notices();
}

void launch_service::answer_notices() {
    std::erase_if(notice_waits_, [&](waiting_for_notice& each) {
        if (each.message.cancelled())
            return true;
        const auto next =
            std::find_if(notices_.begin(), notices_.end(),
                         [&](const launching::notice& said) { return said.number > each.after; });
        if (next == notices_.end())
            return false;
        each.message.reply<launching::next_notice>(*next);
        return true;
    });
}

void launch_service::wait_for_notice(request message) {
    auto asked = message.take<launching::next_notice>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
    } else if (notice_waits_.size() >= notice_waits_max) {
        message.reply_error({errc::limit_reached, "too many wait for a notice"});
    } else {
        waiting_for_notice waits{std::move(message), asked->after};
        notice_waits_.push_back(std::move(waits));
        answer_notices();
    }
}

void launch_service::ask_for_nodes(request message) {
    auto asked = message.take<launching::more_nodes>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    launching::progress wanted;
    wanted.kind = launching::progress_kind::nodes_wanted;
    wanted.total = asked->count;
    report(std::move(wanted));
    launching::asked_for told;
    told.count = asked->count;
    message.reply<launching::more_nodes>(told);
}

void launch_service::release(request message) {
    auto asked = message.take<launching::release_node>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    if (auto done = withdraw(asked->node, for_ever); !done) {
        message.reply_error(std::move(done.error()));
        return;
    }
    launching::asked_for told;
    told.count = 1;
    message.reply<launching::release_node>(told);
}

} // namespace equus::services
