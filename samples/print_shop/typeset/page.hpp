// Lines become pages. The paginator holds the lines of one page and a few more, chooses where the
// page ends (no heading at its foot, no lone line of a paragraph at either end), and lets the
// writer draw it as a PDF of one page.
#pragma once

#include "shaper.hpp"

#include <equus/base/bytes.hpp>
#include <equus/base/result.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace doc::setting {

/// Millimetres of A4 in points, and the margins around the text.
inline constexpr double page_width_pt = 595.276;
inline constexpr double page_height_pt = 841.89;
inline constexpr double margin_x_pt = 79;
inline constexpr double margin_top_pt = 74;
inline constexpr double margin_bottom_pt = 88;
inline constexpr double text_width_pt = page_width_pt - 2 * margin_x_pt;
inline constexpr double text_height_pt = page_height_pt - margin_top_pt - margin_bottom_pt;

using target = std::shared_ptr<const std::string>; ///< what a link leads to; null: no link

/// Text on a base line, `x` from the left margin.
struct placed_text {
    shaped what;
    double x_pt = 0;
    target link;
};

/// Something that is seen but is not text: a bullet, a list number, a rule.
struct mark {
    enum class kind { disc, circle, square, number, rule };
    kind what = kind::disc;
    double x_pt = 0;
    double width_pt = 0; ///< of a rule
    shaped label;        ///< of a number; drawn as outlines
};

/// A coloured strip behind (code) or beside (quotation) the lines that carry it. Equal bands of
/// lines that follow each other are drawn as one.
struct band {
    enum class kind { quote, code };
    kind what = kind::quote;
    double x_pt = 0;
    double width_pt = 0;
    std::uint64_t number = 0; ///< keeps neighbours apart that look the same

    friend bool operator==(const band&, const band&) = default;
};

struct line {
    double height_pt = 0;
    double base_pt = 0; ///< from the top of the line to the (first) base line
    std::vector<placed_text> text;
    std::vector<mark> marks;
    std::vector<band> bands;
    bool may_begin_page = true;
    bool is_gap = false; ///< vanishes at the head and the foot of a page
};

/// A PDF of one page that shows `lines` from the top margin on, and its number below.
equus::result<equus::bytes> draw_page(const std::deque<line>& lines, std::uint32_t number,
                                      shaper& shaper);

class paginator {
public:
    using sink = std::function<bool(equus::bytes)>;

    /// Both are borrowed and outlive the paginator.
    paginator(shaper& shaper, const sink& take_page) : shaper_{shaper}, take_page_{take_page} {}

    /// Requires line.height_pt <= text_height_pt. After a failure it does nothing more.
    void add(line line);
    /// The next line begins a page, unless one is being begun.
    void end_page();
    /// Hands over what is left, or an empty page if nothing came. The number of pages, or the
    /// failure.
    equus::result<std::uint32_t> finish();

    bool failed() const noexcept { return failure_ != nullptr; }

private:
    std::size_t best_cut() const;
    void emit(std::size_t count);

    shaper& shaper_;
    const sink& take_page_;
    std::deque<line> lines_;
    double height_pt_ = 0;
    std::uint32_t pages_ = 0;
    std::unique_ptr<equus::error> failure_;
};

} // namespace doc::setting
