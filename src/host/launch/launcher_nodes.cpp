// Nodes that come and go while the run goes on: from a tool, or because the computation asks for
// more and gives back what it does not need.
#include "host/launch/launcher.hpp"

#include <algorithm>
#include <csignal>
#include <string>

namespace equus::launcher {

namespace {

/// Of a run at once, and of all times: a process that ended stays in the list.
constexpr std::uint32_t nodes_max = 64;
constexpr std::size_t processes_max = 10'000;
/// For a node that was told to leave.
constexpr auto leave_within = std::chrono::seconds{5};

} // namespace

std::uint32_t launcher::nodes_alive() const noexcept {
    return static_cast<std::uint32_t>(std::count_if(children_.begin(), children_.end(),
                                                    [](const child& c) { return c.pid > 0; }));
}

/// By its name, which no two nodes of a run have, or by its number.
child* launcher::find_child(const std::string& name, node_id node) {
    for (child& each : children_)
        if (each.pid > 0 && (each.name == name || (node && each.at.node == node)))
            return &each;
    return nullptr;
}

result<void> launcher::add_nodes(std::uint32_t count, const std::shared_ptr<pipe>& tool) {
    if (!outcome_.established || ending_)
        return fail(errc::refused,
                    ending_ ? "the run is ending" : "the run is not established yet");
    if (count == 0 || count > nodes_max || nodes_alive() + count > nodes_max ||
        children_.size() + count > processes_max)
        return fail(errc::limit_reached, "a run has at most " + std::to_string(nodes_max) +
                                             " nodes; it has " + std::to_string(nodes_alive()));
    adding wanted;
    wanted.tool = tool;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (auto started = start_node(true); !started)
            return started; // those that were started come all the same
        children_.back().awaited = true;
        wanted.awaited.push_back(children_.back().name);
    }
    if (tool)
        adding_.push_back(std::move(wanted));
    return {};
}

result<void> launcher::withdraw(const withdraw_node& asked, const std::shared_ptr<pipe>& tool) {
    child* found = find_child(asked.node, node_id{});
    for (child& each : children_)
        if (each.pid > 0 && std::to_string(each.at.node.value) == asked.node)
            found = &each;
    if (found == nullptr || !found->at.node)
        return fail(errc::no_such_node, "the run has no node '" + asked.node + "'");
    if (found == &children_.front())
        return fail(errc::refused, "node '" + found->name + "' is the root");
    if (!outcome_.established)
        return fail(errc::refused, "the run is not established yet");
    withdrawing wanted;
    wanted.tool = tool;
    wanted.node = found->at;
    withdrawing_.push_back(std::move(wanted));
    if (found->withdrawn)
        return {};
    launching::order order;
    order.kind = launching::order_kind::withdraw;
    order.node = found->at.node;
    order.notice = asked.notice;
    children_.front().talk->send(message_kind::order, order);
    found->withdrawn = true;
    return {};
}

void launcher::leave(child& which) {
    which.withdrawn = true;
    if (ending_ || !which.talk)
        return;
    which.talk->send(message_kind::leave, ended{});
    auto timer = std::make_unique<asio::steady_timer>(context_, leave_within);
    timer->async_wait([this, name = which.name](const asio::error_code& cancelled) {
        if (child* late = cancelled ? nullptr : find_child(name, node_id{}))
            ::kill(late->pid, SIGKILL);
    });
    leaving_[which.name] = std::move(timer);
}

/// What the launch says of nodes.
void launcher::node_changed(const launching::progress& what) {
    using kind = launching::progress_kind;
    if (what.kind == kind::nodes_wanted) {
        if (auto begun = add_nodes(what.total, nullptr); !begun)
            refuse_nodes(std::string{begun.error().text()});
        return;
    }
    child* which = find_child(what.name, what.node.node);
    if (which == nullptr)
        return;
    if (what.kind == kind::node_ready) {
        which->at = what.node; // its own word for that may come later
        if (which->awaited && !ending_)
            report_.say("joined: node " + which->name);
        answer_adding(*which, errc::ok, {});
    } else if (what.kind == kind::failed && which->awaited && what.name == which->name) {
        answer_adding(*which, what.reason, what.text);
    } else if (what.kind == kind::node_free) {
        leave(*which);
    } else if (what.kind == kind::node_kept) {
        which->withdrawn = false;
        answer_withdrawing(*which, what.reason, what.text);
    }
}

void launcher::refuse_nodes(std::string text) {
    launching::order order;
    order.kind = launching::order_kind::no_nodes;
    order.text = std::move(text);
    children_.front().talk->send(message_kind::order, order);
}

// ---------------------------------------------------------------------- answers to tools

/// Of a node that has come, or will not. Later news of it concern nobody here.
void launcher::answer_adding(child& which, errc reason, const std::string& text) {
    if (!which.awaited)
        return;
    which.awaited = false;
    bool for_a_tool = false;
    std::erase_if(adding_, [&](adding& each) {
        if (std::erase(each.awaited, which.name) == 0)
            return false;
        for_a_tool = true;
        if (reason == errc::ok) {
            member_info member;
            member.at = which.at;
            member.name = which.name;
            each.answer.members.push_back(std::move(member));
        } else {
            each.answer.reason = reason;
            each.answer.text = text;
        }
        if (!each.awaited.empty())
            return false;
        each.tool->send(message_kind::answered, each.answer);
        return true;
    });
    if (reason != errc::ok && !for_a_tool)
        refuse_nodes(text);
}

void launcher::answer_withdrawing(const child& which, errc reason, const std::string& text) {
    leaving_.erase(which.name);
    std::erase_if(withdrawing_, [&](withdrawing& each) {
        if (each.node != which.at)
            return false;
        controlling::answer answer;
        answer.reason = reason;
        answer.text = text;
        each.tool->send(message_kind::answered, answer);
        return true;
    });
}

} // namespace equus::launcher
