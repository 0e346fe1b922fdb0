#include "config/diagnostic.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <tuple>
#include <utility>

namespace equus::config {

namespace {

constexpr std::array descriptions{
    code_description{code::syntax, severity::error, "Syntax: something else was expected here"},
    code_description{code::unknown_word, severity::error, "A word the language does not have here"},
    code_description{code::separator, severity::error, "Two statements without a new line or ';'"},
    code_description{code::bad_literal, severity::error, "Text, number or escape is malformed"},
    code_description{code::too_much, severity::error, "A limit of the language is exceeded"},
    code_description{code::header, severity::error, "The line 'rdc NAME version N' is wrong"},
    code_description{code::reserved, severity::error, "A word reserved for later versions"},
    code_description{code::encoding, severity::error, "The file is not UTF-8 text"},
    code_description{code::undefined_name, severity::error, "A name that nothing declares"},
    code_description{code::duplicate_name, severity::error, "A name declared twice"},
    code_description{code::no_module, severity::error, "The program has no such module"},
    code_description{code::no_protocol, severity::error, "The program has no such protocol"},
    code_description{code::no_program, severity::error, "A program cannot be found or asked"},
    code_description{code::no_interface, severity::error, "The module has no such interface"},
    code_description{code::wrong_direction, severity::error, "A port wired as stream, or reverse"},
    code_description{code::wrong_protocol, severity::error, "Interface and channel disagree"},
    code_description{code::not_wired, severity::error, "A declared interface is not wired"},
    code_description{code::wired_twice, severity::error, "An interface is wired twice"},
    code_description{code::several_ports, severity::error, "A unicast channel has several ports"},
    code_description{code::nobody_receives, severity::error, "A channel has no port"},
    code_description{code::unused, severity::warning, "Declared and never used"},
    code_description{code::primary, severity::error, "There must be exactly one primary"},
    code_description{code::nobody_sends, severity::warning, "A channel has no stream"},
    code_description{code::wrong_type, severity::error, "A value of the wrong type"},
    code_description{code::out_of_range, severity::error, "A value outside its range"},
    code_description{code::no_parameter, severity::error, "The module has no such parameter"},
    code_description{code::parameter_missing, severity::error, "A required parameter is missing"},
    code_description{code::no_value, severity::error, "A param has no value: use --set"},
    code_description{code::bad_setting, severity::error, "--set names no param or gives nonsense"},
    code_description{code::given_twice, severity::error, "A setting that may be given once"},
    code_description{code::bad_unit, severity::error, "A number with an unknown unit"},
    code_description{code::bad_family, severity::error, "A family's subscript is wrong"},
    code_description{code::bad_when, severity::error, "A 'when' is wrong or selects nothing"},
    code_description{code::outside_family, severity::error, "'index' or 'key' outside a family"},
    code_description{code::bad_placement, severity::error, "Placements that contradict"},
    code_description{code::bad_place, severity::error, "A place's condition is wrong"},
    code_description{code::bad_limit, severity::error, "A limit that does not apply here"},
    code_description{code::no_message, severity::error, "The protocol has no such message"},
    code_description{code::bad_blueprint, severity::error, "Not possible in a blueprint"},
    code_description{code::no_namespace, severity::error, "No 'use' brings this namespace in"},
    code_description{code::no_service, severity::error, "The program offers no such service"},
    code_description{code::cycle, severity::error, "Values or placements that go in a circle"},
    code_description{code::bad_move, severity::error, "A 'moved' that renames nothing"},
};

severity weight_of(code number) {
    for (const code_description& d : descriptions)
        if (d.number == number)
            return d.weight;
    return severity::error;
}

// Damerau's distance (adjacent letters exchanged count once), restricted form.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        now[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = std::min(now[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, now);
    }
    return last[b.size()];
}

std::size_t code_points(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
    }));
}

} // namespace

std::span<const code_description> all_codes() noexcept {
    return descriptions;
}

std::string text_of(code number) {
    std::array<char, 8> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "R%03u", static_cast<unsigned>(number));
    return buffer.data();
}

// Finding a column takes as long as the line: not for what will not be kept.
bool diagnostics::has_room() noexcept {
    overflowed_ = overflowed_ || list_.size() >= diagnostics_max;
    return !overflowed_;
}

void diagnostics::report(code number, span where, std::string message, std::string hint) {
    if (!has_room())
        return;
    add({number, weight_of(number), source_->name(), source_->position_of(where.begin),
         source_->position_of(std::max(where.begin, where.end)), std::move(message),
         std::move(hint)});
}

void diagnostics::warn(code number, span where, std::string message, std::string hint) {
    if (!has_room())
        return;
    add({number, severity::warning, source_->name(), source_->position_of(where.begin),
         source_->position_of(std::max(where.begin, where.end)), std::move(message),
         std::move(hint)});
}

void diagnostics::report_file(code number, std::string message, std::string hint) {
    add({number, weight_of(number), source_->name(), {}, {}, std::move(message), std::move(hint)});
}

void diagnostics::report_option(code number, std::string option, std::string message,
                                std::string hint) {
    add({number,
         weight_of(number),
         std::move(option),
         {},
         {},
         std::move(message),
         std::move(hint)});
}

void diagnostics::add(diagnostic d) {
    if (std::find(list_.begin(), list_.end(), d) != list_.end())
        return;
    if (has_room())
        list_.push_back(std::move(d));
}

bool diagnostics::has_errors() const noexcept {
    return any_error(list_);
}

std::vector<diagnostic> diagnostics::sorted() const {
    std::vector<std::size_t> order(list_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto key = [&](std::size_t i) {
        const diagnostic& d = list_[i];
        return std::tuple{d.file != source_->name(), d.from, d.number, i};
    };
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    std::vector<diagnostic> result;
    for (const std::size_t i : order)
        result.push_back(list_[i]);
    if (overflowed_)
        result.push_back({code::too_much,
                          severity::error,
                          source_->name(),
                          {},
                          {},
                          "more than " + std::to_string(diagnostics_max) + " diagnostics",
                          "the rest is not shown"});
    return result;
}

std::string to_text(const diagnostic& d, const source* from) {
    std::string out = d.file;
    const bool placed = d.from.line != 0;
    if (placed)
        out += ":" + std::to_string(d.from.line) + ":" + std::to_string(d.from.column);
    out += d.weight == severity::error ? ": error " : ": warning ";
    out += text_of(d.number) + ": " + d.message;
    if (!d.hint.empty())
        out += "; " + d.hint;
    out += "\n";
    if (!placed || from == nullptr || d.file != from->name() || d.from.line > from->lines())
        return out;
    const std::string_view line = from->line(d.from.line);
    constexpr std::size_t line_bytes_max = 240;
    if (line.size() > line_bytes_max)
        return out;
    out += "    ";
    out += line;
    out += "\n    ";
    std::uint32_t column = 1;
    for (std::size_t i = 0; i < line.size() && column < d.from.column; ++i) {
        if ((static_cast<unsigned char>(line[i]) & 0xc0u) == 0x80u)
            continue;
        out += line[i] == '\t' ? '\t' : ' '; // the caret stays below whatever a tab's width is
        ++column;
    }
    out += '^';
    const auto line_end = static_cast<std::uint32_t>(code_points(line)) + 1;
    const std::uint32_t stop =
        d.to.line == d.from.line ? std::min(d.to.column, line_end) : line_end;
    for (std::uint32_t c = d.from.column + 1; c < stop; ++c)
        out += '~';
    out += "\n";
    return out;
}

std::string to_text(std::span<const diagnostic> list, const source* from) {
    std::string out;
    std::size_t errors = 0;
    for (const diagnostic& d : list) {
        out += to_text(d, from);
        errors += d.weight == severity::error ? 1 : 0;
    }
    const auto count = [](std::size_t n, std::string_view what) {
        return std::to_string(n) + " " + std::string{what} + (n == 1 ? "" : "s");
    };
    if (!list.empty())
        out += count(errors, "error") + ", " + count(list.size() - errors, "warning") + "\n";
    return out;
}

std::string to_json(std::span<const diagnostic> list) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const diagnostic& d : list)
        all.push_back({{"file", d.file},
                       {"line", d.from.line},
                       {"column", d.from.column},
                       {"end_line", d.to.line},
                       {"end_column", d.to.column},
                       {"severity", d.weight == severity::error ? "error" : "warning"},
                       {"code", text_of(d.number)},
                       {"message", d.message},
                       {"hint", d.hint}});
    return all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool any_error(std::span<const diagnostic> list) noexcept {
    return std::any_of(list.begin(), list.end(),
                       [](const diagnostic& d) { return d.weight == severity::error; });
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
    constexpr std::size_t word_max = 64; // the distance is quadratic, and nobody mistypes that much
    if (word.empty() || word.size() > word_max)
        return {};
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    constexpr std::size_t candidates_max = 1000;
    for (const std::string& candidate :
         candidates.first(std::min(candidates.size(), candidates_max))) {
        if (candidate.size() > word_max || candidate == word)
            continue;
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance && distance < candidate.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates,
                         std::string otherwise) {
    const std::string best = nearest(word, candidates);
    return best.empty() ? otherwise : "did you mean '" + best + "'?";
}

std::string enumerate(std::span<const std::string> words, std::string_view conjunction) {
    constexpr std::size_t shown_max = 8;
    std::string out;
    const std::size_t shown = std::min(words.size(), shown_max);
    for (std::size_t i = 0; i < shown; ++i) {
        if (i != 0)
            out += i + 1 == words.size() ? " " + std::string{conjunction} + " " : ", ";
        out += "'" + words[i] + "'";
    }
    if (words.size() > shown_max)
        out += ", ...";
    return out;
}

} // namespace equus::config
