// What is measured and how: rows that share a workload and its parameters are run one after the
// other, again and again, each time in a process of its own on a core of its own, so that neither
// the heap nor the caches of one row carry over to the next, and a slow minute of the machine hits
// all alike. What is printed are medians, the spread beside them; ratios compare rows of one run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace equus::bench {

/// One measurement of one row. What does not apply stays 0.
struct sample {
    double ops_per_s = 0;
    double p50_us = 0; ///< of one operation; for workloads of nanoseconds, of a batch's mean
    double p99_us = 0;
    double bytes_per_s = 0;
    double rss_mb = 0;     ///< resident at the end of the measurement
    double bytes_each = 0; ///< memory of one object, where the workload asks for it
};

/// One line of the table: `system` does `workload` with `params`.
struct row {
    std::string system; ///< "equus", "limit"
    std::string workload;
    std::string params;
    /// Runs the workload once, in a process of its own; may start further processes and ends them.
    /// Throws std::exception with the reason when it cannot be measured here.
    std::function<sample()> measure;
};

/// The rows of a run, in order; a limit stands before what is compared with it.
using row_list = std::vector<row>;

void add_local_rows(row_list& rows);
void add_message_rows(row_list& rows);
void add_memory_rows(row_list& rows);
void add_creation_rows(row_list& rows);
void add_codec_rows(row_list& rows);
void add_remote_rows(row_list& rows);
void add_compile_rows(row_list& rows);

/// Nanoseconds of a clock that never goes back.
std::int64_t now_ns() noexcept;

/// Keeps the compiler from knowing what is in `value`, or that nobody looks at it.
template <class T>
inline void keep(T& value) noexcept {
    asm volatile("" : "+m"(value) : : "memory");
}

/// Runs the calling process on one core only. Core 0 or 1: the two that every machine here has.
void pin_to_core(unsigned core) noexcept;

/// The resident memory of this process in MB (10^6 bytes).
double resident_mb() noexcept;

/// The value below which `part` of the sorted copy lies; 0 of none.
double percentile(std::vector<double> values, double part);

/// Times batches of operations until `seconds` have passed and at least five batches are done.
/// `batch(n)` does n operations; the first batch is not counted. `bytes` is what one operation
/// carries.
sample time_batches(std::uint64_t n, double seconds,
                    const std::function<void(std::uint64_t)>& batch, double bytes = 0);

/// Measures in a child process. Empty: it failed, and `why` says why.
std::optional<sample> measure_isolated(const row& which, std::string& why);

} // namespace equus::bench
