#include "text.hpp"

#include <string>

namespace doc::setting {

namespace {

constexpr bool is_tail(char byte) noexcept {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The length of the well-formed sequence at `at`, or 0: no overlong forms, no surrogates, nothing
/// beyond U+10FFFF (table 3-7 of the Unicode standard).
std::size_t sequence_at(std::string_view text, std::size_t at) noexcept {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80)
        return lead == 0 ? 0 : 1;
    const std::size_t size = lead >= 0xC2 && lead <= 0xDF   ? 2
                             : lead >= 0xE0 && lead <= 0xEF ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
    if (size == 0 || at + size > text.size())
        return 0;
    for (std::size_t i = 1; i < size; ++i)
        if (!is_tail(text[at + i]))
            return 0;
    const auto second = static_cast<unsigned char>(text[at + 1]);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
        return 0;
    return size;
}

} // namespace

equus::result<void> check_text(std::string_view text) {
    std::size_t line = 1;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = sequence_at(text, at);
        if (size == 0) {
            const char* what = text[at] == 0 ? "a NUL byte" : "a byte that is not UTF-8";
            return equus::fail(equus::errc::malformed, std::string{what} + " at offset " +
                                                           std::to_string(at) + ", line " +
                                                           std::to_string(line));
        }
        if (text[at] == '\n')
            ++line;
        at += size;
    }
    return {};
}

code_point code_point_at(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) {
        return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
    };
    const char32_t lead = byte(0);
    if (lead < 0x80)
        return {lead, 1};
    if (lead < 0xE0)
        return {((lead & 0x1F) << 6) | (byte(1) & 0x3F), 2};
    if (lead < 0xF0)
        return {((lead & 0x0F) << 12) | ((byte(1) & 0x3F) << 6) | (byte(2) & 0x3F), 3};
    return {((lead & 0x07) << 18) | ((byte(1) & 0x3F) << 12) | ((byte(2) & 0x3F) << 6) |
                (byte(3) & 0x3F),
            4};
}

std::size_t letters_in(std::string_view text) noexcept {
    std::size_t count = 0;
    for (const char byte : text)
        if (!is_tail(byte))
            ++count;
    return count;
}

bool is_fixed_space(char32_t c) noexcept {
    return c == 0xA0 || c == 0x2007 || c == 0x202F;
}

bool is_space(char32_t c) noexcept {
    return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

bool is_invisible(char32_t c) noexcept {
    return c == 0xAD || c == 0x34F || c == 0x61C || c == 0x115F || c == 0x1160 || c == 0x17B4 ||
           c == 0x17B5 || (c >= 0x180B && c <= 0x180F) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x3164 ||
           (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF || c == 0xFFA0 ||
           (c >= 0xFFF0 && c <= 0xFFF8) || (c >= 0x1BCA0 && c <= 0x1BCA3) ||
           (c >= 0x1D173 && c <= 0x1D17A) || (c >= 0xE0000 && c <= 0xE0FFF);
}

} // namespace doc::setting
