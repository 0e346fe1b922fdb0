// How the parser survives a syntax error: what it remembers while it parses, and the rules that
// skip to the next place where a statement or an item can begin. An error in one block never hides
// those in the others, and a forgotten '}' costs one diagnostic, because an item's word at the
// beginning of a line ends every block.
#pragma once

#include "config/diagnostic.hpp"

#include <tao/pegtl.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace equus::config::grammar {

/// Deepest nesting of brackets, signs and negations.
inline constexpr std::uint32_t nesting_max = 64;

/// The words of a diagnostic: "expected TEXT, found ...". Without a text: "... is reserved".
struct expectation {
    code number = code::syntax;
    const char* text = "";
    const char* hint = "";
};

class parse_state {
public:
    parse_state(std::string_view text, diagnostics& out) : text_{text}, out_{&out} {}

    /// Reports that `what` is missing at `offset`.
    void fail(const expectation& what, std::size_t offset);
    void fail_nesting(std::size_t offset);
    /// Reports whatever begins at `offset`, if no rule has reported it; gives the offset behind the
    /// skipped text. Between `start` and there lies at least one byte.
    std::size_t skip(std::size_t start, bool inside_block);
    /// Reports a block that is not closed at `offset`.
    void fail_unclosed(std::size_t offset);

    /// Does an item's word stand here, at the very beginning of a line?
    bool item_at_line_start(std::size_t offset) const;

    std::uint32_t nesting = 0;

private:
    std::size_t word_end(std::size_t offset) const;
    std::string found(std::size_t offset) const;
    span token(std::size_t offset) const;

    std::string_view text_;
    diagnostics* out_;
    std::optional<std::size_t> failed_at_;
};

/// Thrown to the nearest `try_catch` once the diagnostic is recorded.
struct give_up : tao::pegtl::parse_error {
    template <class Input>
    explicit give_up(const Input& in) : parse_error{"refused", in} {}
};

namespace detail {

template <class Input>
std::size_t offset_of(const Input& in) {
    return static_cast<std::size_t>(in.current() - in.begin());
}

template <bool InsideBlock>
struct skip_rule {
    using rule_t = skip_rule;
    using subs_t = tao::pegtl::empty_list;

    template <tao::pegtl::apply_mode, tao::pegtl::rewind_mode, template <class...> class,
              template <class...> class, class Input, class... Rest>
    static bool match(Input& in, parse_state& state, Rest&&...) {
        const std::size_t from = offset_of(in);
        in.bump(state.skip(from, InsideBlock) - from);
        return true;
    }
};

} // namespace detail

struct bad_statement : detail::skip_rule<true> {};
struct bad_item : detail::skip_rule<false> {};

/// Stands for a '}' that is not there.
struct missing_close {
    using rule_t = missing_close;
    using subs_t = tao::pegtl::empty_list;

    template <tao::pegtl::apply_mode, tao::pegtl::rewind_mode, template <class...> class,
              template <class...> class, class Input, class... Rest>
    static bool match(Input& in, parse_state& state, Rest&&...) {
        state.fail_unclosed(detail::offset_of(in));
        return true;
    }
};

struct item_at_line_start {
    using rule_t = item_at_line_start;
    using subs_t = tao::pegtl::empty_list;

    template <tao::pegtl::apply_mode, tao::pegtl::rewind_mode, template <class...> class,
              template <class...> class, class Input, class... Rest>
    static bool match(Input& in, parse_state& state, Rest&&...) {
        return state.item_at_line_start(detail::offset_of(in));
    }
};

} // namespace equus::config::grammar
