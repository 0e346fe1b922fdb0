#include "flow.hpp"

#include "fold.hpp"
#include "text.hpp"
#include "typeset.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace doc::setting {

namespace {

constexpr double padding_pt = 5;
constexpr double bar_pt = 2.2;
/// A word that is a little too wide is set smaller, down to this.
constexpr double least_scale = 0.8;

bool stands_out(const text_style& style) noexcept {
    return style.family == face::mono || style.colour == ink::link;
}

} // namespace

flow::frame flow::inner_frame(double indent_pt) const {
    return {std::min(left() + indent_pt, text_width_pt / 2), frame_bands(), {}};
}

std::vector<band> flow::frame_bands() const {
    return frames_.empty() ? std::vector<band>{} : frames_.back().bands;
}

void flow::open_quote(double indent_pt) {
    frame inner = inner_frame(indent_pt);
    if (inner.left_pt > left())
        inner.bands.push_back({band::kind::quote, left() + 1, bar_pt, ++bands_made_});
    frames_.push_back(std::move(inner));
}

void flow::open_item(double indent_pt, mark marker) {
    frame inner = inner_frame(indent_pt);
    marker.x_pt = inner.left_pt + marker.x_pt;
    inner.marker = std::move(marker);
    frames_.push_back(std::move(inner));
}

void flow::close_frame() {
    if (frames_.back().marker) { // an empty list item is a line with its marker
        open_block({});
        finish_line(block_.style.leading_pt);
        close_block();
    }
    frames_.pop_back();
}

void flow::open_block(const block_style& style, std::optional<band::kind> behind) {
    block_ = {style,
              frame_bands(),
              behind.has_value(),
              left() + style.inset_pt,
              text_width_pt - left() - 2 * style.inset_pt,
              0};
    if (behind)
        block_.bands.push_back({*behind, left(), text_width_pt - left(), ++bands_made_});
    line_begin_pt_ = line_end_pt_ = block_.left_pt;
    gap(style.before_pt);
}

void flow::close_block() {
    end_line();
    if (block_.lines == 0)
        return;
    release(true);
    if (block_.padded)
        pages_.add({.height_pt = padding_pt, .bands = block_.bands, .is_gap = true});
    gap_pt_ = block_.style.after_pt;
    keep_with_last_ = block_.style.keep_with_next;
    last_frame_bands_ = frame_bands();
}

void flow::feed(const text_style& style, std::string_view text, const target& link) {
    preformatted_ = false;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
        const code_point c = code_point_at(text, at);
        if (is_space(c.value) && !is_fixed_space(c.value)) {
            letters(style, text.substr(begin, at - begin), link);
            end_word();
            begin = at + c.size_bytes;
        }
        at += c.size_bytes;
    }
    letters(style, text.substr(begin), link);
}

void flow::feed_preformatted(const text_style& style, std::string_view text, int tab_columns) {
    const double column_pt = shaper_.shape(style, " ")->width_pt;
    const double tab_pt = column_pt * tab_columns;
    preformatted_ = true;
    typed_space_pt_ = 0;
    line_begin_pt_ = line_end_pt_ = block_.left_pt;
    const std::size_t lines_before = block_.lines;
    bool indented = false;
    std::size_t begin = 0;
    const auto word_until = [&](std::size_t end) {
        if (end == begin)
            return;
        if (!indented) { // further lines of this one begin two columns further right
            const double indent_pt = std::min(typed_space_pt_, block_.width_pt / 2);
            line_begin_pt_ = block_.left_pt + indent_pt + 2 * column_pt;
            indented = true;
        }
        letters(style, text.substr(begin, end - begin), {});
        end_word();
        typed_space_pt_ = 0;
    };
    for (std::size_t at = 0; at < text.size();) {
        const code_point c = code_point_at(text, at);
        if (is_space(c.value)) {
            word_until(at);
            begin = at + c.size_bytes;
            const double x = line_end_pt_ + typed_space_pt_ - block_.left_pt;
            if (c.value == '\t')
                typed_space_pt_ += (static_cast<int>(x / tab_pt + 0.01) + 1) * tab_pt - x;
            else
                typed_space_pt_ += column_pt;
        }
        at += c.size_bytes;
    }
    word_until(text.size());
    if (line_is_open() || block_.lines == lines_before)
        finish_line(block_.style.leading_pt); // an empty line counts too
    preformatted_ = false;
}

void flow::letters(const text_style& style, std::string_view text, const target& link) {
    while (!text.empty()) {
        std::size_t size = text.size();
        std::size_t count = letters_in(text);
        if (word_letters_ + count > word_letters_max) {
            count = word_letters_max - word_letters_;
            size = 0;
            for (std::size_t i = 0; i < count; ++i)
                size += code_point_at(text, size).size_bytes;
        }
        if (size > 0) {
            if (word_.empty() || word_.back().style != style || word_.back().link != link)
                word_.push_back({style, {}, link});
            word_.back().text += text.substr(0, size);
            word_letters_ += count;
        }
        text.remove_prefix(size);
        if (!text.empty())
            end_word();
    }
}

void flow::end_word() {
    if (word_.empty())
        return;
    const std::vector<piece> word = std::exchange(word_, {});
    word_letters_ = 0;
    set_word(word);
}

std::vector<shaped> flow::shape(const std::vector<piece>& word, double scale) {
    std::vector<shaped> stretches;
    for (const piece& part : word) {
        text_style style = part.style;
        style.size_pt *= scale;
        stretches.push_back(shaper_.shape(style, part.text));
    }
    return stretches;
}

// A word with a stretch that is read back as a whole is a whole itself: pieces of replacement text
// would be read as words of their own.
std::vector<placed_text> flow::shape_word(const std::vector<piece>& word, double scale,
                                          double& width_pt) {
    std::vector<shaped> stretches = shape(word, scale);
    if (stretches.size() > 1 &&
        std::any_of(stretches.begin(), stretches.end(), [](const shaped& s) { return s->whole; }))
        stretches = {std::make_shared<const shaped_text>(joined(stretches))};
    std::vector<placed_text> placed;
    width_pt = 0;
    for (std::size_t i = 0; i < stretches.size(); ++i) {
        const double x_pt = std::exchange(width_pt, width_pt + stretches[i]->width_pt);
        placed.push_back({std::move(stretches[i]), x_pt, word[i].link});
    }
    return placed;
}

void flow::set_word(const std::vector<piece>& word) {
    double width_pt = 0;
    auto shaped_word = shape_word(word, 1, width_pt);
    const double room_pt = line_limit() - line_begin_pt_;
    if (width_pt <= room_pt)
        place(std::move(shaped_word), word.front().style, width_pt);
    else
        set_wide_word(word, width_pt);
}

// Fixed spaces give way first; then the size, a little; then the word is folded.
void flow::set_wide_word(const std::vector<piece>& word, double width_pt) {
    const auto has_fixed_space = [](const piece& part) {
        for (std::size_t at = 0; at < part.text.size();) {
            const code_point c = code_point_at(part.text, at);
            if (is_fixed_space(c.value))
                return true;
            at += c.size_bytes;
        }
        return false;
    };
    if (std::any_of(word.begin(), word.end(), has_fixed_space)) {
        set_parts(word);
        return;
    }
    const double room_pt = line_limit() - line_begin_pt_;
    const double scale = room_pt / width_pt * 0.998;
    if (scale >= least_scale) {
        auto smaller = shape_word(word, scale, width_pt);
        if (width_pt <= room_pt) {
            place(std::move(smaller), word.front().style, width_pt);
            return;
        }
    }
    if (line_is_open())
        finish_line(block_.style.leading_pt);
    // What does not fit on a page even so is set as small as it takes.
    const double height_pt = text_height_pt - block_.style.leading_pt;
    double size = 1;
    double row_pt = block_.style.leading_pt;
    shaped_text folded = joined(shape(word, size));
    fold(folded, room_pt, row_pt);
    while (row_pt * static_cast<double>(folded.rows) > height_pt) {
        const double filled = height_pt / (row_pt * static_cast<double>(folded.rows));
        size *= 0.97 * std::sqrt(filled);
        row_pt = block_.style.leading_pt * size;
        folded = joined(shape(word, size));
        fold(folded, room_pt, row_pt);
    }
    const double further_rows_pt = row_pt * static_cast<double>(folded.rows - 1);
    line_end_pt_ = line_begin_pt_;
    line_.text.push_back({std::make_shared<const shaped_text>(std::move(folded)), line_begin_pt_,
                          word.front().link});
    finish_line(block_.style.leading_pt + further_rows_pt);
}

void flow::set_parts(const std::vector<piece>& word) {
    std::vector<piece> part;
    const auto end_part = [&] {
        if (!part.empty())
            set_word(std::exchange(part, {}));
    };
    for (const piece& stretch : word) {
        std::size_t begin = 0;
        const auto letters_until = [&](std::size_t end) {
            if (end > begin)
                part.push_back(
                    {stretch.style, stretch.text.substr(begin, end - begin), stretch.link});
        };
        for (std::size_t at = 0; at < stretch.text.size();) {
            const code_point c = code_point_at(stretch.text, at);
            if (is_fixed_space(c.value)) {
                letters_until(at);
                end_part();
                begin = at + c.size_bytes;
            }
            at += c.size_bytes;
        }
        letters_until(stretch.text.size());
    }
    end_part();
}

void flow::put_space(const text_style& style, const target& link) {
    const shaped space = shaper_.shape(style, " ");
    const bool inside = line_.text.back().link == link;
    line_.text.push_back({space, line_end_pt_, inside ? link : nullptr});
    line_end_pt_ += preformatted_ ? typed_space_pt_ : space->width_pt;
}

void flow::place(std::vector<placed_text> word, const text_style& style, double width_pt) {
    if (line_is_open()) {
        const text_style& between = stands_out(style) ? last_style_ : style;
        const double space_pt =
            preformatted_ ? typed_space_pt_ : shaper_.shape(between, " ")->width_pt;
        if (line_end_pt_ + space_pt + width_pt > line_limit())
            finish_line(block_.style.leading_pt);
        else if (space_pt > 0)
            put_space(between, word.front().link);
    } else if (preformatted_) {
        line_end_pt_ += std::min(typed_space_pt_, block_.width_pt / 2);
        if (line_end_pt_ + width_pt > line_limit())
            line_end_pt_ = std::max(block_.left_pt, line_limit() - width_pt);
    }
    for (placed_text& part : word) {
        part.x_pt += line_end_pt_;
        line_.text.push_back(std::move(part));
    }
    line_end_pt_ += width_pt;
    last_style_ = style;
}

void flow::end_line() {
    end_word();
    if (line_is_open())
        finish_line(block_.style.leading_pt);
}

void flow::finish_line(double height_pt) {
    line_.height_pt = height_pt;
    line_.base_pt = block_.style.leading_pt * 0.72;
    line_.bands = block_.bands;
    for (frame& open : frames_)
        if (open.marker)
            line_.marks.push_back(*std::exchange(open.marker, std::nullopt));
    line_.is_gap = line_.text.empty() && line_.marks.empty();
    line_end_pt_ = line_begin_pt_;
    give(std::exchange(line_, {}));
}

void flow::give(line next) {
    if (block_.lines == 0) {
        // Between two blocks go on the bars that both of them have.
        const std::vector<band> bands = frame_bands();
        const auto differs = std::mismatch(bands.begin(), bands.end(), last_frame_bands_.begin(),
                                           last_frame_bands_.end());
        pages_.add({.height_pt = gap_pt_, .bands = {bands.begin(), differs.first}, .is_gap = true});
        if (block_.padded)
            pages_.add({.height_pt = padding_pt, .bands = block_.bands, .is_gap = true});
        next.may_begin_page = !keep_with_last_;
    } else {
        const bool second = block_.lines == 1;
        next.may_begin_page = block_.style.loose_pages || (!second && !block_.style.keep_with_next);
    }
    release(false);
    held_ = std::move(next);
    ++block_.lines;
}

void flow::release(bool last) {
    if (!held_)
        return;
    if (last && block_.lines > 1 && !block_.style.loose_pages)
        held_->may_begin_page = false;
    pages_.add(*std::exchange(held_, std::nullopt));
}

void flow::rule() {
    open_block({});
    line_.marks.push_back({.what = mark::kind::rule,
                           .x_pt = left() + (text_width_pt - left()) * 0.25,
                           .width_pt = (text_width_pt - left()) * 0.5});
    finish_line(block_.style.leading_pt);
    close_block();
}

void flow::gap(double height_pt) {
    gap_pt_ = std::max(gap_pt_, height_pt);
}

void flow::end_page() {
    pages_.end_page();
    gap_pt_ = 0;
}

} // namespace doc::setting
