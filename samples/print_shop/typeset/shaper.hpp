// Letters become glyphs, a word at a time. The word is the unit of this typesetter: it is shaped
// alone, kept (most words of a text come again), moved as one box, and written to the PDF so that
// it is read back as it was. Ligatures are off. Where glyphs and letters do not go one to one
// (combining marks, joiners, soft hyphens, letters that no font has) the word is `whole`: its first
// run carries the whole text as replacement text (PDF 14.9.4, ActualText), and its other runs are
// drawn as outlines.
#pragma once

#include <cairo.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace doc::setting {

enum class face : std::uint8_t { serif, sans, mono };
enum class ink : std::uint8_t { text, heading, quiet, link };

struct text_style {
    face family = face::serif;
    bool bold = false;
    bool italic = false;
    ink colour = ink::text;
    double size_pt = 10.5;

    friend bool operator==(const text_style&, const text_style&) = default;
};

/// Glyphs of one font from left to right, relative to the word's origin on its base line, and the
/// text that goes with them in the same order: a PDF has right-to-left text as it is seen, too.
struct glyph_run {
    cairo_scaled_font_t* font = nullptr; ///< lives as long as the shaper
    ink colour = ink::text;
    double x_pt = 0;
    double width_pt = 0;
    bool one_to_one = true;
    std::string text;
    std::vector<cairo_glyph_t> glyphs;
    std::vector<cairo_text_cluster_t> clusters; ///< in the order of the glyphs
};

struct shaped_text {
    std::string text;
    double width_pt = 0;
    double row_pt = 0;    ///< distance of the rows, if there are several
    std::size_t rows = 1; ///< more only for a folded word
    bool whole = false;
    std::vector<glyph_run> runs; ///< in the order of the text
};

using shaped = std::shared_ptr<const shaped_text>;

/// Owns the fonts that its results refer to: it outlives them. One thread at a time.
class shaper {
public:
    shaper();
    ~shaper();
    shaper(const shaper&) = delete;
    shaper& operator=(const shaper&) = delete;

    /// Whether any font at all was found.
    bool usable();

    /// `text` in one line. It has no line ends or tabs; spaces are allowed.
    shaped shape(const text_style& style, std::string_view text);

private:
    struct fonts;
    shaped_text shape_now(const text_style& style, std::string_view text);

    std::unique_ptr<fonts> fonts_;
};

/// The stretches of one word side by side, as one.
shaped_text joined(const std::vector<shaped>& stretches);

} // namespace doc::setting
