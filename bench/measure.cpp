#include "bench/measure.hpp"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <string_view>

namespace equus::bench {

namespace {

constexpr int patience_ms = 120'000; ///< of one measurement; far beyond any

/// What a child writes to its parent: the sample, or why there is none.
struct report {
    bool measured = false;
    sample found;
    char why[256]{};
};

} // namespace

std::int64_t now_ns() noexcept {
    timespec at{};
    clock_gettime(CLOCK_MONOTONIC, &at);
    return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

void pin_to_core(unsigned core) noexcept {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    // The core-th of those that this process may use; the last when there are fewer.
    cpu_set_t chosen;
    CPU_ZERO(&chosen);
    unsigned seen = 0;
    for (unsigned i = 0; i < CPU_SETSIZE; ++i) {
        if (!CPU_ISSET(i, &allowed))
            continue;
        CPU_ZERO(&chosen);
        CPU_SET(i, &chosen);
        if (seen++ == core)
            break;
    }
    sched_setaffinity(0, sizeof chosen, &chosen);
}

double resident_mb() noexcept {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    unsigned long total = 0;
    unsigned long resident = 0;
    const int fields = std::fscanf(file, "%lu %lu", &total, &resident);
    std::fclose(file);
    return fields == 2
               ? static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6
               : 0;
}

double percentile(std::vector<double> values, double part) {
    if (values.empty())
        return 0;
    const auto last = static_cast<double>(values.size() - 1);
    const auto at = static_cast<std::ptrdiff_t>(part * last + 0.5);
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return values[static_cast<std::size_t>(at)];
}

sample time_batches(std::uint64_t n, double seconds,
                    const std::function<void(std::uint64_t)>& batch, double bytes) {
    batch(n);
    std::vector<double> each_ns;
    const std::int64_t begin = now_ns();
    std::int64_t at = begin;
    while (each_ns.size() < 5 || static_cast<double>(at - begin) < seconds * 1e9) {
        batch(n);
        const std::int64_t after = now_ns();
        each_ns.push_back(static_cast<double>(after - at) / static_cast<double>(n));
        at = after;
    }
    sample out;
    const double median = percentile(each_ns, 0.5);
    out.ops_per_s = 1e9 / median;
    out.p50_us = median / 1e3;
    out.p99_us = percentile(std::move(each_ns), 0.99) / 1e3;
    out.bytes_per_s = bytes * out.ops_per_s;
    out.rss_mb = resident_mb();
    return out;
}

std::optional<sample> measure_isolated(const row& which, std::string& why) {
    int ends[2];
    if (pipe(ends) != 0) {
        why = std::strerror(errno);
        return {};
    }
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) {
        why = std::strerror(errno);
        close(ends[0]);
        close(ends[1]);
        return {};
    }
    if (child == 0) {
        close(ends[0]);
        setpgid(0, 0); // with whatever it starts
        report said;
        try {
            said.found = which.measure();
            said.measured = true;
        } catch (const std::exception& problem) {
            std::snprintf(said.why, sizeof said.why, "%s", problem.what());
        }
        const auto written = write(ends[1], &said, sizeof said);
        _exit(written == static_cast<ssize_t>(sizeof said) ? 0 : 1);
    }
    close(ends[1]);
    report said;
    pollfd wait_for{ends[0], POLLIN, 0};
    const bool answered = poll(&wait_for, 1, patience_ms) == 1 &&
                          read(ends[0], &said, sizeof said) == static_cast<ssize_t>(sizeof said);
    close(ends[0]);
    kill(-child, SIGKILL); // nothing of the measurement goes on
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    if (answered && said.measured)
        return said.found;
    why = !answered ? "the measurement ended without a result" : said.why;
    return {};
}

} // namespace equus::bench
