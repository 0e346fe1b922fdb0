// What the launcher and the node processes it has started say to each other, over a pair of sockets
// that only they have; and what a tool says to the launcher over the run's control socket. Each
// message is a length (4 bytes, little endian) and an envelope in the codec.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/ids.hpp>
#include <equus/services/control.hpp>
#include <equus/services/launch.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus::launcher {

enum class message_kind : std::uint16_t {
    // launcher to node
    begin = 1,   ///< node_order: what to be; the first message
    order = 2,   ///< launching::order, for the root's launch
    command = 3, ///< controlling::command, for the root's control service
    dead = 4,    ///< node_boot: its process has been waited for
    leave = 5,   ///< ended: leave the run
    // node to launcher
    listening = 10, ///< where_it_listens
    joined = 11,    ///< node_boot
    progress = 12,  ///< launching::progress
    answer = 13,    ///< controlling::answer
    stopped = 14,   ///< ended
    output = 15,    ///< printed: for the launcher's standard output
    // tool to launcher, and back
    ask = 20,          ///< controlling::command
    answered = 21,     ///< controlling::answer
    stop = 22,         ///< ended
    described = 23,    ///< run_description, the first message to a tool
    ask_declared = 24, ///< nothing
    declared = 25,     ///< equus::rdc, what the run was given
    add = 26,          ///< nodes_to_add; answered when they are there
    withdraw = 27,     ///< withdraw_node; answered when it has left
};

struct message {
    message_kind kind = message_kind::begin;
    bytes body;
    EQUUS_FIELDS(kind, body)
};

/// Everything a node process needs to know, handed over privately.
struct node_order {
    std::string name;
    bool root = false;
    std::string root_address;
    std::uint64_t run = 0;
    bytes secret;
    std::vector<std::string> tags;
    std::vector<std::string> folders; ///< that the file service may reach
    std::string listen;               ///< address; empty: a free port of the loopback device
    duration yield_within{30'000'000'000};
    EQUUS_FIELDS(name, root, root_address, run, secret, tags, folders, listen, yield_within)
};
struct where_it_listens {
    std::string address;
    EQUUS_FIELDS(address)
};
struct ended {
    errc reason = errc::ok;
    std::string text;
    EQUUS_FIELDS(reason, text)
};
struct printed {
    std::string text;
    EQUUS_FIELDS(text)
};
struct nodes_to_add {
    std::uint32_t count = 1;
    EQUUS_FIELDS(count)
};
struct withdraw_node {
    std::string node; ///< its name or its number
    duration notice{0};
    EQUUS_FIELDS(node, notice)
};
struct run_description {
    std::string name;
    std::string file;
    std::string rdc_name;
    std::string state; ///< "starting", "running", "ending"
    std::uint32_t processes = 0;
    std::string declared_dot; ///< the declared graph
    EQUUS_FIELDS(name, file, rdc_name, state, processes, declared_dot)
};

} // namespace equus::launcher
