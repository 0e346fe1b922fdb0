#include "runs.hpp"

#include <algorithm>
#include <random>

using namespace equus::test;

namespace {

/// Enough to print for a node to be lost in the middle of it.
void write_documents(const scratch& here, int count) {
    for (int i = 0; i < count; ++i) {
        std::string text;
        for (int chapter = 0; chapter < 6; ++chapter) {
            text += "# Chapter " + std::to_string(chapter) + "\n\n";
            for (int word = 0; word < 300; ++word)
                text += "w" + std::to_string(i) + "x" + std::to_string(chapter * 300 + word) + " ";
            text += "\n\n";
        }
        here.write("docs/part " + std::to_string(i % 4) + "/d" + std::to_string(i) + ".md", text);
    }
}

std::vector<fs::path> printed_below(const std::string& folder) {
    std::vector<fs::path> found;
    std::error_code problem;
    for (fs::recursive_directory_iterator each{folder, problem}, end; !problem && each != end;
         each.increment(problem))
        if (each->path().extension() == ".pdf")
            found.push_back(each->path());
    return found;
}

std::uint32_t seed_of_today() {
    const char* given = std::getenv("EQUUS_SEED");
    return given ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
}

} // namespace

TEST_CASE("the print shop survives the loss of any node but the root", "[run][K53][K54]") {
    const scratch here;
    static const std::uint32_t seed = seed_of_today();
    // All but the root, in an order and at a time that the seed decides.
    static const std::vector<std::size_t> nodes = [] {
        std::vector<std::size_t> order{1, 2, 3};
        std::shuffle(order.begin(), order.end(), std::mt19937{seed});
        return order;
    }();
    const auto turn = static_cast<std::size_t>(GENERATE(0, 1, 2));
    const std::size_t victim = nodes[turn];
    const std::size_t after = 1 + (seed >> (8 * turn)) % 8;
    WARN("EQUUS_SEED=" << seed << ": node n" << victim + 1 << " is killed after document "
                       << after);
    write_documents(here, 60);
    background run{{bin("equus"), "run", source("samples/print_shop/print_shop.rdc"), "--nodes",
                    "4", "--set", "documents=" + (here / "docs"), "--set", "out=" + (here / "out")},
                   here / "log"};
    REQUIRE(wait_until([&] { return printed_below(here / "out").size() >= after; }));
    auto processes = children_of(run.pid());
    REQUIRE(processes.size() == 4);
    std::sort(processes.begin(), processes.end()); // the root was started first
    REQUIRE(::kill(processes[victim], SIGKILL) == 0);

    const int code = run.wait();
    const std::string text = here.read("log");
    INFO(text);
    REQUIRE(code == 0);
    REQUIRE(text.find("node n" + std::to_string(victim + 1)) != std::string::npos);
    REQUIRE(text.find("was killed by signal 9") != std::string::npos);
    // A worker that had found no more work was not missed.
    const bool missed = text.find(", with 0 incarnations") == std::string::npos;
    REQUIRE((text.find("documents handed out again: ") != std::string::npos) == missed);
    REQUIRE(text.find("lost 0, duplicated 0") != std::string::npos);
    REQUIRE(printed_below(here / "out").size() == 60);
    const outcome words = command(quoted(bin("print_shop_words")) + " " + quoted(here / "docs") +
                                  " " + quoted(here / "out"));
    INFO(words.text);
    REQUIRE(words.code == 0);
}
