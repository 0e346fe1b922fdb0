// What the parser says when a `must` fails: one entry per rule that can be missing. A rule without
// an entry does not compile.
#pragma once

#include "config/grammar.hpp"

namespace equus::config::grammar {

template <class Rule>
inline constexpr expectation expected = Rule::the_rule_has_no_expectation;

// Words and signs.
template <>
inline constexpr expectation expected<word_version>{code::header, "'version'",
                                                    "write: rdc NAME version 1"};
template <>
inline constexpr expectation expected<word_from>{code::syntax, "'from'",
                                                 "write: use \"NAMESPACE\" from \"PROGRAM\""};
template <>
inline constexpr expectation expected<word_nodes>{code::syntax, "'nodes'",
                                                  "write: place NAME = nodes where has(TAG)"};
template <>
inline constexpr expectation expected<word_as>{code::syntax, "'as'",
                                               "write: export CHANNEL as \"NAME\""};
template <>
inline constexpr expectation expected<word_incarnation>{code::syntax, "'incarnation'"};
template <>
inline constexpr expectation expected<word_over>{code::syntax, "'over'",
                                                 "write: spread over nodes"};
template <>
inline constexpr expectation expected<word_of>{code::syntax, "'of'", "write: list of TYPE"};
template <>
inline constexpr expectation expected<colon>{code::syntax, "':'"};
template <>
inline constexpr expectation expected<equals>{code::syntax, "'='"};
template <>
inline constexpr expectation expected<two_dots>{code::syntax, "'..'", "a range is LOW..HIGH"};
template <>
inline constexpr expectation expected<open_paren>{code::syntax, "'('"};
template <>
inline constexpr expectation expected<close_paren>{code::syntax, "')'"};
template <>
inline constexpr expectation expected<close_bracket>{code::syntax, "']'"};
template <>
inline constexpr expectation expected<closing_quote>{code::bad_literal,
                                                     "the text is not closed in its line",
                                                     "end it with '\"'; a line break is \\n"};
template <>
inline constexpr expectation expected<list_separator>{code::syntax, "',' or ']'"};
template <>
inline constexpr expectation expected<arrow_in>{code::syntax, "'<-'",
                                                "a port receives: port NAME <- CHANNEL"};
template <>
inline constexpr expectation expected<arrow_out>{code::syntax, "'->'",
                                                 "a stream sends: stream NAME -> CHANNEL"};
template <>
inline constexpr expectation expected<when_open>{code::syntax, "'{'"};
template <>
inline constexpr expectation expected<statement_end>{code::separator, "a new line, ';' or '}'"};
template <>
inline constexpr expectation expected<item_end>{code::separator, "a new line or ';'"};
template <>
inline constexpr expectation expected<lone_end>{code::syntax, "nothing more"};

// Names.
template <>
inline constexpr expectation expected<rdc_name>{code::header, "the configuration's name",
                                                "write: rdc NAME version 1"};
template <>
inline constexpr expectation expected<parameter_name>{code::syntax, "the parameter's name"};
template <>
inline constexpr expectation expected<place_name>{code::syntax, "the name of a place"};
template <>
inline constexpr expectation expected<channel_name>{code::syntax, "the name of a channel"};
template <>
inline constexpr expectation expected<channel_label>{
    code::syntax, "a channel", "'none' leaves the interface unwired on purpose"};
template <>
inline constexpr expectation expected<protocol_name>{code::syntax, "a protocol"};
template <>
inline constexpr expectation expected<module_name>{code::syntax, "a module"};
template <>
inline constexpr expectation expected<incarnation_name>{code::syntax, "the name of an incarnation"};
template <>
inline constexpr expectation expected<reference>{code::syntax, "the name of an incarnation"};
template <>
inline constexpr expectation expected<moved_name>{code::syntax, "the name of an incarnation",
                                                  "write: moved OLD to NEW"};
template <>
inline constexpr expectation expected<word_to>{code::syntax, "'to'", "write: moved OLD to NEW"};
template <>
inline constexpr expectation expected<interface_name>{code::syntax, "the name of an interface"};
template <>
inline constexpr expectation expected<message_name>{code::syntax, "the name of a message"};
template <>
inline constexpr expectation expected<migration_word>{code::syntax,
                                                      "'live', 'never' or 'automatic'"};
template <>
inline constexpr expectation expected<tag>{code::syntax, "a tag"};
template <>
inline constexpr expectation expected<grantee>{code::syntax,
                                               "'user NAME', 'group NAME' or 'everyone'"};
template <>
inline constexpr expectation expected<grantee_name>{code::syntax, "the name of a user or group"};

// Values and larger things.
template <>
inline constexpr expectation expected<some_text>{code::syntax, "text in quotes"};
template <>
inline constexpr expectation expected<some_number>{code::syntax, "a number"};
template <>
inline constexpr expectation expected<value>{code::syntax, "a value"};
template <>
inline constexpr expectation expected<operand>{code::syntax, "a value"};
template <>
inline constexpr expectation expected<summand>{code::syntax, "a value"};
template <>
inline constexpr expectation expected<bound>{code::syntax, "a number"};
template <>
inline constexpr expectation expected<type>{
    code::syntax, "a type", "int, text, path, bool, duration, list of ..., or a range LOW..HIGH"};
template <>
inline constexpr expectation expected<condition>{code::bad_place, "a condition",
                                                 "has(TAG), or ATTRIBUTE == VALUE"};
template <>
inline constexpr expectation expected<simple_condition>{code::bad_place, "a condition",
                                                        "has(TAG), or ATTRIBUTE == VALUE"};
template <>
inline constexpr expectation expected<disjoint>{code::bad_place, "a condition",
                                                "has(TAG), or ATTRIBUTE == VALUE"};
template <>
inline constexpr expectation expected<comparison>{
    code::bad_place, "a comparison", "one of ==, !=, <, <=, >, >=; a tag is tested by has(TAG)"};
template <>
inline constexpr expectation expected<limit_body>{
    code::syntax, "a limit", "write: limit INTERFACE credit 8, or limit memory 16MiB"};
template <>
inline constexpr expectation expected<when_subject>{code::syntax, "'index' or 'key'"};
template <>
inline constexpr expectation expected<when_test>{code::syntax, "'in' or '=='",
                                                 "write: when index in 2..3 { ... }"};
template <>
inline constexpr expectation expected<when_set>{code::syntax, "a range or a list",
                                                "write: when index in 2..3 { ... }"};
template <>
inline constexpr expectation expected<not_yet>{code::reserved};

} // namespace equus::config::grammar
