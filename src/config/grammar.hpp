// The grammar of the RDC language, as PEGTL rules. Nothing here backtracks over more than a few
// words, and nesting is bounded, so that parsing takes time and memory in proportion to the text,
// whatever it says.
//
// Every rule under `must` has an `expectation`: the words of its diagnostic. A failed statement or
// item is reported, skipped by `bad_statement` or `bad_item` (recovery.hpp), and parsing goes on
// behind it.
#pragma once

#include "config/recovery.hpp"

#include <tao/pegtl.hpp>

namespace equus::config::grammar {

namespace p = tao::pegtl;

struct expression;
struct condition;
struct type;

// Space, words, literals.
struct comment : p::seq<p::one<'#'>, p::until<p::at<p::sor<p::one<'\n'>, p::eof>>>> {};
struct gap : p::star<p::one<' ', '\t', '\r'>> {};
struct wide_gap : p::star<p::sor<p::one<' ', '\t', '\r', '\n'>, comment>> {};
struct separators : p::star<p::sor<p::one<' ', '\t', '\r', '\n', ';'>, comment>> {};

template <class... Rules>
struct line : p::seq<gap, Rules...> {}; // Rules, further on in the same line
template <class Rule>
struct need : line<p::must<Rule>> {};
template <class Rule>
struct comma_list : p::seq<p::must<Rule>, p::star<gap, p::one<','>, wide_gap, p::must<Rule>>> {};

struct word_rdc : TAO_PEGTL_KEYWORD("rdc") {};
struct word_version : TAO_PEGTL_KEYWORD("version") {};
struct word_use : TAO_PEGTL_KEYWORD("use") {};
struct word_from : TAO_PEGTL_KEYWORD("from") {};
struct word_param : TAO_PEGTL_KEYWORD("param") {};
struct word_place : TAO_PEGTL_KEYWORD("place") {};
struct word_nodes : TAO_PEGTL_KEYWORD("nodes") {};
struct word_where : TAO_PEGTL_KEYWORD("where") {};
struct word_channel : TAO_PEGTL_KEYWORD("channel") {};
struct word_primary : TAO_PEGTL_KEYWORD("primary") {};
struct word_blueprint : TAO_PEGTL_KEYWORD("blueprint") {};
struct word_incarnation : TAO_PEGTL_KEYWORD("incarnation") {};
struct word_export : TAO_PEGTL_KEYWORD("export") {};
struct word_as : TAO_PEGTL_KEYWORD("as") {};
struct word_only : TAO_PEGTL_KEYWORD("only") {};
struct word_to : TAO_PEGTL_KEYWORD("to") {};
struct word_user : TAO_PEGTL_KEYWORD("user") {};
struct word_group : TAO_PEGTL_KEYWORD("group") {};
struct word_everyone : TAO_PEGTL_KEYWORD("everyone") {};
struct word_moved : TAO_PEGTL_KEYWORD("moved") {};
struct word_port : TAO_PEGTL_KEYWORD("port") {};
struct word_stream : TAO_PEGTL_KEYWORD("stream") {};
struct word_handle : TAO_PEGTL_KEYWORD("handle") {};
struct word_on : TAO_PEGTL_KEYWORD("on") {};
struct word_near : TAO_PEGTL_KEYWORD("near") {};
struct word_spread : TAO_PEGTL_KEYWORD("spread") {};
struct word_over : TAO_PEGTL_KEYWORD("over") {};
struct word_migrate : TAO_PEGTL_KEYWORD("migrate") {};
struct word_within : TAO_PEGTL_KEYWORD("within") {};
struct word_limit : TAO_PEGTL_KEYWORD("limit") {};
struct word_priority : TAO_PEGTL_KEYWORD("priority") {};
struct word_when : TAO_PEGTL_KEYWORD("when") {};
struct word_in : TAO_PEGTL_KEYWORD("in") {};
struct word_index : TAO_PEGTL_KEYWORD("index") {};
struct word_key : TAO_PEGTL_KEYWORD("key") {};
struct word_list : TAO_PEGTL_KEYWORD("list") {};
struct word_of : TAO_PEGTL_KEYWORD("of") {};
struct word_has : TAO_PEGTL_KEYWORD("has") {};
struct word_and : TAO_PEGTL_KEYWORD("and") {};
struct word_or : TAO_PEGTL_KEYWORD("or") {};
struct word_not : TAO_PEGTL_KEYWORD("not") {};

struct identifier : p::identifier {};
struct dotted : p::list<p::identifier, p::one<'.'>> {};
struct closing_quote : p::one<'"'> {};
struct text_literal
    : p::seq<p::one<'"'>,
             p::star<p::sor<p::seq<p::one<'\\'>, p::not_one<'\n'>>, p::not_one<'"', '\\', '\n'>>>,
             p::must<closing_quote>> {};
struct number_literal : p::seq<p::digit, p::star<p::sor<p::alnum, p::one<'_'>>>> {};
struct some_text : p::seq<text_literal> {};
struct some_number : p::seq<number_literal> {};

struct colon : p::one<':'> {};
struct equals : p::one<'='> {};
struct two_dots : p::string<'.', '.'> {};
struct open_paren : p::one<'('> {};
struct close_paren : p::one<')'> {};
struct close_bracket : p::one<']'> {};

// Values.
struct list_separator : p::sor<p::one<','>, p::at<p::one<']'>>> {};
struct list_items : p::star<p::seq<expression, wide_gap, p::must<list_separator>, wide_gap>> {};
struct list_literal : p::seq<p::one<'['>, wide_gap, list_items, p::must<close_bracket>> {};
struct value : p::seq<expression> {};
struct parenthesised
    : p::seq<p::one<'('>, wide_gap, p::must<value>, wide_gap, p::must<close_paren>> {};
struct term;
struct operand : p::seq<term> {};
struct negation : p::seq<p::one<'-'>, need<operand>> {};
struct term : p::sor<text_literal, number_literal, list_literal, parenthesised, negation, dotted> {
};
struct product : p::seq<term, p::star<p::seq<gap, p::one<'*'>, wide_gap, p::must<operand>>>> {};
struct plus : p::one<'+'> {};
struct minus : p::seq<p::one<'-'>, p::not_at<p::one<'>'>>> {};
struct summand : p::seq<product> {};
struct sum
    : p::seq<product, p::star<p::seq<gap, p::sor<plus, minus>, wide_gap, p::must<summand>>>> {};
struct expression : p::seq<sum> {};

// Types.
struct bound : p::seq<p::opt<p::one<'-'>>, number_literal> {};
struct range_type : p::seq<bound, need<two_dots>, need<bound>> {};
struct list_type : p::seq<word_list, need<word_of>, need<type>> {};
struct named_type : p::seq<identifier> {};
struct type : p::sor<range_type, list_type, named_type> {};

// Conditions of places.
struct tag : p::sor<identifier, text_literal> {};
struct has_test : p::seq<word_has, need<open_paren>, need<tag>, need<close_paren>> {};
struct comparison : p::sor<p::string<'=', '='>, p::string<'!', '='>, p::string<'<', '='>,
                           p::string<'>', '='>, p::one<'<'>, p::one<'>'>> {};
struct compare_test : p::seq<identifier, need<comparison>, need<value>> {};
struct simple_condition;
struct negated : p::seq<word_not, need<simple_condition>> {};
struct condition_group
    : p::seq<p::one<'('>, wide_gap, p::must<condition>, wide_gap, p::must<close_paren>> {};
struct simple_condition : p::seq<p::not_at<item_at_line_start>,
                                 p::sor<negated, has_test, condition_group, compare_test>> {};
struct conjunction
    : p::seq<simple_condition,
             p::star<p::seq<wide_gap, word_and, wide_gap, p::must<simple_condition>>>> {};
struct disjoint : p::seq<conjunction> {};
struct disjunction
    : p::seq<conjunction, p::star<p::seq<wide_gap, word_or, wide_gap, p::must<disjoint>>>> {};
struct condition : p::seq<disjunction> {};

// Statements of an incarnation.
struct subscript : p::seq<p::one<'['>, wide_gap, list_items, p::must<close_bracket>> {};
struct interface_name : p::seq<identifier> {};
struct channel_label : p::seq<dotted> {};
struct place_name : p::seq<identifier> {};
struct incarnation_name : p::seq<identifier> {};
struct arrow_in : p::string<'<', '-'> {};
struct arrow_out : p::string<'-', '>'> {};
struct handle_flag : p::seq<word_handle> {};
template <class Arrow>
struct wires : p::seq<need<interface_name>, need<Arrow>, line<comma_list<channel_label>>,
                      p::opt<gap, handle_flag>> {};
struct port_statement : p::seq<word_port, wires<arrow_in>> {};
struct stream_statement : p::seq<word_stream, wires<arrow_out>> {};
struct assignment : p::seq<p::at<p::identifier, gap, p::one<'='>, p::not_at<p::one<'='>>>,
                           identifier, gap, p::one<'='>, need<value>> {};
struct on_statement : p::seq<word_on, need<place_name>> {};
struct reference : p::seq<incarnation_name, p::opt<gap, subscript>> {};
struct near_statement : p::seq<word_near, need<reference>> {};
struct spread_statement : p::seq<word_spread, need<word_over>, need<place_name>> {};
struct migration_word : p::seq<identifier> {};
struct within_clause : p::seq<word_within, need<value>> {};
struct migrate_statement : p::seq<word_migrate, need<migration_word>, p::opt<gap, within_clause>> {
};
struct limit_body : p::sor<p::seq<identifier, gap, identifier, gap, expression>,
                           p::seq<identifier, gap, expression>> {};
struct limit_statement : p::seq<word_limit, need<limit_body>> {};
struct priority_statement : p::seq<word_priority, need<value>> {};
struct plain_statement
    : p::sor<assignment, port_statement, stream_statement, on_statement, near_statement,
             spread_statement, migrate_statement, limit_statement, priority_statement> {};

struct statement_end
    : p::seq<gap, p::sor<p::one<';'>, p::at<p::sor<p::one<'\n', '#', '}'>, p::eof>>>> {};
struct block_open : p::one<'{'> {};
struct block_close : p::sor<p::one<'}'>, missing_close> {};
template <class Statement>
struct statements
    : p::star<p::seq<separators, p::not_at<p::sor<p::one<'}'>, p::eof, item_at_line_start>>,
                     p::sor<p::try_catch<Statement, p::must<statement_end>>, bad_statement>>> {};
template <class Statement>
struct block : p::seq<block_open, statements<Statement>, separators, block_close> {};

struct when_subject : p::sor<word_index, word_key> {};
struct when_set : p::seq<value, p::opt<gap, two_dots, need<value>>> {};
struct when_test
    : p::sor<p::seq<word_in, need<when_set>>, p::seq<p::string<'=', '='>, need<value>>> {};
struct when_open : p::at<block_open> {};
struct when_block : p::seq<word_when, gap, p::must<when_subject>, need<when_test>, wide_gap,
                           p::must<when_open>, block<plain_statement>> {};
struct incarnation_statement : p::sor<when_block, plain_statement> {};

// Items of a file.
struct item_end
    : p::seq<gap,
             p::sor<p::one<';'>, p::at<p::sor<p::one<'\n', '#'>, p::eof, item_at_line_start>>>> {};
struct rdc_name : p::seq<identifier> {};
struct header_item : p::seq<word_rdc, need<rdc_name>, need<word_version>, need<some_number>> {};
struct use_item : p::seq<word_use, need<some_text>, need<word_from>, need<some_text>> {};
struct parameter_name : p::seq<identifier> {};
struct parameter_item : p::seq<word_param, need<parameter_name>, need<colon>, need<type>,
                               p::opt<gap, p::one<'='>, need<value>>> {};
struct place_item : p::seq<word_place, need<place_name>, need<equals>, need<word_nodes>,
                           p::opt<wide_gap, word_where, wide_gap, p::must<condition>>> {};
struct channel_name : p::seq<identifier> {};
struct protocol_name : p::seq<dotted> {};
struct channel_kind_word : p::seq<identifier> {};
struct channel_item : p::seq<word_channel, need<channel_name>, need<colon>, need<protocol_name>,
                             p::opt<gap, channel_kind_word>> {};
struct module_name : p::seq<dotted> {};
struct role_word : p::sor<word_primary, word_blueprint> {};
struct incarnation_head : p::sor<p::seq<role_word, need<word_incarnation>>, word_incarnation> {};
struct incarnation_item
    : p::seq<incarnation_head, need<incarnation_name>, p::opt<gap, subscript>, need<colon>,
             need<module_name>, p::opt<wide_gap, block<incarnation_statement>>> {};
struct addition_item
    : p::seq<
          p::at<p::identifier, gap,
                p::opt<p::one<'['>, p::star<p::not_one<']', '\n'>>, p::one<']'>>, gap, p::one<'{'>>,
          p::not_at<p::sor<word_export, word_incarnation, word_primary, word_blueprint>>,
          incarnation_name, p::opt<gap, subscript>, gap, block<incarnation_statement>> {};
struct message_name : p::seq<dotted> {};
struct only_statement : p::seq<word_only, line<comma_list<message_name>>> {};
struct grantee_name : p::sor<identifier, text_literal> {};
struct grantee_kind : p::sor<word_user, word_group> {};
struct grantee : p::sor<word_everyone, p::seq<grantee_kind, need<grantee_name>>> {};
struct grant_list : p::seq<word_to, line<comma_list<grantee>>> {};
struct export_item : p::seq<word_export, need<channel_name>, need<word_as>, need<some_text>,
                            p::opt<wide_gap, block<only_statement>>, p::opt<wide_gap, grant_list>> {
};
struct moved_name : p::seq<reference> {};
struct moved_item : p::seq<word_moved, need<moved_name>, need<word_to>, need<moved_name>> {};
struct not_yet : p::failure {};
struct reserved_item : p::seq<p::at<word_group>, p::must<not_yet>> {};
struct item : p::sor<header_item, use_item, parameter_item, place_item, channel_item, export_item,
                     incarnation_item, moved_item, reserved_item, addition_item> {};
struct file : p::seq<p::star<p::seq<separators, p::not_at<p::eof>,
                                    p::sor<p::try_catch<item, p::must<item_end>>, bad_item>>>,
                     separators, p::eof> {};

// A type or a value alone: from manifests and options.
struct lone_end : p::eof {};
struct lone_type : p::seq<need<type>, need<lone_end>> {};
struct lone_value : p::seq<need<value>, need<lone_end>> {};

} // namespace equus::config::grammar
