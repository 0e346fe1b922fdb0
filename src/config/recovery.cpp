#include "config/recovery.hpp"

#include <array>

namespace equus::config::grammar {

namespace {

const std::vector<std::string> item_words{"rdc",     "use",     "param",     "place",
                                          "channel", "primary", "blueprint", "incarnation",
                                          "export",  "moved",   "group"};
const std::vector<std::string> statement_words{"port",    "stream", "on",       "near", "spread",
                                               "migrate", "limit",  "priority", "when"};

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

} // namespace

std::size_t parse_state::word_end(std::size_t offset) const {
    while (offset < text_.size() && is_word(text_[offset]))
        ++offset;
    return offset;
}

span parse_state::token(std::size_t offset) const {
    std::size_t end = word_end(offset);
    if (end == offset && offset < text_.size() && text_[offset] != '\n') {
        ++end;
        while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xc0u) == 0x80u)
            ++end; // the rest of a letter outside ASCII
    }
    return {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(end)};
}

std::string parse_state::found(std::size_t offset) const {
    if (offset >= text_.size())
        return "the end of the file";
    const char c = text_[offset];
    if (c == '\n' || c == '\r' || c == '#')
        return "the end of the line";
    if (c == '"')
        return "text in quotes";
    constexpr std::size_t shown_max = 40;
    const span at = token(offset);
    const std::string_view word = text_.substr(at.begin, at.end - at.begin);
    if (word.size() > shown_max)
        return "'" + std::string{word.substr(0, shown_max)} + "...'";
    return "'" + std::string{word} + "'";
}

void parse_state::fail(const expectation& what, std::size_t offset) {
    failed_at_ = offset;
    std::string message;
    if (what.number == code::reserved)
        message = found(offset) + " is reserved for a later version of the language";
    else if (what.number == code::bad_literal)
        message = what.text;
    else
        message = "expected " + std::string{what.text} + ", found " + found(offset);
    const bool foreign = offset < text_.size() && static_cast<unsigned char>(text_[offset]) >= 0x80;
    out_->report(what.number, token(offset), std::move(message),
                 foreign ? "names have letters of ASCII, digits and '_'" : what.hint);
}

void parse_state::fail_nesting(std::size_t offset) {
    failed_at_ = offset;
    out_->report(code::too_much, token(offset),
                 "nested more than " + std::to_string(nesting_max) + " deep");
}

void parse_state::fail_unclosed(std::size_t offset) {
    out_->report(code::syntax, token(offset), "expected '}', found " + found(offset),
                 "the block before it is not closed");
}

bool parse_state::item_at_line_start(std::size_t offset) const {
    if (offset > 0 && text_[offset - 1] != '\n')
        return false;
    const std::size_t end = word_end(offset);
    const std::string_view word = text_.substr(offset, end - offset);
    if (std::find(item_words.begin(), item_words.end(), word) == item_words.end())
        return false;
    std::size_t next = end;
    while (next < text_.size() && is_blank(text_[next]))
        ++next;
    return next >= text_.size() || text_[next] != '='; // a parameter may be called like an item
}

std::size_t parse_state::skip(std::size_t start, bool inside_block) {
    if (!failed_at_) {
        const span at = token(start);
        const std::string word{text_.substr(at.begin, at.end - at.begin)};
        const auto& words = inside_block ? statement_words : item_words;
        const auto& others = inside_block ? item_words : statement_words;
        if (word.empty() || !is_word(word[0])) {
            out_->report(code::syntax, at, "unexpected " + found(start),
                         inside_block ? "a statement begins with a word"
                                      : "an item begins with a word");
        } else if (std::find(others.begin(), others.end(), word) != others.end()) {
            out_->report(code::unknown_word, at, "'" + word + "' does not belong here",
                         inside_block ? "it begins an item, outside of every block"
                                      : "it belongs into the block of an incarnation");
        } else {
            out_->report(
                code::unknown_word, at, "unknown word " + found(start),
                did_you_mean(word, words,
                             inside_block ? "a parameter is given as 'name = value'" : ""));
        }
    }
    const std::size_t failed_at = failed_at_.value_or(start);
    failed_at_.reset();

    std::size_t depth = 0;
    std::size_t i = start;
    while (i < text_.size()) {
        const char c = text_[i];
        if (i > start && i >= failed_at && is_word(c) && !is_word(text_[i - 1]) &&
            item_at_line_start(i))
            break;
        if (c == '"') {
            ++i;
            while (i < text_.size() && text_[i] != '"' && text_[i] != '\n')
                i += text_[i] == '\\' && i + 1 < text_.size() && text_[i + 1] != '\n' ? 2 : 1;
            if (i < text_.size() && text_[i] == '"')
                ++i;
            continue;
        }
        if (c == '#') {
            while (i < text_.size() && text_[i] != '\n')
                ++i;
            continue;
        }
        if (c == '{')
            ++depth;
        if (c == '}') {
            if (depth == 0 && inside_block)
                break;
            depth -= depth > 0 ? 1 : 0;
        }
        if (depth == 0 && i >= failed_at && (c == '\n' || (c == ';' && inside_block)))
            break;
        ++i;
    }
    return std::max(i, start + 1);
}

} // namespace equus::config::grammar
