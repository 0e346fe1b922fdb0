#include "services/space.hpp"

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
    if (!announce.is_open())
        co_return;
    const any_reference own{requests.open_stream()};
    co_await ok(co_await announce.send<space::announced>(own));
    detail::close(own);
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
        else
            message.reply_error(errc::unknown_message);
    }
}

bool space_service::may_leave(const item& from) const noexcept {
    return from.copies == 0 || from.out < from.copies;
}

void space_service::hand_out(item& from, request& to) {
    space::entry copy;
    copy.what = from.what;
    copy.protocol = from.protocol;
    copy.routing = from.routing;
    copy.cacheable = from.cached && from.copies == 0;
    ++from.out;
    to.reply<space::get>(std::move(copy));
}

std::uint32_t space_service::answer_waiting(const std::string& label, item& from) {
    const auto found = waiting_.find(label);
    if (found == waiting_.end())
        return 0;
    std::uint32_t answered = 0;
    auto& queue = found->second;
    while (!queue.empty() && may_leave(from)) {
        hand_out(from, queue.front().message);
        queue.pop_front();
        ++answered;
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
    item made;
    made.what = asked->what;
    made.protocol = std::move(asked->protocol);
    made.routing = asked->routing;
    made.kind = asked->kind;
    made.copies = asked->copies;
    made.cached = asked->cached;
    if (made.kind == space::referent::port && made.routing == channel_kind::unicast)
        made.copies = 1; // [K39]
    item& kept = state_.items.emplace(asked->label, std::move(made)).first->second;
    space::stored done;
    done.answered = answer_waiting(asked->label, kept);
    message.reply<space::put>(done);
}

void space_service::get(request message) {
    auto asked = message.take<space::get>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    const auto found = state_.items.find(asked->label);
    if (found != state_.items.end() && may_leave(found->second)) {
        hand_out(found->second, message);
        return;
    }
    waiting_[asked->label].push_back({std::move(asked->who), std::move(message)});
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
    message.reply<space::describe>(std::move(told));
}

void space_service::give_back(request message) {
    auto asked = message.take<space::give_back>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    const auto found = state_.items.find(asked->label);
    if (found == state_.items.end()) {
        message.reply_error({errc::not_found, quoted(asked->label)});
        return;
    }
    item& from = found->second;
    if (from.out == 0) {
        message.reply_error({errc::invalid_argument, quoted(asked->label) + ": no copy is out"});
        return;
    }
    --from.out;
    answer_waiting(asked->label, from);
    space::returned done;
    done.out = from.out;
    message.reply<space::give_back>(done);
}

void space_service::remove(request message) {
    auto asked = message.take<space::remove>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    const auto found = state_.items.find(asked->label);
    if (found == state_.items.end()) {
        message.reply_error({errc::not_found, quoted(asked->label)});
        return;
    }
    space::removed done;
    done.out = found->second.out;
    detail::close(found->second.what);
    state_.items.erase(found);
    message.reply<space::remove>(done);
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
            line.who.push_back(each.who);
        told.waiting.push_back(std::move(line));
    }
    message.reply<space::print>(std::move(told));
}

} // namespace equus::services
