// The codec against memcpy of the same bytes.
#include "bench/measure.hpp"

#include <equus/wire/codec.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace equus::bench {

namespace {

constexpr double seconds = 0.2;

/// Numbers only: what control messages look like.
struct numbers {
    std::uint32_t id = 1;
    std::uint64_t stamp = 2;
    bool urgent = true;
    std::int16_t level = 4;
    EQUUS_FIELDS(id, stamp, urgent, level)
};
struct titled {
    std::uint32_t id = 1;
    std::uint64_t stamp = 2;
    bool urgent = true;
    std::string title = "The Hunting of the Snark";
    EQUUS_FIELDS(id, stamp, urgent, title)
};
/// 64 KiB in one list.
struct page {
    std::vector<std::uint32_t> values = std::vector<std::uint32_t>(16'384, 7u);
    EQUUS_FIELDS(values)
};

template <class T>
std::size_t encoded_bytes() {
    return wire::size_bytes(T{});
}
template <class T>
constexpr std::uint64_t batch_of() {
    return std::is_same_v<T, page> ? 200 : 100'000;
}

template <class T>
sample encode() {
    pin_to_core(0);
    T message{};
    const std::size_t size = encoded_bytes<T>();
    std::vector<std::byte> room(size);
    return time_batches(
        batch_of<T>(), seconds,
        [&](std::uint64_t n) {
            for (std::uint64_t i = 0; i < n; ++i) {
                keep(message);
                const std::size_t needed = wire::size_bytes(message);
                wire::encode(message, std::span{room}.first(needed));
                keep(room[0]);
            }
        },
        static_cast<double>(size));
}

template <class T>
sample decode() {
    pin_to_core(0);
    T message{};
    std::vector<std::byte> room(encoded_bytes<T>());
    wire::encode(message, std::span{room});
    return time_batches(
        batch_of<T>(), seconds,
        [&](std::uint64_t n) {
            for (std::uint64_t i = 0; i < n; ++i) {
                keep(room[0]);
                auto read = wire::decode<T>(std::span<const std::byte>{room});
                keep(*read);
            }
        },
        static_cast<double>(room.size()));
}

template <class T>
sample copy() {
    pin_to_core(0);
    std::size_t size = encoded_bytes<T>();
    std::vector<std::byte> from(size);
    std::vector<std::byte> to(size);
    return time_batches(
        batch_of<T>(), seconds,
        [&](std::uint64_t n) {
            for (std::uint64_t i = 0; i < n; ++i) {
                keep(from[0]);
                keep(size);
                std::memcpy(to.data(), from.data(), size);
                keep(to[0]);
            }
        },
        static_cast<double>(size));
}

template <class T>
void add(row_list& rows, const char* name) {
    const std::string params = std::string{name} + ", " + std::to_string(encoded_bytes<T>()) + " B";
    rows.push_back({"limit", "codec.encode", params, copy<T>});
    rows.push_back({"equus", "codec.encode", params, encode<T>});
    rows.push_back({"limit", "codec.decode", params, copy<T>});
    rows.push_back({"equus", "codec.decode", params, decode<T>});
}

} // namespace

void add_codec_rows(row_list& rows) {
    add<numbers>(rows, "numbers");
    add<titled>(rows, "numbers and a text");
    add<page>(rows, "list of uint32");
}

} // namespace equus::bench
