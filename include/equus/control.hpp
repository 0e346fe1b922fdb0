// Creating, watching and ending other incarnations. Authority is a handle: whoever holds the handle
// of an incarnation with the right is its parent [K51]; the creator gets the first one.
#pragma once

#include <equus/core/operation.hpp>
#include <equus/rdc.hpp>
#include <equus/stream.hpp>

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
    EQUUS_FIELDS(module, name, parameters, interfaces, given, memory_bytes, depends_on_launch,
                 watched, priority)
};

enum class dependency : std::uint16_t { none = 0, absolute = 1, group = 2 };

namespace detail {

enum class request_kind : std::uint16_t {
    create = 1,
    destroy = 2,
    watch = 3,
    depend = 4,
    status = 5,
    join_channel = 6,
    follow_channel = 7,
    leave_channel = 8,
    regulate = 32, ///< a stream, by its handle
};

/// Sends a request to the kernel of `node` (0: this one) or to the one where `subject` lives. It
/// may have ended at once; whoever awaits it is resumed in a later step all the same, so that a
/// loop of local requests does not keep its node from everything else.
void begin(request_operation& op, request_kind kind, node_id node, reference subject, bytes body,
           std::span<const reference> references);

class requesting : public awaitable {
public:
    requesting(request_kind kind, node_id node, reference subject, bytes body,
               std::vector<reference> references = {}) noexcept
        : kind_{kind}, node_{node}, subject_{subject}, body_{std::move(body)},
          references_{std::move(references)} {}
    requesting(const requesting&) = delete;
    requesting& operator=(const requesting&) = delete;
    bool await_ready() {
        begin(operation_, kind_, node_, subject_, std::move(body_), references_);
        if (!operation_.has_ended())
            set_timeout(operation_, timeout_);
        return false;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }

protected:
    result<void> outcome() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return {};
    }
    request_kind kind_;
    node_id node_;
    reference subject_;
    bytes body_;
    std::vector<reference> references_;
    duration timeout_ = std::chrono::seconds{30};
    request_operation operation_;
};

class requesting_nothing : public requesting {
public:
    using requesting::requesting;
    requesting_nothing& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<void> await_resume() { return outcome(); }
};

} // namespace detail

/// Which events of an incarnation its holder wants to hear of, added together.
enum class event_kind : std::uint16_t {
    terminated = 1,
    unreachable = 2, ///< its node is silent; it may come back
    node_joined = 4,
    node_left = 8, ///< left or was evicted: `reason` says which
};

/// Authority over an incarnation.
class incarnation_handle : public reference {
public:
    constexpr incarnation_handle() noexcept = default;
    constexpr explicit incarnation_handle(reference untyped) noexcept : reference{untyped} {}

    /// Who it is; empty for an empty handle.
    incarnation_id id() const noexcept;
    /// Ends it at once, no last wishes [K51].
    detail::requesting_nothing destroy() const;
    /// From now on its end, and being cut off from it, are events of the running incarnation.
    detail::requesting_nothing watch() const;
    /// Makes it depend on the running incarnation [K54].
    detail::requesting_nothing depends_on_me(dependency kind) const;
};

namespace detail {
class creating : public requesting {
public:
    creating(node_id node, bytes what, std::vector<reference> references, bool watched) noexcept
        : requesting{request_kind::create, node, reference{}, std::move(what),
                     std::move(references)} {
        operation_.watched = watched;
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

/// Something that happened to an incarnation or node of interest [K53].
struct event {
    event_kind kind = event_kind::terminated;
    incarnation_id subject; ///< empty for a node's events
    node_boot node;
    errc reason = errc::ok; ///< ok: it ended by itself
    std::int32_t result = 0;
    std::string text; ///< of the error that ended it, for people
    EQUUS_FIELDS(kind, subject, node, reason, result, text)
};

/// From now on members that join and leave are events of the running incarnation.
void watch_members() noexcept;

namespace detail {
event take_event();
class hearing : public awaitable {
public:
    hearing() noexcept = default;
    hearing(const hearing&) = delete;
    hearing& operator=(const hearing&) = delete;
    hearing& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        begin(operation_);
        if (!operation_.has_ended())
            set_timeout(operation_, timeout_);
        return false;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    result<event> await_resume() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return take_event();
    }

private:
    duration timeout_ = for_ever;
    event_operation operation_;
};
} // namespace detail

/// `co_await next_event()`: result<event>; events are kept in order until they are taken. One that
/// is there already is taken in a later step: no event overtakes an answer that came before it.
inline detail::hearing next_event() noexcept {
    return {};
}

} // namespace equus
