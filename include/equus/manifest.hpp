// A manifest is what a program says about itself: which modules it holds, which interfaces and
// parameters each of them declares, and which messages its protocols have. Whoever checks a
// configuration or starts a program asks for it first, so that a wrong name, direction or protocol
// is found before anything runs.
//
// The lists are in the order of registration; names are unique within their list. The manifest is a
// plain value: it is sent, stored and compared like any message.
#pragma once

#include <equus/base/fields.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace equus {

/// The two directions of a declared interface: a port receives, a stream sends.
enum class interface_kind : std::uint16_t { port = 0, stream = 1 };
EQUUS_ENUM(interface_kind, port, stream)

/// One interface that a module declares; the configuration must wire it unless it is optional.
struct interface_manifest {
    std::string name;
    interface_kind kind = interface_kind::port;
    std::string protocol;
    bool optional = false; ///< may stay unwired; the module finds `errc::not_wired`
    friend bool operator==(const interface_manifest&, const interface_manifest&) = default;
    EQUUS_FIELDS(name, kind, protocol, optional)
};

/// One parameter that a module takes. `type` is written as in the configuration language: "int",
/// "1..64", "10ms..5s", "text", "path", "bool", "duration", "list of text".
struct parameter_manifest {
    std::string name;
    std::string type;
    std::string default_text; ///< as it would be written in a configuration; empty: none
    bool required = false;    ///< the configuration must give it
    friend bool operator==(const parameter_manifest&, const parameter_manifest&) = default;
    EQUUS_FIELDS(name, type, default_text, required)
};

/// A module: what an incarnation is made from.
struct module_manifest {
    std::string name;          ///< qualified: "doc.worker"
    std::uint32_t version = 1; ///< of its state
    std::vector<interface_manifest> interfaces;
    std::vector<parameter_manifest> parameters;
    friend bool operator==(const module_manifest&, const module_manifest&) = default;
    EQUUS_FIELDS(name, version, interfaces, parameters)
};

/// One message of a protocol. Its ordinal is its position in the protocol's list, from 0.
struct message_manifest {
    std::string name;
    std::uint16_t ordinal = 0;
    std::string reply; ///< name of the reply's type; empty: one-way
    friend bool operator==(const message_manifest&, const message_manifest&) = default;
    EQUUS_FIELDS(name, ordinal, reply)
};

/// What a stream or port may carry.
struct protocol_manifest {
    std::string name; ///< qualified: "doc.printing"
    std::vector<message_manifest> messages;
    friend bool operator==(const protocol_manifest&, const protocol_manifest&) = default;
    EQUUS_FIELDS(name, messages)
};

/// A service that every node of the program offers under the label `system.NAME`: files, devices,
/// pool.
struct service_manifest {
    std::string name;
    std::string protocol;
    std::string module; ///< what it is made from, on each node that has the module
    std::string port;   ///< of the module, that takes the requests
    friend bool operator==(const service_manifest&, const service_manifest&) = default;
    EQUUS_FIELDS(name, protocol, module, port)
};

/// Everything a program exports.
struct manifest {
    std::string program;
    std::string version;
    std::vector<std::string> targets; ///< where it runs: "x86_64-linux", "m68k-vme"
    std::vector<module_manifest> modules;
    std::vector<protocol_manifest> protocols;
    std::vector<service_manifest> services;

    /// The named entry, or null.
    const module_manifest* find_module(std::string_view name) const noexcept {
        return find(modules, name);
    }
    const protocol_manifest* find_protocol(std::string_view name) const noexcept {
        return find(protocols, name);
    }
    const service_manifest* find_service(std::string_view name) const noexcept {
        return find(services, name);
    }

    friend bool operator==(const manifest&, const manifest&) = default;
    EQUUS_FIELDS(program, version, targets, modules, protocols, services)

private:
    template <class Entry>
    static const Entry* find(const std::vector<Entry>& list, std::string_view name) noexcept {
        for (const Entry& entry : list)
            if (entry.name == name)
                return &entry;
        return nullptr;
    }
};

} // namespace equus
