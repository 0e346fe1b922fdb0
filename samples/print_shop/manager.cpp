#include "shop.hpp"

#include <algorithm>
#include <cstdio>

namespace doc {

using namespace equus;

namespace {

/// Who loses that many has another trouble than lost nodes.
constexpr std::size_t losses_max = 256;

bool is_worker(const std::string& name) {
    return name.starts_with("worker");
}
bool is_spooler(const std::string& name) {
    return name.starts_with("spooler");
}

} // namespace

bool manager::complete() const noexcept {
    return counted_ && state_.outcomes.size() == state_.documents;
}

/// Reports and ends are heard as they come; what follows from them is done here, one at a time.
task<std::int32_t> manager::main() {
    const time_point began = now();
    hearing_.start(hear_reports());
    hearing_.start(hear_ends());
    co_await watch_all("scheduler");
    bool open = false;
    while (!complete()) {
        if (!trouble_.empty())
            co_await ok(fail(errc::not_found, trouble_));
        if (counted_ && !open) {
            open = true;
            co_await open_shop();
        } else if (!ends_.empty()) {
            event next = std::move(ends_.front());
            ends_.pop_front();
            co_await replace(std::move(next));
        } else {
            co_await changed_.wait();
        }
    }
    std::string text = table(now() - began);
    co_await console.invoke<console::write>(std::move(text));
    const bool all = std::all_of(state_.outcomes.begin(), state_.outcomes.end(),
                                 [](const auto& each) { return each.second.trouble.empty(); });
    co_return all ? 0 : 1;
}

task<> manager::hear_reports() {
    for (;;) {
        auto next = co_await reports.receive();
        if (!next) {
            trouble_ = next.error().describe();
            changed_.notify();
            co_return;
        }
        if (auto what = next->take<found>()) {
            state_.documents = what->documents;
            trouble_ = std::move(what->trouble);
            counted_ = trouble_.empty();
        } else if (auto well = next->take<printed>()) {
            enter(well->document, {well->name, well->worker, well->pages, {}});
        } else if (auto ill = next->take<spoiled>()) {
            enter(ill->document, {ill->name, {}, 0, ill->reason});
        } else if (next->is<what_is_done>()) {
            next->reply<what_is_done>(all_done());
        } else {
            trouble_ = "a report cannot be read: " + ill.error().describe();
        }
        changed_.notify();
    }
}

/// A node's reports arrive before the news that it is lost, so whoever looks at an end has entered
/// all that the lost one had done.
task<> manager::hear_ends() {
    for (;;) {
        auto next = co_await next_event();
        if (!next)
            co_return;
        ends_.push_back(std::move(*next));
        changed_.notify();
    }
}

// ---------------------------------------------------------------------- workers and spoolers

task<> manager::open_shop() {
    co_await watch_all("spooler");
    const rdc_services launch;
    const auto allocation = co_await launch.nodes();
    wanted_ = static_cast<std::uint32_t>(allocation.nodes.size());
    if (parameters_.workers > 0)
        wanted_ = parameters_.workers;
    co_await hire(state_.documents);
}

task<> manager::watch(launching::instance whom) {
    watched_[whom.handle.id()] = {whom.name, ++made_};
    workers_ += is_worker(whom.name) ? 1 : 0;
    if (is_spooler(whom.name))
        spooler_ = made_;
    auto watched = co_await whom.handle.watch();
    if (!watched) { // it was lost at once
        event gone;
        gone.subject = whom.handle.id();
        gone.reason = watched.error().code();
        gone.text = watched.error().describe();
        ends_.push_back(std::move(gone));
    }
}

task<> manager::watch_all(std::string family) {
    const rdc_services launch;
    auto found = co_await launch.find(std::move(family));
    for (launching::instance& each : found)
        if (each.handle)
            co_await watch(std::move(each));
        else
            co_await make(std::move(each.name), 1);
}

/// Again where the nodes that were chosen were lost in the middle of it.
task<> manager::make(std::string what, std::uint32_t count) {
    const rdc_services launch;
    for (;;) {
        auto made = co_await as_result(launch.instantiate(what, count));
        if (made) {
            for (launching::instance& each : made->made)
                co_await watch(std::move(each));
            co_return;
        }
        const bool again =
            made.error() == errc::maybe_delivered || made.error() == errc::no_such_node;
        if (!again || state_.happened.size() >= losses_max)
            co_await ok(fail(std::move(made.error())));
        state_.happened.push_back("not made: " + what + ": " + made.error().describe());
    }
}

/// As many more workers as the documents need and are wanted at a time.
task<> manager::hire(std::uint32_t documents) {
    const std::uint32_t count = std::min(documents, wanted_ - std::min(workers_, wanted_));
    if (count > 0)
        co_await make("worker", count);
}

task<> manager::replace(event gone) {
    const auto found = watched_.find(gone.subject);
    if (found == watched_.end())
        co_return;
    const std::string who = std::move(found->second.name);
    const bool spooler_is_older = found->second.number > spooler_;
    watched_.erase(found);
    ended told;
    told.well = gone.reason == errc::ok;
    told.blameless = is_spooler(who) || gone.reason == errc::broken;
    if (is_worker(who)) {
        --workers_;
        told.worker = who;
    }
    if (!told.well) {
        const bool hopeless = state_.happened.size() >= losses_max || who == "scheduler";
        if (hopeless)
            co_await ok(fail(errc::broken, who + " has ended: " + gone.text));
        if (!is_worker(who))
            co_await make(who, 1);
        told.printed = all_done().documents;
    }
    const bool well = told.well;
    // Who has the lost spooler's stream ends like him; when that is the present spooler, the news
    // of its end are on their way, and until then others would have the same stream.
    const bool to_come = is_worker(who) && told.blameless && spooler_is_older;
    auto left = co_await ok(co_await tasks.invoke<ended>(moved(told)));
    if (!well)
        state_.happened.push_back("lost: " + who + ": " + gone.text +
                                  "; documents handed out again: " + std::to_string(left.again));
    if (!to_come)
        co_await hire(left.waiting);
}

// ---------------------------------------------------------------------- the table

done_so_far manager::all_done() const {
    done_so_far all;
    for (const auto& [id, each] : state_.outcomes)
        all.documents.insert(id);
    return all;
}

/// Of several copies of a document the first that is printed counts.
void manager::enter(std::uint32_t document, outcome what) {
    const auto [entry, first] = state_.outcomes.try_emplace(document, what);
    if (first || !what.trouble.empty())
        return;
    if (entry->second.trouble.empty())
        ++state_.duplicated;
    entry->second = std::move(what);
}

std::string manager::table(duration took) const {
    struct total {
        std::uint32_t documents = 0;
        std::uint32_t pages = 0;
    };
    std::map<std::string, total> by_worker;
    total all;
    std::string before;
    for (const std::string& each : state_.happened)
        before += each + "\n";
    std::uint32_t lost = state_.documents;
    for (const auto& [id, each] : state_.outcomes) {
        --lost;
        if (!each.trouble.empty()) {
            before += "not printed: " + each.name + ": " + each.trouble + "\n";
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
    std::string out = before + "worker         documents   pages\n";
    for (const auto& [name, of] : by_worker)
        out += line(name, of.documents, of.pages);
    out += line("all", all.documents, all.pages);
    char last[128];
    std::snprintf(last, sizeof last, "seconds %.2f, lost %u, duplicated %u\n",
                  std::chrono::duration<double>(took).count(), lost, state_.duplicated);
    return out + last;
}

} // namespace doc
