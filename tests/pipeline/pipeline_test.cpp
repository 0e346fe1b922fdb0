#include "runs/runs.hpp"

using namespace equus::test;

TEST_CASE("the pipeline writes, over three nodes, the files that one loop writes",
          "[rdc][K31][K32]") {
    const scratch folder;
    const std::string pictures = source("samples/pipeline/pictures");
    const outcome ran =
        command(quoted(bin("equus")) + " run " + quoted(source("samples/pipeline/pipeline.rdc")) +
                " --nodes 3 --set pictures=" + quoted(pictures) +
                " --set out=" + quoted(folder / "out") + " --set tile=24");
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    REQUIRE(ran.text.find("3 pictures written, 0 failed") != std::string::npos);
    for (const char* name : {"rings.png", "slope.png", "tiles.png"}) {
        INFO(name);
        // Every filter has reported every picture.
        for (const char* filter : {"blur", "edges", "tone"})
            CHECK(ran.text.find(std::string{name} + ": " + filter + " on node ") !=
                  std::string::npos);
        const outcome loop =
            command(quoted(bin("pipeline")) + " one-loop " + quoted(pictures + "/" + name) + " " +
                    quoted(folder / std::string{name}));
        REQUIRE(loop.code == 0);
        const std::string wanted = folder.read(name);
        REQUIRE_FALSE(wanted.empty());
        REQUIRE(folder.read(std::string{"out/"} + name) == wanted);
    }
    // Three stages over three nodes: not all on one.
    CHECK(ran.text.find("on node 1") != std::string::npos);
    CHECK(ran.text.find("on node 2") != std::string::npos);
}

TEST_CASE("a file that is no picture is named, and the others are written", "[rdc]") {
    const scratch folder;
    folder.write("in/broken.png", "this is no picture");
    std::filesystem::copy_file(source("samples/pipeline/pictures/tiles.png"),
                               folder / "in/good.png");
    const outcome ran =
        command(quoted(bin("equus")) + " run " + quoted(source("samples/pipeline/pipeline.rdc")) +
                " --nodes 2 --set pictures=" + quoted(folder / "in") +
                " --set out=" + quoted(folder / "out"));
    INFO(ran.text);
    REQUIRE(ran.code == 1);
    CHECK(ran.text.find("broken.png: ") != std::string::npos);
    CHECK(ran.text.find("1 pictures written, 1 failed") != std::string::npos);
    CHECK_FALSE(folder.read("out/good.png").empty());
}
