#include "fold.hpp"

#include <algorithm>

namespace doc::setting {

namespace {

/// A glyph of the word, where it stood in the one long row, and the last letter that it shows.
struct placed_glyph {
    cairo_glyph_t* glyph;
    double x;
    char letter;
};

/// Good ends of a row: those of URLs, paths, and numbers with separators.
bool folds_after(char letter) noexcept {
    return std::string_view{"/-._,;:?&=+#@|)]}>"}.find(letter) != std::string_view::npos;
}

std::vector<placed_glyph> glyphs_of(shaped_text& word) {
    std::vector<placed_glyph> all;
    for (glyph_run& run : word.runs) {
        const std::size_t first = all.size();
        for (cairo_glyph_t& glyph : run.glyphs)
            all.push_back({&glyph, glyph.x, ' '});
        std::size_t glyph = first;
        std::size_t byte = 0;
        for (const cairo_text_cluster_t& cluster : run.clusters) {
            glyph += static_cast<std::size_t>(cluster.num_glyphs);
            byte += static_cast<std::size_t>(cluster.num_bytes);
            if (cluster.num_glyphs > 0)
                all[glyph - 1].letter = run.text[byte - 1];
        }
    }
    const auto is_left_of = [](const placed_glyph& a, const placed_glyph& b) { return a.x < b.x; };
    if (!std::is_sorted(all.begin(), all.end(), is_left_of)) // right-to-left runs in between
        std::sort(all.begin(), all.end(), is_left_of);
    return all;
}

/// The first glyph of the next row, when the row that begins at `begin` has no room for glyph
/// `full`.
std::size_t fold_at(const std::vector<placed_glyph>& glyphs, std::size_t begin, std::size_t full,
                    double width_pt) {
    for (std::size_t i = full; i > begin; --i) {
        if (glyphs[i].x - glyphs[begin].x < width_pt * 0.75)
            break;
        if (folds_after(glyphs[i - 1].letter))
            return i;
    }
    return full;
}

} // namespace

void fold(shaped_text& word, double width_pt, double row_pt) {
    word.whole = true;
    word.row_pt = row_pt;
    const std::vector<placed_glyph> glyphs = glyphs_of(word);
    std::vector<std::size_t> row_begins{0};
    for (std::size_t i = 0; i < glyphs.size(); ++i) {
        const double end = i + 1 < glyphs.size() ? glyphs[i + 1].x : word.width_pt;
        std::size_t begin = row_begins.back();
        while (i > begin && end - glyphs[begin].x > width_pt) {
            begin = fold_at(glyphs, begin, i, width_pt);
            row_begins.push_back(begin);
        }
    }
    for (std::size_t row = 0; row < row_begins.size(); ++row) {
        const std::size_t end = row + 1 < row_begins.size() ? row_begins[row + 1] : glyphs.size();
        for (std::size_t i = row_begins[row]; i < end; ++i) {
            glyphs[i].glyph->x = glyphs[i].x - glyphs[row_begins[row]].x;
            glyphs[i].glyph->y += static_cast<double>(row) * row_pt;
        }
    }
    word.rows = row_begins.size();
    if (word.rows > 1)
        word.width_pt = width_pt;
}

} // namespace doc::setting
