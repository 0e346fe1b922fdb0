// samples/embed: a node inside an Asio program.
#include "runs.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace equus::test;

namespace {

/// What the server at the port answers to that, line by line.
std::string talk(std::uint16_t port, const std::string& words, std::size_t answers) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    REQUIRE(::send(fd, words.data(), words.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(words.size()));
    std::string heard;
    char piece[256];
    while (static_cast<std::size_t>(std::count(heard.begin(), heard.end(), '\n')) < answers) {
        const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
        if (got <= 0)
            break;
        heard.append(piece, static_cast<std::size_t>(got));
    }
    ::close(fd);
    return heard;
}

} // namespace

TEST_CASE("the embedded computation answers the server's lines by one command", "[run][embed]") {
    const outcome said =
        command("timeout 60 " + quoted(bin("embed")) + " --say 'one two' --say three");
    INFO(said.text);
    CHECK(said.code == 0);
    CHECK(said.text == "1: 2 words so far\n2: 3 words so far\n");
    CHECK(command(quoted(bin("embed")) + " --bogus").code == 2);
    CHECK(command(quoted(bin("embed")) + " --port 0").code == 2);
}

TEST_CASE("clients of a server with a node inside share its computation", "[run][embed]") {
    const scratch here;
    background server{{bin("embed")}, here / "log"};
    std::string line;
    REQUIRE(wait_until([&] {
        line = here.read("log");
        return line.find('\n') != std::string::npos;
    }));
    const auto port = static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
    CHECK(talk(port, "a b c\nd\n", 2) == "1: 3 words so far\n2: 4 words so far\n");
    CHECK(talk(port, "\n", 1) == "3: 4 words so far\n");
    // The port is taken now.
    const outcome second = command(quoted(bin("embed")) + " --port " + std::to_string(port));
    CHECK(second.code == 1);
    CHECK(second.text.find(std::to_string(port)) != std::string::npos);
    REQUIRE(::kill(server.pid(), SIGTERM) == 0);
    CHECK(server.wait() == 0);
}
