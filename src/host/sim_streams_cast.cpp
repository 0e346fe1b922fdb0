#include "host/sim_streams_cast.hpp"

#include "host/sim_members.hpp"

#include <algorithm>

namespace equus::sim::streaming {

using reporting::violated;

namespace {

/// Empty, or what is wrong with the item.
std::string taken(ledger& seen, const item& got) {
    std::string wrong = seen.take(got.producer, got.lane, got.number);
    if (wrong.empty() && !is_filling_of(got.number, got.filling))
        wrong = "producer " + std::to_string(got.producer) + ", lane " + std::to_string(got.lane) +
                ": the content of " + std::to_string(got.number) + " is damaged";
    return wrong;
}

} // namespace

// ---- consumers

task<> consumer::start() {
    set_queue(in, parameters_.queue);
    co_await ok(co_await conductor.send<consumer_ready>(parameters_.index, in.open_stream(),
                                                        ask.open_stream()));
}

task<> consumer::on(item got) {
    std::string wrong = taken(state_.seen, got);
    if (!wrong.empty())
        co_await violated(std::move(wrong));
    if (parameters_.nap_every != 0 && got.number % parameters_.nap_every == 0)
        co_await sleep(nap_of(got.number, parameters_.nap_max));
}

task<> reader::start() {
    set_queue(in, parameters_.queue);
    co_await ok(co_await conductor.send<consumer_ready>(parameters_.index, in.open_stream(),
                                                        ask.open_stream()));
}

task<> reader::main() {
    for (;;) {
        const std::size_t which = co_await ok(co_await select(in, ask));
        if (which == 1) {
            auto asked = ask.try_receive();
            if (!asked)
                continue;
            const count what = co_await ok(asked->take<count>());
            asked->reply<count>(tally{state_.seen.at(what.producer, what.lane).number});
            continue;
        }
        auto came = co_await ok(co_await in.receive());
        const item got = co_await ok(came.take<item>());
        std::string wrong = taken(state_.seen, got);
        if (!wrong.empty())
            co_await violated(std::move(wrong));
        if (parameters_.nap_every != 0 && got.number % parameters_.nap_every == 0)
            co_await sleep(nap_of(got.number, parameters_.nap_max));
    }
}

// ---- producers

task<> producer::main() {
    co_await ok(co_await conductor.send<producer_ready>(parameters_.index, in.open_stream()));
    auto came = co_await ok(co_await in.receive());
    const begin what = co_await ok(came.take<begin>());
    came.done();

    produced outcome;
    outcome.index = parameters_.index;
    outcome.sent.resize(what.lanes.size());
    for (const stream<items>& lane : what.lanes)
        outcome.broken.push_back(lane ? 0 : 1); // that one never came up
    for (std::uint64_t number = 1; number <= what.numbers; ++number) {
        for (std::uint32_t lane = 0; lane < what.lanes.size(); ++lane) {
            if (outcome.broken[lane] != 0)
                continue;
            bytes filling = filling_of(number, what.filling_max);
            auto sent = co_await what.lanes[lane].send<item>(parameters_.index, lane, number,
                                                             std::move(filling));
            if (sent) {
                ++outcome.sent[lane];
            } else if (sent.error() == errc::broken) {
                outcome.broken[lane] = 1;
            } else {
                std::string text = "cannot send: " + sent.error().describe();
                co_await violated(std::move(text));
            }
        }
        if (what.nap_every != 0 && number % what.nap_every == 0)
            co_await sleep(nap_of(number, what.nap_max));
    }
    co_await ok(co_await conductor.send<produced>(moved(outcome)));
}

// ---- the conductor

task<> conductor::main() {
    watch_members();
    nodes_ = co_await gathered(parameters_.nodes);
    if (parameters_.multicast)
        multicast_ = make_channel(items::name, channel_kind::multicast);
    items_.resize(parameters_.consumers);
    questions_.resize(parameters_.consumers);
    begins_.resize(parameters_.producers);
    for (std::uint32_t i = 0; i < parameters_.consumers; ++i) {
        std::string module = i % 2 == 0 ? "sim.consumer" : "sim.reader";
        co_await cast(consumers_, std::move(module), i);
    }
    for (std::uint32_t i = 0; i < parameters_.producers; ++i)
        co_await cast(producers_, "sim.producer", i);
    co_await wait_for(&player::ready, consumers_);
    co_await wait_for(&player::ready, producers_);
    co_await begin_all();
    co_await wait_for(&player::done, producers_);
    co_await ask_all();
    co_await reporting::all_done("");
}

task<> conductor::cast(std::vector<player>& into, std::string module, std::uint32_t index) {
    player made;
    // Consumers from the first node on, producers from the last: most streams go across.
    const std::size_t spread =
        &into == &consumers_ ? index : nodes_.size() - 1 - index % nodes_.size();
    made.at = nodes_[spread % nodes_.size()];
    creation what;
    what.name = module + "[" + std::to_string(index) + "]";
    what.module = std::move(module);
    what.parameters["index"] = index;
    if (&into == &consumers_) {
        what.parameters["nap_every"] = parameters_.nap_every;
        what.parameters["nap_max"] = parameters_.nap_max / 8;
        what.parameters["queue"] = parameters_.queue;
    }
    what.given["conductor"] = any_reference{in.open_stream()};
    if (detail::is_open(closed_))
        co_await violated("a closed reference is open again: its place has been given to another");
    closed_ = what.given["conductor"];
    if (multicast_ && &into == &consumers_)
        what.given["in"] = multicast_;
    auto handle = co_await create(what, made.at.node).within(1h);
    detail::close(what.given["conductor"]);
    if (!handle) {
        made.lost = true;
    } else {
        made.handle = *handle;
        auto watched = co_await made.handle.watch().within(1h);
        made.lost = !watched;
    }
    into.push_back(std::move(made));
}

task<> conductor::wait_for(bool player::*what, std::vector<player>& among) {
    for (;;) {
        const bool all = std::all_of(among.begin(), among.end(),
                                     [what](const player& p) { return p.lost || p.*what; });
        if (all)
            co_return;
        co_await hear(50ms);
        co_await look_around();
    }
}

task<> conductor::hear(duration patience) {
    auto came = co_await in.receive().within(patience);
    if (!came)
        co_return;
    if (came->is<consumer_ready>()) {
        const consumer_ready said = co_await ok(came->take<consumer_ready>());
        if (consumers_.at(said.index).ready)
            co_await violated("consumer " + std::to_string(said.index) + " was made twice");
        items_.at(said.index) = said.in;
        questions_.at(said.index) = said.ask;
        consumers_.at(said.index).ready = true;
    } else if (came->is<producer_ready>()) {
        const producer_ready said = co_await ok(came->take<producer_ready>());
        if (producers_.at(said.index).ready)
            co_await violated("producer " + std::to_string(said.index) + " was made twice");
        begins_.at(said.index) = said.in;
        producers_.at(said.index).ready = true;
    } else {
        produced said = co_await ok(came->take<produced>());
        player& who = producers_.at(said.index);
        who.outcome = std::move(said);
        who.done = true;
    }
}

task<> conductor::look_around() {
    for (;;) {
        auto heard = co_await next_event().within(duration{0});
        if (!heard)
            co_return;
        if (heard->kind == event_kind::node_left) {
            for (std::vector<player>* players : {&consumers_, &producers_})
                for (player& each : *players)
                    each.lost = each.lost || each.at == heard->node;
        } else if (heard->kind == event_kind::terminated && heard->reason != errc::ok &&
                   heard->reason != errc::evicted && heard->reason != errc::closed) {
            std::string text = "an incarnation ended: " + heard->text;
            co_await violated(std::move(text));
        }
    }
}

task<> conductor::begin_all() {
    begin what;
    what.lanes = items_;
    if (multicast_)
        what.lanes.push_back(stream<items>{multicast_});
    what.numbers = parameters_.numbers;
    what.filling_max = parameters_.filling_max;
    what.nap_every = parameters_.nap_every;
    what.nap_max = parameters_.nap_max;
    // Streams to those who never reported are empty references.
    for (std::uint32_t i = 0; i < producers_.size(); ++i) {
        if (!producers_[i].ready)
            continue;
        begin copy = what;
        auto told = co_await begins_[i].send<begin>(moved(copy));
        if (!told && told.error() != errc::broken) {
            std::string text = "cannot begin: " + told.error().describe();
            co_await violated(std::move(text));
        }
    }
}

bool conductor::counts(std::uint32_t by, std::uint32_t lane, std::uint32_t which) const {
    const bool many = lane == consumers_.size();
    return (many || lane == which) && !producers_[by].lost && producers_[by].done &&
           !consumers_[which].lost && consumers_[which].ready;
}

task<> conductor::ask_all() {
    const auto lanes = static_cast<std::uint32_t>(consumers_.size() + (multicast_ ? 1 : 0));
    for (std::uint32_t which = 0; which < consumers_.size(); ++which)
        for (std::uint32_t by = 0; by < producers_.size(); ++by)
            for (std::uint32_t lane = 0; lane < lanes; ++lane)
                co_await ask_one(which, by, lane);
}

task<> conductor::ask_one(std::uint32_t which, std::uint32_t by, std::uint32_t lane) {
    while (counts(by, lane, which)) {
        const std::uint64_t wanted = producers_[by].outcome.sent.at(lane);
        auto answer = co_await questions_[which].invoke<count>(by, lane).within(1h);
        if (answer && answer->items > wanted) {
            std::string text = "consumer " + std::to_string(which) + " has " +
                               std::to_string(answer->items) + " of " + std::to_string(wanted);
            co_await violated(std::move(text));
        }
        if (answer && answer->items == wanted)
            co_return;
        co_await sleep(20ms);
        co_await look_around();
    }
}

} // namespace equus::sim::streaming
