#include "lossy_wire.hpp"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace doc::test {

namespace {

constexpr int tick_ms = 100;
constexpr std::string_view final_answer = "HTTP/1.1 200";
/// IPP 2.0, operation Print-Job, behind the header of HTTP.
constexpr std::string_view print_job{"\r\n\r\n\x02\x00\x00\x02", 8};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    return at;
}

/// What can be read now; false: the other side has hung up.
bool read_some(int from, std::string& out) {
    std::array<char, 65'536> piece;
    const ssize_t got = ::recv(from, piece.data(), piece.size(), 0);
    if (got <= 0)
        return false;
    out.assign(piece.data(), static_cast<std::size_t>(got));
    return true;
}

bool write_all(int to, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::send(to, text.data(), text.size(), MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

} // namespace

lossy_wire::lossy_wire(std::uint16_t server, int lost) : server_{server}, lost_{lost} {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    REQUIRE(::listen(listener_, 64) == 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread{[this] { serve(); }};
}

lossy_wire::~lossy_wire() {
    ending_ = true;
    thread_.join();
    ::close(listener_);
}

void lossy_wire::serve() {
    std::vector<std::thread> passing;
    while (!ending_) {
        pollfd waits{listener_, POLLIN, 0};
        if (::poll(&waits, 1, tick_ms) == 1)
            passing.emplace_back([this, client = ::accept4(listener_, nullptr, nullptr,
                                                           SOCK_CLOEXEC)] { pass(client); });
    }
    for (std::thread& each : passing)
        each.join();
}

void lossy_wire::pass(int client) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in at = loopback(server_);
    std::string said;
    std::string heard;
    std::string piece;
    bool enters = false;
    bool loses = false;
    bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    while (open && !ending_) {
        pollfd waits[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        if (::poll(waits, 2, tick_ms) <= 0)
            continue;
        if (waits[0].revents != 0) {
            open = read_some(client, piece) && write_all(server, piece);
            if (!enters && said.size() < 4'096) {
                said += piece;
                enters = said.find(print_job) != std::string::npos;
                loses = enters && entered_.fetch_add(1) < lost_;
            }
        }
        if (open && waits[1].revents != 0) {
            open = read_some(server, piece);
            heard += piece;
            if (loses && heard.find(final_answer) != std::string::npos)
                break; // the job is there, and nobody will say so
            open = open && write_all(client, piece);
        }
    }
    ::close(server);
    ::close(client);
}

} // namespace doc::test
