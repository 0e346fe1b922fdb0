// The two kinds of document, read and fed to the flow. Both take checked text.
#pragma once

#include "flow.hpp"

#include <string_view>

namespace doc::setting {

/// CommonMark, read by libcmark without extensions and without "smart" punctuation: the words are
/// those of the parsed document. Of an image the description is shown; a link shows its text and
/// leads to its target if that is http, https or mailto; HTML is not interpreted but shown as it
/// was typed. Lines of a paragraph that all begin with '|' (a table, in many dialects) stay lines.
equus::result<void> set_markdown(std::string_view text, shaper& shaper, flow& flow,
                                 const paginator& pages);

/// Lines as they were typed, fixed pitch, tab stops every 8 columns; a form feed ends the page.
void set_plain_text(std::string_view text, flow& flow, const paginator& pages);

} // namespace doc::setting
