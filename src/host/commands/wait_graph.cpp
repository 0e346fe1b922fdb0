#include "host/commands/wait_graph.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

namespace equus::commands {

namespace {

struct place_of_call {
    incarnation_id holder;
    const held_call* call;
};

bool is_system(std::string_view module) noexcept {
    return module.substr(0, 6) == "equus.";
}

std::string id_text(incarnation_id id) {
    return std::to_string(id.node.value) + "." + std::to_string(id.boot.value) + "." +
           std::to_string(id.counter);
}

class analysis {
public:
    explicit analysis(const std::vector<node_status>& nodes) : nodes_{nodes} {}
    wait_graph run() {
        name_everybody();
        make_rows();
        find_stuck();
        find_circles();
        return std::move(out_);
    }

private:
    void name_everybody() {
        for (const node_status& node : nodes_)
            for (const incarnation_status& each : node.incarnations) {
                out_.names.emplace_back(each.id, each.name.empty() ? each.module : each.name);
                for (const held_call& call : each.holds)
                    calls_.insert_or_assign(call.call, place_of_call{each.id, &call});
                states_.emplace(each.id, &each);
            }
        std::sort(out_.names.begin(), out_.names.end());
    }

    void make_rows() {
        for (const node_status& node : nodes_)
            for (const incarnation_status& each : node.incarnations)
                for (const wait_status& what : each.waits) {
                    wait_row row;
                    row.who = each.id;
                    row.name = each.name.empty() ? each.module : each.name;
                    row.node = node.self;
                    row.system = is_system(each.module);
                    row.what = what;
                    row.on = what.on;
                    if (const auto at = calls_.find(what.call);
                        what.kind == wait_kind::call && at != calls_.end()) {
                        row.on = {at->second.holder};
                        row.port = at->second.call->port;
                        row.message = at->second.call->message;
                        row.queued = at->second.call->queued;
                    }
                    std::sort(row.on.begin(), row.on.end());
                    row.on.erase(std::unique(row.on.begin(), row.on.end()), row.on.end());
                    rows_of_[each.id].push_back(out_.rows.size());
                    out_.rows.push_back(std::move(row));
                }
    }

    bool is_stuck(const wait_row& row) const {
        return !row.on.empty() &&
               std::all_of(row.on.begin(), row.on.end(),
                           [&](incarnation_id who) { return stuck_.count(who) != 0; });
    }
    /// The largest set of incarnations of which each waits for nobody outside of it.
    void find_stuck() {
        for (const auto& [who, rows] : rows_of_)
            if (const auto state = states_.find(who);
                !state->second->runnable && state->second->unlisted == 0)
                stuck_.insert(who);
        for (bool changed = true; changed;) {
            changed = false;
            for (auto who = stuck_.begin(); who != stuck_.end();) {
                const auto& rows = rows_of_.at(*who);
                const bool goes_on = !std::all_of(rows.begin(), rows.end(), [&](std::size_t i) {
                    return is_stuck(out_.rows[i]);
                });
                who = goes_on ? stuck_.erase(who) : std::next(who);
                changed = changed || goes_on;
            }
        }
    }

    /// The shortest circle through `start`, as rows; empty: there is none.
    std::vector<std::size_t> circle_through(incarnation_id start) const {
        std::map<incarnation_id, std::size_t> reached_by; // the row by which it was reached
        std::deque<incarnation_id> open{start};
        while (!open.empty()) {
            const incarnation_id at = open.front();
            open.pop_front();
            const auto rows = rows_of_.find(at);
            if (rows == rows_of_.end())
                continue;
            for (const std::size_t i : rows->second)
                for (const incarnation_id next : out_.rows[i].on) {
                    if (!reached_by.try_emplace(next, i).second)
                        continue;
                    if (next == start)
                        return path_to(start, reached_by);
                    open.push_back(next);
                }
        }
        return {};
    }
    std::vector<std::size_t> path_to(incarnation_id start,
                                     const std::map<incarnation_id, std::size_t>& by) const {
        std::vector<std::size_t> path;
        incarnation_id at = start;
        do {
            path.push_back(by.at(at));
            at = out_.rows[path.back()].who;
        } while (at != start);
        std::reverse(path.begin(), path.end());
        return path;
    }
    /// One circle for each incarnation that is in none yet: the shortest through it.
    void find_circles() {
        std::set<incarnation_id> seen;
        for (const auto& [who, rows] : rows_of_) {
            if (seen.count(who) != 0)
                continue;
            wait_circle made{circle_through(who), false};
            if (made.rows.empty())
                continue;
            made.deadlock = true;
            for (const std::size_t i : made.rows) {
                seen.insert(out_.rows[i].who);
                made.deadlock = made.deadlock && stuck_.count(out_.rows[i].who) != 0;
            }
            out_.circles.push_back(std::move(made));
        }
    }

    const std::vector<node_status>& nodes_;
    wait_graph out_;
    std::map<call_id, place_of_call> calls_;
    std::map<incarnation_id, const incarnation_status*> states_;
    std::map<incarnation_id, std::vector<std::size_t>> rows_of_;
    std::set<incarnation_id> stuck_;
};

/// The same wait, seen again.
bool same(const wait_row& a, const wait_row& b) {
    return a.who == b.who && a.what.kind == b.what.kind && a.what.call == b.what.call &&
           a.what.name == b.what.name && a.what.sent == b.what.sent && a.on == b.on &&
           b.what.waited >= a.what.waited;
}

std::string quoted(const std::string& name) {
    return "'" + name + "'";
}

std::string by(const char* what, const wait_row& row) {
    return row.what.name.empty() ? std::string{row.what.protocol}
                                 : std::string{what} + " " + quoted(row.what.name);
}

} // namespace

std::string wait_graph::name_of(incarnation_id who) const {
    const auto found = std::lower_bound(names.begin(), names.end(), std::pair{who, std::string{}});
    return found != names.end() && found->first == who ? found->second : id_text(who);
}

wait_graph who_waits(const std::vector<node_status>& nodes) {
    return analysis{nodes}.run();
}

void keep_lasting(wait_graph& of, const wait_graph& later) {
    std::erase_if(of.circles, [&](const wait_circle& circle) {
        return !std::all_of(circle.rows.begin(), circle.rows.end(), [&](std::size_t i) {
            return std::any_of(later.rows.begin(), later.rows.end(),
                               [&](const wait_row& row) { return same(of.rows[i], row); });
        });
    });
}

std::string time_text(duration span) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
    if (ms < 1'000)
        return std::to_string(ms) + " ms";
    if (ms < 120'000)
        return std::to_string(ms / 1'000) + "." + std::to_string(ms / 100 % 10) + " s";
    return std::to_string(ms / 60'000) + " min";
}

std::string describe(const wait_graph& in, const wait_row& row) {
    std::string whom;
    for (const incarnation_id who : row.on)
        whom += (whom.empty() ? "" : ", ") + in.name_of(who);
    const wait_status& what = row.what;
    switch (what.kind) {
    case wait_kind::call:
        if (!what.label.empty())
            return "label " + quoted(what.label) + " in stream space";
        if (row.on.empty())
            return "an answer from node " + std::to_string(what.at.node.value) + ", by " +
                   by("stream", row);
        return whom + ": " + quoted(row.message) + " by " + by("stream", row) +
               (row.queued ? ", in the queue of its port " : ", in hand, from its port ") +
               quoted(row.port);
    case wait_kind::credit:
        return whom + ": credit of " + by("stream", row) + ", " +
               std::to_string(what.sent - what.consumed) + " sent and not consumed";
    case wait_kind::calls:
        return whom + ": earlier calls of " + by("stream", row) + ", which has a limit";
    case wait_kind::port:
        return "a port at the channel of " + by("stream", row);
    case wait_kind::message:
        return (whom.empty() ? "a message at " : whom + ": a message at ") + by("port", row);
    case wait_kind::instant:
        return "an instant";
    case wait_kind::effect:
        return "the outside";
    case wait_kind::kernel:
        return "an answer of the kernel of node " + std::to_string(what.at.node.value);
    case wait_kind::event:
        return "an event";
    case wait_kind::bytes:
        return "bytes of a buffer or of bulk, from node " + std::to_string(what.at.node.value);
    }
    return "something that this version does not know";
}

} // namespace equus::commands
