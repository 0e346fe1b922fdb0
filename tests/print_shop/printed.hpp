// What the typesetter made of a document, read back by pdftotext: for tests.
#pragma once

#include "check_words/words.hpp"
#include "typeset/typeset.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace doc::test {

/// A PDF file in the folder for temporary files, removed in the end.
class pdf_file {
public:
    explicit pdf_file(const equus::bytes& content);
    ~pdf_file();
    pdf_file(const pdf_file&) = delete;
    pdf_file& operator=(const pdf_file&) = delete;
    const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// Sets, collates, and reads back. A failure anywhere is one word that tells it.
check::words printed(const document& document);

/// Where the printed document parts from what it should say; empty: nowhere.
std::string loss(const document& document);

} // namespace doc::test
