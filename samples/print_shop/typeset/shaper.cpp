#include "shaper.hpp"

#include "text.hpp"

#include <pango/pangocairo.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

namespace doc::setting {

namespace {

/// Kept words per style: more than the vocabulary of a long text, a few MiB at most.
constexpr std::size_t kept_words_max = 8192;
constexpr std::size_t kept_word_bytes_max = 64;

struct unref {
    void operator()(gpointer object) const noexcept { g_object_unref(object); }
};
template <class T>
using object = std::unique_ptr<T, unref>;

struct free_glyphs {
    void operator()(PangoGlyphString* glyphs) const noexcept { pango_glyph_string_free(glyphs); }
};
struct free_attributes {
    void operator()(PangoAttrList* list) const noexcept { pango_attr_list_unref(list); }
};
struct free_options {
    void operator()(cairo_font_options_t* options) const noexcept {
        cairo_font_options_destroy(options);
    }
};

struct hash_text {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};

/// A style that was met, with what Pango wants to know about it and the words shaped in it.
struct known_style {
    text_style style;
    std::unique_ptr<PangoAttrList, free_attributes> attributes;
    std::unordered_map<std::string, shaped, hash_text, std::equal_to<>> words;
};

const char* families(face family) noexcept {
    switch (family) {
    case face::serif:
        return "DejaVu Serif,Liberation Serif,Noto Serif,serif";
    case face::sans:
        return "DejaVu Sans,Liberation Sans,Noto Sans,sans-serif";
    case face::mono:
        return "DejaVu Sans Mono,Liberation Mono,Noto Sans Mono,monospace";
    }
    return "serif";
}

std::unique_ptr<PangoAttrList, free_attributes> attributes_of(const text_style& style) {
    std::unique_ptr<PangoAttrList, free_attributes> list{pango_attr_list_new()};
    PangoFontDescription* font = pango_font_description_new();
    pango_font_description_set_family_static(font, families(style.family));
    pango_font_description_set_weight(font, style.bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_font_description_set_style(font, style.italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
    pango_font_description_set_absolute_size(font, style.size_pt * PANGO_SCALE);
    pango_attr_list_insert(list.get(), pango_attr_font_desc_new(font));
    pango_font_description_free(font);
    pango_attr_list_insert(list.get(),
                           pango_attr_font_features_new("liga=0, clig=0, dlig=0, hlig=0, calt=0"));
    return list;
}

struct free_items {
    void operator()(GList* items) const noexcept {
        g_list_free_full(items,
                         [](gpointer item) { pango_item_free(static_cast<PangoItem*>(item)); });
    }
};

bool stands_for_one_letter(std::string_view text) noexcept {
    const code_point letter = code_point_at(text, 0);
    return letter.size_bytes == text.size() && !is_invisible(letter.value) &&
           !g_unichar_ismark(letter.value);
}

} // namespace

struct shaper::fonts {
    object<PangoFontMap> map{pango_cairo_font_map_new()};
    object<PangoContext> context{pango_font_map_create_context(map.get())};
    std::vector<std::unique_ptr<known_style>> styles;
    std::vector<object<PangoFont>> used;
    bool found = true;

    fonts() {
        // Nothing depends on the caller's locale or screen: the same text, the same bytes.
        pango_cairo_context_set_resolution(context.get(), 72);
        pango_context_set_language(context.get(), pango_language_from_string("en"));
        pango_context_set_round_glyph_positions(context.get(), FALSE);
        const std::unique_ptr<cairo_font_options_t, free_options> options{
            cairo_font_options_create()};
        cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
        cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
        cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
        pango_cairo_context_set_font_options(context.get(), options.get());
    }

    known_style& style(const text_style& wanted) {
        for (const auto& known : styles)
            if (known->style == wanted)
                return *known;
        styles.push_back(
            std::make_unique<known_style>(known_style{wanted, attributes_of(wanted), {}}));
        return *styles.back();
    }

    cairo_scaled_font_t* keep(PangoFont* font) {
        const bool known =
            std::any_of(used.begin(), used.end(), [&](const auto& f) { return f.get() == font; });
        if (!known)
            used.emplace_back(PANGO_FONT(g_object_ref(font)));
        return pango_cairo_font_get_scaled_font(PANGO_CAIRO_FONT(font));
    }
};

namespace {

/// What one item of a word became: the run, how wide, and whether letters and glyphs go one to one.
struct shaped_item {
    glyph_run run;
    bool found = true;
    bool right_to_left = false;
};

/// How wide the font itself says that a glyph is: what a reader of the PDF takes it to be.
double advance_of(cairo_scaled_font_t* font, unsigned long index) {
    const cairo_glyph_t glyph{index, 0, 0};
    cairo_text_extents_t extents;
    cairo_scaled_font_glyph_extents(font, &glyph, 1, &extents);
    return extents.x_advance;
}

/// Kerning, but not so much that readers of the PDF see two words: pdftotext does where letters
/// overlap by a fifth of the size ("P." in DejaVu Serif) or are a tenth of it apart.
double kerned(double width_pt, double advance_pt, double size_pt) {
    if (width_pt == 0)
        return 0; // a mark on the letter before it
    return std::clamp(width_pt, advance_pt - 0.14 * size_pt, advance_pt + 0.05 * size_pt);
}

/// Groups glyphs into clusters: `glyph_starts` says where the text of each glyph begins, `starts`
/// adds the clusters whose glyphs have no shape and are gone, in which case nothing is one to one.
void make_clusters(shaped_item& made, std::string_view text, std::vector<int> starts,
                   std::vector<int> glyph_starts, bool right_to_left) {
    std::sort(starts.begin(), starts.end());
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    std::sort(glyph_starts.begin(), glyph_starts.end());
    auto glyph = glyph_starts.begin();
    std::vector<std::string_view> stretches;
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const auto begin = static_cast<std::size_t>(starts[i]);
        const auto end =
            i + 1 < starts.size() ? static_cast<std::size_t>(starts[i + 1]) : text.size();
        int glyphs = 0;
        for (; glyph != glyph_starts.end() && *glyph == starts[i]; ++glyph)
            ++glyphs;
        stretches.push_back(text.substr(begin, end - begin));
        made.run.clusters.push_back({static_cast<int>(end - begin), glyphs});
        if (glyphs != 1 || !stands_for_one_letter(stretches.back()))
            made.run.one_to_one = false;
    }
    if (right_to_left) {
        std::reverse(stretches.begin(), stretches.end());
        std::reverse(made.run.clusters.begin(), made.run.clusters.end());
    }
    for (const std::string_view stretch : stretches)
        made.run.text += stretch;
}

/// Whether anything of the run is seen; cairo leaves out text that shows nothing.
bool shows_nothing(const glyph_run& run) {
    cairo_text_extents_t extents;
    cairo_scaled_font_glyph_extents(run.font, run.glyphs.data(),
                                    static_cast<int>(run.glyphs.size()), &extents);
    return extents.width == 0;
}

shaped_item shape_item(std::string_view text, PangoItem& item, cairo_scaled_font_t* font,
                       double size_pt) {
    const std::unique_ptr<PangoGlyphString, free_glyphs> glyphs{pango_glyph_string_new()};
    const char* from = text.data() + item.offset;
    pango_shape_full(from, item.length, text.data(), static_cast<int>(text.size()), &item.analysis,
                     glyphs.get());
    shaped_item made;
    made.run.font = font;
    std::vector<int> starts;
    std::vector<int> glyph_starts;
    for (int i = 0; i < glyphs->num_glyphs; ++i) {
        const PangoGlyphInfo& glyph = glyphs->glyphs[i];
        starts.push_back(glyphs->log_clusters[i]);
        if (glyph.glyph == PANGO_GLYPH_EMPTY)
            continue;
        glyph_starts.push_back(glyphs->log_clusters[i]);
        const bool unknown = (glyph.glyph & PANGO_GLYPH_UNKNOWN_FLAG) != 0;
        const unsigned long index = unknown ? 0 : glyph.glyph;
        const double advance_pt = advance_of(font, index);
        const double x_offset_pt = pango_units_to_double(glyph.geometry.x_offset);
        made.run.glyphs.push_back({index, made.run.width_pt + x_offset_pt,
                                   pango_units_to_double(glyph.geometry.y_offset)});
        made.run.width_pt +=
            unknown ? advance_pt
                    : kerned(pango_units_to_double(glyph.geometry.width), advance_pt, size_pt);
        if (unknown)
            made.found = false;
        if (unknown || std::abs(x_offset_pt) > 0.05 * size_pt)
            made.run.one_to_one = false;
    }
    made.right_to_left = item.analysis.level % 2 == 1;
    make_clusters(made, {from, static_cast<std::size_t>(item.length)}, std::move(starts),
                  std::move(glyph_starts), made.right_to_left);
    return made;
}

} // namespace

shaper::shaper() : fonts_{std::make_unique<fonts>()} {}

shaper::~shaper() = default;

bool shaper::usable() {
    shape(text_style{}, "a");
    return fonts_->found;
}

shaped shaper::shape(const text_style& style, std::string_view text) {
    if (text.size() > kept_word_bytes_max)
        return std::make_shared<const shaped_text>(shape_now(style, text));
    auto& words = fonts_->style(style).words;
    if (const auto kept = words.find(text); kept != words.end())
        return kept->second;
    auto made = std::make_shared<const shaped_text>(shape_now(style, text));
    if (words.size() >= kept_words_max)
        words.clear();
    words.emplace(std::string{text}, made);
    return made;
}

shaped_text shaper::shape_now(const text_style& style, std::string_view text) {
    shaped_text made;
    made.text = text;
    const known_style& known = fonts_->style(style);
    const std::unique_ptr<GList, free_items> items{pango_itemize(fonts_->context.get(), text.data(),
                                                                 0, static_cast<int>(text.size()),
                                                                 known.attributes.get(), nullptr)};
    std::vector<std::pair<PangoItem*, shaped_item>> parts;
    bool any_right_to_left = false;
    for (GList* at = items.get(); at != nullptr; at = at->next) {
        auto* item = static_cast<PangoItem*>(at->data);
        if (item->analysis.font == nullptr) {
            fonts_->found = false;
            continue;
        }
        shaped_item part =
            shape_item(text, *item, fonts_->keep(item->analysis.font), style.size_pt);
        part.run.colour = style.colour;
        if (!part.run.one_to_one || (text != " " && shows_nothing(part.run)))
            made.whole = true;
        if (!part.found && text == "a")
            fonts_->found = false;
        any_right_to_left = any_right_to_left || part.right_to_left;
        parts.emplace_back(item, std::move(part));
    }
    // Replacement text is read from left to right whatever its letters are, so a right-to-left word
    // stays cluster by cluster and leaves the order to the reader of the PDF.
    if (any_right_to_left)
        made.whole = false;

    GList* visual = pango_reorder_items(items.get());
    for (GList* at = visual; at != nullptr; at = at->next)
        for (auto& [item, part] : parts)
            if (item == at->data) {
                for (cairo_glyph_t& glyph : part.run.glyphs)
                    glyph.x += made.width_pt;
                part.run.x_pt = made.width_pt;
                made.width_pt += part.run.width_pt;
            }
    g_list_free(visual);
    for (auto& [item, part] : parts)
        made.runs.push_back(std::move(part.run));
    return made;
}

shaped_text joined(const std::vector<shaped>& stretches) {
    shaped_text all;
    for (const shaped& stretch : stretches) {
        all.text += stretch->text;
        all.whole = all.whole || stretch->whole;
        for (glyph_run run : stretch->runs) {
            for (cairo_glyph_t& glyph : run.glyphs)
                glyph.x += all.width_pt;
            run.x_pt += all.width_pt;
            all.runs.push_back(std::move(run));
        }
        all.width_pt += stretch->width_pt;
    }
    return all;
}

} // namespace doc::setting
