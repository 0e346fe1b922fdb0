#include "host/watchdog.hpp"

#include "platform.hpp"

#include <equus/base/assert.hpp>

#include <execinfo.h>
#include <signal.h> // NOLINT: sigaction, pthread_kill
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace equus::host {

namespace {

constexpr int looks = 4; ///< within the patience
constexpr int signal_number = SIGUSR2;
constexpr int stack_depth = 64;

/// For the signal handler, which nobody can give anything.
constinit std::atomic<watchdog*> the_watchdog{nullptr};

} // namespace

watchdog::watchdog(std::string node, duration patience, running_code (*what_runs)() noexcept)
    : node_{std::move(node)}, patience_{patience}, what_runs_{what_runs}, watched_{
                                                                              ::pthread_self()} {
    watchdog* none = nullptr;
    const bool only_one = the_watchdog.compare_exchange_strong(none, this);
    EQUUS_ASSERT(only_one);
    void* here[1];
    ::backtrace(here, 1); // loads what it needs now, and not in the signal handler
    struct sigaction action = {};
    action.sa_handler = &watchdog::say_and_end;
    ::sigaction(signal_number, &action, nullptr);
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { watch(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

watchdog::~watchdog() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    woken_.notify_all();
    thread_.join();
    ::signal(signal_number, SIG_IGN);
    the_watchdog.store(nullptr);
}

void watchdog::watch() {
    std::unique_lock lock{mutex_};
    std::uint64_t before = 0;
    int unchanged = 0;
    while (!woken_.wait_for(lock, patience_ / looks, [this] { return ending_; })) {
        const std::uint64_t at = slices_.load(std::memory_order_relaxed);
        unchanged = at % 2 == 1 && at == before ? unchanged + 1 : 0;
        before = at;
        if (unchanged < looks)
            continue;
        ::pthread_kill(watched_, signal_number);
        // It says so and ends the process; when it cannot even do that, this does.
        if (woken_.wait_for(lock, std::chrono::seconds{2}, [this] { return ending_; }))
            return;
        std::fprintf(stderr, "node %s: its thread is stuck outside of any code of its own\n",
                     node_.c_str());
        ::_exit(platform::exit_never_yields);
    }
}

void watchdog::say_and_end(int) noexcept {
    if (const watchdog* own = the_watchdog.load())
        own->say();
    ::_exit(platform::exit_never_yields);
}

// In a signal handler: no memory, no locks.
void watchdog::say() const noexcept {
    std::array<char, 1024> line{};
    const running_code what = what_runs_ ? what_runs_() : running_code{};
    const auto length_of = [](std::string_view text) {
        return static_cast<int>(std::min<std::size_t>(text.size(), 200));
    };
    const std::string_view code = what.message.empty() ? "main() or start()" : what.message;
    const int length = std::snprintf(
        line.data(), line.size(),
        "node %s: incarnation '%.*s' (%u.%u.%u, module '%.*s') has not come to an await for %lld "
        "ms, in %s%.*s; the node ends. Its stack:\n",
        node_.c_str(), length_of(what.name), what.name.data(), what.id.node.value,
        what.id.boot.value, what.id.counter, length_of(what.module), what.module.data(),
        static_cast<long long>(patience_.count() / 1'000'000),
        what.message.empty() ? "" : "the handler of ", length_of(code), code.data());
    if (length > 0) {
        const auto size = std::min<std::size_t>(static_cast<std::size_t>(length), line.size() - 1);
        if (::write(STDERR_FILENO, line.data(), size) < 0)
            return;
    }
    std::array<void*, stack_depth> stack{};
    const int depth = ::backtrace(stack.data(), stack_depth);
    ::backtrace_symbols_fd(stack.data(), depth, STDERR_FILENO);
}

} // namespace equus::host
