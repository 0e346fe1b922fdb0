// How a tool looks into a run from outside: the control service, booted at the root, takes commands
// from its driver by one effect and answers by another. It only looks; what changes the computation
// goes through the launch.
#pragma once

#include <equus/status.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace equus::controlling {

/// Request next_command, reply command. May stay unanswered for as long as there is none.
inline constexpr std::string_view next_effect = "equus.control.next";
/// Request answer, reply taken.
inline constexpr std::string_view answer_effect = "equus.control.answer";

enum class command_kind : std::uint16_t {
    status = 0,  ///< what `node` holds; 0: every node
    members = 1, ///< only who is there
};

struct command {
    std::uint64_t id = 0; ///< repeated in the answer
    command_kind kind = command_kind::status;
    node_id node;
    duration within = std::chrono::seconds{5}; ///< for each node
    EQUUS_FIELDS(id, kind, node, within)
};
struct next_command {
    using reply = command;
    std::uint64_t number = 0; ///< from 0
    EQUUS_FIELDS(number)
};

/// A node that did not answer in time.
struct silent_node {
    node_boot at;
    std::string name;
    errc reason = errc::ok;
    std::string text;
    EQUUS_FIELDS(at, name, reason, text)
};
struct taken {
    bool wanted = true;
    EQUUS_FIELDS(wanted)
};
struct answer {
    using reply = taken;
    std::uint64_t id = 0;
    errc reason = errc::ok;
    std::string text;
    std::vector<member_info> members;
    std::vector<node_status> nodes; ///< in order of their ids
    std::vector<silent_node> silent;
    EQUUS_FIELDS(id, reason, text, members, nodes, silent)
};

} // namespace equus::controlling
