#include "config/parse.hpp"

#include "config/expectations.hpp"
#include "config/grammar.hpp"
#include "config/tree_builder.hpp"

#include <tao/pegtl/contrib/parse_tree.hpp>

namespace equus::config {

namespace {

namespace p = tao::pegtl;

// A failed `must` becomes a diagnostic, and the nearest statement or item is given up.
template <class Rule>
struct control : p::normal<Rule> {
    template <class Input, class... States>
    [[noreturn]] static void raise(const Input& in, grammar::parse_state& state, States&&...) {
        state.fail(grammar::expected<Rule>, grammar::detail::offset_of(in));
        throw grammar::give_up{in};
    }
};

// Rules that contain themselves count their nesting.
struct bounded : p::maybe_nothing {
    template <class Rule, p::apply_mode Apply, p::rewind_mode Rewind,
              template <class...> class Action, template <class...> class Control, class Input,
              class... Rest>
    static bool match(Input& in, grammar::parse_state& state, Rest&&... rest) {
        struct level {
            explicit level(std::uint32_t& count) : count_{count} { ++count_; }
            ~level() { --count_; }
            std::uint32_t& count_;
        } guard{state.nesting};
        if (state.nesting > grammar::nesting_max) {
            state.fail_nesting(grammar::detail::offset_of(in));
            throw grammar::give_up{in};
        }
        return p::match<Rule, Apply, Rewind, Action, Control>(in, state, rest...);
    }
};

template <class Rule>
struct action : p::nothing<Rule> {};
template <>
struct action<grammar::term> : bounded {};
template <>
struct action<grammar::type> : bounded {};
template <>
struct action<grammar::simple_condition> : bounded {};

template <class Start>
std::unique_ptr<tree_node> tree_of(std::string_view text, grammar::parse_state& state) {
    p::memory_input in{text.data(), text.data() + text.size(), "rdc"};
    return p::parse_tree::parse<Start, tree_node, kept_in_tree, action, control>(in, state);
}

template <class Start>
std::unique_ptr<tree_node> lone_tree_of(const source& text, diagnostics& out) {
    grammar::parse_state state{text.text(), out};
    try {
        return tree_of<Start>(text.text(), state);
    } catch (const grammar::give_up&) {
        return nullptr; // reported
    }
}

} // namespace

document parse(const source& from, diagnostics& out) {
    if (from.text().size() > source_bytes_max) {
        out.report_file(code::too_much,
                        "the file is larger than " + std::to_string(source_bytes_max) + " bytes");
        document refused;
        refused.readable = false;
        return refused;
    }
    if (const std::size_t bad = first_bad_byte(from.text()); bad != std::string_view::npos) {
        const auto at = static_cast<std::uint32_t>(bad);
        out.report(code::encoding, {at, at + 1}, "this byte is not UTF-8 text");
        document refused;
        refused.readable = false;
        return refused;
    }
    grammar::parse_state state{from.text(), out};
    const auto tree = tree_of<grammar::file>(from.text(), state);
    return build_document(*tree, from, out);
}

std::optional<type> parse_type(std::string_view text) {
    const source from{"type", std::string{text}};
    diagnostics out{from};
    const auto tree = lone_tree_of<grammar::lone_type>(from, out);
    if (!tree || out.has_errors())
        return std::nullopt;
    type t = build_type(*tree->children.front(), from, out);
    if (out.has_errors())
        return std::nullopt;
    return t;
}

std::optional<expression> parse_value(std::string_view text) {
    const source from{"value", std::string{text}};
    diagnostics out{from};
    const auto tree = lone_tree_of<grammar::lone_value>(from, out);
    if (!tree || out.has_errors())
        return std::nullopt;
    expression e = build_expression(*tree->children.front(), from, out);
    if (out.has_errors())
        return std::nullopt;
    return e;
}

} // namespace equus::config
