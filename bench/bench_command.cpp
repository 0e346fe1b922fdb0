#include "bench/bench_command.hpp"

#include "bench/measure.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace equus::bench {

namespace {

struct measured_row {
    const row* what;
    std::vector<sample> samples;
    std::string why_not;
};

using field = double sample::*;

double median_of(const std::vector<sample>& samples, field which) {
    std::vector<double> values;
    for (const sample& each : samples)
        values.push_back(each.*which);
    return percentile(std::move(values), 0.5);
}

/// Greatest less smallest, as a part of the median.
double spread_of(const std::vector<sample>& samples, field which) {
    double low = samples.front().*which;
    double high = low;
    for (const sample& each : samples) {
        low = std::min(low, each.*which);
        high = std::max(high, each.*which);
    }
    const double median = median_of(samples, which);
    return median > 0 ? (high - low) / median : 0;
}

void print_json(const measured_row& measured) {
    nlohmann::ordered_json line;
    line["system"] = measured.what->system;
    line["workload"] = measured.what->workload;
    line["params"] = measured.what->params;
    if (measured.samples.empty()) {
        line["error"] = measured.why_not;
    } else {
        line["ops_per_s"] = median_of(measured.samples, &sample::ops_per_s);
        line["p50_us"] = median_of(measured.samples, &sample::p50_us);
        line["p99_us"] = median_of(measured.samples, &sample::p99_us);
        line["bytes_per_s"] = median_of(measured.samples, &sample::bytes_per_s);
        line["rss_mb"] = median_of(measured.samples, &sample::rss_mb);
        line["bytes_each"] = median_of(measured.samples, &sample::bytes_each);
        line["spread"] = spread_of(measured.samples, &sample::p50_us);
        line["repeats"] = measured.samples.size();
    }
    std::printf("%s\n", line.dump().c_str());
}

std::string time_text(double us) {
    char text[32];
    if (us <= 0)
        return "-";
    if (us < 1)
        std::snprintf(text, sizeof text, "%.1f ns", us * 1e3);
    else if (us < 1e4)
        std::snprintf(text, sizeof text, "%.1f us", us);
    else
        std::snprintf(text, sizeof text, "%.2f s", us / 1e6);
    return text;
}

std::string rate_text(double per_s, const char* unit) {
    char text[32];
    if (per_s <= 0)
        return "-";
    const char* scale = per_s >= 1e9 ? "G" : per_s >= 1e6 ? "M" : per_s >= 1e3 ? "k" : "";
    const double by = per_s >= 1e9 ? 1e9 : per_s >= 1e6 ? 1e6 : per_s >= 1e3 ? 1e3 : 1;
    std::snprintf(text, sizeof text, "%.3g %s%s", per_s / by, scale, unit);
    return text;
}

/// The ratio of medians to the limit row of the same workload and parameters, smaller is better.
std::string ratio_text(const measured_row& measured, const std::vector<measured_row>& all) {
    if (measured.what->system == "limit")
        return "";
    for (const measured_row& other : all) {
        if (other.what->system != "limit" || other.samples.empty() ||
            other.what->workload != measured.what->workload ||
            other.what->params != measured.what->params)
            continue;
        const bool memory = median_of(measured.samples, &sample::bytes_each) > 0;
        const field which = memory ? &sample::bytes_each : &sample::p50_us;
        const double limit = median_of(other.samples, which);
        if (limit <= 0)
            return "";
        char text[32];
        std::snprintf(text, sizeof text, "%.2f x", median_of(measured.samples, which) / limit);
        return text;
    }
    return "";
}

void print_table(const std::vector<measured_row>& all) {
    std::printf("%-20s %-26s %-14s %10s %10s %9s %12s %12s %9s %8s\n", "workload", "params",
                "system", "p50", "p99", "spread", "operations", "bytes", "memory", "to limit");
    for (const measured_row& each : all) {
        if (each.samples.empty()) {
            std::printf("%-20s %-26s %-14s not measured: %s\n", each.what->workload.c_str(),
                        each.what->params.c_str(), each.what->system.c_str(), each.why_not.c_str());
            continue;
        }
        const double bytes_each = median_of(each.samples, &sample::bytes_each);
        char memory[32];
        if (bytes_each > 0)
            std::snprintf(memory, sizeof memory, "%.0f B", bytes_each);
        else
            std::snprintf(memory, sizeof memory, "%.1f MB",
                          median_of(each.samples, &sample::rss_mb));
        char spread[16];
        std::snprintf(spread, sizeof spread, "%.0f %%",
                      100 * spread_of(each.samples, &sample::p50_us));
        std::printf("%-20s %-26s %-14s %10s %10s %9s %12s %12s %9s %8s\n",
                    each.what->workload.c_str(), each.what->params.c_str(),
                    each.what->system.c_str(),
                    time_text(median_of(each.samples, &sample::p50_us)).c_str(),
                    time_text(median_of(each.samples, &sample::p99_us)).c_str(), spread,
                    rate_text(median_of(each.samples, &sample::ops_per_s), "/s").c_str(),
                    rate_text(median_of(each.samples, &sample::bytes_per_s), "B/s").c_str(), memory,
                    ratio_text(each, all).c_str());
    }
}

bool wanted(const row& which, const std::vector<std::string>& filters) {
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const auto& word) {
               return which.workload.find(word) != std::string::npos;
           });
}

} // namespace

int bench_command(int argc, char** argv) {
    CLI::App app{"Measures this build against bare programs that do only the unavoidable, "
                 "interleaved in one run.",
                 "equus bench"};
    std::vector<std::string> filters;
    int repeats = 5;
    bool json = false;
    bool list = false;
    app.add_option("--filter", filters, "only workloads whose name contains the word; repeatable")
        ->allow_extra_args(false);
    app.add_option("--repeat", repeats, "measurements of each row; the median is printed")
        ->check(CLI::Range(1, 100));
    app.add_flag("--json", json,
                 "one JSON object a line: system, workload, params, ops_per_s, "
                 "p50_us, p99_us, bytes_per_s, rss_mb, bytes_each, spread, repeats");
    app.add_flag("--list", list, "print the workloads and stop");
    app.footer("Example: equus bench --filter local --repeat 9\n"
               "A ratio counts only within one run; see docs/performance.md.");
    try {
        app.parse(argc - 1, argv + 1);
    } catch (const CLI::ParseError& said) {
        return app.exit(said) == 0 ? 0 : 2;
    }
    row_list rows;
    add_local_rows(rows);
    add_message_rows(rows);
    add_memory_rows(rows);
    add_creation_rows(rows);
    add_codec_rows(rows);
    add_remote_rows(rows);
    add_compile_rows(rows);
    std::vector<measured_row> all;
    for (const row& each : rows)
        if (wanted(each, filters))
            all.push_back({&each, {}, {}});
    if (all.empty()) {
        std::fprintf(stderr, "equus bench: no workload has '%s' in its name; there are:\n",
                     filters.front().c_str());
        for (const row& each : rows)
            if (each.system == "equus")
                std::fprintf(stderr, "  %s (%s)\n", each.workload.c_str(), each.params.c_str());
        return 2;
    }
    if (list) {
        for (const measured_row& each : all)
            std::printf("%-20s %-26s %s\n", each.what->workload.c_str(), each.what->params.c_str(),
                        each.what->system.c_str());
        return 0;
    }
    const bool progress = isatty(STDERR_FILENO) == 1;
    const std::size_t total = all.size() * static_cast<std::size_t>(repeats);
    std::size_t done = 0;
    bool complete = true;
    for (int repeat = 0; repeat < repeats; ++repeat)
        for (measured_row& each : all) {
            if (progress)
                std::fprintf(stderr, "\r\033[K%3zu %%  %s: %s", 100 * done / total,
                             each.what->workload.c_str(), each.what->system.c_str());
            ++done;
            if (!each.why_not.empty())
                continue;
            if (auto found = measure_isolated(*each.what, each.why_not))
                each.samples.push_back(*found);
            else
                complete = false;
        }
    if (progress)
        std::fprintf(stderr, "\r\033[K");
    if (json)
        std::for_each(all.begin(), all.end(), print_json);
    else
        print_table(all);
    return complete ? 0 : 1;
}

} // namespace equus::bench
