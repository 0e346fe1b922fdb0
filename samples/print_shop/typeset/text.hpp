// Text as the typesetter sees it: checked UTF-8, code points, and what parts words. The classes of
// code points are those of the Unicode Character Database (White_Space,
// Default_Ignorable_Code_Point).
#pragma once

#include <equus/base/result.hpp>

#include <cstddef>
#include <string_view>

namespace doc::setting {

/// Ok, or errc::malformed with the offset of the first byte that is not UTF-8, or is NUL.
equus::result<void> check_text(std::string_view text);

struct code_point {
    char32_t value = 0;
    std::size_t size_bytes = 0; ///< 1..4
};

/// The code point at `at`. Requires checked text and at < text.size().
code_point code_point_at(std::string_view text, std::size_t at) noexcept;

/// The number of code points of checked text.
std::size_t letters_in(std::string_view text) noexcept;

/// Parts words.
bool is_space(char32_t c) noexcept;

/// Parts words, but a line is not broken there while it can be helped.
bool is_fixed_space(char32_t c) noexcept;

/// Has no shape of its own: joiners, soft hyphen, variation selectors, directional marks.
bool is_invisible(char32_t c) noexcept;

} // namespace doc::setting
