#include "transport/handshake.hpp"
#include "transport/tcp.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <catch2/catch.hpp>

#include <deque>
#include <map>
#include <string>

using namespace equus;
using namespace equus::transport;
using asio::ip::tcp;

namespace {

/// Far beyond what any of these tests needs; reached only by one that hangs.
constexpr auto patience = std::chrono::seconds{20};

run_secret secret(unsigned char fill) {
    run_secret s;
    s.value.fill(static_cast<std::byte>(fill));
    return s;
}

std::string packet_text(std::size_t size, unsigned seed) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i * 7 + seed) % 26);
    return text;
}

std::span<const std::byte> as_packet(const std::string& text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}

tcp_options options_with(unsigned char secret_fill = 1) {
    tcp_options options;
    options.secret = secret(secret_fill);
    return options;
}

/// One driver's transport and what it was told.
struct end final : tcp_receiver {
    end(asio::io_context& context, tcp_options options = options_with())
        : net{context, std::move(options), *this} {}

    void link_up(link_id link, dial_id dialled) override {
        up.push_back(link);
        dials[link.value] = dialled;
    }
    void dial_failed(dial_id dial, error reason) override { failed.emplace(dial.value, reason); }
    void packet(link_id link, std::span<const std::byte> packet) override {
        received[link.value].emplace_back(reinterpret_cast<const char*>(packet.data()),
                                          packet.size());
        ++packets;
    }
    void packets_end() override { ++reads; }
    void link_down(link_id link, error reason) override { down.emplace(link.value, reason); }

    std::vector<link_id> up;
    std::map<std::uint64_t, dial_id> dials;
    std::map<std::uint64_t, error> failed, down;
    std::map<std::uint64_t, std::deque<std::string>> received;
    std::size_t packets = 0, reads = 0;
    tcp_links net;
};

template <class Condition>
void run_until(asio::io_context& context, Condition&& condition) {
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        context.restart();
        REQUIRE(context.run_one_until(limit) == 1);
    }
}

/// Two ends and a link between them.
struct linked_pair {
    explicit linked_pair(tcp_options a_options = options_with(),
                         tcp_options b_options = options_with())
        : a{context, std::move(a_options)}, b{context, std::move(b_options)} {
        address = b.net.listen("127.0.0.1:0").value();
        connect();
    }
    void connect() {
        const auto a_links = a.up.size(), b_links = b.up.size();
        a.net.dial(dial_id{++dials}, address);
        run_until(context, [&] { return a.up.size() > a_links && b.up.size() > b_links; });
    }
    template <class Condition>
    void until(Condition&& condition) {
        run_until(context, std::forward<Condition>(condition));
    }
    asio::io_context context{1};
    end a, b;
    std::string address;
    std::uint64_t dials = 0;
};

tcp::endpoint endpoint_of(const std::string& address) {
    const auto port = std::stoul(address.substr(address.rfind(':') + 1));
    return {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)};
}

/// Whether the other side has closed; reads away what it says.
struct watched_socket {
    watched_socket(asio::io_context& context, const std::string& address) : socket{context} {
        socket.connect(endpoint_of(address));
        read();
    }
    void read() {
        socket.async_read_some(asio::buffer(sink),
                               [this](const asio::error_code& problem, std::size_t got) {
                                   heard += got;
                                   if (problem)
                                       closed = true;
                                   else
                                       read();
                               });
    }
    tcp::socket socket;
    std::array<std::byte, 1024> sink{};
    std::size_t heard = 0;
    bool closed = false;
};

class xor_guard final : public batch_guard {
public:
    std::size_t overhead_bytes() const noexcept override { return 1; }
    void seal(std::span<std::byte> batch) noexcept override {
        for (std::byte& b : batch)
            b ^= std::byte{0x33};
        batch.back() = std::byte{0x77};
    }
    bool open(std::span<std::byte> batch) noexcept override {
        const bool right = batch.back() == std::byte{0x77};
        for (std::byte& b : batch)
            b ^= std::byte{0x33};
        return right;
    }
};

} // namespace

TEST_CASE("packets of every size arrive whole and in order, in both directions", "[transport]") {
    linked_pair p;
    REQUIRE(p.a.dials[p.a.up[0].value] == dial_id{1});
    REQUIRE(p.b.dials[p.b.up[0].value] == dial_id{});
    std::deque<std::string> packets;
    for (unsigned i = 0; i < 300; ++i)
        packets.push_back(packet_text(1 + std::size_t{i} * i * 131 % (64u << 10), i));
    packets.push_back(packet_text(64u << 10, 7));
    packets.push_back("last");
    for (std::size_t i = 0; i < packets.size(); ++i) {
        p.a.net.send(p.a.up[0], as_packet(packets[i]));
        p.b.net.send(p.b.up[0], as_packet(packets[i]));
        if (i % 5 == 0) {
            p.a.net.flush();
            p.b.net.flush();
        }
    }
    p.a.net.flush();
    p.b.net.flush();
    p.until([&] { return p.a.packets == packets.size() && p.b.packets == packets.size(); });
    REQUIRE(p.a.received[p.a.up[0].value] == packets);
    REQUIRE(p.b.received[p.b.up[0].value] == packets);
    REQUIRE(p.a.down.empty());
}

TEST_CASE("small packets of one turn leave in one write and arrive in few reads", "[transport]") {
    linked_pair p;
    const auto before = p.a.net.counters().writes;
    for (int i = 0; i < 1'000; ++i)
        p.a.net.send(p.a.up[0], as_packet("thirty-two bytes of small packet"));
    REQUIRE(p.a.net.counters().writes == before);
    p.a.net.flush();
    REQUIRE(p.a.net.counters().writes == before + 1);
    p.until([&] { return p.b.packets == 1'000; });
}

TEST_CASE("a link's buffer is written without a flush at 64 KiB", "[transport]") {
    linked_pair p;
    const auto before = p.a.net.counters().writes;
    const std::string packet = packet_text(1'000, 1);
    for (std::size_t sent = 0; sent < (64u << 10); sent += packet.size() + 4)
        p.a.net.send(p.a.up[0], as_packet(packet));
    REQUIRE(p.a.net.counters().writes > before);
}

TEST_CASE("a guard sees every batch of a link, and packets pass it unchanged", "[transport]") {
    auto options = options_with();
    options.make_guard = [](bool) { return std::make_unique<xor_guard>(); };
    linked_pair p{options, options};
    std::deque<std::string> packets;
    for (unsigned i = 0; i < 100; ++i)
        packets.push_back(packet_text(1 + std::size_t{i} * i * 997 % (64u << 10), i));
    for (const std::string& packet : packets)
        p.a.net.send(p.a.up[0], as_packet(packet));
    p.a.net.flush();
    p.until([&] { return p.b.packets == packets.size(); });
    REQUIRE(p.b.received[p.b.up[0].value] == packets);
}

TEST_CASE("a link that one side loses ends on the other, and a new one takes its place",
          "[transport]") {
    linked_pair p;
    for (int round = 0; round < 5; ++round) {
        const link_id a_link = p.a.up.back(), b_link = p.b.up.back();
        p.a.net.send(a_link, as_packet("before the end"));
        p.a.net.hang_up(a_link);
        p.until([&] { return p.b.down.count(b_link.value) == 1; });
        REQUIRE(p.b.received[b_link.value] == std::deque<std::string>{"before the end"});
        p.connect();
        REQUIRE(p.a.up.back() != a_link);
        REQUIRE(p.b.up.back() != b_link);
        p.b.net.send(p.b.up.back(), as_packet("after it"));
        p.b.net.flush();
        p.until([&] { return !p.a.received[p.a.up.back().value].empty(); });
    }
    REQUIRE(p.a.down.empty());
}

TEST_CASE("hanging up sends all that was accepted before", "[transport]") {
    linked_pair p;
    constexpr std::size_t count = 200;
    const std::string packet = packet_text(64u << 10, 3);
    for (std::size_t i = 0; i < count; ++i)
        p.a.net.send(p.a.up[0], as_packet(packet));
    p.a.net.hang_up(p.a.up[0]);
    p.until([&] { return !p.b.down.empty(); });
    REQUIRE(p.b.packets == count);
    REQUIRE(p.b.down.begin()->second == errc::closed);
}

TEST_CASE("two nodes that dial each other at once get two working links", "[transport]") {
    asio::io_context context{1};
    end a{context}, b{context};
    const auto a_address = a.net.listen("127.0.0.1:0").value();
    const auto b_address = b.net.listen("127.0.0.1:0").value();
    a.net.dial(dial_id{1}, b_address);
    b.net.dial(dial_id{1}, a_address);
    run_until(context, [&] { return a.up.size() == 2 && b.up.size() == 2; });
    for (link_id link : a.up)
        a.net.send(link, as_packet("hello"));
    for (link_id link : b.up)
        b.net.send(link, as_packet("hello"));
    a.net.flush();
    b.net.flush();
    run_until(context, [&] { return a.packets == 2 && b.packets == 2; });
    // One of each pair is hung up; the other goes on.
    const auto dialled = [](end& e) { return e.dials[e.up[0].value] ? e.up[0] : e.up[1]; };
    const auto accepted = [](end& e) { return e.dials[e.up[0].value] ? e.up[1] : e.up[0]; };
    a.net.hang_up(dialled(a));
    run_until(context, [&] { return b.down.count(accepted(b).value) == 1; });
    b.net.send(dialled(b), as_packet("still here"));
    b.net.flush();
    run_until(context, [&] { return a.packets == 3; });
    REQUIRE(a.received[accepted(a).value].back() == "still here");
}

TEST_CASE("a dialler with another secret gets no link, and neither does its listener",
          "[transport]") {
    asio::io_context context{1};
    end honest{context, options_with(1)}, stranger{context, options_with(2)};
    const auto address = honest.net.listen("127.0.0.1:0").value();
    stranger.net.dial(dial_id{9}, address);
    run_until(context,
              [&] { return stranger.failed.count(9) == 1 && honest.net.counters().refused == 1; });
    REQUIRE(stranger.failed.at(9) == errc::refused);
    REQUIRE(honest.up.empty());
    REQUIRE(stranger.up.empty());
}

TEST_CASE("a silent peer is closed, and others are served meanwhile", "[transport]") {
    auto options = options_with();
    options.handshake_within = duration{100'000'000};
    asio::io_context context{1};
    end a{context}, b{context, options};
    const auto address = b.net.listen("127.0.0.1:0").value();
    watched_socket silent{context, address};
    a.net.dial(dial_id{1}, address);
    run_until(context, [&] { return a.up.size() == 1 && b.up.size() == 1; });
    run_until(context, [&] { return silent.closed; });
    REQUIRE(silent.heard == 0);
    REQUIRE(b.net.counters().refused == 1);
    REQUIRE(b.down.empty());
}

TEST_CASE("a listener that never answers fails the dial", "[transport]") {
    auto options = options_with();
    options.handshake_within = duration{100'000'000};
    asio::io_context context{1};
    end a{context, options};
    tcp::acceptor mute{context, {asio::ip::address_v4::loopback(), 0}};
    a.net.dial(dial_id{1}, "127.0.0.1:" + std::to_string(mute.local_endpoint().port()));
    run_until(context, [&] { return a.failed.count(1) == 1; });
    REQUIRE(a.failed.at(1) == errc::timed_out);
}

TEST_CASE("a dial to nobody fails with the system's words", "[transport]") {
    asio::io_context context{1};
    end a{context};
    std::string address;
    {
        end gone{context};
        address = gone.net.listen("127.0.0.1:0").value();
    }
    a.net.dial(dial_id{1}, address);
    run_until(context, [&] { return a.failed.count(1) == 1; });
    REQUIRE(!a.failed.at(1).text().empty());
}

TEST_CASE("a peer that speaks nonsense is closed after its first words", "[transport]") {
    asio::io_context context{1};
    end b{context};
    const auto address = b.net.listen("127.0.0.1:0").value();
    watched_socket noisy{context, address};
    const std::string nonsense = packet_text(1u << 20, 5);
    asio::async_write(noisy.socket, asio::buffer(nonsense),
                      [](const asio::error_code&, std::size_t) {});
    run_until(context, [&] { return noisy.closed; });
    REQUIRE(noisy.heard == 0);
    REQUIRE(b.packets == 0);
    REQUIRE(b.up.empty());
}

TEST_CASE("silent peers over the limit crowd out the oldest of them, not the honest",
          "[transport]") {
    auto options = options_with();
    options.pending_per_address_max = 3;
    asio::io_context context{1};
    end a{context}, b{context, options};
    const auto address = b.net.listen("127.0.0.1:0").value();
    std::deque<watched_socket> silent;
    for (int i = 0; i < 10; ++i)
        silent.emplace_back(context, address);
    run_until(context, [&] { return b.net.counters().crowded_out == 7; });
    a.net.dial(dial_id{1}, address);
    run_until(context, [&] { return a.up.size() == 1 && b.up.size() == 1; });
    for (int i = 0; i < 7; ++i)
        run_until(context, [&, i] { return silent[static_cast<std::size_t>(i)].closed; });
    REQUIRE(!silent[9].closed);
}

TEST_CASE("bytes that are no packet end the link and nothing of them reaches the driver",
          "[transport]") {
    asio::io_context context{1};
    end b{context};
    const auto address = b.net.listen("127.0.0.1:0").value();
    tcp::socket socket{context};
    socket.connect(endpoint_of(address));
    handshake shake{handshake::role::dialler, secret(1), rdc_id{1}, {}};
    const auto say = [&](std::span<const std::byte> words) {
        asio::write(socket, asio::buffer(words.data(), words.size()));
    };
    say(shake.to_send());
    shake.sent();
    run_until(context, [&] { return socket.available() == shake.wanted(); });
    std::vector<std::byte> answer(shake.wanted());
    asio::read(socket, asio::buffer(answer));
    REQUIRE(shake.input(answer) == handshake::status::done);
    say(shake.to_send());
    run_until(context, [&] { return b.up.size() == 1; });
    const std::vector<std::byte> nonsense(100, std::byte{0xff});
    say(nonsense);
    run_until(context, [&] { return b.down.size() == 1; });
    REQUIRE(b.down.begin()->second == errc::malformed);
    REQUIRE(b.packets == 0);
}

TEST_CASE("a link whose other side does not read is broken at the limit of unsent bytes",
          "[transport]") {
    auto options = options_with();
    options.unsent_bytes_max = 4u << 20;
    asio::io_context context{1};
    asio::io_context stopped{1};
    end a{context, options}, b{stopped};
    const auto address = b.net.listen("127.0.0.1:0").value();
    a.net.dial(dial_id{1}, address);
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (a.up.empty() || b.up.empty()) {
        REQUIRE(std::chrono::steady_clock::now() < limit);
        context.restart();
        stopped.restart();
        context.poll();
        stopped.poll();
    }
    const std::string packet = packet_text(60'000, 1);
    std::size_t sent = 0;
    while (a.down.empty() && sent < 10'000) {
        a.net.send(a.up[0], as_packet(packet));
        ++sent;
        context.restart();
        context.poll();
    }
    REQUIRE(a.down.size() == 1);
    REQUIRE(a.down.begin()->second == errc::limit_reached);
}

TEST_CASE("a port that is taken is a clear error", "[transport]") {
    asio::io_context context{1};
    end a{context}, b{context};
    const auto address = a.net.listen("127.0.0.1:0").value();
    const auto second = b.net.listen(address);
    REQUIRE(!second);
    REQUIRE(second.error() == errc::io_failed);
    REQUIRE(std::string{second.error().text()}.find(address) != std::string::npos);
}

TEST_CASE("an address that others can reach is neither listened at nor dialled", "[transport]") {
    asio::io_context context{1};
    end a{context};
    REQUIRE(a.net.listen("0.0.0.0:0").error() == errc::unsupported);
    a.net.dial(dial_id{1}, "192.0.2.1:80");
    run_until(context, [&] { return a.failed.count(1) == 1; });
    REQUIRE(a.failed.at(1) == errc::unsupported);
}

TEST_CASE("an end that is closed or destroyed says nothing more and leaves nothing behind",
          "[transport]") {
    for (bool destroy : {false, true}) {
        asio::io_context context{1};
        auto a = std::make_unique<end>(context);
        end b{context};
        const auto address = b.net.listen("127.0.0.1:0").value();
        a->net.dial(dial_id{1}, address);
        run_until(context, [&] { return a->up.size() == 1 && b.up.size() == 1; });
        a->net.dial(dial_id{2}, address);
        a->net.dial(dial_id{3}, "192.0.2.1:80");
        if (destroy)
            a.reset();
        else
            a->net.close();
        run_until(context, [&] { return b.down.size() == 1; });
        b.net.close();
        // Comes back only when no handler of either is left.
        context.restart();
        context.run_for(patience);
        REQUIRE(context.stopped());
        if (a) {
            REQUIRE(a->failed.empty());
            REQUIRE(a->up.size() == 1);
        }
    }
}
