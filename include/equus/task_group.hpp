// One incarnation often waits for several things at once: a service for the effects of many
// requests, a launch for events, orders and requests. Handlers run one at a time; a task group runs
// tasks beside them, and a signal lets one task wait for what another one does.
//
// Guarantee: the tasks of a group end with the group, and with the incarnation at the latest; they
// take turns with its other code and are only changed at a co_await, so they share its members
// without locks. Limit: an incarnation with tasks under way is not at rest (rule 10).
//
//     children_.start(serve(std::move(message)));
//     co_await children_.all_ended();
#pragma once

#include <equus/core/operation.hpp>
#include <equus/incarnation.hpp>
#include <equus/task.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace equus {

/// Wakes the tasks of one incarnation that wait for it. It keeps no memory: who waits later waits
/// for the next notification, so a waiting task looks at its condition in a loop.
class wake_signal {
public:
    wake_signal() noexcept = default;
    wake_signal(const wake_signal&) = delete;
    wake_signal& operator=(const wake_signal&) = delete;

    /// `co_await signal.wait()`: true when notified, false when `within` was over first.
    class waiting : public detail::awaitable {
    public:
        explicit waiting(wake_signal& of) noexcept : signal_{of} {}
        waiting(const waiting&) = delete;
        waiting& operator=(const waiting&) = delete;
        ~waiting() { signal_.forget(*this); }

        waiting& within(duration timeout) noexcept {
            timeout_ = timeout;
            return *this;
        }
        bool await_ready() {
            if (detail::begin(operation_))
                return true;
            detail::set_timeout(operation_, timeout_);
            if (operation_.has_ended())
                return true;
            signal_.waiting_.push_back(this);
            listed_ = true;
            return false;
        }
        void await_suspend(std::coroutine_handle<> waiter) noexcept {
            detail::wait_for(operation_, waiter);
        }
        bool await_resume() const noexcept { return notified_; }

    private:
        friend class wake_signal;
        wake_signal& signal_;
        duration timeout_ = for_ever;
        detail::sleep_operation operation_;
        bool listed_ = false;
        bool notified_ = false;
    };
    waiting wait() noexcept { return waiting{*this}; }

    /// Every task that waits now goes on, in the order in which they began to wait.
    void notify() {
        std::vector<waiting*> woken;
        woken.swap(waiting_);
        for (waiting* each : woken) {
            each->listed_ = false;
            each->notified_ = true;
            if (!each->operation_.has_ended())
                detail::set_timeout(each->operation_, duration::zero());
        }
    }

private:
    void forget(waiting& which) noexcept {
        if (which.listed_)
            std::erase(waiting_, &which);
    }
    std::vector<waiting*> waiting_;
};

/// See the head of this file. A member or a local of the incarnation's code; stays where it is.
class task_group {
public:
    task_group() noexcept = default;
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    /// Ends the tasks where they are; what they waited for is withdrawn.
    ~task_group() {
        while (!children_.empty())
            children_.pop_back();
    }

    /// Starts the task beside the running code, which goes on first. A task that ends in an error
    /// is counted in `failed`; who wants the reason awaits it inside with `as_result`.
    void start(task<> child) {
        if (!child) {
            ++failed_; // no memory for its frame
            return;
        }
        const std::size_t index = children_.size();
        children_.push_back(std::make_unique<child_task>(*this, index, child.release()));
        children_.back()->begin();
    }

    /// Tasks under way.
    std::size_t size() const noexcept { return children_.size(); }
    std::size_t failed() const noexcept { return failed_; }

    /// `co_await group.one_ended()`: the next end of one of its tasks.
    wake_signal::waiting one_ended() noexcept { return ended_.wait(); }

    /// `co_await group.all_ended()`: at once when there is none.
    task<> all_ended() {
        while (!children_.empty())
            co_await ended_.wait();
    }

private:
    struct child_task {
        child_task(task_group& in, std::size_t at, task<>::handle made) noexcept
            : group{in}, index{at}, frame{made} {}
        child_task(const child_task&) = delete;
        child_task& operator=(const child_task&) = delete;
        ~child_task() {
            if (frame)
                frame.destroy();
        }
        /// The scheduler resumes it like any coroutine that has slept.
        void begin() {
            frame.promise().finished = &child_ended;
            frame.promise().context = this;
            if (!detail::begin(starter))
                detail::set_timeout(starter, duration::zero());
            detail::wait_for(starter, frame);
        }
        task_group& group;
        std::size_t index;
        task<>::handle frame;
        detail::sleep_operation starter;
    };

    static void child_ended(detail::promise_base& ended, void* context) {
        auto& child = *static_cast<child_task*>(context);
        child.group.remove(child.index, ended.failure != errc::ok);
    }
    void remove(std::size_t index, bool by_failure) {
        if (by_failure)
            ++failed_;
        const std::unique_ptr<child_task> ended = std::move(children_[index]);
        if (index + 1 != children_.size()) {
            children_[index] = std::move(children_.back());
            children_[index]->index = index;
        }
        children_.pop_back();
        ended_.notify();
    }

    wake_signal ended_;
    std::vector<std::unique_ptr<child_task>> children_;
    std::size_t failed_ = 0;
};

} // namespace equus
