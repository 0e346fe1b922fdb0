#include "host/sim_bulk_cast.hpp"

#include "host/sim_members.hpp"

#include <algorithm>

namespace equus::sim::moving {

using reporting::violated;

namespace {

/// Different for each seed, and for each place.
std::byte filling(std::uint64_t seed, std::uint64_t n) {
    return static_cast<std::byte>((n * 13 + (n >> 8) * 5 + seed * 101) & 0xff);
}
void fill(std::span<std::byte> out, std::uint64_t seed) {
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = filling(seed, i);
}
bool is_filled(std::span<const std::byte> what, std::uint64_t seed) {
    for (std::size_t i = 0; i < what.size(); ++i)
        if (what[i] != filling(seed, i))
            return false;
    return true;
}
std::size_t size_of(std::uint64_t seed, std::uint32_t most) {
    return static_cast<std::size_t>(seed * 7'919 % (std::uint64_t{most} + 1));
}
duration nap_of(std::uint64_t seed, duration most) {
    return duration{static_cast<std::int64_t>(seed * 31 % 16) * most.count() / 16};
}

/// Gone with a node: with whoever is named, or with the asker's own message.
bool is_loss(errc code) {
    return code == errc::broken || code == errc::maybe_delivered || code == errc::closed ||
           code == errc::no_such_reference;
}

} // namespace

// ---- keepers

task<> keeper::start() {
    tallies_.resize(parameters_.movers);
    const std::size_t slot = parameters_.size_max;
    area_ = co_await ok(buffer::of(slot * parameters_.movers));
    kept_ = co_await ok(buffer::of(slot));
    co_await ok(
        co_await conductor.send<place_of>(parameters_.index, in.open_stream(), area_.handle()));
}

task<taken> keeper::on(load l) {
    if (l.seed % 5 == 0)
        co_return taken{}; // left where it is
    if (l.seed % 7 == 0)
        co_await sleep(nap_of(l.seed, parameters_.nap_max));
    if (l.seed % 3 == 0) {
        const auto size = static_cast<std::size_t>(l.body.size());
        co_await ok(co_await l.body.fetch_into(kept_).within(1h));
        co_return taken{is_filled(kept_.span().first(size), l.seed)};
    }
    const buffer got = co_await ok(co_await l.body.fetch().within(1h));
    co_return taken{is_filled(got.span(), l.seed)};
}

task<> keeper::on(note n) {
    if (n.seed % 3 == 0)
        co_await sleep(nap_of(n.seed, parameters_.nap_max));
    tally& at = tallies_.at(n.mover);
    auto got = co_await n.body.fetch().within(1h);
    if (!got && got.error() == errc::broken) {
        ++at.lost;
    } else if (!got) {
        std::string text = "bulk of a note: " + got.error().describe();
        co_await violated(std::move(text));
    } else if (!is_filled(got->span(), n.seed)) {
        co_await violated("the bulk of a note is damaged");
    } else {
        ++at.right;
    }
}

task<goods> keeper::on(order o) {
    goods out;
    auto made = co_await ok(buffer::of(static_cast<std::size_t>(o.size)));
    fill(made.span(), o.seed);
    out.body = bulk{std::move(made)};
    co_return out;
}

// ---- movers

task<> mover::main() {
    co_await ok(co_await conductor.send<mover_ready>(parameters_.index, in.open_stream()));
    auto came = co_await ok(co_await in.receive());
    const begin what = co_await ok(came.take<begin>());
    came.done();
    accepted_.resize(what.keepers.size());
    std::uint64_t seed = parameters_.index + 1;
    for (std::uint32_t round = 0; round < parameters_.rounds; ++round)
        for (const place_of& at : what.keepers) {
            if (!at.door)
                continue; // that one never came up
            seed = seed * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
            const std::uint64_t drawn = seed >> 33;
            const std::size_t size = size_of(drawn, parameters_.size_max);
            switch (drawn % 5) {
            case 0:
                co_await loads(at, drawn, size);
                break;
            case 1:
                co_await notes(at, drawn, size);
                break;
            case 2:
                co_await orders(at, drawn, size);
                break;
            case 3:
                co_await oversteps(at);
                [[fallthrough]];
            default:
                co_await writes(at, drawn, size);
                break;
            }
            if (drawn % 4 == 0)
                co_await sleep(nap_of(drawn, parameters_.nap_max));
        }
    moved_all outcome;
    outcome.index = parameters_.index;
    outcome.notes = accepted_;
    co_await ok(co_await conductor.send<moved_all>(moved(outcome)));
}

task<> mover::failed(std::string what, error why) {
    if (!parameters_.deaths || !is_loss(why.code())) {
        std::string text = std::move(what) + ": " + why.describe();
        co_await violated(std::move(text));
    }
}

task<> mover::loads(const place_of& at, std::uint64_t seed, std::size_t size) {
    buffer mine = co_await ok(buffer::of(size + 5));
    fill(mine.span().subspan(5), seed);
    auto answer = co_await at.door.invoke<load>(seed, bulk::of(mine, 5, size)).within(1h);
    if (!answer)
        co_await failed("a load", std::move(answer.error()));
    else if (!answer->right)
        co_await violated("a load is damaged");
}

task<> mover::notes(const place_of& at, std::uint64_t seed, std::size_t size) {
    buffer mine = co_await ok(buffer::of(size));
    fill(mine.span(), seed);
    bulk body{std::move(mine)};
    auto sent = co_await at.door.send<note>(parameters_.index, seed, std::move(body));
    if (!sent)
        co_await failed("a note", std::move(sent.error()));
    else
        ++accepted_.at(at.index);
}

task<> mover::orders(const place_of& at, std::uint64_t seed, std::size_t size) {
    auto got = co_await at.door.invoke<order>(seed, std::uint64_t{size}).within(1h);
    if (!got) {
        co_await failed("an order", std::move(got.error()));
        co_return;
    }
    if (seed % 6 == 0)
        co_return; // nobody wants it any more
    auto body = co_await got->body.fetch().within(1h);
    if (!body)
        co_await failed("the bulk of a reply", std::move(body.error()));
    else if (body->size() != size || !is_filled(body->span(), seed))
        co_await violated("the bulk of a reply is damaged");
}

/// Into the slot that nobody else writes to: what is read then is what was written.
task<> mover::writes(const place_of& at, std::uint64_t seed, std::size_t size) {
    const std::uint64_t slot = std::uint64_t{parameters_.index} * parameters_.size_max;
    std::vector<std::byte> mine(size);
    fill(mine, seed);
    layout parts = range(slot, size);
    if (size >= 100 && seed % 2 == 0)
        parts = {{slot, size / 20, 10, size / 10},
                 {slot + size / 10 * 9 + size / 20, size - size / 20 * 10}}; // behind the last row
    if (parts.size() == 2 && parts[1].offset + parts[1].row_bytes > slot + parameters_.size_max)
        parts = range(slot, size);
    auto wrote = co_await at.area.copy_to(parts, mine).within(1h);
    if (!wrote) {
        co_await failed("a write", std::move(wrote.error()));
        co_return;
    }
    std::vector<std::byte> back(size);
    auto read = co_await at.area.copy_from(parts, back).within(1h);
    if (!read)
        co_await failed("a read", std::move(read.error()));
    else if (back != mine)
        co_await violated("what was read is not what was written");
}

task<> mover::oversteps(const place_of& at) {
    const auto reading = co_await ok(narrowed(at.area, right::read));
    std::vector<std::byte> mine(10);
    auto wrote = co_await reading.copy_to(0, mine).within(1h);
    if (wrote)
        co_await violated("a handle for reading has written");
    auto beyond = co_await at.area.copy_from(at.area.size() - 5, mine).within(1h);
    if (beyond)
        co_await violated("bytes beyond a buffer were read");
}

// ---- the conductor

task<> conductor::main() {
    watch_members();
    nodes_ = co_await gathered(parameters_.nodes);
    places_.resize(parameters_.keepers);
    begins_.resize(parameters_.movers);
    outcomes_.resize(parameters_.movers);
    for (std::uint32_t i = 0; i < parameters_.keepers; ++i)
        co_await cast(keepers_, "sim.keeper", i);
    for (std::uint32_t i = 0; i < parameters_.movers; ++i)
        co_await cast(movers_, "sim.mover", i);
    co_await hear_until(&player::ready, keepers_);
    co_await hear_until(&player::ready, movers_);
    for (std::uint32_t i = 0; i < movers_.size(); ++i) {
        if (!movers_[i].ready)
            continue;
        begin what;
        what.keepers = places_;
        auto told = co_await begins_[i].send<begin>(moved(what));
        if (!told && told.error() != errc::broken) {
            std::string text = "cannot begin: " + told.error().describe();
            co_await violated(std::move(text));
        }
    }
    co_await hear_until(&player::done, movers_);
    co_await check();
    co_await reporting::all_done("");
}

task<> conductor::cast(std::vector<player>& into, std::string module, std::uint32_t index) {
    player made;
    const bool keeps = &into == &keepers_;
    made.at = nodes_[(keeps ? index : nodes_.size() - 1 - index % nodes_.size()) % nodes_.size()];
    creation what;
    what.name = module + "[" + std::to_string(index) + "]";
    what.module = std::move(module);
    what.parameters["index"] = index;
    what.parameters["size_max"] = parameters_.size_max;
    what.parameters["nap_max"] = parameters_.nap_max;
    if (keeps) {
        what.parameters["movers"] = parameters_.movers;
    } else {
        what.parameters["rounds"] = parameters_.rounds;
        what.parameters["deaths"] = parameters_.deaths;
    }
    what.given["conductor"] = any_reference{in.open_stream()};
    auto handle = co_await create(what, made.at.node).within(1h);
    detail::close(what.given["conductor"]);
    made.lost = !handle;
    into.push_back(made);
}

task<> conductor::hear_until(bool player::*what, std::vector<player>& among) {
    while (!std::all_of(among.begin(), among.end(),
                        [what](const player& p) { return p.lost || p.*what; }))
        co_await hear();
}

task<> conductor::hear() {
    while (auto heard = co_await next_event().within(duration{0}))
        if (heard->kind == event_kind::node_left)
            for (std::vector<player>* players : {&keepers_, &movers_})
                for (player& each : *players)
                    each.lost = each.lost || each.at == heard->node;
    auto came = co_await in.receive().within(50ms);
    if (!came)
        co_return;
    if (came->is<place_of>()) {
        place_of said = co_await ok(came->take<place_of>());
        keepers_.at(said.index).ready = true;
        places_.at(said.index) = said;
    } else if (came->is<mover_ready>()) {
        const mover_ready said = co_await ok(came->take<mover_ready>());
        movers_.at(said.index).ready = true;
        begins_.at(said.index) = said.in;
    } else {
        moved_all said = co_await ok(came->take<moved_all>());
        movers_.at(said.index).done = true;
        outcomes_.at(said.index) = std::move(said);
    }
}

/// Every note that was accepted has come, with its bulk, unless one of the two has been lost.
task<> conductor::check() {
    for (std::uint32_t k = 0; k < keepers_.size(); ++k)
        for (std::uint32_t m = 0; m < movers_.size(); ++m)
            while (!keepers_[k].lost && !movers_[m].lost) {
                auto got = co_await places_[k].door.invoke<count>(m).within(1h);
                const std::uint64_t wanted = outcomes_[m].notes.at(k);
                if (got && got->right == wanted)
                    break;
                if (got && got->right + got->lost > wanted) {
                    std::string text = "keeper " + std::to_string(k) + " has " +
                                       std::to_string(got->right) + " and lost " +
                                       std::to_string(got->lost) + " of " + std::to_string(wanted);
                    co_await violated(std::move(text));
                }
                co_await sleep(20ms);
                co_await hear();
            }
}

} // namespace equus::sim::moving
