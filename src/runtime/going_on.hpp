// How a coroutine goes on when what it waited for has ended: in an ordinary turn, and in that of an
// incarnation that is held. Inlined into the loop of an ordinary turn.
#pragma once

#include "runtime/kernel_impl.hpp"

namespace equus::runtime {

/// Requires: the operation is in no list of those that are ready.
[[gnu::always_inline]] inline void go_on(kernel_impl& kernel, incarnation_record& inc,
                                         operation& op) {
    op.ready = false;
    if (op.has_ended())
        op.owner = nullptr; // in no list any more: its destructor has nothing to do
    inc.in_handler = op.of_handler;
    if (inc.in_handler && inc.in_hand &&
        ++inc.in_hand->resumed > kernel.options.limits.handler_steps_max)
        kernel.fail_handler(inc, error{errc::limit_reached, "handler_steps_max"});
    else
        kernel.resume(inc, op.waiter);
}

} // namespace equus::runtime
