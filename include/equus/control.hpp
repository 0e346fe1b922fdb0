// Authority over other incarnations is a handle: whoever holds one with the right is a parent, and
// there may be many [K51]. Each incarnation is its own parent too (`self_handle`).
//
// Operations that change an incarnation are done one after the other, in the order in which its
// kernel got them: while a freeze waits for the message in hand, later ones wait behind it. Destroy
// waits for nothing and ends those that do.
#pragma once

#include <equus/core/request.hpp>
#include <equus/event.hpp>
#include <equus/port.hpp>
#include <equus/rdc.hpp>
#include <equus/stream.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace equus {

/// What its parent's end means to an incarnation [K54]. A parent's end is written: it has ended, or
/// its node has been written off.
enum class dependency : std::uint16_t {
    none = 0,
    absolute = 1, ///< it ends too
    group = 2,    ///< it ends when no parent of this kind is left
};

namespace detail {
template <class P>
class opening_control;
}

/// Authority over an incarnation.
class incarnation_handle : public reference {
public:
    constexpr incarnation_handle() noexcept = default;
    constexpr explicit incarnation_handle(reference untyped) noexcept : reference{untyped} {}

    /// Who it is; empty for an empty handle.
    incarnation_id id() const noexcept;
    /// Ends it at once, no last wishes [K51]. Needs `right::destroy`.
    detail::requesting_nothing destroy() const;
    /// From now on these are events of the running incarnation; what has happened already comes at
    /// once. One that asks for `faulting` keeps the subject at its fault until it says unfreeze or
    /// destroy, or has itself ended. Needs `right::watch`.
    detail::requesting_nothing watch(event_kinds kinds = event_kind::terminated) const;
    /// No longer these.
    detail::requesting_nothing unwatch(event_kinds kinds) const;
    /// Makes it depend on the running incarnation [K54]. Needs `right::depend`.
    detail::requesting_nothing depends_on_me(dependency kind) const;
    /// Answered when it is frozen: its handler has ended, its other code stands where it waits.
    /// Messages and answers still reach it; its control port is served. Needs `right::freeze`, as
    /// the next.
    detail::requesting_nothing freeze() const;
    /// Lets a frozen one go on and an INCHOATE one begin, and gives it that priority among those of
    /// its node; a faulting one goes on to its end.
    detail::requesting_nothing unfreeze(std::optional<priority_level> priority = {}) const;
    /// Moves it to that node: state, references, queues and wiring, while others go on using it;
    /// they notice nothing. It comes to rest first, at most for `rest_within` (zero: the node's
    /// limit of that name): handlers end, what it waits for comes. Answered when it is there. Needs
    /// `right::migrate`. Errors, after each of which it goes on where it was: unsupported: what it
    /// has cannot be moved, the text says what; refused: it does not come to rest, or the node does
    /// not take it; no_such_module, no_such_node, limit_reached, out_of_memory, too_large of the
    /// node; timed_out: the node was lost or silent. maybe_delivered: its own node was lost.
    detail::requesting_nothing migrate(node_id to, duration rest_within = {}) const;
    /// A stream to its control port. Needs `right::operate`. Errors: no_such_interface,
    /// wrong_protocol, not_found.
    template <class P>
    detail::opening_control<P> control() const;
};

/// A handle of the running incarnation on itself, with all rights; empty when `references_max` are
/// there.
incarnation_handle self_handle();

namespace detail {
inline constexpr std::uint8_t same_priority = 0xff;

bytes control_request(std::uint64_t protocol);

template <class P>
class opening_control : public requesting {
public:
    explicit opening_control(reference of)
        : requesting{request_kind::open_control, node_id{}, of, control_request(P::type().id)} {}
    opening_control& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<stream<P>> await_resume() {
        if (auto ended = outcome(); !ended)
            return fail(std::move(ended.error()));
        if (auto right = check_protocol(operation_.made, P::type()); !right)
            return fail(std::move(right.error()));
        return stream<P>{operation_.made};
    }
};

void declare_control_port(const protocol_type& protocol, const handler* handlers);
} // namespace detail

template <class P>
detail::opening_control<P> incarnation_handle::control() const {
    return detail::opening_control<P>{*this};
}

/// A port for operations of the incarnation's own, which its parents reach by `handle.control<P>()`
/// [K52]. Its handlers are interrupts above every other priority: they run where the incarnation's
/// other code is suspended, and also while it is frozen or faulting. An incarnation has one at
/// most.
template <class P>
class control_port {
public:
    using protocol = P;
    template <class D>
    explicit control_port(D&) {
        static_assert(detail::handlers_of<D, P>::all,
                      "the incarnation has no on(message) for some message of its control port");
        detail::declare_control_port(P::type(), detail::handlers_of<D, P>::table());
    }
    control_port(const control_port&) = delete;
    control_port& operator=(const control_port&) = delete;
};

/// What the register says of a member, as last heard here.
struct member_info {
    node_boot at;
    std::string name;
    std::string address;
    node_facts facts;
    std::vector<std::string> modules;
    bool reachable = true;
    friend bool operator==(const member_info&, const member_info&) = default;
    EQUUS_FIELDS(at, name, address, facts, modules, reachable)
};
/// The present members, in order of their ids. A copy.
std::vector<member_info> members();

} // namespace equus
