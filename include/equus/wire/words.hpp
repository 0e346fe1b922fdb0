// Words and pointers of Cap'n Proto. A message is a row of 8-byte words, little-endian whatever the
// machine is, and may begin at any address: everything is loaded and stored through these
// functions.
//
// Source: capnproto.org/encoding.html.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace equus::wire::detail {

inline constexpr std::size_t word_bytes = 8;

template <class Unsigned>
constexpr Unsigned little_endian(Unsigned value) noexcept {
    if constexpr (std::endian::native == std::endian::little || sizeof(Unsigned) == 1)
        return value;
    else if constexpr (sizeof(Unsigned) == 2)
        return __builtin_bswap16(value);
    else if constexpr (sizeof(Unsigned) == 4)
        return __builtin_bswap32(value);
    else
        return __builtin_bswap64(value);
}

template <class Unsigned>
[[gnu::always_inline]] inline Unsigned load(const std::byte* from) noexcept {
    Unsigned value;
    std::memcpy(&value, from, sizeof value);
    return little_endian(value);
}

template <class Unsigned>
[[gnu::always_inline]] inline void store(std::byte* to, Unsigned value) noexcept {
    value = little_endian(value);
    std::memcpy(to, &value, sizeof value);
}

/// The two low bits of a pointer.
enum class pointer_kind : std::uint8_t { structure = 0, list = 1, far = 2, other = 3 };

/// How the elements of a list lie: bits 32-34 of a list pointer.
enum class element_size : std::uint8_t {
    nothing = 0,
    bit = 1,
    byte = 2,
    two_bytes = 3,
    four_bytes = 4,
    eight_bytes = 5,
    pointer = 6,
    composite = 7,
};

/// The most elements of a list, and the most words of one, that its pointer can say.
inline constexpr std::uint32_t list_size_max = (1u << 29) - 1;
/// The most words of a message that any pointer can reach across.
inline constexpr std::uint32_t message_words_max = (1u << 29) - 1;

/// Bits of one element; 0 for `composite`, whose tag word says it.
constexpr std::uint32_t bits_of(element_size size) noexcept {
    constexpr std::uint8_t bits[] = {0, 1, 8, 16, 32, 64, 64, 0};
    return bits[static_cast<unsigned>(size)];
}

constexpr element_size element_size_of_bits_log2(unsigned log2_bits) noexcept {
    constexpr element_size sizes[] = {
        element_size::bit,         element_size::nothing,   element_size::nothing,
        element_size::byte,        element_size::two_bytes, element_size::four_bytes,
        element_size::eight_bytes,
    };
    return sizes[log2_bits];
}

constexpr std::uint64_t words_of_bytes(std::uint64_t bytes) noexcept {
    return (bytes + word_bytes - 1) / word_bytes;
}

constexpr std::uint64_t words_of_bits(std::uint64_t bits) noexcept {
    return (bits + 63) / 64;
}

/// The words between the end of the pointer at `at` and `target`.
inline std::uint32_t offset_words(const std::byte* at, const std::byte* target) noexcept {
    return static_cast<std::uint32_t>((target - at) / static_cast<std::ptrdiff_t>(word_bytes) - 1);
}

inline void store_struct_pointer(std::byte* at, const std::byte* target, std::uint32_t data_words,
                                 std::uint32_t pointer_count) noexcept {
    // A struct without content points behind itself backwards, so that it differs from null.
    const std::uint32_t offset =
        data_words + pointer_count == 0 ? 0xffff'ffffu : offset_words(at, target);
    store<std::uint64_t>(at, std::uint64_t{offset << 2} | std::uint64_t{data_words} << 32 |
                                 std::uint64_t{pointer_count} << 48);
}

inline void store_list_pointer(std::byte* at, const std::byte* target, element_size size,
                               std::uint32_t count) noexcept {
    store<std::uint64_t>(at, std::uint64_t{offset_words(at, target) << 2 | 1u} |
                                 std::uint64_t{static_cast<unsigned>(size)} << 32 |
                                 std::uint64_t{count} << 35);
}

/// The word before the elements of a composite list.
inline void store_composite_tag(std::byte* at, std::uint32_t count, std::uint32_t data_words,
                                std::uint32_t pointer_count) noexcept {
    store<std::uint64_t>(at, std::uint64_t{count << 2} | std::uint64_t{data_words} << 32 |
                                 std::uint64_t{pointer_count} << 48);
}

inline void store_capability(std::byte* at, std::uint32_t index) noexcept {
    store<std::uint64_t>(at, std::uint64_t{3} | std::uint64_t{index} << 32);
}

} // namespace equus::wire::detail
