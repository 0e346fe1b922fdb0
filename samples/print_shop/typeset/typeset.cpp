#include "typeset.hpp"

#include "flow.hpp"
#include "page.hpp"
#include "shaper.hpp"
#include "sources.hpp"
#include "text.hpp"

#include <exception>
#include <new>
#include <utility>

namespace doc {

namespace {

enum class format { markdown, plain_text, unknown };

format format_of(std::string_view name) {
    const std::size_t dot = name.find_last_of("./");
    std::string extension{dot == name.npos ? std::string_view{} : name.substr(dot)};
    for (char& c : extension)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    if (extension == ".md" || extension == ".markdown")
        return format::markdown;
    return extension == ".txt" ? format::plain_text : format::unknown;
}

equus::result<std::uint32_t> set(std::string_view text, format read_as,
                                 const page_sink& take_page) {
    setting::shaper shaper;
    if (!shaper.usable())
        return equus::fail(equus::errc::not_found,
                           "no font found; the package fonts-dejavu-core has the usual ones");
    setting::paginator pages{shaper, take_page};
    setting::flow flow{shaper, pages};
    if (read_as == format::plain_text)
        setting::set_plain_text(text, flow, pages);
    else if (auto read = setting::set_markdown(text, shaper, flow, pages); !read)
        return equus::fail(std::move(read.error()));
    return pages.finish();
}

} // namespace

equus::result<std::uint32_t> typeset(const document& document, const page_sink& take_page) {
    const auto refuse = [&](equus::errc code, std::string why) {
        return equus::fail(code, document.name + ": " + std::move(why));
    };
    const format read_as = format_of(document.name);
    if (read_as == format::unknown)
        return refuse(equus::errc::unsupported, "neither .md, .markdown nor .txt");
    if (document.text.size() > document_bytes_max)
        return refuse(equus::errc::too_large,
                      "more than " + std::to_string(document_bytes_max) + " bytes");
    if (auto checked = setting::check_text(document.text); !checked)
        return refuse(checked.error().code(), std::string{checked.error().text()});
    std::string_view text = document.text;
    if (text.starts_with("\xEF\xBB\xBF")) // a byte order mark
        text.remove_prefix(3);
    try {
        auto pages = set(text, read_as, take_page);
        if (!pages)
            return refuse(pages.error().code(), std::string{pages.error().text()});
        return pages;
    } catch (const std::bad_alloc&) {
        return refuse(equus::errc::out_of_memory, "no memory left while setting it");
    }
}

equus::result<std::vector<equus::bytes>> typeset(const document& document) {
    std::vector<equus::bytes> pages;
    auto set = typeset(document, [&](equus::bytes page) {
        pages.push_back(std::move(page));
        return true;
    });
    if (!set)
        return equus::fail(std::move(set.error()));
    return pages;
}

} // namespace doc
