// The print shop's second device: whole runs onto the queues of a private print server.
#include "ipp_queue.hpp"
#include "lossy_wire.hpp"
#include "print_server.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace equus::test;
using doc::test::lossy_wire;
using doc::test::print_server;

namespace {

std::string shop_line(const std::string& documents, const std::string& queue, int nodes = 2) {
    return run_line(source("samples/print_shop/print_shop.rdc"), nodes,
                    "--set documents=" + quoted(documents) + " --set device=" + quoted(queue));
}

std::string contents(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// The names of the documents in a folder.
std::vector<std::string> documents_in(const std::string& folder) {
    std::vector<std::string> found;
    for (const auto& each : fs::recursive_directory_iterator{folder})
        if (!each.is_directory())
            found.push_back(fs::relative(each.path(), folder).string());
    std::sort(found.begin(), found.end());
    return found;
}

void require_each_once(const std::map<std::string, int>& printed,
                       const std::vector<std::string>& documents) {
    std::vector<std::string> names;
    for (const auto& [name, times] : printed) {
        INFO(name);
        CHECK(times == 1);
        names.push_back(name);
    }
    REQUIRE(names == documents);
}

} // namespace

TEST_CASE("the bytes that reach a printer are those of the documents, once each", "[run][K5]") {
    const scratch here;
    const print_server server;
    const std::string documents = source("samples/print_shop/documents");
    const outcome ran = command(shop_line(documents, server.queue("press"), 3));
    INFO(ran.text << server.log());
    REQUIRE(ran.code == 0);
    REQUIRE(ran.text.find("lost 0, duplicated 0") != std::string::npos);
    const auto names = documents_in(documents);
    require_each_once(server.put_into(here / "paper"), names);
    const outcome words = command(quoted(bin("print_shop_words")) + " " + quoted(documents) + " " +
                                  quoted(here / "paper"));
    INFO(words.text);
    REQUIRE(words.code == 0);

    // The folder gets the very same bytes.
    const outcome filed = command(
        run_line(source("samples/print_shop/print_shop.rdc"), 2,
                 "--set documents=" + quoted(documents) + " --set out=" + quoted(here / "out")));
    REQUIRE(filed.code == 0);
    for (const std::string& name : names) {
        INFO(name);
        const std::string sent = contents(here / ("out/" + name + ".pdf"));
        REQUIRE(sent.starts_with("%PDF"));
        REQUIRE(contents(here / ("paper/" + name + ".pdf")) == sent);
    }
}

TEST_CASE("two runs print the same document twice, one run does not", "[run][K13][inc_rdcId]") {
    const scratch here;
    const print_server server;
    here.write("docs/letter.txt", "one two three");
    for (int times = 1; times <= 2; ++times) {
        const outcome ran = command(shop_line(here / "docs", server.queue("press")));
        INFO(ran.text);
        REQUIRE(ran.code == 0);
        REQUIRE(server.received().size() == static_cast<std::size_t>(times));
    }
}

TEST_CASE("a job whose answer is lost is found again, not printed again", "[run][rule12]") {
    const scratch here;
    const print_server server;
    lossy_wire wire{server.port(), 2};
    for (const char* name : {"a.txt", "b.txt", "c.txt"})
        here.write(std::string{"docs/"} + name, "one two three");
    const outcome ran =
        command(shop_line(here / "docs", print_server::queue("press", wire.port())));
    INFO(ran.text << server.log());
    REQUIRE(ran.code == 0);
    REQUIRE(wire.entered() == 3); // two of them without an answer
    require_each_once(server.put_into(here / "paper"), {"a.txt", "b.txt", "c.txt"});
}

TEST_CASE("a spooler that is lost while it prints leaves nothing out and nothing twice",
          "[run][K53]") {
    const scratch here;
    const print_server server;
    for (int i = 10; i < 40; ++i)
        here.write("docs/d" + std::to_string(i) + ".txt", "word" + std::to_string(i));
    background run{{bin("equus"), "run", source("samples/print_shop/print_shop.rdc"), "--nodes",
                    "3", "--name", "shop", "--set", "documents=" + (here / "docs"), "--set",
                    "device=" + server.queue("press")},
                   here / "log"};
    REQUIRE(wait_until([&] { return server.received().size() >= 4; }));
    std::size_t where = 0;
    const outcome seen = command(quoted(bin("equus")) + " ps --json --run shop");
    INFO(seen.text);
    REQUIRE(seen.code == 0);
    const auto told = nlohmann::json::parse(seen.text);
    for (const auto& node : told["nodes"])
        for (const auto& each : node["incarnations"])
            if (each["module"] == "doc.spooler")
                where = std::stoul(node["name"].get<std::string>().substr(1)) - 1;
    REQUIRE(where != 0); // the root cannot be lost
    auto processes = children_of(run.pid());
    REQUIRE(processes.size() == 3);
    std::sort(processes.begin(), processes.end());
    REQUIRE(::kill(processes[where], SIGKILL) == 0);
    const int code = run.wait();
    INFO(here.read("log") << server.log());
    REQUIRE(code == 0);
    REQUIRE(here.read("log").find("lost: spooler") != std::string::npos);
    require_each_once(server.put_into(here / "paper"), documents_in(here / "docs"));
}

TEST_CASE("a job that the printer spoils is named in the table, and the rest is printed", "[run]") {
    const scratch here;
    const print_server server;
    here.write("docs/a jam on the way.txt", "one");
    here.write("docs/b.txt", "two");
    const outcome ran = command(shop_line(here / "docs", server.queue("press")));
    INFO(ran.text << server.log());
    REQUIRE(ran.code == 1);
    REQUIRE(ran.text.find("not printed: a jam on the way.txt: ") != std::string::npos);
    REQUIRE(ran.text.find("was given up by the queue") != std::string::npos);
    REQUIRE(ran.text.find("lost 0, duplicated 0") != std::string::npos);
    require_each_once(server.put_into(here / "paper"), {"b.txt"});
}

TEST_CASE("a queue that stops is named for each document, and keeps none of them", "[run]") {
    const scratch here;
    const print_server server;
    for (const char* name : {"a jam a.txt", "b jam b.txt", "c jam c.txt"})
        here.write(std::string{"docs/x "} + name, "one");
    const std::string queue = server.queue("brittle");
    const outcome ran = command(shop_line(here / "docs", queue));
    INFO(ran.text << server.log());
    REQUIRE(ran.code == 1);
    for (const char* name : {"a jam a.txt", "b jam b.txt", "c jam c.txt"}) {
        const auto line = ran.text.find(std::string{"not printed: x "} + name + ": ");
        REQUIRE(line != std::string::npos);
        REQUIRE(ran.text.find("the queue '" + queue + "' has stopped", line) != std::string::npos);
    }
    REQUIRE(server.received().empty());
}

TEST_CASE("a device that cannot print is named for each document", "[run]") {
    const scratch here;
    const print_server server;
    here.write("docs/a.txt", "one");
    here.write("docs/b.txt", "two");
    const std::string nobody = print_server::queue("press", doc::test::free_port());
    const std::pair<std::string, std::string> devices[] = {
        {nobody, "no print server at '" + nobody + "'"},
        {server.queue("prss"), "not found: '" + server.queue("prss") + "': "},
        {server.queue("closed"), "the queue '" + server.queue("closed") + "' takes no jobs"},
        {server.queue("guarded"), "wants to know who prints"},
        {"lpd://127.0.0.1/press", "is not of the form ipp://HOST:PORT/printers/NAME"},
    };
    for (const auto& [device, words] : devices) {
        const outcome ran = command(shop_line(here / "docs", device));
        INFO(ran.text << server.log());
        REQUIRE(ran.code == 1);
        for (const char* name : {"a.txt", "b.txt"}) {
            const auto line = ran.text.find(std::string{"not printed: "} + name + ": ");
            REQUIRE(line != std::string::npos);
            REQUIRE(ran.text.find(words, line) != std::string::npos);
        }
        REQUIRE(ran.text.find("lost 0, duplicated 0") != std::string::npos);
        REQUIRE(server.received().empty());
    }
}

TEST_CASE("a job's name keeps its key and whole letters of a long name", "[unit]") {
    std::string name;
    for (int i = 0; i < 200; ++i)
        name += "Γ";
    const std::string made = doc::job_name("equus-1-2", name);
    REQUIRE(made.size() <= 255);
    REQUIRE(made.size() >= 254);
    REQUIRE(made.starts_with("equus-1-2 Γ"));
    REQUIRE((made.size() - std::string_view{"equus-1-2 "}.size()) % 2 == 0);
    REQUIRE(doc::job_name("equus-1-2", "a.txt") == "equus-1-2 a.txt");
}
