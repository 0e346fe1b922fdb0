// What is true of every world that has come to rest, and what is said of one that has not.
#include <equus/host/sim_scenario.hpp>

namespace equus::sim {

std::string what_is_not_at_rest(const world& w, std::string_view besides) {
    const node_status root = w.status(host{0});
    for (std::uint32_t i = 0; i < w.node_count(); ++i) {
        const host each{i};
        if (!w.alive(each)) {
            const auto reason = w.stopped(each);
            if (reason && *reason == errc::ok)
                continue; // it left
            return "node " + std::to_string(i + 1) + " is not alive in the end" +
                   (reason ? ": " + reason->describe() : std::string{});
        }
        if (!w.joined(each))
            return "node " + std::to_string(i + 1) + " has not joined in the end";
        const node_status status = w.status(each);
        if (status.view != root.view)
            return status.name + " is at view " + std::to_string(status.view.value) +
                   ", the root at " + std::to_string(root.view.value);
        if (status.members.size() != root.members.size())
            return status.name + " knows other members than the root";
        for (std::size_t k = 0; k < root.members.size(); ++k)
            if (status.members[k].at != root.members[k].at)
                return status.name + " knows other members than the root";
        if (status.streams_lingering != 0)
            return status.name + " still keeps " + std::to_string(status.streams_lingering) +
                   " closed streams";
        for (const incarnation_status& one : status.incarnations)
            if (one.name != besides)
                return status.name + " still holds '" + one.name + "'";
    }
    return {};
}

std::string who_is_left(const world& w) {
    std::string text;
    for (std::uint32_t i = 0; i < w.node_count(); ++i) {
        if (!w.alive(host{i})) {
            text += "\n  node " + std::to_string(i + 1) + " is not alive";
            continue;
        }
        const node_status status = w.status(host{i});
        text += "\n  " + status.name + ":";
        for (const incarnation_status& each : status.incarnations) {
            text += " " + each.name + " (" + std::to_string(each.handled) + " handled";
            for (const port_status& port : each.ports)
                if (port.queued != 0)
                    text += ", " + std::to_string(port.queued) + " at " + port.name;
            for (const stream_status& stream : each.streams)
                if (stream.waiting != 0)
                    text += ", " + std::to_string(stream.waiting) + " wait to send by " +
                            (stream.name.empty() ? stream.protocol : stream.name) + ", " +
                            std::to_string(stream.consumed) + " of " + std::to_string(stream.sent) +
                            " consumed at " + std::to_string(stream.legs.size()) + " ports";
            text += ")";
        }
    }
    return text;
}

} // namespace equus::sim
