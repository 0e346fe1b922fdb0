// What the tasks of one incarnation wait for each other with. They take turns, and nothing changes
// between two awaits, so most members need no guard at all [K4]; these are for what must stay as it
// is over an await, for what there is only so much of, and for waiting until another task has done
// something.
//
//     equus::mutex file_;
//     auto held = co_await file_.lock().within(2s);   // empty when the time was over first
//
// Who waits is served in the order of waiting. A task that is ended while it waits leaves the
// queue, and what it had just been given goes to the next. None of these may be shared between
// incarnations, and none may end before those that wait for it.
#pragma once

#include <equus/core/operation.hpp>

#include <cstdint>
#include <utility>

namespace equus {

namespace detail {

/// A task in the queue of one of these. It is woken by time, so that the order of resumption is the
/// scheduler's.
class queued_wait : public awaitable {
public:
    queued_wait() noexcept = default;
    queued_wait(const queued_wait&) = delete;
    queued_wait& operator=(const queued_wait&) = delete;

    bool await_ready() {
        if (served_ || begin(operation_))
            return true;
        set_timeout(operation_, timeout_);
        return operation_.has_ended();
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }

protected:
    friend class wait_queue;
    ~queued_wait() = default;
    duration timeout_ = for_ever;
    sleep_operation operation_;
    queued_wait* previous_ = nullptr;
    queued_wait* next_ = nullptr;
    bool queued_ = false;
    bool served_ = false;
};

/// In order of arrival; leaves from anywhere.
class wait_queue {
public:
    wait_queue() noexcept = default;
    wait_queue(const wait_queue&) = delete;
    wait_queue& operator=(const wait_queue&) = delete;
    /// Those that still wait, wait for ever: only what ends them frees them.
    ~wait_queue() {
        while (first_)
            leave(*first_);
    }

    bool empty() const noexcept { return first_ == nullptr; }
    void join(queued_wait& who) noexcept {
        who.previous_ = last_;
        who.next_ = nullptr;
        (last_ ? last_->next_ : first_) = &who;
        last_ = &who;
        who.queued_ = true;
    }
    void leave(queued_wait& who) noexcept {
        if (!who.queued_)
            return;
        (who.previous_ ? who.previous_->next_ : first_) = who.next_;
        (who.next_ ? who.next_->previous_ : last_) = who.previous_;
        who.queued_ = false;
    }
    /// The first goes on, with what it waited for.
    void serve() {
        queued_wait& who = *first_;
        leave(who);
        who.served_ = true;
        if (!who.operation_.has_ended())
            set_timeout(who.operation_, duration::zero());
    }

private:
    queued_wait* first_ = nullptr;
    queued_wait* last_ = nullptr;
};

} // namespace detail

/// Wakes the tasks of one incarnation that wait for it. It keeps no memory: who waits later waits
/// for the next notification, so a waiting task looks at its condition in a loop.
class wake_signal {
public:
    wake_signal() noexcept = default;

    /// `co_await signal.wait()`: true when notified, false when `within` was over first, or the
    /// task was asked to end.
    class waiting : public detail::queued_wait {
    public:
        explicit waiting(wake_signal& of) noexcept : signal_{of} {}
        ~waiting() {
            if (queued_)
                signal_.waiting_.leave(*this);
        }
        waiting& within(duration timeout) noexcept {
            timeout_ = timeout;
            return *this;
        }
        bool await_ready() {
            if (detail::queued_wait::await_ready())
                return true;
            signal_.waiting_.join(*this);
            return false;
        }
        bool await_resume() const noexcept { return served_; }

    private:
        wake_signal& signal_;
    };
    waiting wait() noexcept { return waiting{*this}; }

    /// Every task that waits now goes on, in the order in which they began to wait.
    void notify() {
        while (!waiting_.empty())
            waiting_.serve();
    }

private:
    detail::wait_queue waiting_;
};

/// So much of something. A permit that is given back goes to the task that has waited longest.
class semaphore {
public:
    explicit semaphore(std::uint32_t permits) noexcept : free_{permits} {}

    /// `co_await permits.acquire()`: true: one is taken, to be given back by release(); false:
    /// `within` was over first, or the task was asked to end.
    class acquiring : public detail::queued_wait {
    public:
        explicit acquiring(semaphore& of) noexcept : of_{of} {}
        ~acquiring() {
            if (queued_)
                of_.waiting_.leave(*this);
            else if (served_ && !taken_)
                of_.release(); // ended between its turn and its resumption
        }
        acquiring& within(duration timeout) noexcept {
            timeout_ = timeout;
            return *this;
        }
        bool await_ready() {
            if (of_.try_acquire()) {
                served_ = true;
                return true;
            }
            if (detail::queued_wait::await_ready())
                return true;
            of_.waiting_.join(*this);
            return false;
        }
        bool await_resume() noexcept {
            taken_ = served_;
            return served_;
        }

    private:
        semaphore& of_;
        bool taken_ = false;
    };
    acquiring acquire() noexcept { return acquiring{*this}; }
    /// Takes one when there is one and nobody waits for it.
    bool try_acquire() noexcept {
        if (free_ == 0)
            return false;
        --free_;
        return true;
    }
    void release() {
        if (waiting_.empty())
            ++free_;
        else
            waiting_.serve();
    }
    std::uint32_t available() const noexcept { return free_; }

private:
    detail::wait_queue waiting_;
    std::uint32_t free_;
};

/// What one task at a time may do, over its awaits too. Not recursive.
class mutex {
public:
    /// Holds the mutex until it ends; empty when the lock was not got.
    class hold {
    public:
        hold() noexcept = default;
        explicit hold(mutex& of) noexcept : of_{&of} {}
        hold(hold&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
        hold& operator=(hold&& other) noexcept {
            if (this != &other) {
                unlock();
                of_ = std::exchange(other.of_, nullptr);
            }
            return *this;
        }
        ~hold() { unlock(); }
        explicit operator bool() const noexcept { return of_ != nullptr; }
        void unlock() noexcept {
            if (of_)
                std::exchange(of_, nullptr)->one_.release();
        }

    private:
        mutex* of_ = nullptr;
    };

    class locking : public semaphore::acquiring {
    public:
        explicit locking(mutex& of) noexcept : semaphore::acquiring{of.one_}, mutex_{of} {}
        locking& within(duration timeout) noexcept {
            timeout_ = timeout;
            return *this;
        }
        hold await_resume() noexcept {
            return semaphore::acquiring::await_resume() ? hold{mutex_} : hold{};
        }

    private:
        mutex& mutex_;
    };
    /// `auto held = co_await m.lock();`
    locking lock() noexcept { return locking{*this}; }
    /// Held by somebody.
    bool locked() const noexcept { return one_.available() == 0; }

private:
    semaphore one_{1};
};

} // namespace equus
