#include "page.hpp"

#include <utility>

namespace doc::setting {

void paginator::add(line next) {
    if (failed() || (next.is_gap && lines_.empty()))
        return;
    height_pt_ += next.height_pt;
    lines_.push_back(std::move(next));
    while (height_pt_ > text_height_pt && !lines_.back().is_gap && !failed())
        emit(best_cut());
}

// The last allowed break that leaves what fits; if no break is allowed there, simply what fits.
std::size_t paginator::best_cut() const {
    double height_pt = 0;
    std::size_t fitting = 0;
    std::size_t allowed = 0;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (!lines_[i].is_gap && lines_[i].may_begin_page)
            allowed = i;
        height_pt += lines_[i].height_pt;
        if (height_pt > text_height_pt && !lines_[i].is_gap) {
            fitting = i;
            break;
        }
    }
    if (allowed > 0)
        return allowed;
    return fitting > 0 ? fitting : 1;
}

void paginator::emit(std::size_t count) {
    std::deque<line> page;
    for (; count > 0; --count) {
        height_pt_ -= lines_.front().height_pt;
        page.push_back(std::move(lines_.front()));
        lines_.pop_front();
    }
    while (!page.empty() && page.back().is_gap)
        page.pop_back();
    while (!lines_.empty() && lines_.front().is_gap) {
        height_pt_ -= lines_.front().height_pt;
        lines_.pop_front();
    }
    if (lines_.empty())
        height_pt_ = 0; // no rounding is carried from page to page
    auto drawn = draw_page(page, pages_ + 1, shaper_);
    if (!drawn) {
        failure_ = std::make_unique<equus::error>(std::move(drawn.error()));
        return;
    }
    ++pages_;
    if (!take_page_(std::move(*drawn)))
        failure_ = std::make_unique<equus::error>(equus::errc::cancelled, "no more pages wanted");
}

void paginator::end_page() {
    while (!lines_.empty() && lines_.back().is_gap) {
        height_pt_ -= lines_.back().height_pt;
        lines_.pop_back();
    }
    if (!lines_.empty() && !failed())
        emit(lines_.size());
}

equus::result<std::uint32_t> paginator::finish() {
    end_page();
    if (pages_ == 0 && !failed())
        emit(0);
    if (failed())
        return equus::fail(std::move(*failure_));
    return pages_;
}

} // namespace doc::setting
