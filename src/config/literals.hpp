// Literals: how numbers with units and texts with escapes are read and written.
#pragma once

#include "config/diagnostic.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace equus::config {

/// A number as read, or what is wrong with it.
struct number_reading {
    std::int64_t value = 0;   ///< a duration in nanoseconds when `is_duration`
    bool is_duration = false; ///< has a unit of time
    bool ok = false;
    code trouble = code::bad_literal;
    std::string message;
    std::string hint;
};

/// "8", "1_000", "64KiB", "200ms".
number_reading read_number(std::string_view text);

/// The text between the quotes of `literal`, escapes resolved: \" \\ \n \t \u{1F40E}. On error
/// `bad` is set to the offset of the escape within `literal`.
std::string read_text(std::string_view literal, std::size_t& bad);

/// The shortest exact form with a unit: "200ms", "2s".
std::string duration_text(std::int64_t ns);
/// A text as the language writes it, in quotes.
std::string quoted_text(std::string_view text);

} // namespace equus::config
