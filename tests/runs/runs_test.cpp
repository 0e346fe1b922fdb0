#include "runs.hpp"

using namespace equus::test;

TEST_CASE("hello runs over two nodes by one command", "[run]") {
    const scratch here;
    const outcome ran = command(run_line(source("samples/hello/hello.rdc"), 2));
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    REQUIRE(ran.text.find("hello, world\n") != std::string::npos);
}

TEST_CASE("the print shop prints every document's words in order", "[run][K2]") {
    const scratch here;
    const int nodes = GENERATE(1, 4);
    const std::string documents = source("samples/print_shop/documents");
    const outcome ran = command(
        run_line(source("samples/print_shop/print_shop.rdc"), nodes,
                 "--set documents=" + quoted(documents) + " --set out=" + quoted(here / "out")));
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    REQUIRE(ran.text.find("lost 0, duplicated 0") != std::string::npos);
    const outcome words = command(quoted(bin("print_shop_words")) + " " + quoted(documents) + " " +
                                  quoted(here / "out"));
    INFO(words.text);
    REQUIRE(words.code == 0);
}

TEST_CASE("a document that cannot be read spoils only itself", "[run]") {
    const scratch here;
    here.write("docs/good.txt", "one two three");
    here.write("docs/bad.txt", "one \xff\xfe two");
    const outcome ran = command(run_line(source("samples/print_shop/print_shop.rdc"), 2,
                                         "--set documents=" + quoted(here / "docs") +
                                             " --set out=" + quoted(here / "out")));
    INFO(ran.text);
    REQUIRE(ran.code == 1);
    REQUIRE(ran.text.find("not printed: bad.txt") != std::string::npos);
    REQUIRE(ran.text.find("lost 0, duplicated 0") != std::string::npos);
    REQUIRE(fs::exists(here / "out/good.txt.pdf"));
    REQUIRE_FALSE(fs::exists(here / "out/bad.txt.pdf"));
}

TEST_CASE("what is wrong is said before anything is started", "[run]") {
    const scratch here;
    here.write("bad.rdc", "rdc bad version 1\nuse \"hello\" from \"hello\"\n"
                          "primary incarnation g : hello.gest { }\n");
    const outcome ran = command(run_line(here / "bad.rdc", 2, "--program " + quoted(bin("hello"))));
    INFO(ran.text);
    REQUIRE(ran.code == 1);
    REQUIRE(ran.text.find("bad.rdc:3:25: error R012") != std::string::npos);
    REQUIRE(ran.text.find("did you mean 'hello.guest'?") != std::string::npos);
    REQUIRE(command(quoted(bin("equus")) + " run").code == 2);
    REQUIRE(command(run_line(here / "nothing.rdc", 1)).code == 1);
}

TEST_CASE("a run can be looked at and stopped by its name", "[run]") {
    const scratch here;
    here.write("endless.rdc", endless);
    background run{{bin("equus"), "run", here / "endless.rdc", "--nodes", "2", "--name", "looked",
                    "--program", bin("hello")},
                   here / "log"};
    outcome seen;
    REQUIRE(wait_until([&] {
        seen = command(quoted(bin("equus")) + " ps --run looked --json");
        return seen.code == 0 && seen.text.find("hello.greeter") != std::string::npos;
    }));
    REQUIRE(seen.text.find("\"name\":\"waiting\"") != std::string::npos);
    REQUIRE(command(quoted(bin("equus")) + " graph --live --run looked").code == 0);
    REQUIRE(command(quoted(bin("equus")) + " stop --run looked").code == 0);
    REQUIRE(run.wait() != 0);
    REQUIRE(command(quoted(bin("equus")) + " ps --run looked").code == 5);
}

TEST_CASE("no process is left behind, whatever ends the launcher", "[run]") {
    const scratch here;
    here.write("endless.rdc", endless);
    const int how = GENERATE(SIGINT, SIGKILL);
    background run{{bin("equus"), "run", here / "endless.rdc", "--nodes", "3", "--name", "ended",
                    "--program", bin("hello")},
                   here / "log"};
    std::vector<pid_t> nodes;
    REQUIRE(wait_until([&] {
        nodes = children_of(run.pid());
        return nodes.size() == 3 && command(quoted(bin("equus")) + " ps --run ended").code == 0;
    }));
    REQUIRE(::kill(run.pid(), how) == 0);
    const int code = run.wait();
    REQUIRE(code == (how == SIGINT ? 130 : 128 + SIGKILL));
    for (const pid_t node : nodes)
        REQUIRE(wait_until([&] { return ::kill(node, 0) != 0; }));
}

TEST_CASE("a crashed root ends the run with a clear report", "[run]") {
    const scratch here;
    here.write("endless.rdc", endless);
    background run{{bin("equus"), "run", here / "endless.rdc", "--nodes", "2", "--name", "crashed",
                    "--program", bin("hello")},
                   here / "log"};
    std::vector<pid_t> nodes;
    REQUIRE(wait_until([&] {
        nodes = children_of(run.pid());
        return nodes.size() == 2 && is_running("crashed");
    }));
    // The root was started first.
    REQUIRE(::kill(std::min(nodes[0], nodes[1]), SIGKILL) == 0);
    REQUIRE(run.wait() == 4);
    const std::string text = here.read("log");
    INFO(text);
    REQUIRE(text.find("was killed by signal 9") != std::string::npos);
    for (const pid_t node : nodes)
        REQUIRE(wait_until([&] { return ::kill(node, 0) != 0; }));
}

TEST_CASE("the guide's service counts up to its limit", "[run]") {
    const scratch here;
    const outcome ran =
        command(run_line(source("samples/counter/counter.rdc"), 2, "--set limit=60"));
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    // The launcher may speak in between.
    std::size_t at = 0;
    for (const char* line : {"20: the sum is 20\n", "30: the sum is 50\n", "70: "}) {
        at = ran.text.find(line, at);
        REQUIRE(at != std::string::npos);
    }
    REQUIRE(ran.text.find("handler failed: counter: refused: the limit is 60\n") !=
            std::string::npos);
}
