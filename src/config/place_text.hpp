// A place's condition as the language writes it, from its postfix form.
#pragma once

#include <equus/rdc.hpp>

#include <string>

namespace equus::config {

/// `has(printer) and zone == "ground"`; "nodes" when there is no condition. Terms that are not a
/// well-formed condition give "?".
std::string text_of(const place_declaration& place);

} // namespace equus::config
