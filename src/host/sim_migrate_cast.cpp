#include "host/sim_migrate_cast.hpp"

#include "host/sim_members.hpp"

#include <algorithm>

namespace equus::sim::wandering {

using reporting::violated;

// ---- consumers

task<> consumer::start() {
    if (press.is_open()) {
        state_.reads_paper = true;
        co_await ok(co_await join_channel(paper, any_reference{press}).within(1h));
    }
    co_await ok(co_await home.send<ready>(parameters_.index, in.open_stream()));
}

task<> consumer::on(item i) {
    std::string wrong = state_.book.take(i.producer, 0, i.number);
    if (wrong.empty() && !is_filling_of(i.number, i.filling))
        wrong = "item " + std::to_string(i.number) + " has the contents of another";
    if (!wrong.empty())
        co_await violated(std::move(wrong));
    taken what;
    what.consumer = parameters_.index;
    what.producer = i.producer;
    what.number = i.number;
    static_cast<void>(co_await effect(taken_effect, what));
}

task<count> consumer::on(ask_count a) {
    count out;
    out.items = state_.book.at(a.producer, 0).number;
    co_return out;
}

task<> consumer::on(bulletin b) {
    cursor& at = state_.papers.at(b.producer, 1);
    if (at.number != 0 && b.number != at.number + 1)
        co_await violated("bulletin " + std::to_string(b.number) + " of producer " +
                          std::to_string(b.producer) + " came after " + std::to_string(at.number));
    at.number = b.number;
}

// ---- producers

task<> producer::main() {
    while (state_.sent < parameters_.items && !state_.broken) {
        const std::uint64_t number = state_.sent + 1;
        auto sent = co_await out.send<item>(parameters_.index, number,
                                            filling_of(number, parameters_.bytes_max));
        if (!sent) {
            if (sent.error() != errc::broken)
                co_await violated("cannot send: " + sent.error().describe());
            state_.broken = true;
            break;
        }
        state_.sent = number;
        if (press.is_open() && number % 3 == 0)
            static_cast<void>(co_await press.send<bulletin>(parameters_.index, number / 3));
        if (number % 7 == 0) {
            auto said = co_await out.invoke<ask_count>(parameters_.index).within(20s);
            if (said && said->items != state_.sent)
                co_await violated("of " + std::to_string(state_.sent) + " items " +
                                  std::to_string(said->items) + " had come before a question");
        }
        if (number % 4 == 0)
            co_await sleep(parameters_.nap_max);
    }
    if (!state_.told) {
        static_cast<void>(
            co_await home.send<finished>(parameters_.index, state_.sent, state_.broken));
        state_.told = true;
    }
    co_await sleep(for_ever);
}

// ---- the director

std::uint64_t director::roll(std::uint64_t sides) noexcept {
    std::uint64_t& x = parameters_.dice;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (x >> 11) % sides;
}

task<> director::main() {
    nodes_ = co_await gathered(parameters_.nodes);
    press_ = co_await ok(make_channel<publishing>(channel_kind::multicast));
    for (std::uint32_t i = 0; i < parameters_.consumers; ++i)
        co_await cast(false, i);
    const auto is_ready = [](const player& p) { return p.lost || p.door.is_open(); };
    while (!std::all_of(players_.begin(), players_.end(), is_ready)) {
        co_await hear();
        co_await heed();
    }
    for (std::uint32_t i = 0; i < parameters_.producers; ++i)
        co_await cast(true, i);
    moves_left_ = parameters_.moves;
    task_group movers;
    for (std::uint32_t i = 0; i < parameters_.movers; ++i)
        movers.start(move_about());
    while (!all_done() || movers.size() != 0) {
        co_await hear();
        co_await heed();
    }
    co_await compare();
    co_await reporting::all_done("");
}

task<> director::cast(bool produces, std::uint32_t index) {
    player made;
    creation what;
    what.module = produces ? "sim.producer" : "sim.consumer";
    what.name = what.module + "[" + std::to_string(index) + "]";
    what.parameters["index"] = index;
    what.watched = true;
    what.given["home"] = any_reference{transferred(in.open_stream())};
    what.given["press"] = any_reference{press_};
    if (produces) {
        what.parameters["items"] = static_cast<std::int64_t>(parameters_.items);
        what.parameters["bytes_max"] = parameters_.bytes_max;
        what.parameters["nap_max"] = parameters_.nap_max;
        const player& to = players_[index % parameters_.consumers];
        if (to.lost) {
            made.lost = true;
            players_.push_back(std::move(made));
            co_return;
        }
        what.given["out"] = any_reference{to.door};
    }
    auto handle = co_await create(what, nodes_[roll(nodes_.size())].node).within(1h);
    if (handle) {
        made.handle = *handle;
        made.id = made.handle.id();
    } else {
        made.lost = true;
        if (!parameters_.deaths)
            co_await violated("cannot create: " + handle.error().describe());
    }
    players_.push_back(std::move(made));
}

task<> director::hear() {
    auto came = co_await in.receive().within(20ms);
    if (!came)
        co_return;
    if (came->is<ready>()) {
        ready said = co_await ok(came->take<ready>());
        players_.at(said.consumer).door = said.door;
    } else {
        const finished said = co_await ok(came->take<finished>());
        player& who = players_.at(parameters_.consumers + said.producer);
        who.done = true;
        who.outcome = said;
    }
}

/// Who has ended was lost with its node; nobody ends otherwise.
task<> director::heed() {
    for (;;) {
        auto heard = co_await next_event().within(0s);
        if (!heard)
            co_return;
        if (heard->kind != event_kind::terminated)
            continue;
        for (player& each : players_)
            if (each.id == heard->subject)
                each.lost = true;
        if (!parameters_.deaths)
            co_await violated("somebody has ended: " + heard->text);
    }
}

task<> director::move_about() {
    while (moves_left_ > 0) {
        --moves_left_;
        const player who = players_[roll(players_.size())];
        const std::vector<member_info> present = members();
        const node_id to = present[roll(present.size())].at.node;
        if (who.lost) {
            co_await sleep(1ms);
            continue;
        }
        auto moved = co_await who.handle.migrate(to).within(1h);
        const errc outcome = moved ? errc::ok : moved.error().code();
        const bool expected =
            outcome == errc::ok || outcome == errc::refused || outcome == errc::timed_out ||
            outcome == errc::already_exists || outcome == errc::not_found ||
            (parameters_.deaths && (outcome == errc::maybe_delivered ||
                                    outcome == errc::no_such_node || outcome == errc::evicted));
        if (!expected)
            co_await violated("a migration: " + moved.error().describe());
        if (outcome == errc::not_found && !parameters_.deaths)
            co_await violated("a migration: " + moved.error().describe());
        co_await sleep(duration{static_cast<std::int64_t>(roll(20'000'000))});
    }
}

bool director::all_done() const {
    return std::all_of(players_.begin() + parameters_.consumers, players_.end(),
                       [](const player& p) { return p.done || p.lost; });
}

/// What was sent has come, unless one of the two is lost.
task<> director::compare() {
    for (std::uint32_t i = 0; i < parameters_.producers; ++i) {
        for (;;) {
            co_await heed();
            const player from = players_[parameters_.consumers + i];
            const player to = players_[i % parameters_.consumers];
            if (from.lost || to.lost)
                break;
            if (from.outcome.broken)
                break; // its consumer is lost, and we shall hear of it
            auto said = co_await to.door.invoke<ask_count>(i).within(5s);
            if (said && said->items == from.outcome.sent)
                break;
            if (said && said->items > from.outcome.sent)
                co_await violated("more items than were sent");
            co_await sleep(50ms);
        }
        player& from = players_[parameters_.consumers + i];
        for (int round = 0; from.outcome.broken && !players_[i % parameters_.consumers].lost;
             ++round) {
            if (!parameters_.deaths || round == 2'000) {
                co_await violated("the stream of producer " + std::to_string(i) +
                                  " broke while its consumer lives");
                break;
            }
            co_await sleep(50ms);
            co_await heed();
        }
    }
}

} // namespace equus::sim::wandering
