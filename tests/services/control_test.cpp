#include "stage.hpp"

#include <equus/services/control.hpp>

using namespace equus;
using namespace equus::test;

namespace {

/// A tool: one command, and the answer to it.
struct tool {
    std::uint32_t given = 0;
    controlling::command command;
    std::vector<controlling::answer> answers;

    void attach(nodes& net) {
        net.effects = [this](std::string_view name, bytes request) -> result<bytes> {
            if (name == controlling::next_effect) {
                ++given;
                if (given > 1)
                    return fail(errc::closed);
                return stage::encoded(command);
            }
            auto told = wire::decode<controlling::answer>(request.span());
            REQUIRE(told);
            answers.push_back(std::move(*told));
            return stage::encoded(controlling::taken{});
        };
        creation what;
        what.module = "equus.control";
        what.name = "control";
        REQUIRE(net.boot(net[0], what));
        net.settle();
    }
};

} // namespace

TEST_CASE("a tool is told what every node holds", "[K51]") {
    nodes net{standard_cast()};
    net.add();
    net.add();
    tool asks;
    asks.command.id = 17;
    asks.attach(net);
    net.advance(1s);
    REQUIRE(asks.answers.size() == 1);
    const controlling::answer& told = asks.answers[0];
    CHECK(told.id == 17);
    CHECK(told.reason == errc::ok);
    CHECK(told.members.size() == 2);
    REQUIRE(told.nodes.size() == 2);
    CHECK(told.nodes[0].name == "n1");
    CHECK(told.nodes[1].name == "n2");
    REQUIRE(told.nodes[0].incarnations.size() == 1);
    CHECK(told.nodes[0].incarnations[0].name == "control");
}

TEST_CASE("a node that does not answer is named, and the others are told of", "[K51]") {
    nodes net{standard_cast()};
    net.add();
    net.add();
    net.isolate(net[1]);
    tool asks;
    asks.attach(net);
    net.advance(6s);
    REQUIRE(asks.answers.size() == 1);
    CHECK(asks.answers[0].nodes.size() == 1);
    REQUIRE(asks.answers[0].silent.size() == 1);
    CHECK(asks.answers[0].silent[0].name == "n2");
    CHECK(asks.answers[0].silent[0].reason != errc::ok);
}

TEST_CASE("a node that is not there is an answer too", "[K51]") {
    nodes net{standard_cast()};
    net.add();
    tool asks;
    asks.command.node = node_id{9};
    asks.attach(net);
    REQUIRE(asks.answers.size() == 1);
    CHECK(asks.answers[0].reason == errc::no_such_node);
}
