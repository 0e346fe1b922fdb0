#include "host/blocking_pool.hpp"

#include <equus/base/assert.hpp>

#include <pthread.h>

#include <csignal>
#include <system_error>
#include <utility>

namespace equus::host {

blocking_pool::blocking_pool(std::size_t threads, std::size_t queue_max)
    : threads_max_{threads}, queue_max_{queue_max} {
    EQUUS_ASSERT(threads != 0);
}

blocking_pool::~blocking_pool() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
        queue_.clear();
    }
    arrived_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
}

bool blocking_pool::submit(std::function<void()>&& work) {
    const std::lock_guard lock{mutex_};
    if (queue_.size() >= queue_max_)
        return false;
    queue_.push_back(std::move(work));
    if (idle_ >= queue_.size()) {
        arrived_.notify_one();
    } else if (threads_.size() < threads_max_) {
        start_thread();
    }
    if (!threads_.empty())
        return true;
    work = std::move(queue_.back());
    queue_.pop_back();
    return false;
}

// The system may refuse another thread; those that are there do the work then.
void blocking_pool::start_thread() {
    // Signals are for the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void blocking_pool::serve() {
    std::unique_lock lock{mutex_};
    while (true) {
        ++idle_;
        arrived_.wait(lock, [this] { return ending_ || !queue_.empty(); });
        --idle_;
        if (queue_.empty())
            return;
        {
            const std::function<void()> work = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            work();
        }
        lock.lock();
    }
}

} // namespace equus::host
