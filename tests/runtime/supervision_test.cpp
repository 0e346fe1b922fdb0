#include "nodes.hpp"

#include <equus/supervision.hpp>

#include <map>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::test;

namespace {

struct diary {
    std::vector<std::string> begun;
    std::map<std::string, std::uint32_t> fails; ///< how often a child of that name still fails
    std::string outcome;
    std::uint64_t restarts = 0;
};
diary seen;

/// Runs for ever, or fails a little after its beginning as often as the diary says.
class worker : public incarnation<worker> {
public:
    task<std::int32_t> main() {
        const std::string name{own_name()};
        seen.begun.push_back(name);
        co_await sleep(1ms);
        if (name == "short")
            co_return 0;
        if (seen.fails[name] > 0) {
            --seen.fails[name];
            co_await ok(fail(errc::io_failed, "the press jams"));
        }
        while (true)
            co_await sleep(1h);
    }
};

class foreman : public incarnation<foreman> {
public:
    struct parameters {
        std::uint32_t how = 0;
        std::vector<std::string> names;
        std::uint32_t restarts_max = 3;
        std::uint32_t node = 0;
        EQUUS_FIELDS(how, names, restarts_max, node)
    };
    parameters parameters_;

    // [supervision]
    task<> main() {
        supervisor workers{static_cast<supervise>(parameters_.how), {parameters_.restarts_max, 1s}};
        for (const std::string& name : parameters_.names) {
            supervisor::child made;
            made.what.module = "worker";
            made.what.name = name;
            if (parameters_.node != 0)
                made.nodes = {node_id{parameters_.node}, node_id{1}};
            made.when = name == "short" ? restart::on_failure : restart::always;
            workers.add(std::move(made));
        }
        auto ended = co_await as_result(workers.run());
        seen.outcome = ended ? "all ended" : ended.error().describe();
        seen.restarts = workers.restarts();
        while (true)
            co_await sleep(1h);
    }
    // [/supervision]
};

const module_table& modules() {
    static const module_table table = [] {
        module_table made;
        made.add<worker>("worker");
        made.add<foreman>("foreman");
        return made;
    }();
    return table;
}

creation foreman_of(supervise how, std::vector<std::string> names, std::uint32_t node = 0) {
    creation what;
    what.module = "foreman";
    what.name = "foreman";
    what.parameters["how"] = static_cast<std::uint32_t>(how);
    rdc_value::list list;
    for (std::string& name : names)
        list.emplace_back(std::move(name));
    what.parameters["names"] = std::move(list);
    what.parameters["node"] = node;
    return what;
}

std::size_t workers_on(kernel& node) {
    std::size_t count = 0;
    for (const incarnation_status& row : node.status().incarnations)
        count += row.module == "worker" ? 1 : 0;
    return count;
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE("a child that fails is made again, and the others as its policy says", "[kernel][K51]") {
    const auto how =
        GENERATE(supervise::one_for_one, supervise::all_for_one, supervise::rest_for_one);
    seen = {};
    seen.fails["b"] = 1;
    nodes net{modules()};
    kernel& root = net.add();
    REQUIRE(net.boot(root, foreman_of(how, {"a", "b", "c"})));
    net.advance(500ms);
    names wanted{"a", "b", "c"};
    if (how == supervise::one_for_one)
        wanted.insert(wanted.end(), {"b"});
    else if (how == supervise::all_for_one)
        wanted.insert(wanted.end(), {"a", "b", "c"});
    else
        wanted.insert(wanted.end(), {"b", "c"});
    REQUIRE(seen.begun == wanted);
    REQUIRE(workers_on(root) == 3);
    REQUIRE(seen.outcome.empty());
}

TEST_CASE("too many restarts within the time end all children and say why", "[kernel][K51]") {
    seen = {};
    seen.fails["b"] = 100;
    nodes net{modules()};
    kernel& root = net.add();
    REQUIRE(net.boot(root, foreman_of(supervise::one_for_one, {"a", "b"})));
    net.advance(500ms);
    REQUIRE(seen.begun == names{"a", "b", "b", "b", "b"});
    REQUIRE(workers_on(root) == 0);
    REQUIRE(seen.outcome.find("limit reached: 4 restarts within 1000 ms") != std::string::npos);
    REQUIRE(seen.outcome.find("the press jams") != std::string::npos);
    REQUIRE(seen.restarts == 4);
}

TEST_CASE("a child that ends well is not made again when only failures count", "[kernel][K51]") {
    seen = {};
    nodes net{modules()};
    kernel& root = net.add();
    REQUIRE(net.boot(root, foreman_of(supervise::all_for_one, {"short", "short"})));
    net.advance(500ms);
    REQUIRE(seen.begun == names{"short", "short"});
    REQUIRE(seen.outcome == "all ended");
}

TEST_CASE("a child of a node that is lost is made again on another", "[kernel][K51][K53]") {
    seen = {};
    nodes net{modules()};
    kernel& root = net.add();
    kernel& second = net.add();
    REQUIRE(net.boot(root, foreman_of(supervise::one_for_one, {"a"}, 2)));
    net.advance(100ms);
    REQUIRE(workers_on(second) == 1);
    net.isolate(second);
    net.advance(15s);
    REQUIRE(workers_on(root) == 1);
    REQUIRE(seen.begun == names{"a", "a"});
}
