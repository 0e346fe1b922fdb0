// Where a node listens, as text: "127.0.0.1:4711", "[::1]:4711", "localhost:4711". Names of other
// machines are not looked up: looking up blocks, and until a node can prove an identity of its own
// only this machine's own addresses are allowed.
#pragma once

#include <equus/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace equus::transport {

struct socket_address {
    std::string host; ///< numeric, without brackets
    std::uint16_t port = 0;
    bool v6 = false;
};

/// Reads an address. errc::invalid_argument: not of one of the forms above; errc::unsupported: not
/// a loopback address.
result<socket_address> parse_loopback_address(std::string_view text);

std::string to_text(const socket_address& address);

} // namespace equus::transport
