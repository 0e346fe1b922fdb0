#include "host/sim_members.hpp"
#include "host/sim_staged.hpp"
#include "host/sim_workloads.hpp"

#include <equus/status.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace equus::sim {

using namespace equus::literals;

namespace depending {

using reporting::violated;

struct adopted {
    bool done = true;
    EQUUS_FIELDS(done)
};
struct adopt {
    using reply = adopted;
    incarnation_handle child;
    std::uint16_t kind = 0;
    EQUUS_FIELDS(child, kind)
};
using adopting = protocol<"sim.adopting", adopt>;

struct parent_ready {
    std::uint32_t index = 0;
    stream<adopting> in;
    EQUUS_FIELDS(index, in)
};
using conducting = protocol<"sim.parents_conducting", parent_ready>;

class parent : public incarnation<parent> {
public:
    struct parameters {
        std::uint32_t index = 0;
        EQUUS_FIELDS(index)
    };
    parameters parameters_;
    port<adopting> in{*this, "in"};
    stream<conducting> conductor{*this, "conductor"};

    task<> start() {
        co_await ok(co_await conductor.send<parent_ready>(parameters_.index, in.open_stream()));
    }
    task<adopted> on(adopt a) {
        auto done = co_await a.child.depends_on_me(static_cast<dependency>(a.kind)).within(1h);
        co_await ok(std::move(done));
        co_return adopted{};
    }
};

class child : public incarnation<child> {
public:
    port<adopting> in{*this, "in"};
    result<adopted> on(adopt) { return fail(errc::refused); }
};

class conductor : public incarnation<conductor> {
public:
    struct parameters {
        std::uint32_t parents = 3;
        std::uint32_t children = 6;
        std::uint32_t nodes = 2;
        std::uint32_t ended = 1; ///< parents that are destroyed
        duration nap_max{0};
        EQUUS_FIELDS(parents, children, nodes, ended, nap_max)
    };
    parameters parameters_;
    port<conducting> in{*this, "in"};

    task<> main();

private:
    enum class fate { lives, gone, unknown };
    struct bond {
        std::uint32_t parent = 0;
        bool certain = false; ///< the parent has said so; otherwise it may have failed
    };
    struct player {
        incarnation_handle handle;
        node_boot at;
        stream<adopting> door;
        dependency kind = dependency::none;
        std::vector<bond> bonds;
        fate is = fate::unknown;
    };
    task<> make(std::vector<player>& into, std::string module, std::uint32_t index, bool bound);
    task<> adopt_all();
    task<> adopt_one(std::uint32_t which, std::uint32_t by);
    task<> look_at(player& which);
    task<bool> is_settled(bool complain);
    std::string verdict(const player& which) const;

    std::vector<node_boot> nodes_;
    std::vector<player> parents_, children_;
};

task<> conductor::make(std::vector<player>& into, std::string module, std::uint32_t index,
                       bool bound) {
    player made;
    made.at = nodes_[index % nodes_.size()];
    creation what;
    what.name = module + "[" + std::to_string(into.size()) + "]";
    what.module = std::move(module);
    what.depends_on_launch = bound;
    if (what.module == "sim.parent") {
        what.parameters["index"] = into.size();
        what.given["conductor"] = any_reference{in.open_stream()};
    }
    auto handle = co_await create(what, made.at.node).within(1h);
    if (handle)
        made.handle = *handle;
    else
        made.is = fate::gone;
    into.push_back(std::move(made));
}

task<> conductor::adopt_one(std::uint32_t which, std::uint32_t by) {
    const player& parent_of = parents_[by];
    player& child_of = children_[which];
    if (!parent_of.door || !child_of.handle)
        co_return;
    auto done = co_await parent_of.door
                    .invoke<adopt>(child_of.handle, static_cast<std::uint16_t>(child_of.kind))
                    .within(1h);
    // Whatever a lost node has done counts as done or not, as it comes.
    child_of.bonds.push_back({by, done.has_value()});
}

task<> conductor::adopt_all() {
    for (std::uint32_t i = 0; i < children_.size(); ++i) {
        const auto parents = static_cast<std::uint32_t>(parents_.size());
        switch (i % 3) {
        case 0:
            children_[i].kind = dependency::absolute;
            co_await adopt_one(i, i % parents);
            break;
        case 1:
            children_[i].kind = dependency::group;
            co_await adopt_one(i, i % parents);
            if (parents > 1)
                co_await adopt_one(i, (i + 1) % parents);
            break;
        default:
            break;
        }
    }
}

task<> conductor::look_at(player& which) {
    if (which.is == fate::gone)
        co_return;
    auto report = co_await status_of(which.handle).within(2s);
    if (!report)
        which.is = report.error() == errc::maybe_delivered ? fate::unknown : fate::gone;
    else
        which.is =
            report->what.state == incarnation_state::unreachable ? fate::unknown : fate::lives;
}

/// Empty, or what is wrong with the child.
std::string conductor::verdict(const player& which) const {
    std::uint32_t certain = 0, lost = 0;
    bool doubt = false;
    for (const bond& each : which.bonds) {
        certain += each.certain;
        lost += each.certain && parents_[each.parent].is == fate::gone;
        doubt = doubt || !each.certain || parents_[each.parent].is == fate::unknown;
    }
    if (which.is == fate::unknown)
        return "it cannot be reached";
    if (which.is == fate::lives) {
        if (which.kind == dependency::absolute && lost > 0)
            return "it outlives its parent";
        if (which.kind == dependency::group && certain > 0 && lost == certain && !doubt)
            return "it outlives the last of its group";
        return {};
    }
    if (!is_member(which.at) || doubt || !which.handle)
        return {};
    const bool may_end =
        which.kind == dependency::absolute ? lost > 0 : certain > 0 && lost == certain;
    return may_end ? std::string{} : "it has ended though its parents live";
}

task<bool> conductor::is_settled(bool complain) {
    for (player& each : parents_)
        co_await look_at(each);
    for (std::size_t i = 0; i < children_.size(); ++i) {
        co_await look_at(children_[i]);
        const std::string wrong = verdict(children_[i]);
        if (wrong.empty())
            continue;
        if (!complain)
            co_return false;
        std::string text = "child " + std::to_string(i) + ": " + wrong;
        co_await violated(std::move(text));
    }
    co_return true;
}

task<> conductor::main() {
    nodes_ = co_await gathered(parameters_.nodes);
    for (std::uint32_t i = 0; i < parameters_.parents; ++i)
        co_await make(parents_, "sim.parent", i, true);
    for (std::uint32_t i = 0; i < parameters_.children; ++i)
        co_await make(children_, "sim.child", i + i / 2 + 1, true);
    for (;;) {
        auto came = co_await in.receive().within(2s);
        if (!came)
            break; // who is not there by now is treated as if it never came
        const parent_ready said = co_await ok(came->take<parent_ready>());
        parents_.at(said.index).door = said.in;
    }
    co_await adopt_all();
    for (std::uint32_t i = 0; i < parameters_.ended && i < parents_.size(); ++i) {
        co_await sleep(parameters_.nap_max);
        if (parents_[i].handle)
            static_cast<void>(co_await parents_[i].handle.destroy().within(1h));
    }
    // The faults end, and what was cut off is either back or written off.
    const time_point patience = now() + 120s;
    bool settled = false;
    while (!settled && now() < patience) {
        co_await sleep(1s);
        settled = co_await is_settled(false);
    }
    if (!settled)
        static_cast<void>(co_await is_settled(true));
    co_await reporting::all_done("");
}

class workload_of_dependency final : public conducted_workload {
public:
    workload_of_dependency() : conducted_workload{"dependency"} {}
    duration healed_max() const override { return 3'600s; }

private:
    void cast(module_table& modules) override {
        conducts<conductor>(modules);
        plays<parent>(modules, "sim.parent");
        plays<child>(modules, "sim.child");
    }
    std::uint32_t draw_nodes(random_sequence& draws) override {
        return static_cast<std::uint32_t>(draws.between(1, 4));
    }
    void instruct(creation& conductor, random_sequence& draws) override {
        auto& given = conductor.parameters;
        given["parents"] = draws.between(2, 5);
        given["children"] = draws.between(3, 12);
        given["ended"] = draws.between(0, 3);
        given["nap_max"] = draws.between(1ms, 500ms);
    }
};

} // namespace depending

std::unique_ptr<workload> make_dependency_workload() {
    return std::make_unique<depending::workload_of_dependency>();
}

} // namespace equus::sim
