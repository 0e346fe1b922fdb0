#include "transport/address.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace equus::transport {

namespace {

bool is_loopback(const socket_address& address, bool& numeric) {
    if (address.v6) {
        in6_addr parsed{};
        numeric = ::inet_pton(AF_INET6, address.host.c_str(), &parsed) == 1;
        return numeric && IN6_IS_ADDR_LOOPBACK(&parsed);
    }
    in_addr parsed{};
    numeric = ::inet_pton(AF_INET, address.host.c_str(), &parsed) == 1;
    return numeric && (ntohl(parsed.s_addr) >> 24) == 127;
}

auto malformed(std::string_view text) {
    return fail(errc::invalid_argument,
                "'" + std::string{text} +
                    "' is not an address: write 127.0.0.1:PORT or [::1]:PORT");
}

} // namespace

result<socket_address> parse_loopback_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0)
        return malformed(text);
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);

    socket_address address;
    if (host.starts_with('[') && host.ends_with(']')) {
        address.v6 = true;
        host = host.substr(1, host.size() - 2);
    }
    address.host = host == "localhost" ? "127.0.0.1" : std::string{host};
    const auto [end, problem] =
        std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (problem != std::errc{} || end != port.data() + port.size())
        return malformed(text);

    bool numeric = false;
    if (!is_loopback(address, numeric)) {
        if (!numeric)
            return malformed(text);
        return fail(errc::unsupported, "'" + std::string{text} +
                                           "' is not a loopback address: nodes on other machines "
                                           "need an identity, and none is configured");
    }
    return address;
}

std::string to_text(const socket_address& address) {
    const std::string port = std::to_string(address.port);
    return address.v6 ? "[" + address.host + "]:" + port : address.host + ":" + port;
}

} // namespace equus::transport
