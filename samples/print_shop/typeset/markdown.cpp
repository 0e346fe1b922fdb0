#include "sources.hpp"

#include <cmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace doc::setting {

namespace {

constexpr double quote_indent_pt = 16;
constexpr double item_indent_pt = 18;
constexpr double paragraph_gap_pt = 7;
constexpr double tight_gap_pt = 2;
constexpr int tab_columns = 4;

struct free_node {
    void operator()(cmark_node* node) const noexcept { cmark_node_free(node); }
};
struct free_iterator {
    void operator()(cmark_iter* iterator) const noexcept { cmark_iter_free(iterator); }
};

struct heading_look {
    double size_pt;
    double leading_pt;
    double before_pt;
};
constexpr heading_look heading_looks[] = {{20, 26, 24},   {15.5, 21, 20}, {12.5, 17, 15},
                                          {11, 15.5, 12}, {10, 14.5, 11}, {9.5, 14, 10}};

std::string_view literal_of(cmark_node* node) {
    const char* text = cmark_node_get_literal(node);
    return text == nullptr ? std::string_view{} : text;
}

/// The target in the characters that RFC 3986 has, or null if a click on it should do nothing.
target target_of(cmark_node* link) {
    const char* url = cmark_node_get_url(link);
    const std::string_view raw = url == nullptr ? "" : url;
    if (!raw.starts_with("http://") && !raw.starts_with("https://") && !raw.starts_with("mailto:"))
        return nullptr;
    std::string uri;
    for (const char c : raw) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7F && c != '"' && c != '<' && c != '>' && c != '\\') {
            uri += c;
        } else {
            constexpr char digits[] = "0123456789ABCDEF";
            uri += {'%', digits[byte / 16], digits[byte % 16]};
        }
    }
    return std::make_shared<const std::string>(std::move(uri));
}

/// Walks the parsed document once, from event to event, so that nesting costs no stack.
class walker {
public:
    walker(shaper& shaper, flow& flow) : shaper_{shaper}, flow_{flow} {}

    void enter(cmark_node* node);
    void leave(cmark_node* node);

private:
    struct open_list {
        bool ordered;
        bool tight;
        bool parenthesis;
        int number;
        double indent_pt;
    };

    text_style inline_style() const;
    text_style code_style(double size_pt) const;
    void enter_heading(int level);
    void enter_paragraph(cmark_node* node);
    void enter_list(cmark_node* node);
    void enter_item();
    void set_code(cmark_node* node, bool behind);

    shaper& shaper_;
    flow& flow_;
    std::vector<open_list> lists_;
    std::vector<target> links_;
    text_style block_text_; ///< of the block's plain words
    int emphasis_ = 0;
    int strong_ = 0;
    int images_ = 0;
    bool lines_stay_ = false;
};

text_style walker::inline_style() const {
    text_style style = block_text_;
    style.bold = style.bold || strong_ > 0;
    style.italic = (emphasis_ + images_) > 0;
    if (!links_.empty() && links_.back())
        style.colour = ink::link;
    return style;
}

// DejaVu's fixed pitch looks larger than its serif at the same size.
text_style walker::code_style(double size_pt) const {
    text_style style = inline_style();
    style.family = face::mono;
    style.size_pt = size_pt;
    return style;
}

void walker::enter_heading(int level) {
    const heading_look& look = heading_looks[std::clamp(level, 1, 6) - 1];
    block_text_ = {face::sans, true, false, ink::heading, look.size_pt};
    flow_.open_block({.leading_pt = look.leading_pt,
                      .before_pt = look.before_pt,
                      .after_pt = paragraph_gap_pt,
                      .keep_with_next = true});
}

bool looks_like_a_table(cmark_node* paragraph) {
    const auto begins_with_bar = [](cmark_node* node) {
        return node != nullptr && cmark_node_get_type(node) == CMARK_NODE_TEXT &&
               literal_of(node).starts_with('|');
    };
    int lines = 1;
    cmark_node* child = cmark_node_first_child(paragraph);
    if (!begins_with_bar(child))
        return false;
    for (; child != nullptr; child = cmark_node_next(child))
        if (cmark_node_get_type(child) == CMARK_NODE_SOFTBREAK) {
            ++lines;
            if (!begins_with_bar(cmark_node_next(child)))
                return false;
        }
    return lines > 1;
}

void walker::enter_paragraph(cmark_node* node) {
    const bool tight = !lists_.empty() && lists_.back().tight &&
                       cmark_node_get_type(cmark_node_parent(node)) == CMARK_NODE_ITEM;
    const double gap_pt = tight ? tight_gap_pt : paragraph_gap_pt;
    lines_stay_ = looks_like_a_table(node);
    block_text_ = {};
    if (lines_stay_) {
        block_text_.family = face::mono;
        block_text_.size_pt = 7.8;
        flow_.open_block({.leading_pt = 12, .before_pt = gap_pt, .after_pt = gap_pt});
    } else {
        flow_.open_block({.before_pt = gap_pt, .after_pt = gap_pt});
    }
}

void walker::enter_list(cmark_node* node) {
    open_list list{cmark_node_get_list_type(node) == CMARK_ORDERED_LIST,
                   cmark_node_get_list_tight(node) != 0,
                   cmark_node_get_list_delim(node) == CMARK_PAREN_DELIM,
                   cmark_node_get_list_start(node), item_indent_pt};
    if (list.ordered) {
        long long last = list.number;
        for (cmark_node* item = cmark_node_first_child(node); item != nullptr;
             item = cmark_node_next(item))
            ++last;
        const double widest_pt = shaper_.shape({}, std::to_string(last) + ".")->width_pt;
        list.indent_pt = std::max(list.indent_pt + 2, widest_pt + 8);
    }
    lists_.push_back(list);
}

void walker::enter_item() {
    open_list& list = lists_.back();
    mark marker;
    if (list.ordered) {
        marker.what = mark::kind::number;
        marker.x_pt = -6;
        marker.label =
            shaper_.shape({}, std::to_string(list.number++) + (list.parenthesis ? ")" : "."));
    } else {
        constexpr mark::kind bullets[] = {mark::kind::disc, mark::kind::circle, mark::kind::square};
        marker.what = bullets[(lists_.size() - 1) % 3];
        marker.x_pt = -9;
    }
    flow_.open_item(list.indent_pt, std::move(marker));
}

void walker::set_code(cmark_node* node, bool behind) {
    block_text_ = {};
    flow_.open_block({.leading_pt = 12, .inset_pt = 6},
                     behind ? std::optional{band::kind::code} : std::nullopt);
    std::string_view text = literal_of(node);
    while (!text.empty()) {
        const std::size_t end = text.find_first_of("\r\n");
        flow_.feed_preformatted(code_style(8.7), text.substr(0, end), tab_columns);
        const bool pair = end != text.npos && text.substr(end).starts_with("\r\n");
        text.remove_prefix(end == text.npos ? text.size() : end + (pair ? 2 : 1));
    }
    flow_.close_block();
}

void walker::enter(cmark_node* node) {
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_BLOCK_QUOTE:
        return flow_.open_quote(quote_indent_pt);
    case CMARK_NODE_LIST:
        return enter_list(node);
    case CMARK_NODE_ITEM:
        return enter_item();
    case CMARK_NODE_CODE_BLOCK:
        return set_code(node, true);
    case CMARK_NODE_HTML_BLOCK:
        return set_code(node, false);
    case CMARK_NODE_PARAGRAPH:
        return enter_paragraph(node);
    case CMARK_NODE_HEADING:
        return enter_heading(cmark_node_get_heading_level(node));
    case CMARK_NODE_THEMATIC_BREAK:
        return flow_.rule();
    case CMARK_NODE_TEXT:
        return flow_.feed(inline_style(), literal_of(node),
                          links_.empty() ? nullptr : links_.back());
    case CMARK_NODE_SOFTBREAK:
        return lines_stay_ ? flow_.end_line() : flow_.feed(inline_style(), " ");
    case CMARK_NODE_LINEBREAK:
        return flow_.end_line();
    case CMARK_NODE_CODE:
    case CMARK_NODE_HTML_INLINE:
        return flow_.feed(code_style(block_text_.size_pt * 0.9), literal_of(node),
                          links_.empty() ? nullptr : links_.back());
    case CMARK_NODE_EMPH:
        ++emphasis_;
        return;
    case CMARK_NODE_STRONG:
        ++strong_;
        return;
    case CMARK_NODE_LINK:
        links_.push_back(target_of(node));
        return;
    case CMARK_NODE_IMAGE:
        ++images_;
        return;
    default:
        return;
    }
}

void walker::leave(cmark_node* node) {
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_BLOCK_QUOTE:
    case CMARK_NODE_ITEM:
        return flow_.close_frame();
    case CMARK_NODE_LIST:
        lists_.pop_back();
        return flow_.gap(!lists_.empty() && lists_.back().tight ? tight_gap_pt : paragraph_gap_pt);
    case CMARK_NODE_PARAGRAPH:
    case CMARK_NODE_HEADING:
        lines_stay_ = false;
        return flow_.close_block();
    case CMARK_NODE_EMPH:
        --emphasis_;
        return;
    case CMARK_NODE_STRONG:
        --strong_;
        return;
    case CMARK_NODE_LINK:
        links_.pop_back();
        return;
    case CMARK_NODE_IMAGE:
        --images_;
        return;
    default:
        return;
    }
}

} // namespace

equus::result<void> set_markdown(std::string_view text, shaper& shaper, flow& flow,
                                 const paginator& pages) {
    const std::unique_ptr<cmark_node, free_node> root{
        cmark_parse_document(text.data(), text.size(), CMARK_OPT_DEFAULT)};
    if (!root)
        return equus::fail(equus::errc::malformed, "not readable as Markdown");
    const std::unique_ptr<cmark_iter, free_iterator> events{cmark_iter_new(root.get())};
    walker walk{shaper, flow};
    for (;;) {
        const cmark_event_type event = cmark_iter_next(events.get());
        if (event == CMARK_EVENT_DONE || pages.failed())
            return {};
        cmark_node* node = cmark_iter_get_node(events.get());
        if (event == CMARK_EVENT_ENTER)
            walk.enter(node);
        else
            walk.leave(node);
    }
}

} // namespace doc::setting
