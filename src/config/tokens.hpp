// The words, signs and comments of a text in order: what the formatter arranges. The same lexical
// rules as the grammar, but nothing is left out.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace equus::config {

enum class token_kind : std::uint8_t { word, number, text, symbol, comment, newline };

struct token {
    token_kind kind = token_kind::word;
    std::string_view text; ///< within the text given; a comment without trailing space
    friend bool operator==(const token&, const token&) = default;
};

/// Requires a text that parses without errors; borrows it.
std::vector<token> tokens_of(std::string_view text);

} // namespace equus::config
