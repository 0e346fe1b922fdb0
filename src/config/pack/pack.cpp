#include "config/pack/pack.hpp"

#include <equus/base/ids.hpp>
#include <equus/wire/codec.hpp>

#include <algorithm>

namespace equus::config {

namespace {

constexpr std::string_view magic = "EQUUSRDC";
constexpr std::uint32_t format = 1;
constexpr std::size_t header_bytes = 24;

void put(std::byte* at, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i)
        at[i] = static_cast<std::byte>((value >> (8 * (width - 1 - i))) & 0xffu);
}

std::uint64_t get(const std::byte* at, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
        value = (value << 8) | static_cast<std::uint8_t>(at[i]);
    return value;
}

std::uint64_t hash_of(std::span<const std::byte> body) {
    return stable_hash({reinterpret_cast<const char*>(body.data()), body.size()});
}

} // namespace

std::vector<std::byte> pack(const rdc& value) {
    const std::size_t body_bytes = wire::size_bytes(value);
    if (body_bytes == 0)
        return {};
    std::vector<std::byte> out(header_bytes + body_bytes);
    const std::span<std::byte> body{out.data() + header_bytes, body_bytes};
    wire::encode(value, body);
    std::transform(magic.begin(), magic.end(), out.begin(),
                   [](char c) { return static_cast<std::byte>(c); });
    put(&out[8], format, 4);
    put(&out[12], body_bytes, 4);
    put(&out[16], hash_of(body), 8);
    return out;
}

result<rdc> unpack(std::span<const std::byte> table) {
    if (table.size() < header_bytes)
        return fail(errc::malformed, "packed rdc: shorter than its header");
    for (std::size_t i = 0; i < magic.size(); ++i)
        if (table[i] != static_cast<std::byte>(magic[i]))
            return fail(errc::malformed, "packed rdc: not a packed rdc");
    if (get(&table[8], 4) != format)
        return fail(errc::unsupported, "packed rdc: written in a newer format");
    const std::uint64_t body_bytes = get(&table[12], 4);
    if (body_bytes > table.size() - header_bytes)
        return fail(errc::malformed, "packed rdc: cut off");
    const auto body = table.subspan(header_bytes, static_cast<std::size_t>(body_bytes));
    if (get(&table[16], 8) != hash_of(body))
        return fail(errc::malformed, "packed rdc: damaged");
    return wire::decode<rdc>(body);
}

} // namespace equus::config
