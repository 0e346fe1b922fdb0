// Bad input, at the level of the command: what is wrong, where, what instead, and the documented
// exit code; whatever else there is goes on, and nothing half-written is left.
#include "runs.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>

using namespace equus::test;

namespace {

/// A connected socket, closed with the object.
class connection {
public:
    connection(int domain, const sockaddr* to, socklen_t size)
        : fd_{::socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        REQUIRE(::connect(fd_, to, size) == 0);
    }
    connection(connection&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    ~connection() {
        if (fd_ >= 0)
            ::close(fd_);
    }
    /// Says it; whether the other side has hung up meanwhile is its business.
    void say(const std::string& words) const {
        static_cast<void>(::send(fd_, words.data(), words.size(), MSG_NOSIGNAL));
    }
    bool is_hung_up() const {
        char heard[256];
        const ssize_t got = ::recv(fd_, heard, sizeof heard, MSG_DONTWAIT);
        return got == 0 || (got < 0 && errno != EAGAIN);
    }

private:
    int fd_;
};

connection dial(const std::string& address) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    const auto colon = address.rfind(':');
    REQUIRE(colon != std::string::npos);
    REQUIRE(::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) == 1);
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1))));
    return {AF_INET, reinterpret_cast<const sockaddr*>(&to), sizeof to};
}

connection dial_local(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof to.sun_path);
    path.copy(to.sun_path, path.size());
    return {AF_UNIX, reinterpret_cast<const sockaddr*>(&to), sizeof to};
}

std::string print_shop_line(const scratch& here, const std::string& documents,
                            const std::string& out) {
    return run_line(source("samples/print_shop/print_shop.rdc"), 2,
                    "--set documents=" + quoted(here / documents) +
                        " --set out=" + quoted(here / out));
}

std::vector<std::string> files_below(const std::string& folder) {
    std::vector<std::string> found;
    if (fs::exists(folder))
        for (const auto& each : fs::recursive_directory_iterator{folder})
            if (!each.is_directory())
                found.push_back(fs::relative(each.path(), folder).string());
    std::sort(found.begin(), found.end());
    return found;
}

std::string long_text() {
    std::string text;
    for (int word = 0; word < 4'000; ++word)
        text += "word" + std::to_string(word) + (word % 100 == 99 ? "\n\n" : " ");
    return text;
}

/// A configuration of the program `misbehaving`.
std::string misbehaving(const std::string& body) {
    return "rdc lab version 1\nuse \"lab\" from \"misbehaving\"\nchannel asks : lab.provoking\n" +
           body;
}
std::string lab_line(const scratch& here, const std::string& more = {}) {
    return run_line(here / "lab.rdc", 2, "--program " + quoted(bin("misbehaving")) + " " + more);
}

} // namespace

TEST_CASE("a malformed configuration is answered with all that is wrong, and exit code 1",
          "[run]") {
    const scratch here;
    here.write("lab.rdc", misbehaving("primary incarnation a : lab.provoker {\n"
                                      "    stream asks -> asked\n"
                                      "incarnation b lab.thrower { port asks <- asks }\n"));
    const outcome ran = command(lab_line(here));
    INFO(ran.text);
    REQUIRE(ran.code == 1);
    REQUIRE(ran.text.find("lab.rdc:6:15: error R0") != std::string::npos);
    REQUIRE(ran.text.find(" errors, 0 warnings") != std::string::npos);
    REQUIRE(ran.text.find("running") == std::string::npos);
}

TEST_CASE("an interface that the configuration leaves out is named before the run", "[run]") {
    const scratch here;
    here.write("lab.rdc", misbehaving("primary incarnation a : lab.provoker {\n"
                                      "    stream console -> system.console\n}\n"));
    const outcome ran = command(lab_line(here));
    INFO(ran.text);
    REQUIRE(ran.code == 1);
    REQUIRE(ran.text.find("lab.rdc:4:21: error R0") != std::string::npos);
    REQUIRE(ran.text.find("'asks'") != std::string::npos);
}

TEST_CASE("a handler that throws fails its caller with the words, and the rest goes on", "[run]") {
    const scratch here;
    here.write("lab.rdc",
               misbehaving("primary incarnation a : lab.provoker {\n"
                           "    stream asks -> asks ; stream console -> system.console\n}\n"
                           "incarnation b : lab.thrower { port asks <- asks }\n"));
    const outcome ran = command(lab_line(here));
    INFO(ran.text);
    REQUIRE(ran.text.find("exception: handler failed: b: handler failed: thrown on purpose\n") !=
            std::string::npos);
    REQUIRE(ran.text.find("number: handler failed: b: ") != std::string::npos);
    REQUIRE(ran.text.find("nothing: nothing\n") != std::string::npos);
    REQUIRE(ran.code == 7); // the computation's own result
}

TEST_CASE("an incarnation that throws ends alone, unless it is the primary", "[run]") {
    const scratch here;
    const bool primary = GENERATE(false, true);
    const std::string where = primary ? "start" : "main";
    here.write("lab.rdc",
               misbehaving(std::string{primary ? "primary " : ""} +
                           "incarnation c : lab.broken { where = \"" + where +
                           "\" ; port asks <- asks }\n" + (primary ? "" : "primary ") +
                           "incarnation a : lab.provoker {\n"
                           "    stream asks -> asks ; stream console -> system.console\n}\n"));
    const outcome ran =
        command(run_line(here / "lab.rdc", 1, "--program " + quoted(bin("misbehaving"))));
    INFO(ran.text);
    REQUIRE(ran.text.find("handler failed: no " + where) != std::string::npos);
    REQUIRE(ran.text.find(primary ? "failed: primary 'c': " : "failed: c: ") != std::string::npos);
    REQUIRE(ran.code == (primary ? 1 : 7));
}

TEST_CASE("a peer that speaks nonsense or says nothing disturbs nobody", "[run]") {
    const scratch here;
    here.write("endless.rdc", endless);
    background run{{bin("equus"), "run", here / "endless.rdc", "--nodes", "2", "--name", "calm",
                    "--program", bin("hello")},
                   here / "log"};
    std::vector<std::string> addresses;
    outcome seen;
    const bool up = wait_until([&] {
        seen = command(quoted(bin("equus")) + " status --run calm --json");
        if (seen.code != 0)
            return false;
        const auto told = nlohmann::json::parse(seen.text);
        addresses.clear();
        for (const auto& node : told["nodes"])
            addresses.push_back(node["address"].get<std::string>());
        return addresses.size() == 2 && told["state"] == "running";
    });
    INFO(seen.text << here.read("log"));
    REQUIRE(up);
    std::vector<connection> silent;
    std::vector<connection> loud;
    for (const std::string& address : addresses) {
        for (int i = 0; i < 4; ++i)
            silent.push_back(dial(address));
        for (const std::string& words :
             {std::string{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"}, std::string(70'000, '\xff'),
              std::string(64, '\0'), std::string{"\x01"}}) {
            loud.push_back(dial(address));
            loud.back().say(words);
        }
    }
    loud.push_back(dial_local(here / "equus/calm.socket"));
    loud.back().say(std::string(4'096, '\xff'));
    silent.push_back(dial_local(here / "equus/calm.socket"));
    REQUIRE(wait_until([&] { return loud.front().is_hung_up(); }));

    seen = command(quoted(bin("equus")) + " ps --run calm --json");
    REQUIRE(seen.code == 0);
    REQUIRE(nlohmann::json::parse(seen.text)["nodes"].size() == 2);
    REQUIRE(command(quoted(bin("equus")) + " stop --run calm").code == 0);
    REQUIRE(run.wait() == 130);
    REQUIRE(here.read("log").find("lost") == std::string::npos);
}

TEST_CASE("a name or a folder that is taken is said, with exit code 3", "[run]") {
    const scratch here;
    here.write("endless.rdc", endless);
    background first{{bin("equus"), "run", here / "endless.rdc", "--nodes", "1", "--name", "taken",
                      "--program", bin("hello")},
                     here / "log"};
    REQUIRE(
        wait_until([&] { return command(quoted(bin("equus")) + " ps --run taken").code == 0; }));
    const outcome second = command(
        run_line(here / "endless.rdc", 1, "--name taken --program " + quoted(bin("hello"))));
    INFO(second.text);
    REQUIRE(second.code == 3);
    REQUIRE(second.text.find("a run named 'taken' is alive") != std::string::npos);
    REQUIRE(command(quoted(bin("equus")) + " stop --run taken").code == 0);
    first.wait();

    here.write("docs/a.txt", "one");
    here.write("file", "not a folder");
    const outcome no_folder = command(print_shop_line(here, "docs", "file"));
    INFO(no_folder.text);
    REQUIRE(no_folder.code == 3);
    REQUIRE(no_folder.text.find("folder '" + (here / "file") + "': Not a directory") !=
            std::string::npos);
}

TEST_CASE("a port that is taken is said, with exit code 3, and no address at all with 2", "[run]") {
    const scratch here;
    here.write("endless.rdc", endless);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(taken, reinterpret_cast<const sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(taken, 1) == 0);
    REQUIRE(::getsockname(taken, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    const std::string address = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    const std::string program = "--program " + quoted(bin("hello"));
    const outcome refused =
        command(run_line(here / "endless.rdc", 2, program + " --listen " + address));
    ::close(taken);
    INFO(refused.text);
    REQUIRE(refused.code == 3);
    REQUIRE(refused.text.find("not started: node n1: ") != std::string::npos);
    REQUIRE(refused.text.find(address) != std::string::npos);
    for (const char* wrong : {"4000", "127.0.0.1:99999", "192.0.2.1:4000", "nowhere:1"}) {
        const outcome said =
            command(run_line(here / "endless.rdc", 1, program + " --listen " + wrong));
        INFO(said.text);
        REQUIRE(said.code == 2);
        REQUIRE(said.text.find(wrong) != std::string::npos);
    }
}

TEST_CASE("a disc that takes no more spoils what does not fit, and leaves no half of it", "[run]") {
    const scratch here;
    here.write("docs/long.txt", long_text());
    here.write("docs/short.txt", "one two three");
    // 16 blocks of 512 or 1024 bytes, as the shell has it: the short one fits, the long one does
    // not.
    const outcome ran = command("ulimit -f 24 && " + print_shop_line(here, "docs", "out"));
    INFO(ran.text);
    REQUIRE(ran.code == 1);
    REQUIRE(ran.text.find("not printed: long.txt: ") != std::string::npos);
    REQUIRE(ran.text.find("writing '" + (here / "out/long.txt.pdf") + "'") != std::string::npos);
    REQUIRE(ran.text.find("File too large") != std::string::npos);
    REQUIRE(ran.text.find("lost 0, duplicated 0") != std::string::npos);
    REQUIRE(files_below(here / "out") == std::vector<std::string>{"short.txt.pdf"});
}

TEST_CASE("a folder of documents is the same however it is written", "[run]") {
    const scratch here;
    here.write("docs/a.txt", "one");
    here.write("docs/Grüße an B/ein Brief.md", "two");
    const std::string tail = GENERATE("docs", "docs/", "docs/.", "./docs//", "docs/../docs");
    const outcome ran = command("cd " + quoted(here / "") + " && " +
                                run_line(source("samples/print_shop/print_shop.rdc"), 1,
                                         "--set documents=" + tail + " --set out=docs/out/."));
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    REQUIRE(files_below(here / "docs/out") ==
            std::vector<std::string>{"Grüße an B/ein Brief.md.pdf", "a.txt.pdf"});
    const outcome inside = command("cd " + quoted(here / "docs") + " && " +
                                   run_line(source("samples/print_shop/print_shop.rdc"), 1,
                                            "--set documents=. --set out=../there"));
    INFO(inside.text);
    REQUIRE(inside.code == 0);
    REQUIRE(files_below(here / "there").size() == 2);
}

TEST_CASE("a folder without documents, or that is not there, is said", "[run]") {
    const scratch here;
    here.write("docs/picture.png", "no document");
    const outcome empty = command(print_shop_line(here, "docs", "out"));
    INFO(empty.text);
    REQUIRE(empty.code == 1);
    REQUIRE(empty.text.find("no .md, .markdown or .txt file in folder '" + (here / "docs") + "'") !=
            std::string::npos);
    const outcome missing = command(print_shop_line(here, "dcos", "out"));
    INFO(missing.text);
    REQUIRE(missing.code == 1);
    REQUIRE(missing.text.find("folder '" + (here / "dcos") + "': No such file") !=
            std::string::npos);
    REQUIRE_FALSE(fs::exists(here / "dcos"));
    REQUIRE_FALSE(fs::exists(here / "out"));
}
