// Nodes that come and go while a run goes on, by the command that people use.
#include "runs.hpp"

#include <algorithm>

using namespace equus::test;

namespace {

std::string nodes(const std::string& more) {
    return "timeout 60 " + quoted(bin("equus")) + " nodes " + more;
}

/// The farm, with its last range kept back until so many nodes have gone.
std::vector<std::string> farm(const std::string& leaves) {
    return {bin("equus"),
            "run",
            source("samples/farm/farm.rdc"),
            "--nodes",
            "3",
            "--name",
            "farm",
            "--set",
            "below=1000000",
            "--set",
            "ranges=300",
            "--set",
            "leaves=" + leaves};
}

void require_words(const std::string& text, std::initializer_list<const char*> all) {
    for (const char* each : all) {
        INFO(each);
        REQUIRE(text.find(each) != std::string::npos);
    }
}

} // namespace

TEST_CASE("the farm counts right on nodes that are added, withdrawn and killed",
          "[run][K18][K53]") {
    const scratch here;
    background run{farm("3"), here / "log"};
    REQUIRE(wait_until([] { return is_running("farm"); }));
    const outcome added = command(nodes("--run farm --add 2"));
    INFO(added.text);
    REQUIRE(added.code == 0);
    require_words(added.text, {" n4 has joined\n", " n5 has joined\n"});
    // A long notice, which is not used up: the node leaves when its worker has gone home.
    const outcome withdrawn = command(nodes("--run farm --withdraw n2 --notice 6000"));
    INFO(withdrawn.text);
    REQUIRE(withdrawn.code == 0);
    REQUIRE(withdrawn.text == "node n2 has left\n");
    // No notice: what its worker has is lost, and counted by another.
    const outcome torn = command(nodes("--run farm --withdraw n5 --notice 0"));
    INFO(torn.text);
    REQUIRE(torn.code == 0);
    auto processes = children_of(run.pid()); // n1, n3, n4, in the order of their start
    REQUIRE(processes.size() == 3);
    std::sort(processes.begin(), processes.end());
    const outcome listed = command(nodes("--run farm"));
    INFO(listed.text);
    require_words(listed.text, {" n1\n", " n3\n", " n4\n"});
    REQUIRE(std::count(listed.text.begin(), listed.text.end(), '\n') == 3);
    REQUIRE(::kill(processes[1], SIGKILL) == 0);

    const int code = run.wait();
    const std::string text = here.read("log");
    INFO(text);
    REQUIRE(code == 0);
    require_words(text,
                  {"node n4: 1 worker\n", "node n5: 1 worker\n", "joined: node n4\n",
                   "node n2 is to be withdrawn", "node n2 has left\n", "left: node n2\n",
                   "node n5 has left\n", "node n3 was lost\n", "primes below 1000000: 78498\n"});
    REQUIRE(text.find("lost: node n2") == std::string::npos);
}

TEST_CASE("a node that cannot be added or withdrawn is said, and the run goes on", "[run][K18]") {
    const scratch here;
    background run{farm("2"), here / "log"};
    REQUIRE(wait_until([] { return is_running("farm"); }));
    const std::pair<const char*, const char*> refused[] = {
        {"--run farm --withdraw n1", "node 'n1' is the root"},
        {"--run farm --withdraw n9", "the run has no node 'n9'"},
        {"--run farm --add 63", "a run has at most 64 nodes; it has 3"}};
    for (const auto& [line, why] : refused) {
        const outcome said = command(nodes(line));
        INFO(said.text);
        REQUIRE(said.code == 1);
        REQUIRE(said.text.find(why) != std::string::npos);
    }
    REQUIRE(command(nodes("--run barn --add 1")).code == 5);
    REQUIRE(command(nodes("--run farm --add 0")).code == 2);
    REQUIRE(command(nodes("--run farm --add 1 --withdraw n2")).code == 2);
    const outcome by_number = command(nodes("--run farm --withdraw 3"));
    INFO(by_number.text);
    REQUIRE(by_number.code == 0);
    command(nodes("--run farm --withdraw n2")); // its answer may be overtaken by the run's end
    const int code = run.wait();
    INFO(here.read("log"));
    REQUIRE(code == 0);
    require_words(here.read("log"), {"primes below 1000000: 78498\n"});
}
