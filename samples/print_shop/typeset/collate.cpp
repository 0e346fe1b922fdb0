#include "merge.hpp"
#include "typeset.hpp"

#include <new>

namespace doc {

equus::result<equus::bytes> collate(std::string_view title, std::span<const equus::bytes> pages) {
    if (pages.empty())
        return equus::fail(equus::errc::invalid_argument, "collate: no pages");
    try {
        std::vector<std::string_view> files;
        for (const equus::bytes& page : pages)
            files.push_back(page.text());
        const setting::merged_pages merged = setting::merge_pages(std::string{title}, files);
        if (!merged.failure.empty())
            return equus::fail(equus::errc::malformed, "collate: page " +
                                                           std::to_string(merged.page) + ": " +
                                                           merged.failure);
        return equus::bytes{std::string_view{merged.pdf}};
    } catch (const std::bad_alloc&) {
        return equus::fail(equus::errc::out_of_memory, "collate: no memory left");
    }
}

} // namespace doc
