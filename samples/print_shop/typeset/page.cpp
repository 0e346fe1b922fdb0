#include "page.hpp"

#include <cairo-pdf.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace doc::setting {

namespace {

constexpr double footer_base_pt = page_height_pt - 48;
constexpr double bullet_pt = 3.6;

struct rgb {
    double red, green, blue;
};

constexpr rgb colour_of(ink colour) noexcept {
    switch (colour) {
    case ink::text:
        return {0.10, 0.10, 0.11};
    case ink::heading:
        return {0.05, 0.13, 0.25};
    case ink::quiet:
        return {0.38, 0.38, 0.40};
    case ink::link:
        return {0.05, 0.25, 0.55};
    }
    return {0, 0, 0};
}

constexpr rgb colour_of(band::kind what) noexcept {
    return what == band::kind::code ? rgb{0.955, 0.955, 0.945} : rgb{0.72, 0.76, 0.82};
}

cairo_status_t append_to(void* closure, const unsigned char* data, unsigned int size) {
    static_cast<equus::bytes*>(closure)->append(std::as_bytes(std::span{data, size}));
    return CAIRO_STATUS_SUCCESS;
}

/// The font's space.
cairo_glyph_t blank_of(cairo_scaled_font_t* font) {
    cairo_glyph_t buffer{};
    cairo_glyph_t* glyphs = &buffer;
    int count = 1;
    cairo_scaled_font_text_to_glyphs(font, 0, 0, " ", 1, &glyphs, &count, nullptr, nullptr,
                                     nullptr);
    const cairo_glyph_t blank = count > 0 && glyphs != nullptr ? glyphs[0] : cairo_glyph_t{};
    if (glyphs != &buffer)
        cairo_glyph_free(glyphs);
    return blank;
}

/// Whether the glyphs of `run`, as readers of the PDF measure them, stay within its bounds:
/// combining marks of some fonts take room of their own there, and cairo (1.16) miscounts the box
/// for unknown letters.
bool may_carry_text(const glyph_run& run) {
    bool is_seen = false;
    for (const cairo_glyph_t& glyph : run.glyphs) {
        cairo_text_extents_t extents;
        cairo_scaled_font_glyph_extents(run.font, &glyph, 1, &extents);
        if (glyph.index == 0 || glyph.x + extents.x_advance > run.x_pt + run.width_pt + 0.5)
            return false;
        is_seen = is_seen || extents.width > 0;
    }
    return is_seen;
}

/// The same glyphs as one cluster, which stands for `text`: cairo writes it as a span with
/// replacement text. A cluster of one glyph would go to the font's table of letters instead, where
/// it can collide with another use of the glyph, so a blank fills it up to two.
glyph_run carrying(glyph_run run, std::string text) {
    if (run.glyphs.size() == 1) {
        cairo_glyph_t blank = blank_of(run.font);
        blank.x = run.glyphs.front().x;
        blank.y = run.glyphs.front().y;
        run.glyphs.insert(run.glyphs.begin(), blank);
    }
    run.text = std::move(text);
    run.clusters = {{static_cast<int>(run.text.size()), static_cast<int>(run.glyphs.size())}};
    return run;
}

/// One page being drawn. Text is collected while font and colour stay the same, so that a line is
/// usually one text operator.
class canvas {
public:
    canvas(cairo_t* cairo, shaper& shaper) : cairo_{cairo}, shaper_{shaper} {}

    void draw_bands(const std::deque<line>& lines);
    void draw_marks(const line& line, double base_pt);
    void draw_text(const line& line, double base_pt);
    void draw_links(const line& line, double top_pt);
    void draw_number(std::uint32_t number);

private:
    void ink_with(rgb colour) {
        cairo_set_source_rgb(cairo_, colour.red, colour.green, colour.blue);
    }
    void show(const shaped_text& text, double x, double y);
    void append(const glyph_run& run, double x, double y);
    void show_space(const shaped_text& space, double x, double y);
    void show_whole(const shaped_text& text, double x, double y);
    void show_shapes(const glyph_run& run, double x, double y);
    void flush();

    cairo_t* cairo_;
    shaper& shaper_;
    glyph_run pending_;
};

std::vector<cairo_glyph_t> moved(const std::vector<cairo_glyph_t>& glyphs, double x, double y) {
    std::vector<cairo_glyph_t> result = glyphs;
    for (cairo_glyph_t& glyph : result) {
        glyph.x += x;
        glyph.y += y;
    }
    return result;
}

void canvas::flush() {
    if (!pending_.text.empty()) {
        ink_with(colour_of(pending_.colour));
        cairo_set_scaled_font(cairo_, pending_.font);
        cairo_show_text_glyphs(cairo_, pending_.text.data(), static_cast<int>(pending_.text.size()),
                               pending_.glyphs.data(), static_cast<int>(pending_.glyphs.size()),
                               pending_.clusters.data(), static_cast<int>(pending_.clusters.size()),
                               cairo_text_cluster_flags_t{});
    }
    pending_ = {};
}

void canvas::append(const glyph_run& run, double x, double y) {
    if (pending_.font != run.font || pending_.colour != run.colour) {
        flush();
        pending_.font = run.font;
        pending_.colour = run.colour;
    }
    const auto glyphs = moved(run.glyphs, x, y);
    pending_.text += run.text;
    pending_.glyphs.insert(pending_.glyphs.end(), glyphs.begin(), glyphs.end());
    pending_.clusters.insert(pending_.clusters.end(), run.clusters.begin(), run.clusters.end());
}

void canvas::show(const shaped_text& text, double x, double y) {
    if (text.whole)
        show_whole(text, x, y);
    else
        for (const glyph_run& run : text.runs)
            append(run, x, y);
}

// A space goes with the word before it, in that word's font: alone it would show nothing, and cairo
// leaves out what shows nothing.
void canvas::show_space(const shaped_text& space, double x, double y) {
    glyph_run run = space.runs.front();
    if (pending_.font != nullptr) {
        const cairo_glyph_t blank = blank_of(pending_.font);
        if (blank.index != 0) {
            run.font = pending_.font;
            run.colour = pending_.colour;
            run.glyphs.front().index = blank.index;
        }
    }
    append(run, x, y);
}

// Run by run where each can stand for its own text. Otherwise in one piece, so that no part is
// lost: one run carries all the text, and if none may, two dots too small to be seen, at both ends
// of the word; the others are drawn as shapes.
void canvas::show_whole(const shaped_text& text, double x, double y) {
    if (text.width_pt == 0)
        return; // invisible letters only
    if (text.rows == 1 && std::all_of(text.runs.begin(), text.runs.end(), may_carry_text)) {
        for (const glyph_run& run : text.runs)
            append(run.one_to_one ? run : carrying(run, run.text), x, y);
        return;
    }
    // In a folded word, runs share rows: one of several says little about where the word is.
    const auto carrier =
        std::find_if(text.runs.begin(), text.runs.end(), [&](const glyph_run& run) {
            return may_carry_text(run) && (text.rows == 1 || text.runs.size() == 1);
        });
    flush();
    for (auto run = text.runs.begin(); run != text.runs.end(); ++run)
        if (run != carrier)
            show_shapes(*run, x, y);
    if (carrier != text.runs.end()) {
        append(carrying(*carrier, text.text), x, y);
        return;
    }
    const shaped dot = shaper_.shape({.size_pt = 0.1}, ".");
    glyph_run dots = dot->runs.front();
    dots.glyphs.push_back(dots.glyphs.front());
    dots.glyphs.back().x += text.width_pt - dot->width_pt;
    append(carrying(std::move(dots), text.text), x, y);
}

void canvas::show_shapes(const glyph_run& run, double x, double y) {
    std::vector<cairo_glyph_t> outlines;
    for (const cairo_glyph_t& glyph : moved(run.glyphs, x, y)) {
        if (glyph.index != 0) {
            outlines.push_back(glyph);
            continue;
        }
        // A letter that no font has: an empty box, smaller than the fonts' own as a drawing.
        cairo_text_extents_t extents;
        cairo_scaled_font_glyph_extents(run.font, &glyph, 1, &extents);
        cairo_rectangle(cairo_, glyph.x + extents.x_advance * 0.15, glyph.y,
                        extents.x_advance * 0.7, -extents.x_advance);
    }
    ink_with(colour_of(run.colour));
    cairo_set_line_width(cairo_, 0.5);
    cairo_stroke(cairo_);
    if (outlines.empty())
        return;
    cairo_set_scaled_font(cairo_, run.font);
    cairo_glyph_path(cairo_, outlines.data(), static_cast<int>(outlines.size()));
    cairo_fill(cairo_);
}

void canvas::draw_bands(const std::deque<line>& lines) {
    // Strips that go on from line to line are drawn in one piece: no seams.
    struct strip {
        band look;
        double top_pt;
        double bottom_pt;
    };
    std::vector<strip> strips;
    double y = margin_top_pt;
    for (const line& line : lines) {
        for (const band& look : line.bands) {
            const auto open = std::find_if(strips.begin(), strips.end(), [&](const strip& s) {
                return s.look == look && s.bottom_pt == y;
            });
            if (open != strips.end())
                open->bottom_pt = y + line.height_pt;
            else
                strips.push_back({look, y, y + line.height_pt});
        }
        y += line.height_pt;
    }
    for (const strip& s : strips) {
        ink_with(colour_of(s.look.what));
        cairo_rectangle(cairo_, margin_x_pt + s.look.x_pt, s.top_pt, s.look.width_pt,
                        s.bottom_pt - s.top_pt);
        cairo_fill(cairo_);
    }
}

void canvas::draw_marks(const line& line, double base_pt) {
    for (const mark& m : line.marks) {
        const double x = margin_x_pt + m.x_pt;
        const double middle = base_pt - 3.6;
        switch (m.what) {
        case mark::kind::disc:
            ink_with(colour_of(ink::text));
            cairo_arc(cairo_, x, middle, bullet_pt / 2, 0, 6.2831853);
            cairo_fill(cairo_);
            break;
        case mark::kind::circle:
            ink_with(colour_of(ink::text));
            cairo_set_line_width(cairo_, 0.8);
            cairo_arc(cairo_, x, middle, bullet_pt / 2, 0, 6.2831853);
            cairo_stroke(cairo_);
            break;
        case mark::kind::square:
            ink_with(colour_of(ink::text));
            cairo_rectangle(cairo_, x - 1.5, middle - 1.5, 3, 3);
            cairo_fill(cairo_);
            break;
        case mark::kind::number:
            for (const glyph_run& run : m.label->runs)
                show_shapes(run, x - m.label->width_pt, base_pt);
            break;
        case mark::kind::rule:
            ink_with(colour_of(ink::quiet));
            cairo_set_line_width(cairo_, 0.6);
            cairo_move_to(cairo_, x, base_pt);
            cairo_line_to(cairo_, x + m.width_pt, base_pt);
            cairo_stroke(cairo_);
            break;
        }
    }
}

void canvas::draw_text(const line& line, double base_pt) {
    for (const placed_text& text : line.text)
        if (text.what->text == " ")
            show_space(*text.what, margin_x_pt + text.x_pt, base_pt);
        else
            show(*text.what, margin_x_pt + text.x_pt, base_pt);
    flush();
}

void canvas::draw_links(const line& line, double top_pt) {
    for (auto first = line.text.begin(); first != line.text.end();) {
        auto last = std::next(first);
        while (last != line.text.end() && last->link == first->link)
            ++last;
        if (first->link) {
            std::string uri;
            for (const char c : *first->link) {
                if (c == '\'' || c == '\\')
                    uri += '\\';
                uri += c;
            }
            const double x = margin_x_pt + first->x_pt;
            const auto& end = *std::prev(last);
            const double width = margin_x_pt + end.x_pt + end.what->width_pt - x;
            // Integers: numbers with a fraction would be written in the caller's locale.
            const auto whole = [](double pt) {
                return std::to_string(static_cast<long>(pt + 0.5));
            };
            const std::string attributes = "rect=[" + whole(x) + " " + whole(top_pt) + " " +
                                           whole(width) + " " + whole(line.height_pt) + "] uri='" +
                                           uri + "'";
            cairo_tag_begin(cairo_, CAIRO_TAG_LINK, attributes.c_str());
            cairo_tag_end(cairo_, CAIRO_TAG_LINK);
        }
        first = last;
    }
}

void canvas::draw_number(std::uint32_t number) {
    text_style style;
    style.size_pt = 9;
    style.colour = ink::quiet;
    const shaped text = shaper_.shape(style, std::to_string(number));
    show(*text, (page_width_pt - text->width_pt) / 2, footer_base_pt);
    flush();
}

struct destroy {
    void operator()(cairo_surface_t* surface) const noexcept { cairo_surface_destroy(surface); }
    void operator()(cairo_t* cairo) const noexcept { cairo_destroy(cairo); }
};

} // namespace

equus::result<equus::bytes> draw_page(const std::deque<line>& lines, std::uint32_t number,
                                      shaper& shaper) {
    equus::bytes pdf;
    const std::unique_ptr<cairo_surface_t, destroy> surface{
        cairo_pdf_surface_create_for_stream(append_to, &pdf, page_width_pt, page_height_pt)};
    cairo_pdf_surface_restrict_to_version(surface.get(), CAIRO_PDF_VERSION_1_5);
    // The date of creation would make every copy differ.
    cairo_pdf_surface_set_metadata(surface.get(), CAIRO_PDF_METADATA_CREATE_DATE,
                                   "1970-01-01T00:00:00Z");
    const std::unique_ptr<cairo_t, destroy> cairo{cairo_create(surface.get())};
    canvas page{cairo.get(), shaper};
    page.draw_bands(lines);
    double y = margin_top_pt;
    for (const line& line : lines) {
        page.draw_marks(line, y + line.base_pt);
        page.draw_text(line, y + line.base_pt);
        page.draw_links(line, y);
        y += line.height_pt;
    }
    page.draw_number(number);
    cairo_show_page(cairo.get());
    const cairo_status_t drawn = cairo_status(cairo.get());
    cairo_surface_finish(surface.get());
    const cairo_status_t written = cairo_surface_status(surface.get());
    const cairo_status_t status = drawn != CAIRO_STATUS_SUCCESS ? drawn : written;
    if (status != CAIRO_STATUS_SUCCESS)
        return equus::fail(equus::errc::io_failed, "page " + std::to_string(number) + ": " +
                                                       cairo_status_to_string(status));
    return pdf;
}

} // namespace doc::setting
