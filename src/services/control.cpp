#include "services/control.hpp"

#include <utility>

namespace equus::services {

namespace {
constexpr std::size_t serving_max = 16;
} // namespace

task<> control_service::main() {
    controlling::next_command next;
    for (;;) {
        while (serving_.size() >= serving_max)
            co_await serving_.one_ended();
        auto command = co_await effect(controlling::next_effect, next);
        if (!command)
            break; // the driver has no more to ask
        ++next.number;
        serving_.start(serve(std::move(*command)));
    }
    co_await serving_.all_ended();
}

task<> control_service::ask(member_info member, duration within, asked_nodes* into) {
    auto told = co_await status_of(member.at.node).within(within);
    if (told) {
        into->known.insert_or_assign(member.at.node, std::move(*told));
        co_return;
    }
    controlling::silent_node silent;
    silent.at = member.at;
    silent.name = std::move(member.name);
    silent.reason = told.error().code();
    silent.text = told.error().describe();
    into->answer.silent.push_back(std::move(silent));
}

task<> control_service::serve(controlling::command asked) {
    asked_nodes gathered;
    gathered.answer.id = asked.id;
    gathered.answer.members = members();
    task_group asking;
    bool found = false;
    for (const member_info& member : gathered.answer.members) {
        if (asked.node && asked.node != member.at.node)
            continue;
        found = true;
        if (asked.kind == controlling::command_kind::status)
            asking.start(ask(member, asked.within, &gathered));
    }
    co_await asking.all_ended();
    if (!found) {
        gathered.answer.reason = errc::no_such_node;
        gathered.answer.text = "node " + std::to_string(asked.node.value);
    }
    for (auto& [node, status] : gathered.known)
        gathered.answer.nodes.push_back(std::move(status));
    static_cast<void>(co_await effect(controlling::answer_effect, gathered.answer));
}

} // namespace equus::services
