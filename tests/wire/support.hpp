// The test data, and shorthand for encoding.
#pragma once

#include "messages.hpp"
#include "oracle.hpp"

#include <equus/wire/frame.hpp>

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace support {

inline std::string test_data(const std::string& name) {
    const char* source = std::getenv("EQUUS_SOURCE");
    const std::string path =
        std::string{source != nullptr ? source : "."} + "/tests/wire/testdata/" + name;
    std::ifstream file{path};
    INFO("the test runs in the source tree or with EQUUS_SOURCE set; no " << path);
    REQUIRE(file);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// The schema written by hand.
inline const oracle::schema& by_hand() {
    static const oracle::schema schema{test_data("messages.capnp")};
    return schema;
}

template <class T>
oracle::byte_string encoded(const T& message) {
    const std::size_t size = equus::wire::size_bytes(message);
    // Whatever was there before does not shine through.
    oracle::byte_string out(size, std::byte{0xa5});
    equus::wire::encode(message, out);
    return out;
}

template <class T>
oracle::byte_string framed(const T& message) {
    const equus::bytes out = equus::wire::encode_framed(message);
    return {out.span().begin(), out.span().end()};
}

inline std::string hexadecimal(const oracle::byte_string& bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        out += i % 8 == 0 ? "\n" : " ";
        out += "0123456789abcdef"[static_cast<unsigned>(bytes[i]) >> 4];
        out += "0123456789abcdef"[static_cast<unsigned>(bytes[i]) & 15];
    }
    return out;
}

template <class T>
std::string refusal(std::span<const std::byte> bytes, const equus::wire::limits& within = {}) {
    const auto read = equus::wire::decode<T>(bytes, within);
    return read ? "accepted" : std::string{read.error().text()};
}

} // namespace support
