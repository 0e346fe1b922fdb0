// The picture of a configuration, for Graphviz: incarnations joined by channels. Families are one
// node as long as their instances are wired alike.
#pragma once

#include <equus/rdc.hpp>

#include <string>

namespace equus::config {

/// DOT text; `dot -Tsvg` makes the picture. Equal values give equal text.
std::string graph_dot(const rdc& value);

} // namespace equus::config
