// A word wider than the page is neither torn nor cut: its glyphs go on in further rows, and the
// word stays one piece of text.
#pragma once

#include "shaper.hpp"

namespace doc::setting {

/// Lays the glyphs of `word` out in rows of at most `width_pt`, `row_pt` apart, and makes it whole.
/// A row ends after a mark of punctuation if there is one in its last quarter.
void fold(shaped_text& word, double width_pt, double row_pt);

} // namespace doc::setting
