// One thread runs all incarnations of a node, so code that never comes to an await keeps it from
// everything, its lease included. Nothing can take such code off the thread; what can be done is to
// say whose it is and to end the process, so that the others get what they would wait for in vain.
//
// A thread of its own looks at the watched one. When that has been in one slice of work for longer
// than the patience, it is made to print what it runs (incarnation, module, message) and its stack,
// and the process ends with exit code 70. One watchdog a process.
#pragma once

#include <equus/base/time.hpp>
#include <equus/kernel/kernel.hpp>

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace equus::host {

class watchdog {
public:
    /// Watches the thread that makes it. `what_runs` is asked on that thread, in a signal handler;
    /// null: nobody knows.
    watchdog(std::string node, duration patience, running_code (*what_runs)() noexcept);
    ~watchdog();
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

    /// A slice of work, from one to the other; on the watched thread.
    void slice_begins() noexcept { slices_.fetch_add(1, std::memory_order_relaxed); }
    void slice_ends() noexcept { slices_.fetch_add(1, std::memory_order_relaxed); }

private:
    static void say_and_end(int signal) noexcept;
    void watch();
    void say() const noexcept;

    const std::string node_;
    const duration patience_;
    running_code (*const what_runs_)() noexcept;
    const pthread_t watched_;
    std::atomic<std::uint64_t> slices_{0}; ///< odd: within one
    std::mutex mutex_;
    std::condition_variable woken_;
    bool ending_ = false;
    std::thread thread_;
};

} // namespace equus::host
