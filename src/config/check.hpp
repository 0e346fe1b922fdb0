// From text to an rdc that can be run, or to the reasons why not. Two steps that can also be had
// alone: resolving evaluates parameters, families and conditions; validating compares the resulting
// value with what the programs export. The second works on any value, so C++ code that builds one
// gets the same answers as a file.
#pragma once

#include "config/diagnostic.hpp"
#include "config/parse.hpp"
#include "config/syntax.hpp"

#include <equus/base/result.hpp>
#include <equus/manifest.hpp>
#include <equus/rdc.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace equus::config {

/// Finds a program by the name after `from` and asks it for its manifest. Called once per program.
using program_resolver = std::function<result<manifest>(const std::string& program)>;

/// `--set name=value`.
struct setting {
    std::string name;
    std::string value;
};

/// Most incarnations that one configuration declares.
inline constexpr std::size_t incarnations_max = 10'000;

struct check_options {
    program_resolver programs; ///< empty: nothing is compared with modules and protocols
    std::vector<setting> settings;
    std::string base_folder; ///< relative paths in the file are taken from here; empty: left alone
    std::string working_folder; ///< relative paths in settings likewise
};

struct checked {
    std::optional<rdc> value; ///< only without errors
    std::vector<diagnostic> diagnostics;
    /// Where each incarnation is declared: for messages of a later time.
    std::map<incarnation_name, text_position> declared_at;
};

/// Parses, resolves and validates.
checked check(const source& from, const check_options& options);

/// Validates a value made in C++. Diagnostics have no place; their file is "rdc NAME".
std::vector<diagnostic> check(const rdc& value, const program_resolver& programs);

} // namespace equus::config
