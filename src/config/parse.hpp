// Text to syntax tree. The parser reports what is not of the language and returns what it
// understood of the rest, so that the checker can go on.
#pragma once

#include "config/diagnostic.hpp"
#include "config/syntax.hpp"

#include <optional>
#include <string_view>

namespace equus::config {

/// Never fails: what is wrong is reported, the document holds the rest. Bounded: the text by
/// `source_bytes_max`, nesting by `grammar::nesting_max`, an expression by 64 operators.
document parse(const source& from, diagnostics& out);

/// A type or a value alone, as manifests and options give them; nothing when it is not one.
std::optional<type> parse_type(std::string_view text);
std::optional<expression> parse_value(std::string_view text);

} // namespace equus::config
