// Runs that are looked at from outside: who waits for whom, what is declared and what is there.
#include "runs.hpp"

#include <nlohmann/json.hpp>

using namespace equus::test;
using json = nlohmann::json;

namespace {

constexpr const char* ring_of_three = R"(rdc ring version 1
use "lab" from "misbehaving"
channel a : lab.provoking
channel b : lab.provoking
channel c : lab.provoking
primary incarnation start : lab.starter { stream out -> a }
incarnation na : lab.neighbour { port in <- a ; stream out -> b }
incarnation nb : lab.neighbour { port in <- b ; stream out -> c }
incarnation nc : lab.neighbour { port in <- c ; stream out -> a }
)";

json asked(const std::string& words) {
    const outcome said = command(quoted(bin("equus")) + " " + words);
    INFO(said.text);
    return said.code == 0 ? json::parse(said.text, nullptr, false) : json{};
}

json edge(const json& graph, const std::string& from, const std::string& to) {
    for (const json& each : graph.value("edges", json::array()))
        if (each["from"] == from && each["to"] == to)
            return each;
    return {};
}

} // namespace

TEST_CASE("a deadlock over three processes is named, and its connections are drawn",
          "[run][waits]") {
    const scratch here;
    here.write("ring.rdc", ring_of_three);
    background run{{bin("equus"), "run", here / "ring.rdc", "--nodes", "3", "--name", "ring",
                    "--program", bin("misbehaving")},
                   here / "log"};
    json seen;
    REQUIRE(wait_until([&] {
        seen = asked("ps --waits --json --run ring");
        return seen.is_object() && !seen["circles"].empty();
    }));
    INFO(seen.dump(1));
    REQUIRE(seen["circles"].size() == 1);
    CHECK(seen["circles"][0]["deadlock"] == true);
    std::vector<std::string> names = seen["circles"][0]["incarnations"];
    std::rotate(names.begin(), std::min_element(names.begin(), names.end()), names.end());
    CHECK(names == std::vector<std::string>{"na", "nb", "nc"});
    for (const json& i : seen["circles"][0]["waits"]) {
        const json& wait = seen["waits"][i.get<std::size_t>()];
        CHECK(wait["kind"] == "call");
        CHECK(wait["call"]["message"] == "provoke");
        CHECK(wait["call"]["port"] == "in");
        CHECK_FALSE(wait.contains("left_ms")); // they wait for ever
    }
    const outcome text = command(quoted(bin("equus")) + " ps --waits --run ring");
    INFO(text.text);
    CHECK(text.code == 0);
    CHECK(text.text.find("DEADLOCK: ") != std::string::npos);
    CHECK(text.text.find("'provoke' by stream 'out', in the queue of its port 'in'") !=
          std::string::npos);
    CHECK(text.text.find("nothing ends it") != std::string::npos);

    const json graph = asked("graph --live --json --run ring");
    INFO(graph.dump(1));
    for (const auto& [from, to, label] :
         {std::tuple{"na", "nb", "b"}, std::tuple{"nb", "nc", "c"}, std::tuple{"nc", "na", "a"},
          std::tuple{"start", "na", "a"}}) {
        const json found = edge(graph, from, to);
        REQUIRE(found.is_object());
        CHECK(found["state"] == "used");
        CHECK(found["channel"] == label);
        CHECK(found["sent"] == 1);
    }
    CHECK(command(quoted(bin("equus")) + " graph --live --run ring --svg " +
                  quoted(here / "live.svg"))
              .code == 0);
    CHECK(here.read("live.svg").find("<svg") != std::string::npos);
    CHECK(asked("stop --run ring --json")["stopped"] == true);
    CHECK(run.wait() == 130);
}

TEST_CASE("what cannot be looked at is said, by the documented exit codes", "[run]") {
    const scratch here;
    const std::string equus = quoted(bin("equus"));
    for (const char* words : {"ps --waits", "graph --live", "status --json", "stop"}) {
        CHECK(command(equus + " " + words).code == 5);
        CHECK(command(equus + " " + words + " --run nobody").code == 5);
        CHECK(command(equus + " " + words + " --run 'no name'").code == 5);
        CHECK(command(equus + " " + words + " --run " + std::string(60, 'x')).code == 5);
        CHECK(command(equus + " " + words + " --bogus").code == 2);
    }
    CHECK(command(equus + " graph --json x.rdc").code == 2);
    CHECK(command(equus + " graph --run x x.rdc").code == 2);
    CHECK(command(equus + " graph --live x.rdc").code == 2);
    CHECK(command(equus + " graph").code == 2);
    CHECK(json::parse(command(equus + " runs --json").text) == json::array());
    // A folder so deep that no socket has an address there.
    const std::string deep = here / std::string(100, 'd');
    fs::create_directories(deep);
    ::setenv("XDG_RUNTIME_DIR", deep.c_str(), 1);
    CHECK(command(equus + " ps --run nobody").code == 5);
    here.write("endless.rdc", endless);
    const outcome refused =
        command(run_line(here / "endless.rdc", 1, "--program " + quoted(bin("hello"))));
    INFO(refused.text);
    CHECK(refused.code == 3);
    CHECK(refused.text.find("control socket") != std::string::npos);
}

TEST_CASE("a word that is no command, and a program that nobody uses, are said", "[run]") {
    const scratch here;
    const std::string equus = quoted(bin("equus"));
    const outcome unknown = command(equus + " rnu x.rdc");
    CHECK(unknown.code == 2);
    CHECK(unknown.text.find("there is no command 'rnu'; 'equus --help' lists") !=
          std::string::npos);
    CHECK(command(equus).code == 2);
    CHECK(command(equus + " --help").code == 0);
    const outcome unused = command(
        run_line(source("samples/hello/hello.rdc"), 1, "--program helo=" + quoted(bin("hello"))));
    CHECK(unused.code == 2);
    CHECK(unused.text.find("--program helo: the configuration uses no program of that name") !=
          std::string::npos);
}
