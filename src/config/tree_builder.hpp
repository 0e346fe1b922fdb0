// From PEGTL's parse tree to the syntax tree: literals are decoded here, and everything gets its
// place.
#pragma once

#include "config/diagnostic.hpp"
#include "config/grammar.hpp"
#include "config/syntax.hpp"

#include <tao/pegtl/contrib/parse_tree.hpp>

namespace equus::config {

using tree_node = tao::pegtl::parse_tree::node;

/// Most operators in one expression.
inline constexpr std::size_t operators_max = 64;

/// Which rules become nodes; the others are transparent.
template <class Rule>
using kept_in_tree = tao::pegtl::parse_tree::selector<
    Rule,
    tao::pegtl::parse_tree::store_content::on<
        grammar::identifier, grammar::dotted, grammar::text_literal, grammar::number_literal,
        grammar::list_literal, grammar::negation, grammar::plus, grammar::minus, grammar::bound,
        grammar::range_type, grammar::list_type, grammar::named_type, grammar::has_test,
        grammar::comparison, grammar::compare_test, grammar::negated, grammar::subscript,
        grammar::handle_flag, grammar::when_test, grammar::port_statement,
        grammar::stream_statement, grammar::assignment, grammar::on_statement,
        grammar::near_statement, grammar::spread_statement, grammar::within_clause,
        grammar::migrate_statement, grammar::limit_statement, grammar::priority_statement,
        grammar::word_key, grammar::when_block, grammar::header_item, grammar::use_item,
        grammar::parameter_item, grammar::place_item, grammar::channel_item, grammar::word_primary,
        grammar::word_blueprint, grammar::incarnation_item, grammar::addition_item,
        grammar::only_statement, grammar::word_user, grammar::word_group, grammar::word_everyone,
        grammar::grantee, grammar::export_item, grammar::moved_name, grammar::moved_item,
        grammar::bad_statement, grammar::bad_item, grammar::missing_close>,
    tao::pegtl::parse_tree::fold_one::on<grammar::product, grammar::sum, grammar::conjunction,
                                         grammar::disjunction>>;

document build_document(const tree_node& root, const source& from, diagnostics& out);
expression build_expression(const tree_node& node, const source& from, diagnostics& out);
type build_type(const tree_node& node, const source& from, diagnostics& out);

} // namespace equus::config
