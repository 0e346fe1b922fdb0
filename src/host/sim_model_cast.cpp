#include "host/sim_model_cast.hpp"

#include "host/sim_members.hpp"

#include <algorithm>

namespace equus::sim::modelling {

using reporting::violated;

// ---- hearers

std::string hearing::take(std::uint32_t me, const item& got, bool marked) {
    const std::string name = "speaker " + std::to_string(got.speaker) + ", item " +
                             std::to_string(got.number) + " for " + std::to_string(got.to);
    if (got.to != me)
        return marked ? std::string{} : name + " was sent again, and is not marked";
    if (marked)
        return name + " is marked as sent again";
    std::uint64_t& last = items[got.speaker];
    if (got.number != last + 1)
        return name + " came after " + std::to_string(last);
    last = got.number;
    return {};
}

std::string hearing::take(std::uint32_t me, const blink& got) {
    std::uint64_t& last = blinks[got.speaker];
    if (got.to != me || got.number <= last)
        return "blink " + std::to_string(got.number) + " came after " + std::to_string(last);
    last = got.number;
    return {};
}

task<> hearer::main() {
    ready said;
    said.index = parameters_.index;
    said.in = in.open_stream();
    said.gifts = gifts.open_stream();
    co_await ok(co_await conductor.send<ready>(moved(said)));
    for (;;) {
        const std::size_t which = co_await ok(co_await select(in, gifts));
        if (which == 1) {
            static_cast<void>(gifts.try_receive());
            continue;
        }
        const bool hold = (heard_.items.size() + in.size()) % 3 == 0;
        if (hold) {
            auto held = co_await ok(co_await in.receive().holding());
            co_await serve(std::move(held));
        } else {
            auto got = co_await ok(co_await in.receive());
            co_await serve(std::move(got));
        }
    }
}

task<> hearer::serve(delivery<talking> got) {
    std::string wrong;
    if (got.is<item>()) {
        const bool marked = got.maybe_seen();
        const stream_id client = got.source();
        const item said = co_await ok(got.take<item>());
        wrong = heard_.take(parameters_.index, said, marked);
        if (said.to == parameters_.index && said.number >= 5 && !frozen_[said.speaker]) {
            frozen_[said.speaker] = true;
            if (in.freeze(client)) {
                co_await sleep(parameters_.nap_max);
                static_cast<void>(in.unfreeze(client)); // not found: it has ended
            }
        }
    } else if (got.is<blink>()) {
        const blink said = co_await ok(got.take<blink>());
        wrong = heard_.take(parameters_.index, said);
    } else {
        const count asked = co_await ok(got.take<count>());
        got.reply<count>(tally{heard_.items[asked.speaker]});
    }
    got.done();
    if (!wrong.empty())
        co_await violated(std::move(wrong));
}

task<> server::start() {
    ready said;
    said.index = parameters_.index;
    said.in = in.open_stream();
    said.gifts = gifts.open_stream();
    co_await ok(co_await conductor.send<ready>(moved(said)));
}

task<> server::on(item got) {
    std::string wrong = heard_.take(parameters_.index, got, maybe_seen());
    if (!wrong.empty())
        co_await violated(std::move(wrong));
    if (got.number % 7 == 0)
        co_await sleep(parameters_.nap_max / 16);
}

task<> server::on(blink got) {
    std::string wrong = heard_.take(parameters_.index, got);
    if (!wrong.empty())
        co_await violated(std::move(wrong));
}

task<> deaf::main() {
    ready said;
    said.index = parameters_.index;
    said.in = in.open_stream();
    co_await ok(co_await conductor.send<ready>(moved(said)));
    co_await sleep(for_ever);
}

// ---- speakers

task<> speaker::main() {
    ready said;
    said.index = parameters_.index;
    said.begins = in.open_stream();
    co_await ok(co_await conductor.send<ready>(moved(said)));
    auto came = co_await ok(co_await in.receive());
    what_ = co_await ok(came.take<begin>());
    came.done();
    outcome_.index = parameters_.index;
    outcome_.sent.resize(what_.lanes.size());
    resent_.resize(what_.lanes.size());
    for (const stream<talking>& lane : what_.lanes) {
        outcome_.broken.push_back(lane ? 0 : 1);
        lane.buffer_limit(what_.queue_max);
    }
    co_await give_away();
    for (std::uint64_t number = 1; number <= what_.items; ++number) {
        for (std::uint32_t lane = 0; lane < what_.lanes.size(); ++lane)
            if (outcome_.broken[lane] == 0)
                co_await say(lane, number);
        if (number % 8 == 0)
            co_await sleep(what_.nap_max / 8);
    }
    co_await speak_to_the_deaf();
    for (std::uint32_t lane = 0; lane < what_.lanes.size(); ++lane) {
        auto settled = co_await what_.lanes[lane].settled();
        if (!settled && outcome_.broken[lane] == 0)
            co_await look_at(lane, 0, settled.error());
    }
    co_await send_what_is_in_doubt();
    told copy = outcome_;
    co_await ok(co_await conductor.send<told>(moved(copy)));
}

task<> speaker::say(std::uint32_t lane, std::uint64_t number) {
    const stream<talking> out = what_.lanes[lane];
    const stream_state before = out.standing().state;
    result<void> said;
    bool certain = true; // that what is known not to have failed is with the stream
    switch ((number + lane) % 4) {
    case 0: {
        auto made = co_await out.send<item>(parameters_.index, lane, number);
        said = std::move(made);
        break;
    }
    case 1: {
        auto made = co_await out.invoke<item>(parameters_.index, lane, number).within(for_ever);
        said = std::move(made);
        break;
    }
    default: {
        auto made = co_await out.asinvoke<item>(parameters_.index, lane, number);
        said = std::move(made);
        certain = what_.queue_max == 0;
        break;
    }
    }
    if (!said) {
        error reason = said.error();
        co_await look_at(lane, number, std::move(reason));
        co_return;
    }
    ++outcome_.sent[lane];
    if (certain && before == stream_state::frozen && out.standing().state == before)
        co_await violated("item " + std::to_string(number) + " has left by a frozen stream");
    if (out.standing().unsettled > std::max(what_.queue_max, 1u))
        co_await violated("more calls are queued than the limit says");
    if (number % 3 == 0) {
        auto blinked = out.dgram<blink>(parameters_.index, lane, number);
        if (!blinked && blinked.error() != errc::broken)
            co_await violated("cannot blink: " + blinked.error().describe());
    }
}

/// A lane has failed; with nobody lost that must not be.
task<> speaker::look_at(std::uint32_t lane, std::uint64_t number, error reason) {
    if (reason != errc::broken && reason != errc::maybe_delivered) {
        std::string text = "item " + std::to_string(number) + ": " + reason.describe();
        co_await violated(std::move(text));
    }
    outcome_.broken[lane] = 1;
}

/// What is queued for who never listens, and is then ended, must be said to have failed.
task<> speaker::speak_to_the_deaf() {
    if (!what_.deaf)
        co_return;
    what_.deaf.buffer_limit(3);
    std::uint32_t queued = 0;
    for (std::uint64_t i = 1; i <= 3; ++i) {
        auto made = co_await what_.deaf.asinvoke<item>(parameters_.index, 0u, i);
        queued += made ? 1 : 0;
    }
    auto settled = co_await what_.deaf.settled();
    if (queued > 0 && settled)
        co_await violated("what nobody has taken is said to have been taken");
}

task<> speaker::give_away() {
    if (!what_.gifts || what_.lanes.empty() || outcome_.broken[0] != 0)
        co_return;
    auto copy = narrowed(what_.lanes[0], right::all);
    if (!copy)
        co_return;
    const stream<talking> given = transferred(*copy);
    auto sent = co_await what_.gifts.send<gift>(given);
    if (sent && test_reference(given).kind != reference_kind::none)
        co_await violated("what was given away is still here");
}

task<> speaker::send_what_is_in_doubt() {
    for (std::uint32_t lane = 0; lane < what_.lanes.size(); ++lane) {
        const stream<talking> out = what_.lanes[lane];
        if (!out || out.standing().state != stream_state::broken)
            continue;
        for (std::uint32_t other = 0; other < what_.lanes.size(); ++other)
            if (outcome_.broken[other] == 0)
                static_cast<void>(co_await as_result(resend_in_doubt(out, what_.lanes[other])));
    }
}

// ---- the conductor

task<> conductor::main() {
    nodes_ = co_await gathered(parameters_.nodes);
    for (std::uint32_t i = 0; i < parameters_.hearers; ++i)
        co_await cast(i % 2 == 0 ? "sim.hearer" : "sim.server", i);
    co_await cast("sim.deaf", parameters_.hearers);
    for (std::uint32_t i = 0; i < parameters_.speakers; ++i)
        co_await cast("sim.speaker", static_cast<std::uint32_t>(speaker_at(i)));
    co_await wait_for(&player::ready, 0, players_.size());
    begin what;
    for (std::uint32_t i = 0; i < parameters_.hearers; ++i)
        what.lanes.push_back(players_[i].doors.in);
    what.deaf = players_[parameters_.hearers].doors.in;
    what.gifts = players_[0].doors.gifts;
    what.items = parameters_.items;
    what.queue_max = parameters_.queue_max;
    what.nap_max = parameters_.nap_max;
    for (std::uint32_t i = 0; i < parameters_.speakers; ++i) {
        player& to = players_[speaker_at(i)];
        if (!to.ready)
            continue;
        begin copy = what;
        auto sent = co_await to.doors.begins.send<begin>(moved(copy));
        if (!sent && sent.error() != errc::broken)
            co_await violated("cannot begin: " + sent.error().describe());
    }
    // Who is deaf is ended when all may have spoken to it.
    const time_point patience = now() + 30s;
    while (now() < patience)
        co_await hear();
    if (players_[parameters_.hearers].made)
        static_cast<void>(co_await players_[parameters_.hearers].handle.destroy().within(1h));
    co_await wait_for(&player::done, speaker_at(0), parameters_.speakers);
    for (std::uint32_t i = 0; i < parameters_.hearers; ++i)
        for (std::uint32_t s = 0; s < parameters_.speakers; ++s)
            co_await compare(i, s);
    co_await reporting::all_done("");
}

task<> conductor::cast(std::string module, std::uint32_t index) {
    player made;
    made.at = nodes_[index % nodes_.size()];
    creation what;
    what.name = module + "[" + std::to_string(index) + "]";
    what.module = std::move(module);
    what.parameters["index"] = index;
    what.parameters["nap_max"] = parameters_.nap_max;
    what.given["conductor"] = any_reference{transferred(in.open_stream())};
    auto handle = co_await create(what, made.at.node).within(1h);
    made.made = handle.has_value();
    if (handle)
        made.handle = *handle;
    players_.push_back(std::move(made));
}

bool conductor::lost(const player& who) const {
    return !who.made || !is_member(who.at);
}

task<> conductor::wait_for(bool player::*what, std::size_t first, std::size_t wanted) {
    for (;;) {
        const auto from = players_.begin() + static_cast<std::ptrdiff_t>(first);
        const bool all = std::all_of(from, from + static_cast<std::ptrdiff_t>(wanted),
                                     [&](const player& p) { return p.*what || lost(p); });
        if (all)
            co_return;
        co_await hear();
    }
}

task<> conductor::hear() {
    auto came = co_await in.receive().within(50ms);
    if (!came)
        co_return;
    if (came->is<ready>()) {
        ready said = co_await ok(came->take<ready>());
        player& who = players_.at(said.index);
        who.doors = std::move(said);
        who.ready = true;
    } else {
        told said = co_await ok(came->take<told>());
        player& who = players_.at(said.index);
        who.outcome = std::move(said);
        who.done = true;
    }
}

task<> conductor::compare(std::uint32_t which, std::uint32_t by) {
    const player& to = players_[which];
    const player& from = players_[speaker_at(by)];
    if (!to.ready || !from.done || from.outcome.broken.at(which) != 0)
        co_return;
    const std::uint64_t wanted = from.outcome.sent.at(which);
    while (!lost(to)) {
        auto answer = co_await to.doors.in.invoke<count>(from.outcome.index).within(1h);
        if (answer && answer->items > wanted) {
            std::string text = "hearer " + std::to_string(which) + " has " +
                               std::to_string(answer->items) + " of " + std::to_string(wanted);
            co_await violated(std::move(text));
        }
        if (answer && answer->items == wanted)
            co_return;
        co_await sleep(20ms);
    }
}

} // namespace equus::sim::modelling
