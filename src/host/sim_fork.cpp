#include "host/sim_members.hpp"
#include "host/sim_staged.hpp"
#include "host/sim_workloads.hpp"

#include <equus/rights.hpp>
#include <equus/status.hpp>
#include <equus/wiring.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace equus::sim {

using namespace equus::literals;

namespace forking {

using reporting::violated;

struct number {
    std::uint32_t value = 0;
    EQUUS_FIELDS(value)
};
using counting = protocol<"sim.counting_forks", number>;

/// A forker has come to the end of what it had to do.
struct finished {
    std::uint32_t line = 0;
    std::uint32_t generation = 0;
    std::uint32_t numbers = 0; ///< that it got from its parent
    EQUUS_FIELDS(line, generation, numbers)
};
struct copied {
    std::uint32_t level = 0;
    EQUUS_FIELDS(level)
};
using conducting = protocol<"sim.fork_conducting", finished, copied>;

class forker : public incarnation<forker> {
public:
    struct parameters {
        std::uint32_t line = 0;
        std::uint32_t generations = 2;
        std::uint32_t numbers = 20;
        duration nap{0};
        EQUUS_FIELDS(line, generations, numbers, nap)
    };
    struct state {
        std::uint32_t generation = 0;
        std::vector<std::uint32_t> path; ///< the counters of its forebears
        stream<conducting> back;         ///< a copy of `conductor`
        stream<conducting> own;          ///< one that may not be passed on
        incarnation_handle me;
        EQUUS_FIELDS(generation, path, back, own, me)
    };
    parameters parameters_;
    state state_;
    port<counting> in{*this, "in"};
    stream<conducting> conductor{*this, "conductor"};

    task<> main() {
        std::uint32_t got = 0;
        if (state_.generation > 0) {
            for (; got < parameters_.numbers; ++got) {
                auto came = co_await in.receive().within(1h);
                if (!came)
                    break;
                const number n = co_await ok(came->take<number>());
                if (n.value != got)
                    co_await violated("a child has got another number than the next");
            }
        }
        if (state_.generation < parameters_.generations)
            co_await multiply();
        static_cast<void>(
            co_await state_.back.send<finished>(parameters_.line, state_.generation, got)
                .within(1h));
        co_await sleep(for_ever);
    }
    task<> on(forked told) {
        if (told.parent == self() || state_.path.empty() ||
            state_.path.back() != told.parent.counter)
            co_await violated("a child does not know its parent");
        if (state_.me.id() != self())
            co_await violated("a child's handle on itself names another");
        if (state_.own.is_open())
            co_await violated("a child has what must not be passed on");
    }

private:
    task<> multiply() {
        const auto present = members();
        const auto feeds = in.open_stream();
        static_cast<void>(co_await feeds.send<number>(7'777u)); // stays here
        if (!state_.me)
            state_.me = self_handle();
        if (!state_.back)
            state_.back = stream<conducting>{co_await ok(narrowed(conductor, right::all))};
        state_.own =
            stream<conducting>{co_await ok(narrowed(state_.back, right::all, propagation::never))};
        const std::uint32_t mine = state_.generation++;
        state_.path.push_back(self().counter);
        const node_boot where_to =
            present[(parameters_.line + state_.generation) % present.size()].at;
        auto child = co_await fork_self(in).on(where_to.node).within(1h);
        state_.generation = mine;
        state_.path.pop_back();
        if (!child)
            co_return;
        auto door = child->streams.at(0).as_stream<counting>();
        if (!door) {
            co_await violated("the parent has no way to its child");
            co_return;
        }
        for (std::uint32_t i = 0; i < parameters_.numbers; ++i) {
            auto sent = co_await door->send<number>(i).within(1h);
            if (!sent)
                co_return;
            if (i % 4 == 0)
                co_await sleep(parameters_.nap);
        }
    }
};

/// What blueprints are of.
class model : public incarnation<model> {
public:
    struct parameters {
        std::uint32_t level = 0;
        EQUUS_FIELDS(level)
    };
    parameters parameters_;
    stream<conducting> conductor{*this, "conductor"};
    task<> main() {
        static_cast<void>(co_await conductor.send<copied>(parameters_.level).within(1h));
        co_await sleep(for_ever);
    }
};

class conductor : public incarnation<conductor> {
public:
    struct parameters {
        std::uint32_t lines = 3;
        std::uint32_t copies = 4;
        std::uint32_t nodes = 2;
        std::uint32_t generations = 2;
        std::uint32_t numbers = 20;
        duration nap{0};
        EQUUS_FIELDS(lines, copies, nodes, generations, numbers, nap)
    };
    parameters parameters_;
    port<conducting> in{*this, "in"};

    task<> main();

private:
    task<> copy_all();
    bool all_there() const { return are_members(nodes_); }
    std::vector<node_boot> nodes_;
    std::vector<std::uint32_t> levels_; ///< of copies that were made
};

task<> conductor::copy_all() {
    for (std::uint32_t i = 0; i < 2; ++i) {
        creation pattern;
        pattern.module = "sim.model";
        pattern.name = "blueprint";
        pattern.inchoate = true;
        pattern.given["conductor"] = any_reference{in.open_stream()};
        const node_id from = nodes_[i % nodes_.size()].node;
        auto blueprint = co_await create(pattern, from).within(1h);
        for (std::uint32_t k = 0; blueprint && k < parameters_.copies; ++k) {
            creation what;
            what.name = "copy";
            what.parameters["level"] = 100 * i + k + 1;
            const node_id to = nodes_[(i + k) % nodes_.size()].node;
            auto made = co_await create_from(*blueprint, what, to).within(1h);
            if (made)
                levels_.push_back(100 * i + k + 1);
            else if (all_there())
                co_await violated("a blueprint was not copied: " + made.error().describe());
        }
    }
}

task<> conductor::main() {
    nodes_ = co_await gathered(parameters_.nodes);
    std::uint32_t lines = 0;
    for (std::uint32_t i = 0; i < parameters_.lines; ++i) {
        creation what;
        what.module = "sim.forker";
        what.name = "forker";
        what.depends_on_launch = false;
        what.parameters["line"] = i;
        what.parameters["generations"] = parameters_.generations;
        what.parameters["numbers"] = parameters_.numbers;
        what.parameters["nap"] = parameters_.nap;
        what.given["conductor"] = any_reference{in.open_stream()};
        what.inchoate = true;
        auto made = co_await create(what, nodes_[i % nodes_.size()].node).within(1h);
        if (!made)
            continue;
        // It and all that come of it end with the conductor; only then it begins.
        auto bound = co_await made->depends_on_me(dependency::group).within(1h);
        if (bound)
            bound = co_await made->unfreeze().within(1h);
        if (bound)
            ++lines;
        else
            static_cast<void>(co_await made->destroy().within(1h));
    }
    co_await copy_all();
    const std::uint32_t all = lines * (parameters_.generations + 1);
    std::uint32_t done = 0;
    std::vector<std::uint32_t> seen;
    while (done < all || seen.size() < levels_.size()) {
        auto came = co_await in.receive().within(30s);
        if (!came && !all_there())
            break; // some were lost with their node
        if (!came)
            continue;
        if (came->is<finished>()) {
            ++done;
        } else {
            const copied said = co_await ok(came->take<copied>());
            seen.push_back(said.level);
        }
    }
    std::sort(seen.begin(), seen.end());
    if (all_there() && seen != levels_)
        co_await violated("copies have other parameters than they were given");
    co_await reporting::all_done("");
}

class workload_of_forks final : public conducted_workload {
public:
    workload_of_forks() : conducted_workload{"fork"} {}
    duration healed_max() const override { return 3'600s; }

private:
    void cast(module_table& modules) override {
        conducts<conductor>(modules);
        plays<forker>(modules, "sim.forker");
        plays<model>(modules, "sim.model");
    }
    std::uint32_t draw_nodes(random_sequence& draws) override {
        return static_cast<std::uint32_t>(draws.between(1, 4));
    }
    void instruct(creation& conductor, random_sequence& draws) override {
        auto& given = conductor.parameters;
        given["lines"] = draws.between(1, 4);
        given["copies"] = draws.between(1, 5);
        given["generations"] = draws.between(1, 3);
        given["numbers"] = draws.between(5, 60);
        given["nap"] = draws.between(1ms, 200ms);
    }
};

} // namespace forking

std::unique_ptr<workload> make_fork_workload() {
    return std::make_unique<forking::workload_of_forks>();
}

} // namespace equus::sim
