// Threads for work that blocks, so that one slow disc stalls nobody. The queue is bounded: what
// does not fit is refused at once, and the caller answers its asker instead of piling up memory.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace equus::host {

class blocking_pool {
public:
    /// Requires threads != 0. The threads are made when there is work for them.
    blocking_pool(std::size_t threads, std::size_t queue_max);
    /// Drops what is queued and waits for what is running.
    ~blocking_pool();
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    /// False: the queue is full, or the system gives no thread; `work` is untouched. `work` must
    /// not throw. Jobs begin in the order of submission. Any thread.
    [[nodiscard]] bool submit(std::function<void()>&& work);

private:
    void start_thread();
    void serve();

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<std::function<void()>> queue_;
    std::vector<std::thread> threads_;
    std::size_t threads_max_;
    std::size_t queue_max_;
    std::size_t idle_ = 0;
    bool ending_ = false;
};

} // namespace equus::host
