// Messages between two nodes, each a process of its own, over TCP on loopback, against two bare
// programs that pass as many bytes over the same kind of socket with epoll.
#include "bench/cast.hpp"
#include "bench/measure.hpp"

#include <equus/host/asio.hpp>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace equus::bench {

namespace {

constexpr double seconds = 0.5;
constexpr std::size_t warm_up = 500;
constexpr std::size_t times_min = 200; ///< however slow the machine is
constexpr double bulk_seconds = 1;
constexpr std::size_t bulk_warm_up = 5;
constexpr std::size_t bulk_times_min = 20;

// What one message takes on the wire, frame and its part of a packet: the limit passes as many.
// With one outstanding a packet has one message and what acknowledges the last one.
constexpr std::size_t question_bytes = 220;
constexpr std::size_t answer_bytes = 204;
constexpr std::size_t tick_bytes = 120;

enum class place { same_core, two_cores };

unsigned far_core(place where) {
    return where == place::same_core ? 0 : 1;
}

/// What the child needs to know before it can be a node.
struct invitation {
    run_secret secret;
    char address[64]{};
};

/// Runs `far_side` in a second process; `near_side` gets the writing end of what it reads from.
template <class Near, class Far>
sample with_second_process(place where, Near&& near_side, Far&& far_side) {
    int ends[2];
    if (pipe(ends) != 0)
        throw std::runtime_error{"no pipe"};
    const pid_t child = fork();
    if (child < 0)
        throw std::runtime_error{"no process"};
    if (child == 0) {
        close(ends[1]);
        pin_to_core(far_core(where));
        try {
            far_side(ends[0]);
        } catch (const std::exception&) {
        }
        _exit(0); // the measurement's process group is ended when it has its result
    }
    close(ends[0]);
    pin_to_core(0);
    return near_side(ends[1]);
}

sample from_times(std::vector<double> times_us, double bytes) {
    sample out;
    out.p50_us = percentile(times_us, 0.5);
    out.p99_us = percentile(times_us, 0.99);
    double sum = 0;
    for (const double each : times_us)
        sum += each;
    out.ops_per_s = static_cast<double>(times_us.size()) * 1e6 / sum;
    out.bytes_per_s = bytes * out.ops_per_s;
    out.rss_mb = resident_mb();
    return out;
}

// ---------------------------------------------------------------------- two nodes

node_options options_of(const invitation& invited, std::string name) {
    node_options options;
    options.kernel.name = std::move(name);
    options.secret = invited.secret;
    return options;
}

/// Director and what it counts are on the first node.
template <class Measure>
sample two_nodes(place where, const creation& director, Measure&& measure) {
    return with_second_process(
        where,
        [&](int to_child) {
            const module_table modules = cast();
            asio::io_context context{1};
            invitation invited;
            invited.secret = new_run_secret();
            node first{context, options_of(invited, "first"), modules};
            if (auto up = first.start(); !up)
                throw std::runtime_error{up.error().describe()};
            const std::string address{first.address()};
            std::copy_n(address.data(), std::min(address.size(), sizeof invited.address - 1),
                        invited.address);
            if (write(to_child, &invited, sizeof invited) != static_cast<ssize_t>(sizeof invited))
                throw std::runtime_error{"the second process has gone"};
            bytes encoded(wire::size_bytes(director));
            wire::encode(director, encoded.span());
            first.post([&](kernel& core) {
                if (auto made = core.boot(encoded); !made)
                    throw std::runtime_error{made.error().describe()};
            });
            return measure(context, first);
        },
        [](int from_parent) {
            invitation invited;
            if (read(from_parent, &invited, sizeof invited) != static_cast<ssize_t>(sizeof invited))
                return;
            const module_table modules = cast();
            node_options options = options_of(invited, "second");
            options.kernel.root = false;
            options.kernel.root_address = invited.address;
            node second{std::move(options), modules};
            if (second.start())
                second.run();
        });
}

creation director(std::uint32_t server_node, std::uint32_t user_node, std::uint32_t users,
                  bool tells) {
    creation what;
    what.module = "bench.director";
    what.parameters["server_node"] = server_node;
    what.parameters["user_node"] = user_node;
    what.parameters["users"] = users;
    what.parameters["tells"] = tells;
    return what;
}

sample ask(place where, std::uint32_t users) {
    return two_nodes(where, director(2, 0, users, false), [](asio::io_context& context, node&) {
        while (seen.answered < warm_up)
            context.run_one();
        seen.keep_times = true;
        const std::int64_t began = now_ns();
        const std::uint64_t before = seen.answered;
        while (static_cast<double>(now_ns() - began) < seconds * 1e9 ||
               seen.times_us.size() < times_min)
            context.run_one();
        const double passed_us = static_cast<double>(now_ns() - began) / 1e3;
        sample out = from_times(seen.times_us, sizeof(question) + sizeof(answer));
        out.bytes_per_s /= out.ops_per_s;
        out.ops_per_s = static_cast<double>(seen.answered - before) * 1e6 / passed_us;
        out.bytes_per_s *= out.ops_per_s;
        return out;
    });
}

/// Bulk of an invocation to the other node, where it is taken into a buffer, and its reply.
sample load_bulk(place where, std::size_t size) {
    creation what = director(2, 0, 1, false);
    what.parameters["bulk"] = static_cast<std::int64_t>(size);
    return two_nodes(where, what, [size](asio::io_context& context, node&) {
        while (seen.answered < bulk_warm_up)
            context.run_one();
        seen.keep_times = true;
        const std::int64_t began = now_ns();
        while (static_cast<double>(now_ns() - began) < bulk_seconds * 1e9 ||
               seen.times_us.size() < bulk_times_min)
            context.run_one();
        return from_times(seen.times_us, static_cast<double>(size));
    });
}

sample tell(place where) {
    return two_nodes(where, director(0, 2, 1, true), [](asio::io_context& context, node&) {
        return time_batches(
            20'000, seconds,
            [&](std::uint64_t count) {
                const std::uint64_t target = seen.received + count;
                while (seen.received < target)
                    context.run_one();
            },
            sizeof(tick));
    });
}

// ---------------------------------------------------------------------- bare programs

/// A TCP socket on loopback and the epoll that waits for it.
class bare_socket {
public:
    explicit bare_socket(int socket) : socket_{socket}, epoll_{epoll_create1(0)} {
        const int yes = 1;
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_, &wanted);
    }
    /// What has come, after waiting for it; 0: the other side is gone.
    std::size_t receive(std::span<std::byte> to) const {
        epoll_event came{};
        if (epoll_wait(epoll_, &came, 1, 10'000) != 1)
            return 0;
        const ssize_t got = recv(socket_, to.data(), to.size(), 0);
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    bool receive_all(std::span<std::byte> to) const {
        while (!to.empty()) {
            const std::size_t got = receive(to);
            if (got == 0)
                return false;
            to = to.subspan(got);
        }
        return true;
    }
    bool send_all(std::span<const std::byte> what) const {
        while (!what.empty()) {
            const ssize_t sent = send(socket_, what.data(), what.size(), MSG_NOSIGNAL);
            if (sent <= 0)
                return false;
            what = what.subspan(static_cast<std::size_t>(sent));
        }
        return true;
    }

private:
    int socket_;
    int epoll_;
};

int listening_socket(std::uint16_t& port) {
    const int made = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (made < 0 || bind(made, reinterpret_cast<sockaddr*>(&at), size) != 0 ||
        listen(made, 1) != 0 || getsockname(made, reinterpret_cast<sockaddr*>(&at), &size) != 0)
        throw std::runtime_error{"no socket on loopback"};
    port = ntohs(at.sin_port);
    return made;
}

int connected_socket(int from_parent) {
    std::uint16_t port = 0;
    if (read(from_parent, &port, sizeof port) != static_cast<ssize_t>(sizeof port))
        throw std::runtime_error{"no port"};
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    const int made = socket(AF_INET, SOCK_STREAM, 0);
    if (made < 0 || connect(made, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
        throw std::runtime_error{"no connection"};
    return made;
}

template <class Near, class Far>
sample two_programs(place where, Near&& near_side, Far&& far_side) {
    return with_second_process(
        where,
        [&](int to_child) {
            std::uint16_t port = 0;
            const int listening = listening_socket(port);
            if (write(to_child, &port, sizeof port) != static_cast<ssize_t>(sizeof port))
                throw std::runtime_error{"the second process has gone"};
            return near_side(bare_socket{accept(listening, nullptr, nullptr)});
        },
        [&](int from_parent) { far_side(bare_socket{connected_socket(from_parent)}); });
}

sample ask_limit(place where) {
    return two_programs(
        where,
        [](const bare_socket& to) {
            std::array<std::byte, question_bytes> request{};
            std::array<std::byte, answer_bytes> reply{};
            std::vector<double> times_us;
            std::size_t done = 0;
            const std::int64_t began = now_ns();
            std::int64_t at = began;
            while (static_cast<double>(at - began) < seconds * 1e9 || done < warm_up + times_min) {
                if (!to.send_all(request) || !to.receive_all(reply))
                    throw std::runtime_error{"the second process has gone"};
                const std::int64_t after = now_ns();
                if (++done > warm_up)
                    times_us.push_back(static_cast<double>(after - at) / 1e3);
                at = after;
            }
            return from_times(std::move(times_us), sizeof(question) + sizeof(answer));
        },
        [](const bare_socket& to) {
            std::array<std::byte, question_bytes> request{};
            const std::array<std::byte, answer_bytes> reply{};
            while (to.receive_all(request) && to.send_all(reply)) {
            }
        });
}

/// Memory that begins at a page, as the buffers of Equus do.
struct pages {
    explicit pages(std::size_t size)
        : data{static_cast<std::byte*>(std::aligned_alloc(4096, (size + 4095) / 4096 * 4096)),
               &std::free},
          all{data.get(), size} {
        std::fill(all.begin(), all.end(), std::byte{1});
    }
    std::unique_ptr<std::byte, decltype(&std::free)> data;
    std::span<std::byte> all;
};

/// As many bytes in one write, read into one buffer, and an answer.
sample load_limit(place where, std::size_t size) {
    return two_programs(
        where,
        [size](const bare_socket& to) {
            const pages request{size + question_bytes};
            std::array<std::byte, answer_bytes> reply{};
            std::vector<double> times_us;
            std::size_t done = 0;
            const std::int64_t began = now_ns();
            std::int64_t at = began;
            while (static_cast<double>(at - began) < bulk_seconds * 1e9 ||
                   done < bulk_warm_up + bulk_times_min) {
                if (!to.send_all(request.all) || !to.receive_all(reply))
                    throw std::runtime_error{"the second process has gone"};
                const std::int64_t after = now_ns();
                if (++done > bulk_warm_up)
                    times_us.push_back(static_cast<double>(after - at) / 1e3);
                at = after;
            }
            return from_times(std::move(times_us), static_cast<double>(size));
        },
        [size](const bare_socket& to) {
            const pages request{size + question_bytes};
            const std::array<std::byte, answer_bytes> reply{};
            while (to.receive_all(request.all) && to.send_all(reply)) {
            }
        });
}

/// One writes 64 KiB at a time, the other adds up what it reads.
sample tell_limit(place where) {
    return two_programs(
        where,
        [](const bare_socket& from) {
            std::vector<std::byte> room(256 * 1024);
            std::uint64_t came = 0;
            std::uint64_t sum = 0;
            return time_batches(
                20'000, seconds,
                [&](std::uint64_t n) {
                    const std::uint64_t target = came + n * tick_bytes;
                    while (came < target) {
                        const std::size_t got = from.receive(room);
                        if (got == 0)
                            throw std::runtime_error{"the sender has gone"};
                        for (std::size_t i = 0; i + 8 <= got; i += tick_bytes) {
                            std::uint64_t value = 0;
                            std::memcpy(&value, room.data() + i, sizeof value);
                            sum += value;
                        }
                        came += got;
                    }
                    keep(sum);
                },
                sizeof(tick));
        },
        [](const bare_socket& to) {
            const std::vector<std::byte> many(64 * 1024);
            while (to.send_all(many)) {
            }
        });
}

} // namespace

void add_remote_rows(row_list& rows) {
    for (const place where : {place::same_core, place::two_cores}) {
        const std::string at = where == place::same_core ? "same core" : "two cores";
        rows.push_back({"limit", "remote.ask", "32 B, 1 outstanding, " + at,
                        [where] { return ask_limit(where); }});
        rows.push_back({"equus", "remote.ask", "32 B, 1 outstanding, " + at,
                        [where] { return ask(where, 1); }});
        rows.push_back({"equus", "remote.ask", "32 B, 64 outstanding, " + at,
                        [where] { return ask(where, 64); }});
        rows.push_back(
            {"limit", "remote.tell", "32 B, " + at, [where] { return tell_limit(where); }});
        rows.push_back({"equus", "remote.tell", "32 B, " + at, [where] { return tell(where); }});
        for (const auto& [size, name] :
             {std::pair{std::size_t{64} << 10, "64 KiB"}, std::pair{std::size_t{1} << 20, "1 MiB"},
              std::pair{std::size_t{16} << 20, "16 MiB"}}) {
            const std::string params = std::string{name} + ", " + at;
            rows.push_back({"limit", "bulk.invoke", params,
                            [where, bytes = size] { return load_limit(where, bytes); }});
            rows.push_back({"equus", "bulk.invoke", params,
                            [where, bytes = size] { return load_bulk(where, bytes); }});
        }
    }
}

} // namespace equus::bench
