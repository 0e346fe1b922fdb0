// What the language has to say about a text. A diagnostic has a stable code (docs/language.md lists
// them all), a place, a message that states the fault, and where possible a hint that names the
// remedy. Several come out of one run, always in the same order for the same input.
#pragma once

#include "config/source.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace equus::config {

/// Stable: tools and tests match on them. Append only; a code never changes its meaning.
enum class code : std::uint16_t {
    syntax = 1,
    unknown_word = 2,
    separator = 3,
    bad_literal = 4,
    too_much = 5,
    header = 6,
    reserved = 7,
    encoding = 8,
    undefined_name = 10,
    duplicate_name = 11,
    no_module = 12,
    no_protocol = 13,
    no_program = 14,
    no_interface = 15,
    wrong_direction = 16,
    wrong_protocol = 17,
    not_wired = 18,
    wired_twice = 19,
    several_ports = 20,
    nobody_receives = 21,
    unused = 22,
    primary = 23,
    nobody_sends = 24,
    wrong_type = 25,
    out_of_range = 26,
    no_parameter = 27,
    parameter_missing = 28,
    no_value = 29,
    bad_setting = 30,
    given_twice = 31,
    bad_unit = 32,
    bad_family = 33,
    bad_when = 34,
    outside_family = 35,
    bad_placement = 36,
    bad_place = 37,
    bad_limit = 38,
    no_message = 39,
    bad_blueprint = 40,
    no_namespace = 41,
    no_service = 42,
    cycle = 43,
    bad_move = 44,
};

enum class severity : std::uint8_t { error, warning };

struct code_description {
    code number;
    severity weight;
    std::string_view title;
};
/// All codes in order.
std::span<const code_description> all_codes() noexcept;
/// "R012".
std::string text_of(code number);

struct diagnostic {
    code number = code::syntax;
    severity weight = severity::error;
    std::string file;   ///< or the option at fault: "--set workers=many"
    text_position from; ///< line 0: concerns the file or option as a whole
    text_position to;
    std::string message;
    std::string hint; ///< may be empty
    friend bool operator==(const diagnostic&, const diagnostic&) = default;
};

/// Collects diagnostics about one source. Keeps at most `diagnostics_max`; repeats are dropped.
class diagnostics {
public:
    static constexpr std::size_t diagnostics_max = 100;

    explicit diagnostics(const source& about) : source_{&about} {}

    void report(code number, span where, std::string message, std::string hint = {});
    /// An error's code at a weaker occasion.
    void warn(code number, span where, std::string message, std::string hint = {});
    /// About the file as a whole.
    void report_file(code number, std::string message, std::string hint = {});
    /// About a command line option, quoted as `option`.
    void report_option(code number, std::string option, std::string message, std::string hint = {});

    bool has_errors() const noexcept;
    /// Nothing more will be kept: whoever works through a long text may stop.
    bool full() const noexcept { return overflowed_; }
    std::uint32_t line_of(span where) const noexcept { return source_->line_of(where.begin); }
    /// "shop.rdc:21".
    std::string place_of(span where) const {
        return source_->name() + ":" + std::to_string(line_of(where));
    }
    /// Ordered by place, then by code; those about options come last.
    std::vector<diagnostic> sorted() const;

private:
    void add(diagnostic d);
    bool has_room() noexcept;
    const source* source_;
    std::vector<diagnostic> list_;
    bool overflowed_ = false;
};

/// `shop.rdc:7:26: error R012: no module 'doc.wroker'; did you mean 'doc.worker'?` and, when the
/// source is given, the line with a caret below. Ends with a line feed.
std::string to_text(const diagnostic& d, const source* from);
/// All of them, then a line that counts.
std::string to_text(std::span<const diagnostic> list, const source* from);
/// `[{"file", "line", "column", "end_line", "end_column", "severity", "code", "message", "hint"},
/// ...]`
std::string to_json(std::span<const diagnostic> list);

/// Is any of them an error?
bool any_error(std::span<const diagnostic> list) noexcept;

/// The candidate nearest to `word` by edit distance, when it is near enough to be what was meant;
/// else empty. The first in order wins among equals; of very many candidates only the first
/// thousand are looked at.
std::string nearest(std::string_view word, std::span<const std::string> candidates);
/// "did you mean 'x'?" or `otherwise`.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates,
                         std::string otherwise = {});
/// "'a', 'b' or 'c'"; empty for none; at most eight are named.
std::string enumerate(std::span<const std::string> words, std::string_view conjunction = "or");

} // namespace equus::config
