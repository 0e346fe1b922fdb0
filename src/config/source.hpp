// A configuration's text, and where things are in it. Everything else speaks of byte offsets; only
// what is shown to people is turned into lines and columns, here.
#pragma once

#include <equus/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace equus::config {

/// Largest text accepted.
inline constexpr std::size_t source_bytes_max = std::size_t{1} << 20;

/// A half-open range of byte offsets.
struct span {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    friend constexpr auto operator<=>(span, span) = default;
};

/// Both from 1; columns count code points, as editors do.
struct text_position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    friend constexpr auto operator<=>(text_position, text_position) = default;
};

class source {
public:
    /// `name` is what diagnostics call the text: the path as the user gave it.
    source(std::string name, std::string text);

    const std::string& name() const noexcept { return name_; }
    std::string_view text() const noexcept { return text_; }
    text_position position_of(std::uint32_t offset) const noexcept;
    std::uint32_t line_of(std::uint32_t offset) const noexcept;
    /// The line without its end. Requires 1 <= line <= lines().
    std::string_view line(std::uint32_t number) const noexcept;
    std::uint32_t lines() const noexcept { return static_cast<std::uint32_t>(starts_.size()); }

private:
    std::string name_;
    std::string text_;
    std::vector<std::uint32_t> starts_;
};

/// Reads a whole file: errc::not_found, io_failed or too_large.
result<source> read_source(const std::string& path);

/// The offset of the first byte that is not well-formed UTF-8 or is a control character other than
/// tab, line feed and carriage return; npos when there is none.
std::size_t first_bad_byte(std::string_view text) noexcept;

} // namespace equus::config
