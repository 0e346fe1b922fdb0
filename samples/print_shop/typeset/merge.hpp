// The part of collating that speaks to qpdf. Its headers do not compile under clang in C++20, so
// this is C++17 and takes and returns what both know.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace doc::setting {

struct merged_pages {
    std::string pdf;      ///< empty after a failure
    std::string failure;  ///< why
    std::size_t page = 0; ///< the page, from 1, that was being read or had been read last
};

/// One PDF of single-page PDFs. Does not throw, except std::bad_alloc.
merged_pages merge_pages(const std::string& title, const std::vector<std::string_view>& pages);

} // namespace doc::setting
