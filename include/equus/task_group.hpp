// One incarnation often does several things at once: a service for many requests, a launch for
// events, orders and answers. Handlers run one at a time; a task group runs tasks beside them [K4].
//
//     equus::task_group children_;                        // a member, the last: its tasks use the
//     others children_.start(serve(std::move(message)));         // goes on by itself auto pages =
//     children_.start(count(text));          // ... or with a result auto counted = co_await pages;
//     // result<int>
//
// Guarantee: the tasks of a group end with the group, and with the incarnation at the latest; they
// take turns with its other code and are only changed at a co_await, so they share its members
// without locks. cancel() asks them to end: what each waits for ends with `cancelled`, and
// asked_to_end() says so from then on; what they await after that, to leave things in order, is
// theirs. stop() ends them where they are. Limit: an incarnation with tasks under way is not at
// rest; a request to rest cancels them (rule 10).
#pragma once

#include <equus/core/operation.hpp>
#include <equus/incarnation.hpp>
#include <equus/sync.hpp>
#include <equus/task.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace equus {

class task_group;
template <class T>
class child;

namespace detail {

/// A task of a group. Its own address is known to its coroutines (promise_base::scope).
struct child_task : task_scope {
    child_task(task_group& in, std::size_t at, promise_base& top) noexcept
        : group{in}, index{at}, frame{&top} {
        top.scope = this;
        task_begins();
    }
    child_task(const child_task&) = delete;
    child_task& operator=(const child_task&) = delete;
    ~child_task() {
        task_ends();
        if (frame)
            frame->self.destroy();
        if (abandon)
            abandon(waited_for_by);
    }
    /// The scheduler resumes it like any coroutine that has slept.
    void begin_it() {
        if (!begin(starter))
            set_timeout(starter, duration::zero());
        wait_for(starter, frame->self);
        starter.of_handler = false; // it outlives the handler that starts it
    }

    task_group& group;
    std::size_t index;
    promise_base* frame;
    void* waited_for_by = nullptr; ///< the child<T>, while it is there
    void (*abandon)(void* by) noexcept = nullptr;
    sleep_operation starter;
};

} // namespace detail

/// The result of a task that was started in a group, to be awaited once; or dropped: the task goes
/// on. Stays where it is made.
template <class T>
class child : public detail::awaitable {
public:
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child() {
        if (task_)
            task_->abandon = nullptr;
    }

    /// The task has ended: awaiting it does not wait.
    bool has_ended() const noexcept { return outcome_.has_value(); }
    /// `timed_out` after t; the task goes on and may be awaited again.
    child& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        waiting_.reset();
        if (outcome_)
            return true;
        waiting_.emplace();
        if (detail::begin(*waiting_))
            return true;
        detail::set_timeout(*waiting_, timeout_);
        return waiting_->has_ended();
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        detail::wait_for(*waiting_, waiter);
    }
    detail::operation& waited_operation() noexcept { return *waiting_; }
    /// result<T>: its value, its error, or `cancelled` when its group ended it.
    result<T> await_resume() {
        const bool cut_off = waiting_ && waiting_->outcome != errc::ok;
        waiting_.reset();
        if (outcome_)
            return std::move(*outcome_);
        return fail(cut_off ? errc::cancelled : errc::timed_out);
    }

private:
    friend class task_group;
    explicit child(errc never_begun) { outcome_.emplace(fail(never_begun)); }
    explicit child(detail::child_task& of) noexcept : task_{&of} {
        of.waited_for_by = this;
        of.abandon = &abandoned;
    }
    static void abandoned(void* by) noexcept {
        static_cast<child*>(by)->ended(fail(errc::cancelled));
    }
    void ended(result<T> with) noexcept {
        task_ = nullptr;
        outcome_.emplace(std::move(with));
        if (waiting_ && !waiting_->has_ended())
            detail::set_timeout(*waiting_, duration::zero());
    }

    detail::child_task* task_ = nullptr;
    std::optional<result<T>> outcome_;
    std::optional<detail::sleep_operation> waiting_;
    duration timeout_ = for_ever;
};

/// See the head of this file. A member or a local of the incarnation's code; stays where it is.
class task_group {
public:
    task_group() noexcept = default;
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group() { stop(); }

    /// Starts the task beside the running code, which goes on first. An error that nobody awaits is
    /// counted in `failed`.
    template <class T>
    child<T> start(task<T> what);

    /// Asks every task to end, see the head of this file. Those that are asked already are not
    /// asked again.
    void cancel() {
        for (std::size_t i = 0; i < children_.size(); ++i)
            children_[i]->cancel();
    }
    /// Ends the tasks where they are; what they waited for is withdrawn.
    void stop() noexcept {
        while (!children_.empty()) {
            const std::unique_ptr<detail::child_task> last = std::move(children_.back());
            children_.pop_back();
        }
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
    /// Asks them to end, waits for that, and ends those that have not after `patience`.
    task<> cancelled_within(duration patience) {
        const time_point until = deadline_after(now(), patience);
        cancel();
        while (!children_.empty() && now() < until)
            co_await ended_.wait().within(until - now());
        stop();
    }

private:
    template <class T>
    static void child_ended(detail::promise_base& ended, void* context) {
        auto& task = *static_cast<detail::child_task*>(context);
        const bool failed = ended.failure != errc::ok;
        if (task.abandon) {
            task.abandon = nullptr;
            auto& by = *static_cast<child<T>*>(task.waited_for_by);
            if (failed)
                by.ended(fail(std::move(ended.failure)));
            else if constexpr (std::is_void_v<T>)
                by.ended({});
            else
                by.ended(std::move(*static_cast<detail::promise<T>&>(ended).value));
        } else if (failed) {
            ++task.group.failed_;
        }
        task.group.remove(task.index);
    }
    void remove(std::size_t index) {
        const std::unique_ptr<detail::child_task> ended = std::move(children_[index]);
        if (index + 1 != children_.size()) {
            children_[index] = std::move(children_.back());
            children_[index]->index = index;
        }
        children_.pop_back();
        ended_.notify();
    }

    wake_signal ended_;
    std::vector<std::unique_ptr<detail::child_task>> children_;
    std::size_t failed_ = 0;
};

template <class T>
child<T> task_group::start(task<T> what) {
    if (!what) {
        ++failed_;
        return child<T>{errc::out_of_memory};
    }
    auto frame = what.release();
    frame.promise().finished = &child_ended<T>;
    children_.push_back(
        std::make_unique<detail::child_task>(*this, children_.size(), frame.promise()));
    detail::child_task& made = *children_.back();
    frame.promise().context = &made;
    made.begin_it();
    return child<T>{made};
}

/// The task whose code this is was asked to end: by its group's cancel().
/// `co_await asked_to_end()` does not wait.
inline detail::asking_scope asked_to_end() noexcept {
    return {};
}

} // namespace equus
