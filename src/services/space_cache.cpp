#include "services/space.hpp"

#include <equus/kernel/mutants.hpp>

#include <algorithm>
#include <utility>

namespace equus::services {

namespace {
constexpr std::uint32_t waiting_requests_max = 4'096;
constexpr duration look_again_max = std::chrono::milliseconds{100};
} // namespace

task<> space_cache::main() {
    set_credit(requests, waiting_requests_max);
    tasks_.start(hear_ends());
    for (;;) {
        auto got = co_await requests.receive();
        if (!got)
            co_return;
        request message = std::move(*got);
        if (message.is<space::get>())
            get(std::move(message));
        else if (message.is<space::put>())
            tasks_.start(pass_on<space::put>(std::move(message)));
        else if (message.is<space::describe>())
            tasks_.start(pass_on<space::describe>(std::move(message)));
        else if (message.is<space::give_back>())
            tasks_.start(give_back(std::move(message)));
        else if (message.is<space::remove>())
            tasks_.start(pass_on<space::remove>(std::move(message)));
        else if (message.is<space::print>())
            tasks_.start(pass_on<space::print>(std::move(message)));
        else
            message.reply_error(errc::unknown_message);
    }
}

template <class M>
task<> space_cache::pass_on(request message) {
    auto asked = message.take<M>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    any_reference own;
    if constexpr (requires { asked->what; })
        own = asked->what;
    auto done = co_await primary_.ask(others, std::move(*asked));
    detail::close(own);
    if (done)
        message.reply<M>(std::move(*done));
    else
        message.reply_error(std::move(done.error()));
}

// ---------------------------------------------------------------------- gets

bool space_cache::answer_from_memory(const std::string& label, request& message) {
    const auto found = state_.known.find(label);
    if (found == state_.known.end())
        return false;
    if (!detail::is_open(found->second.what)) {
        // Its receiver has ended: somebody else may have the label by now.
        detail::close(found->second.what);
        state_.known.erase(found);
        return false;
    }
    space::entry copy = found->second;
    message.reply<space::get>(std::move(copy));
    return true;
}

void space_cache::get(request message) {
    auto asked = message.take<space::get>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    asked->holder = message.source().owner;
    if (asked->fresh || uncacheable_.count(asked->label) != 0) {
        tasks_.start(fetch_one({std::move(*asked), std::move(message)}));
        return;
    }
    if (answer_from_memory(asked->label, message))
        return;
    space::get first = *asked;
    auto& queue = waiting_[first.label];
    queue.push_back({std::move(*asked), std::move(message)});
    if (queue.size() == 1) {
        tasks_.start(fetch(std::move(first)));
        return;
    }
    // The primary shows who waits. What it lacks of that when it was lost, it lacks.
    space::also_waits more;
    more.label = std::move(first.label);
    more.who = {std::move(first.who), std::move(first.interface), std::move(first.where)};
    tasks_.start(tell(std::move(more)));
}

task<> space_cache::tell(space::also_waits what) {
    static_cast<void>(co_await gets.send<space::also_waits>(moved(what)));
}

/// A copy for this asker only; the node keeps none.
task<> space_cache::fetch_one(waiting_request asked) {
    space::get wanted = asked.asked;
    auto got = co_await primary_.ask(gets, std::move(wanted));
    if (!got) {
        asked.message.reply_error(std::move(got.error()));
        co_return;
    }
    const incarnation_id holder = asked.asked.holder;
    copy_here copy{asked.asked.label, got->what};
    const bool limited = got->limited;
    if (limited && asked.message.cancelled()) {
        co_await give_back_in_silence(holder, std::move(copy));
        co_return;
    }
    const any_reference own = got->what;
    if (limited)
        copies_.emplace(holder, std::move(copy));
    const stream_id source = asked.message.source();
    asked.message.reply<space::get>(std::move(*got));
    if (limited)
        watch_source(source); // he may have ended: then that is what comes first
    else
        detail::close(own);
}

/// For all of this node who wait for the label.
task<> space_cache::fetch(space::get asked) {
    const std::string label = asked.label;
    auto got = co_await primary_.ask(gets, std::move(asked));
    auto queue = std::move(waiting_[label]);
    waiting_.erase(label);
    if (!got) {
        for (waiting_request& each : queue)
            each.message.reply_error(got.error());
        co_return;
    }
    if (got->cacheable) {
        state_.known.insert_or_assign(label, std::move(*got));
        for (waiting_request& each : queue)
            if (!answer_from_memory(label, each.message))
                each.message.reply_error(
                    {errc::broken, "the receiver behind '" + label + "' has ended"});
        co_return;
    }
    // One copy has come for one asker; the others ask for themselves.
    uncacheable_.insert(label);
    const incarnation_id holder = queue.front().asked.holder;
    const stream_id source = queue.front().message.source();
    const any_reference own = got->what;
    const bool limited = got->limited;
    if (limited && queue.front().message.cancelled()) {
        copy_here copy{label, own};
        tasks_.start(give_back_in_silence(holder, std::move(copy)));
    } else {
        if (limited)
            copies_.emplace(holder, copy_here{label, own});
        queue.front().message.reply<space::get>(std::move(*got));
        if (limited)
            watch_source(source);
        else
            detail::close(own);
    }
    queue.pop_front();
    for (waiting_request& each : queue)
        tasks_.start(fetch_one(std::move(each)));
}

// ---------------------------------------------------------------------- copies that come back

task<> space_cache::give_back(request message) {
    auto asked = message.take<space::give_back>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    const incarnation_id holder = message.source().owner;
    copy_here copy{asked->label, {}};
    const auto [first, last] = copies_.equal_range(holder);
    const auto found = std::find_if(
        first, last, [&](const auto& entry) { return entry.second.label == copy.label; });
    if (found != last) {
        copy = std::move(found->second);
        copies_.erase(found);
    }
    auto done = co_await give_back_of(holder, std::move(copy));
    if (done)
        message.reply<space::give_back>(*done);
    else
        message.reply_error(std::move(done.error()));
}

/// The next holder's messages come after all of this one's.
task<result<space::returned>> space_cache::give_back_of(incarnation_id holder, copy_here copy) {
    duration again{std::chrono::milliseconds{1}};
    while (under_way(copy.what, holder) != 0 && !EQUUS_MUTANT(returned_before_it_is_drained)) {
        co_await sleep(again);
        again = std::min(again * 2, look_again_max);
    }
    space::give_back back;
    back.label = copy.label;
    back.holder = holder;
    auto done = co_await primary_.ask(others, std::move(back));
    detail::close(copy.what);
    co_return done;
}

task<> space_cache::give_back_in_silence(incarnation_id holder, copy_here copy) {
    auto done = co_await give_back_of(holder, std::move(copy));
    static_cast<void>(done);
}

task<> space_cache::hear_ends() {
    for (;;) {
        auto heard = co_await next_event();
        if (!heard)
            co_return;
        if (heard->kind != event_kind::terminated || EQUUS_MUTANT(copies_of_the_dead_stay_out))
            continue;
        const auto [first, last] = copies_.equal_range(heard->subject);
        for (auto each = first; each != last; ++each)
            tasks_.start(give_back_in_silence(heard->subject, std::move(each->second)));
        copies_.erase(first, last);
    }
}

} // namespace equus::services
