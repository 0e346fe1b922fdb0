// A picture laid out and written as SVG, in whole pixels: lanes from left to right, a row for each
// thing that happened from top to bottom.
#include "host/sim_picture.hpp"
#include "host/sim_svg.hpp"

#include <algorithm>
#include <bit>
#include <set>

namespace equus::sim {

namespace {

constexpr int left = 104;       // of the times
constexpr int lane_width = 176; // between two lines
constexpr int right = 270;      // of the words about faults
constexpr int bars_max = 3;     // of cuts, side by side
constexpr int row_label = 18;   // between two rows with words
constexpr int silence_ms = 20;  // that is worth saying

class drawing {
public:
    drawing(const picture& seen, std::string_view title, std::string_view failure)
        : seen_{seen}, title_{title}, failure_{failure} {}

    std::string svg() {
        choose_events();
        choose_lanes();
        choose_rows();
        draw_lanes();
        draw_spans();
        for (const auto& [order, each] : arrows_)
            draw_busy(*each);
        draw_ends();
        for (const auto& [order, each] : arrows_)
            draw_arrow(*each);
        draw_marks();
        draw_verdict();
        draw_title();
        draw_legend(bottom_ + 30);
        return page_.whole(width_, bottom_ + 46);
    }

private:
    // ---- what is drawn

    bool is_service(std::size_t life) const {
        return !seen_.options.with_services && life != picture::none &&
               seen_.lives[life].module.starts_with("equus.");
    }
    bool is_wanted(const picture::arrow& each) const {
        const time_point end = each.came ? each.came.at : each.sent.at;
        return each.from != picture::none && !is_service(each.from) && !is_service(each.to) &&
               end >= seen_.options.from;
    }

    void choose_events() {
        std::set<std::uint64_t> orders;
        for (const auto& [order, each] : seen_.arrows)
            if (is_wanted(each))
                orders.insert(order);
        for (const picture::mark& each : seen_.marks)
            if (each.at.at >= seen_.options.from && !is_service(each.who))
                orders.insert(each.at.order);
        left_out_ = seen_.forgotten;
        while (orders.size() > seen_.options.events_max) {
            orders.erase(orders.begin());
            ++left_out_;
        }
        for (const auto& [order, each] : seen_.arrows)
            if (orders.contains(order))
                arrows_.emplace(order, &each);
        for (const picture::mark& each : seen_.marks)
            if (orders.contains(each.at.order))
                marks_.push_back(&each);
        if (!orders.empty())
            first_order_ = *orders.begin();
    }

    struct lane {
        std::uint32_t node = 0;
        std::size_t life = picture::none; ///< none: of a node
        int x = 0;
    };

    void choose_lanes() {
        std::set<std::size_t> taking_part;
        for (const auto& [order, each] : arrows_) {
            taking_part.insert(each->from);
            if (each->to != picture::none)
                taking_part.insert(each->to);
        }
        for (const picture::mark* each : marks_)
            if (each->who != picture::none)
                taking_part.insert(each->who);
        by_node_ = seen_.options.by_node || taking_part.size() > seen_.options.lanes_max;
        std::set<std::pair<std::uint32_t, std::size_t>> wanted;
        for (const std::size_t life : taking_part)
            wanted.emplace(seen_.lives[life].node, by_node_ ? picture::none : life);
        if (wanted.empty() || by_node_)
            for (std::uint32_t node = 0; node < seen_.nodes.size(); ++node)
                wanted.emplace(node, picture::none);
        for (const auto& [node, life] : wanted)
            lanes_.push_back(
                {node, life, left + lane_width / 2 + lane_width * static_cast<int>(lanes_.size())});
        width_ =
            left + lane_width * static_cast<int>(std::max<std::size_t>(lanes_.size(), 1)) + right;
        top_ = 118 + 15 * static_cast<int>(note_lines().size());
    }

    const lane* lane_of(std::size_t life) const {
        if (life == picture::none)
            return nullptr;
        for (const lane& each : lanes_)
            if (by_node_ ? each.node == seen_.lives[life].node : each.life == life)
                return &each;
        return nullptr;
    }
    /// Left and right end of a node's lanes; false when it has none.
    bool ends_of(std::uint32_t node, int& from, int& to) const {
        bool any = false;
        for (const lane& each : lanes_)
            if (each.node == node) {
                from = any ? from : each.x;
                to = each.x;
                any = true;
            }
        return any;
    }

    // ---- rows

    void choose_rows() {
        std::map<std::uint64_t, std::pair<time_point, bool>> all; // whether it has words
        const auto add = [&all](const moment& when, bool words) {
            if (when) {
                auto& row = all.try_emplace(when.order, when.at, false).first->second;
                row.second = row.second || words;
            }
        };
        for (const auto& [order, each] : arrows_) {
            add(each->sent, true);
            add(each->came, false);
            add(each->consumed, false);
        }
        for (const picture::mark* each : marks_)
            add(each->at, true);
        for (const lane& each : lanes_)
            if (each.life != picture::none) {
                const picture::life& life = seen_.lives[each.life];
                if (life.born.order > first_order_)
                    add(life.born, false);
                add(life.ended, false);
            }
        for (const picture::span& each : seen_.spans)
            if (each.what == picture::span::kind::cut && !all.empty() &&
                each.from >= all.begin()->second.first)
                cuts_.push_back(&each);
        int y = top_, last_words = top_ - row_label;
        time_point before;
        bool first = true;
        for (const auto& [order, row] : all) {
            const std::int64_t us = first ? 0 : (row.first - before).count() / 1'000;
            if (!first)
                y += us == 0
                         ? 5
                         : 6 + 2 * static_cast<int>(std::bit_width(static_cast<std::uint64_t>(us)));
            if (!first && us >= silence_ms * 1'000) {
                y += 12;
                silences_.push_back({y - 15, (row.first - before).count()});
            }
            if (row.second) {
                y = std::max(y, last_words + row_label);
                last_words = y;
                if (times_.empty() || y - times_.back().first >= 14)
                    times_.emplace_back(y, row.first.ns);
            }
            rows_[order] = y;
            heights_.emplace_back(row.first, y);
            before = row.first;
            first = false;
        }
        bottom_ = y + 26;
    }
    int y_of(const moment& when) const {
        const auto row = rows_.find(when.order);
        return row == rows_.end() ? (when.order < first_order_ ? top_ - 14 : bottom_ - 12)
                                  : row->second;
    }
    /// Of an instant that need not be a row's.
    int y_at(time_point when) const {
        if (heights_.empty() || when < heights_.front().first)
            return top_ - 14;
        for (std::size_t i = 1; i < heights_.size(); ++i)
            if (when < heights_[i].first) {
                const auto& [at, y] = heights_[i - 1];
                const std::int64_t whole = (heights_[i].first - at).count();
                const std::int64_t part = (when - at).count();
                return y + static_cast<int>(part / 1'000 * (heights_[i].second - y) /
                                            (whole / 1'000 + 1));
            }
        return bottom_ - 12;
    }

    // ---- the parts

    std::vector<std::string> note_lines() const {
        std::vector<std::string> lines;
        if (left_out_ != 0)
            lines.push_back("the last " + std::to_string(arrows_.size() + marks_.size()) +
                            " messages and faults; " + std::to_string(left_out_) +
                            " before them are left out");
        return lines;
    }

    void draw_lanes() {
        for (std::uint32_t node = 0; node < seen_.nodes.size(); ++node) {
            int from = 0, to = 0;
            if (!ends_of(node, from, to))
                continue;
            page_.box("node", from - lane_width / 2 + 6, top_ - 72, to - from + lane_width - 12,
                      bottom_ - top_ + 78, 8);
            page_.words("small mid", (from + to) / 2, top_ - 57, "node " + seen_.nodes[node]);
        }
        for (const auto& [y, ns] : silences_) {
            page_.line("silence", left, y, width_ - right + 6, y);
            page_.words("time", left - 8, y + 3, "⋮ " + span_text(ns));
        }
        for (const auto& [y, ns] : times_)
            page_.words("time", left - 8, y + 4, instant_text(ns));
        for (const lane& each : lanes_) {
            const picture::life* life =
                each.life == picture::none ? nullptr : &seen_.lives[each.life];
            const int from =
                life && rows_.contains(life->born.order) ? y_of(life->born) : top_ - 22;
            const int to = life && life->ended ? y_of(life->ended) : bottom_ - 8;
            if (from > top_ - 22)
                page_.line("dead", each.x, top_ - 22, each.x, from);
            page_.line("lane", each.x, from, each.x, to);
            if (to < bottom_ - 8)
                page_.line("dead", each.x, to, each.x, bottom_ - 8);
            page_.box("head", each.x - lane_width / 2 + 16, top_ - 50, lane_width - 32, 30, 6);
            page_.words("mid name", each.x, life ? top_ - 37 : top_ - 31,
                        clipped(life ? life->name : seen_.nodes[each.node], 20));
            if (life)
                page_.words("mid small", each.x, top_ - 25, clipped(life->module, 24));
        }
    }

    void draw_spans() {
        for (const picture::span& each : seen_.spans) {
            if (each.what == picture::span::kind::cut || heights_.empty() ||
                each.to < heights_.front().first)
                continue;
            const int from = y_at(each.from);
            const int to = y_at(each.to);
            for (const lane& which : lanes_) {
                if (which.node != each.node)
                    continue;
                if (each.what == picture::span::kind::paused) {
                    page_.box("paused", which.x - 9, from, 18, std::max(to - from, 4), 3);
                } else if (which.life == picture::none) {
                    page_.line("gone", which.x, from, which.x, to);
                    page_.line("dead", which.x, from, which.x, to);
                    page_.cross(which.x, from);
                }
            }
        }
    }

    void draw_busy(const picture::arrow& each) {
        const lane* at = lane_of(each.to);
        if (!at || !each.came || each.kind == picture::arrow_kind::reply)
            return;
        const picture::life& who = seen_.lives[each.to];
        const int from = y_of(each.came);
        const int to = each.consumed ? y_of(each.consumed)
                       : who.ended   ? y_of(who.ended)
                                     : bottom_ - 8;
        page_.box("busy", at->x - 5, from, 10, std::max(to - from, 3), 2);
    }

    void draw_ends() {
        for (const lane& each : lanes_) {
            if (each.life == picture::none)
                continue;
            const picture::life& life = seen_.lives[each.life];
            if (rows_.contains(life.born.order))
                page_.circle("born", each.x, y_of(life.born), 4);
            if (!life.ended)
                continue;
            const int y = y_of(life.ended);
            if (life.reason == errc::broken)
                page_.cross(each.x, y);
            else
                page_.line("over", each.x - 8, y, each.x + 8, y);
            if (life.reason != errc::ok)
                page_.words("said bad", each.x + 12, y + 4,
                            life.reason == errc::broken ? "" : std::string{name_of(life.reason)});
        }
    }

    void draw_arrow(const picture::arrow& each) {
        const lane* from = lane_of(each.from);
        if (!from)
            return;
        const lane* to = lane_of(each.to);
        const bool wrong = each.reason != errc::ok;
        const std::string kind = !each.came                                     ? "never"
                                 : wrong                                        ? "wrong"
                                 : each.kind == picture::arrow_kind::reply      ? "reply"
                                 : each.kind == picture::arrow_kind::invocation ? "invocation"
                                                                                : "message";
        const int y1 = y_of(each.sent);
        const int y2 = each.came ? y_of(each.came) : std::min(y1 + 30, bottom_ - 6);
        const int x1 = from->x;
        int x2 = to ? to->x : x1 + lane_width / 2;
        if (!each.came && to)
            x2 = x1 + (x2 - x1) * 2 / 5; // it stops on its way
        if (x1 == x2) {                  // to itself, or within a node
            page_.loop(kind, x1, y1, std::max(y2, y1 + 8));
        } else {
            const int stop = each.came ? (x2 > x1 ? x2 - 5 : x2 + 5) : x2;
            page_.line(kind, x1, y1, stop, y2);
        }
        if (!each.came)
            page_.cross(x2, y2);
        for (const picture::loss& loss : seen_.losses)
            if (to && each.came && loss.at.order > each.sent.order &&
                loss.at.order < each.came.order && loss.from == from->node && loss.to == to->node &&
                latest_before(loss) == &each) {
                const int y = std::clamp(y_at(loss.at.at), y1 + 3, std::max(y2 - 3, y1 + 3));
                page_.cross(y2 > y1 ? x1 + (x2 - x1) * (y - y1) / (y2 - y1) : (x1 + x2) / 2, y);
            }
        const bool loops = x1 == x2;
        page_.words("said t-" + kind + (loops ? "" : " mid"), loops ? x1 + 36 : (x1 + x2) / 2,
                    (y1 + y2) / 2 - 4, clipped(each.name.empty() ? "?" : each.name, 24));
    }
    /// The message that a lost packet is drawn on: the last one sent before, of those under way.
    const picture::arrow* latest_before(const picture::loss& loss) const {
        const picture::arrow* found = nullptr;
        for (const auto& [order, each] : arrows_) {
            if (order > loss.at.order)
                break;
            if (each->to != picture::none && each->came && each->came.order > loss.at.order &&
                seen_.lives[each->from].node == loss.from && seen_.lives[each->to].node == loss.to)
                found = each;
        }
        return found;
    }

    void draw_marks() {
        const int bars = width_ - right + 26;
        const int margin = bars + 10 * bars_max + 4;
        for (const picture::mark* each : marks_) {
            const int y = y_of(each->at);
            if (const lane* at = lane_of(each->who)) {
                page_.cross(at->x, y);
                page_.words("said bad", at->x + 12, y - 4, each->text);
                continue;
            }
            int from = left, to = 0;
            if (each->everywhere || !ends_of(each->node, from, to))
                from = left;
            page_.line(each->bad ? "note" : "calm", from, y, margin - 4, y);
            page_.words(
                each->bad ? "bad" : "small", margin, y + 4,
                clipped(each->cut ? cut_text(each->at.at) : each->text, each->bad ? 33 : 39));
        }
        int column = 0;
        for (const picture::span* each : cuts_) {
            if (is_back(*each))
                continue;
            const int from = y_at(each->from);
            const int x = bars + 10 * (column++ % bars_max);
            page_.line("cut", x, from, x, std::max(y_at(each->to), from + 6));
        }
    }
    /// The second half of a cut in both directions.
    bool is_back(const picture::span& cut) const {
        return cut.node > cut.other && is_there_and_back(cut);
    }
    bool is_there_and_back(const picture::span& cut) const {
        return std::any_of(seen_.spans.begin(), seen_.spans.end(), [&](const picture::span& other) {
            return other.what == cut.what && other.from == cut.from && other.to == cut.to &&
                   other.node == cut.other && other.other == cut.node;
        });
    }
    std::string cut_text(time_point at) const {
        std::string text;
        for (const picture::span& each : seen_.spans)
            if (each.what == picture::span::kind::cut && each.from == at && !is_back(each))
                text += (text.empty() ? "" : ", ") + seen_.nodes[each.node] +
                        (is_there_and_back(each) ? " ↮ " : " ↛ ") + seen_.nodes[each.other];
        return text;
    }

    void draw_verdict() {
        if (failure_.empty())
            return;
        page_.line("line", left - 8, bottom_, width_ - 16, bottom_);
        const std::vector<std::string> lines =
            wrapped(failure_, static_cast<std::size_t>(std::max(width_ - 80, 200)) / 7);
        const int height = 16 * static_cast<int>(lines.size()) + 14;
        page_.box("verdict", 24, bottom_ + 12, width_ - 48, height, 6);
        int y = bottom_ + 31;
        for (const std::string& each : lines) {
            page_.words("bad", 38, y, each);
            y += 16;
        }
        bottom_ += height + 14;
    }

    void draw_title() {
        page_.words("title", 24, 30, title_);
        int y = 48;
        for (const std::string& each : note_lines()) {
            page_.words("small", 24, y, each);
            y += 15;
        }
    }
    void draw_legend(int y) {
        int x = 24;
        const auto sample = [&](const char* kind, const char* text, int after) {
            page_.line(kind, x, y - 4, x + 30, y - 4);
            page_.words("small", x + 36, y, text);
            x += after;
        };
        sample("invocation", "invocation", 106);
        sample("reply", "reply", 80);
        sample("message", "one-way", 96);
        page_.cross(x + 6, y - 4);
        page_.words("small", x + 18, y, "lost or ended");
        x += 106;
        page_.box("busy", x, y - 10, 10, 12, 2);
        page_.words("small", x + 18, y, "in hand");
        x += 74;
        page_.box("paused", x, y - 10, 12, 12, 2);
        page_.words("small", x + 18, y, "paused");
    }

    const picture& seen_;
    std::string title_, failure_;
    std::map<std::uint64_t, const picture::arrow*> arrows_;
    std::vector<const picture::mark*> marks_;
    std::vector<const picture::span*> cuts_;
    std::vector<lane> lanes_;
    std::map<std::uint64_t, int> rows_;
    std::vector<std::pair<time_point, int>> heights_;
    std::vector<std::pair<int, std::int64_t>> times_, silences_;
    std::uint64_t first_order_ = 0, left_out_ = 0;
    bool by_node_ = false;
    int width_ = 0, top_ = 0, bottom_ = 0;
    svg_page page_;
};

} // namespace

std::string drawn(const picture& seen, std::string_view title, std::string_view failure) {
    return drawing{seen, title, failure}.svg();
}

} // namespace equus::sim
