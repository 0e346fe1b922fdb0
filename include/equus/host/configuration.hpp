// A configuration's text as a value, for a program that holds the modules which the text names:
// what `check` does for a file, without files and without asking other programs. A simulation runs
// the very text that a user runs this way.
//
//     auto shop = equus::read_configuration("print_shop.rdc", text, m.modules(),
//                                           {{"out", "/out"}});
//
// Limit: every `use` of the text is answered with this one table of modules.
#pragma once

#include <equus/base/result.hpp>
#include <equus/module.hpp>
#include <equus/rdc.hpp>

#include <string>
#include <utility>
#include <vector>

namespace equus {

/// Values for the text's parameters by name, as `--set` takes them.
using configuration_settings = std::vector<std::pair<std::string, std::string>>;

/// Parses, resolves and validates `text`. `name` is what diagnostics call it. Relative paths are
/// left as they are. invalid_argument: the diagnostics, as `check` prints them.
result<rdc> read_configuration(std::string name, std::string text, const module_table& modules,
                               const configuration_settings& settings = {});

} // namespace equus
