// An incarnation is made from a module, from an INCHOATE incarnation, or by fork [K6].
//
//     auto child = co_await create(what, node);            // result<incarnation_handle>
//     auto copy = co_await create_from(blueprint, what, node);
//     auto twin = co_await fork_self(in).on(node);         // result<forked_child>
//
// A copy is made through an image of the original: its state, its references, the ports that were
// asked for and its dependencies, and nothing else; a suspended stack is no part of it.
#pragma once

#include <equus/control.hpp>

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace equus {

/// What an incarnation is made from and with.
struct creation {
    std::string module;
    std::string name; ///< for people: "worker[2]"
    rdc_values parameters;
    std::map<std::string, interface_binding, std::less<>>
        interfaces;                                          ///< to be wired by label [K34]
    std::map<std::string, any_reference, std::less<>> given; ///< references it is born with [K5]
    std::uint64_t memory_bytes = 0;                          ///< limit; 0: the node's default
    bool depends_on_launch = true;                           ///< absolutely [K54]
    /// Its end is an event of its creator, with the true reason however early it comes; `watch`
    /// later on can be too late for the reason.
    bool watched = false;
    priority_level priority = priority_normal; ///< below priority_count
    /// Assembled and not begun [K7]: it begins with `unfreeze`, or serves as a blueprint.
    bool inchoate = false;
    /// Further events of its creator, from the first step on: event_kinds::bits().
    std::uint16_t events = 0;
    EQUUS_FIELDS(module, name, parameters, interfaces, given, memory_bytes, depends_on_launch,
                 watched, priority, inchoate, events)
};

namespace detail {
class creating : public requesting {
public:
    creating(request_kind kind, node_id node, reference subject, bytes what,
             std::vector<reference> references, event_kinds watched) noexcept
        : requesting{kind, node, subject, std::move(what), std::move(references)} {
        operation_.watched = watched.bits();
    }
    creating& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<incarnation_handle> await_resume() {
        if (auto ended = outcome(); !ended)
            return fail(std::move(ended.error()));
        return incarnation_handle{operation_.made};
    }
};
} // namespace detail

/// `co_await create(what, node)`: a handle as soon as the host has accepted [K7]. Node 0: this one.
/// Errors: no_such_module, no_such_interface, no_such_node, out_of_memory, limit_reached,
/// invalid_argument.
detail::creating create(const creation& what, node_id node = {});

/// `co_await create_from(blueprint, what, node)`: a copy of an INCHOATE incarnation, memory to
/// memory, begun unless `what.inchoate`. It has the blueprint's module, wiring, references, state
/// and dependencies; of `what` count its name, its parameters and references, which are set beside
/// the blueprint's, `watched`, `events` and `inchoate`. Needs `right::copy`. Errors beside those of
/// create: not_found, refused: it is not INCHOATE; access_denied.
detail::creating create_from(incarnation_handle blueprint, const creation& what, node_id node = {});

/// What the child of a fork is told, by `on(forked)`, when its life begins.
struct forked {
    incarnation_id parent;
};

/// What an incarnation is told, by `on(arrived)` if its class has one, when it goes on at another
/// node; before main(). Handlers of events are set there again.
struct arrived {
    node_boot from;
};

/// What the parent of a fork gets.
struct forked_child {
    incarnation_handle child;
    /// For each port that was listed: of a port on a unicast channel, a stream to the child's;
    /// empty for one on a multicast channel, which the child's has joined, and for one without a
    /// channel.
    std::vector<any_reference> streams;
};

namespace detail {
bytes fork_request(node_id to, std::span<const reference> ports, std::uint16_t events);

class forking : public requesting {
public:
    explicit forking(std::vector<reference> ports) noexcept
        : requesting{request_kind::fork, node_id{}, reference{}, bytes{}, std::move(ports)} {}
    /// On that node; without it, on the parent's.
    forking& on(node_id node) noexcept {
        node_ = node;
        return *this;
    }
    /// These are events of the parent from the child's first step on.
    forking& watched(event_kinds kinds = event_kind::terminated) noexcept {
        operation_.watched = kinds.bits();
        return *this;
    }
    forking& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        body_ = fork_request(node_, references_, operation_.watched);
        begin(operation_, kind_, node_id{}, reference{}, std::move(body_), {});
        if (!operation_.has_ended())
            set_timeout(operation_, timeout_);
        return false;
    }
    result<forked_child> await_resume();
};
} // namespace detail

/// `co_await fork_self(ports...)`: result<forked_child>, when the child owns a copy of the state
/// [K8]. The child has the parent's module, state_, parameters_, dependencies and, at the same
/// numbers, its references; what may not be passed on is invalid there. Its ports are its own and
/// without messages; those listed are attached [K43]. It begins in `on(forked)`, without start(),
/// and then serves or runs main(). Errors beside those of create: unsupported: the class has no
/// on(forked), or a listed port was made while running and the class declares no interface of its
/// protocol; no_such_reference: what is listed is no port.
template <std::derived_from<reference>... Ports>
detail::forking fork_self(const Ports&... ports) {
    return detail::forking{std::vector<reference>{ports...}};
}

} // namespace equus
