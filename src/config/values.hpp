// Values against types: what a parameter declares and what it was given.
#pragma once

#include "config/diagnostic.hpp"
#include "config/syntax.hpp"

#include <equus/rdc.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace equus::config {

/// What is wrong with a value; a code and two texts.
struct value_problem {
    code number = code::wrong_type;
    std::string message;
    std::string hint;
};

/// A text where a path is wanted becomes a path; relative ones are taken from `folder` unless that
/// is empty. A path where text is wanted becomes text. Everything else is left as it is.
rdc_value coerced(rdc_value value, const type& to, const std::string& folder);

/// Nothing when the value is of the type and within its range. `what` names it in the message.
std::optional<value_problem> mismatch(const rdc_value& value, const type& with,
                                      const std::string& what);

/// A value as a person types it behind `--set name=`: "8", "200ms", "true", plain text, "a,b,c".
std::optional<rdc_value> read_setting(std::string_view text, const type& as,
                                      value_problem& problem);

/// As the language writes it: 8, 200ms, "text", ["a", "b"].
std::string text_of(const rdc_value& value);
/// "an integer", "a duration", ...
std::string kind_of(const rdc_value& value);
/// "int", "1..64", "list of text".
std::string text_of(const type& t);

} // namespace equus::config
