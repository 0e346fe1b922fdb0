// What an incarnation is, as a value: capture -> image -> restore is the one way in which an
// incarnation becomes another, at another place or time. Fork and the copy of an INCHOATE
// incarnation use it. References keep their numbers (index and generation) in the image, so that
// those in the state stay what they are; identities that the copy owns are new.
#pragma once

#include "runtime/frames.hpp"

#include <equus/creation.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace equus::runtime {

/// An entry of the reference table that the copy has too.
struct image_reference {
    std::uint32_t index = 0;
    bool wired = true; ///< false: a declared stream without a channel
    capability what;
    std::uint32_t under_way_max = ~0u;
    std::uint16_t calls_max = 0xffff;
    std::uint32_t queue_max = ~0u; ///< of asinvoke; all ones: nothing has been said
    EQUUS_FIELDS(index, wired, what, under_way_max, calls_max, queue_max)
};

/// A multicast or anycast channel, and where its creator is.
struct image_channel {
    channel_id channel;
    node_boot at;
    EQUUS_FIELDS(channel, at)
};

/// A port of the copy; its queue and cursors are its own.
struct image_port {
    std::uint32_t index = 0;
    std::uint64_t protocol = 0;
    std::uint32_t window_messages = 0;
    bool listed = false;              ///< to be attached:
    bool opens = false;               ///< to a new unicast channel
    std::vector<image_channel> joins; ///< to these
    std::uint32_t queue_max = 0;      ///< 0: none
    bool served = false;              ///< by the handlers of its class
    EQUUS_FIELDS(index, protocol, window_messages, listed, opens, joins, queue_max, served)
};

struct image_bond {
    incarnation_id parent;
    node_boot parent_at;
    dependency kind = dependency::absolute;
    EQUUS_FIELDS(parent, parent_at, kind)
};

struct incarnation_image {
    std::string module;
    std::string name;
    incarnation_id source;
    incarnation_id launch;
    node_boot launch_at;
    bool bound_to_launch = false;
    view_version view; ///< it is restored where at least that is known (rule 14)
    std::uint64_t memory_bytes = 0;
    priority_level priority = priority_normal;
    bytes state;
    bytes parameters;
    std::vector<std::uint32_t> generations; ///< of the whole reference table
    std::vector<image_reference> references;
    std::vector<image_port> ports;
    std::vector<image_bond> bonds;
    std::map<std::string, interface_binding, std::less<>> interfaces;
    std::map<std::string, std::uint32_t, std::less<>> given; ///< names, to indices
    EQUUS_FIELDS(module, name, source, launch, launch_at, bound_to_launch, view, memory_bytes,
                 priority, state, parameters, generations, references, ports, bonds, interfaces,
                 given)
};

/// Body of request_kind::copy: the subject's kernel makes the image, and sends it to `to`.
struct copy_body {
    creation what; ///< `given` are the request's capabilities, by number
    node_id to;
    EQUUS_FIELDS(what, to)
};

/// Body of request_kind::fork: to the asker's own kernel.
struct fork_body {
    node_id to;
    std::vector<std::uint32_t> ports; ///< index and generation, in turn
    std::uint16_t events = 0;
    EQUUS_FIELDS(to, ports, events)
};

/// Body of request_kind::restore.
struct restore_body {
    incarnation_image image;
    bool forked = false; ///< begins in on(forked)
    creation what;       ///< of a copy: what it has beside the original
    node_boot asker_at;
    EQUUS_FIELDS(image, forked, what, asker_at)
};

/// Body of a fork's answer: for each listed port a capability of the answer, by number, or none;
/// once they are redeemed, the references' indices and generations.
struct forked_body {
    std::vector<std::uint32_t> streams;
    std::vector<std::uint32_t> generations;
    EQUUS_FIELDS(streams, generations)
};

} // namespace equus::runtime
