// One way to lay out a configuration. Words, comments and the author's lines stay; spaces,
// indentation, blank lines and columns are settled here. Formatting twice changes nothing more.
#pragma once

#include "config/diagnostic.hpp"

#include <optional>
#include <string>

namespace equus::config {

/// Longest line with a block in it; a longer one is broken at its statements.
inline constexpr std::size_t line_columns_max = 100;

/// Nothing when the text has syntax errors, which are then reported: it is not touched.
std::optional<std::string> format(const source& from, diagnostics& out);

} // namespace equus::config
