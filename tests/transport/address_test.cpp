#include "transport/address.hpp"

#include <catch2/catch.hpp>

using namespace equus;
using namespace equus::transport;

TEST_CASE("a loopback address is read and written back", "[transport]") {
    for (const char* text : {"127.0.0.1:0", "127.0.0.1:65535", "127.8.9.10:4711", "[::1]:80"}) {
        const auto parsed = parse_loopback_address(text);
        REQUIRE(parsed);
        REQUIRE(to_text(*parsed) == text);
    }
    REQUIRE(to_text(*parse_loopback_address("localhost:7")) == "127.0.0.1:7");
}

TEST_CASE("an address that others can reach is refused by a word about identities", "[transport]") {
    for (const char* text : {"0.0.0.0:1", "10.0.0.1:4711", "192.168.1.2:80", "[::]:80",
                             "[2001:db8::1]:80", "[::ffff:127.0.0.1]:80", "128.0.0.1:1"}) {
        const auto parsed = parse_loopback_address(text);
        REQUIRE(!parsed);
        REQUIRE(parsed.error() == errc::unsupported);
        REQUIRE(std::string{parsed.error().text()}.find("identity") != std::string::npos);
    }
}

TEST_CASE("text that is no address is refused", "[transport]") {
    for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:65536",
                             "127.0.0.1:-1", "127.0.0.1:8x", "example.org:80", "127.1:80",
                             "[::1:80", "::1:80", "[]:80", "[127.0.0.1]:80", "127.0.0.1 :80"}) {
        const auto parsed = parse_loopback_address(text);
        REQUIRE(!parsed);
        REQUIRE(parsed.error() == errc::invalid_argument);
    }
}
