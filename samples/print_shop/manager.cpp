#include "shop.hpp"

#include <equus/services/launch.hpp>

#include <algorithm>
#include <cstdio>

namespace doc {

using namespace equus;

task<std::int32_t> manager::main() {
    const time_point began = now();
    std::uint32_t workers = 0;
    bool counted = false;
    while (!counted || state_.outcomes.size() < state_.documents) {
        auto next = co_await reports.receive();
        if (!next)
            co_await ok(fail(std::move(next.error())));
        delivery<reporting> report = std::move(*next);
        if (report.is<found>()) {
            auto what = co_await ok(report.take<found>());
            if (!what.trouble.empty())
                co_await ok(fail(errc::io_failed, what.trouble));
            state_.documents = what.documents;
            counted = true;
            if (state_.documents > 0)
                workers = co_await hire();
        } else if (report.is<printed>()) {
            auto what = co_await ok(report.take<printed>());
            enter(what.document, {what.name, what.worker, what.pages, {}});
        } else {
            auto what = co_await ok(report.take<spoiled>());
            enter(what.document, {what.name, {}, 0, what.reason});
        }
    }
    static_cast<void>(workers);
    std::string text = table(now() - began);
    co_await console.invoke<console::write>(std::move(text));
    const bool all = std::all_of(state_.outcomes.begin(), state_.outcomes.end(),
                                 [](const auto& each) { return each.second.trouble.empty(); });
    co_return all ? 0 : 1;
}

task<std::uint32_t> manager::hire() {
    const rdc_services launch;
    auto allocation = co_await launch.nodes();
    auto wanted = static_cast<std::uint32_t>(allocation.nodes.size());
    if (parameters_.workers > 0)
        wanted = parameters_.workers;
    wanted = std::min(wanted, state_.documents);
    auto hired = co_await launch.instantiate("worker", wanted);
    co_return static_cast<std::uint32_t>(hired.made.size());
}

void manager::enter(std::uint32_t document, outcome what) {
    const bool first = state_.outcomes.emplace(document, std::move(what)).second;
    if (!first)
        ++state_.duplicated;
}

std::string manager::table(duration took) const {
    struct total {
        std::uint32_t documents = 0;
        std::uint32_t pages = 0;
    };
    std::map<std::string, total> by_worker;
    total all;
    std::string troubles;
    std::uint32_t lost = state_.documents;
    for (const auto& [id, each] : state_.outcomes) {
        --lost;
        if (!each.trouble.empty()) {
            troubles += "not printed: " + each.name + ": " + each.trouble + "\n";
            continue;
        }
        total& of = by_worker[each.worker];
        ++of.documents;
        of.pages += each.pages;
        ++all.documents;
        all.pages += each.pages;
    }
    const auto line = [](const std::string& name, std::uint32_t documents, std::uint32_t pages) {
        char text[96];
        std::snprintf(text, sizeof text, "%-14s %9u %7u\n", name.c_str(), documents, pages);
        return std::string{text};
    };
    std::string out = troubles + "worker         documents   pages\n";
    for (const auto& [name, of] : by_worker)
        out += line(name, of.documents, of.pages);
    out += line("all", all.documents, all.pages);
    char last[128];
    std::snprintf(last, sizeof last, "seconds %.2f, lost %u, duplicated %u\n",
                  std::chrono::duration<double>(took).count(), lost, state_.duplicated);
    return out + last;
}

} // namespace doc
