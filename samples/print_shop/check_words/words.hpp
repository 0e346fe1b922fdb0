// The proof that printing loses nothing: the words of a document, found without the typesetter,
// against the words that pdftotext reads from its PDF. Nothing here is shared with the typesetter.
//
// A word is what stands between white space. Apart are: page numbers (the last line of every page),
// marks of the page and of Markdown, the directional marks that pdftotext puts around right-to-left
// words, and words that have no visible letter.
#pragma once

#include <equus/base/result.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace doc::check {

using words = std::vector<std::string>;

/// Whether these bytes are UTF-8 text without NUL.
bool is_text(std::string_view bytes);

/// Cuts UTF-8 text at white space. Bytes that are not UTF-8 stay as they are.
words words_of_text(std::string_view text);

/// The words of a document: those of the text in .txt, in Markdown those of what CommonMark calls
/// text, code and HTML. Errors: unsupported (another extension).
equus::result<words> words_of_document(std::string_view name, std::string_view text);

/// The words of a PDF without its page numbers, in the order of `pdftotext -raw`. Errors: not_found
/// (no pdftotext), io_failed (it failed), malformed (a page that does not end with its number).
equus::result<words> words_of_pdf(const std::filesystem::path& pdf);

/// Empty if both are the same; otherwise where they part, for people.
std::string first_difference(const words& expected, const words& found);

} // namespace doc::check
