// The two messages whose encoding is measured, and one round of each. A round leaves a number
// behind that depends on all it did, so that no compiler can leave it out.
#pragma once

#include <equus/wire/codec.hpp>

namespace measured {

/// Four fields: 8 bytes of numbers, a flag and a short text.
struct small {
    std::uint32_t id = 0;
    std::uint64_t stamp = 0;
    bool urgent = false;
    std::string title;
    EQUUS_FIELDS(id, stamp, urgent, title)
};

/// Numbers only: what control messages look like.
struct flat {
    std::uint32_t id = 0;
    std::uint64_t stamp = 0;
    bool urgent = false;
    std::int16_t level = 3;
    EQUUS_FIELDS(id, stamp, urgent, level)
};

struct bulk {
    std::vector<std::uint32_t> numbers;
    EQUUS_FIELDS(numbers)
};

/// Encodes into `room`, which is large enough; the bytes used.
template <class T>
std::size_t encode_round(const T& message, std::span<std::byte> room) {
    const std::size_t size = equus::wire::size_bytes(message);
    equus::wire::encode(message, room.first(size));
    return size;
}

/// Decodes into `target`; whether it was a message.
template <class T>
bool decode_round(T& target, std::span<const std::byte> from) {
    return equus::wire::decode_into(target, from).has_value();
}

} // namespace measured
