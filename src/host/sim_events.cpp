#include "host/sim_members.hpp"
#include "host/sim_staged.hpp"
#include "host/sim_workloads.hpp"

#include <equus/status.hpp>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace equus::sim {

using namespace equus::literals;

namespace watching {

using reporting::violated;

struct tick {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
/// Handled with a nap in its middle.
struct work {
    using reply = tick;
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
using working = protocol<"sim.working", tick, work>;

struct counted {
    std::uint32_t ticks = 0;
    std::uint32_t at_work = 0; ///< handlers that have begun and not ended
    EQUUS_FIELDS(ticks, at_work)
};
struct count {
    using reply = counted;
    bool naps = false;
    EQUUS_FIELDS(naps)
};
using operating = protocol<"sim.operating", count>;

struct worker_ready {
    std::uint32_t index = 0;
    stream<working> in;
    EQUUS_FIELDS(index, in)
};
using conducting = protocol<"sim.events_conducting", worker_ready>;

/// What a worker's life comes to.
enum class plan : std::uint16_t { destroyed = 0, fails = 1, ends = 2, frozen = 3, in_turn = 4 };

class worker : public incarnation<worker> {
public:
    struct parameters {
        std::uint32_t index = 0;
        std::uint32_t plan = 0;
        duration nap{0};
        EQUUS_FIELDS(index, plan, nap)
    };
    struct state {
        std::uint32_t ticks = 0;
        std::uint32_t at_work = 0;
        EQUUS_FIELDS(ticks, at_work)
    };
    parameters parameters_;
    state state_;
    port<working> in{*this, "in"};
    control_port<operating> operations{*this};
    stream<conducting> conductor{*this, "conductor"};

    task<> start() {
        if (parameters_.plan == static_cast<std::uint32_t>(plan::fails))
            co_await ok(fail(errc::io_failed, "as planned"));
        if (conductor.is_open())
            co_await ok(co_await conductor.send<worker_ready>(parameters_.index, in.open_stream()));
        if (parameters_.plan == static_cast<std::uint32_t>(plan::ends))
            end_self(17);
    }
    void on(tick) { ++state_.ticks; }
    task<tick> on(work w) {
        ++state_.at_work;
        co_await sleep(parameters_.nap);
        --state_.at_work;
        co_return tick{w.number};
    }
    task<counted> on(count c) {
        if (c.naps)
            co_await sleep(parameters_.nap);
        co_return counted{state_.ticks, state_.at_work};
    }
};

/// Its handlers of two priorities look at each other and at the code that they interrupt.
class guard : public incarnation<guard> {
public:
    struct parameters {
        duration nap{0};
        std::uint32_t rounds = 10;
        EQUUS_FIELDS(nap, rounds)
    };
    parameters parameters_;
    port<working> usual{*this, "usual"};
    port<working> urgent{*this, "urgent"};

    task<> main() {
        const auto low = on_event(*this, {usual, event_kind::port_has_message}, 2, &guard::handle);
        co_await ok(low);
        const auto high =
            on_event(*this, {urgent, event_kind::port_has_message}, 7, &guard::handle_urgent);
        co_await ok(high);
        sending_.start(send_all(usual.open_stream(), 3));
        sending_.start(send_all(urgent.open_stream(), 2));
        const auto all_handled = [this] {
            return handled_ == parameters_.rounds && handled_urgent_ == parameters_.rounds;
        };
        for (int looks = 0; looks < 5'000 && !all_handled(); ++looks) {
            co_await sleep(parameters_.nap / 5);
            if (inside_ != 0)
                co_await violated("the code below a handler went on");
        }
        if (!all_handled())
            co_await violated("a handler has missed a message");
    }

private:
    task<> send_all(stream<working> to, int part) {
        for (std::uint32_t i = 0; i < parameters_.rounds; ++i) {
            co_await sleep(parameters_.nap / part);
            co_await ok(co_await to.send<tick>(i));
        }
    }
    task<> handle(event) {
        auto came = usual.try_receive();
        if (!came)
            co_return;
        ++inside_;
        const std::uint32_t before = handled_urgent_inside_;
        co_await sleep(parameters_.nap);
        if (handled_urgent_inside_ != before)
            co_await violated("a handler of a lower priority went on");
        ++handled_;
        --inside_;
    }
    task<> handle_urgent(event) {
        auto came = urgent.try_receive();
        if (!came)
            co_return;
        ++inside_;
        ++handled_urgent_inside_;
        co_await sleep(parameters_.nap / 2);
        --handled_urgent_inside_;
        ++handled_urgent_;
        --inside_;
    }
    std::uint32_t inside_ = 0;
    std::uint32_t handled_urgent_inside_ = 0;
    std::uint32_t handled_ = 0;
    std::uint32_t handled_urgent_ = 0;
    task_group sending_;
};

/// Makes a child that fails and belongs to nobody else, hears of it, and ends.
class onlooker : public incarnation<onlooker> {
public:
    struct parameters {
        std::uint32_t node = 0;
        EQUUS_FIELDS(node)
    };
    parameters parameters_;
    task<> main() {
        creation what;
        what.module = "sim.worker";
        what.name = "unwatched";
        what.depends_on_launch = false;
        what.parameters["plan"] = static_cast<std::uint32_t>(plan::fails);
        what.events = event_kinds{event_kind::faulting}.bits();
        auto made = co_await create(what, node_id{parameters_.node}).within(1h);
        if (made)
            static_cast<void>(co_await next_event().within(1s));
    }
};

class conductor : public incarnation<conductor> {
public:
    struct parameters {
        std::uint32_t workers = 10;
        std::uint32_t nodes = 2;
        duration nap{0};
        EQUUS_FIELDS(workers, nodes, nap)
    };
    parameters parameters_;
    port<conducting> in{*this, "in"};

    task<> main();

private:
    struct player {
        plan is = plan::destroyed;
        incarnation_handle handle;
        stream<working> door;
        bool created = false;
        bool faulting = false;
        bool over = false; ///< terminated, or it never was
        bool let_go = false;
        errc reason = errc::ok;
        std::int32_t result = 0;
    };
    task<> follow(std::uint32_t index);
    task<> freeze_and_look(std::uint32_t index);
    task<> in_turn(std::uint32_t index);
    task<> order(incarnation_handle which, bool freezes, bool* well);
    task<> hear();
    task<> meet();
    task<> happened(const event& what);
    task<bool> wait_for(bool player::*what, std::uint32_t index);

    std::vector<node_boot> nodes_;
    std::map<std::uint32_t, player> players_;
    std::map<incarnation_id, std::uint32_t> by_id_;
    task_group tasks_; ///< last: its tasks use all of the above
    task_group hearing_;
};

/// False: its end came first.
task<bool> conductor::wait_for(bool player::*what, std::uint32_t index) {
    while (!(players_[index].*what) && !players_[index].over)
        co_await sleep(20ms);
    co_return players_[index].*what;
}

task<> conductor::follow(std::uint32_t index) {
    player& who = players_[index];
    creation what;
    what.module = "sim.worker";
    what.name = "worker[" + std::to_string(index) + "]";
    what.parameters["index"] = index;
    what.parameters["plan"] = static_cast<std::uint32_t>(who.is);
    what.parameters["nap"] = parameters_.nap;
    what.given["conductor"] = any_reference{in.open_stream()};
    what.events = (event_kind::terminated | event_kind::created | event_kind::faulting).bits();
    auto made = co_await create(what, nodes_[index % nodes_.size()].node).within(1h);
    if (!made) {
        who.over = true;
        co_return;
    }
    who.handle = *made;
    by_id_[who.handle.id()] = index;
    switch (who.is) {
    case plan::destroyed:
        co_await sleep(parameters_.nap);
        static_cast<void>(co_await who.handle.destroy().within(1h));
        break;
    case plan::fails:
        if (co_await wait_for(&player::faulting, index)) {
            co_await sleep(parameters_.nap);
            auto look = co_await inspect(who.handle).within(1h);
            if (look && look->state != incarnation_state::faulting)
                co_await violated("a fault did not wait to be looked at");
            if (!look && look.error() == errc::not_found && !who.over)
                co_await violated("a fault did not wait for its parent");
            who.let_go = true;
            static_cast<void>(co_await who.handle.unfreeze().within(1h));
        }
        break;
    case plan::frozen:
        co_await freeze_and_look(index);
        break;
    case plan::in_turn:
        co_await in_turn(index);
        break;
    case plan::ends:
        break;
    }
    while (!who.over)
        co_await sleep(50ms);
}

task<> conductor::freeze_and_look(std::uint32_t index) {
    player& who = players_[index];
    const bool came = co_await wait_for(&player::created, index);
    while (came && !who.door && !who.over)
        co_await sleep(20ms);
    if (!who.door)
        co_return;
    auto call = who.door.invoke<work>(index);
    call.within(1h);
    co_await sleep(parameters_.nap / 2);
    auto froze = co_await who.handle.freeze().within(1h);
    std::uint32_t ticks = 0; // as many as there is credit for
    for (bool sent = froze.has_value(); sent && ticks < 5;) {
        sent = (co_await who.door.send<tick>(ticks).within(50ms)).has_value();
        ticks += sent;
    }
    auto control = co_await who.handle.control<operating>().within(1h);
    if (froze && control) {
        auto seen = co_await control->invoke<count>(true).within(60s);
        if (seen && seen->ticks != 0)
            co_await violated("a frozen worker has handled messages");
        if (seen && seen->at_work != 0)
            co_await violated("a worker was frozen with a message in hand");
        if (!seen && seen.error() == errc::maybe_delivered) {
            auto there = co_await status_of(who.handle).within(30s);
            if (there && there->what.state == incarnation_state::frozen)
                co_await violated("a frozen worker does not serve its control port");
        }
    }
    auto going = co_await who.handle.unfreeze().within(1h);
    static_cast<void>(co_await call);
    if (froze && going && control) {
        for (int attempt = 0; attempt < 600; ++attempt) {
            auto seen = co_await control->invoke<count>(false).within(1h);
            if (!seen || seen->ticks == ticks)
                break;
            if (attempt == 599)
                co_await violated("an unfrozen worker does not go on");
            co_await sleep(100ms);
        }
    }
    static_cast<void>(co_await who.handle.destroy().within(1h));
}

task<> conductor::order(incarnation_handle which, bool freezes, bool* well) {
    result<void> done;
    if (freezes)
        done = co_await which.freeze().within(1h);
    else
        done = co_await which.unfreeze().within(1h);
    *well = done.has_value();
}

/// A freeze that has to wait, and an unfreeze behind it.
task<> conductor::in_turn(std::uint32_t index) {
    player& who = players_[index];
    const bool came = co_await wait_for(&player::created, index);
    while (came && !who.door && !who.over)
        co_await sleep(20ms);
    if (!who.door)
        co_return;
    auto call = who.door.invoke<work>(index);
    call.within(1h);
    co_await sleep(parameters_.nap / 4);
    bool froze = false, going = false;
    task_group orders;
    orders.start(order(who.handle, true, &froze));
    orders.start(order(who.handle, false, &going));
    co_await orders.all_ended();
    static_cast<void>(co_await call);
    if (froze && going) {
        auto report = co_await status_of(who.handle).within(30s);
        if (report && report->what.state == incarnation_state::frozen)
            co_await violated("an unfreeze has overtaken the freeze before it");
    }
    static_cast<void>(co_await who.handle.destroy().within(1h));
}

task<> conductor::happened(const event& what) {
    if (what.lost != 0)
        co_await violated("events were lost");
    // The answer to the creation comes before any event of what was created.
    const auto found = by_id_.find(what.subject);
    if (found == by_id_.end())
        co_return; // its creation was not answered
    player& who = players_[found->second];
    if (who.over)
        co_await violated("an event came after the end");
    switch (what.kind) {
    case event_kind::created:
        if (who.created || who.faulting)
            co_await violated("a worker was created twice, or after its fault");
        who.created = true;
        break;
    case event_kind::faulting:
        if (who.faulting || who.is != plan::fails)
            co_await violated("a fault that was none");
        who.faulting = true;
        break;
    case event_kind::terminated: {
        const bool lost = what.reason == errc::evicted || what.reason == errc::closed ||
                          what.reason == errc::cancelled;
        if (who.is == plan::fails && !lost && (!who.let_go || what.reason != errc::io_failed))
            co_await violated("a fault has ended without its parent, or for another reason");
        if (who.is == plan::ends && !lost && (what.reason != errc::ok || what.result != 17))
            co_await violated("an end that was another's");
        who.over = true;
        break;
    }
    default:
        co_await violated("an event that nobody asked for");
    }
}

task<> conductor::hear() {
    for (;;) {
        auto heard = co_await next_event();
        if (!heard)
            co_return;
        co_await happened(*heard);
    }
}

task<> conductor::meet() {
    for (;;) {
        auto came = co_await ok(co_await in.receive());
        const worker_ready said = co_await ok(came.take<worker_ready>());
        players_[said.index].door = said.in;
    }
}

task<> conductor::main() {
    nodes_ = co_await gathered(parameters_.nodes);
    hearing_.start(hear());
    hearing_.start(meet());
    for (std::uint32_t i = 0; i < parameters_.workers; ++i) {
        players_[i].is = static_cast<plan>(i % 5);
        tasks_.start(follow(i));
    }
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
        creation what;
        what.module = "sim.guard";
        what.name = "guard";
        what.parameters["nap"] = parameters_.nap;
        static_cast<void>(co_await create(what, nodes_[i].node).within(1h));
        what.module = "sim.onlooker";
        what.name = "onlooker";
        what.parameters.clear();
        what.parameters["node"] = nodes_[(i + 1) % nodes_.size()].node.value;
        static_cast<void>(co_await create(what, nodes_[i].node).within(1h));
    }
    co_await tasks_.all_ended();
    co_await sleep(70s); // the guards have ended
    co_await reporting::all_done("");
}

class workload_of_events final : public conducted_workload {
public:
    workload_of_events() : conducted_workload{"events"} {}
    duration healed_max() const override { return 3'600s; }

private:
    void cast(module_table& modules) override {
        conducts<conductor>(modules);
        plays<worker>(modules, "sim.worker");
        plays<guard>(modules, "sim.guard");
        plays<onlooker>(modules, "sim.onlooker");
    }
    std::uint32_t draw_nodes(random_sequence& draws) override {
        return static_cast<std::uint32_t>(draws.between(1, 4));
    }
    void instruct(creation& conductor, random_sequence& draws) override {
        auto& given = conductor.parameters;
        given["workers"] = draws.between(5, 20);
        given["nap"] = draws.between(1ms, 400ms);
    }
};

} // namespace watching

std::unique_ptr<workload> make_events_workload() {
    return std::make_unique<watching::workload_of_events>();
}

} // namespace equus::sim
