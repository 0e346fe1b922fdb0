// The typesetter of the print shop: a Markdown or plain-text document becomes A4 pages, and the
// pages of one document become one PDF file. Blocking and thread-safe: a service incarnation calls
// it from a pool of threads, any number of documents at once; it knows nothing of incarnations.
//
// Guarantee: `pdftotext -raw` of the result gives the words of the document in the order of the
// document, and after them, as the last line of every page, the page's number. Words are what
// stands between white space (Unicode's, the non-breaking spaces included); text is what CommonMark
// says it is. No word is hyphenated, ligated, normalised or torn: one that is too wide is set
// smaller, or over several lines, and reads as one word still. Marks (bullets, list numbers, rules)
// are drawn, not written.
//
// Limits: a word of more than `word_letters_max` letters is set as several; right-to-left words are
// shaped and kept in order, but a viewer decides how it hands them out; of a word that is made of
// invisible letters only (zero-width spaces, soft hyphens) nothing is left.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace doc {

/// Documents beyond this are refused with errc::too_large.
inline constexpr std::size_t document_bytes_max = std::size_t{64} << 20;
/// A longer word is unavoidably set as several.
inline constexpr std::size_t word_letters_max = 65'536;

/// A text to be set. The extension of `name` chooses how it is read: .md and .markdown as
/// CommonMark, .txt as lines that are kept as they were typed; any other is refused.
struct document {
    std::string name; ///< a path or file name in UTF-8; it becomes the title
    std::string
        text; ///< UTF-8 without NUL; a byte order mark is skipped, CR LF ends a line like LF
};

/// Takes the next page, a PDF file of one page with the fonts it needs. False: no more pages
/// wanted.
using page_sink = std::function<bool(equus::bytes)>;

/// Sets `document` and hands every page to `take_page`, in order, as soon as it is full, so that
/// the memory used does not grow with the number of pages. Returns the number of pages: at least
/// one. The same document gives the same bytes wherever the same fonts are installed. Errors:
/// malformed (not UTF-8, or a NUL; says where), too_large, unsupported (the extension), cancelled
/// (`take_page` said no), not_found (no usable font), io_failed (the PDF library said no).
equus::result<std::uint32_t> typeset(const document& document, const page_sink& take_page);

/// All pages at once.
equus::result<std::vector<equus::bytes>> typeset(const document& document);

/// One PDF of the given single-page PDFs, in this order, with `title` (UTF-8). Font programs that
/// several pages carry are stored once. The same pages give the same bytes.
/// Errors: invalid_argument (no pages), malformed (a page is not a PDF of one page; says which).
equus::result<equus::bytes> collate(std::string_view title, std::span<const equus::bytes> pages);

} // namespace doc
