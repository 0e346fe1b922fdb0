#include "config/format.hpp"

#include "config/parse.hpp"
#include "config/tokens.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace equus::config {

namespace {

constexpr std::size_t indent_columns = 4;

struct output_line {
    std::size_t depth = 0; ///< in units of indentation
    std::string text;      ///< empty: a comment alone, or a blank line when that is empty too
    std::string comment;
    std::size_t block = SIZE_MAX; ///< the first that begins and ends in this line
};

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
    }));
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

// Behind these a sign belongs to the number, a bracket opens a list, and a line goes on.
bool awaits_value(const token& t) {
    if (t.kind == token_kind::symbol)
        return is_one_of(t.text, {"=", "(", "[", ",", "+", "-", "*", "..", ":", "==", "!=", "<",
                                  "<=", ">", ">=", "<-", "->"});
    return t.kind == token_kind::word && is_one_of(t.text, {"in", "where", "and", "or", "not"});
}

class formatter {
public:
    explicit formatter(std::string_view text) : tokens_{tokens_of(text)} {}

    std::string run() {
        find_blocks();
        lay_out();
        while (break_long_blocks()) // as often as blocks are nested
            lay_out();
        align_declarations();
        align_comments();
        return text();
    }

private:
    struct block {
        bool many_lines = false;
        bool broken = false; ///< was one line that is too long: each ';' begins a new one
    };

    bool is(std::size_t i, std::string_view symbol) const {
        return i < tokens_.size() && tokens_[i].kind == token_kind::symbol &&
               tokens_[i].text == symbol;
    }
    bool is_newline(std::size_t i) const {
        return i < tokens_.size() && tokens_[i].kind == token_kind::newline;
    }

    void find_blocks();
    bool break_long_blocks();
    bool space_between(std::size_t before, std::size_t after) const;
    bool is_sign(std::size_t i) const {
        return is(i, "-") && previous(i) < i && awaits_value(tokens_[previous(i)]);
    }
    std::size_t previous(std::size_t i) const {
        std::size_t at = i;
        while (at > 0) {
            --at;
            if (tokens_[at].kind != token_kind::newline && tokens_[at].kind != token_kind::comment)
                return at;
        }
        return i;
    }

    void lay_out();
    void end_line();
    void put(std::size_t i);
    void align_declarations();
    void align_comments();
    std::string text() const;

    std::vector<token> tokens_;
    std::vector<block> blocks_; ///< by opening brace
    std::vector<output_line> lines_;
    output_line current_;
    std::size_t last_ = SIZE_MAX; ///< token put last in the current line
    std::size_t depth_ = 0;
    std::size_t brackets_ = 0;
    bool goes_on_ = false; ///< the next line continues this one
};

void formatter::find_blocks() {
    blocks_.assign(tokens_.size(), {});
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
        if (is(i, "{"))
            open.push_back(i);
        if (is(i, "}") && !open.empty())
            open.pop_back();
        if (tokens_[i].kind == token_kind::newline || tokens_[i].kind == token_kind::comment)
            for (const std::size_t o : open)
                blocks_[o].many_lines = true;
    }
}

// Breaks the outermost one-line block of every line that is too long; false when there is none.
bool formatter::break_long_blocks() {
    bool any = false;
    for (const output_line& line : lines_) {
        if (line.block == SIZE_MAX ||
            line.depth * indent_columns + columns(line.text) <= line_columns_max)
            continue;
        blocks_[line.block] = {true, true};
        any = true;
    }
    return any;
}

bool formatter::space_between(std::size_t before, std::size_t after) const {
    const token& a = tokens_[before];
    const token& b = tokens_[after];
    if (is(before, "{") && is(after, "}"))
        return false;
    if (a.kind == token_kind::symbol && is_one_of(a.text, {"(", "[", ".", ".."}))
        return false;
    if (b.kind == token_kind::symbol && is_one_of(b.text, {",", ")", "]", ".", ".."}))
        return false;
    if (is(after, "["))
        return a.kind != token_kind::word || awaits_value(a);
    if (is(after, "("))
        return a.text != "has" || a.kind != token_kind::word;
    if (is_sign(before))
        return false;
    return true;
}

void formatter::end_line() {
    if (!current_.text.empty() || !current_.comment.empty())
        lines_.push_back(current_);
    current_ = {};
    last_ = SIZE_MAX;
}

void formatter::put(std::size_t i) {
    if (last_ == SIZE_MAX) {
        const token& t = tokens_[i];
        const bool closes = is(i, "]") || is(i, ")");
        const bool continues = goes_on_ || brackets_ > 0 ||
                               (t.kind == token_kind::word && depth_ == 0 &&
                                is_one_of(t.text, {"and", "or", "to", "where"}) && i > 0);
        current_.depth = depth_ + (continues && !closes ? 1 : 0);
    } else if (space_between(last_, i)) {
        current_.text += ' ';
    }
    current_.text += tokens_[i].text;
    last_ = i;
    if (is(i, "[") || is(i, "("))
        ++brackets_;
    if ((is(i, "]") || is(i, ")")) && brackets_ > 0)
        --brackets_;
    goes_on_ = awaits_value(tokens_[i]) || is(i, ",");
}

void formatter::lay_out() {
    lines_.clear();
    std::vector<std::size_t> open;
    std::size_t newlines = 0;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
        const token& t = tokens_[i];
        if (t.kind == token_kind::newline) {
            ++newlines;
            // A brace that opens a block stands behind what it belongs to.
            std::size_t next = i;
            while (is_newline(next))
                ++next;
            if (is(next, "{") && last_ != SIZE_MAX && current_.comment.empty())
                continue;
            end_line();
            continue;
        }
        const bool closes_many = is(i, "}") && !open.empty() && blocks_[open.back()].many_lines;
        if (closes_many)
            end_line();
        else if (newlines > 1 && !lines_.empty() && last_ == SIZE_MAX &&
                 !(lines_.back().text.size() && lines_.back().text.back() == '{'))
            lines_.push_back({}); // one blank line for any number of them
        newlines = 0;
        if (t.kind == token_kind::comment) {
            if (last_ == SIZE_MAX)
                current_.depth = depth_ + (brackets_ > 0 || goes_on_ ? 1 : 0);
            current_.comment = t.text;
            continue;
        }
        if (is(i, ";")) {
            // Between two statements of a line; elsewhere it says nothing.
            std::size_t next = i + 1;
            while (is(next, ";"))
                ++next;
            const bool last_of_line = next >= tokens_.size() || is_newline(next) || is(next, "}") ||
                                      tokens_[next].kind == token_kind::comment;
            if (!open.empty() && blocks_[open.back()].broken)
                end_line();
            else if (!last_of_line && last_ != SIZE_MAX && !is(last_, "{") && !is(last_, ";"))
                put(i);
            goes_on_ = false;
            continue;
        }
        if (is(i, "}")) {
            if (!open.empty()) {
                if (blocks_[open.back()].many_lines && depth_ > 0)
                    --depth_;
                open.pop_back();
            }
            put(i);
            goes_on_ = false;
            const bool more = i + 1 < tokens_.size() && tokens_[i + 1].kind == token_kind::word &&
                              tokens_[i + 1].text != "to";
            if (more)
                end_line();
            continue;
        }
        put(i);
        if (is(i, "{")) {
            open.push_back(i);
            goes_on_ = false;
            if (!blocks_[i].many_lines) {
                current_.block = std::min(current_.block, i);
            } else {
                ++depth_;
                const std::size_t next = i + 1;
                if (next < tokens_.size() && tokens_[next].kind != token_kind::comment)
                    end_line();
            }
        }
    }
    end_line();
    while (!lines_.empty() && lines_.back().text.empty() && lines_.back().comment.empty())
        lines_.pop_back();
}

// The colons of consecutive channels, and of consecutive params, stand below each other.
void formatter::align_declarations() {
    const auto word_of = [&](const output_line& line) {
        const std::string_view text = line.text;
        for (const std::string_view word : {"channel ", "param "})
            if (line.depth == 0 && text.substr(0, word.size()) == word &&
                text.find(" : ") != std::string_view::npos)
                return word;
        return std::string_view{};
    };
    for (std::size_t i = 0; i < lines_.size();) {
        const std::string_view word = word_of(lines_[i]);
        std::size_t end = i + 1;
        if (!word.empty()) {
            std::size_t column = 0;
            for (end = i; end < lines_.size() && word_of(lines_[end]) == word; ++end)
                column = std::max(column, lines_[end].text.find(" : "));
            for (std::size_t k = i; k < end; ++k) {
                const std::size_t at = lines_[k].text.find(" : ");
                lines_[k].text.insert(at, column - at, ' ');
            }
        }
        i = end;
    }
}

// The comments behind consecutive lines stand below each other.
void formatter::align_comments() {
    const auto has_both = [&](std::size_t i) {
        return i < lines_.size() && !lines_[i].text.empty() && !lines_[i].comment.empty();
    };
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (!has_both(i))
            continue;
        std::size_t end = i;
        std::size_t column = 0;
        for (; has_both(end); ++end)
            column =
                std::max(column, lines_[end].depth * indent_columns + columns(lines_[end].text));
        for (; i < end; ++i) {
            const std::size_t width = lines_[i].depth * indent_columns + columns(lines_[i].text);
            lines_[i].text.append(column + 2 - width, ' ');
        }
    }
}

std::string formatter::text() const {
    std::string out;
    for (const output_line& line : lines_) {
        if (!line.text.empty() || !line.comment.empty())
            out.append(line.depth * indent_columns, ' ');
        out += line.text;
        out += line.comment;
        out += '\n';
    }
    return out;
}

} // namespace

std::optional<std::string> format(const source& from, diagnostics& out) {
    parse(from, out);
    if (out.has_errors())
        return std::nullopt;
    return formatter{from.text()}.run();
}

} // namespace equus::config
