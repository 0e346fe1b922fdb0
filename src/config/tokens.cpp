#include "config/tokens.hpp"

#include "config/grammar.hpp"

#include <tao/pegtl.hpp>

namespace equus::config {

namespace {

namespace g = grammar;
namespace p = tao::pegtl;

struct newline : p::one<'\n'> {};
struct symbol
    : p::sor<p::string<'<', '-'>, p::string<'-', '>'>, p::string<'.', '.'>, p::string<'=', '='>,
             p::string<'!', '='>, p::string<'<', '='>, p::string<'>', '='>, p::any> {};
struct quoted_text
    : p::seq<p::one<'"'>,
             p::star<p::sor<p::seq<p::one<'\\'>, p::not_one<'\n'>>, p::not_one<'"', '\\', '\n'>>>,
             p::one<'"'>> {};
struct everything
    : p::until<p::eof, p::sor<p::one<' ', '\t', '\r'>, newline, g::comment, quoted_text,
                              g::number_literal, g::identifier, symbol>> {};

template <token_kind Kind>
struct keep {
    template <class Input>
    static void apply(const Input& in, std::vector<token>& out) {
        std::string_view text{in.begin(), in.size()};
        if (Kind == token_kind::comment)
            text = text.substr(0, text.find_last_not_of(" \t\r") + 1);
        out.push_back({Kind, text});
    }
};

template <class Rule>
struct action : p::nothing<Rule> {};
template <>
struct action<newline> : keep<token_kind::newline> {};
template <>
struct action<g::comment> : keep<token_kind::comment> {};
template <>
struct action<quoted_text> : keep<token_kind::text> {};
template <>
struct action<g::number_literal> : keep<token_kind::number> {};
template <>
struct action<g::identifier> : keep<token_kind::word> {};
template <>
struct action<symbol> : keep<token_kind::symbol> {};

} // namespace

std::vector<token> tokens_of(std::string_view text) {
    std::vector<token> out;
    p::memory_input<p::tracking_mode::lazy> in{text.data(), text.data() + text.size(), "rdc"};
    p::parse<everything, action>(in, out);
    return out;
}

} // namespace equus::config
