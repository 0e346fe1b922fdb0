// What another incarnation costs, by each of the three ways to make one, and whether a message
// costs more when there are many incarnations or many streams. The limit is the same coroutine made
// and destroyed that stands beside `spawn`.
#include "bench/cast.hpp"
#include "bench/lone_node.hpp"
#include "bench/measure.hpp"

#include <equus/wiring.hpp>

#include <vector>

namespace equus::bench {

namespace {

constexpr double seconds = 0.4;

/// State of 100 bytes, as an incarnation of a program has.
struct model_state {
    std::uint64_t value = 0;
    std::string text;
    std::vector<std::uint32_t> numbers;
    EQUUS_FIELDS(value, text, numbers)
};

task<> report(task<> work) {
    auto ended = co_await as_result(std::move(work));
    seen.problem = ended ? "an incarnation has come to its end" : ended.error().describe();
}

class model : public incarnation<model> {
public:
    model_state state_;
    port<ticking> in{*this, "in"};
    void on(const tick& one) { state_.value += one.a; }
};

/// Makes and ends others for ever, in one of three ways.
class maker : public incarnation<maker> {
public:
    struct parameters {
        std::uint32_t way = 0; ///< 0: from the module, 1: from a blueprint, 2: by fork
        EQUUS_FIELDS(way)
    };
    parameters parameters_;
    model_state state_;
    port<ticking> in{*this, "in"};

    task<> main() {
        if (copied)
            co_await sleep(for_ever);
        co_await report(work());
    }
    void on(forked) { copied = true; }

private:
    task<> work() {
        state_.text = "forty bytes of text, or somewhat more....";
        state_.numbers.assign(10, 1);
        creation what;
        what.module = "bench.model";
        incarnation_handle blueprint;
        if (parameters_.way == 1) {
            what.inchoate = true;
            auto made = co_await create(what);
            blueprint = co_await ok(std::move(made));
            what.inchoate = false;
        }
        for (;; ++seen.created) {
            incarnation_handle child;
            if (parameters_.way == 0) {
                auto made = co_await create(what);
                child = co_await ok(std::move(made));
            } else if (parameters_.way == 1) {
                auto made = co_await create_from(blueprint, what);
                child = co_await ok(std::move(made));
            } else {
                auto made = co_await fork_self();
                const forked_child twin = co_await ok(std::move(made));
                child = twin.child;
            }
            co_await ok(co_await child.destroy());
            detail::close(child);
        }
    }
    bool copied = false;
};

/// Makes servers, and tells each of them in turn, for ever.
class roundabout : public incarnation<roundabout> {
public:
    struct parameters {
        std::uint32_t servers = 1;
        EQUUS_FIELDS(servers)
    };
    parameters parameters_;
    port<finding> in{*this, "in"};

    task<> main() { return report(work()); }
    task<> work() {
        set_credit(in, 1'000);
        std::vector<stream<ticking>> doors;
        creation what;
        what.module = "bench.server";
        what.given["found"] = any_reference{in.open_stream()};
        while (doors.size() < parameters_.servers) {
            auto made = co_await create(what);
            const incarnation_handle child = co_await ok(std::move(made));
            detail::close(child);
            auto message = co_await ok(co_await in.receive());
            auto where = message.take<here>();
            message.done();
            const here found = co_await ok(std::move(where));
            detail::close(found.ask);
            doors.push_back(found.tell);
            ++seen.created;
        }
        for (std::uint64_t i = 0;; ++i)
            co_await ok(co_await doors[i % doors.size()].send<tick>(i, i, i, i));
    }
};

module_table makers() {
    module_table modules = cast();
    modules.add<model>("bench.model");
    modules.add<maker>("bench.maker");
    modules.add<roundabout>("bench.roundabout");
    return modules;
}

sample make_by(std::uint32_t way) {
    pin_to_core(0);
    const module_table modules = makers();
    lone_node node{modules};
    creation what;
    what.module = "bench.maker";
    what.parameters["way"] = way;
    node.boot(what);
    return time_batches(500, seconds, [&](std::uint64_t n) {
        const std::uint64_t target = seen.created + n;
        node.run_until([&] { return seen.created >= target; });
    });
}

sample tell_many_incarnations(std::uint32_t servers) {
    pin_to_core(0);
    const module_table modules = makers();
    lone_node node{modules};
    creation what;
    what.module = "bench.roundabout";
    what.parameters["servers"] = servers;
    node.boot(what);
    node.run_until([&] { return seen.created >= servers; });
    return time_batches(20'000, seconds, [&](std::uint64_t n) {
        const std::uint64_t target = seen.received + n;
        node.run_until([&] { return seen.received >= target; });
    });
}

sample tell_by_many_streams(std::uint32_t streams) {
    pin_to_core(0);
    const module_table modules = cast();
    lone_node node{modules};
    creation what;
    what.module = "bench.director";
    what.parameters["users"] = streams;
    what.parameters["tells"] = true;
    node.boot(what);
    return time_batches(20'000, seconds, [&](std::uint64_t n) {
        const std::uint64_t target = seen.received + n;
        node.run_until([&] { return seen.received >= target; });
    });
}

} // namespace

void add_creation_rows(row_list& rows) {
    rows.push_back({"equus", "create", "from a module", [] { return make_by(0); }});
    rows.push_back({"equus", "create", "from an INCHOATE one", [] { return make_by(1); }});
    rows.push_back({"equus", "create", "by fork", [] { return make_by(2); }});
    for (const std::uint32_t count : {1u, 1'000u, 10'000u, 100'000u})
        rows.push_back({"equus", "crowd", std::to_string(count) + " incarnations",
                        [count] { return tell_many_incarnations(count); }});
    for (const std::uint32_t count : {1u, 10u, 100u, 1'000u})
        rows.push_back({"equus", "funnel", std::to_string(count) + " streams into one port",
                        [count] { return tell_by_many_streams(count); }});
}

} // namespace equus::bench
