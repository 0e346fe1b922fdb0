#include "sources.hpp"

namespace doc::setting {

void set_plain_text(std::string_view text, flow& flow, const paginator& pages) {
    constexpr int tab_columns = 8;
    const text_style style{.family = face::mono, .size_pt = 9};
    const block_style lines{.leading_pt = 12.5, .before_pt = 0, .after_pt = 0, .loose_pages = true};
    flow.open_block(lines);
    while (!text.empty() && !pages.failed()) {
        const std::size_t end = text.find_first_of("\r\n\f");
        const std::string_view line = text.substr(0, end);
        const char ended_by = end == text.npos ? '\n' : text[end];
        if (!(line.empty() && ended_by == '\f'))
            flow.feed_preformatted(style, line, tab_columns);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (ended_by == '\r' && text.starts_with('\n'))
            text.remove_prefix(1);
        if (ended_by == '\f') {
            flow.close_block();
            flow.end_page();
            flow.open_block(lines);
        }
    }
    flow.close_block();
}

} // namespace doc::setting
