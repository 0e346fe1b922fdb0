#include "farm.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace farm {

using namespace equus;

namespace {

/// Workers that were lost although their nodes live: more is not bad luck.
constexpr std::uint32_t losses_max = 64;
constexpr std::uint32_t percent_step = 5;

std::string counted_words(std::size_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

} // namespace

bool manager::complete() const {
    return state_.done.size() == parameters_.ranges;
}

range manager::range_of(std::uint32_t id) const {
    // Without overflow: below is at most 10^9, and there are at most 10^5 ranges.
    const std::uint64_t all = parameters_.below;
    range out;
    out.any = true;
    out.id = id;
    out.from = all * id / parameters_.ranges;
    out.below = all * (id + 1) / parameters_.ranges;
    return out;
}

/// Workers, notices and ends are heard as they come; here it is waited for the last result.
task<std::int32_t> manager::main() {
    last_is_kept_ = parameters_.leaves > 0;
    for (std::uint32_t id = 0; id + (last_is_kept_ ? 1 : 0) < parameters_.ranges; ++id)
        state_.waiting.push_back(id);
    hearing_.start(hear_workers());
    hearing_.start(hear_notices());
    hearing_.start(hear_ends());
    while (!complete()) {
        if (!trouble_.empty())
            co_await ok(fail(errc::broken, trouble_));
        if (!lines_.empty())
            co_await print_lines();
        else
            co_await changed_.wait();
    }
    give_work(); // there is no more: everybody may go home
    lines_.push_back(table());
    co_await print_lines();
    co_return 0;
}

task<> manager::print_lines() {
    while (!lines_.empty()) {
        std::string line = std::move(lines_.front());
        lines_.pop_front();
        co_await console.invoke<console::write>(std::move(line));
    }
}

void manager::happened(std::string line) {
    lines_.push_back(line + "\n");
    changed_.notify();
}

// ---------------------------------------------------------------------- work

task<> manager::hear_workers() {
    for (;;) {
        auto next = co_await tasks.receive();
        if (!next)
            co_return;
        auto asked = next->take<next_range>();
        if (!asked) {
            next->reply_error(std::move(asked.error()));
            continue;
        }
        hand& who = hands_[asked->who];
        who.name = std::move(asked->name);
        who.node = asked->node;
        if (asked->counted)
            take_result(*asked);
        who.busy = false;
        if (!give(asked->who, *next)) {
            idle_hand waits{asked->who, std::move(*next)};
            idle_.push_back(std::move(waits));
        }
    }
}

/// The first result of a range counts. There is a second one when a worker was given up for lost
/// too early; they are equal.
void manager::take_result(const next_range& asked) {
    if (!state_.done.emplace(asked.id, asked.primes).second)
        return;
    const auto node = nodes_.find(asked.node);
    ++counted_[node != nodes_.end() ? node->second : "others"];
    const auto percent = static_cast<std::uint32_t>(state_.done.size() * 100 / parameters_.ranges);
    if (percent >= told_percent_ + percent_step) {
        told_percent_ = percent - percent % percent_step;
        happened(std::to_string(told_percent_) + " %: " + std::to_string(state_.done.size()) +
                 " of " + counted_words(parameters_.ranges, "range") + ", " +
                 counted_words(hands_.size(), "worker"));
    }
    if (complete())
        changed_.notify();
}

/// False: the worker has to wait, since what others have may come back.
bool manager::give(incarnation_id who, request& message) {
    hand& to = hands_[who];
    const bool goes_home = nodes_.count(to.node) == 0 || complete();
    while (!goes_home && !state_.waiting.empty() && state_.done.count(state_.waiting.front()) != 0)
        state_.waiting.pop_front();
    if (!goes_home && (state_.waiting.empty() || !to.watched))
        return false;
    if (goes_home) {
        message.reply<next_range>(range{});
        return true;
    }
    to.busy = true;
    to.id = state_.waiting.front();
    state_.waiting.pop_front();
    message.reply<next_range>(range_of(to.id));
    return true;
}

void manager::give_work() {
    std::erase_if(idle_, [this](idle_hand& each) {
        if (each.message.cancelled()) { // lost before it was watched
            hands_.erase(each.who);
            return true;
        }
        return give(each.who, each.message);
    });
}

// ---------------------------------------------------------------------- nodes

// [notices]
task<> manager::hear_notices() {
    const rdc_services launch;
    std::uint64_t last = 0;
    for (;;) {
        auto news = co_await as_result(launch.next_notice(last));
        if (!news)
            co_return; // the run ends
        last = news->number;
        noticed(*news);
        if (news->kind == launching::notice_kind::allocated)
            hearing_.start(hire(news->node, parameters_.per_node));
    }
}

void manager::noticed(const launching::notice& what) {
    switch (what.kind) {
    case launching::notice_kind::allocated:
        nodes_[what.node] = what.name;
        break;
    case launching::notice_kind::withdrawal:
        happened("node " + what.name + " is to be withdrawn: its workers finish and go home");
        nodes_.erase(what.node); // whoever asks from there goes home
        give_work();
        break;
    case launching::notice_kind::gone:
        happened("node " + what.name + (what.text.empty() ? " has left" : " was lost"));
        nodes_.erase(what.node);
        ++state_.left;
        if (last_is_kept_ && state_.left >= parameters_.leaves) {
            last_is_kept_ = false;
            state_.waiting.push_back(parameters_.ranges - 1);
            give_work();
        }
        break;
    case launching::notice_kind::refused:
        happened("no more nodes: " + what.text);
        break;
    }
}
// [/notices]

task<> manager::hire(node_boot where, std::uint32_t count) {
    const rdc_services launch;
    auto made = co_await as_result(launch.instantiate("worker", count, where.node));
    if (!made) { // lost or withdrawn meanwhile, which a notice says too
        happened("no worker on node " + std::to_string(where.node.value) + ": " +
                 made.error().describe());
        co_return;
    }
    for (launching::instance& each : made->made) {
        hand& who = hands_[each.handle.id()];
        who.name = each.name;
        who.node = each.node;
        auto watched = co_await each.handle.watch();
        if (watched) {
            if (const auto present = hands_.find(each.handle.id()); present != hands_.end())
                present->second.watched = true;
            continue;
        }
        event gone;
        gone.subject = each.handle.id();
        gone.reason = watched.error().code();
        gone.text = watched.error().describe();
        ended(gone);
    }
    give_work();
    const auto node = nodes_.find(where);
    if (node == nodes_.end())
        co_return;
    const auto count_made = static_cast<std::uint32_t>(made->made.size());
    happened("node " + node->second + ": " + counted_words(count_made, "worker"));
    if (count_made < count && ++losses_ <= losses_max) // some were lost at once
        hearing_.start(hire(where, count - count_made));
}

task<> manager::hear_ends() {
    for (;;) {
        auto next = co_await next_event();
        if (!next)
            co_return;
        const node_boot where = next->node;
        if (next->kind == event_kind::terminated && ended(*next))
            hearing_.start(hire(where, 1));
    }
}

/// What the worker had is handed out again. True: another one has to take its place.
bool manager::ended(const event& what) {
    const auto found = hands_.find(what.subject);
    if (found == hands_.end())
        return false;
    const hand who = std::move(found->second);
    hands_.erase(found);
    std::erase_if(idle_, [&](const idle_hand& each) { return each.who == what.subject; });
    if (what.reason == errc::ok)
        return false;
    if (who.busy && state_.done.count(who.id) == 0) {
        state_.waiting.push_front(who.id);
        ++state_.again;
        give_work();
    }
    happened("lost: " + who.name + ": " + what.text +
             (who.busy ? "; its range is handed out again" : ""));
    const auto present = members();
    const bool node_lives = std::any_of(present.begin(), present.end(),
                                        [&](const member_info& m) { return m.at == who.node; });
    if (!node_lives || nodes_.count(who.node) == 0)
        return false;
    if (++losses_ > losses_max)
        trouble_ = "too many workers were lost, the last by: " + what.text;
    return trouble_.empty();
}

// ---------------------------------------------------------------------- the result

std::string manager::table() const {
    std::uint64_t primes = 0;
    for (const auto& [id, count] : state_.done)
        primes += count;
    std::string out = "node             ranges\n";
    for (const auto& [name, ranges] : counted_) {
        char line[64];
        std::snprintf(line, sizeof line, "%-14s %8u\n", name.c_str(), ranges);
        out += line;
    }
    return out + "handed out again " + std::to_string(state_.again) + "\nprimes below " +
           std::to_string(parameters_.below) + ": " + std::to_string(primes) + "\n";
}

} // namespace farm
