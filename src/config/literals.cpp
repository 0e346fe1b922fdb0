#include "config/literals.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <vector>

namespace equus::config {

namespace {

struct unit {
    std::string_view word;
    std::int64_t factor;
    bool time;
};

// Longest first within each kind, so that writing finds the shortest form.
constexpr std::array units{
    unit{"h", 3'600'000'000'000, true},
    unit{"min", 60'000'000'000, true},
    unit{"s", 1'000'000'000, true},
    unit{"ms", 1'000'000, true},
    unit{"us", 1'000, true},
    unit{"ns", 1, true},
    unit{"GiB", 1 << 30, false},
    unit{"MiB", 1 << 20, false},
    unit{"KiB", 1 << 10, false},
    unit{"B", 1, false},
};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, std::uint32_t point) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (point < 0x80) {
        put(point);
    } else if (point < 0x800) {
        put(0xc0 | (point >> 6));
        put(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        put(0xe0 | (point >> 12));
        put(0x80 | ((point >> 6) & 0x3f));
        put(0x80 | (point & 0x3f));
    } else {
        put(0xf0 | (point >> 18));
        put(0x80 | ((point >> 12) & 0x3f));
        put(0x80 | ((point >> 6) & 0x3f));
        put(0x80 | (point & 0x3f));
    }
}

// `at` stands behind "\u"; moved behind the closing brace.
bool read_code_point(std::string_view text, std::size_t& at, std::string& out) {
    if (at >= text.size() || text[at] != '{')
        return false;
    const std::size_t close = text.find('}', at);
    if (close == std::string_view::npos || close - at < 2 || close - at > 7)
        return false;
    std::uint32_t point = 0;
    const char* first = text.data() + at + 1;
    const auto read = std::from_chars(first, text.data() + close, point, 16);
    if (read.ec != std::errc{} || read.ptr != text.data() + close || point > 0x10ffff ||
        point == 0 || (point >= 0xd800 && point <= 0xdfff))
        return false;
    append_utf8(out, point);
    at = close + 1;
    return true;
}

} // namespace

number_reading read_number(std::string_view text) {
    number_reading out;
    const auto refuse = [&](code number, std::string message, std::string hint) {
        out.trouble = number;
        out.message = std::move(message);
        out.hint = std::move(hint);
        return out;
    };
    std::string digits;
    std::size_t i = 0;
    for (; i < text.size() && (is_digit(text[i]) || text[i] == '_'); ++i)
        if (text[i] != '_')
            digits += text[i];
    const std::string_view word = text.substr(i);
    std::int64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ec == std::errc::invalid_argument)
        return refuse(code::bad_literal, "'" + std::string{text} + "' is not a number", {});
    const unit* scale = nullptr;
    for (const unit& u : units)
        if (u.word == word)
            scale = &u;
    if (!word.empty() && scale == nullptr)
        return refuse(code::bad_unit, "unknown unit '" + std::string{word} + "'",
                      "times: ns, us, ms, s, min, h; sizes: B, KiB, MiB, GiB");
    const std::int64_t factor = scale != nullptr ? scale->factor : 1;
    if (read.ec != std::errc{} || value > std::numeric_limits<std::int64_t>::max() / factor)
        return refuse(code::out_of_range, "the number " + std::string{text} + " is too large",
                      "numbers and times in ns have 63 bits");
    out.value = value * factor;
    out.is_duration = scale != nullptr && scale->time;
    out.ok = true;
    return out;
}

std::string read_text(std::string_view literal, std::size_t& bad) {
    bad = std::string_view::npos;
    std::string out;
    const std::size_t end = literal.size() - 1; // the closing quote
    for (std::size_t i = 1; i < end;) {
        const char c = literal[i];
        if (c != '\\') {
            out += c;
            ++i;
            continue;
        }
        const std::size_t begin = i;
        const char escape = literal[i + 1];
        i += 2;
        if (escape == 'n')
            out += '\n';
        else if (escape == 't')
            out += '\t';
        else if (escape == '"' || escape == '\\')
            out += escape;
        else if (escape != 'u' || !read_code_point(literal.substr(0, end), i, out))
            bad = begin;
    }
    return out;
}

std::string duration_text(std::int64_t ns) {
    for (const unit& u : units)
        if (u.time && ns != 0 && ns % u.factor == 0)
            return std::to_string(ns / u.factor) + std::string{u.word};
    return std::to_string(ns) + (ns == 0 ? "s" : "ns");
}

std::string quoted_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else
            out += c;
    }
    return out + "\"";
}

} // namespace equus::config
