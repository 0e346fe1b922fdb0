// Words become lines. A source (Markdown, plain text) opens frames (quotation, list item), opens a
// block in the innermost frame, and feeds it text; the flow cuts words out of the text, fills lines
// with them, ragged right, and gives the lines to the paginator. A line is broken between words and
// nowhere else.
#pragma once

#include "page.hpp"
#include "shaper.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace doc::setting {

/// How the lines of a block look.
struct block_style {
    double leading_pt = 15.5;
    double before_pt = 7; ///< gaps collapse: the larger of two that meet counts
    double after_pt = 7;
    bool keep_with_next = false; ///< headings
    bool loose_pages = false;    ///< a page may end anywhere: text of which every line counts alone
    double inset_pt = 0;         ///< on both sides
};

class flow {
public:
    /// Both are borrowed and outlive the flow.
    flow(shaper& shaper, paginator& pages) : shaper_{shaper}, pages_{pages} {}

    /// What stands within stands `indent_pt` further right, behind a bar for a quotation. Very deep
    /// nesting stops moving right while half of the line is left.
    void open_quote(double indent_pt);
    /// `marker` is drawn in the indentation, on the first line within.
    void open_item(double indent_pt, mark marker);
    void close_frame();

    void open_block(const block_style& style, std::optional<band::kind> behind = {});
    void close_block();

    /// Running text: white space parts words, line ends too.
    void feed(const text_style& style, std::string_view text, const target& link = {});
    /// The end of a word and of a line.
    void end_line();
    /// A line of preformatted text, without its line end: white space keeps its width, tabs go to
    /// multiples of `tab_columns`. What is too wide goes on in a further, indented line.
    void feed_preformatted(const text_style& style, std::string_view text, int tab_columns);
    /// A rule across the frame.
    void rule();
    void gap(double height_pt);
    void end_page();

private:
    struct frame {
        double left_pt = 0;
        std::vector<band> bands;
        std::optional<mark> marker;
    };
    /// A stretch of a word in one style.
    struct piece {
        text_style style;
        std::string text;
        target link;
    };
    struct block {
        block_style style;
        std::vector<band> bands; ///< of the frames and its own
        bool padded = false;
        double left_pt = 0;
        double width_pt = 0;
        std::size_t lines = 0; ///< given so far
    };

    double left() const noexcept { return frames_.empty() ? 0 : frames_.back().left_pt; }
    frame inner_frame(double indent_pt) const;
    std::vector<band> frame_bands() const;
    bool line_is_open() const noexcept { return !line_.text.empty(); }
    double line_limit() const noexcept { return block_.left_pt + block_.width_pt; }

    void letters(const text_style& style, std::string_view text, const target& link);
    void end_word();
    void set_word(const std::vector<piece>& word);
    void set_parts(const std::vector<piece>& word);
    void set_wide_word(const std::vector<piece>& word, double width_pt);
    std::vector<shaped> shape(const std::vector<piece>& word, double scale);
    std::vector<placed_text> shape_word(const std::vector<piece>& word, double scale,
                                        double& width_pt);
    void place(std::vector<placed_text> word, const text_style& style, double width_pt);
    void put_space(const text_style& style, const target& link);
    void finish_line(double height_pt);
    void give(line next);
    void release(bool last);

    shaper& shaper_;
    paginator& pages_;
    std::vector<frame> frames_;
    std::uint64_t bands_made_ = 0;

    block block_;
    std::vector<piece> word_; ///< the word being read
    std::size_t word_letters_ = 0;

    line line_; ///< the line being filled
    double line_begin_pt_ = 0;
    double line_end_pt_ = 0;
    text_style last_style_; ///< of the last word in it
    bool preformatted_ = false;
    double typed_space_pt_ = 0; ///< preformatted: the white space before the next word

    std::optional<line>
        held_; ///< the last line given: whether a page may begin there is not known yet
    double gap_pt_ = 0;
    bool keep_with_last_ = false;
    std::vector<band> last_frame_bands_;
};

} // namespace doc::setting
