#include "services/space.hpp"

#include <utility>

namespace equus::services {

namespace {
constexpr std::uint32_t waiting_requests_max = 4'096;
} // namespace

task<> space_cache::main() {
    set_credit(requests, waiting_requests_max);
    for (;;) {
        auto got = co_await requests.receive();
        if (!got)
            co_return;
        if (got->is<space::get>())
            get(std::move(*got));
        else if (auto passed = co_await others.forward(*got); !passed)
            co_await ok(
                fail(std::move(passed.error()))); // the primary is gone, and the run with it
    }
}

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
    if (asked->fresh || uncacheable_.count(asked->label) != 0) {
        fetches_.start(fetch_one(std::move(*asked), std::move(message)));
        return;
    }
    if (answer_from_memory(asked->label, message))
        return;
    auto& queue = waiting_[asked->label];
    queue.push_back({asked->who, std::move(message)});
    if (queue.size() == 1)
        fetches_.start(fetch(std::move(asked->label), std::move(asked->who)));
}

/// A copy for this asker only; the node keeps none.
task<> space_cache::fetch_one(space::get asked, request message) {
    auto got = co_await gets.invoke<space::get>(moved(asked)).within(space::patience);
    if (!got) {
        message.reply_error(std::move(got.error()));
        co_return;
    }
    const any_reference own = got->what;
    message.reply<space::get>(std::move(*got));
    detail::close(own);
}

/// For all of this node who wait for the label; the primary shows the first of them.
task<> space_cache::fetch(std::string label, std::string who) {
    auto got = co_await gets.invoke<space::get>(label, who).within(space::patience);
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
    queue.front().message.reply<space::get>(*got);
    detail::close(got->what);
    queue.pop_front();
    for (waiting_request& each : queue) {
        space::get asked;
        asked.label = label;
        asked.who = std::move(each.who);
        fetches_.start(fetch_one(std::move(asked), std::move(each.message)));
    }
}

} // namespace equus::services
