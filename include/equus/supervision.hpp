// A supervisor makes incarnations, watches them, and makes another in the place of one that ended
// when it should not have. It is user code on handles and events: an incarnation has one as a
// member, so that who supervises whom is a tree that the program says itself [K51, K53].
//
//     equus::supervisor workers_{equus::supervise::one_for_one, {.restarts_max = 5, .within =
//     10s}};
//
//     equus::task<> main() {
//         workers_.add({worker, {node_id{2}, node_id{3}}, equus::restart::on_failure});
//         co_await workers_.run();      // fails when the limit is reached: so does this
//         incarnation,
//     }                                 // and its own supervisor decides
//
// Guarantee: of one child there is at most one at a time, made again at once, on the next of its
// nodes. More restarts than the limit allows end all children, and run() with limit_reached and the
// last child's reason as its cause. Limit: what a child knew is gone; interfaces are wired again by
// their labels [K36], messages in doubt are their senders' affair (rule 12). A supervisor that is
// destroyed leaves its children to their dependencies.
#pragma once

#include <equus/control.hpp>
#include <equus/creation.hpp>
#include <equus/event.hpp>
#include <equus/incarnation.hpp>
#include <equus/task.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace equus {

/// Who is made again when one child has to be.
enum class supervise : std::uint8_t {
    one_for_one,  ///< that one
    all_for_one,  ///< all: the others are ended first
    rest_for_one, ///< that one and those that were added after it
};

/// When a child that has ended is made again.
enum class restart : std::uint8_t {
    always,
    on_failure, ///< unless it ended by itself with the result 0
    never,
};

struct restart_limit {
    std::uint32_t restarts_max = 3;
    duration within{5'000'000'000};
};

class supervisor {
public:
    struct child {
        creation what;
        std::vector<node_id> nodes; ///< tried in turn; empty: this one
        restart when = restart::always;
    };

    explicit supervisor(supervise how = supervise::one_for_one, restart_limit limit = {}) noexcept
        : how_{how}, limit_{limit} {}
    supervisor(const supervisor&) = delete;
    supervisor& operator=(const supervisor&) = delete;

    /// Before start(); its index.
    std::size_t add(child what) {
        kept made;
        made.plan = std::move(what);
        made.plan.what.watched = true;
        children_.push_back(std::move(made));
        return children_.size() - 1;
    }

    /// Makes the children, in order.
    task<> start() {
        for (std::size_t i = 0; i < children_.size(); ++i)
            co_await make(i);
    }
    /// Hears an event of its incarnation; false: it is about no child. An incarnation with an event
    /// loop of its own calls this there.
    task<bool> heard(event what) {
        if (what.kind != event_kind::terminated)
            co_return false;
        if (const auto gone = std::find(ending_.begin(), ending_.end(), what.subject);
            gone != ending_.end()) {
            ending_.erase(gone);
            co_return true;
        }
        for (std::size_t i = 0; i < children_.size(); ++i)
            if (children_[i].id && children_[i].id == what.subject) {
                auto replacing = child_ended(i, std::move(what));
                co_await replacing;
                co_return true;
            }
        co_return false;
    }
    /// start(), and from then on hears all events of its incarnation, until no child is left.
    task<> run() {
        co_await start();
        while (alive() != 0) {
            auto what = co_await next_event();
            if (!what)
                continue;
            auto hearing = heard(std::move(*what));
            co_await hearing;
        }
    }
    /// Ends all children, the last first.
    task<> end_all() {
        for (std::size_t i = children_.size(); i-- > 0;)
            co_await end(i);
    }

    /// Empty when it has ended for good.
    incarnation_handle handle(std::size_t index) const noexcept { return children_[index].handle; }
    std::size_t alive() const noexcept {
        return static_cast<std::size_t>(std::count_if(
            children_.begin(), children_.end(), [](const kept& each) { return bool{each.id}; }));
    }
    /// So far.
    std::uint64_t restarts() const noexcept { return restarts_; }

private:
    struct kept {
        child plan;
        incarnation_handle handle;
        incarnation_id id; ///< empty: there is none
        std::size_t attempts = 0;
    };

    /// Makes the child; each failure to is a restart more.
    task<> make(std::size_t index) {
        while (true) {
            kept& it = children_[index];
            const node_id where = it.plan.nodes.empty()
                                      ? node_id{}
                                      : it.plan.nodes[it.attempts % it.plan.nodes.size()];
            ++it.attempts;
            auto made = co_await create(it.plan.what, where);
            if (made) {
                children_[index].handle = *made;
                children_[index].id = made->id();
                co_return;
            }
            co_await count_restart(std::move(made.error()));
        }
    }
    task<> end(std::size_t index) {
        kept& it = children_[index];
        if (!it.id)
            co_return;
        ending_.push_back(std::exchange(it.id, incarnation_id{}));
        const incarnation_handle ended = std::exchange(it.handle, incarnation_handle{});
        auto told = co_await ended.destroy(); // it may have ended by itself
        static_cast<void>(told);
        detail::close(ended);
    }
    task<> child_ended(std::size_t index, event what) {
        kept& it = children_[index];
        it.id = {};
        detail::close(std::exchange(it.handle, incarnation_handle{}));
        const bool failed = what.reason != errc::ok || what.result != 0;
        if (it.plan.when == restart::never || (it.plan.when == restart::on_failure && !failed))
            co_return;
        co_await count_restart(error{what.reason, it.plan.what.name + ": " + what.text});
        const std::size_t first = how_ == supervise::all_for_one ? 0 : index;
        const std::size_t last = how_ == supervise::one_for_one ? index + 1 : children_.size();
        std::vector<bool> again(children_.size(), false);
        again[index] = true;
        for (std::size_t i = last; i-- > first;) {
            again[i] = again[i] || children_[i].id;
            co_await end(i);
        }
        for (std::size_t i = first; i < last; ++i)
            if (again[i])
                co_await make(i);
    }
    task<> count_restart(error reason) {
        ++restarts_;
        restarted_at_.push_back(now());
        while (restarted_at_.front() + limit_.within < now())
            restarted_at_.pop_front();
        if (restarted_at_.size() <= limit_.restarts_max)
            co_return;
        co_await end_all();
        co_await ok(fail(error{errc::limit_reached,
                               std::to_string(restarted_at_.size()) + " restarts within " +
                                   std::to_string(limit_.within.count() / 1'000'000) + " ms",
                               std::move(reason)}));
    }

    supervise how_;
    restart_limit limit_;
    std::vector<kept> children_;
    std::vector<incarnation_id> ending_; ///< by us: their events are no news
    std::deque<time_point> restarted_at_;
    std::uint64_t restarts_ = 0;
};

} // namespace equus
