#include "transport/handshake.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace equus;
using namespace equus::transport;
using role = handshake::role;
using status = handshake::status;

namespace {

run_secret secret(unsigned char first) {
    run_secret s;
    for (std::size_t i = 0; i < s.value.size(); ++i)
        s.value[i] = static_cast<std::byte>(first + i);
    return s;
}

handshake::nonce nonce(unsigned char fill) {
    handshake::nonce n;
    n.fill(static_cast<std::byte>(fill));
    return n;
}

constexpr rdc_id run{7};

using message = std::vector<std::byte>;

message take(handshake& from) {
    const auto out = from.to_send();
    message taken{out.begin(), out.end()};
    from.sent();
    return taken;
}

/// As a driver does it: never more than wanted.
status give(handshake& to, std::span<const std::byte> bytes, std::size_t at_once = 1'000) {
    while (!bytes.empty() && to.wanted() != 0) {
        const std::size_t size = std::min({bytes.size(), to.wanted(), at_once});
        to.input(bytes.first(size));
        bytes = bytes.subspan(size);
    }
    return to.state();
}

struct pair {
    pair(unsigned char dialler_secret = 1, unsigned char listener_secret = 1,
         rdc_id dialler_run = run, rdc_id listener_run = run)
        : dialler{role::dialler, secret(dialler_secret), dialler_run, nonce(10)},
          listener{role::listener, secret(listener_secret), listener_run, nonce(20)} {}
    handshake dialler, listener;
};

} // namespace

TEST_CASE("two sides with one secret both finish, in pieces of any size", "[transport]") {
    for (std::size_t at_once : {1u, 2u, 31u, 48u, 1'000u}) {
        pair p;
        REQUIRE(give(p.listener, take(p.dialler), at_once) == status::underway);
        REQUIRE(give(p.dialler, take(p.listener), at_once) == status::done);
        REQUIRE(p.listener.state() == status::underway);
        REQUIRE(give(p.listener, take(p.dialler), at_once) == status::done);
        REQUIRE(p.listener.wanted() == 0);
        REQUIRE(p.dialler.wanted() == 0);
    }
}

TEST_CASE("a listener with another secret is refused before the dialler proves anything",
          "[transport]") {
    pair p{1, 2};
    REQUIRE(give(p.listener, take(p.dialler)) == status::underway);
    REQUIRE(give(p.dialler, take(p.listener)) == status::refused);
    REQUIRE(p.dialler.to_send().empty());
    REQUIRE(!p.dialler.reason().empty());
}

TEST_CASE("a dialler with another secret is refused", "[transport]") {
    pair p;
    handshake stranger{role::dialler, secret(2), run, nonce(10)};
    give(p.listener, take(stranger));
    REQUIRE(give(p.listener, message(handshake::proof_bytes)) == status::refused);
}

TEST_CASE("a side without a secret refuses everybody", "[transport]") {
    handshake lonely{role::dialler, run_secret{}, run, nonce(1)};
    REQUIRE(lonely.state() == status::refused);
    REQUIRE(lonely.to_send().empty());
    REQUIRE(lonely.wanted() == 0);
}

TEST_CASE("a node of another run is refused by name", "[transport]") {
    pair p{1, 1, rdc_id{7}, rdc_id{8}};
    REQUIRE(give(p.listener, take(p.dialler)) == status::refused);
    REQUIRE(std::string{p.listener.reason()}.find("another run") != std::string::npos);
    REQUIRE(p.listener.to_send().empty());
}

TEST_CASE("a handshake with any bit changed on the way is refused", "[transport]") {
    for (int altered = 0; altered < 3; ++altered)
        for (std::size_t bit = 0;; ++bit) {
            pair p;
            bool changed = false;
            const auto carry = [&](int which, handshake& from, handshake& to) {
                message m = take(from);
                if (which == altered && bit < m.size() * 8) {
                    m[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
                    changed = true;
                }
                give(to, m);
            };
            carry(0, p.dialler, p.listener);
            carry(1, p.listener, p.dialler);
            carry(2, p.dialler, p.listener);
            if (!changed)
                break;
            REQUIRE(p.listener.state() != status::done);
            // Only its last word can be changed without the dialler noticing.
            if (altered < 2)
                REQUIRE(p.dialler.state() != status::done);
        }
}

TEST_CASE("a handshake cut off anywhere is not done", "[transport]") {
    pair whole;
    const message hello = take(whole.dialler);
    give(whole.listener, hello);
    const message answer = take(whole.listener);
    for (std::size_t size = 0; size < answer.size(); ++size) {
        handshake dialler{role::dialler, secret(1), run, nonce(10)};
        take(dialler);
        REQUIRE(give(dialler, std::span{answer}.first(size)) == status::underway);
        REQUIRE(dialler.wanted() == answer.size() - size);
    }
    for (std::size_t size = 0; size < hello.size(); ++size) {
        handshake listener{role::listener, secret(1), run, nonce(20)};
        REQUIRE(give(listener, std::span{hello}.first(size)) == status::underway);
        REQUIRE(listener.to_send().empty());
    }
}

TEST_CASE("a recorded dialler is refused by a listener with a fresh nonce", "[transport]") {
    pair recorded;
    const message hello = take(recorded.dialler);
    give(recorded.listener, hello);
    give(recorded.dialler, take(recorded.listener));
    const message proof = take(recorded.dialler);
    REQUIRE(give(recorded.listener, proof) == status::done);

    handshake listener{role::listener, secret(1), run, nonce(21)};
    give(listener, hello);
    REQUIRE(give(listener, proof) == status::refused);
}

TEST_CASE("a recorded listener is refused by a dialler with a fresh nonce", "[transport]") {
    pair recorded;
    give(recorded.listener, take(recorded.dialler));
    const message answer = take(recorded.listener);

    handshake dialler{role::dialler, secret(1), run, nonce(11)};
    take(dialler);
    REQUIRE(give(dialler, answer) == status::refused);
}

TEST_CASE("a side's own words sent back to it are refused", "[transport]") {
    handshake dialler{role::dialler, secret(1), run, nonce(10)};
    message reflected = take(dialler);
    reflected.resize(handshake::hello_bytes + handshake::proof_bytes);
    REQUIRE(give(dialler, reflected) == status::refused);

    // With the role corrected too, and with the listener's proof as the dialler's own.
    pair p;
    message hello = take(p.dialler);
    give(p.listener, hello);
    const message answer = take(p.listener);
    REQUIRE(give(p.listener, std::span{answer}.subspan(handshake::hello_bytes)) == status::refused);
}

TEST_CASE("a proof got from one listener does not serve a second connection to it", "[transport]") {
    // The intruder lets an honest dialler answer the challenge of a connection of its own.
    handshake listener{role::listener, secret(1), run, nonce(20)};
    handshake intruder{role::dialler, secret(9), run, nonce(66)};
    give(listener, take(intruder));
    const message challenge = take(listener);

    handshake honest{role::dialler, secret(1), run, nonce(10)};
    take(honest);
    REQUIRE(give(honest, challenge) == status::refused);
    REQUIRE(honest.to_send().empty());
}

TEST_CASE("no side asks for more bytes than the protocol has", "[transport]") {
    pair p;
    REQUIRE(p.listener.wanted() == handshake::hello_bytes);
    REQUIRE(p.dialler.wanted() == handshake::hello_bytes + handshake::proof_bytes);
    REQUIRE(p.dialler.to_send().size() == handshake::hello_bytes);
}
