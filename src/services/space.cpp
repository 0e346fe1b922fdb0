#include "services/space.hpp"

#include <equus/kernel/mutants.hpp>

#include <algorithm>
#include <utility>

namespace equus::services {

namespace {

/// Requests that wait keep the credit of their stream, so the port gives much of it.
constexpr std::uint32_t waiting_requests_max = 4'096;

std::string quoted(const std::string& label) {
    return "label '" + label + "'";
}

} // namespace

task<> space_service::start() {
    set_credit(requests, waiting_requests_max);
    channel_ = born_with("channel");
    watch_members();
    tasks_.start(hear_orders());
    tasks_.start(hear_ends());
    if (!announce.is_open())
        co_return;
    const any_reference own{requests.open_stream()};
    const any_reference for_orders{orders.open_stream()};
    co_await ok(co_await announce.send<space::announced>(own, for_orders));
    detail::close(own);
    detail::close(for_orders);
    announce.close();
}

task<> space_service::main() {
    for (;;) {
        auto got = co_await requests.receive();
        if (!got)
            co_return;
        request message = std::move(*got);
        if (message.is<space::get>())
            get(std::move(message));
        else if (message.is<space::put>())
            put(std::move(message));
        else if (message.is<space::describe>())
            describe(std::move(message));
        else if (message.is<space::give_back>())
            give_back(std::move(message));
        else if (message.is<space::remove>())
            remove(std::move(message));
        else if (message.is<space::print>())
            print(std::move(message));
        else if (message.is<space::also_waits>())
            also_waits(std::move(message));
        else
            message.reply_error(errc::unknown_message);
    }
}

bool space_service::may_leave(const space::item& from) const noexcept {
    return from.copies == 0 || from.out < from.copies;
}

void space_service::hand_out(const std::string& label, space::item& from, waiting_request& to) {
    if (const auto cache = more_.find(label); cache != more_.end()) {
        cache->second.erase(to.message.source().owner);
        if (cache->second.empty())
            more_.erase(cache);
    }
    space::entry copy;
    copy.what = from.what;
    copy.protocol = from.protocol;
    copy.routing = from.routing;
    copy.limited = from.copies != 0;
    copy.cacheable = from.cached && !copy.limited;
    ++from.out;
    if (copy.limited) {
        space::copy_out made{to.asked.holder, to.asked.mark.by, to.asked.mark.number};
        if (!made.holder) { // he asks without a cache, which would watch him
            made.holder = to.message.source().owner;
            watch_source(to.message.source());
        }
        from.holders.push_back(made);
        space::change counted;
        counted.kind = space::change_kind::counted;
        counted.label = label;
        counted.what.out = from.out;
        counted.what.holders = from.holders;
        note(std::move(counted));
    }
    answer<space::get>(std::move(to.message), std::move(copy));
}

std::uint32_t space_service::answer_waiting(const std::string& label, space::item& from) {
    const auto found = waiting_.find(label);
    if (found == waiting_.end())
        return 0;
    std::uint32_t answered = 0;
    auto& queue = found->second;
    while (!queue.empty() && may_leave(from)) {
        if (!queue.front().message.cancelled()) {
            hand_out(label, from, queue.front());
            ++answered;
        }
        queue.pop_front();
    }
    if (queue.empty())
        waiting_.erase(found);
    return answered;
}

void space_service::put(request message) {
    auto asked = message.take<space::put>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    space::stored done;
    if (const std::uint32_t* before = answer_before(asked->mark)) {
        detail::close(asked->what);
        done.answered = *before;
        answer<space::put>(std::move(message), done);
        return;
    }
    if (asked->label.empty() || !asked->what) {
        detail::close(asked->what);
        message.reply_error({errc::invalid_argument, "a put needs a label and a reference"});
        return;
    }
    if (state_.items.count(asked->label) != 0) {
        detail::close(asked->what);
        message.reply_error({errc::already_exists, quoted(asked->label)});
        return;
    }
    space::change made;
    made.label = asked->label;
    made.what.what = asked->what;
    made.what.protocol = std::move(asked->protocol);
    made.what.routing = asked->routing;
    made.what.kind = asked->kind;
    made.what.copies = asked->copies;
    made.what.cached = asked->cached;
    if (made.what.kind == space::referent::port && made.what.routing == channel_kind::unicast)
        made.what.copies = 1; // [K39]
    made.mark = asked->mark;
    space::item& kept = state_.items.emplace(asked->label, made.what).first->second;
    if (const auto waiting = waiting_.find(asked->label); waiting != waiting_.end())
        for (const waiting_request& each : waiting->second)
            done.answered += each.message.cancelled() ? 0 : 1;
    if (kept.copies != 0)
        done.answered = std::min(done.answered, kept.copies);
    made.answer = done.answered;
    remember(made.mark, made.answer);
    note(std::move(made));
    answer_waiting(asked->label, kept);
    answer<space::put>(std::move(message), done);
}

void space_service::get(request message) {
    auto asked = message.take<space::get>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    const std::string label = asked->label;
    waiting_request waits{std::move(*asked), std::move(message)};
    const auto found = state_.items.find(label);
    if (found != state_.items.end()) {
        space::item& from = found->second;
        // One that was handed out to this request already, by whoever led before.
        const auto had = std::erase_if(from.holders, [&](const space::copy_out& each) {
            return each.by && each.by == waits.asked.mark.by &&
                   each.number == waits.asked.mark.number;
        });
        from.out -= static_cast<std::uint32_t>(had);
        if (may_leave(from)) {
            hand_out(label, from, waits);
            return;
        }
    }
    waiting_[label].push_back(std::move(waits));
}

void space_service::describe(request message) {
    auto asked = message.take<space::describe>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    space::description told;
    if (const auto found = state_.items.find(asked->label); found != state_.items.end()) {
        told.known = true;
        told.protocol = found->second.protocol;
        told.routing = found->second.routing;
    }
    answer<space::describe>(std::move(message), std::move(told));
}

void space_service::give_back(request message) {
    auto asked = message.take<space::give_back>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    space::returned done;
    if (const std::uint32_t* before = answer_before(asked->mark)) {
        done.out = *before;
        answer<space::give_back>(std::move(message), done);
        return;
    }
    const auto found = state_.items.find(asked->label);
    if (found == state_.items.end()) {
        message.reply_error({errc::not_found, quoted(asked->label)});
        return;
    }
    space::item& from = found->second;
    const incarnation_id holder = asked->holder ? asked->holder : message.source().owner;
    const auto copy =
        std::find_if(from.holders.begin(), from.holders.end(),
                     [&](const space::copy_out& each) { return each.holder == holder; });
    if (from.copies == 0 ? from.out == 0 : copy == from.holders.end()) {
        message.reply_error({errc::invalid_argument, quoted(asked->label) + ": no copy is out"});
        return;
    }
    if (from.copies != 0)
        from.holders.erase(copy);
    --from.out;
    space::change made;
    made.kind = space::change_kind::counted;
    made.label = asked->label;
    made.what.out = from.out;
    made.what.holders = from.holders;
    made.mark = asked->mark;
    answer_waiting(asked->label, from);
    done.out = from.out;
    made.answer = done.out;
    made.what.out = from.out;
    made.what.holders = from.holders;
    remember(made.mark, made.answer);
    note(std::move(made));
    answer<space::give_back>(std::move(message), done);
}

void space_service::remove(request message) {
    auto asked = message.take<space::remove>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    space::removed done;
    if (const std::uint32_t* before = answer_before(asked->mark)) {
        done.out = *before;
        answer<space::remove>(std::move(message), done);
        return;
    }
    const auto found = state_.items.find(asked->label);
    if (found == state_.items.end()) {
        message.reply_error({errc::not_found, quoted(asked->label)});
        return;
    }
    done.out = found->second.out;
    space::change made;
    made.kind = space::change_kind::removed;
    made.label = asked->label;
    made.mark = asked->mark;
    made.answer = done.out;
    remember(made.mark, made.answer);
    note(std::move(made));
    close_later(found->second.what);
    state_.items.erase(found);
    answer<space::remove>(std::move(message), done);
}

void space_service::also_waits(request message) {
    auto told = message.take<space::also_waits>();
    if (told && waiting_.count(told->label) != 0)
        more_[told->label][message.source().owner].push_back(std::move(told->who));
}

void space_service::print(request message) {
    space::contents told;
    for (const auto& [label, from] : state_.items)
        told.lines.push_back({label, from.protocol, from.routing, from.kind, from.copies, from.out,
                              from.cached && from.copies == 0});
    for (const auto& [label, queue] : waiting_) {
        space::waiting_line line;
        line.label = label;
        for (const waiting_request& each : queue)
            if (!each.message.cancelled())
                line.waiters.push_back({each.asked.who, each.asked.interface, each.asked.where});
        if (const auto more = more_.find(label); more != more_.end())
            for (const auto& [cache, waiters] : more->second)
                line.waiters.insert(line.waiters.end(), waiters.begin(), waiters.end());
        for (const space::waiter& each : line.waiters)
            line.who.push_back(each.incarnation);
        if (!line.who.empty())
            told.waiting.push_back(std::move(line));
    }
    answer<space::print>(std::move(message), std::move(told));
}

/// Caches give back what the ended of their node had. With a node its cache is gone too.
task<> space_service::hear_ends() {
    for (;;) {
        auto heard = co_await next_event();
        if (!heard)
            co_return;
        if (EQUUS_MUTANT(copies_of_the_dead_stay_out))
            continue;
        if (heard->kind == event_kind::terminated) {
            reclaim([&](incarnation_id holder) { return holder == heard->subject; });
        } else if (heard->kind == event_kind::node_left) {
            const node_boot gone = heard->node;
            reclaim([&](incarnation_id holder) {
                return holder.node == gone.node && holder.boot == gone.boot;
            });
            std::erase_if(state_.answered, [&](const auto& entry) {
                return entry.first.node == gone.node && entry.first.boot == gone.boot;
            });
        }
    }
}

} // namespace equus::services
