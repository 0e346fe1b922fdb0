#include "host/sim_multicast_cast.hpp"

#include "host/sim_members.hpp"

#include <algorithm>

namespace equus::sim::broadcasting {

using reporting::violated;

// ---- members

task<> member::main() {
    task_group orders;
    if (!parameters_.ends) { // what lies at a port that ends is lost
        auto served = co_await make_port<ordering>(any).within(1h);
        if (served)
            orders.start(obey(*served));
    }
    for (;;) {
        auto joined = co_await make_port<newscast>(all).within(1h);
        if (!joined)
            break; // the channel has ended
        if (!reported_) {
            reported_ = true;
            static_cast<void>(co_await collector.send<heard>(parameters_.index, nobody, 0u));
        }
        co_await listen(*joined);
        if (parameters_.ends)
            co_return; // and its ports with it
        joined->close();
        co_await sleep(parameters_.nap_max);
    }
    co_await sleep(for_ever);
}

task<> member::obey(port<ordering> in) {
    for (;;) {
        auto got = co_await ok(co_await in.receive());
        const order said = co_await ok(got.take<order>());
        static_cast<void>(co_await collector.send<done>(said.speaker, said.number));
    }
}

task<> member::listen(port<newscast> in) {
    if (parameters_.gets_stuck) {
        set_credit(in, 2);
        co_await sleep(for_ever);
    }
    std::map<std::uint32_t, std::uint64_t> last;
    for (std::uint32_t taken = 0; parameters_.leaves_after == 0 || taken < parameters_.leaves_after;
         ++taken) {
        auto got = co_await ok(co_await in.receive());
        const news said = co_await ok(got.take<news>());
        got.done();
        std::uint64_t& before = last[said.speaker];
        if (before != 0 && said.number != before + 1) {
            std::string text = "number " + std::to_string(said.number) + " of speaker " +
                               std::to_string(said.speaker) + " came after " +
                               std::to_string(before);
            co_await violated(std::move(text));
        }
        before = said.number;
        if (said.number == parameters_.numbers)
            static_cast<void>(
                co_await collector.send<heard>(parameters_.index, said.speaker, said.number));
    }
}

// ---- speakers

task<> speaker::main() {
    spoken outcome;
    outcome.speaker = parameters_.index;
    for (std::uint64_t number = 1; number <= parameters_.numbers; ++number) {
        auto told = co_await all.send<news>(parameters_.index, number);
        auto ordered = co_await any.send<order>(parameters_.index, number);
        if (!told || !ordered) {
            const error why = told ? ordered.error() : told.error();
            if (why != errc::broken)
                co_await violated("cannot send: " + why.describe());
            outcome.broken = true;
            break;
        }
        outcome.numbers = number;
        if (number % 5 == 0)
            co_await sleep(parameters_.nap_max / 4);
    }
    co_await ok(co_await collector.send<spoken>(moved(outcome)));
    co_await sleep(for_ever);
}

// ---- the collector

task<> collector::main() {
    nodes_ = co_await gathered(parameters_.nodes);
    all_ = co_await ok(make_channel<newscast>(channel_kind::multicast));
    any_ = co_await ok(make_channel<ordering>(channel_kind::anycast));
    for (std::uint32_t i = 0; i < parameters_.members; ++i)
        co_await cast(false, i);
    // The first member is there from beginning to end.
    while (!heard_.contains({0, nobody}) && !players_[0].done && !lost(players_[0]))
        co_await hear();
    for (std::uint32_t i = 0; i < parameters_.speakers; ++i)
        co_await cast(true, i);
    while (!all_lost_or_done() || !all_has_come())
        co_await hear();
    for (const auto& [what, times] : carried_out_)
        if (times != 1)
            co_await violated("order " + std::to_string(what.second) + " of speaker " +
                              std::to_string(what.first) + " was carried out " +
                              std::to_string(times) + " times");
    co_await reporting::all_done("");
}

task<> collector::cast(bool speaks, std::uint32_t index) {
    player made;
    made.speaks = speaks;
    made.at = nodes_[(index + (speaks ? 1 : 0)) % nodes_.size()];
    creation what;
    what.module = speaks ? "sim.speaker" : "sim.member";
    what.name = what.module + "[" + std::to_string(index) + "]";
    what.parameters["index"] = index;
    what.parameters["numbers"] = static_cast<std::int64_t>(parameters_.numbers);
    what.parameters["nap_max"] = parameters_.nap_max;
    if (!speaks && index > 0) {
        what.parameters["gets_stuck"] = parameters_.stuck && index == 1;
        what.parameters["leaves_after"] = index % 2 == 0 ? 7 + index : 0u;
        what.parameters["ends"] = index == 4;
    }
    what.given["all"] = any_reference{all_};
    what.given["any"] = any_reference{any_};
    what.given["collector"] = any_reference{transferred(in.open_stream())};
    auto handle = co_await create(what, made.at.node).within(1h);
    if (handle)
        made.handle = *handle;
    else
        made.done = true;
    players_.push_back(std::move(made));
}

task<> collector::hear() {
    auto came = co_await in.receive().within(50ms);
    if (!came)
        co_return;
    if (came->is<spoken>()) {
        const spoken said = co_await ok(came->take<spoken>());
        players_.at(parameters_.members + said.speaker).done = true;
        spoken_[said.speaker] = said.numbers;
    } else if (came->is<done>()) {
        const done said = co_await ok(came->take<done>());
        ++carried_out_[{said.speaker, said.number}];
    } else {
        const heard said = co_await ok(came->take<heard>());
        heard_[{said.member, said.speaker}] = said.last;
    }
}

bool collector::lost(const player& who) const {
    return !is_member(who.at);
}

/// Every order was carried out, and the first member has heard everything; unless somebody is lost.
bool collector::all_has_come() {
    if (anybody_was_lost())
        return true;
    for (const auto& [who, numbers] : spoken_) {
        const auto first = carried_out_.lower_bound({who, 0});
        const auto last = carried_out_.lower_bound({who + 1, 0});
        if (static_cast<std::uint64_t>(std::distance(first, last)) != numbers ||
            heard_[{0, who}] != numbers)
            return false;
    }
    return true;
}

bool collector::anybody_was_lost() const {
    return std::any_of(players_.begin(), players_.end(),
                       [this](const player& p) { return !p.handle || lost(p); });
}

bool collector::all_lost_or_done() const {
    return std::all_of(players_.begin(), players_.end(),
                       [this](const player& p) { return !p.speaks || p.done || lost(p); });
}

} // namespace equus::sim::broadcasting
