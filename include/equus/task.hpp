// A task is a coroutine of an incarnation: it starts when it is awaited, runs on the incarnation's
// own memory, and ends in a value or an error. Errors travel upwards by themselves: awaiting a task
// that failed ends the awaiting task with the same error, up to the handler or main() whose caller
// is told. Who wants to look at the error awaits `as_result(task)` instead.
//
//     equus::task<receipt> on(print p) {
//         auto pages = co_await equus::ok(co_await out.invoke<count>(p.id));   // passes an error
//         on co_return receipt{p.id, pages};
//     }
//
// Frames come from the node's pool and are charged to the incarnation; running out of memory is an
// error of the task, not an end of the program. State that must outlive the task is a member, not a
// local.
#pragma once

#include <equus/base/assert.hpp>
#include <equus/base/result.hpp>
#include <equus/core/memory.hpp>
#include <equus/core/operation.hpp>

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

namespace equus {

template <class T = void>
class task;

namespace detail {

/// The exception that is being handled, as an error. Defined per target: a freestanding one has
/// none.
error capture_exception() noexcept;

struct promise_base {
    std::coroutine_handle<> self;
    promise_base* awaiting = nullptr; ///< the task that awaits this one
    task_scope* scope = nullptr;      ///< of the task of a group that this is part of
    /// Called by the scheduler when a task that nobody awaits has ended; destroys the frame.
    void (*finished)(promise_base& ended, void* context) = nullptr;
    void* context = nullptr;
    bool error_wanted = false; ///< the awaiting task looks at the error itself
    error failure{errc::ok};

    static void* operator new(std::size_t size) noexcept { return allocate_block(size); }
    static void operator delete(void* frame) noexcept { free_block(frame); }

    std::suspend_always initial_suspend() const noexcept { return {}; }
    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
            task_ended(ended.promise());
        }
        void await_resume() const noexcept {}
    };
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure = capture_exception(); }

    /// Hands control to the task above, or the ended task to the scheduler.
    static void task_ended(promise_base& ended) noexcept;
    /// Ends this task with an error at the await it is suspended in.
    void fail(error reason) noexcept {
        failure = std::move(reason);
        task_ended(*this);
    }
};

/// A task that nobody awaits has ended: the scheduler takes it from here.
void top_task_ended(promise_base& ended) noexcept;

inline void promise_base::task_ended(promise_base& ended) noexcept {
    promise_base* at = &ended;
    while (at->awaiting) {
        promise_base* above = at->awaiting;
        if (at->failure == errc::ok || at->error_wanted) {
            running()->next_to_resume = above->self;
            return;
        }
        above->failure = std::move(at->failure);
        at->failure = errc::cancelled; // it will not be asked again
        at = above;
    }
    top_task_ended(*at);
}

template <class T>
struct promise : promise_base {
    std::optional<T> value;

    task<T> get_return_object() noexcept;
    static task<T> get_return_object_on_allocation_failure() noexcept;

    template <class U = T>
    requires std::constructible_from<T, U&&>
    void return_value(U&& from) { value.emplace(std::forward<U>(from)); }
    void return_value(tl::unexpected<error> reason) requires(
        !std::constructible_from<T, tl::unexpected<error>>) {
        failure = std::move(reason.value());
    }
};

template <>
struct promise<void> : promise_base {
    task<void> get_return_object() noexcept;
    static task<void> get_return_object_on_allocation_failure() noexcept;
    void return_void() const noexcept {}
};

} // namespace detail

/// See the head of this file. Move only; owns its frame. Awaited at most once.
template <class T>
class [[nodiscard]] task {
public:
    using promise_type = detail::promise<T>;
    using handle = std::coroutine_handle<promise_type>;

    task() noexcept = default;
    explicit task(handle frame) noexcept : frame_{frame} {}
    task(task&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            if (frame_)
                frame_.destroy();
            frame_ = std::exchange(other.frame_, nullptr);
        }
        return *this;
    }
    ~task() {
        if (frame_)
            frame_.destroy();
    }

    /// False: there was no memory for its frame.
    explicit operator bool() const noexcept { return static_cast<bool>(frame_); }
    /// Gives up the frame to the caller.
    handle release() noexcept { return std::exchange(frame_, nullptr); }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> above) noexcept {
        if (!frame_) {
            above.promise().fail(errc::out_of_memory); // no memory for its frame, nor for words
            return;
        }
        frame_.promise().awaiting = &above.promise();
        frame_.promise().scope = above.promise().scope;
        detail::running()->next_to_resume = frame_;
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>) {
            // Reached only when the task ended without error, and then it has a value.
            EQUUS_ASSERT(frame_.promise().value.has_value());
            return std::move(*frame_.promise().value);
        }
    }

private:
    handle frame_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
    auto frame = std::coroutine_handle<promise>::from_promise(*this);
    self = frame;
    return task<T>{frame};
}
template <class T>
task<T> promise<T>::get_return_object_on_allocation_failure() noexcept {
    return task<T>{};
}
inline task<void> promise<void>::get_return_object() noexcept {
    auto frame = std::coroutine_handle<promise>::from_promise(*this);
    self = frame;
    return task<void>{frame};
}
inline task<void> promise<void>::get_return_object_on_allocation_failure() noexcept {
    return task<void>{};
}

template <class T>
struct ok_awaiter {
    explicit ok_awaiter(result<T>&& from) noexcept : value{std::move(from)} {}
    result<T> value;
    bool await_ready() const noexcept { return value.has_value(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> above) noexcept {
        above.promise().fail(std::move(value.error()));
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>)
            return std::move(*value);
    }
};

template <class T>
struct as_result_awaiter {
    explicit as_result_awaiter(task<T>&& from) noexcept : frame{from.release()} {}
    as_result_awaiter(const as_result_awaiter&) = delete;
    ~as_result_awaiter() {
        if (frame)
            frame.destroy();
    }
    typename task<T>::handle frame;
    bool await_ready() const noexcept { return !frame; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> above) noexcept {
        frame.promise().awaiting = &above.promise();
        frame.promise().scope = above.promise().scope;
        frame.promise().error_wanted = true;
        running()->next_to_resume = frame;
    }
    result<T> await_resume() {
        if (!frame)
            return fail(errc::out_of_memory, "no memory for a coroutine frame");
        if (frame.promise().failure != errc::ok)
            return fail(std::move(frame.promise().failure));
        if constexpr (std::is_void_v<T>)
            return {};
        else
            return std::move(*frame.promise().value);
    }
};

/// Whether the task was asked to end; does not wait.
struct asking_scope {
    bool asked = false;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> asking) noexcept {
        const task_scope* scope = asking.promise().scope;
        asked = scope && scope->asked_to_end;
        return false;
    }
    bool await_resume() const noexcept { return asked; }
};

} // namespace detail

/// `co_await ok(r)`: the value, or the end of the awaiting task with r's error.
template <class T>
detail::ok_awaiter<T> ok(result<T>&& value) noexcept {
    return detail::ok_awaiter<T>{std::move(value)};
}
template <class T>
detail::ok_awaiter<T> ok(const result<T>& value) {
    return detail::ok_awaiter<T>{result<T>{value}};
}
/// `co_await ok(fail(errc::refused, "..."))`: ends the awaiting task with that error.
inline detail::ok_awaiter<void> ok(tl::unexpected<error> reason) noexcept {
    return detail::ok_awaiter<void>{result<void>{std::move(reason)}};
}

/// `co_await as_result(task)`: the task's value or its error, without ending the awaiting task.
template <class T>
detail::as_result_awaiter<T> as_result(task<T>&& from) noexcept {
    return detail::as_result_awaiter<T>{std::move(from)};
}

} // namespace equus
