#include "host/sim_calls_cast.hpp"

#include "host/sim_members.hpp"

#include <algorithm>

namespace equus::sim::calling {

using reporting::violated;

// ---- servers

task<> server::main() {
    co_await ok(co_await conductor.send<server_ready>(parameters_.index, in.open_stream()));
    for (;;) {
        auto came = co_await ok(co_await in.receive());
        if (parameters_.index % 2 == 0)
            co_await serve(std::move(came));
        else // and consumes them in another order
            serving_.start(serve(std::move(came)));
    }
}

task<> server::serve(delivery<adding> came) {
    if (came.is<never>()) {
        const never said = co_await ok(came.take<never>());
        if (done_.contains({said.caller, said.number}))
            co_await violated("a call that never left was carried out");
        never_.insert({said.caller, said.number});
        co_return;
    }
    const add call = co_await ok(came.take<add>());
    const std::string name =
        "call " + std::to_string(call.number) + " of caller " + std::to_string(call.caller);
    if (never_.contains({call.caller, call.number}))
        co_await violated(name + " was carried out though it never left");
    if (!done_.insert({call.caller, call.number}).second)
        co_await violated(name + " was carried out twice");
    switch (call.wanted) {
    case fate::slow:
        co_await sleep(duration{static_cast<std::int64_t>(call.number % 13) * 1'000'000});
        break;
    case fate::refused:
        came.reply_error(error{errc::refused, "as wanted"});
        co_return;
    case fate::dropped:
        co_return; // consumed without an answer
    default:
        break;
    }
    came.reply<add>(sum{answer_to(call.caller, call.number)});
}

// ---- callers

task<> caller::main() {
    co_await ok(co_await conductor.send<caller_ready>(parameters_.index, in.open_stream()));
    auto came = co_await ok(co_await in.receive());
    const begin what = co_await ok(came.take<begin>());
    came.done();
    // Every other caller makes several calls at once by streams that let one leave after the other.
    const bool several = parameters_.index % 2 == 1;
    if (several)
        for (const stream<adding>& each : what.servers)
            set_calls(each, parameters_.index % 3);
    task_group calls;
    for (std::uint64_t number = 1; number <= what.calls; ++number) {
        if (several && number % 4 != 0)
            calls.start(call(what, number));
        else
            co_await call(what, number);
        if (number % 3 == 0)
            co_await sleep(
                duration{static_cast<std::int64_t>(number * 31 % 8) * what.nap_max.count() / 8});
    }
    co_await calls.all_ended();
    co_await ok(co_await conductor.send<called>(parameters_.index, answered_));
}

task<> caller::call(const begin& what, std::uint64_t number) {
    const std::size_t which = (number * 7 + parameters_.index) % what.servers.size();
    const stream<adding> to = what.servers[which];
    if (!to)
        co_return; // that one never came up
    const auto wanted = static_cast<fate>(number * 5 % 4);
    duration within{1'000'000 +
                    static_cast<std::int64_t>(number * 7919 % 32) * what.within_max.count() / 32};
    if (number % 8 == 5)
        within = for_ever; // it will end all the same
    const time_point began = now();
    bytes filling{static_cast<std::size_t>(number * 37 % 300)};
    auto answer = co_await to.invoke<add>(parameters_.index, number, wanted, std::move(filling))
                      .within(within);
    if (what.overtime.count() > 0 && within != for_ever && now() - began > within + what.overtime) {
        std::string text = "call " + std::to_string(number) + " ended " +
                           std::to_string((now() - began - within).count() / 1'000) +
                           " us after its deadline";
        co_await violated(std::move(text));
    }
    if (!answer) {
        co_await judge(what, to, number, wanted, std::move(answer.error()));
        co_return;
    }
    ++answered_;
    if (wanted == fate::refused || wanted == fate::dropped ||
        answer->value != answer_to(parameters_.index, number)) {
        std::string text = "call " + std::to_string(number) + " got the answer of another";
        co_await violated(std::move(text));
    }
}

task<> caller::judge(const begin& what, stream<adding> to, std::uint64_t number, fate wanted,
                     error reason) {
    bool allowed = false;
    switch (reason.code()) {
    case errc::timed_out: {
        allowed = true;
        auto told = co_await to.send<never>(parameters_.index, number);
        if (!told && told.error() != errc::broken) {
            std::string text = "cannot send: " + told.error().describe();
            co_await violated(std::move(text));
        }
        break;
    }
    case errc::maybe_delivered:
    case errc::broken:
        allowed = true;
        break;
    case errc::refused:
    case errc::handler_failed:
        allowed = wanted == fate::refused;
        break;
    case errc::abandoned:
        // The first server is ended under way, with what it has in hand.
        allowed = wanted == fate::dropped || to == what.servers.front();
        break;
    default:
        break;
    }
    if (!allowed) {
        std::string text = "call " + std::to_string(number) +
                           " ended in an error that is not its: " + reason.describe();
        co_await violated(std::move(text));
    }
}

// ---- the conductor

task<> conductor::main() {
    watch_members();
    nodes_ = co_await gathered(parameters_.nodes);
    to_servers_.resize(parameters_.servers);
    to_callers_.resize(parameters_.callers);
    for (std::uint32_t i = 0; i < parameters_.servers; ++i)
        co_await cast(servers_, "sim.server", i);
    for (std::uint32_t i = 0; i < parameters_.callers; ++i)
        co_await cast(callers_, "sim.caller", i + 1);
    co_await wait_for(&player::ready, servers_);
    co_await wait_for(&player::ready, callers_);
    begin what;
    what.servers = to_servers_;
    what.calls = parameters_.calls;
    what.within_max = parameters_.within_max;
    what.overtime = parameters_.overtime;
    what.nap_max = parameters_.nap_max;
    for (std::uint32_t i = 0; i < parameters_.callers; ++i) {
        if (!callers_[i].ready)
            continue;
        begin copy = what;
        auto told = co_await to_callers_[i].send<begin>(moved(copy));
        if (!told && told.error() != errc::broken) {
            std::string text = "cannot begin: " + told.error().describe();
            co_await violated(std::move(text));
        }
    }
    if (parameters_.servers > 1)
        co_await end_one();
    co_await wait_for(&player::done, callers_);
    co_await reporting::all_done("");
}

task<> conductor::cast(std::vector<player>& into, std::string module, std::uint32_t index) {
    player made;
    made.at = nodes_[index % nodes_.size()];
    const auto number = static_cast<std::uint32_t>(into.size());
    creation what;
    what.name = module + "[" + std::to_string(number) + "]";
    what.module = std::move(module);
    what.parameters["index"] = number;
    what.given["conductor"] = any_reference{in.open_stream()};
    auto handle = co_await create(what, made.at.node).within(1h);
    detail::close(what.given["conductor"]);
    made.lost = !handle;
    if (handle)
        made.handle = *handle;
    into.push_back(std::move(made));
}

/// Ends a server while calls are on their way to it.
task<> conductor::end_one() {
    co_await sleep(parameters_.nap_max);
    co_await hear();
    if (servers_.front().handle)
        static_cast<void>(co_await servers_.front().handle.destroy().within(1h));
}

task<> conductor::wait_for(bool player::*what, std::vector<player>& among) {
    for (;;) {
        const bool all = std::all_of(among.begin(), among.end(), [what](const player& p) {
            return p.lost || p.*what || !is_member(p.at);
        });
        if (all)
            co_return;
        co_await hear();
    }
}

task<> conductor::hear() {
    auto came = co_await in.receive().within(50ms);
    if (!came)
        co_return;
    if (came->is<server_ready>()) {
        const server_ready said = co_await ok(came->take<server_ready>());
        to_servers_.at(said.index) = said.in;
        servers_.at(said.index).ready = true;
    } else if (came->is<caller_ready>()) {
        const caller_ready said = co_await ok(came->take<caller_ready>());
        to_callers_.at(said.index) = said.in;
        callers_.at(said.index).ready = true;
    } else {
        const called said = co_await ok(came->take<called>());
        callers_.at(said.index).done = true;
    }
}

} // namespace equus::sim::calling
