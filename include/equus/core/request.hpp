// What one kernel asks of another on behalf of an incarnation, and how its code awaits the answer.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/ids.hpp>
#include <equus/core/operation.hpp>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace equus::detail {

enum class request_kind : std::uint16_t {
    create = 1,
    destroy = 2,
    watch = 3,
    depend = 4,
    status = 5, ///< of the node
    join_channel = 6,
    follow_channel = 7,
    leave_channel = 8,
    // ---- control of one incarnation
    unwatch = 16,
    freeze = 17,
    unfreeze = 18,
    report = 19,
    inspect = 20,
    open_control = 21,
    copy = 22,    ///< of an INCHOATE incarnation, to a node
    restore = 23, ///< an incarnation from its image; between kernels
    fork = 24,    ///< of the asker itself
    migrate = 25, ///< to a node
    // ---- between the kernels of a migration, and of one of them and the register
    reserve = 64,
    install = 65,
    claim = 66,
    reclaim = 67,
    locate = 68,
    // ---- of one stream
    regulate = 32, ///< by its handle
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
    operation& waited_operation() noexcept { return operation_; }

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
    /// `maybe_delivered` after that time.
    requesting_nothing& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<void> await_resume() { return outcome(); }
};

} // namespace equus::detail
